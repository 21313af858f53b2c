/* encode.c - text to ids, and the questions a tokenizer answers. */
#include "vocab.h"

static ac_status encode_parts(ac__encode *e, const char *text, const ac__part *part, size_t parts) {
    bool behind_special = true; /* the start counts as one */
    for (size_t i = 0; i < parts; i++) {
        const ac__part *p = &part[i];
        if (p->id >= 0) {
            ac__emit(e, (uint32_t)p->id);
        } else if (e->t->spm) {
            AC_TRY(ac__encode_spm(e, text + p->at, p->n, e->t->space_prefix && behind_special));
        } else {
            AC_TRY(ac__encode_bpe(e, text + p->at, p->n));
        }
        behind_special = p->id >= 0;
    }
    return AC_OK;
}

static ac_status encode_open(ac__encode *e) {
    if (e->t->spm) return AC_OK;
    AC_TRY(ac__words_open(&e->words, &e->t->pre, e->err));
    if (!(e->t->pre.flags & (AC__PRE_IGNORE_MERGES | AC__PRE_NEWLINES))) return AC_OK;
    e->letters = ac__array(e->t->longest, 2);
    return e->letters ? AC_OK : ac_fail(e->err, AC_ERR_MEMORY, "tokenizer: words of %u bytes", e->t->longest);
}

static void encode_close(ac__encode *e) {
    ac__free(e->symbol);
    ac__free(e->heap.job);
    ac__free(e->letters);
    ac__words_close(&e->words);
}

ac_status ac_tokenizer_encode(const ac_tokenizer *t, const char *text, size_t bytes, unsigned flags,
                              int32_t *ids, size_t cap, size_t *count, ac_error *err) {
    *count = 0;
    if (flags & ~(unsigned)(AC_TOK_BOS | AC_TOK_SPECIAL))
        return ac_fail(err, AC_ERR_ARGUMENT, "flags: 0x%x are not known", flags);
    if ((!text && bytes) || (!ids && cap))
        return ac_fail(err, AC_ERR_ARGUMENT, "%s: is NULL", ids || !cap ? "text" : "ids");
    if (bytes > AC__TEXT_MAX)
        return ac_fail(err, AC_ERR_LIMIT, "text: want at most %zu bytes, have %zu", AC__TEXT_MAX, bytes);
    ac__encode e = {.t = t, .err = err, .ids = ids, .cap = cap};
    ac__part *part = NULL;
    size_t parts = 0;
    ac_status status = encode_open(&e);
    if (status == AC_OK)
        status = ac__special_split(t, text, bytes, flags & AC_TOK_SPECIAL, &part, &parts, err);
    if (status == AC_OK && flags & AC_TOK_BOS && t->add_bos) ac__emit(&e, (uint32_t)t->bos);
    if (status == AC_OK) status = encode_parts(&e, text, part, parts);
    if (status == AC_OK && flags & AC_TOK_BOS && t->add_eos) ac__emit(&e, (uint32_t)t->eos);
    if (status == AC_OK) *count = e.count;
    ac__free(part);
    encode_close(&e);
    return status;
}

ac_status ac_tokenizer_bytes(const ac_tokenizer *t, int32_t id, bool special, const char **p, size_t *n,
                             ac_error *err) {
    *p = "";
    *n = 0;
    if (id < 0 || (uint32_t)id >= t->n)
        return ac_fail(err, AC_ERR_TEXT, "token %d: want 0 to %u", (int)id, t->n - 1);
    if (!special && t->kind[id] & (AC__TOK_CONTROL | AC__TOK_UNKNOWN)) return AC_OK;
    *p = t->pieces + t->piece_at[id];
    *n = t->piece_at[id + 1] - t->piece_at[id];
    return AC_OK;
}

bool ac_tokenizer_ends(const ac_tokenizer *t, int32_t id) {
    return id >= 0 && (uint32_t)id < t->n && t->kind[id] & AC__TOK_ENDS;
}

int32_t ac_tokenizer_bos(const ac_tokenizer *t) {
    return t->bos;
}
int32_t ac_tokenizer_eos(const ac_tokenizer *t) {
    return t->eos;
}
uint32_t ac_tokenizer_size(const ac_tokenizer *t) {
    return t->n;
}
const char *ac_tokenizer_name(const ac_tokenizer *t) {
    return t->name;
}
const char *ac_tokenizer_warning(const ac_tokenizer *t) {
    return t->warning[0] ? t->warning : NULL;
}
