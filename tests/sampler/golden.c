/* Sequences of tokens by seed and settings, the same for every compiler, optimisation and host. With the
 * argument "write" it prints the table golden.def holds, for a change of section 10 of docs/numerics.md. */
#include <sampler.h>

#include "check.h"

enum { TOKENS = 24 };

typedef struct row {
    uint32_t vocab;
    float temperature;
    uint32_t top_k;
    float top_p, min_p, repeat, frequency, presence;
    uint32_t last;
    uint64_t seed;
    int32_t want[TOKENS];
} row;

static const row rows[] = {
#include "golden.def"
};

/* Multiples of 2^-16 below 16 in magnitude, exact in float32. */
static void fill(float *logits, uint32_t n, uint64_t *seed) {
    for (uint32_t i = 0; i < n; i++)
        logits[i] = (float)((int32_t)(check_random(seed) >> 43) - (1 << 20)) * 0x1p-16f;
}

static void run(const row *r, int32_t ids[TOKENS]) {
    static float logits[151936];
    ac_sampler_settings set;
    ac_sampler *s;
    ac_error err = {0};
    uint64_t seed = r->seed ^ r->vocab;
    ac_sampler_defaults(&set);
    set.temperature = r->temperature;
    set.top_k = r->top_k;
    set.top_p = r->top_p;
    set.min_p = r->min_p;
    set.repeat_penalty = r->repeat;
    set.frequency_penalty = r->frequency;
    set.presence_penalty = r->presence;
    set.penalty_last = r->last;
    set.seed = r->seed;
    CHECK(r->vocab <= sizeof logits / sizeof *logits, "vocab");
    CHECK_OK(ac_sampler_open_vocab(r->vocab, &set, &s, &err));
    for (int i = 0; i < TOKENS; i++) {
        if (i % 8 == 0) fill(logits, r->vocab, &seed);
        CHECK_OK(ac_sampler_next(s, logits, &ids[i], &err));
    }
    ac_sampler_close(&s);
}

static void write_row(const row *r, const int32_t ids[TOKENS]) {
    printf("{%u, %af, %u, %af, %af, %af, %af, %af, %u, UINT64_C(%llu),\n {", r->vocab, (double)r->temperature,
           r->top_k, (double)r->top_p, (double)r->min_p, (double)r->repeat, (double)r->frequency,
           (double)r->presence, r->last, (unsigned long long)r->seed);
    for (int i = 0; i < TOKENS; i++)
        printf("%d%s", ids[i], i + 1 == TOKENS ? "}},\n" : i == TOKENS / 2 - 1 ? ",\n  " : ", ");
}

int main(int argc, char **argv) {
    bool writing = argc > 1 && !strcmp(argv[1], "write");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t ids[TOKENS];
        run(&rows[i], ids);
        if (writing)
            write_row(&rows[i], ids);
        else
            for (int k = 0; k < TOKENS; k++)
                CHECK(ids[k] == rows[i].want[k], "row %zu, token %d: want %d, have %d", i, k, rows[i].want[k],
                      ids[k]);
    }
    return 0;
}
