/* sweep.c - section 2 of docs/numerics.md against libm in double, over whole domains: the largest errors that
 * the document states.
 *
 *   test_numerics_sweep [STEP]    every STEP-th float (default 1009); 1 is the full sweep, some minutes */
#include <math.h>

#include <stdbool.h>

#include "check.h"
#include "ref/functions.h"

/* Errors: relative in units of 2^-24 (one ulp of a result just above a power of two), and of the result's own
 * ulp. */
typedef struct worst {
    double relative, ulp;
    uint32_t at, at_ulp;
} worst;

static double error_rcp(float x, double *want) {
    return (double)ac_rcp(x) - (*want = 1.0 / (double)x);
}
static double error_rsqrt(float x, double *want) {
    return (double)ac_rsqrt(x) - (*want = 1.0 / sqrt((double)x));
}
static double error_exp(float x, double *want) {
    return (double)ac_exp(x) - (*want = exp((double)x));
}
static double error_silu(float x, double *want) {
    return (double)ac_silu(x) - (*want = (double)x / (1.0 + exp(-(double)x)));
}

typedef struct sweep {
    const char *name;
    double (*error)(float x, double *want);
    float first, last;    /* by bits, first below last */
    double relative, ulp; /* what docs/numerics.md states */
} sweep;

static void see(worst *w, double error, double want, uint32_t at) {
    int e;
    if (error == 0.0 && want == 0.0) return;
    frexp(want, &e);
    double relative = fabs(error / want) * 0x1p24, ulp = fabs(error) * ldexp(1.0, 24 - e);
    if (!(relative <= w->relative)) w->relative = relative, w->at = at;
    if (!(ulp <= w->ulp)) w->ulp = ulp, w->at_ulp = at;
}

static worst run(const sweep *s, uint32_t step) {
    uint32_t first = ac_bits(s->first), last = ac_bits(s->last);
    int64_t n = (int64_t)(last - first) / step + 1;
    worst all = {0};
#pragma omp parallel
    {
        worst mine = {0};
#pragma omp for schedule(static)
        for (int64_t i = 0; i <= n; i++) {
            uint32_t u = i < n ? first + (uint32_t)i * step : last;
            double want, error = s->error(ac_from_bits(u), &want);
            see(&mine, error, want, u);
        }
#pragma omp critical
        {
            if (mine.relative > all.relative) all.relative = mine.relative, all.at = mine.at;
            if (mine.ulp > all.ulp) all.ulp = mine.ulp, all.at_ulp = mine.at_ulp;
        }
    }
    return all;
}

static const sweep sweeps[] = {
    {"rcp", error_rcp, 0x1p-100f, 0x1p100f, 2.49, 1.99},
    {"rsqrt", error_rsqrt, 0x1p-100f, 0x1p110f, 2.48, 2.18},
    {"exp", error_exp, -0.0f, -40.0f, 1.65, 1.17},
    {"silu, x > 0", error_silu, 0x1p-50f, 0x1p50f, 4.02, 3.52},
    {"silu, -40 <= x < 0", error_silu, -0x1p-50f, -40.0f, 5.24, 4.71},
};

/* exp lies in (0, 1] down to -40, and is 0 below. (It is not monotone in the last bit.) */
static void exp_is_bounded(uint32_t step) {
    for (uint64_t u = 0x80000000u; u <= ac_bits(-40.0f); u += step) {
        float y = ac_exp(ac_from_bits((uint32_t)u));
        CHECK(y <= 1.0f && y > 0.0f, "exp(%g) = %g", (double)ac_from_bits((uint32_t)u), (double)y);
    }
    for (uint64_t u = ac_bits(-40.0f) + 1u; u <= 0xff800000u; u += (uint64_t)step * 64)
        CHECK(ac_exp(ac_from_bits((uint32_t)u)) == 0.0f, "exp(%g)", (double)ac_from_bits((uint32_t)u));
    CHECK(ac_exp(0.0f) == 1.0f && ac_exp(-0.0f) == 1.0f, "exp(0)");
}

static void rne_is_nearest(uint32_t step) {
    for (uint32_t sign = 0; sign < 2; sign++)
        for (uint32_t u = 0; u <= ac_bits(0x1p22f); u += step) {
            float x = ac_from_bits(u | sign << 31);
            CHECK(ac_rne(x) == (int32_t)lrintf(x), "rne(%a) = %d", (double)x, ac_rne(x));
        }
    CHECK(ac_rne(0x1p22f) == 1 << 22 && ac_rne(-0x1p22f) == -(1 << 22), "rne(2^22)");
}

static void wide_is_exact(uint32_t step) {
    for (int64_t i = INT32_MIN; i <= INT32_MAX; i += step) {
        float y = ac_wide((int32_t)i);
        CHECK(y == (float)(int32_t)i, "wide(%lld) = %a", (long long)i, (double)y);
    }
    CHECK(ac_wide(INT32_MAX) == 0x1p31f && ac_wide(INT32_MIN) == -0x1p31f, "wide at the ends");
}

/* By the definition of the format, in double. */
static void half_is_exact(void) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        uint32_t m = h & 0x7fff, e = m >> 10;
        double want = e == 31  ? 65504.0
                      : e == 0 ? (double)m * 0x1p-24
                               : ldexp((double)(m & 1023) + 1024.0, (int)e - 25);
        if (h & 0x8000) want = -want;
        CHECK((double)ac_half((uint16_t)h) == want, "half(%04x) = %g", h, (double)ac_half((uint16_t)h));
    }
}

static void key_orders(void) {
    uint64_t random = 1;
    for (int i = 0; i < 10000000; i++) {
        float a = ac_from_bits((uint32_t)check_random(&random)),
              b = ac_from_bits((uint32_t)check_random(&random));
        if (a != a || b != b) continue;
        CHECK((ac_key(a) < ac_key(b)) == (a < b) && (ac_key(a) == ac_key(b)) == (a == b), "key(%a), key(%a)",
              (double)a, (double)b);
    }
    CHECK(ac_key(-0.0f) == ac_key(0.0f), "key of zeros");
}

int main(int argc, char **argv) {
    uint32_t step = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1009;
    CHECK(step > 0, "a step of 0");
    int failed = 0;
    printf("%-20s %22s %22s   (every %u-th float)\n", "function", "relative / 2^-24", "ulp", step);
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        const sweep *s = &sweeps[i];
        worst w = run(s, step);
        bool good = w.relative <= s->relative && w.ulp <= s->ulp;
        printf("%-20s %9.4f at %-11.6g %7.4f at %-11.6g %s\n", s->name, w.relative,
               (double)ac_from_bits(w.at), w.ulp, (double)ac_from_bits(w.at_ulp),
               good ? "" : "more than stated");
        failed += !good;
    }
    exp_is_bounded(step);
    rne_is_nearest(step);
    wide_is_exact(step);
    half_is_exact();
    key_orders();
    return failed != 0;
}
