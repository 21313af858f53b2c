/* detok.c - ids to text as they come: whole characters only. */
#include "vocab.h"

struct ac_detok {
    const ac_tokenizer *t;
    bool special, started;
    unsigned char held[4]; /* the beginning of a character */
    size_t held_n;
    char *text;
    size_t room;
};

/* Whether byte i (from 1) of a character that starts with `lead` may be b: the well-formed sequences of the
 * Unicode Standard, table 3-7. */
static bool continues(unsigned char lead, size_t i, unsigned char b) {
    unsigned char low = 0x80, high = 0xBF;
    if (i == 1) {
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    }
    return b >= low && b <= high;
}

static size_t replacement(char *out) {
    return memcpy(out, "\xEF\xBF\xBD", 3), (size_t)3;
}

/* Adds a byte; writes what it completes (a character, a replacement of what can no longer become one, or
 * both). A zero byte cannot be shown in a C string and is replaced as well. */
static size_t feed(ac_detok *d, unsigned char b, char *out) {
    size_t to = 0;
    if (d->held_n && !continues(d->held[0], d->held_n, b)) {
        to += replacement(out);
        d->held_n = 0;
    }
    if (!d->held_n && (b < 0xC2 || b > 0xF4)) {
        if (b == 0 || b >= 0x80) return to + replacement(out + to);
        out[to++] = (char)b;
        return to;
    }
    d->held[d->held_n++] = b;
    if (d->held_n < ac__char_len(d->held[0])) return to;
    memcpy(out + to, d->held, d->held_n);
    to += d->held_n;
    d->held_n = 0;
    return to;
}

ac_status ac_detok_open_tokenizer(const ac_tokenizer *t, bool special, ac_detok **out, ac_error *err) {
    ac_detok *d = *out = ac__calloc(1, sizeof *d);
    if (!d) return ac_fail(err, AC_ERR_MEMORY, "detokenizer");
    d->t = t;
    d->special = special;
    d->room = 256;
    d->text = ac__malloc(d->room);
    if (d->text) return AC_OK;
    ac_detok_close(out);
    return ac_fail(err, AC_ERR_MEMORY, "detokenizer");
}

ac_status ac_detok_push(ac_detok *d, int32_t id, const char **text, ac_error *err) {
    const char *p;
    size_t n, to = 0;
    *text = "";
    AC_TRY(ac_tokenizer_bytes(d->t, id, d->special, &p, &n, err));
    if (n > (d->room - 8) / 3) { /* a byte becomes at most a replacement, what was held one more */
        char *more = ac__array_grow(d->text, n + 4, 3);
        if (!more) return ac_fail(err, AC_ERR_MEMORY, "detokenizer: a token of %zu bytes", n);
        d->text = more;
        d->room = (n + 4) * 3;
    }
    if (!d->started && d->t->space_prefix && n && *p == ' ') p++, n--;
    d->started = true;
    for (size_t i = 0; i < n; i++) to += feed(d, (unsigned char)p[i], d->text + to);
    d->text[to] = 0;
    *text = d->text;
    return AC_OK;
}

const char *ac_detok_end(ac_detok *d) {
    size_t to = d->held_n ? replacement(d->text) : 0;
    d->text[to] = 0;
    d->held_n = 0;
    d->started = false;
    return d->text;
}

void ac_detok_close(ac_detok **detok) {
    if (!detok || !*detok) return;
    ac__free((*detok)->text);
    ac__free(*detok);
    *detok = NULL;
}
