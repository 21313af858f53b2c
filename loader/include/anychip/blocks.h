/* anychip/blocks.h - where every element of every weight type lies, byte by byte.
 *
 * The structs are the blocks of a GGUF file, packed: they may be laid over a mapping at any address. All
 * numbers are little-endian. `i` counts the elements of a block; `c` is its code, an integer that
 * docs/numerics.md (sections 4 and 5) turns into a weight. For each type ac_code_<type>(block, i) gives c,
 * ac_scale_<type>(block, g) the integer scale of sub-block g where there is one, ac_min_<type>(block, g)
 * the integer minimum. Written to define, not to be fast: a kernel unpacks many elements at a time and is
 * compared with these.
 *
 * Drawings show a byte from bit 7 (left) to bit 0 (right); c[3:0] are the low four bits of c. */
#ifndef ANYCHIP_BLOCKS_H
#define ANYCHIP_BLOCKS_H

#include <stdint.h>
#include <string.h>

#include <anychip/types.h>

/* Elements and bytes of a block as constants: AC_BLOCK_ELEMS_Q4_K, AC_BLOCK_BYTES_Q4_K. */
enum {
#define X(name, lower, id, elems, bytes, form) AC_BLOCK_ELEMS_##name = elems, AC_BLOCK_BYTES_##name = bytes,
#include <anychip/types.def>
#undef X
};

#define AC_PACKED __attribute__((packed))
#ifdef __cplusplus
#define AC_BLOCK_CHECK(type, NAME) static_assert(sizeof(type) == AC_BLOCK_BYTES_##NAME, "layout of " #NAME)
#else
#define AC_BLOCK_CHECK(type, NAME) _Static_assert(sizeof(type) == AC_BLOCK_BYTES_##NAME, "layout of " #NAME)
#endif

/* ---- Numbers (docs/numerics.md, section 1) ------------------------------------------------------------- */

#define AC_BITS_SMALL 0x26800000u /* 2^-50, the smallest magnitude that is not zero */
#define AC_BITS_LARGE 0x58800000u /* 2^50, the largest */

static inline uint32_t ac_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float ac_from_bits(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* window: magnitudes below 2^-50 become +0, those above 2^50, Inf and NaN become 2^50 with x's sign. */
static inline float ac_window(float x) {
    uint32_t u = ac_bits(x), m = u & 0x7fffffffu;
    if (m < AC_BITS_SMALL) return 0.0f;
    return m > AC_BITS_LARGE ? ac_from_bits((u & 0x80000000u) | AC_BITS_LARGE) : x;
}

/* cut: magnitudes below 2^-50 become +0. */
static inline float ac_cut(float y) {
    return (ac_bits(y) & 0x7fffffffu) < AC_BITS_SMALL ? 0.0f : y;
}

/* half: float16 to float32, exact; Inf and NaN read as +-65504. No float operation meets a subnormal. */
static inline float ac_half(uint16_t h) {
    uint32_t m = h & 0x7fffu, sign = (uint32_t)(h & 0x8000u) << 16;
    if (m > 0x7bffu) m = 0x7bffu;
    uint32_t subnormal = ac_bits((float)(int32_t)m * 5.9604644775390625e-8f); /* 2^-24 */
    uint32_t u = m < 0x400u ? subnormal : (m << 13) + (112u << 23);
    return ac_from_bits(u | sign);
}

/* A bfloat16 weight as float32, windowed. */
static inline float ac_bf16(uint16_t b) {
    return ac_window(ac_from_bits((uint32_t)b << 16));
}

/* ---- F32, F16, BF16: one element, one number ----------------------------------------------------------- */

typedef struct AC_PACKED ac_block_f32 { float x; } ac_block_f32;      /* weight: ac_window(x) */
typedef struct AC_PACKED ac_block_f16 { uint16_t x; } ac_block_f16;   /* weight: ac_half(x) */
typedef struct AC_PACKED ac_block_bf16 { uint16_t x; } ac_block_bf16; /* weight: ac_bf16(x) */

/* ---- Blocks of 32 -------------------------------------------------------------------------------------- */

/* Q4_0, 18 bytes: weight d * (c - 8).
 *   0..1   d, float16
 *   2..17  qs[j]:  | c of element j + 16 | c of element j |     j = 0 .. 15 */
typedef struct AC_PACKED ac_block_q4_0 {
    uint16_t d;
    uint8_t qs[16];
} ac_block_q4_0;

/* Q4_1, 20 bytes: weight d * c + m.
 *   0..1 d, 2..3 m, float16;  4..19 qs as in Q4_0 */
typedef struct AC_PACKED ac_block_q4_1 {
    uint16_t d, m;
    uint8_t qs[16];
} ac_block_q4_1;

/* Q5_0, 22 bytes: weight d * (c - 16).
 *   0..1   d, float16
 *   2..5   qh: one bit per element, c[4] of element i is bit i % 8 of qh[i / 8]
 *   6..21  qs: c[3:0] as in Q4_0 */
typedef struct AC_PACKED ac_block_q5_0 {
    uint16_t d;
    uint8_t qh[4], qs[16];
} ac_block_q5_0;

/* Q5_1, 24 bytes: weight d * c + m.
 *   0..1 d, 2..3 m, float16;  4..7 qh, 8..23 qs as in Q5_0 */
typedef struct AC_PACKED ac_block_q5_1 {
    uint16_t d, m;
    uint8_t qh[4], qs[16];
} ac_block_q5_1;

/* Q8_0, 34 bytes: weight d * c.
 *   0..1 d, float16;  2..33 qs[i]: c of element i, signed */
typedef struct AC_PACKED ac_block_q8_0 {
    uint16_t d;
    int8_t qs[32];
} ac_block_q8_0;

/* IQ4_NL, 18 bytes: weight d * T[c] with the table ac_table_iq4.
 *   0..1 d, float16;  2..17 qs as in Q4_0 */
typedef struct AC_PACKED ac_block_iq4_nl {
    uint16_t d;
    uint8_t qs[16];
} ac_block_iq4_nl;

/* MXFP4, 17 bytes: weight ac_mxfp4_scale(e) * M[c] with the table ac_table_mxfp4 (E2M1 values, doubled).
 *   0 e, exponent (E8M0);  1..16 qs as in Q4_0 */
typedef struct AC_PACKED ac_block_mxfp4 {
    uint8_t e;
    uint8_t qs[16];
} ac_block_mxfp4;

#define AC_TABLE_IQ4 {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
#define AC_TABLE_MXFP4 {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
static const int8_t ac_table_iq4[16] = AC_TABLE_IQ4;
static const int8_t ac_table_mxfp4[16] = AC_TABLE_MXFP4;

/* e_w = 2^(e - 128), windowed: half of the E8M0 number, because the table holds doubled values. */
static inline float ac_mxfp4_scale(uint8_t e) {
    if (e < 78) return 0.0f;
    return ac_from_bits((uint32_t)((e > 178 ? 178 : e) - 1) << 23);
}

/* Element i of 16 bytes of nibbles: the first half of the elements lies in the low ones. */
static inline unsigned ac_nibble(const uint8_t qs[16], unsigned i) {
    return qs[i % 16] >> (i / 16 * 4) & 15u;
}

static inline unsigned ac_code_q4_0(const ac_block_q4_0 *b, unsigned i) {
    return ac_nibble(b->qs, i);
}

static inline unsigned ac_code_q4_1(const ac_block_q4_1 *b, unsigned i) {
    return ac_nibble(b->qs, i);
}

static inline unsigned ac_code_q5_0(const ac_block_q5_0 *b, unsigned i) {
    return ac_nibble(b->qs, i) | (b->qh[i / 8] >> (i % 8) & 1u) << 4;
}

static inline unsigned ac_code_q5_1(const ac_block_q5_1 *b, unsigned i) {
    return ac_nibble(b->qs, i) | (b->qh[i / 8] >> (i % 8) & 1u) << 4;
}

static inline int ac_code_q8_0(const ac_block_q8_0 *b, unsigned i) {
    return b->qs[i];
}

static inline unsigned ac_code_iq4_nl(const ac_block_iq4_nl *b, unsigned i) {
    return ac_nibble(b->qs, i);
}

static inline unsigned ac_code_mxfp4(const ac_block_mxfp4 *b, unsigned i) {
    return ac_nibble(b->qs, i);
}

/* ---- Blocks of 256 ------------------------------------------------------------------------------------- */

/* Q2_K, 84 bytes: weight (d * sc) * c - dmin * m, sub-blocks of 16: g = i / 16.
 *   0..15   scales[g]:     | m of sub-block g | sc of sub-block g |
 *   16..79  qs[32 h + k]:  | c of r = 3 | r = 2 | r = 1 | r = 0 |  of elements 128 h + 32 r + k
 *           h = 0, 1; k = 0 .. 31
 *   80..81  d, 82..83 dmin, float16 */
typedef struct AC_PACKED ac_block_q2_k {
    uint8_t scales[16], qs[64];
    uint16_t d, dmin;
} ac_block_q2_k;

/* Q3_K, 110 bytes: weight (d * (sc - 32)) * (c - 4), sub-blocks of 16: g = i / 16.
 *   0..31    hmask[k]: bit n is c[2] of element 32 n + k
 *   32..95   qs: c[1:0] as in Q2_K
 *   96..103  scales[n]:      | sc[3:0] of g = n + 8 | sc[3:0] of g = n |                  n = 0 .. 7
 *   104..107 scales[8 + n]:  | sc[5:4] of g = n + 12 | g = n + 8 | g = n + 4 | g = n |   n = 0 .. 3
 *   108..109 d, float16 */
typedef struct AC_PACKED ac_block_q3_k {
    uint8_t hmask[32], qs[64], scales[12];
    uint16_t d;
} ac_block_q3_k;

/* Q4_K, 144 bytes: weight (d * sc) * c - dmin * m, sub-blocks of 32: g = i / 32.
 *   0..1     d, 2..3 dmin, float16
 *   4..7     scales[n]:      | sc[5:4] of g = n + 4 | sc[5:0] of g = n |        n = 0 .. 3
 *   8..11    scales[4 + n]:  | m[5:4] of g = n + 4 | m[5:0] of g = n |
 *   12..15   scales[8 + n]:  | m[3:0] of g = n + 4 | sc[3:0] of g = n + 4 |
 *   16..143  qs[32 p + k]:   | c of element 64 p + 32 + k | c of element 64 p + k |  p = 0 .. 3; k < 32 */
typedef struct AC_PACKED ac_block_q4_k {
    uint16_t d, dmin;
    uint8_t scales[12], qs[128];
} ac_block_q4_k;

/* Q5_K, 176 bytes: weight (d * sc) * c - dmin * m, sub-blocks of 32: g = i / 32.
 *   0..1 d, 2..3 dmin, float16;  4..15 scales as in Q4_K
 *   16..47   qh[k]: bit n is c[4] of element 32 n + k
 *   48..175  qs: c[3:0] as in Q4_K */
typedef struct AC_PACKED ac_block_q5_k {
    uint16_t d, dmin;
    uint8_t scales[12], qh[32], qs[128];
} ac_block_q5_k;

/* Q6_K, 210 bytes: weight (d * sc) * (c - 32), sub-blocks of 16: g = i / 16.
 *   0..127   ql[64 h + k]:  | c[3:0] of element 128 h + 64 + k | of element 128 h + k |
 *            h = 0, 1; k = 0 .. 63
 *   128..191 qh[32 h + k]:  | c[5:4] of r = 3 | r = 2 | r = 1 | r = 0 |  of elements 128 h + 32 r + k
 *            h = 0, 1; k = 0 .. 31
 *   192..207 scales[g]: sc of sub-block g, signed
 *   208..209 d, float16 */
typedef struct AC_PACKED ac_block_q6_k {
    uint8_t ql[128], qh[64];
    int8_t scales[16];
    uint16_t d;
} ac_block_q6_k;

/* IQ4_XS, 136 bytes: weight (d * (sc - 32)) * T[c] with the table ac_table_iq4, sub-blocks of 32: g = i / 32.
 *   0..1     d, float16
 *   2..3     scales_h: bits 2 g, 2 g + 1 are sc[5:4] of sub-block g
 *   4..7     scales_l[n]:  | sc[3:0] of g = 2 n + 1 | sc[3:0] of g = 2 n |      n = 0 .. 3
 *   8..135   qs[16 g + k]:  | c of element 32 g + 16 + k | c of element 32 g + k |   k = 0 .. 15 */
typedef struct AC_PACKED ac_block_iq4_xs {
    uint16_t d, scales_h;
    uint8_t scales_l[4], qs[128];
} ac_block_iq4_xs;

static inline unsigned ac_code_q2_k(const ac_block_q2_k *b, unsigned i) {
    return b->qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3u;
}

static inline unsigned ac_scale_q2_k(const ac_block_q2_k *b, unsigned g) {
    return b->scales[g] & 15u;
}

static inline unsigned ac_min_q2_k(const ac_block_q2_k *b, unsigned g) {
    return b->scales[g] >> 4;
}

static inline unsigned ac_code_q3_k(const ac_block_q3_k *b, unsigned i) {
    unsigned low = b->qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3u;
    return low | (b->hmask[i % 32] >> (i / 32) & 1u) << 2;
}

static inline unsigned ac_scale_q3_k(const ac_block_q3_k *b, unsigned g) {
    unsigned low = b->scales[g % 8] >> (g / 8 * 4) & 15u;
    return low | (b->scales[8 + g % 4] >> (g / 4 * 2) & 3u) << 4;
}

static inline unsigned ac_code_q4_k(const ac_block_q4_k *b, unsigned i) {
    return b->qs[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15u;
}

/* The 6-bit scale and minimum of sub-block g from the 12 bytes that Q4_K and Q5_K share. */
static inline unsigned ac_scale_6bit(const uint8_t s[12], unsigned g) {
    return g < 4 ? s[g] & 63u : (s[g + 4] & 15u) | (unsigned)(s[g - 4] >> 6) << 4;
}

static inline unsigned ac_min_6bit(const uint8_t s[12], unsigned g) {
    return g < 4 ? s[g + 4] & 63u : (unsigned)(s[g + 4] >> 4) | (unsigned)(s[g] >> 6) << 4;
}

static inline unsigned ac_scale_q4_k(const ac_block_q4_k *b, unsigned g) {
    return ac_scale_6bit(b->scales, g);
}

static inline unsigned ac_min_q4_k(const ac_block_q4_k *b, unsigned g) {
    return ac_min_6bit(b->scales, g);
}

static inline unsigned ac_code_q5_k(const ac_block_q5_k *b, unsigned i) {
    unsigned low = b->qs[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15u;
    return low | (b->qh[i % 32] >> (i / 32) & 1u) << 4;
}

static inline unsigned ac_scale_q5_k(const ac_block_q5_k *b, unsigned g) {
    return ac_scale_6bit(b->scales, g);
}

static inline unsigned ac_min_q5_k(const ac_block_q5_k *b, unsigned g) {
    return ac_min_6bit(b->scales, g);
}

static inline unsigned ac_code_q6_k(const ac_block_q6_k *b, unsigned i) {
    unsigned low = b->ql[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 15u;
    return low | (b->qh[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3u) << 4;
}

static inline int ac_scale_q6_k(const ac_block_q6_k *b, unsigned g) {
    return b->scales[g];
}

static inline unsigned ac_code_iq4_xs(const ac_block_iq4_xs *b, unsigned i) {
    return b->qs[i / 32 * 16 + i % 16] >> (i % 32 / 16 * 4) & 15u;
}

static inline unsigned ac_scale_iq4_xs(const ac_block_iq4_xs *b, unsigned g) {
    return (b->scales_l[g / 2] >> (g % 2 * 4) & 15u) | (b->scales_h >> (g * 2) & 3u) << 4;
}

AC_BLOCK_CHECK(ac_block_f32, F32);
AC_BLOCK_CHECK(ac_block_f16, F16);
AC_BLOCK_CHECK(ac_block_bf16, BF16);
AC_BLOCK_CHECK(ac_block_q4_0, Q4_0);
AC_BLOCK_CHECK(ac_block_q4_1, Q4_1);
AC_BLOCK_CHECK(ac_block_q5_0, Q5_0);
AC_BLOCK_CHECK(ac_block_q5_1, Q5_1);
AC_BLOCK_CHECK(ac_block_q8_0, Q8_0);
AC_BLOCK_CHECK(ac_block_iq4_nl, IQ4_NL);
AC_BLOCK_CHECK(ac_block_mxfp4, MXFP4);
AC_BLOCK_CHECK(ac_block_q2_k, Q2_K);
AC_BLOCK_CHECK(ac_block_q3_k, Q3_K);
AC_BLOCK_CHECK(ac_block_q4_k, Q4_K);
AC_BLOCK_CHECK(ac_block_q5_k, Q5_K);
AC_BLOCK_CHECK(ac_block_q6_k, Q6_K);
AC_BLOCK_CHECK(ac_block_iq4_xs, IQ4_XS);

#endif
