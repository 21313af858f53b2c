/* vec_avx2.h - vectors of 8 lanes for the bodies in lanes/: AVX2 and F16C, no FMA. */
#ifndef AC_LANES_VEC_AVX2_H
#define AC_LANES_VEC_AVX2_H

#include "vec_x86.h"

#define LANES 8

typedef __m256i vi;                                      /* 8 int32, or 32 bytes */
typedef __m256 vf;                                       /* 8 float32 */
typedef uint32_t v_u32 __attribute__((vector_size(32))); /* for shifts by constants and variables alike */
typedef int32_t v_s32 __attribute__((vector_size(32)));
typedef int16_t v_s16 __attribute__((vector_size(32)));

INLINE vi vi_load(const void *p) {
    return _mm256_loadu_si256(p);
}
INLINE void vi_store(void *p, vi x) {
    _mm256_storeu_si256(p, x);
}
INLINE vi vi_zero(void) {
    return _mm256_setzero_si256();
}
INLINE vi vi_all(int32_t x) {
    return _mm256_set1_epi32(x);
}
INLINE vi vi_all8(int x) {
    return _mm256_set1_epi8((char)x);
}
/* a, b, c, d in both halves */
INLINE vi vi_quad(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return _mm256_broadcastsi128_si256(_mm_setr_epi32((int)a, (int)b, (int)c, (int)d));
}
/* 4 bytes at any address, in every lane */
INLINE vi vi_spread(const void *p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm256_set1_epi32(x);
}
/* 16 bytes, in both halves */
INLINE vi vi_spread16(const void *p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(p));
}
INLINE vi vi_and(vi a, vi b) {
    return _mm256_and_si256(a, b);
}
INLINE vi vi_or(vi a, vi b) {
    return _mm256_or_si256(a, b);
}
INLINE vi vi_xor(vi a, vi b) {
    return _mm256_xor_si256(a, b);
}
INLINE vi vi_and_not(vi a, vi b) {
    return _mm256_andnot_si256(a, b);
} /* b where a is not */
INLINE vi vi_add(vi a, vi b) {
    return _mm256_add_epi32(a, b);
}
INLINE vi vi_sub(vi a, vi b) {
    return _mm256_sub_epi32(a, b);
}
INLINE vi vi_mul(vi a, vi b) {
    return _mm256_mullo_epi32(a, b);
}
INLINE vi vi_min(vi a, vi b) {
    return _mm256_min_epi32(a, b);
}
INLINE vi vi_max(vi a, vi b) {
    return _mm256_max_epi32(a, b);
}
/* all bits where a > b */
INLINE vi vi_greater(vi a, vi b) {
    return _mm256_cmpgt_epi32(a, b);
}
INLINE vi vi_equal(vi a, vi b) {
    return _mm256_cmpeq_epi32(a, b);
}
INLINE vi vi_sub8(vi a, vi b) {
    return _mm256_sub_epi8(a, b);
}
INLINE vi vi_add16(vi a, vi b) {
    return _mm256_add_epi16(a, b);
}
INLINE vi vi_sub16(vi a, vi b) {
    return _mm256_sub_epi16(a, b);
}
INLINE vi vi_mul16(vi a, vi b) {
    return _mm256_mullo_epi16(a, b);
}
INLINE vi vi_madd16(vi a, vi b) {
    return _mm256_madd_epi16(a, b);
}
INLINE vi vi_maddu8(vi u, vi s) {
    return _mm256_maddubs_epi16(u, s);
}
INLINE vi vi_abs8(vi a) {
    return _mm256_abs_epi8(a);
}
/* a, negated where w is negative, 0 where w is 0 */
INLINE vi vi_sign8(vi a, vi w) {
    return _mm256_sign_epi8(a, w);
}
INLINE vi vi_srl(vi a, int n) {
    return (vi)((v_u32)a >> n);
}
INLINE vi vi_sll(vi a, int n) {
    return (vi)((v_u32)a << n);
}
INLINE vi vi_sra(vi a, int n) {
    return (vi)((v_s32)a >> n);
}
INLINE vi vi_sra16(vi a, int n) {
    return (vi)((v_s16)a >> n);
}
/* In each half: byte i is byte index[i] of a, or 0 when that is negative. */
INLINE vi vi_pick8(vi a, vi index) {
    return _mm256_shuffle_epi8(a, index);
}
/* x where a byte of a has one of the bits of b, else 0 */
INLINE vi vi_where8(vi a, vi b, int x) {
    return vi_and_not(_mm256_cmpeq_epi8(vi_and(a, b), vi_zero()), vi_all8(x));
}

/* acc + the products of the int16 pairs of a lane */
INLINE vi vi_dot16(vi acc, vi a, vi b) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}

INLINE vf vf_load(const void *p) {
    return _mm256_loadu_ps(p);
}
INLINE void vf_store(float *p, vf x) {
    _mm256_storeu_ps(p, x);
}
INLINE vf vf_zero(void) {
    return _mm256_setzero_ps();
}
INLINE vf vf_all(float x) {
    return _mm256_set1_ps(x);
}
INLINE vf vf_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}
INLINE vf vf_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}
INLINE vf vf_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}
INLINE vf vf_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}
INLINE vf vf_of(vi a) {
    return _mm256_cvtepi32_ps(a);
}
INLINE vf vf_bits(vi a) {
    return _mm256_castsi256_ps(a);
}
INLINE vi vi_bits(vf a) {
    return _mm256_castps_si256(a);
}
/* nearest integer, ties to even */
INLINE vi vi_rne(vf a) {
    return _mm256_cvtps_epi32(a);
}
INLINE int32_t vi_sum(vi a) {
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}
INLINE int32_t vi_most(vi a) {
    __m128i x = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    x = _mm_max_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}
INLINE float vf_most(vf a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

/* Lane i of v_sums and v_mosts: the sum and the maximum of the lanes of x[i]. */
#define V_EACH(name, op)                                                                                     \
    INLINE vi name##_of4(const vi *x) { /* of each half */                                                   \
        vi a = op(_mm256_unpacklo_epi32(x[0], x[1]), _mm256_unpackhi_epi32(x[0], x[1]));                     \
        vi b = op(_mm256_unpacklo_epi32(x[2], x[3]), _mm256_unpackhi_epi32(x[2], x[3]));                     \
        return op(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));                                 \
    }                                                                                                        \
    INLINE vi name(const vi x[LANES]) {                                                                      \
        vi a = name##_of4(x), b = name##_of4(x + 4);                                                         \
        return op(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));             \
    }
V_EACH(v_sums, vi_add)
V_EACH(v_mosts, vi_max)

/* which lanes: all bits or none */
typedef __m256i vm;
INLINE vm vm_less(vf a, vf b) {
    return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
INLINE vm vm_greater(vi a, vi b) {
    return _mm256_cmpgt_epi32(a, b);
}
INLINE vf vf_keep(vm m, vf x) {
    return _mm256_and_ps(_mm256_castsi256_ps(m), x);
}
INLINE vf vf_choose(vm m, vf yes, vf no) {
    return _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(m));
}
INLINE vi vi_keep(vm m, vi x) {
    return _mm256_and_si256(m, x);
}
INLINE vi vi_choose(vm m, vi yes, vi no) {
    return _mm256_blendv_epi8(no, yes, m);
}
/* 0, 1, 2 ... */
INLINE vi vi_count(void) {
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}

/* the low int16 of all lanes of a */
INLINE __m128i v_low16(vi a) {
    const __m256i low = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 4, 5,
                                         8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_shuffle_epi8(a, low), 0x08));
}
/* the low bytes or int16 of all lanes */
INLINE void v_store8(int8_t *p, vi a) {
    const __m128i even = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, -1, -1, -1, -1, -1, -1, -1, -1);
    _mm_storel_epi64((void *)p, _mm_shuffle_epi8(v_low16(a), even));
}
INLINE void v_store16(int16_t *p, vi a) {
    _mm_storeu_si128((void *)p, v_low16(a));
}

/* 2 * LANES floats: the even and the odd ones, and back */
INLINE void v_split(const float *p, vf *even, vf *odd) {
    vf a = vf_load(p), b = vf_load(p + LANES);
    vf low = _mm256_permute2f128_ps(a, b, 0x20), high = _mm256_permute2f128_ps(a, b, 0x31);
    *even = _mm256_shuffle_ps(low, high, 0x88);
    *odd = _mm256_shuffle_ps(low, high, 0xdd);
}
INLINE void v_join(float *p, vf even, vf odd) {
    vf a = _mm256_unpacklo_ps(even, odd), b = _mm256_unpackhi_ps(even, odd);
    vf_store(p, _mm256_permute2f128_ps(a, b, 0x20));
    vf_store(p + LANES, _mm256_permute2f128_ps(a, b, 0x31));
}

/* half() of docs/numerics.md, of 8 of them */
INLINE vf vf_half(__m128i h) {
    __m128i m = _mm_min_epu16(_mm_and_si128(h, _mm_set1_epi16(0x7fff)), _mm_set1_epi16(0x7bff));
    return _mm256_cvtph_ps(_mm_or_si128(m, _mm_and_si128(h, _mm_set1_epi16((short)0x8000))));
}
INLINE vf vf_half_low(vi a) {
    return vf_half(v_low16(a));
}
INLINE vf vf_half_high(vi a) {
    return vf_half(v_low16(_mm256_srli_epi32(a, 16)));
}

/* ---- Rows into lanes: row r starts at p + r * stride, its data go to lane r -------------------------- */

INLINE vf rows_half(const uint8_t *p, size_t stride) {
    return vf_half(v_halves8(p, stride));
}
/* 4 bytes of each row */
INLINE vi rows_4(const uint8_t *p, size_t stride) {
    return _mm256_setr_m128i(v_words4(p, stride), v_words4(p + 4 * stride, stride));
}
/* 1 byte of each row, as an integer */
INLINE vi rows_1(const uint8_t *p, size_t stride) {
    return _mm256_cvtepu8_epi32(v_bytes8(p, stride));
}

/* Within each half: 4 x 4 dwords change rows and columns. */
INLINE void v_turn4(vi x[4]) {
    vi a = _mm256_unpacklo_epi32(x[0], x[1]), b = _mm256_unpackhi_epi32(x[0], x[1]);
    vi c = _mm256_unpacklo_epi32(x[2], x[3]), d = _mm256_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm256_unpacklo_epi64(a, c), x[1] = _mm256_unpackhi_epi64(a, c);
    x[2] = _mm256_unpacklo_epi64(b, d), x[3] = _mm256_unpackhi_epi64(b, d);
}

/* 16 bytes of rows 0 and 4 */
INLINE vi v_rows_16(const uint8_t *p, size_t stride) {
    vi x = _mm256_castsi128_si256(_mm_loadu_si128((const void *)p));
    return _mm256_inserti128_si256(x, _mm_loadu_si128((const void *)(p + 4 * stride)), 1);
}
/* 16 bytes of each row, before the turn: `index` (vi_pick8) moves them first */
INLINE void rows_16_picked(const uint8_t *p, size_t stride, vi index, vi out[4]) {
    for (int i = 0; i < 4; i++) out[i] = vi_pick8(v_rows_16(p + (size_t)i * stride, stride), index);
    v_turn4(out);
}
/* 16 bytes of each row: out[i] has bytes 4 i .. 4 i + 3 */
INLINE void rows_16(const uint8_t *p, size_t stride, vi out[4]) {
    for (int i = 0; i < 4; i++) out[i] = v_rows_16(p + (size_t)i * stride, stride);
    v_turn4(out);
}
/* 32 bytes of each row: out[i] has bytes 4 i .. 4 i + 3 */
INLINE void rows_32(const uint8_t *p, size_t stride, vi out[8]) {
    rows_16(p, stride, out);
    rows_16(p + 16, stride, out + 4);
}

#endif
