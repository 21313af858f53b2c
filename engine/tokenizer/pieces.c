/* pieces.c - the bytes of tokens as they appear in text. */
#include "vocab.h"

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The byte of "<0x41>", -1 when the text is something else. */
static int byte_of(ac_str s) {
    if (s.n != 6 || memcmp(s.p, "<0x", 3) != 0 || s.p[5] != '>' || hex(s.p[3]) < 0 || hex(s.p[4]) < 0)
        return -1;
    return hex(s.p[3]) * 16 + hex(s.p[4]);
}

static size_t spaces_back(ac_str s, char *out) {
    size_t to = 0;
    for (size_t i = 0; i < s.n;) {
        bool space = s.n - i >= 3 && memcmp(s.p + i, AC__SPACE, 3) == 0;
        out[to++] = space ? ' ' : s.p[i];
        i += space ? 3 : 1;
    }
    return to;
}

/* Byte letters become bytes; whatever is none stays. */
static size_t letters_back(ac_str s, char *out) {
    size_t to = 0;
    for (size_t i = 0; i < s.n;) {
        unsigned char a = (unsigned char)s.p[i], b = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
        bool two = a >= 0xC2 && a <= 0xDF && (b & 0xC0) == 0x80;
        int byte = two ? ac__letter_byte((a & 0x1Fu) << 6 | (b & 0x3Fu)) : a < 0x80 ? ac__letter_byte(a) : -1;
        if (byte >= 0)
            out[to++] = (char)byte;
        else
            for (size_t k = 0; k <= two; k++) out[to++] = s.p[i + k];
        i += 1 + two;
    }
    return to;
}

static size_t piece(const ac_tokenizer *t, uint32_t id, char *out) {
    ac_str s = t->strings.key[id];
    unsigned kind = t->kind[id];
    int byte = kind & AC__TOK_BYTE ? byte_of(s) : -1;
    if (byte >= 0) return out[0] = (char)byte, 1;
    if (kind & AC__TOK_SILENT) return 0;
    if (!(kind & (AC__TOK_CONTROL | AC__TOK_UNKNOWN | AC__TOK_USER | AC__TOK_BYTE)))
        return t->spm || t->pre.flags & AC__PRE_RAW ? spaces_back(s, out) : letters_back(s, out);
    memcpy(out, s.p, s.n);
    return s.n;
}

bool ac__pieces_open(ac_tokenizer *t) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < t->n; i++) bytes += t->strings.key[i].n;
    t->pieces = ac__malloc(bytes + 1);
    t->piece_at = ac__array((size_t)t->n + 1, sizeof *t->piece_at);
    if (!t->pieces || !t->piece_at) return false;
    size_t at = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        t->piece_at[i] = at;
        at += piece(t, i, t->pieces + at);
    }
    t->piece_at[t->n] = at;
    return true;
}
