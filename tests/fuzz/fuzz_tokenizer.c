/* fuzz_tokenizer.c - text for a fixed vocabulary under any pre-tokenizer, or a whole model file of any
 * vocabulary.
 *
 * The first byte chooses: below 128, the pre-tokenizer with that number (modulo how many there are; one more
 * is the SentencePiece-style model) and the rest is text; else the rest is a file, to which a fixed text is
 * put. */
#include "tokenizer/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const pres[] = {
#define NAME(name, family, flags) name,
#include "tokenizer/pre.def"
};
enum { PRES = sizeof pres / sizeof *pres };

static opened *fixed(size_t k) {
    static opened all[PRES + 1];
    if (all[k].t) return &all[k];
    static vocab v;
    v.model = k < PRES ? "gpt2" : "llama";
    v.pre = k < PRES ? pres[k] : NULL;
    vocab_byte_tokens(&v);
    vocab_letters(&v);
    for (const char *const *p = (const char *const[]){"ab", "abab", "\342\226\201a", "12", "\n\n", NULL}; *p;
         p++)
        vocab_add(&v, *p, 1, -1);
    vocab_add(&v, "<user>", 4, 0);
    vocab_merge(&v, "a", "b");
    vocab_merge(&v, "ab", "ab");
    vocab_merge(&v, "ab", "c");
    all[k] = open_vocab(&v);
    vocab_free(&v);
    return &all[k];
}

/* What must hold for every text: the same ids twice, all in range, whole characters out, and valid text back.
 */
static void check_text(const ac_tokenizer *t, const char *text, size_t n, bool exact) {
    idlist ids = {0};
    bytes back = {0};
    encode(t, text, n, AC_TOK_SPECIAL, &ids);
    for (size_t i = 0; i < ids.n; i++)
        CHECK(ids.id[i] >= 0 && (uint32_t)ids.id[i] < ac_tokenizer_size(t), "id");
    put(&back, "", 0);
    decode(t, ids.id, ids.n, true, &back);
    CHECK(valid_utf8(back.p, back.n), "half a character");
    if (exact && valid_utf8(text, n) && !memchr(text, 0, n))
        CHECK(back.n == n && !memcmp(back.p, text, n), "lost");
    free(back.p);
    free(ids.id);
}

static void check_file(const uint8_t *data, size_t n) {
    static const char text[] = "ab <user>abab 12\xC3\xA9\xFF aaaa\n\n  x's <s>";
    ac_gguf *g;
    ac_tokenizer *t;
    ac_error err;
    int32_t ids[256];
    size_t count;
    if (ac_gguf_open_memory(data, n, &g, &err) != AC_OK) return;
    if (ac_tokenizer_open(g, &t, &err) == AC_OK) {
        if (ac_tokenizer_encode(t, text, sizeof text - 1, AC_TOK_BOS | AC_TOK_SPECIAL, ids, 256, &count,
                                &err) == AC_OK) {
            bytes back = {0};
            decode(t, ids, count < 256 ? count : 256, false, &back);
            free(back.p);
        }
        ac_tokenizer_close(&t);
    }
    ac_gguf_close(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!n) return 0;
    if (data[0] < 128) {
        size_t k = data[0] % (PRES + 1);
        bool raw = k < PRES && (!strcmp(pres[k], "gemma4") || !strcmp(pres[k], "sarvam-moe"));
        check_text(fixed(k)->t, (const char *)data + 1, n - 1, k < PRES && !raw);
        return 0;
    }
    uint8_t *copy = malloc(n); /* exactly as long, so that a byte too far is seen */
    CHECK(copy, "memory");
    memcpy(copy, data + 1, n - 1);
    check_file(copy, n - 1);
    free(copy);
    return 0;
}
