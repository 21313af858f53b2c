/* format.c - "..." % values and "...".format(values). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jinja.h"

enum { MAX_WIDTH = 1000000, MAX_PRECISION = 300 };

/* What stands between % or : and the type. */
typedef struct spec {
    char align, sign, type; /* align 0 = the type's own; '=' pads between sign and digits */
    jstr fill;
    bool alternate, grouped;
    char group;
    int64_t width, precision; /* precision -1 = not given */
} spec;

/* ---- Numbers ---- */

/* Sign, prefix and digits, padded. */
static void put_number(jinja *j, jbuf *b, const spec *s, bool negative, const char *prefix,
                       const char *digits) {
    char text[800], sign = negative ? '-' : s->sign == '+' || s->sign == ' ' ? s->sign : 0;
    size_t n = 0, len = strlen(digits);
    if (sign) text[n++] = sign;
    n += (size_t)snprintf(text + n, sizeof text - n, "%s", prefix);
    int64_t all = (int64_t)(n + len), more = s->width > all ? s->width - all : 0;
    if (s->align == '=') {
        ac__j_put(j, b, text, n);
        for (int64_t i = 0; i < more && !j->status; i++) ac__j_put(j, b, s->fill.s, s->fill.n);
        ac__j_puts(j, b, digits);
        return;
    }
    snprintf(text + n, sizeof text - n, "%s", digits);
    jval v = ac__j_pad(j, ac__j_lit(text), s->width, s->align ? s->align : '>', s->fill);
    ac__j_put(j, b, v.s, v.kind == J_STR ? v.n : 0);
}

/* Puts separators every three digits of the whole part. */
static void group_digits(const spec *s, const char *digits, char *out, size_t size) {
    size_t whole = strspn(digits, "0123456789"), n = 0;
    for (size_t i = 0; digits[i] && n + 2 < size; i++) {
        if (i && i < whole && (whole - i) % 3 == 0) out[n++] = s->group;
        out[n++] = digits[i];
    }
    out[n] = 0;
}

static void put_int(jinja *j, jbuf *b, const spec *s, int64_t i) {
    char digits[400], grouped[500];
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    const char *prefix = "";
    int precision = s->precision < 0 ? 1 : (int)s->precision;
    if (s->type == 'x' || s->type == 'X') {
        snprintf(digits, sizeof digits, s->type == 'x' ? "%.*" PRIx64 : "%.*" PRIX64, precision, u);
        if (s->alternate) prefix = s->type == 'x' ? "0x" : "0X";
    } else if (s->type == 'o') {
        snprintf(digits, sizeof digits, "%.*" PRIo64, precision, u);
        if (s->alternate) prefix = "0o";
    } else if (s->type == 'b') {
        size_t n = 0;
        for (int bit = 63; bit >= 0; bit--)
            if (n || bit == 0 || u >> bit & 1) digits[n++] = (char)('0' + (u >> bit & 1));
        digits[n] = 0;
        if (s->alternate) prefix = "0b";
    } else {
        snprintf(digits, sizeof digits, "%.*" PRIu64, precision, u);
    }
    if (s->grouped) group_digits(s, digits, grouped, sizeof grouped);
    put_number(j, b, s, i < 0, prefix, s->grouped ? grouped : digits);
}

static void put_float(jinja *j, jbuf *b, const spec *s, double f) {
    char text[700], grouped[760], form[8] = "%.*f";
    bool percent = s->type == '%';
    if (percent) f *= 100;
    if (s->type && !percent) form[3] = s->type;
    if (s->alternate) {
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "'#' for a float");
        return;
    }
    if (isnan(f) || isinf(f))
        snprintf(text, sizeof text, "%s", isnan(f) ? "nan" : "inf");
    else
        snprintf(text, sizeof text, form, (int)(s->precision < 0 ? 6 : s->precision), fabs(f)); // NOLINT
    if (s->type == 'F' || s->type == 'E' || s->type == 'G')
        for (char *p = text; *p; p++)
            if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
    if (percent) strcat(text, "%");
    if (s->grouped) group_digits(s, text, grouped, sizeof grouped);
    put_number(j, b, s, signbit(f) && !isnan(f), "", s->grouped ? grouped : text);
}

static void put_text(jinja *j, jbuf *b, const spec *s, jval text) {
    jstr t = ac__j_sv(text);
    if (text.kind != J_STR) return;
    if (s->precision >= 0) t.n = (uint32_t)ac__j_offset(t.s, t.n, (size_t)s->precision);
    jval v = ac__j_pad(j, t, s->width, s->align ? s->align : '<', s->fill);
    /* format() centres with the odd space behind */
    if (s->align == '^') {
        int64_t n = (int64_t)ac__j_count(t.s, t.n), more = s->width > n ? s->width - n : 0;
        v = ac__j_pad(j, t, n + more / 2, '>', s->fill);
        v = ac__j_pad(j, ac__j_sv(v), s->width, '<', s->fill);
    }
    ac__j_put(j, b, v.s, v.kind == J_STR ? v.n : 0);
}

/* ---- % ---- */

typedef struct percent {
    jinja *j;
    jstr f;
    uint32_t at;
    jval values;
    uint32_t taken;
    bool by_name;
} percent;

static jval fail_format(jinja *j, const char *what) {
    return ac__j_fail(j, AC_ERR_TEXT, "%%: %s", what);
}

static jval next_value(percent *p) {
    if (p->values.kind == J_TUPLE) {
        if (p->taken < p->values.list->n) return p->values.list->v[p->taken++];
    } else if (!p->taken++) {
        return p->values;
    }
    return fail_format(p->j, "not enough values");
}

static char peek(const percent *p) {
    return p->at < p->f.n ? p->f.s[p->at] : 0;
}

static int64_t read_number(percent *p) {
    int64_t n = 0;
    jval v;
    if (peek(p) == '*') {
        p->at++;
        v = next_value(p);
        if (!ac__j_as_int(v, &n)) fail_format(p->j, "* wants an int");
    }
    while (peek(p) >= '0' && peek(p) <= '9' && n <= MAX_WIDTH) n = n * 10 + (p->f.s[p->at++] - '0');
    if (n > MAX_WIDTH || n < -MAX_WIDTH) ac__j_fail(p->j, AC_ERR_LIMIT, "a width of more than %d", MAX_WIDTH);
    return n;
}

static jval named_value(percent *p) {
    uint32_t from = ++p->at;
    int level = 1;
    for (; p->at < p->f.n; p->at++) {
        level += (peek(p) == '(') - (peek(p) == ')');
        if (!level) break;
    }
    if (p->at >= p->f.n) return fail_format(p->j, "a name without ')'");
    if (p->values.kind != J_DICT) return fail_format(p->j, "names want a mapping");
    const jval *v = ac__j_dict_find(p->j, p->values.dict, (jstr){p->f.s + from, p->at - from});
    p->at++;
    p->by_name = true;
    return v ? *v : fail_format(p->j, "a name that is not there");
}

static void put_conversion(percent *p, jbuf *b, const spec *s, jval v) {
    jinja *j = p->j;
    int64_t i;
    bool is_int = ac__j_as_int(v, &i);
    jbuf text = {0};
    if (strchr("sr", s->type)) {
        if (s->type == 's')
            ac__j_show(j, &text, v);
        else
            ac__j_repr(j, &text, v);
        put_text(j, b, s, ac__j_done(&text));
    } else if (strchr("diu", s->type)) {
        if (v.kind == J_FLOAT && !(fabs(v.f) < 9e18)) {
            ac__j_fail(j, AC_ERR_UNSUPPORTED, "integers of more than 64 bits");
        } else if (is_int || v.kind == J_FLOAT) {
            put_int(j, b, s, is_int ? i : (int64_t)v.f);
        } else {
            fail_format(j, "%d wants a number");
        }
    } else if (strchr("xXo", s->type)) {
        if (is_int)
            put_int(j, b, s, i);
        else
            fail_format(j, "%x and %o want an int");
    } else if (strchr("eEfFgG", s->type)) {
        if (ac__j_is_number(v))
            put_float(j, b, s, ac__j_as_float(v));
        else
            fail_format(j, "%f wants a number");
    } else if (v.kind == J_STR && ac__j_count(v.s, v.n) == 1) {
        put_text(j, b, s, v);
    } else if (is_int && i > 0 && i < 0xD800) {
        ac__j_put_char(j, &text, (uint32_t)i);
        put_text(j, b, s, ac__j_done(&text));
    } else {
        fail_format(j, "%c wants one character");
    }
}

static void one_percent(percent *p, jbuf *b) {
    spec s = {.precision = -1, .fill = {" ", 1}, .align = '>'};
    jval v = ac__j_none();
    bool named = peek(p) == '(', left = false, zero = false;
    uint32_t from = p->at;
    if (named) v = named_value(p);
    for (char c; (c = peek(p)) && strchr("-+ #0", c); p->at++) {
        left |= c == '-';
        zero |= c == '0';
        if (c == '+' || (c == ' ' && s.sign != '+')) s.sign = c;
        s.alternate |= c == '#';
    }
    s.width = read_number(p);
    if (s.width < 0) {
        left = true;
        s.width = -s.width;
    }
    if (peek(p) == '.') {
        p->at++;
        s.precision = read_number(p);
        if (s.precision < 0) s.precision = 0;
    }
    while (peek(p) && strchr("hlL", peek(p))) p->at++;
    s.type = peek(p);
    if (!s.type || !strchr("sdiuxXoeEfFgGcr%", s.type)) {
        if (s.type == 'a')
            ac__j_fail(p->j, AC_ERR_UNSUPPORTED, "the conversion %%a");
        else
            fail_format(p->j, "a conversion that is not known");
        return;
    }
    p->at++;
    if (s.type == '%') {
        if (p->at != from + 1) fail_format(p->j, "%% with more than itself");
        ac__j_puts(p->j, b, "%");
        return;
    }
    if (s.precision > MAX_PRECISION && !strchr("src", s.type)) {
        ac__j_fail(p->j, AC_ERR_UNSUPPORTED, "a precision of more than %d digits", MAX_PRECISION);
        return;
    }
    if (zero && !left && !strchr("src", s.type)) {
        s.align = '=';
        s.fill = ac__j_lit("0");
    }
    if (left) s.align = '<';
    if (!named) v = next_value(p);
    if (!p->j->status) put_conversion(p, b, &s, v);
}

jval ac__j_percent(jinja *j, jval format, jval values) {
    if (format.flag & J_MARKUP) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "'%%' of an escaped text");
    percent p = {.j = j, .f = ac__j_sv(format), .values = values};
    jbuf b = {0};
    while (p.at < p.f.n && !j->status) {
        uint32_t from = p.at;
        while (p.at < p.f.n && p.f.s[p.at] != '%') p.at++;
        ac__j_put(j, &b, p.f.s + from, p.at - from);
        if (p.at++ < p.f.n) one_percent(&p, &b);
    }
    /* a mapping or list that is not used up is let pass, as in Python */
    bool all = values.kind == J_TUPLE
                   ? p.taken == values.list->n
                   : p.taken || p.by_name || values.kind == J_DICT || values.kind == J_LIST ||
                         values.kind == J_RANGE || values.kind == J_NS;
    if (!all && !j->status) return fail_format(j, "not all values were used");
    return ac__j_done(&b);
}

/* ---- format() ---- */

typedef struct formatter {
    jinja *j;
    const jargs *args;
    uint32_t next; /* automatic number */
    bool automatic, manual;
} formatter;

static jval format_error(formatter *f, const char *what) {
    return ac__j_fail(f->j, AC_ERR_TEXT, "format: %s", what);
}

static jval first_value(formatter *f, jstr name) {
    int64_t i;
    jval text = ac__j_str(name.s, name.n);
    bool digits = name.n && name.s[0] >= '0' && name.s[0] <= '9';
    if (!name.n || (digits && ac__j_parse_int(text, 10, &i))) {
        f->automatic |= !name.n;
        f->manual |= name.n != 0;
        if (f->automatic && f->manual) return format_error(f, "numbered and unnumbered fields at once");
        if (!name.n) i = f->next++;
        if (i >= f->args->n) return format_error(f, "not enough values");
        return f->args->v[i];
    }
    for (uint32_t k = 0; k < f->args->n_named; k++)
        if (ac__j_equal(f->j, f->args->named[k].key, text)) return f->args->named[k].value;
    return format_error(f, "a name that is not there");
}

/* name, name.attribute, name[index] ... */
static jval field_value(formatter *f, jstr field) {
    uint32_t at = 0;
    int64_t i;
    while (at < field.n && field.s[at] != '.' && field.s[at] != '[') at++;
    jval v = first_value(f, (jstr){field.s, at});
    while (at < field.n && !f->j->status) {
        bool index = field.s[at++] == '[';
        uint32_t from = at;
        while (at < field.n && (index ? field.s[at] != ']' : field.s[at] != '.' && field.s[at] != '[')) at++;
        jstr part = {field.s + from, at - from};
        if (!part.n || (index && at++ >= field.n)) return format_error(f, "a field that cannot be read");
        jval key = ac__j_str(part.s, part.n);
        if (!index)
            v = ac__j_attr(f->j, v, part);
        else
            v = ac__j_item(f->j, v,
                           part.s[0] >= '0' && part.s[0] <= '9' && ac__j_parse_int(key, 10, &i) ? ac__j_int(i)
                                                                                                : key);
    }
    return v;
}

static int64_t spec_number(jinja *j, jstr s, uint32_t *at) {
    int64_t n = -1;
    for (; *at < s.n && s.s[*at] >= '0' && s.s[*at] <= '9' && n <= MAX_WIDTH; ++*at)
        n = (n < 0 ? 0 : n) * 10 + (s.s[*at] - '0');
    if (n > MAX_WIDTH) ac__j_fail(j, AC_ERR_LIMIT, "a width of more than %d", MAX_WIDTH);
    return n;
}

static bool is_align(const jstr *s, uint32_t at) {
    return at < s->n && s->s[at] && strchr("<>=^", s->s[at]);
}

static bool parse_spec(formatter *f, jstr text, spec *s) {
    uint32_t at = 0;
    unsigned len = 0;
    *s = (spec){.precision = -1, .fill = {" ", 1}};
    if (text.n) ac__j_decode(text.s, text.n, &len);
    if (text.n && is_align(&text, len)) {
        s->fill = (jstr){text.s, len};
        s->align = text.s[len];
        at = len + 1;
    } else if (is_align(&text, 0)) {
        s->align = text.s[at++];
    }
    if (at < text.n && strchr("+- ", text.s[at])) s->sign = text.s[at++];
    if (at < text.n && text.s[at] == '#') s->alternate = at++ < text.n;
    if (at < text.n && text.s[at] == '0') {
        at++;
        if (!s->align) {
            s->align = '=';
            s->fill = ac__j_lit("0");
        }
    }
    s->width = spec_number(f->j, text, &at);
    if (at < text.n && (text.s[at] == ',' || text.s[at] == '_')) {
        s->grouped = true;
        s->group = text.s[at++];
    }
    if (at < text.n && text.s[at] == '.') {
        at++;
        s->precision = spec_number(f->j, text, &at);
        if (s->precision < 0) format_error(f, "a precision without digits");
    }
    if (at < text.n) s->type = text.s[at++];
    if (at < text.n) format_error(f, "a format that cannot be read");
    return !f->j->status;
}

static void put_formatted(formatter *f, jbuf *b, jval v, jstr text) {
    spec s;
    int64_t i;
    bool is_int = ac__j_as_int(v, &i);
    if (!text.n) {
        ac__j_show(f->j, b, v);
        return;
    }
    if (!parse_spec(f, text, &s)) return;
    if (s.precision > MAX_PRECISION && v.kind != J_STR)
        ac__j_fail(f->j, AC_ERR_UNSUPPORTED, "a precision of more than %d digits", MAX_PRECISION);
    else if (s.grouped && s.align == '=')
        ac__j_fail(f->j, AC_ERR_UNSUPPORTED, "format: grouped digits with zeros");
    else if (v.kind == J_STR && (!s.type || s.type == 's') && !s.sign && s.align != '=' && !s.grouped &&
             !s.alternate)
        put_text(f->j, b, &s, v);
    else if (is_int && (s.type ? strchr("dxXob", s.type) != NULL : v.kind == J_INT) && s.precision < 0 &&
             !(s.grouped && s.type && s.type != 'd'))
        put_int(f->j, b, &s, i);
    else if (ac__j_is_number(v) && s.type && strchr("eEfFgG%", s.type))
        put_float(f->j, b, &s, ac__j_as_float(v));
    else
        ac__j_fail(f->j, AC_ERR_UNSUPPORTED, "format: '%.*s' for %s", (int)text.n, text.s, ac__j_type(v));
}

/* Between the braces: field!conversion:spec. */
static void one_field(formatter *f, jbuf *b, jstr inside) {
    uint32_t end = 0, at;
    for (bool index = false; end < inside.n && (index || (inside.s[end] != '!' && inside.s[end] != ':'));
         end++)
        index = inside.s[end] == '[' || (index && inside.s[end] != ']');
    jval v = field_value(f, (jstr){inside.s, end});
    at = end;
    if (f->j->status) return;
    if (at < inside.n && inside.s[at] == '!') {
        char conversion = at + 1 < inside.n ? inside.s[at + 1] : 0;
        jbuf text = {0};
        at += 2;
        if (conversion == 'r')
            ac__j_repr(f->j, &text, v);
        else if (conversion == 's')
            ac__j_show(f->j, &text, v);
        else
            ac__j_fail(f->j, AC_ERR_UNSUPPORTED, "format: a conversion other than !s and !r");
        v = ac__j_done(&text);
        if (at < inside.n && inside.s[at] != ':') format_error(f, "want ':' after the conversion");
    }
    at += at < inside.n;
    put_formatted(f, b, v, (jstr){inside.s + at, at < inside.n ? inside.n - at : 0});
}

static uint32_t field_end(formatter *f, jstr s, uint32_t at) {
    for (; at < s.n && s.s[at] != '}'; at++)
        if (s.s[at] == '{') ac__j_fail(f->j, AC_ERR_UNSUPPORTED, "format: braces inside braces");
    if (at >= s.n) format_error(f, "'{' without '}'");
    return at;
}

jval ac__j_format(jinja *j, jval format, const jargs *args) {
    formatter f = {.j = j, .args = args};
    jstr s = ac__j_sv(format);
    jbuf b = {0};
    for (uint32_t at = 0; at < s.n && !j->status;) {
        uint32_t from = at;
        while (at < s.n && s.s[at] != '{' && s.s[at] != '}') at++;
        ac__j_put(j, &b, s.s + from, at - from);
        if (at >= s.n) break;
        if (at + 1 < s.n && s.s[at + 1] == s.s[at]) {
            ac__j_put(j, &b, s.s + at, 1);
            at += 2;
        } else if (s.s[at] == '}') {
            return format_error(&f, "'}' without '{'");
        } else {
            uint32_t end = field_end(&f, s, at + 1);
            if (!j->status) one_field(&f, &b, (jstr){s.s + at + 1, end - at - 1});
            at = end + 1;
        }
    }
    return ac__j_done(&b);
}
