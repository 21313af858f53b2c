/* unicode.c - UTF-8, white space, case and classes of characters as Python's str has them. */
#include <string.h>

#include "jinja.h"

typedef struct range {
    uint32_t first, count;
} range;

/* first, first + step ... last map to themselves + delta. */
typedef struct mapping {
    uint32_t first, last, step;
    int32_t delta;
} mapping;

/* One character that becomes up to three; 0 = none. */
typedef struct expansion {
    uint32_t from, to[3];
} expansion;

#include "unicode.def"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- UTF-8 ---- */

uint32_t ac__j_decode(const char *s, size_t n, unsigned *bytes) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s;
    *bytes = 1;
    if (p[0] < 0x80) return p[0];
    unsigned len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    uint32_t code = p[0] & (0x7Fu >> len);
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > n) return 0xDC00u + p[0];
    for (unsigned i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0xDC00u + p[0];
        code = code << 6 | (p[i] & 0x3F);
    }
    if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0xDC00u + p[0];
    *bytes = len;
    return code;
}

unsigned ac__j_encode(uint32_t c, char out[4]) {
    if (c >= 0xDC80 && c <= 0xDCFF) { /* an invalid byte, as it was */
        out[0] = (char)(c - 0xDC00);
        return 1;
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    unsigned len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = len - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00u >> len & 0xFF) | c);
    return len;
}

size_t ac__j_offset(const char *s, size_t n, size_t chars) {
    size_t at = 0;
    unsigned len;
    for (; chars && at < n; chars--, at += len) ac__j_decode(s + at, n - at, &len);
    return at;
}

size_t ac__j_count(const char *s, size_t n) {
    size_t chars = 0;
    unsigned len;
    for (size_t at = 0; at < n; at += len, chars++) ac__j_decode(s + at, n - at, &len);
    return chars;
}

/* ---- Classes ---- */

bool ac__j_is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

static bool is_one_of(const jstr *chars, uint32_t code) {
    unsigned len;
    for (uint32_t at = 0; at < chars->n; at += len)
        if (ac__j_decode(chars->s + at, chars->n - at, &len) == code) return true;
    return false;
}

static bool strips(const jstr *chars, uint32_t code) {
    return chars ? is_one_of(chars, code) : ac__j_is_space(code);
}

/* The last character: a lead byte within 4 bytes whose character ends exactly at the end, or an invalid byte.
 */
static uint32_t last_char(jstr s, unsigned *len) {
    for (unsigned back = 4; back > 1; back--) {
        if (back > s.n) continue;
        uint32_t code = ac__j_decode(s.s + s.n - back, back, len);
        if (*len == back) return code;
    }
    return ac__j_decode(s.s + s.n - 1, 1, len);
}

jstr ac__j_strip(jstr s, const jstr *chars, bool left, bool right) {
    unsigned len;
    while (left && s.n && strips(chars, ac__j_decode(s.s, s.n, &len))) {
        s.s += len;
        s.n -= len;
    }
    while (right && s.n && strips(chars, last_char(s, &len))) s.n -= len;
    return s;
}

static bool in_ranges(const range *rows, size_t n, uint32_t code) {
    size_t low = 0;
    while (n) {
        size_t half = n / 2;
        const range *r = &rows[low + half];
        if (code < r->first)
            n = half;
        else if (code - r->first < r->count)
            return true;
        else {
            low += half + 1;
            n -= half + 1;
        }
    }
    return false;
}

static bool in_ascii(jset set, uint32_t c) {
    bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    switch (set) {
    case SET_ALPHA:
        return lower || upper;
    case SET_DECIMAL:
    case SET_DIGIT:
    case SET_NUMERIC:
        return c >= '0' && c <= '9';
    case SET_LOWER:
        return lower;
    case SET_UPPER:
        return upper;
    case SET_CASE_IGNORABLE:
        return c == '\'' || c == '.' || c == ':' || c == '^' || c == '`';
    case SET_UNPRINTABLE:
        return c < 0x20 || c == 0x7f;
    default:
        return false;
    }
}

bool ac__j_in_set(jset set, uint32_t code) {
    static const struct {
        const range *rows;
        size_t n;
    } sets[SET_COUNT] = {
        [SET_ALPHA] = {alpha_ranges, COUNT(alpha_ranges)},
        [SET_DECIMAL] = {decimal_ranges, COUNT(decimal_ranges)},
        [SET_DIGIT] = {digit_ranges, COUNT(digit_ranges)},
        [SET_NUMERIC] = {numeric_ranges, COUNT(numeric_ranges)},
        [SET_LOWER] = {lower_ranges, COUNT(lower_ranges)},
        [SET_UPPER] = {upper_ranges, COUNT(upper_ranges)},
        [SET_TITLE] = {title_ranges, COUNT(title_ranges)},
        [SET_CASE_IGNORABLE] = {ignorable_ranges, COUNT(ignorable_ranges)},
        [SET_UNPRINTABLE] = {unprintable_ranges, COUNT(unprintable_ranges)},
    };
    if (code < 0x80) return in_ascii(set, code);
    if (code >= 0xD800 && code <= 0xDFFF) return set == SET_UNPRINTABLE;
    return in_ranges(sets[set].rows, sets[set].n, code);
}

/* ---- Case ---- */

/* Rows are in order of `first`, and may overlap only with steps of 2 between them. */
static uint32_t map(const mapping *rows, size_t n, uint32_t code) {
    for (size_t i = 0; i < n && rows[i].first <= code; i++)
        if (code <= rows[i].last && (code - rows[i].first) % rows[i].step == 0)
            return (uint32_t)((int32_t)code + rows[i].delta);
    return code;
}

static bool is_cased(uint32_t c) {
    return ac__j_in_set(SET_LOWER, c) || ac__j_in_set(SET_UPPER, c) || ac__j_in_set(SET_TITLE, c);
}

/* A capital sigma that ends a word: a cased character before it and none after, ignorable ones passed over.
 */
static bool is_final_sigma(jstr s, size_t at) {
    unsigned len;
    uint32_t code = 0;
    jstr before = {s.s, (uint32_t)at};
    do {
        if (!before.n) return false;
        code = last_char(before, &len);
        before.n -= len;
    } while (ac__j_in_set(SET_CASE_IGNORABLE, code));
    if (!is_cased(code)) return false;
    for (at += 2; at < s.n; at += len) {
        code = ac__j_decode(s.s + at, s.n - at, &len);
        if (!ac__j_in_set(SET_CASE_IGNORABLE, code)) return !is_cased(code);
    }
    return true;
}

static bool expand(jinja *j, jbuf *b, const expansion *rows, size_t n, uint32_t code) {
    for (size_t i = 0; i < n && rows[i].from <= code; i++) {
        if (rows[i].from != code) continue;
        for (int k = 0; k < 3 && rows[i].to[k]; k++) ac__j_put_char(j, b, rows[i].to[k]);
        return true;
    }
    return false;
}

static uint32_t title_char(uint32_t code) {
    for (size_t i = 0; i < COUNT(title_map); i++)
        if (title_map[i].first == code) return (uint32_t)((int32_t)code + title_map[i].delta);
    return map(upper_map, COUNT(upper_map), code);
}

void ac__j_put_case(jinja *j, jbuf *b, jcase how, jstr s, size_t at) {
    unsigned len;
    uint32_t code = ac__j_decode(s.s + at, s.n - at, &len);
    if (code < 0x80) {
        bool lower = code >= 'a' && code <= 'z', upper = code >= 'A' && code <= 'Z';
        ac__j_put_char(j, b, (how == CASE_LOWER ? upper : lower) ? code ^ 0x20 : code);
        return;
    }
    ac__j_step(j, 16);
    if (how == CASE_LOWER && code == 0x3a3)
        ac__j_put_char(j, b, is_final_sigma(s, at) ? 0x3c2 : 0x3c3);
    else if (how == CASE_LOWER && !expand(j, b, lower_special, COUNT(lower_special), code))
        ac__j_put_char(j, b, map(lower_map, COUNT(lower_map), code));
    else if (how == CASE_UPPER && !expand(j, b, upper_special, COUNT(upper_special), code))
        ac__j_put_char(j, b, map(upper_map, COUNT(upper_map), code));
    else if (how == CASE_TITLE && !expand(j, b, title_special, COUNT(title_special), code))
        ac__j_put_char(j, b, title_char(code));
}
