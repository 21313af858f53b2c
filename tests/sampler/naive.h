/* naive.h - docs/numerics.md, section 10, once more: long double and libm's exponential, full sorts, nothing
 * shared with the sampler. Weights may differ from the sampler's by one unit of 2^-40, which no test below
 * can see. */
#ifndef AC_TESTS_NAIVE_H
#define AC_TESTS_NAIVE_H

#include <math.h>

#include <anychip/anychip.h>

#include "check.h"

enum { NAIVE_MAX = 4096 };

typedef struct naive {
    ac_sampler_settings set;
    uint32_t vocab;
    uint64_t state[4];
    int32_t history[NAIVE_MAX];
    uint32_t n_history;
} naive;

typedef struct naive_row {
    float logit;
    uint32_t id;
    uint64_t weight;
} naive_row;

static inline uint64_t naive_random(naive *s) {
    uint64_t *x = s->state, five = x[1] * 5, result = ((five << 7) | (five >> 57)) * 9, t = x[1] << 17;
    x[2] ^= x[0];
    x[3] ^= x[1];
    x[1] ^= x[2];
    x[0] ^= x[3];
    x[2] ^= t;
    x[3] = (x[3] << 45) | (x[3] >> 19);
    return result;
}

static inline void naive_open(naive *s, uint32_t vocab, const ac_sampler_settings *set) {
    *s = (naive){.set = *set, .vocab = vocab};
    uint64_t seed = set->seed;
    for (int i = 0; i < 4; i++) s->state[i] = check_random(&seed);
}

static inline float naive_window(float x) {
    float m = fabsf(x), small = ldexpf(1, -50), large = ldexpf(1, 50);
    if (m < small) return 0;
    return !(m <= large) ? copysignf(large, x) : x;
}

static inline float naive_penalized(const naive *s, float logit, uint32_t id) {
    const ac_sampler_settings *p = &s->set;
    uint32_t count = 0, from = s->n_history > p->penalty_last ? s->n_history - p->penalty_last : 0;
    for (uint32_t i = from; i < s->n_history; i++) count += (uint32_t)s->history[i] == id;
    logit = naive_window(logit);
    if (!count || (p->repeat_penalty == 1 && p->frequency_penalty == 0 && p->presence_penalty == 0))
        return logit;
    double l = logit;
    l = l > 0 ? l / (double)p->repeat_penalty : l * (double)p->repeat_penalty;
    l -= (double)count * (double)p->frequency_penalty + (double)p->presence_penalty;
    return naive_window((float)l);
}

static inline int naive_better(const void *a, const void *b) {
    const naive_row *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static inline int naive_earlier(const void *a, const void *b) {
    const naive_row *x = a, *y = b;
    return x->id < y->id ? -1 : 1;
}

static inline uint64_t naive_weigh(naive_row *rows, uint32_t n, float max, float t) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        double x = ((double)rows[i].logit - (double)max) / (double)t;
        rows[i].weight = x < -30 ? 0 : (uint64_t)llrintl(expl(x) * 0x1p40L);
        total += rows[i].weight;
    }
    return total;
}

/* The candidates after top_k, top_p and min_p, best first; gives how many. */
static inline uint32_t naive_candidates(const naive *s, const float *logits, naive_row *rows) {
    const ac_sampler_settings *p = &s->set;
    uint32_t n = s->vocab, kept;
    for (uint32_t i = 0; i < n; i++) rows[i] = (naive_row){naive_penalized(s, logits[i], i), i, 0};
    qsort(rows, n, sizeof *rows, naive_better);
    if (p->temperature == 0) return 1;
    if (p->top_k && p->top_k < n) n = p->top_k;
    uint64_t total = naive_weigh(rows, n, rows[0].logit, 1), sum = 0;
    if (p->top_p < 1) {
        uint64_t part = (uint64_t)llrintl((long double)p->top_p * 0x1p32L);
        uint64_t want = (uint64_t)((unsigned __int128)total * part >> 32);
        if (!want) want = 1;
        for (kept = 0; kept < n && sum < want; kept++) sum += rows[kept].weight;
        n = kept;
    }
    uint64_t least = (uint64_t)llrintl((long double)p->min_p * 0x1p40L);
    for (kept = 0; kept < n && rows[kept].weight >= least; kept++) continue;
    return kept;
}

static inline int32_t naive_next(naive *s, const float *logits) {
    static naive_row rows[200000];
    CHECK(s->vocab <= 200000 && s->n_history < NAIVE_MAX, "sizes");
    uint32_t n = naive_candidates(s, logits, rows), i = 0;
    if (s->set.temperature > 0) {
        uint64_t total = naive_weigh(rows, n, rows[0].logit, s->set.temperature), v, bits = 0;
        while (bits < 64 && (total - 1) >> bits) bits++;
        do v = naive_random(s) >> (64 - bits);
        while (v >= total);
        qsort(rows, n, sizeof *rows, naive_earlier);
        for (; v >= rows[i].weight; i++) v -= rows[i].weight;
    }
    s->history[s->n_history++] = (int32_t)rows[i].id;
    return (int32_t)rows[i].id;
}

#endif
