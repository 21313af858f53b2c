/* sampler.c - choosing a token, exactly: docs/numerics.md, section 10. Candidates are ordered as integers, probabilities are integers, and the generator is
 * stated, so the same logits and seed give the same token on every host. */
#include "sampler.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <anychip/blocks.h>

#include "alloc.h"
#include "exact.h"

enum { MAX_PENALTY_LAST = 65535 };

struct ac_sampler {
    ac_sampler_settings set;
    uint32_t vocab;
    uint64_t random[4];
    float *logits;      /* [vocab] after penalties */
    uint64_t *order;    /* [vocab] candidates: key in the high half, inverted index in the low one, so that larger is better */
    uint64_t *weights;  /* [vocab] of candidates */
    uint16_t *counts;   /* [vocab] how often a token is among the last ones */
    int32_t *last;      /* [penalty_last] ring */
    uint32_t n_last, at_last;
};

/* ---- Settings ---- */

void ac_sampler_defaults(ac_sampler_settings *s) {
    memset(s, 0, sizeof *s);
    s->size = sizeof *s;
    s->top_p = 1;
    s->repeat_penalty = 1;
    s->penalty_last = 64;
}

static ac_status check_range(const char *name, float value, float least, float most, ac_error *err) {
    if (value >= least && value <= most) return AC_OK; /* false for NaN */
    return ac_fail(err, AC_ERR_ARGUMENT, "sampler: %s is %g, want %g to %g", name, (double)value, (double)least, (double)most);
}

static ac_status check_settings(const ac_sampler_settings *s, ac_error *err) {
    if (s->size != sizeof *s) return ac_fail(err, AC_ERR_ARGUMENT, "settings: not from ac_sampler_defaults of this version");
    AC_TRY(check_range("temperature", s->temperature, 0, 100, err));
    if (s->temperature > 0) AC_TRY(check_range("temperature", s->temperature, 0.001f, 100, err));
    AC_TRY(check_range("top_p", s->top_p, 1e-6f, 1, err));
    AC_TRY(check_range("min_p", s->min_p, 0, 1, err));
    AC_TRY(check_range("repeat_penalty", s->repeat_penalty, 0.01f, 100, err));
    AC_TRY(check_range("frequency_penalty", s->frequency_penalty, -100, 100, err));
    AC_TRY(check_range("presence_penalty", s->presence_penalty, -100, 100, err));
    if (s->penalty_last > MAX_PENALTY_LAST)
        return ac_fail(err, AC_ERR_ARGUMENT, "sampler: penalty_last is %u, want 0 to %d", s->penalty_last, MAX_PENALTY_LAST);
    return AC_OK;
}

/* ---- Generator: xoshiro256** (Blackman and Vigna 2021, doi 10.1145/3460772), seeded by splitmix64 ---- */

static void seed_random(uint64_t state[4], uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9E3779B97F4A7C15ull;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        state[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

static uint64_t next_random(uint64_t s[4]) {
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Uniform in [0, n), n > 0: the top bits, drawn again until they are below n. */
static uint64_t draw_below(uint64_t s[4], uint64_t n) {
    int bits = 1;
    while (bits < 63 && (n - 1) >> bits) bits++;
    uint64_t v;
    do v = next_random(s) >> (64 - bits);
    while (v >= n);
    return v;
}

/* ---- Penalties ---- */

static void apply_penalty(const ac_sampler *s, float *logit, uint16_t count) {
    const ac_sampler_settings *p = &s->set;
    double l = (double)*logit;
    l = l > 0 ? l / (double)p->repeat_penalty : l * (double)p->repeat_penalty;
    l = l - ((double)count * (double)p->frequency_penalty + (double)p->presence_penalty);
    *logit = ac_window((float)l);
}

static void copy_logits(ac_sampler *s, const float *logits) {
    for (uint32_t i = 0; i < s->vocab; i++) s->logits[i] = ac_window(logits[i]);
    bool off = s->set.repeat_penalty == 1 && s->set.frequency_penalty == 0 && s->set.presence_penalty == 0;
    for (uint32_t i = 0; !off && i < s->n_last; i++) {
        uint32_t id = (uint32_t)s->last[i];
        bool first = true; /* each token once: the ring is short, and counts say whether looking back is needed */
        for (uint32_t j = 0; s->counts[id] > 1 && j < i && first; j++) first = s->last[j] != s->last[i];
        if (first) apply_penalty(s, &s->logits[id], s->counts[id]);
    }
}

/* ---- Candidates ---- */

/* Larger is better; of equal logits the lower index. */
static uint64_t order_of(float logit, uint32_t id) {
    uint32_t u = ac_bits(logit);
    u = u & 0x80000000u ? ~u : u | 0x80000000u;
    return (uint64_t)u << 32 | (uint32_t)~id;
}

static uint32_t id_of(uint64_t order) { return ~(uint32_t)order; }

static int descending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void swap(uint64_t *a, uint64_t *b) {
    uint64_t t = *a;
    *a = *b;
    *b = t;
}

/* Moves the k largest of v to its front (quickselect, middle of three as pivot; all values differ). */
static void select_largest(uint64_t *v, size_t n, size_t k) {
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v[mid] > v[low]) swap(&v[mid], &v[low]);
        if (v[high] > v[low]) swap(&v[high], &v[low]);
        if (v[high] > v[mid]) swap(&v[high], &v[mid]);
        uint64_t pivot = v[mid];
        size_t i = low, j = high;
        for (;;) {
            while (v[i] > pivot) i++;
            while (v[j] < pivot) j--;
            if (i >= j) break;
            swap(&v[i++], &v[j--]);
        }
        if (j + 1 >= k && j < high) high = j;
        else if (i <= low) break;
        else low = i;
        if (low >= k) break;
    }
}

/* rne(e^((l - max) / t) 2^30); 0 far below the largest. */
static uint64_t weight_of(double l, double max, double t) {
    double x = (l - max) / t;
    return x < -25 ? 0 : (uint64_t)ac__nearest(ac__exp(x) * 1073741824.0);
}

static uint64_t weigh(ac_sampler *s, size_t n, float max, float t) {
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        s->weights[i] = weight_of((double)s->logits[id_of(s->order[i])], (double)max, (double)t);
        total += s->weights[i];
    }
    return total;
}

static size_t keep_top_k(ac_sampler *s, size_t n) {
    size_t k = s->set.top_k;
    if (!k || k >= n) return n;
    select_largest(s->order, n, k);
    return k;
}

/* The smallest set of best candidates whose share reaches top_p. Weights at temperature 1; those of weight 0 cannot be needed. */
static size_t keep_top_p(ac_sampler *s, size_t n, float max) {
    if (s->set.top_p >= 1) return n;
    uint64_t total = weigh(s, n, max, 1), sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (s->weights[i]) s->order[kept++] = s->order[i];
    qsort(s->order, kept, sizeof *s->order, descending);
    double want = (double)s->set.top_p * (double)total;
    for (size_t i = 0; i < kept; i++) {
        sum += weight_of((double)s->logits[id_of(s->order[i])], (double)max, 1);
        if ((double)sum >= want) return i + 1;
    }
    return kept;
}

/* Candidates at least min_p as likely as the best one. */
static size_t keep_min_p(ac_sampler *s, size_t n, float max) {
    if (s->set.min_p <= 0) return n;
    double least = (double)s->set.min_p * 1073741824.0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        double w = (double)weight_of((double)s->logits[id_of(s->order[i])], (double)max, 1);
        if (w >= least) s->order[kept++] = s->order[i];
    }
    return kept;
}

static int ascending_id(const void *a, const void *b) {
    uint32_t x = id_of(*(const uint64_t *)a), y = id_of(*(const uint64_t *)b);
    return x < y ? -1 : x > y;
}

/* Candidates are drawn from in order of their ids, so that it does not matter how they were found. */
static uint32_t draw(ac_sampler *s, size_t n, float max) {
    if (n < s->vocab) qsort(s->order, n, sizeof *s->order, ascending_id);
    uint64_t total = weigh(s, n, max, s->set.temperature), r = draw_below(s->random, total);
    for (size_t i = 0; i < n; i++) {
        if (r < s->weights[i]) return id_of(s->order[i]);
        r -= s->weights[i];
    }
    return id_of(s->order[n - 1]); /* not reached: r < total */
}

ac_status ac_sampler_next(ac_sampler *s, const float *logits, int32_t *id, ac_error *err) {
    if (!logits) return ac_fail(err, AC_ERR_ARGUMENT, "sampler: no logits");
    copy_logits(s, logits);
    uint64_t best = 0;
    for (uint32_t i = 0; i < s->vocab; i++) {
        s->order[i] = order_of(s->logits[i], i);
        if (s->order[i] > best) best = s->order[i];
    }
    uint32_t chosen = id_of(best);
    if (s->set.temperature > 0) {
        float max = s->logits[chosen];
        size_t n = keep_top_k(s, s->vocab);
        n = keep_top_p(s, n, max);
        n = keep_min_p(s, n, max);
        chosen = draw(s, n, max);
    }
    *id = (int32_t)chosen;
    ac_sampler_accept(s, *id);
    return AC_OK;
}

/* ---- Life ---- */

void ac_sampler_accept(ac_sampler *s, int32_t id) {
    if (!s->set.penalty_last || id < 0 || (uint32_t)id >= s->vocab) return;
    if (s->n_last == s->set.penalty_last) {
        s->counts[s->last[s->at_last]]--;
    } else {
        s->n_last++;
    }
    s->last[s->at_last] = id;
    s->at_last = (s->at_last + 1) % s->set.penalty_last;
    s->counts[id]++;
}

void ac_sampler_reset(ac_sampler *s) {
    seed_random(s->random, s->set.seed);
    memset(s->counts, 0, s->vocab * sizeof *s->counts);
    s->n_last = s->at_last = 0;
}

ac_status ac_sampler_open_vocab(uint32_t vocab, const ac_sampler_settings *settings, ac_sampler **out, ac_error *err) {
    ac_sampler_settings defaults;
    *out = NULL;
    ac_sampler_defaults(&defaults);
    if (!settings) settings = &defaults;
    AC_TRY(check_settings(settings, err));
    if (!vocab) return ac_fail(err, AC_ERR_ARGUMENT, "sampler: the vocabulary is empty");
    ac_sampler *s = ac__calloc(1, sizeof *s);
    if (!s) return ac_fail(err, AC_ERR_MEMORY, "sampler");
    s->set = *settings;
    s->vocab = vocab;
    s->logits = ac__array(vocab, sizeof *s->logits);
    s->order = ac__array(vocab, sizeof *s->order);
    s->weights = ac__array(vocab, sizeof *s->weights);
    s->counts = ac__array(vocab, sizeof *s->counts);
    s->last = ac__array(settings->penalty_last ? settings->penalty_last : 1, sizeof *s->last);
    if (!s->logits || !s->order || !s->weights || !s->counts || !s->last) {
        ac_sampler_close(&s);
        return ac_fail(err, AC_ERR_MEMORY, "sampler for %u tokens", vocab);
    }
    ac_sampler_reset(s);
    *out = s;
    return AC_OK;
}

void ac_sampler_close(ac_sampler **sampler) {
    if (!sampler || !*sampler) return;
    ac_sampler *s = *sampler;
    ac__free(s->logits);
    ac__free(s->order);
    ac__free(s->weights);
    ac__free(s->counts);
    ac__free(s->last);
    ac__free(s);
    *sampler = NULL;
}
