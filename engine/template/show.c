/* show.c - values ↔ text as Python writes and reads them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja.h"

/* The shortest digits that read back as the same number; an exponent below 1e-4 and from 1e16 on. */
void ac__j_show_float(jinja *j, jbuf *b, double f) {
    char text[40], digits[24];
    int n = 0, exponent;
    if (isnan(f) || isinf(f)) {
        ac__j_puts(j, b, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, f);
        if (strtod(text, NULL) == f) break;
    }
    const char *e = strchr(text, 'e');
    for (const char *p = text; p < e; p++)
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    exponent = atoi(e + 1);
    if (signbit(f)) ac__j_puts(j, b, "-");
    if (exponent < -4 || exponent >= 16) {
        ac__j_put(j, b, digits, 1);
        if (n > 1) ac__j_puts(j, b, ".");
        ac__j_put(j, b, digits + 1, (size_t)n - 1);
        snprintf(text, sizeof text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        ac__j_puts(j, b, text);
        return;
    }
    if (exponent < 0) ac__j_put(j, b, "0.0000", (size_t)(1 - exponent));
    for (int i = 0; i < n || i <= exponent + 1; i++) {
        if (i == exponent + 1 && exponent >= 0) ac__j_puts(j, b, ".");
        if (i < n || exponent >= 0) ac__j_put(j, b, i < n ? &digits[i] : "0", 1);
    }
}

static void repr_char(jinja *j, jbuf *b, uint32_t code, const char *s, unsigned len, char quote) {
    static const char from[] = "\\\n\r\t", to[] = "\\nrt";
    char text[12];
    const char *known = code < 0x80 && code ? strchr(from, (char)code) : NULL;
    if (known || code == (uint32_t)quote) {
        text[0] = '\\';
        text[1] = known ? to[known - from] : quote;
        ac__j_put(j, b, text, 2);
    } else if (code < 0x20 || code == 0x7f || (code >= 0x80 && ac__j_in_set(SET_UNPRINTABLE, code))) {
        snprintf(text, sizeof text, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
        ac__j_puts(j, b, text);
    } else {
        ac__j_put(j, b, s, len);
    }
}

static void repr_string(jinja *j, jbuf *b, jval v) {
    char quote = memchr(v.s, '\'', v.n) && !memchr(v.s, '"', v.n) ? '"' : '\'';
    if (v.flag & J_MARKUP) ac__j_puts(j, b, "Markup(");
    ac__j_put(j, b, &quote, 1);
    unsigned len;
    for (uint32_t at = 0; at < v.n && !j->status; at += len) {
        uint32_t code = ac__j_decode(v.s + at, v.n - at, &len);
        repr_char(j, b, code, v.s + at, len, quote);
    }
    ac__j_put(j, b, &quote, 1);
    if (v.flag & J_MARKUP) ac__j_puts(j, b, ")");
}

static void repr_items(jinja *j, jbuf *b, const jlist *items, const char *open, const char *close) {
    ac__j_puts(j, b, open);
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
        if (i) ac__j_puts(j, b, ", ");
        ac__j_repr(j, b, items->v[i]);
    }
    ac__j_puts(j, b, close);
}

static void repr_dict(jinja *j, jbuf *b, const jdict *d) {
    ac__j_puts(j, b, "{");
    for (uint32_t i = 0; i < d->n && !j->status; i++) {
        if (i) ac__j_puts(j, b, ", ");
        ac__j_repr(j, b, d->v[i].key);
        ac__j_puts(j, b, ": ");
        ac__j_repr(j, b, d->v[i].value);
    }
    ac__j_puts(j, b, "}");
}

static void repr_range(jinja *j, jbuf *b, const jlist *r) {
    char text[80];
    snprintf(text, sizeof text, "range(%" PRId64 ", %" PRId64, r->start, r->stop);
    ac__j_puts(j, b, text);
    if (r->step != 1) {
        snprintf(text, sizeof text, ", %" PRId64, r->step);
        ac__j_puts(j, b, text);
    }
    ac__j_puts(j, b, ")");
}

static void repr_view(jinja *j, jbuf *b, jval v) {
    static const char *const opens[] = {"dict_keys([", "dict_values([", "dict_items(["};
    repr_items(j, b, ac__j_elements(j, v), opens[v.flag], "])");
}

static void repr_macro(jinja *j, jbuf *b, const jmacro *m) {
    ac__j_puts(j, b, "<Macro ");
    repr_string(j, b, ac__j_str(m->node->name.s, m->node->name.n));
    ac__j_puts(j, b, ">");
}

static void repr(jinja *j, jbuf *b, jval v) {
    char text[32];
    switch ((jkind)v.kind) {
    case J_UNDEF:
        ac__j_puts(j, b, "Undefined");
        break;
    case J_NONE:
        ac__j_puts(j, b, "None");
        break;
    case J_BOOL:
        ac__j_puts(j, b, v.i ? "True" : "False");
        break;
    case J_INT:
        snprintf(text, sizeof text, "%" PRId64, v.i);
        ac__j_puts(j, b, text);
        break;
    case J_FLOAT:
        ac__j_show_float(j, b, v.f);
        break;
    case J_STR:
        repr_string(j, b, v);
        break;
    case J_LIST:
        repr_items(j, b, v.list, "[", "]");
        break;
    case J_TUPLE:
        repr_items(j, b, v.list, "(", v.list->n == 1 ? ",)" : ")");
        break;
    case J_RANGE:
        repr_range(j, b, v.list);
        break;
    case J_DICT:
        repr_dict(j, b, v.dict);
        break;
    case J_VIEW:
        repr_view(j, b, v);
        break;
    case J_MACRO:
        repr_macro(j, b, v.macro);
        break;
    case J_NS:
        ac__j_puts(j, b, "<Namespace ");
        repr_dict(j, b, v.dict);
        ac__j_puts(j, b, ">");
        break;
    default:
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "the text of %s", ac__j_type(v));
    }
}

void ac__j_repr(jinja *j, jbuf *b, jval v) {
    if (!ac__j_enter(j)) return;
    repr(j, b, v);
    j->depth--;
}

void ac__j_show(jinja *j, jbuf *b, jval v) {
    if (v.kind == J_STR)
        ac__j_put(j, b, v.s, v.n);
    else if (v.kind != J_UNDEF)
        ac__j_repr(j, b, v);
}

jval ac__j_text(jinja *j, jval v) {
    if (v.kind == J_STR) return v;
    jbuf b = {0};
    ac__j_show(j, &b, v);
    return ac__j_done(&b);
}

/* ---- Reading ---- */

static uint32_t copy_digits(jstr s, uint32_t at, char *out, uint32_t *n) {
    uint32_t from = at;
    while (at < s.n) {
        if (s.s[at] == '_' && at > from && at + 1 < s.n && s.s[at + 1] >= '0' && s.s[at + 1] <= '9')
            at++;
        else if (s.s[at] < '0' || s.s[at] > '9')
            break;
        out[(*n)++] = s.s[at++];
    }
    return at;
}

static bool is_word(jstr s, uint32_t at, const char *word) {
    size_t n = strlen(word);
    if (s.n - at != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((s.s[at + i] | 0x20) != word[i]) return false;
    return true;
}

bool ac__j_parse_float(jval text, double *out) {
    enum { LONGEST = 1000 };
    char copy[LONGEST + 8];
    jstr s = ac__j_strip(ac__j_sv(text), NULL, true, true);
    uint32_t n = 0, at = 0;
    if (!s.n || s.n > LONGEST) return false;
    if (s.s[0] == '-' || s.s[0] == '+') copy[n++] = s.s[at++];
    if (is_word(s, at, "inf") || is_word(s, at, "infinity") || is_word(s, at, "nan")) {
        double f = (s.s[at] | 0x20) == 'n' ? NAN : INFINITY;
        *out = s.s[0] == '-' ? -f : f;
        return true;
    }
    uint32_t sign = n, whole;
    at = copy_digits(s, at, copy, &n);
    whole = n - sign;
    if (at < s.n && s.s[at] == '.') {
        copy[n++] = '.';
        at = copy_digits(s, at + 1, copy, &n);
        if (!whole && n == sign + 1) return false;
    } else if (!whole) {
        return false;
    }
    if (at < s.n && (s.s[at] | 0x20) == 'e') {
        copy[n++] = 'e';
        at++;
        if (at < s.n && (s.s[at] == '-' || s.s[at] == '+')) copy[n++] = s.s[at++];
        uint32_t before = n;
        at = copy_digits(s, at, copy, &n);
        if (n == before) return false;
    }
    if (at < s.n) return false;
    copy[n] = 0;
    *out = strtod(copy, NULL);
    return true;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 36;
}

/* As int(text, base): a sign, the base's own prefix, single underscores between digits. */
bool ac__j_parse_int(jval text, int base, int64_t *out) {
    jstr s = ac__j_strip(ac__j_sv(text), NULL, true, true);
    uint32_t at = 0;
    bool minus = false, digit_before = false, any = false;
    int64_t value = 0;
    if (s.n && (s.s[0] == '-' || s.s[0] == '+')) minus = s.s[at++] == '-';
    if (s.n - at > 2 && s.s[at] == '0') {
        char c = s.s[at + 1] | 0x20;
        int of = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
        if (of && (base == of || base == 0)) {
            base = of;
            at += 2;
            digit_before = true;
        }
    }
    if (!base) base = 10;
    for (; at < s.n; at++) {
        if (s.s[at] == '_' && digit_before) {
            digit_before = false;
            continue;
        }
        int d = digit_of(s.s[at]);
        if (d >= base || __builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_sub_overflow(value, (int64_t)d, &value))
            return false;
        digit_before = any = true;
    }
    if (!any || !digit_before || (!minus && value == INT64_MIN)) return false;
    *out = minus ? value : -value;
    return true;
}
