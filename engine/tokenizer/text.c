/* text.c - UTF-8, read the way model files expect: what decodes to nothing becomes U+FFFD byte by byte. */
#include "vocab.h"

/* Characters whose class PCRE2 10.42 (Unicode 14) does not know as Unicode 15.1 has it, and one of the same
 * class and length that it does know, inside the same explicit ranges of pre.def. U+180E is no white space
 * since Unicode 6.3. */
static const struct {
    uint32_t first, last, as;
} stand_in[] = {
    {0x00CF3, 0x00CF3, 0x00CBC}, {0x00ECE, 0x00ECE, 0x00EC8}, {0x0180E, 0x0180E, 0x0200B},
    {0x02FFC, 0x02FFF, 0x02FF0}, {0x031EF, 0x031EF, 0x031C0}, {0x0D800, 0x0DFFF, 0x0E000},
    {0x10EFD, 0x10EFF, 0x10A01}, {0x1123F, 0x11240, 0x10000}, {0x11241, 0x11241, 0x10A01},
    {0x11B00, 0x11B09, 0x10100}, {0x11F00, 0x11F01, 0x10A01}, {0x11F02, 0x11F02, 0x10000},
    {0x11F03, 0x11F03, 0x10A01}, {0x11F04, 0x11F10, 0x10000}, {0x11F12, 0x11F33, 0x10000},
    {0x11F34, 0x11F3A, 0x10A01}, {0x11F3E, 0x11F42, 0x10A01}, {0x11F43, 0x11F4F, 0x10100},
    {0x11F50, 0x11F59, 0x10107}, {0x1342F, 0x1342F, 0x10000}, {0x13440, 0x13440, 0x10A01},
    {0x13441, 0x13446, 0x10000}, {0x13447, 0x13455, 0x10A01}, {0x1B132, 0x1B132, 0x10000},
    {0x1B155, 0x1B155, 0x10000}, {0x1D2C0, 0x1D2D3, 0x10107}, {0x1DF25, 0x1DF2A, 0x10000},
    {0x1E030, 0x1E06D, 0x10000}, {0x1E08F, 0x1E08F, 0x10A01}, {0x1E4D0, 0x1E4EB, 0x10000},
    {0x1E4EC, 0x1E4EF, 0x10A01}, {0x1E4F0, 0x1E4F9, 0x10107}, {0x1F6DC, 0x1F6DC, 0x10137},
    {0x1F774, 0x1F776, 0x10137}, {0x1F77B, 0x1F77F, 0x10137}, {0x1F7D9, 0x1F7D9, 0x10137},
    {0x1FA75, 0x1FA77, 0x10137}, {0x1FA87, 0x1FA88, 0x10137}, {0x1FAAD, 0x1FAAF, 0x10137},
    {0x1FABB, 0x1FABD, 0x10137}, {0x1FABF, 0x1FABF, 0x10137}, {0x1FACE, 0x1FACF, 0x10137},
    {0x1FADA, 0x1FADB, 0x10137}, {0x1FAE8, 0x1FAE8, 0x10137}, {0x1FAF7, 0x1FAF8, 0x10137},
    {0x2B739, 0x2B739, 0x2B738}, {0x2EBF0, 0x2EE5D, 0x30000}, {0x31350, 0x323AF, 0x30000},
};

static uint32_t seen_as(uint32_t c) {
    size_t lo = 0, hi = sizeof stand_in / sizeof *stand_in;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > stand_in[mid].last)
            lo = mid + 1;
        else if (c < stand_in[mid].first)
            hi = mid;
        else
            return stand_in[mid].as;
    }
    return c;
}

/* Reads one character, overlong forms and surrogates included; 0 when the byte decodes to nothing. */
static size_t read_char(const unsigned char *p, size_t n, uint32_t *c) {
    unsigned char lead = p[0];
    if (lead < 0x80) return *c = lead, 1;
    if (lead < 0xC0 || lead > 0xF7) return 0;
    size_t len = ac__char_len(lead);
    if (len > n) return 0;
    uint32_t v = lead & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        v = v << 6 | (p[i] & 0x3F);
    }
    *c = v;
    return v < 0x110000 ? len : 0;
}

size_t ac__put_char(char *out, uint32_t c) {
    unsigned char *o = (unsigned char *)out;
    if (c < 0x80) return o[0] = (unsigned char)c, 1;
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i; i--, c >>= 6) o[i] = (unsigned char)(0x80 | (c & 0x3F));
    o[0] = (unsigned char)(c | (0xF00u >> len & 0xFF));
    return len;
}

static size_t char_size(uint32_t c) {
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* Bytes of the text when written out anew, and whether that, and the stand-ins, change anything. */
static size_t measure(const unsigned char *p, size_t n, bool *rewrite, bool *stand) {
    size_t out = 0;
    *rewrite = *stand = false;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = read_char(p + i, n - i, &c);
        if (len == 1) {
            out++, i++;
            continue;
        }
        if (!len) c = 0xFFFD;
        size_t size = char_size(c);
        if (size != len) *rewrite = true;
        if (c >= 0xCF3 && seen_as(c) != c) *stand = true;
        out += size;
        i += len ? len : 1;
    }
    return out;
}

bool ac__text_open(ac__text *t, const char *text, size_t n) {
    const unsigned char *p = (const unsigned char *)text;
    bool rewrite, stand;
    *t = (ac__text){text, text, measure(p, n, &rewrite, &stand), NULL, NULL};
    if (rewrite) t->text = t->own_text = ac__malloc(t->n);
    if (rewrite || stand) t->subject = t->own_subject = ac__malloc(t->n);
    if (!t->text || !t->subject) {
        ac__text_close(t);
        return false;
    }
    if (!rewrite && !stand) return true;
    for (size_t i = 0, to = 0; i < n;) {
        uint32_t c;
        size_t len = read_char(p + i, n - i, &c);
        if (!len) c = 0xFFFD;
        if (rewrite) ac__put_char(t->own_text + to, c);
        to += ac__put_char(t->own_subject + to, seen_as(c));
        i += len ? len : 1;
    }
    return true;
}

void ac__text_close(ac__text *t) {
    ac__free(t->own_text);
    ac__free(t->own_subject);
    memset(t, 0, sizeof *t);
}

/* GPT-2 writes a byte as itself when that is a visible character of Latin-1, else as the next one from
 * U+0100. */
uint32_t ac__byte_letter(unsigned char byte) {
    if (byte <= 0x20) return 0x100u + byte;
    if (byte >= 0x7F && byte <= 0xA0) return 0x121u + byte - 0x7F;
    return byte == 0xAD ? 0x143u : byte;
}

int ac__letter_byte(uint32_t letter) {
    if (letter < 0x100) return ac__byte_letter((unsigned char)letter) == letter ? (int)letter : -1;
    if (letter <= 0x120) return (int)(letter - 0x100);
    if (letter <= 0x142) return (int)(letter - 0x121 + 0x7F);
    return letter == 0x143 ? 0xAD : -1;
}
