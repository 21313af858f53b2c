/* methods_text.c - methods of str. Positions are characters. */
#include <string.h>

#include "jinja.h"

#define UNUSED (void)a, (void)raw

static jval want(jinja *j, const char *method, const char *what, jval have) {
    return ac__j_fail(j, AC_ERR_TEXT, "%s: want %s, have %s", method, what, ac__j_type(have));
}

static bool given(jval v) {
    return v.kind != J_MISSING && v.kind != J_NONE;
}

static jval from(jstr s) {
    return ac__j_str(s.s, s.n);
}

/* ---- Case ---- */

static jval run_upper(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_case(j, ac__j_sv(s), CASE_UPPER);
}
static jval run_lower(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_case(j, ac__j_sv(s), CASE_LOWER);
}
static jval run_capitalize(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_capitalize(j, ac__j_sv(s));
}

static bool cased(uint32_t c) {
    return ac__j_in_set(SET_LOWER, c) || ac__j_in_set(SET_UPPER, c) || ac__j_in_set(SET_TITLE, c);
}

/* title: a letter after a letter is small; swapcase: each the other way round. */
static jval change_case(jinja *j, jval s, bool title) {
    jbuf b = {0};
    unsigned len;
    bool after = false;
    for (uint32_t at = 0; at < s.n && ac__j_step(j, 2); at += len) {
        uint32_t c = ac__j_decode(s.s + at, s.n - at, &len);
        jcase how = title                        ? (after ? CASE_LOWER : CASE_TITLE)
                    : ac__j_in_set(SET_UPPER, c) ? CASE_LOWER
                                                 : CASE_UPPER;
        if (title || cased(c))
            ac__j_put_case(j, &b, how, ac__j_sv(s), at);
        else
            ac__j_put(j, &b, s.s + at, len);
        after = cased(c);
    }
    return ac__j_done(&b);
}
static jval run_title(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return change_case(j, s, true);
}
static jval run_swapcase(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return change_case(j, s, false);
}

/* ---- Classes: true when there are characters and all are of the class ---- */

static jval all_in(jinja *j, jval s, jset first, jset second) {
    unsigned len;
    if (!ac__j_step(j, s.n / 4)) return s;
    for (uint32_t at = 0; at < s.n; at += len) {
        uint32_t c = ac__j_decode(s.s + at, s.n - at, &len);
        if (!ac__j_in_set(first, c) && !ac__j_in_set(second, c)) return ac__j_bool(false);
    }
    return ac__j_bool(s.n != 0);
}

#define CLASS(name, first, second)                                                                           \
    static jval run_##name(jinja *j, jval s, const jval *a, const jargs *raw) {                              \
        UNUSED;                                                                                              \
        return all_in(j, s, first, second);                                                                  \
    }
CLASS(isalpha, SET_ALPHA, SET_ALPHA)
CLASS(isalnum, SET_ALPHA, SET_NUMERIC)
CLASS(isdigit, SET_DIGIT, SET_DIGIT)
CLASS(isdecimal, SET_DECIMAL, SET_DECIMAL)
CLASS(isnumeric, SET_NUMERIC, SET_NUMERIC)
#undef CLASS

static jval run_isspace(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_bool(ac__j_step(j, s.n / 4) && s.n && !ac__j_strip(ac__j_sv(s), NULL, true, false).n);
}
static jval run_islower(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_bool(ac__j_apply_test(j, ac__j_lit("lower"), s, &(jargs){0}));
}
static jval run_isupper(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_bool(ac__j_apply_test(j, ac__j_lit("upper"), s, &(jargs){0}));
}
static jval run_isascii(jinja *j, jval s, const jval *a, const jargs *raw) {
    UNUSED;
    bool ascii = ac__j_step(j, s.n / 8);
    for (uint32_t i = 0; i < s.n && ascii; i++) ascii = !(s.s[i] & 0x80);
    return ac__j_bool(ascii);
}

/* ---- Ends ---- */

static jval strip(jinja *j, jval s, const jval *a, bool left, bool right) {
    if (given(a[0]) && a[0].kind != J_STR) return want(j, "strip", "a str", a[0]);
    jstr chars = ac__j_sv(a[0]);
    if (!ac__j_step(j, (size_t)(s.n / 16) * (given(a[0]) ? chars.n + 1u : 1u))) return s;
    return from(ac__j_strip(ac__j_sv(s), given(a[0]) ? &chars : NULL, left, right));
}
static jval run_strip(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return strip(j, s, a, true, true);
}
static jval run_lstrip(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return strip(j, s, a, true, false);
}
static jval run_rstrip(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return strip(j, s, a, false, true);
}

static bool has_end(jstr s, jstr end, bool front) {
    return end.n <= s.n && (!end.n || !memcmp(front ? s.s : s.s + (s.n - end.n), end.s, end.n));
}

/* s[start:stop] by characters; false when start lies behind the end. */
static bool window(jinja *j, jval *s, jval start, jval stop) {
    int64_t n = ac__j_length(j, *s), from_char = 0, to_char = n;
    if (given(start) && !ac__j_as_int(start, &from_char)) want(j, "a position in a str", "an int", start);
    if (given(stop) && !ac__j_as_int(stop, &to_char)) want(j, "a position in a str", "an int", stop);
    if (j->status || from_char > n) return false;
    if (from_char < 0) from_char = from_char + n < 0 ? 0 : from_char + n;
    if (to_char < 0) to_char = to_char + n < 0 ? 0 : to_char + n;
    if (to_char > n) to_char = n;
    if (to_char < from_char) return false;
    size_t skip = ac__j_offset(s->s, s->n, (size_t)from_char);
    size_t bytes = ac__j_offset(s->s + skip, s->n - skip, (size_t)(to_char - from_char));
    *s = ac__j_str(s->s + skip, bytes);
    return true;
}

static jval ends(jinja *j, jval s, const jval *a, bool front) {
    if (!window(j, &s, a[1], a[2])) return ac__j_bool(false);
    if (a[0].kind == J_STR) return ac__j_bool(has_end(ac__j_sv(s), ac__j_sv(a[0]), front));
    if (a[0].kind != J_TUPLE)
        return want(j, front ? "startswith" : "endswith", "a str or a tuple of them", a[0]);
    for (uint32_t i = 0; i < a[0].list->n; i++) {
        jval end = a[0].list->v[i];
        if (end.kind != J_STR) return want(j, front ? "startswith" : "endswith", "a tuple of str", end);
        if (has_end(ac__j_sv(s), ac__j_sv(end), front)) return ac__j_bool(true);
    }
    return ac__j_bool(false);
}
static jval run_startswith(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return ends(j, s, a, true);
}
static jval run_endswith(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return ends(j, s, a, false);
}

static jval run_removeprefix(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    if (a[0].kind != J_STR) return want(j, "removeprefix", "a str", a[0]);
    return has_end(ac__j_sv(s), ac__j_sv(a[0]), true) ? ac__j_str(s.s + a[0].n, s.n - a[0].n) : s;
}
static jval run_removesuffix(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    if (a[0].kind != J_STR) return want(j, "removesuffix", "a str", a[0]);
    return has_end(ac__j_sv(s), ac__j_sv(a[0]), false) ? ac__j_str(s.s, s.n - a[0].n) : s;
}

/* ---- Searching ---- */

static size_t find_last(jinja *j, jstr s, jstr part) {
    ac__j_step(j, s.n / 8);
    for (size_t at = part.n <= s.n ? s.n - part.n + 1 : 0; at-- > 0 && ac__j_step(j, part.n / 32);)
        if (!part.n || !memcmp(s.s + at, part.s, part.n)) return at;
    return SIZE_MAX;
}

/* Where the first or last `part` begins, in characters of the whole; -1 = nowhere. */
static int64_t position(jinja *j, jval s, const jval *a, bool last) {
    jval part = s;
    if (a[0].kind != J_STR) {
        want(j, "find", "a str", a[0]);
        return -1;
    }
    if (!window(j, &part, a[1], a[2])) return -1;
    size_t at = last ? find_last(j, ac__j_sv(part), ac__j_sv(a[0]))
                     : ac__j_find(j, ac__j_sv(part), ac__j_sv(a[0]), 0);
    if (at == SIZE_MAX || !ac__j_step(j, s.n / 16)) return -1;
    return (int64_t)ac__j_count(s.s, (size_t)(part.s - s.s) + at);
}
static jval run_find(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return ac__j_int(position(j, s, a, false));
}
static jval run_rfind(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return ac__j_int(position(j, s, a, true));
}
static jval run_index(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t at = position(j, s, a, false);
    return at < 0 ? ac__j_fail(j, AC_ERR_TEXT, "index: the text is not there") : ac__j_int(at);
}
static jval run_rindex(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t at = position(j, s, a, true);
    return at < 0 ? ac__j_fail(j, AC_ERR_TEXT, "rindex: the text is not there") : ac__j_int(at);
}

static jval run_count(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t n = 0;
    if (a[0].kind != J_STR) return want(j, "count", "a str", a[0]);
    if (!window(j, &s, a[1], a[2])) return ac__j_int(0);
    if (!a[0].n) return ac__j_int(ac__j_length(j, s) + 1);
    for (size_t at = 0; (at = ac__j_find(j, ac__j_sv(s), ac__j_sv(a[0]), at)) != SIZE_MAX; at += a[0].n) n++;
    return ac__j_int(n);
}

static jval run_replace(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t count = -1;
    if (a[0].kind != J_STR) return want(j, "replace", "a str", a[0]);
    if (a[1].kind != J_STR) return want(j, "replace", "a str", a[1]);
    if (a[2].kind != J_MISSING && !ac__j_as_int(a[2], &count)) return want(j, "replace", "a count", a[2]);
    return ac__j_replace(j, ac__j_sv(s), ac__j_sv(a[0]), ac__j_sv(a[1]), count);
}

/* ---- Splitting and joining ---- */

static void reverse(jval *list, jinja *j) {
    if (j->status) return;
    for (uint32_t l = 0, r = list->list->n; l + 1 < r; l++) {
        jval t = list->list->v[l];
        list->list->v[l] = list->list->v[--r];
        list->list->v[r] = t;
    }
}

/* One word and what is behind (or, from the right, before) it. */
static jstr cut_word(jstr *rest, bool right) {
    jstr word = *rest;
    unsigned len;
    uint32_t at = 0;
    if (!right) {
        while (at < rest->n && !ac__j_is_space(ac__j_decode(rest->s + at, rest->n - at, &len))) at += len;
        word.n = at;
        rest->s += at;
        rest->n -= at;
        return word;
    }
    /* white space is one to three bytes; what stripping leaves shows where the last word begins */
    for (uint32_t i = 0; i < rest->n; i += len)
        if (ac__j_is_space(ac__j_decode(rest->s + i, rest->n - i, &len))) at = i + len;
    word = (jstr){rest->s + at, rest->n - at};
    rest->n = at;
    return word;
}

static jval split_words(jinja *j, jval s, int64_t most, bool right) {
    jval out = ac__j_list(j, J_LIST, 0);
    jstr rest = ac__j_strip(ac__j_sv(s), NULL, !right, right);
    while (rest.n && most != 0 && ac__j_step(j, right ? rest.n / 4 : 1)) {
        ac__j_append(j, &out, from(cut_word(&rest, right)));
        rest = ac__j_strip(rest, NULL, !right, right);
        most -= most > 0;
    }
    if (rest.n) ac__j_append(j, &out, from(rest));
    if (right) reverse(&out, j);
    return out;
}

static jval split_by(jinja *j, jval s, jval by, int64_t most, bool right) {
    jval out = ac__j_list(j, J_LIST, 0);
    jstr rest = ac__j_sv(s), part = ac__j_sv(by);
    while (most != 0 && !j->status) {
        size_t at = right ? find_last(j, rest, part) : ac__j_find(j, rest, part, 0);
        if (at == SIZE_MAX) break;
        uint32_t behind = (uint32_t)at + part.n;
        if (right) {
            ac__j_append(j, &out, ac__j_str(rest.s + behind, rest.n - behind));
            rest.n = (uint32_t)at;
        } else {
            ac__j_append(j, &out, ac__j_str(rest.s, at));
            rest = (jstr){rest.s + behind, rest.n - behind};
        }
        most -= most > 0;
    }
    ac__j_append(j, &out, from(rest));
    if (right) reverse(&out, j);
    return out;
}

static jval split(jinja *j, jval s, const jval *a, bool right) {
    int64_t most = -1;
    if (a[1].kind != J_MISSING && !ac__j_as_int(a[1], &most)) return want(j, "split", "a count", a[1]);
    if (!given(a[0])) return split_words(j, s, most, right);
    if (a[0].kind != J_STR) return want(j, "split", "a str", a[0]);
    if (!a[0].n) return ac__j_fail(j, AC_ERR_TEXT, "split: an empty separator");
    return split_by(j, s, a[0], most, right);
}
static jval run_split(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return split(j, s, a, false);
}
static jval run_rsplit(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return split(j, s, a, true);
}

static jval run_splitlines(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return ac__j_split_lines(j, ac__j_sv(s), ac__j_truth(a[0]));
}

static jval partition(jinja *j, jval s, jval by, bool right) {
    if (by.kind != J_STR) return want(j, "partition", "a str", by);
    if (!by.n) return ac__j_fail(j, AC_ERR_TEXT, "partition: an empty separator");
    size_t at = right ? find_last(j, ac__j_sv(s), ac__j_sv(by)) : ac__j_find(j, ac__j_sv(s), ac__j_sv(by), 0);
    bool found = at != SIZE_MAX;
    jval empty = ac__j_str("", 0), out = ac__j_list(j, J_TUPLE, 3);
    ac__j_append(j, &out, found ? ac__j_str(s.s, at) : right ? empty : s);
    ac__j_append(j, &out, found ? by : empty);
    ac__j_append(j, &out, found ? ac__j_str(s.s + at + by.n, s.n - at - by.n) : right ? s : empty);
    return out;
}
static jval run_partition(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return partition(j, s, a[0], false);
}
static jval run_rpartition(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return partition(j, s, a[0], true);
}

static jval run_join(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    const jlist *items = ac__j_elements(j, a[0]);
    jbuf b = {0};
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
        if (items->v[i].kind != J_STR) return want(j, "join", "strings", items->v[i]);
        if (i) ac__j_put(j, &b, s.s, s.n);
        ac__j_put(j, &b, items->v[i].s, items->v[i].n);
    }
    return ac__j_done(&b);
}

/* ---- Width ---- */

static jval justify(jinja *j, jval s, const jval *a, char align) {
    int64_t width;
    if (!ac__j_as_int(a[0], &width)) return want(j, "a width", "an int", a[0]);
    jval fill = a[1].kind == J_MISSING ? ac__j_cstr(" ") : a[1];
    if (fill.kind != J_STR || ac__j_count(fill.s, fill.n) != 1)
        return want(j, "a fill", "one character", fill);
    return ac__j_pad(j, ac__j_sv(s), width, align, ac__j_sv(fill));
}
static jval run_ljust(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return justify(j, s, a, '<');
}
static jval run_rjust(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return justify(j, s, a, '>');
}
static jval run_center(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    return justify(j, s, a, '^');
}

static jval run_zfill(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t width;
    if (!ac__j_as_int(a[0], &width)) return want(j, "zfill", "an int", a[0]);
    bool sign = s.n && (s.s[0] == '-' || s.s[0] == '+');
    if (!sign) return ac__j_pad(j, ac__j_sv(s), width, '>', ac__j_lit("0"));
    jval rest = ac__j_pad(j, (jstr){s.s + 1, s.n - 1}, width - 1, '>', ac__j_lit("0"));
    return ac__j_binary(j, OP_ADD, ac__j_str(s.s, 1), rest);
}

static jval run_format(jinja *j, jval s, const jval *a, const jargs *raw) {
    (void)a;
    return ac__j_format(j, s, raw);
}

#define STR (1u << J_STR)
const jmethod_row ac__j_text_methods[] = {
    {STR, "strip", "chars", run_strip},
    {STR, "split", "sep,maxsplit", run_split},
    {STR, "startswith", "!prefix,start,end", run_startswith},
    {STR, "endswith", "!suffix,start,end", run_endswith},
    {STR, "replace", "!old,!new,count", run_replace},
    {STR, "lstrip", "chars", run_lstrip},
    {STR, "rstrip", "chars", run_rstrip},
    {STR, "upper", "", run_upper},
    {STR, "lower", "", run_lower},
    {STR, "title", "", run_title},
    {STR, "capitalize", "", run_capitalize},
    {STR, "swapcase", "", run_swapcase},
    {STR, "rsplit", "sep,maxsplit", run_rsplit},
    {STR, "splitlines", "keepends", run_splitlines},
    {STR, "partition", "!sep", run_partition},
    {STR, "rpartition", "!sep", run_rpartition},
    {STR, "join", "!iterable", run_join},
    {STR, "find", "!sub,start,end", run_find},
    {STR, "rfind", "!sub,start,end", run_rfind},
    {STR, "index", "!sub,start,end", run_index},
    {STR, "rindex", "!sub,start,end", run_rindex},
    {STR, "count", "!sub,start,end", run_count},
    {STR, "format", NULL, run_format},
    {STR, "removeprefix", "!prefix", run_removeprefix},
    {STR, "removesuffix", "!suffix", run_removesuffix},
    {STR, "isalpha", "", run_isalpha},
    {STR, "isalnum", "", run_isalnum},
    {STR, "isdigit", "", run_isdigit},
    {STR, "isdecimal", "", run_isdecimal},
    {STR, "isnumeric", "", run_isnumeric},
    {STR, "isspace", "", run_isspace},
    {STR, "islower", "", run_islower},
    {STR, "isupper", "", run_isupper},
    {STR, "isascii", "", run_isascii},
    {STR, "ljust", "!width,fillchar", run_ljust},
    {STR, "rjust", "!width,fillchar", run_rjust},
    {STR, "center", "!width,fillchar", run_center},
    {STR, "zfill", "!width", run_zfill},
    /* Python has these, the subset does not */
    {STR, "casefold", NULL, NULL},
    {STR, "encode", NULL, NULL},
    {STR, "expandtabs", NULL, NULL},
    {STR, "format_map", NULL, NULL},
    {STR, "isidentifier", NULL, NULL},
    {STR, "isprintable", NULL, NULL},
    {STR, "istitle", NULL, NULL},
    {STR, "maketrans", NULL, NULL},
    {STR, "translate", NULL, NULL},
    {0, NULL, NULL, NULL},
};
