/* vec_avx512.h - vectors of 16 lanes for the bodies in lanes/: AVX-512 F, BW, DQ, VL; with VNNI when the
 * file that includes it is compiled with it. */
#ifndef AC_LANES_VEC_AVX512_H
#define AC_LANES_VEC_AVX512_H

#include "vec_x86.h"

#define LANES 16

typedef __m512i vi;                                      /* 16 int32, or 64 bytes */
typedef __m512 vf;                                       /* 16 float32 */
typedef uint32_t v_u32 __attribute__((vector_size(64))); /* for shifts by constants and variables alike */
typedef int32_t v_s32 __attribute__((vector_size(64)));
typedef int16_t v_s16 __attribute__((vector_size(64)));

INLINE vi vi_load(const void *p) {
    return _mm512_loadu_si512(p);
}
INLINE void vi_store(void *p, vi x) {
    _mm512_storeu_si512(p, x);
}
INLINE vi vi_zero(void) {
    return _mm512_setzero_si512();
}
INLINE vi vi_all(int32_t x) {
    return _mm512_set1_epi32(x);
}
INLINE vi vi_all8(int x) {
    return _mm512_set1_epi8((char)x);
}
/* a, b, c, d in every quarter */
INLINE vi vi_quad(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return _mm512_set4_epi32((int)d, (int)c, (int)b, (int)a);
}
/* 4 bytes at any address, in every lane */
INLINE vi vi_spread(const void *p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm512_set1_epi32(x);
}
/* 16 bytes, in every quarter */
INLINE vi vi_spread16(const void *p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(p));
}
INLINE vi vi_and(vi a, vi b) {
    return _mm512_and_si512(a, b);
}
INLINE vi vi_or(vi a, vi b) {
    return _mm512_or_si512(a, b);
}
INLINE vi vi_xor(vi a, vi b) {
    return _mm512_xor_si512(a, b);
}
INLINE vi vi_and_not(vi a, vi b) {
    return _mm512_andnot_si512(a, b);
} /* b where a is not */
INLINE vi vi_add(vi a, vi b) {
    return _mm512_add_epi32(a, b);
}
INLINE vi vi_sub(vi a, vi b) {
    return _mm512_sub_epi32(a, b);
}
INLINE vi vi_mul(vi a, vi b) {
    return _mm512_mullo_epi32(a, b);
}
INLINE vi vi_min(vi a, vi b) {
    return _mm512_min_epi32(a, b);
}
/* all bits where a > b */
INLINE vi vi_greater(vi a, vi b) {
    return _mm512_maskz_set1_epi32(_mm512_cmpgt_epi32_mask(a, b), -1);
}
INLINE vi vi_equal(vi a, vi b) {
    return _mm512_maskz_set1_epi32(_mm512_cmpeq_epi32_mask(a, b), -1);
}
INLINE vi vi_sub8(vi a, vi b) {
    return _mm512_sub_epi8(a, b);
}
INLINE vi vi_add16(vi a, vi b) {
    return _mm512_add_epi16(a, b);
}
INLINE vi vi_sub16(vi a, vi b) {
    return _mm512_sub_epi16(a, b);
}
INLINE vi vi_mul16(vi a, vi b) {
    return _mm512_mullo_epi16(a, b);
}
INLINE vi vi_madd16(vi a, vi b) {
    return _mm512_madd_epi16(a, b);
}
INLINE vi vi_maddu8(vi u, vi s) {
    return _mm512_maddubs_epi16(u, s);
}
INLINE vi vi_abs8(vi a) {
    return _mm512_abs_epi8(a);
}
/* a, negated where w is negative */
INLINE vi vi_sign8(vi a, vi w) {
    return _mm512_mask_sub_epi8(a, _mm512_movepi8_mask(w), _mm512_setzero_si512(), a);
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
/* In each quarter: byte i is byte index[i] of a, or 0 when that is negative. */
INLINE vi vi_pick8(vi a, vi index) {
    return _mm512_shuffle_epi8(a, index);
}
/* x where a byte of a has one of the bits of b, else 0 */
INLINE vi vi_where8(vi a, vi b, int x) {
    return _mm512_maskz_set1_epi8(_mm512_test_epi8_mask(a, b), (char)x);
}

/* acc + the products of the int16 pairs of a lane */
INLINE vi vi_dot16(vi acc, vi a, vi b) {
#ifdef __AVX512VNNI__
    return _mm512_dpwssd_epi32(acc, a, b);
#else
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b));
#endif
}

#ifdef __AVX512VNNI__
#define VI_DOT8 1
/* acc + the products of the unsigned bytes of w and 4 signed ones, the i-th at q */
INLINE vi v_dot_step(vi acc, vi w, const uint8_t *q, int i) {
    return _mm512_dpbusd_epi32(acc, w, vi_spread(q + 4 * i));
}
#endif

INLINE vf vf_load(const void *p) {
    return _mm512_loadu_ps(p);
}
INLINE void vf_store(float *p, vf x) {
    _mm512_storeu_ps(p, x);
}
INLINE vf vf_zero(void) {
    return _mm512_setzero_ps();
}
INLINE vf vf_all(float x) {
    return _mm512_set1_ps(x);
}
INLINE vf vf_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
INLINE vf vf_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
INLINE vf vf_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
INLINE vf vf_of(vi a) {
    return _mm512_cvtepi32_ps(a);
}
INLINE vf vf_bits(vi a) {
    return _mm512_castsi512_ps(a);
}

INLINE vf vf_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}
INLINE vi vi_bits(vf a) {
    return _mm512_castps_si512(a);
}
INLINE vi vi_max(vi a, vi b) {
    return _mm512_max_epi32(a, b);
}
/* nearest integer, ties to even */
INLINE vi vi_rne(vf a) {
    return _mm512_cvtps_epi32(a);
}
INLINE int32_t vi_sum(vi a) {
    return _mm512_reduce_add_epi32(a);
}
INLINE int32_t vi_most(vi a) {
    return _mm512_reduce_max_epi32(a);
}
INLINE float vf_most(vf a) {
    return _mm512_reduce_max_ps(a);
}

/* Lane i of v_sums and v_mosts: the sum and the maximum of the lanes of x[i]. */
#define V_EACH(name, op)                                                                                     \
    INLINE vi name##_of4(const vi *x) { /* of each quarter */                                                \
        vi a = op(_mm512_unpacklo_epi32(x[0], x[1]), _mm512_unpackhi_epi32(x[0], x[1]));                     \
        vi b = op(_mm512_unpacklo_epi32(x[2], x[3]), _mm512_unpackhi_epi32(x[2], x[3]));                     \
        return op(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));                                 \
    }                                                                                                        \
    INLINE vi name##_halves(vi a, vi b) {                                                                    \
        return op(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));                       \
    }                                                                                                        \
    INLINE vi name(const vi x[LANES]) {                                                                      \
        return name##_halves(name##_halves(name##_of4(x), name##_of4(x + 4)),                                \
                             name##_halves(name##_of4(x + 8), name##_of4(x + 12)));                          \
    }
V_EACH(v_sums, vi_add)
V_EACH(v_mosts, vi_max)

/* which lanes */
typedef __mmask16 vm;
INLINE vm vm_less(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
INLINE vm vm_greater(vi a, vi b) {
    return _mm512_cmpgt_epi32_mask(a, b);
}
INLINE vf vf_keep(vm m, vf x) {
    return _mm512_maskz_mov_ps(m, x);
}
INLINE vf vf_choose(vm m, vf yes, vf no) {
    return _mm512_mask_mov_ps(no, m, yes);
}
INLINE vi vi_keep(vm m, vi x) {
    return _mm512_maskz_mov_epi32(m, x);
}
INLINE vi vi_choose(vm m, vi yes, vi no) {
    return _mm512_mask_mov_epi32(no, m, yes);
}
/* 0, 1, 2 ... */
INLINE vi vi_count(void) {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* the low bytes or int16 of all lanes */
INLINE void v_store8(int8_t *p, vi a) {
    _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8(a));
}
INLINE void v_store16(int16_t *p, vi a) {
    _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16(a));
}

/* 2 * LANES floats: the even and the odd ones, and back */
INLINE void v_split(const float *p, vf *even, vf *odd) {
    vf a = vf_load(p), b = vf_load(p + LANES);
    *even = _mm512_permutex2var_ps(a, _mm512_slli_epi32(vi_count(), 1), b);
    *odd = _mm512_permutex2var_ps(a, _mm512_add_epi32(_mm512_slli_epi32(vi_count(), 1), _mm512_set1_epi32(1)),
                                  b);
}
INLINE void v_join(float *p, vf even, vf odd) {
    vi low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    vf_store(p, _mm512_permutex2var_ps(even, low, odd));
    vf_store(p + LANES, _mm512_permutex2var_ps(even, _mm512_add_epi32(low, _mm512_set1_epi32(8)), odd));
}

/* half() of docs/numerics.md, of 16 of them */
INLINE vf vf_half(__m256i h) {
    __m256i m = _mm256_and_si256(h, _mm256_set1_epi16(0x7fff));
    m = _mm256_min_epu16(m, _mm256_set1_epi16(0x7bff));
    return _mm512_cvtph_ps(_mm256_or_si256(m, _mm256_and_si256(h, _mm256_set1_epi16((short)0x8000))));
}
INLINE vf vf_half_low(vi a) {
    return vf_half(_mm512_cvtepi32_epi16(a));
}
INLINE vf vf_half_high(vi a) {
    return vf_half(_mm512_cvtepi32_epi16(_mm512_srli_epi32(a, 16)));
}

/* ---- Rows into lanes: row r starts at p + r * stride, its data go to lane r ------------------------- */

INLINE vf rows_half(const uint8_t *p, size_t stride) {
    return vf_half(_mm256_setr_m128i(v_halves8(p, stride), v_halves8(p + 8 * stride, stride)));
}

/* 4 bytes of each row */
INLINE vi rows_4(const uint8_t *p, size_t stride) {
    __m256i a = _mm256_setr_m128i(v_words4(p, stride), v_words4(p + 4 * stride, stride));
    __m256i b = _mm256_setr_m128i(v_words4(p + 8 * stride, stride), v_words4(p + 12 * stride, stride));
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* 1 byte of each row, as an integer */
INLINE vi rows_1(const uint8_t *p, size_t stride) {
    return _mm512_cvtepu8_epi32(_mm_unpacklo_epi64(v_bytes8(p, stride), v_bytes8(p + 8 * stride, stride)));
}

/* Within each quarter: 4 x 4 dwords change rows and columns. */
INLINE void v_turn4(vi x[4]) {
    vi a = _mm512_unpacklo_epi32(x[0], x[1]), b = _mm512_unpackhi_epi32(x[0], x[1]);
    vi c = _mm512_unpacklo_epi32(x[2], x[3]), d = _mm512_unpackhi_epi32(x[2], x[3]);
    x[0] = _mm512_unpacklo_epi64(a, c), x[1] = _mm512_unpackhi_epi64(a, c);
    x[2] = _mm512_unpacklo_epi64(b, d), x[3] = _mm512_unpackhi_epi64(b, d);
}

/* 16 bytes of rows 0, 4, 8, 12 */
INLINE vi v_rows_16(const uint8_t *p, size_t stride) {
    vi x = _mm512_castsi128_si512(_mm_loadu_si128((const void *)p));
    x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(p + 4 * stride)), 1);
    x = _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(p + 8 * stride)), 2);
    return _mm512_inserti32x4(x, _mm_loadu_si128((const void *)(p + 12 * stride)), 3);
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

/* 32 bytes of rows 0 and 4 */
INLINE vi v_rows_32(const uint8_t *p, size_t stride) {
    vi x = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)p));
    return _mm512_inserti64x4(x, _mm256_loadu_si256((const void *)(p + 4 * stride)), 1);
}
/* 32 bytes of each row: out[i] has bytes 4 i .. 4 i + 3 */
INLINE void rows_32(const uint8_t *p, size_t stride, vi out[8]) {
    vi a[4], b[4];
    for (int i = 0; i < 4; i++) a[i] = v_rows_32(p + (size_t)i * stride, stride);
    for (int i = 0; i < 4; i++) b[i] = v_rows_32(p + (size_t)(i + 8) * stride, stride);
    v_turn4(a);
    v_turn4(b);
    for (int i = 0; i < 4; i++) {
        out[i] = _mm512_shuffle_i64x2(a[i], b[i], 0x88);
        out[i + 4] = _mm512_shuffle_i64x2(a[i], b[i], 0xdd);
    }
}

#endif
