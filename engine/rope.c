/* rope.c - RoPE tables with our own sine and cosine: libm's differ from machine to machine.
 * Everything is double, one IEEE rounding per operation, in the written order. */
#include "rope.h"

#include <string.h>

#include "exact.h"

/* Sine and cosine, |x| < 2^27: x - n pi/2 with pi/2 in three parts of 26, 26 and 53 bits, so that n times the
 * first two is exact. */
static void sin_cos(double x, double *sine, double *cosine) {
    static const double part1 = 0x1.921fb5p+0, part2 = 0x1.110b46p-26, part3 = 0x1.1a62633145c07p-54;
    double n = ac__nearest(x * 0.63661977236758134308);
    double r = ((x - n * part1) - n * part2) - n * part3, q = r * r, s = 1.0, c = 1.0;
    for (int k = 20; k >= 2; k -= 2) {
        s = 1.0 - s * (q / (k * (k + 1)));
        c = 1.0 - c * (q / (k * (k - 1)));
    }
    s = s * r;
    switch ((int64_t)n & 3) {
    case 0:
        *sine = s, *cosine = c;
        break;
    case 1:
        *sine = c, *cosine = -s;
        break;
    case 2:
        *sine = -s, *cosine = -c;
        break;
    default:
        *sine = -c, *cosine = s;
        break;
    }
}

/* YaRN: how far pair i keeps its own frequency, 1 (all) to 0 (interpolated). */
typedef struct ramp {
    double low, high;
} ramp;

static double correction(const ac_rope_params *p, double rotations) {
    return p->rot * ac__log(p->original_context / (rotations * 6.28318530717958647693)) /
           (2.0 * ac__log(p->base));
}

static double floor_of(double x) {
    double n = ac__nearest(x);
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
    double f = ac__exp(-(2.0 * i / p->rot) * ac__log(p->base));
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
static float cut_of(float x) {
    return x < 0x1p-50f && x > -0x1p-50f ? 0.0f : x;
}

void ac_rope_fill(const ac_rope_params *p, uint32_t positions, float *table) {
    bool yarn = p->kind == AC_ROPE_YARN;
    ramp r = yarn ? ramp_of(p) : (ramp){0, 0};
    bool grows = yarn && p->ext_factor != 0;
    float magnitude = (float)(grows ? p->attn_factor * (1.0 + 0.1 * ac__log(p->factor)) : p->attn_factor);
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
