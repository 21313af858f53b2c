/* unpack.h - a weight block's fields as plain numbers, one shape for all types of a family (docs/numerics.md,
 * section 4). */
#ifndef AC_REF_UNPACK_H
#define AC_REF_UNPACK_H

#include "kernel.h"

#include <string.h>

/* A block of 32: weight i is d * code[i] + m (m is 0 where the type has none). */
typedef struct ref_block32 {
    float d, m;
    int8_t code[32];
} ref_block32;

/* A block of 256, in 16 groups of 16: weight i is d * scale[i / 16] * code[i] - dmin * min[i / 16].
 * Types with 8 scales have each one twice. */
typedef struct ref_block256 {
    float d, dmin;
    int16_t scale[16], min[16];
    int8_t code[256];
} ref_block256;

/* How a type is unpacked. Exactly one of the three is set; mins: the term has a part for m or dmin. */
typedef struct ref_type {
    void (*block32)(const uint8_t *block, ref_block32 *out);
    void (*block256)(const uint8_t *block, ref_block256 *out);
    float (*element)(const uint8_t *p);
    bool mins;
} ref_type;

/* By ac_type. */
extern const ref_type ac__ref_types[AC_TYPE_COUNT];

/* Element i of an F32 vector at any address, as it is in the file. */
static inline float ref_f32(const uint8_t *p, size_t i) {
    float x;
    memcpy(&x, p + i * sizeof x, sizeof x);
    return x;
}

#endif
