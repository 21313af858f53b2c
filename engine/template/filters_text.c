/* filters_text.c - filters of text and numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja.h"

#define UNUSED (void)a, (void)raw

static jval run_string(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_text(j, in);
}

static jval run_trim(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    jval text = ac__j_text(j, in);
    bool given = a[0].kind != J_MISSING && a[0].kind != J_NONE;
    if (given && a[0].kind != J_STR)
        return ac__j_fail(j, AC_ERR_TEXT, "trim: want a str, have %s", ac__j_type(a[0]));
    jstr chars = ac__j_sv(a[0]);
    if (!ac__j_step(j, (size_t)(text.n / 16) * (given ? chars.n + 1u : 1u))) return in;
    jstr s = ac__j_strip(ac__j_sv(text), given ? &chars : NULL, true, true);
    return ac__j_str(s.s, s.n);
}

static jval run_upper(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_case(j, ac__j_sv(ac__j_text(j, in)), CASE_UPPER);
}

static jval run_lower(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_case(j, ac__j_sv(ac__j_text(j, in)), CASE_LOWER);
}

static jval run_capitalize(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_capitalize(j, ac__j_sv(ac__j_text(j, in)));
}

static bool begins_word(uint32_t c) {
    return ac__j_is_space(c) || (c < 0x80 && c && strchr("-({[<", (int)c));
}

/* Words begin after white space and - ( { [ <; a letter after anything else is small. */
static jval run_title(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    jstr s = ac__j_sv(ac__j_text(j, in));
    jbuf b = {0};
    unsigned len;
    for (uint32_t at = 0; at < s.n && !j->status;) {
        uint32_t end = at;
        bool separator = begins_word(ac__j_decode(s.s + at, s.n - at, &len));
        while (end < s.n && begins_word(ac__j_decode(s.s + end, s.n - end, &len)) == separator) end += len;
        if (separator) {
            ac__j_put(j, &b, s.s + at, end - at);
        } else {
            ac__j_decode(s.s + at, s.n - at, &len);
            ac__j_put_case(j, &b, CASE_UPPER, s, at);
            jval rest = ac__j_case(j, (jstr){s.s + at + len, end - at - len}, CASE_LOWER);
            ac__j_put(j, &b, rest.s, rest.n);
        }
        ac__j_step(j, end - at);
        at = end;
    }
    return ac__j_done(&b);
}

static jval run_replace(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t count = -1;
    if (a[2].kind != J_MISSING && a[2].kind != J_NONE && !ac__j_as_int(a[2], &count))
        return ac__j_fail(j, AC_ERR_TEXT, "replace: want a count, have %s", ac__j_type(a[2]));
    jval s = ac__j_text(j, in), old = ac__j_text(j, a[0]), with = ac__j_text(j, a[1]);
    return j->status ? in : ac__j_replace(j, ac__j_sv(s), ac__j_sv(old), ac__j_sv(with), count);
}

/* width "  " or a number; blank lines and the first line stay unless asked for. */
static jval run_indent(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t width = 4;
    if (in.kind != J_STR) return ac__j_fail(j, AC_ERR_TEXT, "indent: want a str, have %s", ac__j_type(in));
    jval by = a[0];
    if (by.kind != J_STR) {
        if (by.kind != J_MISSING && !ac__j_as_int(by, &width))
            return ac__j_fail(j, AC_ERR_TEXT, "indent: want a width, have %s", ac__j_type(by));
        by = ac__j_binary(j, OP_MUL, ac__j_cstr(" "), ac__j_int(width));
    }
    jval with_end = ac__j_binary(j, OP_ADD, in, ac__j_cstr("\n"));
    if (j->status) return in;
    jval lines = ac__j_split_lines(j, ac__j_sv(with_end), false);
    jbuf b = {0};
    if (ac__j_truth(a[1])) ac__j_put(j, &b, by.s, by.n);
    for (uint32_t i = 0; !j->status && i < lines.list->n; i++) {
        jval line = lines.list->v[i];
        if (i) ac__j_puts(j, &b, "\n");
        if (i && (line.n || ac__j_truth(a[2]))) ac__j_put(j, &b, by.s, by.n);
        ac__j_put(j, &b, line.s, line.n);
    }
    return ac__j_done(&b);
}

static jval run_truncate(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t length = 255, leeway = 5;
    jval end = a[2].kind == J_MISSING ? ac__j_cstr("...") : a[2];
    if (end.kind != J_STR)
        return ac__j_fail(j, AC_ERR_TEXT, "truncate: want a str, have %s", ac__j_type(end));
    if ((a[0].kind != J_MISSING && !ac__j_as_int(a[0], &length)) ||
        (a[3].kind != J_MISSING && a[3].kind != J_NONE && !ac__j_as_int(a[3], &leeway)))
        return ac__j_fail(j, AC_ERR_TEXT, "truncate: want numbers for length and leeway");
    int64_t end_chars = (int64_t)ac__j_count(end.s, end.n), chars = ac__j_length(j, in);
    if (length < end_chars || leeway < 0)
        return ac__j_fail(j, AC_ERR_TEXT, "truncate: a length below that of its end");
    if (j->status || chars - leeway <= length) return in;
    if (in.kind != J_STR) return ac__j_fail(j, AC_ERR_TEXT, "truncate: want a str, have %s", ac__j_type(in));
    size_t cut = ac__j_offset(in.s, in.n, (size_t)(length - end_chars));
    if (!ac__j_truth(a[1])) {
        size_t word = cut;
        while (word > 0 && in.s[word - 1] != ' ') word--;
        if (word > 0) cut = word - 1;
    }
    jval front = ac__j_str(in.s, cut);
    front.flag = in.flag;
    return ac__j_binary(j, OP_ADD, front, end);
}

static jval run_center(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t width = 80;
    if (a[0].kind != J_MISSING && !ac__j_as_int(a[0], &width))
        return ac__j_fail(j, AC_ERR_TEXT, "center: want a width, have %s", ac__j_type(a[0]));
    jval text = ac__j_text(j, in);
    return j->status ? in : ac__j_pad(j, ac__j_sv(text), width, '^', ac__j_lit(" "));
}

static jval run_wordcount(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    jval text = ac__j_text(j, in);
    int64_t words = 0;
    bool inside = false;
    unsigned len;
    if (j->status || !ac__j_step(j, text.n)) return in;
    for (uint32_t at = 0; at < text.n; at += len) {
        uint32_t c = ac__j_decode(text.s + at, text.n - at, &len);
        bool word = c == '_' || ac__j_in_set(SET_ALPHA, c) || ac__j_in_set(SET_NUMERIC, c);
        words += word && !inside;
        inside = word;
    }
    return ac__j_int(words);
}

static jval run_safe(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    jval text = ac__j_text(j, in);
    text.flag = J_MARKUP;
    return text;
}

static jval escaped(jinja *j, jval text) {
    static const char from[] = "&<>\"'";
    static const char *const to[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
    jbuf b = {0};
    for (uint32_t at = 0; at < text.n && !j->status;) {
        uint32_t end = at;
        const char *p = NULL;
        while (end < text.n && !(p = memchr(from, text.s[end], 5))) end++;
        ac__j_put(j, &b, text.s + at, end - at);
        if (p) ac__j_puts(j, &b, to[p - from]);
        at = end + 1;
    }
    jval out = ac__j_done(&b);
    out.flag = J_MARKUP;
    return out;
}

static jval run_escape(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    if (in.kind == J_STR && (in.flag & J_MARKUP)) return in;
    return escaped(j, ac__j_text(j, in));
}

static jval run_forceescape(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    return escaped(j, ac__j_text(j, in));
}

static jval run_urlencode(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    if (in.kind != J_STR) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "urlencode of %s", ac__j_type(in));
    jbuf b = {0};
    for (uint32_t i = 0; i < in.n && !j->status; i++) {
        char c = in.s[i], text[4];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("_.-~/", c));
        snprintf(text, sizeof text, "%%%02X", (unsigned char)c);
        ac__j_put(j, &b, plain ? &c : text, plain ? 1 : 3);
    }
    return ac__j_done(&b);
}

/* format: positional or named values for a % template. */
static jval run_format(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)a;
    jval values = ac__j_list(j, J_TUPLE, raw->n);
    if (raw->n && raw->n_named)
        return ac__j_fail(j, AC_ERR_TEXT, "format: positional and named values at once");
    if (raw->n_named) {
        values = ac__j_dict(j, raw->n_named);
        for (uint32_t i = 0; i < raw->n_named; i++)
            ac__j_dict_set(j, &values, raw->named[i].key, raw->named[i].value);
    }
    for (uint32_t i = 0; i < raw->n; i++) ac__j_append(j, &values, raw->v[i]);
    return ac__j_percent(j, ac__j_text(j, in), values);
}

/* ---- Numbers ---- */

static jval to_int(jinja *j, double f, jval otherwise) {
    if (isnan(f) || isinf(f)) return otherwise;
    f = trunc(f);
    if (f >= 9223372036854775808.0 || f < -9223372036854775808.0)
        return ac__j_fail(j, AC_ERR_UNSUPPORTED, "integers of more than 64 bits");
    return ac__j_int((int64_t)f);
}

static bool undefined_number(jinja *j, jval in) {
    if (in.kind == J_UNDEF) ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, in));
    return in.kind == J_UNDEF;
}

static jval run_int(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t base = 10, i;
    double f;
    jval otherwise = a[0].kind == J_MISSING ? ac__j_int(0) : a[0];
    if (a[1].kind != J_MISSING && (!ac__j_as_int(a[1], &base) || base < 0 || base == 1 || base > 36))
        return ac__j_fail(j, AC_ERR_TEXT, "int: want a base of 2 to 36");
    if (undefined_number(j, in)) return in;
    if (ac__j_as_int(in, &i)) return ac__j_int(i);
    if (in.kind == J_FLOAT && isinf(in.f)) return ac__j_fail(j, AC_ERR_TEXT, "int: an infinite number");
    if (in.kind == J_FLOAT) return to_int(j, in.f, otherwise);
    if (in.kind != J_STR) return otherwise;
    if (ac__j_parse_int(in, (int)base, &i)) return ac__j_int(i);
    return ac__j_parse_float(in, &f) ? to_int(j, f, otherwise) : otherwise;
}

static jval run_float(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    double f;
    jval otherwise = a[0].kind == J_MISSING ? ac__j_float(0) : a[0];
    if (undefined_number(j, in)) return in;
    if (ac__j_is_number(in)) return ac__j_float(ac__j_as_float(in));
    return in.kind == J_STR && ac__j_parse_float(in, &f) ? ac__j_float(f) : otherwise;
}

static jval run_abs(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    int64_t i;
    if (in.kind == J_FLOAT) return ac__j_float(fabs(in.f));
    if (!ac__j_as_int(in, &i))
        return ac__j_fail(j, AC_ERR_TEXT, "abs: want a number, have %s", ac__j_type(in));
    return i < 0 ? ac__j_binary(j, OP_SUB, ac__j_int(0), ac__j_int(i)) : ac__j_int(i);
}

/* round() to decimal digits: glibc's printf rounds the exact value, half to even, as Python does. */
static jval round_common(jinja *j, jval in, int64_t precision) {
    char text[400];
    if (in.kind != J_FLOAT) {
        if (precision < 0) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "round to less than whole numbers");
        return ac__j_int(in.i);
    }
    if (precision < 0 || precision > 60) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "round to so many digits");
    if (isnan(in.f) || isinf(in.f)) return in;
    snprintf(text, sizeof text, "%.*f", (int)precision, in.f);
    return ac__j_float(strtod(text, NULL));
}

static jval run_round(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t precision = 0;
    jstr method = a[1].kind == J_MISSING ? ac__j_lit("common")
                  : a[1].kind == J_STR   ? ac__j_sv(a[1])
                                         : ac__j_lit("");
    bool ceiling = ac__j_same(method, "ceil");
    if (!ceiling && !ac__j_same(method, "common") && !ac__j_same(method, "floor"))
        return ac__j_fail(j, AC_ERR_TEXT, "round: want common, ceil or floor");
    if (!ac__j_is_number(in))
        return ac__j_fail(j, AC_ERR_TEXT, "round: want a number, have %s", ac__j_type(in));
    if (a[0].kind != J_MISSING && !ac__j_as_int(a[0], &precision))
        return ac__j_fail(j, AC_ERR_TEXT, "round: want a precision, have %s", ac__j_type(a[0]));
    if (ac__j_same(method, "common")) return round_common(j, in, precision);
    jval scale = ac__j_binary(j, OP_POW, ac__j_int(10), ac__j_int(precision));
    jval scaled = ac__j_binary(j, OP_MUL, in, scale);
    if (scaled.kind == J_FLOAT) {
        if (isnan(scaled.f) || isinf(scaled.f))
            return ac__j_fail(j, AC_ERR_TEXT, "round: a number that is not finite");
        scaled = to_int(j, ceiling ? ceil(scaled.f) : floor(scaled.f), scaled);
    }
    return ac__j_binary(j, OP_DIV, scaled, scale);
}

const jfilter ac__j_text_filters[] = {
    {"trim", "chars", run_trim, true},
    {"string", "", run_string, false},
    {"upper", "", run_upper, true},
    {"lower", "", run_lower, true},
    {"capitalize", "", run_capitalize, true},
    {"title", "", run_title, true},
    {"replace", "!old,!new,count", run_replace, false},
    {"indent", "width,first,blank", run_indent, true},
    {"truncate", "length,killwords,end,leeway", run_truncate, false},
    {"center", "width", run_center, true},
    {"wordcount", "", run_wordcount, false},
    {"safe", "", run_safe, false},
    {"escape", "", run_escape, false},
    {"e", "", run_escape, false},
    {"forceescape", "", run_forceescape, false},
    {"urlencode", "", run_urlencode, false},
    {"format", NULL, run_format, false},
    {"int", "default,base", run_int, false},
    {"float", "default", run_float, false},
    {"abs", "", run_abs, false},
    {"round", "precision,method", run_round, false},
    /* Jinja has these, the subset does not */
    {"filesizeformat", NULL, NULL, false},
    {"pprint", NULL, NULL, false},
    {"striptags", NULL, NULL, false},
    {"urlize", NULL, NULL, false},
    {"wordwrap", NULL, NULL, false},
    {"xmlattr", NULL, NULL, false},
    {NULL, NULL, NULL, false},
};
