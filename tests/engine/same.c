/* Promise 1: the same bits for every chunking, number of threads, instruction set, interleaving of sequences,
 * fork and rollback. */
#include "support.h"
#include "synth.h"

enum { SEQUENCES = 3 };

typedef struct base {
    source from;
    uint32_t vocab;
    int32_t *ids[SEQUENCES];
    float *logits[SEQUENCES]; /* each sequence alone, in one batch, one thread */
    uint32_t n;
} base;

static void make_base(base *b, uint32_t tokens) {
    way w = {.threads = 1};
    ac_model *m = open_model(&b->from, &w);
    ac_model_info info;
    ac_model_describe(m, &info);
    b->vocab = info.vocab;
    b->n = info.context < tokens ? info.context : tokens;
    for (uint32_t q = 0; q < SEQUENCES; q++) {
        ac_session *s = open_session(m, 0, 1, 512, b->n);
        b->ids[q] = random_ids(q + 1, b->n, b->vocab);
        b->logits[q] = malloc((size_t)b->n * b->vocab * sizeof(float));
        CHECK(b->logits[q], "memory");
        feed(s, 0, b->ids[q], b->n, b->vocab, b->logits[q]);
        ac_session_close(&s);
    }
    ac_model_close(&m);
}

static void chunked(const base *b, unsigned threads, uint32_t batch) {
    way w = {.threads = threads};
    char what[64];
    ac_model *m = open_model(&b->from, &w);
    ac_session *s = open_session(m, 0, 1, batch, b->n);
    float *out = malloc((size_t)b->n * b->vocab * sizeof *out);
    CHECK(out, "memory");
    feed(s, 0, b->ids[0], b->n, b->vocab, out);
    snprintf(what, sizeof what, "batch %u, %u threads", batch, threads);
    same_bits(what, b->logits[0], out, (size_t)b->n * b->vocab);
    free(out);
    ac_session_close(&s);
    ac_model_close(&m);
}

/* Each instruction set of the CPU that is here, by itself. */
static void instruction_sets(const base *b) {
    static const char *const isas[] = {"ref", "avx2", "avx512", "avx512vnni"};
    const char *device = getenv("AC_DEVICE");
    if (device && strcmp(device, "cpu") != 0) return;
    float *out = malloc((size_t)b->n * b->vocab * sizeof *out);
    CHECK(out, "memory");
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        way w = {.threads = 2, .isa = isas[i]};
        ac_model *m;
        ac_status status = try_model(&b->from, &w, &m);
        CHECK(status == AC_OK || status == AC_ERR_UNSUPPORTED || status == AC_ERR_ARGUMENT, "%s: %s", isas[i],
              ac_status_name(status));
        if (status != AC_OK) continue;
        ac_session *s = open_session(m, 0, 1, 48, b->n);
        feed(s, 0, b->ids[0], b->n, b->vocab, out);
        same_bits(isas[i], b->logits[0], out, (size_t)b->n * b->vocab);
        ac_session_close(&s);
        ac_model_close(&m);
    }
    free(out);
}

/* All sequences at once, rows dealt in seeded random order, in evals of random size. */
static void interleaved(const base *b) {
    way w = {.threads = 2};
    ac_error err = {0};
    ac_model *m = open_model(&b->from, &w);
    ac_session *s = open_session(m, 0, SEQUENCES, 48, 64);
    uint32_t at[SEQUENCES] = {0}, left = SEQUENCES * b->n;
    uint64_t random = 11;
    while (left) {
        ac_row rows[64];
        uint32_t where[64][2], n = (uint32_t)(1 + check_random(&random) % 64);
        if (n > left) n = left;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t q = (uint32_t)(check_random(&random) % SEQUENCES);
            while (at[q] == b->n) q = (q + 1) % SEQUENCES;
            where[i][0] = q, where[i][1] = at[q];
            rows[i] = (ac_row){b->ids[q][at[q]++], q, check_random(&random) % 3 == 0};
        }
        left -= n;
        CHECK_OK(ac_session_eval(s, rows, n, &err));
        for (uint32_t i = 0, k = 0; i < n; i++) {
            if (!rows[i].want_logits) continue;
            same_bits("interleaved", b->logits[where[i][0]] + (size_t)where[i][1] * b->vocab,
                      ac_session_logits(s, k++), b->vocab);
        }
    }
    ac_session_close(&s);
    ac_model_close(&m);
}

/* A prefix computed once and shared, then continued by both; and a sequence rolled back and fed again. */
static void reused(const base *b, uint32_t prefix) {
    way w = {.threads = 2};
    ac_error err = {0};
    if (prefix >= b->n) return;
    ac_model *m = open_model(&b->from, &w);
    ac_session *s = open_session(m, 0, 2, 64, b->n);
    float *out = malloc((size_t)b->n * b->vocab * sizeof *out);
    CHECK(out, "memory");
    uint32_t rest = b->n - prefix;
    const float *want = b->logits[0] + (size_t)prefix * b->vocab;
    feed(s, 0, b->ids[1], b->n, b->vocab, NULL); /* other tokens, rolled back to nothing */
    CHECK_OK(ac_session_truncate(s, 0, 0, &err));
    feed(s, 0, b->ids[0], prefix, b->vocab, NULL);
    CHECK_OK(ac_session_fork(s, 0, 1, prefix, &err));
    feed(s, 0, b->ids[2], rest < 40 ? rest : 40, b->vocab, NULL); /* must not disturb the fork */
    feed(s, 1, b->ids[0] + prefix, rest, b->vocab, out);
    same_bits("fork", want, out, (size_t)rest * b->vocab);
    CHECK_OK(ac_session_truncate(s, 0, prefix, &err));
    feed(s, 0, b->ids[0] + prefix, rest, b->vocab, out);
    same_bits("rollback", want, out, (size_t)rest * b->vocab);
    free(out);
    ac_session_close(&s);
    ac_model_close(&m);
}

static void all_ways(source from, uint32_t tokens) {
    base b = {.from = from};
    make_base(&b, tokens);
    static const uint32_t batches[] = {1, 7, 32, 512};
    for (size_t i = 0; i < 4; i++) chunked(&b, 1 + (unsigned)i, batches[i]);
    instruction_sets(&b);
    interleaved(&b);
    reused(&b, 1);
    reused(&b, 100);
    reused(&b, 256);
    reused(&b, 300);
    for (uint32_t q = 0; q < SEQUENCES; q++) {
        free(b.ids[q]);
        free(b.logits[q]);
    }
    printf("%s: same bits in every way\n", from.name);
}

/* Every weight type in every architecture; odd head widths and ratios among them. */
static void synthetic(uint32_t tokens) {
    for (unsigned t = 0; t < AC_TYPE_COUNT; t++) {
        static const char *const archs[] = {"llama", "qwen2", "qwen3"};
        synth m = {.arch = archs[t % 3],
                   .type = (ac_type)t,
                   .dim = 256,
                   .layers = 2,
                   .heads = t % 2 ? 8 : 4,
                   .kv_heads = t % 5 ? 2 : 4,
                   .head_dim = 64,
                   .ffn = 512,
                   .vocab = 307,
                   .context = 512,
                   .tied = t % 4 == 0,
                   .seed = t};
        gw w = synth_model(&m);
        char name[64];
        snprintf(name, sizeof name, "synthetic %s %s", m.arch, ac_type_describe(m.type)->name);
        all_ways((source){name, w.p, w.n}, tokens);
        gw_free(&w);
    }
}

/* same quick | same full | same FILE... */
int main(int argc, char **argv) {
    static const char *const names[] = {"stories260K-F32", "arch-llama3-F32",   "arch-qwen2-F32",
                                        "arch-qwen3-F32",  "stories256-F16",    "stories256-Q8_0",
                                        "stories256-Q6_K", "stories256-Q4_K_M", "stories256-Q4_0"};
    CHECK(argc > 1, "usage: same quick|full|FILE...");
    bool quick = !strcmp(argv[1], "quick"), full = !strcmp(argv[1], "full");
    for (int i = 1; i < argc && !quick && !full; i++) all_ways((source){argv[i], NULL, 0}, 400);
    if (quick) synthetic(40);
    if (full) synthetic(400);
    for (size_t i = 0; full && i < sizeof names / sizeof *names; i++) {
        char name[128];
        snprintf(name, sizeof name, "models/%s.gguf", names[i]);
        const char *path = check_shared(name);
        if (path) all_ways((source){path, NULL, 0}, 400);
    }
    return 0;
}
