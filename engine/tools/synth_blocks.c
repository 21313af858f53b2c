/* synth_blocks.c - random weights straight as blocks: codes are random bits, scales are random within a
 * factor of two, and what a type adds to make codes positive is taken off again, so that weights are about 0.
 */
#include <math.h>

#include "pack.h"
#include "synth.h"

/* splitmix64 (S. Vigna). */
static inline uint64_t next(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static inline void noise(uint8_t *p, size_t n, uint64_t *random) {
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t r = next(random);
        memcpy(p, &r, 8);
    }
    if (n) {
        uint64_t r = next(random);
        memcpy(p, &r, n);
    }
}

/* -1 .. 1, from the upper bits */
static inline float even(uint64_t bits) {
    return (float)((int32_t)(bits >> 40) - (1 << 23)) * 0x1p-23f;
}

static inline float uniform(uint64_t *random) {
    return even(next(random));
}

/* A factor 2/3 .. 4/3 with either sign: codes need not be balanced when scales are. */
static inline float spread(uint64_t *random, bool sign) {
    uint64_t bits = next(random);
    float f = 1 + even(bits) * (1.0f / 3);
    return sign && (bits & 1) ? -f : f;
}

/* Blocks of 32 without a minimum: rms of the codes, where d lies, where codes begin. */
static void symmetric(uint8_t *p, float rms, size_t bytes, float size, uint64_t *random) {
    uint16_t d = ac__to_half(size / rms * spread(random, true));
    memcpy(p, &d, 2);
    noise(p + 2, bytes - 2, random);
}

/* With a minimum that takes off the mean of the codes. */
static void shifted(uint8_t *p, float rms, float mean, size_t bytes, float size, uint64_t *random) {
    float f = size / rms * spread(random, false);
    uint16_t d = ac__to_half(f), m = ac__to_half(-mean * ac_half(d));
    memcpy(p, &d, 2);
    memcpy(p + 2, &m, 2);
    noise(p + 4, bytes - 4, random);
}

static void mxfp4(uint8_t *p, float size, uint64_t *random) {
    noise(p, sizeof(ac_block_mxfp4), random);
    int e = (int)(ac_bits(size / 5.85f) >> 23) + 1; /* 2^(e - 128) is at most size / 5.85 */
    p[0] = (uint8_t)(e < 1 ? 1 : e);
}

/* Scales of `bits` bits in the upper half of their range, `n` of them. */
static void scales(uint8_t *out, unsigned n, unsigned bits, uint64_t *random) {
    noise(out, n, random);
    for (unsigned i = 0; i < n; i++)
        out[i] = (uint8_t)(1u << (bits - 1) | (out[i] & ((1u << (bits - 1)) - 1)));
}

static void q2_k(ac_block_q2_k *b, float size, uint64_t *random) {
    noise(b->qs, sizeof b->qs, random);
    scales(b->scales, 16, 4, random);
    for (unsigned i = 0; i < 16; i++) b->scales[i] |= (uint8_t)(b->scales[i] << 4);
    b->d = ac__to_half(size / (1.118f * 11.7f) * spread(random, false));
    b->dmin = ac__to_half(1.5f * ac_half(b->d));
}

/* Stored scales of 6 bits, 32 more than what they mean: 32 +- 16 .. 31. */
static void signed_scales(uint8_t *out, unsigned n, uint64_t *random) {
    uint64_t sign = next(random);
    scales(out, n, 5, random);
    for (unsigned i = 0; i < n; i++) out[i] = (uint8_t)(sign >> i & 1 ? 32 - out[i] : 32 + out[i]);
}

static void q3_k(ac_block_q3_k *b, float size, uint64_t *random) {
    uint8_t sc[16];
    noise(b->hmask, sizeof b->hmask, random);
    noise(b->qs, sizeof b->qs, random);
    signed_scales(sc, 16, random);
    ac__pack_q3_scales(b->scales, sc);
    b->d = ac__to_half(size / (2.345f * 23.9f) * spread(random, true));
}

static void scales_6bit(uint8_t out[12], uint64_t *random) {
    uint8_t sc[8];
    scales(sc, 8, 6, random);
    ac__pack_6bit(out, sc, sc);
}

static void q4_k(ac_block_q4_k *b, float size, uint64_t *random) {
    noise(b->qs, sizeof b->qs, random);
    scales_6bit(b->scales, random);
    b->d = ac__to_half(size / (4.61f * 48.4f) * spread(random, false));
    b->dmin = ac__to_half(7.5f * ac_half(b->d));
}

static void q5_k(ac_block_q5_k *b, float size, uint64_t *random) {
    noise(b->qh, sizeof b->qh, random);
    noise(b->qs, sizeof b->qs, random);
    scales_6bit(b->scales, random);
    b->d = ac__to_half(size / (9.233f * 48.4f) * spread(random, false));
    b->dmin = ac__to_half(15.5f * ac_half(b->d));
}

static void q6_k(ac_block_q6_k *b, float size, uint64_t *random) {
    noise(b->ql, sizeof b->ql, random);
    noise(b->qh, sizeof b->qh, random);
    uint64_t sign = next(random);
    uint8_t sc[16];
    scales(sc, 16, 7, random);
    for (unsigned i = 0; i < 16; i++) b->scales[i] = (int8_t)(sign >> i & 1 ? -sc[i] : sc[i]);
    b->d = ac__to_half(size / (18.48f * 97.3f) * spread(random, true));
}

static void iq4_xs(ac_block_iq4_xs *b, float size, uint64_t *random) {
    uint8_t sc[8];
    noise(b->qs, sizeof b->qs, random);
    signed_scales(sc, 8, random);
    ac__pack_iq4_scales(b, sc);
    b->d = ac__to_half(size / (66.9f * 23.9f) * spread(random, true));
}

static void one(uint8_t *p, ac_type type, float size, uint64_t *random) {
    switch (type) {
    case AC_TYPE_F32: {
        float x = size * 1.732f * uniform(random);
        memcpy(p, &x, 4);
        return;
    }
    case AC_TYPE_F16:
    case AC_TYPE_BF16: {
        float x = size * 1.732f * uniform(random);
        uint16_t h = type == AC_TYPE_F16 ? ac__to_half(x) : ac__to_bf16(x);
        memcpy(p, &h, 2);
        return;
    }
    case AC_TYPE_Q4_0:
        symmetric(p, 4.637f, sizeof(ac_block_q4_0), size, random);
        return;
    case AC_TYPE_Q5_0:
        symmetric(p, 9.247f, sizeof(ac_block_q5_0), size, random);
        return;
    case AC_TYPE_IQ4_NL:
        symmetric(p, 66.9f, sizeof(ac_block_iq4_nl), size, random);
        return;
    case AC_TYPE_Q8_0:
        symmetric(p, 73.9f, sizeof(ac_block_q8_0), size, random);
        for (unsigned i = 2; i < sizeof(ac_block_q8_0); i++) p[i] = p[i] == 0x80 ? 0 : p[i];
        return;
    case AC_TYPE_Q4_1:
        shifted(p, 4.61f, 7.5f, sizeof(ac_block_q4_1), size, random);
        return;
    case AC_TYPE_Q5_1:
        shifted(p, 9.233f, 15.5f, sizeof(ac_block_q5_1), size, random);
        return;
    case AC_TYPE_MXFP4:
        mxfp4(p, size, random);
        return;
    case AC_TYPE_Q2_K:
        q2_k((ac_block_q2_k *)p, size, random);
        return;
    case AC_TYPE_Q3_K:
        q3_k((ac_block_q3_k *)p, size, random);
        return;
    case AC_TYPE_Q4_K:
        q4_k((ac_block_q4_k *)p, size, random);
        return;
    case AC_TYPE_Q5_K:
        q5_k((ac_block_q5_k *)p, size, random);
        return;
    case AC_TYPE_Q6_K:
        q6_k((ac_block_q6_k *)p, size, random);
        return;
    case AC_TYPE_IQ4_XS:
        iq4_xs((ac_block_iq4_xs *)p, size, random);
        return;
    case AC_TYPE_COUNT:
        return;
    }
}

void ac__synth_row(void *row, ac_type type, uint64_t cols, float size, uint64_t seed) {
    const ac_type_info *info = ac_type_describe(type);
    uint64_t random = seed;
    uint8_t *p = row;
    for (uint64_t i = 0; i < cols; i += info->block_elems, p += info->block_bytes)
        one(p, type, size, &random);
}

void ac__synth_vector(float *out, uint64_t n, float about, uint64_t seed) {
    uint64_t random = seed;
    for (uint64_t i = 0; i < n; i++) out[i] = about + 0.1f * uniform(&random);
}
