/* functions.h - sections 1 and 2 of docs/numerics.md: the functions everything else is made of.
 * Plain float32 arithmetic, one rounding per written operation. Overlays may use them for what they do not
 * vectorise. */
#ifndef AC_REF_FUNCTIONS_H
#define AC_REF_FUNCTIONS_H

#include <float.h>

#include <anychip/blocks.h>

#if defined(__FAST_MATH__)
#error "Arithmetic 1 needs IEEE semantics: compile without -ffast-math"
#endif
_Static_assert(FLT_EVAL_METHOD == 0, "float32 operations must round to float32");

/* Magnitude bits, so that magnitudes compare as integers. ac_bits, ac_from_bits, ac_window, ac_cut and
 * ac_half are in blocks.h. */
static inline uint32_t ac_abs(float x) {
    return ac_bits(x) & 0x7fffffffu;
}

/* Nearest integer, ties to even, |x| <= 2^22. */
static inline int32_t ac_rne(float x) {
    return (int32_t)(ac_bits(x + 12582912.0f) - 0x4B400000u);
}

/* int32 to float32, rounded to nearest even by arithmetic that every device has. */
static inline float ac_wide(int32_t i) {
    int32_t low = i & 4095;
    return (float)((i - low) / 4096) * 4096.0f + (float)low;
}

static inline int32_t ac_limit(int32_t i, int32_t most) {
    return i > most ? most : i < -most ? -most : i;
}

/* An integer whose order is that of the floats; -0 counts as +0. */
static inline int32_t ac_key(float x) {
    uint32_t u = ac_bits(x);
    if (u == 0x80000000u) u = 0;
    return (int32_t)(u & 0x80000000u ? u ^ 0x7fffffffu : u);
}

/* 1 / a, 2^-100 <= a <= 2^100. */
static inline float ac_rcp(float a) {
    float x = ac_from_bits(0x7EF311C7u - ac_bits(a));
    for (int i = 0; i < 3; i++) x = x * (2.0f - a * x);
    return x;
}

/* 1 / sqrt(a), 2^-100 <= a <= 2^110. */
static inline float ac_rsqrt(float a) {
    float x = ac_from_bits(0x5F375A86u - (ac_bits(a) >> 1)), h = 0.5f * a;
    for (int i = 0; i < 3; i++) x = x * (1.5f - (h * x) * x);
    return x;
}

/* e^x, x <= 0. */
static inline float ac_exp(float x) {
    static const uint32_t c[7] = {0x3F800000u, 0x3F800000u, 0x3EFFFFFEu, 0x3E2AAA49u,
                                  0x3D2AAC79u, 0x3C091D10u, 0x3AB511E8u};
    if (x < -40.0f) return 0.0f;
    int32_t t = ac_rne(x * ac_from_bits(0x3FB8AA3Bu));
    float f = (float)t, r = (x - f * ac_from_bits(0x3F318000u)) - f * ac_from_bits(0xB95E8083u);
    float p = ac_from_bits(c[6]);
    for (int k = 5; k >= 0; k--) p = p * r + ac_from_bits(c[k]);
    return ac_from_bits(ac_bits(p) + ((uint32_t)t << 23));
}

/* x / (1 + e^-x). */
static inline float ac_silu(float x) {
    float e = ac_exp(ac_from_bits(ac_bits(x) | 0x80000000u)), r = ac_rcp(1.0f + e);
    return x >= 0.0f ? x * r : x * (e * r);
}

#endif
