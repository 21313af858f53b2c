/* lex.c - template source → tokens, with Jinja's white space control (trim_blocks and lstrip_blocks on). */
#include <stdlib.h>
#include <string.h>

#include "jinja.h"

typedef struct lexer {
    jinja *j;
    const char *s; /* line ends are \n, without a final one */
    size_t n, at;
    uint32_t cap;
    bool line_start;             /* the last piece ended with a newline: text may be stripped back to here */
    char stack[J_MAX_PARSE * 4]; /* closing brackets that are due */
    unsigned depth;
} lexer;

static bool has(const lexer *x, size_t at, const char *text) {
    size_t n = strlen(text);
    return at <= x->n && n <= x->n - at && !memcmp(x->s + at, text, n);
}

static size_t skip_space(const lexer *x, size_t at) {
    while (at < x->n) {
        unsigned len;
        if (!ac__j_is_space(ac__j_decode(x->s + at, x->n - at, &len))) break;
        at += len;
    }
    return at;
}

static jtoken *add(lexer *x, jtoken_kind kind) {
    jinja *j = x->j;
    if (j->n_tokens == x->cap) {
        uint32_t cap = x->cap ? x->cap * 2 : 256;
        jtoken *t = ac__j_grow(j, j->tokens, x->cap * sizeof *t, cap * sizeof *t);
        if (!t) return NULL;
        j->tokens = t;
        x->cap = cap;
    }
    jtoken *t = &j->tokens[j->n_tokens++];
    memset(t, 0, sizeof *t);
    t->kind = (uint8_t)kind;
    t->line = j->line;
    return t;
}

static void count_lines(lexer *x, size_t from, size_t to) {
    for (; from < to; from++) x->j->line += x->s[from] == '\n';
}

/* Moves over s[at, to), whose last byte decides about line_start. */
static void advance(lexer *x, size_t to) {
    count_lines(x, x->at, to);
    if (to > x->at) x->line_start = x->s[to - 1] == '\n';
    x->at = to;
}

static void syntax(lexer *x, const char *what) {
    ac__j_fail(x->j, AC_ERR_FORMAT, "%s", what);
}

/* Where a text that a tag follows ends: `sign` is the character after the tag's opening. */
static size_t strip_text(const lexer *x, size_t from, size_t to, char sign, bool is_variable) {
    if (sign == '-') {
        jstr s = ac__j_strip((jstr){x->s + from, (uint32_t)(to - from)}, NULL, false, true);
        return from + s.n;
    }
    if (sign == '+' || is_variable) return to;
    size_t line = to;
    while (line > from && x->s[line - 1] != '\n') line--;
    if (line == from && !x->line_start) return to;
    return skip_space(x, line) >= to ? line : to;
}

static void add_text(lexer *x, size_t from, size_t to) {
    if (to <= from) return;
    jtoken *t = add(x, T_TEXT);
    if (t) t->text = (jstr){x->s + from, (uint32_t)(to - from)};
}

/* The end of a block or comment at `at`: "-%}" and white space, "+%}", or "%}" and one newline. 0 = not here.
 */
static size_t block_end(const lexer *x, size_t at, const char *end) {
    if (has(x, at, "-") && has(x, at + 1, end)) return skip_space(x, at + 1 + strlen(end));
    if (has(x, at, "+") && has(x, at + 1, end)) return at + 1 + strlen(end);
    if (!has(x, at, end)) return 0;
    at += strlen(end);
    return has(x, at, "\n") ? at + 1 : at;
}

static bool word_ends(const lexer *x, size_t at) {
    unsigned char c = at < x->n ? (unsigned char)x->s[at] : ' ';
    return !(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             c >= 0x80);
}

/* "{% raw %}" at `at`: where its contents begin, else 0. It trims no newline. */
static size_t raw_begin(const lexer *x, size_t at) {
    at += 2;
    if (has(x, at, "-") || has(x, at, "+")) at++;
    at = skip_space(x, at);
    if (!has(x, at, "raw")) return 0;
    at = skip_space(x, at + 3);
    if (has(x, at, "-%}")) return skip_space(x, at + 3);
    return has(x, at, "%}") ? at + 2 : 0;
}

static void lex_raw(lexer *x, size_t from) {
    advance(x, from);
    for (size_t at = from; at + 2 <= x->n; at++) {
        if (!has(x, at, "{%")) continue;
        size_t word = at + 2;
        char sign = word < x->n ? x->s[word] : 0;
        if (sign == '-' || sign == '+') word++;
        word = skip_space(x, word);
        if (!has(x, word, "endraw")) continue;
        size_t end = block_end(x, skip_space(x, word + 6), "%}");
        if (!end) continue;
        add_text(x, from, strip_text(x, from, at, sign, false));
        advance(x, end);
        return;
    }
    syntax(x, "raw without endraw");
}

static void lex_comment(lexer *x) {
    for (size_t at = x->at; at < x->n; at++) {
        size_t end = block_end(x, at, "#}");
        if (!end) continue;
        advance(x, end);
        return;
    }
    syntax(x, "comment without end");
}

/* ---- Inside tags ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void put_code(lexer *x, jbuf *b, uint32_t code) {
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        syntax(x, "an escape that is no character");
    else
        ac__j_put_char(x->j, b, code);
}

/* \xHH, \uHHHH, \UHHHHHHHH after the letter. */
static size_t hex_escape(lexer *x, jbuf *b, size_t at, size_t end, unsigned digits) {
    uint32_t code = 0;
    for (unsigned i = 0; i < digits; i++, at++) {
        int d = at < end ? hex_digit(x->s[at]) : -1;
        if (d < 0) {
            syntax(x, "an escape with too few digits");
            return end;
        }
        code = code << 4 | (uint32_t)d;
    }
    put_code(x, b, code);
    return at;
}

/* What Python's unicode-escape makes of a backslash before a character that is not ASCII: it stays, and the
 * character shows as its own escape, without a second backslash. */
static size_t foreign_escape(lexer *x, jbuf *b, size_t at, size_t end) {
    unsigned len;
    uint32_t code = ac__j_decode(x->s + at, end - at, &len);
    unsigned digits = code < 0x100 ? 2 : code < 0x10000 ? 4 : 8;
    ac__j_puts(x->j, b, digits == 2 ? "x" : digits == 4 ? "u" : "U");
    while (digits--) ac__j_put(x->j, b, &"0123456789abcdef"[code >> (4 * digits) & 15], 1);
    return at + len;
}

static size_t one_escape(lexer *x, jbuf *b, size_t at, size_t end) {
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char c = x->s[at];
    const char *known = memchr(from, c, sizeof from - 1);
    if (known) {
        ac__j_put(x->j, b, &to[known - from], 1);
        return at + 1;
    }
    if (c == '\n') return at + 1;
    if (c == 'x') return hex_escape(x, b, at + 1, end, 2);
    if (c == 'u') return hex_escape(x, b, at + 1, end, 4);
    if (c == 'U') return hex_escape(x, b, at + 1, end, 8);
    if (c >= '0' && c <= '7') {
        uint32_t code = 0;
        for (unsigned i = 0; i < 3 && at < end && x->s[at] >= '0' && x->s[at] <= '7'; i++)
            code = code * 8 + (uint32_t)(x->s[at++] - '0');
        put_code(x, b, code);
        return at;
    }
    if (c == 'N') {
        ac__j_fail(x->j, AC_ERR_UNSUPPORTED, "the escape \\N in a string");
        return end;
    }
    ac__j_puts(x->j, b, "\\");
    return (unsigned char)c >= 0x80 ? foreign_escape(x, b, at, end) : at;
}

static void lex_string(lexer *x) {
    char quote = x->s[x->at];
    size_t end = x->at + 1;
    bool escapes = false;
    while (end < x->n && x->s[end] != quote) {
        if (x->s[end] == '\\') {
            escapes = true;
            end++;
        }
        end++;
    }
    if (end >= x->n) {
        syntax(x, "a string without end");
        return;
    }
    jstr text = {x->s + x->at + 1, (uint32_t)(end - x->at - 1)};
    jbuf b = {0};
    for (size_t at = x->at + 1; escapes && at < end && !x->j->status;) {
        size_t run = at;
        while (run < end && x->s[run] != '\\') run++;
        ac__j_put(x->j, &b, x->s + at, run - at);
        at = run < end ? one_escape(x, &b, run + 1, end) : end;
    }
    jtoken *t = add(x, T_STRING);
    if (t) t->text = escapes ? ac__j_sv(ac__j_done(&b)) : text;
    advance(x, end + 1);
}

/* Digits of `base` with single underscores between them; where they end (`at` when there are none). */
static size_t digits_end(const lexer *x, size_t at, int base) {
    size_t end = at;
    for (;;) {
        size_t p = end;
        if (p > at && has(x, p, "_")) p++;
        int d = p < x->n ? hex_digit(x->s[p]) : -1;
        if (d < 0 || d >= base) return end;
        end = p + 1;
    }
}

/* Where a float at `at` ends; 0 when there is none. */
static size_t float_end(const lexer *x, size_t at) {
    if (at > 0 && x->s[at - 1] == '.') return 0;
    size_t end = digits_end(x, at, 10), exponent;
    bool is_float = false;
    if (end == at) return 0;
    if (has(x, end, ".") && digits_end(x, end + 1, 10) > end + 1) {
        end = digits_end(x, end + 1, 10);
        is_float = true;
    }
    if (has(x, end, "e") || has(x, end, "E")) {
        exponent = end + 1;
        if (has(x, exponent, "+") || has(x, exponent, "-")) exponent++;
        if (digits_end(x, exponent, 10) > exponent) return digits_end(x, exponent, 10);
    }
    return is_float ? end : 0;
}

static void lex_number(lexer *x) {
    size_t end = float_end(x, x->at);
    jval v = ac__j_none();
    if (end) {
        double f;
        if (!ac__j_parse_float(ac__j_str(x->s + x->at, end - x->at), &f)) f = 0;
        v = ac__j_float(f);
    } else {
        static const struct {
            const char *lower, *upper;
            int base;
        } prefixes[] = {{"0x", "0X", 16}, {"0o", "0O", 8}, {"0b", "0B", 2}};
        int base = 10;
        size_t from = x->at;
        for (size_t i = 0; i < 3; i++) {
            bool here = has(x, x->at, prefixes[i].lower) || has(x, x->at, prefixes[i].upper);
            size_t digits = x->at + 2 + has(x, x->at + 2, "_");
            if (!here || digits_end(x, digits, prefixes[i].base) == digits) continue;
            base = prefixes[i].base;
            from = digits;
        }
        end = digits_end(x, from, base);
        /* decimal numbers do not begin with 0: "01" is a zero and a one */
        if (base == 10 && x->s[from] == '0')
            for (end = from + 1; has(x, end, "0") || has(x, end, "_0");) end += x->s[end] == '_' ? 2 : 1;
        int64_t i = 0;
        if (!ac__j_parse_int(ac__j_str(x->s + from, end - from), base, &i))
            ac__j_fail(x->j, AC_ERR_UNSUPPORTED, "an integer of more than 64 bits");
        v = ac__j_int(i);
    }
    jtoken *t = add(x, v.kind == J_FLOAT ? T_FLOAT : T_INT);
    if (t) t->value = v;
    advance(x, end);
}

static void lex_name(lexer *x) {
    size_t end = x->at;
    while (!word_ends(x, end) && end < x->n) end++;
    for (size_t i = x->at; i < end; i++)
        if ((unsigned char)x->s[i] >= 0x80) {
            ac__j_fail(x->j, AC_ERR_UNSUPPORTED, "a name with letters outside ASCII");
            return;
        }
    jtoken *t = add(x, T_NAME);
    if (t) t->text = (jstr){x->s + x->at, (uint32_t)(end - x->at)};
    advance(x, end);
}

static bool balance(lexer *x, char c) {
    static const char open[] = "([{", close[] = ")]}";
    const char *p = memchr(open, c, 3);
    if (p) {
        if (x->depth == sizeof x->stack) {
            ac__j_fail(x->j, AC_ERR_LIMIT, "too many brackets inside each other");
            return false;
        }
        x->stack[x->depth++] = close[p - open];
    } else if (memchr(close, c, 3)) {
        if (!x->depth || x->stack[--x->depth] != c) {
            ac__j_fail(x->j, AC_ERR_FORMAT, "unexpected '%c'", c);
            return false;
        }
    }
    return true;
}

static void lex_operator(lexer *x) {
    static const char *const operators[] = {"**", "//", "==", "!=", ">=", "<="};
    char c = x->s[x->at];
    char op[3] = {c, 0, 0};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (has(x, x->at, operators[i])) memcpy(op, operators[i], 2);
    if (!op[1] && (!c || !strchr("+-/*%~[](){}><=.:|,;", c))) {
        ac__j_fail(x->j, AC_ERR_FORMAT, "unexpected character '%c'", c);
        return;
    }
    if (!balance(x, op[0])) return;
    jtoken *t = add(x, T_OP);
    if (t) memcpy(t->op, op, sizeof op);
    advance(x, x->at + strlen(op));
}

/* Tokens of a tag up to and with its end. */
static void lex_tag(lexer *x, bool is_variable) {
    x->depth = 0;
    while (!x->j->status) {
        size_t end = 0;
        if (!x->depth && !is_variable) end = block_end(x, x->at, "%}");
        if (!x->depth && is_variable && has(x, x->at, "-}}")) end = skip_space(x, x->at + 3);
        if (!x->depth && is_variable && !end && has(x, x->at, "}}")) end = x->at + 2;
        if (end) {
            add(x, is_variable ? T_VAR_END : T_BLOCK_END);
            advance(x, end);
            return;
        }
        advance(x, skip_space(x, x->at));
        if (x->at >= x->n) {
            syntax(x, is_variable ? "{{ without }}" : "{% without %}");
            return;
        }
        if (!x->depth &&
            (is_variable ? has(x, x->at, "-}}") || has(x, x->at, "}}") : block_end(x, x->at, "%}")))
            continue;
        char c = x->s[x->at];
        if (c >= '0' && c <= '9')
            lex_number(x);
        else if (!word_ends(x, x->at))
            lex_name(x);
        else if (c == '\'' || c == '"')
            lex_string(x);
        else
            lex_operator(x);
    }
}

/* Text up to the next tag, and the tag. */
static void lex_piece(lexer *x) {
    size_t from = x->at, at = from;
    while (at < x->n && !has(x, at, "{%") && !has(x, at, "{{") && !has(x, at, "{#")) at++;
    if (at >= x->n) {
        add_text(x, from, x->n);
        advance(x, x->n);
        return;
    }
    char tag = x->s[at + 1], sign = at + 2 < x->n ? x->s[at + 2] : 0;
    add_text(x, from, strip_text(x, from, at, sign, tag == '{'));
    size_t raw = tag == '%' ? raw_begin(x, at) : 0;
    advance(x, at);
    if (raw) {
        lex_raw(x, raw);
        return;
    }
    advance(x, at + 2 + (sign == '-' || sign == '+'));
    if (tag == '#') {
        lex_comment(x);
        return;
    }
    add(x, tag == '{' ? T_VAR_BEGIN : T_BLOCK_BEGIN);
    lex_tag(x, tag == '{');
}

/* A copy with \r\n and \r as \n and without one final newline. */
static bool normalize(lexer *x, const char *source, size_t n) {
    char *p = ac__j_alloc(x->j, n + 1);
    if (!p) return false;
    size_t w = 0;
    for (size_t r = 0; r < n; r++) {
        if (source[r] == '\r' && r + 1 < n && source[r + 1] == '\n') continue;
        p[w++] = source[r] == '\r' ? '\n' : source[r];
    }
    if (w && p[w - 1] == '\n') w--;
    x->s = p;
    x->n = w;
    return true;
}

bool ac__j_lex(jinja *j, const char *source, size_t n) {
    lexer *x = ac__j_zalloc(j, sizeof *x);
    if (!x) return false;
    x->j = j;
    x->line_start = true;
    if (!normalize(x, source, n)) return false;
    while (x->at < x->n && !j->status) lex_piece(x);
    add(x, T_EOF);
    return !j->status;
}
