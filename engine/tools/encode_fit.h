/* encode_fit.h - arithmetic of the scale searches, four elements at a time in a fixed order: the same bits
 * whatever the compiler makes of it. */
#ifndef AC_ENCODE_FIT_H
#define AC_ENCODE_FIT_H

#include <math.h>

#include "pack.h"

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));

enum { BLOCK = 256, BLOCK4 = BLOCK / 4 };

static inline f4 splat(float v) {
    return (f4){v, v, v, v};
}

static inline f4 pick(i4 mask, f4 yes, f4 no) {
    return (f4)((mask & (i4)yes) | (~mask & (i4)no));
}

static inline f4 between(f4 x, f4 least, f4 most) {
    x = pick(x < least, least, x);
    return pick(x > most, most, x);
}

/* To nearest even, |x| < 2^22. */
static inline f4 nearest(f4 x) {
    const f4 magic = {12582912.0f, 12582912.0f, 12582912.0f, 12582912.0f};
    return (x + magic) - magic;
}

static inline float nearest1(float x) {
    return (x + 12582912.0f) - 12582912.0f;
}

static inline float total(f4 v) {
    return (v[0] + v[2]) + (v[1] + v[3]);
}

static inline float limit(float x, float least, float most) {
    return x < least ? least : x > most ? most : x;
}

/* A block brought to magnitudes about 1 by a power of two, so that nothing overflows or vanishes, with the
 * weights of its errors. */
typedef struct fit {
    f4 x[BLOCK4], w[BLOCK4];
    float up, down; /* the power of two that was taken out, and its inverse */
} fit;

/* Loads `n` elements in groups of `group`: errors count as much as the group's root mean square plus the
 * element. Returns false when all are (as good as) zero. */
static inline int load(fit *f, const float *x, unsigned n, unsigned group) {
    uint32_t largest = 0;
    for (unsigned i = 0; i < n; i++) {
        uint32_t m = ac_bits(x[i]) & 0x7fffffffu;
        if (m > largest) largest = m;
    }
    if (largest < AC_BITS_SMALL) return 0;
    if (largest > AC_BITS_LARGE) largest = AC_BITS_LARGE;
    f->up = ac_from_bits(largest & 0x7f800000u);
    f->down = 1 / f->up;
    float *to = (float *)f->x;
    for (unsigned i = 0; i < n; i++) to[i] = ac_window(x[i]) * f->down;
    for (unsigned g = 0; g < n / group; g++) {
        f4 *at = f->x + g * group / 4, *w = f->w + g * group / 4, squares = splat(0);
        for (unsigned i = 0; i < group / 4; i++) squares += at[i] * at[i];
        f4 rms = splat(sqrtf(total(squares) / (float)group));
        for (unsigned i = 0; i < group / 4; i++) w[i] = rms + pick(at[i] < splat(0), -at[i], at[i]);
    }
    return 1;
}

/* A scale as the file holds it: as float16 of what it is outside, back inside. */
static inline float stored(const fit *f, float d, uint16_t *half) {
    *half = ac__to_half(d * f->up);
    return ac_half(*half) * f->down;
}

#endif
