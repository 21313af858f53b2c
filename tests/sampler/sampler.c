/* The sampler against a naive one, its sets of candidates, the statistics of its draws, its settings, its
 * time. */
#include <float.h>
#include <time.h>

#include <alloc.h>
#include <sampler.h>

#include "naive.h"

static ac_sampler_settings defaults(void) {
    ac_sampler_settings s;
    ac_sampler_defaults(&s);
    return s;
}

static ac_sampler *open_sampler(uint32_t vocab, const ac_sampler_settings *set) {
    ac_sampler *s;
    ac_error err = {0};
    CHECK_OK(ac_sampler_open_vocab(vocab, set, &s, &err));
    return s;
}

static int32_t next(ac_sampler *s, const float *logits) {
    ac_error err = {0};
    int32_t id = -1;
    CHECK_OK(ac_sampler_next(s, logits, &id, &err));
    return id;
}

static double uniform(uint64_t *seed) {
    return (double)(check_random(seed) >> 11) * 0x1p-53;
}

/* Logits of a shape that the seed chooses: peaked, flat, with equals, or all equal. */
static void fill(float *logits, uint32_t n, uint64_t *seed) {
    uint64_t shape = check_random(seed) % 5;
    double scale = shape == 0 ? 30 : shape == 1 ? 0.1 : 4;
    for (uint32_t i = 0; i < n; i++) {
        double x = (uniform(seed) + uniform(seed) + uniform(seed) - 1.5) * scale;
        logits[i] = shape == 3 ? (float)floor(x) : shape == 4 ? 1.25f : (float)x;
    }
}

static ac_sampler_settings random_settings(uint64_t *seed, uint32_t vocab) {
    static const float temperatures[] = {0, 0.001f, 0.3f, 0.7f, 1, 1, 1.7f, 40},
                       tops[] = {1, 1, 0.999f, 0.95f, 0.5f, 0.01f, 1e-9f};
    static const float mins[] = {0, 0, 0.001f, 0.05f, 0.5f, 1}, repeats[] = {1, 1, 1.1f, 2, 0.5f};
    static const float others[] = {0, 0, 0.3f, -0.5f, 2};
    ac_sampler_settings s = defaults();
    s.temperature = temperatures[check_random(seed) % 8];
    s.top_k = check_random(seed) % 3 ? (uint32_t)(check_random(seed) % (vocab + 2))
                                     : (uint32_t)(check_random(seed) % 50);
    s.top_p = tops[check_random(seed) % 7];
    s.min_p = mins[check_random(seed) % 6];
    s.repeat_penalty = repeats[check_random(seed) % 5];
    s.frequency_penalty = others[check_random(seed) % 5];
    s.presence_penalty = others[check_random(seed) % 5];
    s.penalty_last = (uint32_t)(check_random(seed) % 20);
    s.seed = check_random(seed);
    return s;
}

static void test_naive(void) {
    static float logits[1000];
    static naive slow;
    uint64_t seed = 1;
    for (int trial = 0; trial < 600; trial++) {
        uint32_t vocab =
            trial % 3 ? 1 + (uint32_t)(check_random(&seed) % 999) : 1 + (uint32_t)(check_random(&seed) % 12);
        ac_sampler_settings set = random_settings(&seed, vocab);
        ac_sampler *s = open_sampler(vocab, &set);
        naive_open(&slow, vocab, &set);
        for (int i = 0; i < 30; i++) {
            if (i % 4 == 0) fill(logits, vocab, &seed);
            if (i % 7 == 6) {
                int32_t id = (int32_t)(check_random(&seed) % vocab);
                ac_sampler_accept(s, id);
                slow.history[slow.n_history++] = id;
            }
            int32_t have = next(s, logits), want = naive_next(&slow, logits);
            CHECK(have == want,
                  "trial %d, token %d: want %d, have %d (vocab %u, t %g, k %u, p %g, min %g, repeat %g, last "
                  "%u)",
                  trial, i, want, have, vocab, (double)set.temperature, set.top_k, (double)set.top_p,
                  (double)set.min_p, (double)set.repeat_penalty, set.penalty_last);
        }
        ac_sampler_close(&s);
        CHECK(!s, "closed");
    }
}

/* Which of 8 tokens with halving probabilities, given in another order, ever come. */
static void want_set(const ac_sampler_settings *set, const float *logits, const char *want) {
    char seen[9] = "........";
    ac_sampler *s = open_sampler(8, set);
    for (int i = 0; i < 20000; i++) {
        int32_t id = next(s, logits);
        seen[id] = (char)('0' + id);
    }
    CHECK(!strcmp(seen, want), "want %s, have %s (t %g, k %u, p %g, min %g)", want, seen,
          (double)set->temperature, set->top_k, (double)set->top_p, (double)set->min_p);
    ac_sampler_close(&s);
}

static void test_sets(void) {
    /*                        1/8    1/2    1/64   1/4    1/16   1/32   1/256  1/128 */
    static const float p[] = {-2.0794415f, -0.6931472f, -4.158883f, -1.3862944f,
                              -2.7725887f, -3.465736f,  -5.545177f, -4.85203f};
    static const float equal[] = {1, 1, 1, 1, 1, 1, 1, 1}, pairs[] = {1, 2, 1, 2, 1, 2, 1, 2};
    ac_sampler_settings set = defaults();
    set.temperature = 1;
    want_set(&set, p, "01234567");
#define WITH(field, value, logits, want)                                                                     \
    set = defaults(), set.temperature = 1, set.field = value, want_set(&set, logits, want)
    WITH(top_k, 1, p, ".1......");
    WITH(top_k, 3, p, "01.3....");
    WITH(top_k, 7, p, "012345.7");
    WITH(top_k, 8, p, "01234567");
    WITH(top_k, 1000, p, "01234567");
    WITH(top_k, 3, equal, "012.....");
    WITH(top_k, 5, pairs, "01.3.5.7");
    WITH(top_p, 1e-9f, p, ".1......");
    WITH(top_p, 0.49f, p, ".1......");
    WITH(top_p, 0.52f, p, ".1.3....");
    WITH(top_p, 0.74f, p, ".1.3....");
    WITH(top_p, 0.76f, p, "01.3....");
    WITH(top_p, 0.96f, p, "01.345..");
    WITH(top_p, 0.99999f, p, "01234567");
    WITH(top_p, 0.5f, equal, "0123....");
    WITH(top_p, 0.51f, equal, "01234...");
    WITH(min_p, 0.6f, p, ".1......");
    WITH(min_p, 0.4f, p, ".1.3....");
    WITH(min_p, 0.1f, p, "01.34...");
    WITH(min_p, 1, p, ".1......");
    WITH(min_p, 1, pairs, ".1.3.5.7");
    WITH(temperature, 0, p, ".1......");
    WITH(temperature, 0.01f, p, ".1......");
    WITH(temperature, 1000000, p, "01234567");
#undef WITH
    /* top_p and min_p look at probabilities before the temperature */
    set = defaults();
    set.temperature = 100;
    set.top_p = 0.74f;
    want_set(&set, p, ".1.3....");
    /* and at what top_k has left: of 1/2, 1/4 and 1/8, 0.7 needs two */
    set = defaults();
    set.temperature = 1;
    set.top_k = 3;
    set.top_p = 0.86f;
    want_set(&set, p, "01.3....");
    set.top_p = 0.85f;
    want_set(&set, p, ".1.3....");
}

/* Pearson's statistic of 200,000 draws from 12 tokens; 60 is passed once in 10^8 by 11 degrees of freedom. */
static void test_statistics(void) {
    static const float temperatures[] = {0.5f, 1, 1.5f};
    float logits[12];
    double p[12];
    for (uint64_t seed = 0; seed < 9; seed++) {
        ac_sampler_settings set = defaults();
        double sum = 0, chi = 0;
        unsigned seen[12] = {0}, draws = 200000;
        set.temperature = temperatures[seed % 3];
        set.seed = seed;
        for (int i = 0; i < 12; i++)
            sum += p[i] = exp((double)(logits[i] = (float)(i % 5) * 0.5f) / (double)set.temperature);
        ac_sampler *s = open_sampler(12, &set);
        for (unsigned i = 0; i < draws; i++) seen[next(s, logits)]++;
        for (int i = 0; i < 12; i++) {
            double want = p[i] / sum * draws;
            chi += (seen[i] - want) * (seen[i] - want) / want;
        }
        CHECK(chi < 60 && chi > 0.5, "seed %u: chi square %g", (unsigned)seed, chi);
        ac_sampler_close(&s);
    }
}

static void test_penalties(void) {
    float logits[4] = {2, 1.5f, -1, 1};
    ac_sampler_settings set = defaults();
    set.repeat_penalty = 4;
    set.penalty_last = 2;
    ac_sampler *s = open_sampler(4, &set);
    static const int32_t want[] = {0, 1, 3, 0, 1, 3};
    for (int i = 0; i < 6; i++) CHECK(next(s, logits) == want[i], "token %d", i);
    ac_sampler_accept(s, -1);
    ac_sampler_accept(s, 4);
    ac_sampler_accept(s, INT32_MAX);
    CHECK(next(s, logits) == 0, "ids out of range count for nothing");
    ac_sampler_reset(s);
    ac_sampler_accept(s, 0);
    CHECK(next(s, logits) == 1, "a token of the prompt counts");
    ac_sampler_close(&s);
    set = defaults();
    set.penalty_last = 0;
    set.presence_penalty = 100;
    s = open_sampler(4, &set);
    for (int i = 0; i < 5; i++) CHECK(next(s, logits) == 0, "penalty_last 0 is off");
    ac_sampler_close(&s);
}

static void test_reset(void) {
    float logits[64];
    int32_t first[50];
    uint64_t seed = 5;
    ac_sampler_settings set = defaults();
    set.temperature = 1.5f;
    set.presence_penalty = 0.5f;
    set.seed = UINT64_MAX;
    for (int i = 0; i < 64; i++) logits[i] = (float)uniform(&seed);
    ac_sampler *s = open_sampler(64, &set);
    for (int i = 0; i < 50; i++) first[i] = next(s, logits);
    ac_sampler_reset(s);
    for (int i = 0; i < 50; i++) CHECK(next(s, logits) == first[i], "token %d after a reset", i);
    ac_sampler_close(&s);
}

static void want_refused(const ac_sampler_settings *set, const char *name) {
    ac_sampler *s = (ac_sampler *)1;
    ac_error err = {0};
    ac_status status = ac_sampler_open_vocab(10, set, &s, &err);
    CHECK(status == AC_ERR_ARGUMENT && !s && strstr(err.detail, name), "%s: %s: %s", name,
          ac_status_name(status), err.detail);
}

static void test_settings(void) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY, -1e-30f, -1, -FLT_MAX, FLT_MAX};
    ac_error err = {0};
    ac_sampler *s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ac_sampler_settings t = defaults(), p = t, m = t, r = t;
        t.temperature = p.top_p = m.min_p = r.repeat_penalty = bad[i];
        want_refused(&t, "temperature");
        want_refused(&p, "top_p");
        want_refused(&m, "min_p");
        want_refused(&r, "repeat_penalty");
        if (i >= 4 && i <= 5) continue;
        ac_sampler_settings f = defaults(), q = f;
        f.frequency_penalty = q.presence_penalty = bad[i];
        want_refused(&f, "frequency_penalty");
        want_refused(&q, "presence_penalty");
    }
    ac_sampler_settings set = defaults();
    set.top_p = 1.0000001f;
    want_refused(&set, "top_p");
    set.top_p = 0;
    want_refused(&set, "top_p");
    set = defaults();
    set.min_p = 1.1f;
    want_refused(&set, "min_p");
    set = defaults();
    set.repeat_penalty = 0;
    want_refused(&set, "repeat_penalty");
    set = defaults();
    set.penalty_last = 65536;
    want_refused(&set, "penalty_last");
    set = defaults();
    set.size = 0;
    want_refused(&set, "settings");
    CHECK(ac_sampler_open_vocab(0, NULL, &s, &err) == AC_ERR_ARGUMENT && !s, "no vocabulary");
    CHECK(ac_sampler_open_vocab(UINT32_MAX, NULL, &s, &err) == AC_ERR_ARGUMENT && !s, "too many tokens");
    CHECK_OK(ac_sampler_open_vocab(3, NULL, &s, &err));
    int32_t id;
    CHECK(ac_sampler_next(s, NULL, &id, &err) == AC_ERR_ARGUMENT, "no logits");
    ac_sampler_close(&s);
    ac_sampler_close(&s);
    ac_sampler_close(NULL);
}

static void test_memory(void) {
    ac_error err = {0};
    ac_sampler *s;
    ac__alloc_fail_after(-1);
    CHECK_OK(ac_sampler_open_vocab(100, NULL, &s, &err));
    long n = ac__alloc_count();
    ac_sampler_close(&s);
    CHECK(n > 1, "%ld allocations", n);
    for (long i = 0; i < n; i++) {
        ac__alloc_fail_after(i);
        CHECK(ac_sampler_open_vocab(100, NULL, &s, &err) == AC_ERR_MEMORY && !s, "allocation %ld", i);
    }
    ac__alloc_fail_after(-1);
}

/* Not numbers, infinities and subnormals are windowed like any input. */
static void test_strange(void) {
    static const float strange[] = {NAN,      -NAN,         INFINITY, -INFINITY, FLT_MAX,
                                    -FLT_MAX, FLT_TRUE_MIN, -0.0f,    0.0f,      1};
    static naive slow;
    float logits[10];
    uint64_t seed = 9;
    for (int trial = 0; trial < 500; trial++) {
        ac_sampler_settings set = random_settings(&seed, 10);
        ac_sampler *s = open_sampler(10, &set);
        naive_open(&slow, 10, &set);
        for (int i = 0; i < 10; i++) {
            for (int k = 0; k < 10; k++) logits[k] = strange[check_random(&seed) % 10];
            int32_t have = next(s, logits), want = naive_next(&slow, logits);
            CHECK(have == want, "trial %d, token %d: want %d, have %d", trial, i, want, have);
        }
        ac_sampler_close(&s);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Time of a token for 150,000 tokens; no shape of logits may make it long. */
static void test_time(void) {
    enum { VOCAB = 150000, RUNS = 10 };
    static const char *const shapes[] = {"random", "ascending", "equal", "peaked"};
    static const struct {
        const char *name;
        float temperature, top_p, min_p, penalty;
        uint32_t top_k, last;
    } rows[] = {{"greedy", 0, 1, 0, 1, 0, 64},
                {"top_k 40", 0.8f, 1, 0, 1, 40, 64},
                {"k 40 p 0.95 m 0.05 r 1.1", 0.8f, 0.95f, 0.05f, 1.1f, 40, 64},
                {"temperature", 0.8f, 1, 0, 1, 0, 64},
                {"top_p 0.95", 0.8f, 0.95f, 0, 1, 0, 64},
                {"top_p 0.9999", 0.8f, 0.9999f, 0, 1, 0, 64},
                {"top_k 50000", 0.8f, 1, 0, 1, 50000, 64},
                {"min_p 0.05", 0.8f, 1, 0.05f, 1, 0, 64},
                {"65535 last", 0.8f, 1, 0, 1.1f, 40, 65535}};
    static float logits[VOCAB];
    uint64_t seed = 3;
    for (size_t shape = 0; shape < 4; shape++) {
        for (uint32_t i = 0; i < VOCAB; i++)
            logits[i] = shape == 0   ? (float)(uniform(&seed) + uniform(&seed) + uniform(&seed)) * 10
                        : shape == 1 ? (float)i * 1e-4f
                        : shape == 2 ? 1
                        : i == 77    ? 30
                                     : (float)uniform(&seed);
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            ac_sampler_settings set = defaults();
            set.temperature = rows[r].temperature;
            set.top_p = rows[r].top_p;
            set.min_p = rows[r].min_p;
            set.top_k = rows[r].top_k;
            set.repeat_penalty = rows[r].penalty;
            set.penalty_last = rows[r].last;
            ac_sampler *s = open_sampler(VOCAB, &set);
            for (uint32_t i = 0; i < rows[r].last; i++) ac_sampler_accept(s, (int32_t)(i % VOCAB));
            double best = 1e9;
            for (int i = 0; i < RUNS; i++) {
                double start = seconds();
                next(s, logits);
                double t = seconds() - start;
                if (t < best) best = t;
            }
            printf("%-10s %-26s %8.3f ms\n", shapes[shape], rows[r].name, best * 1e3);
            CHECK(best < 2, "%s, %s: %g s for a token", shapes[shape], rows[r].name, best);
            ac_sampler_close(&s);
        }
    }
}

int main(void) {
    test_settings();
    test_memory();
    test_naive();
    test_sets();
    test_statistics();
    test_penalties();
    test_reset();
    test_strange();
    test_time();
    return 0;
}
