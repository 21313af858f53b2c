/* rope.c - RoPE tables with our own sine, cosine, logarithm and exponential: libm's differ from machine to machine.
 * Everything is double, one IEEE rounding per operation, in the written order. */
#include "rope.h"

#include <string.h>

static uint64_t bits_of(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double from_bits(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Nearest integer, |x| < 2^51. */
static double nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }

static const double LN2 = 0.693147180559945309417;

/* ln(x), x normal and > 0: x = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m - 1) / (m + 1)). */
static double log_of(double x) {
    uint64_t u = bits_of(x);
    int e = (int)(u >> 52) - 1023;
    double m = from_bits((u & 0xfffffffffffffull) | 0x3ff0000000000000ull);
    if (m > 1.41421356237309504880) {
        m = m * 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), q = s * s, sum = 0.0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * q + 1.0 / k;
    return (double)e * LN2 + 2.0 * (s * sum);
}

/* exp(x), |x| < 700. */
static double exp_of(double x) {
    double n = nearest(x * 1.44269504088896340736), r = x - n * LN2, sum = 1.0;
    for (int k = 18; k >= 1; k--) sum = 1.0 + sum * (r / k);
    return sum * from_bits((uint64_t)(1023 + (int)n) << 52);
}

/* Sine and cosine, |x| < 2^27: x - n pi/2 with pi/2 in three parts of 26, 26 and 53 bits, so that n times the first two is exact. */
static void sin_cos(double x, double *sine, double *cosine) {
    static const double part1 = 0x1.921fb5p+0, part2 = 0x1.110b46p-26, part3 = 0x1.1a62633145c07p-54;
    double n = nearest(x * 0.63661977236758134308);
    double r = ((x - n * part1) - n * part2) - n * part3, q = r * r, s = 1.0, c = 1.0;
    for (int k = 20; k >= 2; k -= 2) {
        s = 1.0 - s * (q / (k * (k + 1)));
        c = 1.0 - c * (q / (k * (k - 1)));
    }
    s = s * r;
    switch ((int64_t)n & 3) {
    case 0: *sine = s, *cosine = c; break;
    case 1: *sine = c, *cosine = -s; break;
    case 2: *sine = -s, *cosine = -c; break;
    default: *sine = -c, *cosine = s; break;
    }
}

/* YaRN: how far pair i keeps its own frequency, 1 (all) to 0 (interpolated). */
typedef struct ramp { double low, high; } ramp;

static double correction(const ac_rope_params *p, double rotations) {
    return p->rot * log_of(p->original_context / (rotations * 6.28318530717958647693)) / (2.0 * log_of(p->base));
}

static double floor_of(double x) {
    double n = nearest(x);
    return n > x ? n - 1.0 : n;
}

static ramp ramp_of(const ac_rope_params *p) {
    double low = p->beta_fast > 0 ? floor_of(correction(p, p->beta_fast)) : 0.0;
    double high = p->beta_slow > 0 ? -floor_of(-correction(p, p->beta_slow)) : p->rot - 1.0;
    if (low < 0) low = 0;
    if (high > p->rot - 1.0) high = p->rot - 1.0;
    return (ramp){low, high};
}

static double keep_of(const ac_rope_params *p, ramp r, uint32_t pair) {
    double width = r.high - r.low, y;
    if (width < 0.001) width = 0.001;
    y = (pair - r.low) / width;
    y = y < 0 ? 0 : y > 1 ? 1 : y;
    return (1.0 - y) * p->ext_factor;
}

/* Angle per position of pair i. */
static double frequency(const ac_rope_params *p, ramp r, uint32_t i) {
    double f = exp_of(-(2.0 * i / p->rot) * log_of(p->base));
    if (p->divisors) {
        float d;
        memcpy(&d, p->divisors + i * sizeof d, sizeof d);
        f = f / (double)d;
    }
    if (p->kind == AC_ROPE_PLAIN) return f;
    double slow = f / p->factor;
    if (p->kind == AC_ROPE_LINEAR) return slow;
    double keep = keep_of(p, r, i);
    return slow * (1.0 - keep) + f * keep;
}

/* Kernels may count on entries that are 0 or at least 2^-50 (docs/numerics.md, section 1). */
static float cut_of(float x) { return x < 0x1p-50f && x > -0x1p-50f ? 0.0f : x; }

void ac_rope_fill(const ac_rope_params *p, uint32_t positions, float *table) {
    bool yarn = p->kind == AC_ROPE_YARN;
    ramp r = yarn ? ramp_of(p) : (ramp){0, 0};
    float magnitude = 1.0f;
    if (yarn) magnitude = (float)(p->ext_factor != 0 ? p->attn_factor * (1.0 + 0.1 * log_of(p->factor)) : p->attn_factor);
    uint32_t pairs = p->rot / 2;
    for (uint32_t i = 0; i < pairs; i++) {
        double f = frequency(p, r, i);
        for (uint32_t t = 0; t < positions; t++) {
            double s, c;
            sin_cos(t * f, &s, &c);
            float *out = table + ((size_t)t * pairs + i) * 2;
            out[0] = cut_of((float)c * magnitude);
            out[1] = cut_of((float)s * magnitude);
        }
    }
}
