/* Broken vocabularies, memory that runs out, many threads: nothing may go wrong but a status. */
#include "support.h"

#include <pthread.h>

#include "alloc.h"

/* Everything an opened tokenizer can be asked. */
static ac_status use(const ac_tokenizer *t, const char *text, size_t n, ac_error *err) {
    int32_t ids[64];
    size_t count;
    ac_detok *d;
    const char *out;
    AC_TRY(ac_tokenizer_encode(t, text, n, AC_TOK_BOS | AC_TOK_SPECIAL, ids, 64, &count, err));
    AC_TRY(ac_detok_open_tokenizer(t, false, &d, err));
    ac_status status = AC_OK;
    for (size_t i = 0; i < count && i < 64 && status == AC_OK; i++) {
        CHECK(ids[i] >= 0 && (uint32_t)ids[i] < ac_tokenizer_size(t), "id %d", ids[i]);
        status = ac_detok_push(d, ids[i], &out, err);
        CHECK(valid_utf8(out, strlen(out)), "half a character");
    }
    ac_detok_close(&d);
    return status;
}

static const char sample[] = "ab <user>abab 12 12<s>\xC3\xA9\xFF\xE6\x97 aaaa\n\n  x's \xF0\x9F\x98\x80";

/* Flips, overwrites and cuts; most lands in lengths, counts and types. */
static void mutate(const gw *w, uint8_t *p, size_t *n, uint64_t *seed) {
    memcpy(p, w->p, w->n);
    *n = w->n;
    for (size_t k = 1 + check_random(seed) % 4; k; k--) {
        uint64_t r = check_random(seed);
        size_t at = r % 3 ? w->field[r % w->n_fields].at : r % w->n;
        switch (r >> 32 & 3) {
        case 0:
            p[at] = (uint8_t)(r >> 40);
            break;
        case 1:
            p[at] ^= (uint8_t)(1u << (r >> 40 & 7));
            break;
        case 2:
            p[at] = (uint8_t)(r >> 40 & 15);
            break;
        default:
            memset(p + at, (r >> 41 & 1) ? 0xFF : 0, at + 8 <= w->n ? 8 : 1);
        }
        if (r >> 60 == 0) *n = check_random(seed) % w->n;
    }
}

static void check_mutations(const char *pre, unsigned rounds, uint64_t *seed) {
    static vocab v;
    gw w = {0};
    small_vocab(&v, pre);
    vocab_write(&w, &v, 1);
    gw_key_u32(&w, "tokenizer.ggml.bos_token_id", 1);
    unsigned opens = 0;
    for (unsigned i = 0; i < rounds; i++) {
        uint8_t *p = malloc(w.n);
        size_t n;
        CHECK(p, "memory");
        mutate(&w, p, &n, seed);
        ac_gguf *g;
        ac_tokenizer *t = NULL;
        ac_error err;
        if (ac_gguf_open_memory(p, n, &g, &err) == AC_OK) {
            ac_status status = ac_tokenizer_open(g, &t, &err);
            CHECK((status == AC_OK) == (t != NULL), "%s", err.detail);
            if (t) use(t, sample, sizeof sample - 1, &err);
            opens += t != NULL;
            ac_tokenizer_close(&t);
            ac_gguf_close(&g);
        }
        free(p);
    }
    CHECK(opens > rounds / 50, "only %u of %u open", opens, rounds);
    gw_free(&w);
    vocab_free(&v);
}

/* Every allocation fails once. */
static void check_memory(const char *pre) {
    static vocab v;
    gw w = {0};
    ac_gguf *g;
    ac_error err;
    small_vocab(&v, pre);
    vocab_write(&w, &v, 0);
    CHECK_OK(ac_gguf_open_memory(w.p, w.n, &g, &err));
    long failed = 0;
    for (ac_status status = AC_ERR_MEMORY; status != AC_OK; failed++) {
        ac_tokenizer *t = NULL;
        ac__alloc_fail_after(failed);
        status = ac_tokenizer_open(g, &t, &err);
        CHECK((status == AC_OK) == (t != NULL), "handle");
        if (t) status = use(t, sample, sizeof sample - 1, &err);
        ac__alloc_fail_after(-1);
        ac_tokenizer_close(&t);
        CHECK(status == AC_OK || status == AC_ERR_MEMORY, "%s: %s", ac_status_name(status), err.detail);
        CHECK(failed < 10000, "no end");
    }
    CHECK(failed > 10, "only %ld allocations", failed);
    ac_gguf_close(&g);
    gw_free(&w);
    vocab_free(&v);
}

typedef struct worker {
    const ac_tokenizer *t;
    idlist want;
    char text[4096];
    size_t n;
} worker;

static void *work(void *arg) {
    worker *w = arg;
    idlist ids = {0};
    for (int i = 0; i < 50; i++) {
        encode(w->t, w->text, w->n, AC_TOK_SPECIAL, &ids);
        CHECK(ids.n == w->want.n && !memcmp(ids.id, w->want.id, ids.n * sizeof *ids.id), "threads disagree");
    }
    free(ids.id);
    return NULL;
}

/* One tokenizer, many threads, each with a text of its own. */
static void check_threads(const char *pre, uint64_t *seed) {
    enum { THREADS = 8 };
    static vocab v;
    static worker workers[THREADS];
    pthread_t threads[THREADS];
    small_vocab(&v, pre);
    opened o = open_vocab(&v);
    for (int i = 0; i < THREADS; i++) {
        worker *w = &workers[i];
        *w = (worker){.t = o.t, .n = sizeof w->text};
        for (size_t k = 0; k < w->n; k++) w->text[k] = sample[check_random(seed) % (sizeof sample - 1)];
        encode(o.t, w->text, w->n, AC_TOK_SPECIAL, &w->want);
    }
    for (int i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, work, &workers[i]), "thread");
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) free(workers[i].want.id);
    close_vocab(&o);
    vocab_free(&v);
}

int main(void) {
    uint64_t seed = 99;
    check_mutations(NULL, 3000, &seed);
    check_mutations("llama-bpe", 3000, &seed);
    check_mutations("sarvam-moe", 1000, &seed);
    check_memory(NULL);
    check_memory("llama-bpe");
    check_memory("deepseek-llm");
    check_threads(NULL, &seed);
    check_threads("gpt-2", &seed);
    return 0;
}
