/* vec_x86.h - what the vectors of AVX2 and AVX-512 share: pieces of at most 256 bits. */
#ifndef AC_LANES_VEC_X86_H
#define AC_LANES_VEC_X86_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define V_HOLD(x) __asm__("" : "+v"(x))

/* n bytes, a multiple of 32 */
INLINE void v_copy(uint8_t *to, const uint8_t *from, uint32_t n) {
    for (uint32_t i = 0; i < n; i += 32)
        _mm256_storeu_si256((void *)(to + i), _mm256_loadu_si256((const void *)(from + i)));
}

/* 8 int16 at p times k as int32; 8 int16 as float; 8 bytes times k as int32 */
INLINE void v_widen8(int32_t out[8], const uint8_t *p, int k) {
    __m256i x = _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)p));
    _mm256_storeu_si256((void *)out, _mm256_mullo_epi32(x, _mm256_set1_epi32(k)));
}
INLINE void v_widen8_float(float out[8], const uint8_t *p) {
    _mm256_storeu_ps(out, _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)p))));
}
INLINE void v_widen8_bytes(int32_t out[8], const uint8_t *p, int k) {
    __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p));
    _mm256_storeu_si256((void *)out, _mm256_mullo_epi32(x, _mm256_set1_epi32(k)));
}
/* k * s / f for 8 int32 and 8 bytes, where f divides s: the quotients of floats are exact */
INLINE __m256i v_quotients(__m256i s, __m128i f, int k) {
    __m256 q = _mm256_div_ps(_mm256_cvtepi32_ps(s), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(f)));
    return _mm256_mullo_epi32(_mm256_cvtps_epi32(q), _mm256_set1_epi32(k));
}
/* k times the sums of q of 16 elements, of 32: s of section 3 without the factors */
INLINE void v_sums16(int32_t out[16], const uint8_t *s, const uint8_t *f, int k) {
    __m128i f8 = _mm_loadl_epi64((const void *)f), twice = _mm_unpacklo_epi8(f8, f8);
    __m256i s0 = _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)s));
    __m256i s1 = _mm256_cvtepi16_epi32(_mm_loadu_si128((const void *)(s + 16)));
    _mm256_storeu_si256((void *)out, v_quotients(s0, twice, k));
    _mm256_storeu_si256((void *)(out + 8), v_quotients(s1, _mm_srli_si128(twice, 8), k));
}
INLINE void v_sums8(int32_t out[8], const uint8_t *s, const uint8_t *f, int k) {
    __m256i both = _mm256_madd_epi16(_mm256_loadu_si256((const void *)s), _mm256_set1_epi16(1));
    _mm256_storeu_si256((void *)out, v_quotients(both, _mm_loadl_epi64((const void *)f), k));
}

/* n bytes, a multiple of 32, as int16: of each 4 the even ones, then the odd ones */
INLINE void v_copy_halves16(uint8_t *to, const uint8_t *from, uint32_t n) {
    for (uint32_t i = 0; i < n; i += 32) {
        __m256i x = _mm256_loadu_si256((const void *)(from + i));
        __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), odd = _mm256_srai_epi16(x, 8);
        __m256i a = _mm256_unpacklo_epi32(even, odd), b = _mm256_unpackhi_epi32(even, odd);
        _mm256_storeu_si256((void *)(to + 2 * i), _mm256_permute2x128_si256(a, b, 0x20));
        _mm256_storeu_si256((void *)(to + 2 * i + 32), _mm256_permute2x128_si256(a, b, 0x31));
    }
}

/* k times sums over each `sub` (16 or 32) of n bytes, n a multiple of 32, as int16 pairs: of those at 0 and 1
 * modulo 4, of those at 2 and 3 */
INLINE void v_sums_of_pairs(int32_t *out, const uint8_t *q, uint32_t n, int sub, int k) {
    const __m256i ones = _mm256_set1_epi8(1), factor = _mm256_set1_epi16((short)k);
    for (uint32_t i = 0; i < n; i += 32) {
        __m256i x = _mm256_maddubs_epi16(ones, _mm256_loadu_si256((const void *)(q + i)));
        x = _mm256_add_epi16(x, _mm256_shuffle_epi32(x, 0x4e));
        x = _mm256_mullo_epi16(_mm256_add_epi16(x, _mm256_shuffle_epi32(x, 0xb1)), factor);
        __m128i low = _mm256_castsi256_si128(x), high = _mm256_extracti128_si256(x, 1);
        if (sub == 16) {
            *out++ = _mm_cvtsi128_si32(low);
            *out++ = _mm_cvtsi128_si32(high);
        } else {
            *out++ = _mm_cvtsi128_si32(_mm_add_epi16(low, high));
        }
    }
}

/* ---- 8 or 4 rows, row r at p + r * stride: a half, 4 bytes, a byte of each ---------------------------- */

INLINE int v_int16(const uint8_t *p) {
    int16_t h;
    memcpy(&h, p, sizeof h);
    return h;
}
INLINE __m128i v_halves8(const uint8_t *p, size_t stride) {
    __m128i x = _mm_setzero_si128();
#define PUT(i) x = _mm_insert_epi16(x, v_int16(p + (i)*stride), i)
    PUT(0), PUT(1), PUT(2), PUT(3), PUT(4), PUT(5), PUT(6), PUT(7);
#undef PUT
    return x;
}
INLINE __m128i v_words4(const uint8_t *p, size_t stride) {
    int32_t x[4];
    for (int i = 0; i < 4; i++) memcpy(&x[i], p + (size_t)i * stride, 4);
    return _mm_insert_epi32(_mm_insert_epi32(_mm_insert_epi32(_mm_cvtsi32_si128(x[0]), x[1], 1), x[2], 2),
                            x[3], 3);
}
INLINE __m128i v_bytes8(const uint8_t *p, size_t stride) {
    __m128i x = _mm_setzero_si128();
#define PUT(i) x = _mm_insert_epi8(x, p[(i)*stride], i)
    PUT(0), PUT(1), PUT(2), PUT(3), PUT(4), PUT(5), PUT(6), PUT(7);
#undef PUT
    return x;
}

#endif
