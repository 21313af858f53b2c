/* sampler.c - choosing a token, exactly: docs/numerics.md, section 10. Candidates are ordered as integers,
 * weights are integers, and the generator is stated, so the same logits and seed give the same token on every
 * host. */
#include "sampler.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <anychip/blocks.h>

#include "alloc.h"
#include "exact.h"

enum { MAX_PENALTY_LAST = 65535, MAX_VOCAB = 1 << 22, BLOCK = 256 };
static const uint32_t SEEN = 0x80000000u;      /* in counts, while penalties are applied */
static const uint64_t ONE = UINT64_C(1) << 40; /* the weight of the best candidate */

struct ac_sampler {
    ac_sampler_settings set;
    uint32_t vocab;
    uint64_t random[4];
    float *logits;     /* [vocab] after penalties */
    uint64_t *order;   /* [vocab] candidates */
    uint64_t *weights; /* [vocab] of candidates */
    uint32_t *counts;  /* [vocab] how often a token is among the last ones */
    int32_t *last;     /* [penalty_last] ring */
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
    return ac_fail(err, AC_ERR_ARGUMENT, "sampler: %s is %g, want %g to %g", name, (double)value,
                   (double)least, (double)most);
}

static ac_status check_settings(const ac_sampler_settings *s, ac_error *err) {
    if (s->size != sizeof *s)
        return ac_fail(err, AC_ERR_ARGUMENT, "settings: not from ac_sampler_defaults of this version");
    AC_TRY(check_range("temperature", s->temperature, 0, 1e6f, err));
    AC_TRY(check_range("top_p", s->top_p, 1e-9f, 1, err));
    AC_TRY(check_range("min_p", s->min_p, 0, 1, err));
    AC_TRY(check_range("repeat_penalty", s->repeat_penalty, 0.01f, 100, err));
    AC_TRY(check_range("frequency_penalty", s->frequency_penalty, -100, 100, err));
    AC_TRY(check_range("presence_penalty", s->presence_penalty, -100, 100, err));
    if (s->penalty_last > MAX_PENALTY_LAST)
        return ac_fail(err, AC_ERR_ARGUMENT, "sampler: penalty_last is %u, want 0 to %d", s->penalty_last,
                       MAX_PENALTY_LAST);
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

static uint64_t rotate(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

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

/* ---- Logits ---- */

static void apply_penalty(const ac_sampler *s, float *logit, uint32_t count) {
    const ac_sampler_settings *p = &s->set;
    double l = (double)ac_window(*logit);
    l = l > 0 ? l / (double)p->repeat_penalty : l * (double)p->repeat_penalty;
    l = l - ((double)count * (double)p->frequency_penalty + (double)p->presence_penalty);
    *logit = ac_window((float)l);
}

/* The logits after penalties, not windowed yet. */
static const float *penalized(ac_sampler *s, const float *logits) {
    const ac_sampler_settings *p = &s->set;
    bool off = p->repeat_penalty == 1 && p->frequency_penalty == 0 && p->presence_penalty == 0;
    if (off || !s->n_last) return logits;
    memcpy(s->logits, logits, s->vocab * sizeof *logits);
    for (uint32_t i = 0; i < s->n_last; i++) {
        uint32_t *count = &s->counts[s->last[i]];
        if (!(*count & SEEN)) apply_penalty(s, &s->logits[s->last[i]], *count);
        *count |= SEEN;
    }
    for (uint32_t i = 0; i < s->n_last; i++) s->counts[s->last[i]] &= ~SEEN;
    return s->logits;
}

/* An integer in the order of the windowed logit. */
static inline int32_t key_of(float logit) {
    int32_t u = (int32_t)ac_bits(logit), m = u & 0x7fffffff;
    m = m > (int32_t)AC_BITS_LARGE ? (int32_t)AC_BITS_LARGE : m < (int32_t)AC_BITS_SMALL ? 0 : m;
    return u < 0 ? -m : m;
}

/* A candidate as one integer: larger is better; of equal logits the lower id. */
static uint64_t order_of(int32_t key, uint32_t id) {
    return (uint64_t)((uint32_t)key ^ 0x80000000u) << 32 | (uint32_t)~id;
}
static uint32_t id_of(uint64_t order) {
    return ~(uint32_t)order;
}

static int32_t largest_key(const float *logits, uint32_t n) {
    int32_t best = INT32_MIN;
    for (uint32_t i = 0; i < n; i++) {
        int32_t key = key_of(logits[i]);
        best = key > best ? key : best;
    }
    return best;
}

/* The first of the largest: the maximum alone is a loop that compilers make fast. */
static uint32_t best_of(const float *logits, uint32_t n) {
    int32_t best = largest_key(logits, n);
    uint32_t i = 0;
    while (key_of(logits[i]) != best) i++;
    return i;
}

/* ---- Candidates ---- */

/* Lets v[at] sink to its place in a heap of n whose least is v[0]. */
static void sink(uint64_t *v, size_t n, size_t at) {
    uint64_t x = v[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && v[child + 1] < v[child]) child++;
        if (v[child] >= x) break;
        v[at] = v[child];
    }
    v[at] = x;
}

static void make_heap(uint64_t *v, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sink(v, n, i);
}

/* A heap of the k best so far; what comes later has to be better than its least, and blocks without such are
 * passed by. */
static size_t choose_top_k(ac_sampler *s, const float *logits, uint32_t k) {
    uint64_t *heap = s->order;
    for (uint32_t i = 0; i < k; i++) heap[i] = order_of(key_of(logits[i]), i);
    make_heap(heap, k);
    for (uint32_t from = k; from < s->vocab;) {
        uint32_t to = s->vocab - from > BLOCK ? from + BLOCK : s->vocab;
        bool better = order_of(largest_key(logits + from, to - from), from) > heap[0];
        for (; better && from < to; from++) {
            uint64_t order = order_of(key_of(logits[from]), from);
            if (order <= heap[0]) continue;
            heap[0] = order;
            sink(heap, k, 0);
        }
        from = to;
    }
    return k;
}

static size_t choose_all(ac_sampler *s, const float *logits) {
    for (uint32_t i = 0; i < s->vocab; i++) s->order[i] = order_of(key_of(logits[i]), i);
    return s->vocab;
}

/* ---- Weights ---- */

/* e^x for -30 <= x <= 0: 2^n e^r, e^r by its series. */
static double exp_of(double x) {
    static const double c[] = {
        1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,      1.0 / 720,
        1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600};
    static const double log2e = 0x1.71547652b82fep+0, ln2_high = 0x1.62e42feep-1,
                        ln2_low = 0x1.a39ef35793c76p-33;
    double n = ac__nearest(x * log2e), r = (x - n * ln2_high) - n * ln2_low, p = c[12];
    for (int k = 11; k >= 0; k--) p = p * r + c[k];
    uint64_t u = (uint64_t)(1023 + (int)n) << 52;
    double scale;
    memcpy(&scale, &u, sizeof scale);
    return p * scale;
}

/* rne(e^((l - max) / t) 2^40). */
static uint64_t weight_of(float logit, double max, double t) {
    double x = ((double)ac_window(logit) - max) / t;
    return x < -30 ? 0 : (uint64_t)ac__nearest(exp_of(x) * (double)ONE);
}

static uint64_t weigh(ac_sampler *s, const float *logits, size_t n, double max, double t) {
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        s->weights[i] = weight_of(logits[id_of(s->order[i])], max, t);
        total += s->weights[i];
    }
    return total;
}

/* The least sum of weights that is at least top_p of the total, top_p in steps of 2^-32; at least 1. */
static uint64_t share_of(uint64_t total, float top_p) {
    uint64_t p = (uint64_t)ac__nearest((double)top_p * 4294967296.0);
    uint64_t share = (total >> 32) * p + ((total & 0xffffffffu) * p >> 32);
    return share ? share : 1;
}

/* The fewest best candidates whose share reaches top_p, taken from a heap one by one (as ~order, so that the
 * best is its least). They end up in front. Weights at temperature 1; candidates of weight 0 cannot be
 * needed. */
static size_t keep_top_p(ac_sampler *s, const float *logits, size_t n, double max) {
    if (s->set.top_p >= 1) return n;
    uint64_t want = share_of(weigh(s, logits, n, max, 1), s->set.top_p), sum = 0;
    size_t left = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (s->weights[i]) s->order[left++] = ~s->order[i];
    make_heap(s->order, left);
    for (; sum < want; kept++) {
        uint64_t best = ~s->order[0];
        sum += weight_of(logits[id_of(best)], max, 1);
        s->weights[kept] = best; /* their room is not needed for weights any more */
        s->order[0] = s->order[--left];
        sink(s->order, left, 0);
    }
    memcpy(s->order, s->weights, kept * sizeof *s->order);
    return kept;
}

/* Candidates at least min_p as likely as the best one. */
static size_t keep_min_p(ac_sampler *s, const float *logits, size_t n, double max) {
    if (s->set.min_p <= 0) return n;
    uint64_t least = (uint64_t)ac__nearest((double)s->set.min_p * (double)ONE);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (weight_of(logits[id_of(s->order[i])], max, 1) >= least) s->order[kept++] = s->order[i];
    return kept;
}

static int ascending_id(const void *a, const void *b) {
    uint32_t x = id_of(*(const uint64_t *)a), y = id_of(*(const uint64_t *)b);
    return x < y ? -1 : x > y;
}

/* Candidates are drawn from in order of their ids, so that it does not matter how they were found. */
static uint32_t draw(ac_sampler *s, const float *logits, size_t n, double max) {
    bool in_order = true;
    for (size_t i = 1; i < n && in_order; i++) in_order = id_of(s->order[i - 1]) < id_of(s->order[i]);
    if (!in_order) qsort(s->order, n, sizeof *s->order, ascending_id);
    uint64_t total = weigh(s, logits, n, max, (double)s->set.temperature), r = draw_below(s->random, total);
    size_t i = 0;
    for (; r >= s->weights[i]; i++) r -= s->weights[i]; /* ends: r is below the total */
    return id_of(s->order[i]);
}

ac_status ac_sampler_next(ac_sampler *s, const float *logits, int32_t *id, ac_error *err) {
    AC_FP_SCOPE;
    if (!logits) return ac_fail(err, AC_ERR_ARGUMENT, "sampler: no logits");
    logits = penalized(s, logits);
    uint32_t chosen = best_of(logits, s->vocab);
    if (s->set.temperature > 0) {
        double max = (double)ac_window(logits[chosen]);
        bool few = s->set.top_k && s->set.top_k < s->vocab;
        size_t n = few ? choose_top_k(s, logits, s->set.top_k) : choose_all(s, logits);
        n = keep_top_p(s, logits, n, max);
        n = keep_min_p(s, logits, n, max);
        chosen = draw(s, logits, n, max);
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

ac_status ac_sampler_open_vocab(uint32_t vocab, const ac_sampler_settings *settings, ac_sampler **out,
                                ac_error *err) {
    ac_sampler_settings defaults;
    *out = NULL;
    ac_sampler_defaults(&defaults);
    if (!settings) settings = &defaults;
    AC_TRY(check_settings(settings, err));
    if (!vocab || vocab > MAX_VOCAB)
        return ac_fail(err, AC_ERR_ARGUMENT, "sampler: a vocabulary of %u tokens, want 1 to %d", vocab,
                       MAX_VOCAB);
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
