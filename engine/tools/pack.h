/* pack.h - the bits of a block from its numbers: what the ac_code_, ac_scale_ and ac_min_ functions of
 * anychip/blocks.h read, written. Codes come one per byte. */
#ifndef AC_PACK_H
#define AC_PACK_H

#include <anychip/blocks.h>

/* float32 to float16, to nearest even, the largest finite magnitude for what is beyond it; NaN gives 0. */
static inline uint16_t ac__to_half(float x) {
    uint32_t u = ac_bits(x), m = u & 0x7fffffffu;
    uint16_t sign = (uint16_t)(u >> 16 & 0x8000u);
    if (m > 0x7f800000u) return 0;
    if (m >= 0x477ff000u) return sign | 0x7bff;
    if (m < 0x38800000u) { /* subnormal: units of 2^-24, rounded by adding 0.5 ulp of 2^23 */
        float f = ac_from_bits(m) + 0.5f;
        return sign | (uint16_t)(ac_bits(f) - 0x3f000000u);
    }
    m += 0xfffu + (m >> 13 & 1u);
    return sign | (uint16_t)((m - 0x38000000u) >> 13);
}

/* float32 to bfloat16, to nearest even; NaN stays one. */
static inline uint16_t ac__to_bf16(float x) {
    uint32_t u = ac_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 64u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

/* 32 codes as 16 bytes of nibbles, element j low and j + 16 high in byte j. */
static inline void ac__pack_nibbles(uint8_t qs[16], const uint8_t c[32]) {
    for (unsigned j = 0; j < 16; j++) qs[j] = (uint8_t)((c[j] & 15u) | c[j + 16] << 4);
}

/* The fifth bits of 32 codes. */
static inline void ac__pack_high(uint8_t qh[4], const uint8_t c[32]) {
    memset(qh, 0, 4);
    for (unsigned j = 0; j < 32; j++) qh[j / 8] |= (uint8_t)((c[j] >> 4 & 1u) << j % 8);
}

/* Eight 6-bit scales and minima as Q4_K and Q5_K keep them. */
static inline void ac__pack_6bit(uint8_t s[12], const uint8_t sc[8], const uint8_t m[8]) {
    for (unsigned g = 0; g < 4; g++) {
        s[g] = (uint8_t)(sc[g] | sc[g + 4] >> 4 << 6);
        s[g + 4] = (uint8_t)(m[g] | m[g + 4] >> 4 << 6);
        s[g + 8] = (uint8_t)((sc[g + 4] & 15u) | (m[g + 4] & 15u) << 4);
    }
}

/* Sixteen 6-bit scales as Q3_K keeps them. */
static inline void ac__pack_q3_scales(uint8_t s[12], const uint8_t sc[16]) {
    memset(s, 0, 12);
    for (unsigned g = 0; g < 16; g++) {
        s[g % 8] |= (uint8_t)((sc[g] & 15u) << g / 8 * 4);
        s[8 + g % 4] |= (uint8_t)(sc[g] >> 4 << g / 4 * 2);
    }
}

/* Eight 6-bit scales as IQ4_XS keeps them. */
static inline void ac__pack_iq4_scales(ac_block_iq4_xs *b, const uint8_t sc[8]) {
    unsigned high = 0;
    memset(b->scales_l, 0, sizeof b->scales_l);
    for (unsigned g = 0; g < 8; g++) {
        b->scales_l[g / 2] |= (uint8_t)((sc[g] & 15u) << g % 2 * 4);
        high |= (unsigned)(sc[g] >> 4) << g * 2;
    }
    b->scales_h = (uint16_t)high;
}

/* 2-bit fields of 256 codes, as Q2_K and Q3_K keep them. */
static inline void ac__pack_2bit(uint8_t qs[64], const uint8_t c[256]) {
    for (unsigned h = 0; h < 2; h++)
        for (unsigned j = 0; j < 32; j++) {
            const uint8_t *at = c + 128 * h + j;
            qs[32 * h + j] =
                (uint8_t)((at[0] & 3u) | (at[32] & 3u) << 2 | (at[64] & 3u) << 4 | (at[96] & 3u) << 6);
        }
}

/* Low nibbles of 256 codes: element j of 32 low, of the next 32 high. */
static inline void ac__pack_4bit(uint8_t qs[128], const uint8_t c[256]) {
    for (unsigned g = 0; g < 4; g++)
        for (unsigned j = 0; j < 32; j++)
            qs[32 * g + j] = (uint8_t)((c[64 * g + j] & 15u) | c[64 * g + 32 + j] << 4);
}

/* Bit `bit` of 256 codes, one bit per group of 32 in byte j. */
static inline void ac__pack_bit(uint8_t mask[32], const uint8_t c[256], unsigned bit) {
    memset(mask, 0, 32);
    for (unsigned i = 0; i < 256; i++) mask[i % 32] |= (uint8_t)((c[i] >> bit & 1u) << i / 32);
}

/* 6-bit codes of Q6_K. */
static inline void ac__pack_q6(ac_block_q6_k *b, const uint8_t c[256]) {
    for (unsigned h = 0; h < 2; h++)
        for (unsigned j = 0; j < 32; j++) {
            const uint8_t *at = c + 128 * h + j;
            b->ql[64 * h + j] = (uint8_t)((at[0] & 15u) | at[64] << 4);
            b->ql[64 * h + 32 + j] = (uint8_t)((at[32] & 15u) | at[96] << 4);
            b->qh[32 * h + j] =
                (uint8_t)(at[0] >> 4 | at[32] >> 4 << 2 | at[64] >> 4 << 4 | at[96] >> 4 << 6);
        }
}

/* 4-bit codes of IQ4_XS. */
static inline void ac__pack_iq4_xs(uint8_t qs[128], const uint8_t c[256]) {
    for (unsigned g = 0; g < 8; g++) ac__pack_nibbles(qs + 16 * g, c + 32 * g);
}

#endif
