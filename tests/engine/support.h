/* support.h - what the engine's tests share: models to run on, token streams, logits by any way of feeding.
 */
#ifndef AC_TESTS_ENGINE_SUPPORT_H
#define AC_TESTS_ENGINE_SUPPORT_H

#include <anychip/anychip.h>

#include "check.h"

/* How a token stream is fed; zero means the default. */
typedef struct way {
    const char *device, *isa;
    unsigned threads;
    uint32_t batch;
} way;

/* A model: a file, or bytes in memory. */
typedef struct source {
    const char *name; /* path when data is NULL */
    const void *data;
    size_t bytes;
} source;

/* Opens a model as `w` says. AC_DEVICE, AC_CPU_ISA and AC_DEVICE_MASK choose where every engine test runs. */
static inline ac_status try_model(const source *from, const way *w, ac_model **m) {
    ac_error err = {0};
    ac_model_settings set;
    ac_model_defaults(&set);
    set.device = w->device ? w->device : getenv("AC_DEVICE");
    set.threads = w->threads;
    set.cpu_isa = w->isa ? w->isa : getenv("AC_CPU_ISA");
    set.device_mask = getenv("AC_DEVICE_MASK");
    ac_status status = from->data ? ac_model_open_memory(from->data, from->bytes, &set, m, &err)
                                  : ac_model_open(from->name, &set, m, &err);
    if (status != AC_OK) printf("%s: %s: %s\n", from->name, ac_status_name(status), err.detail);
    return status;
}

/* The same; ends the test on failure. */
static inline ac_model *open_model(const source *from, const way *w) {
    ac_model *m;
    CHECK(try_model(from, w, &m) == AC_OK, "%s does not open", from->name);
    return m;
}

static inline ac_session *open_session(ac_model *m, uint32_t context, uint32_t sequences, uint32_t batch,
                                       uint32_t outputs) {
    ac_error err = {0};
    ac_session_settings set;
    ac_session_defaults(&set);
    set.context = context;
    set.sequences = sequences;
    if (batch) set.batch = batch;
    set.max_outputs = outputs;
    ac_session *s;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    return s;
}

/* Appends tokens to a sequence, all logits into out [n][vocab] (may be NULL). */
static inline void feed(ac_session *s, uint32_t seq, const int32_t *ids, size_t n, uint32_t vocab,
                        float *out) {
    ac_error err = {0};
    ac_row *rows = calloc(n, sizeof *rows);
    CHECK(rows, "memory");
    for (size_t i = 0; i < n; i++) rows[i] = (ac_row){ids[i], seq, out != NULL};
    CHECK_OK(ac_session_eval(s, rows, n, &err));
    for (size_t i = 0; i < n && out; i++)
        memcpy(out + i * vocab, ac_session_logits(s, i), vocab * sizeof *out);
    free(rows);
}

static inline uint32_t vocab_of(const ac_model *m) {
    ac_model_info info;
    ac_model_describe(m, &info);
    return info.vocab;
}

/* Bits of two logits blocks must be the same. */
static inline void same_bits(const char *what, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        CHECK(!memcmp(a + i, b + i, 4) || (a[i] == 0 && b[i] == 0), "%s: element %zu is %.9g and %.9g", what,
              i, (double)a[i], (double)b[i]);
}

/* A stream of n seeded tokens below vocab. */
static inline int32_t *random_ids(uint64_t seed, size_t n, uint32_t vocab) {
    int32_t *ids = malloc(n * sizeof *ids);
    CHECK(ids, "memory");
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)(check_random(&seed) % vocab);
    return ids;
}

#endif
