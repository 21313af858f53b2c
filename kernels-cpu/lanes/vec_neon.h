/* vec_neon.h - vectors of 4 lanes for the bodies in lanes/: NEON of AArch64. What the products of bytes are
 * made of is in dots_neon.h. Compiled with -fwrapv: gcc's arm_neon.h adds signed vectors as C adds integers.
 */
#ifndef AC_LANES_VEC_NEON_H
#define AC_LANES_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define INLINE static inline __attribute__((always_inline))

#define VI_DOT8 1  /* products of bytes add up to int32 */
#define V_SIGNED 1 /* and both factors are signed */
#define V_NEON 1   /* codes come as rows: unpack.h */

typedef int32x4_t vi;   /* 4 int32, or 16 bytes */
typedef float32x4_t vf; /* 4 float32 */

INLINE int8x16_t v_s8(vi a) {
    return vreinterpretq_s8_s32(a);
}
INLINE int16x8_t v_s16(vi a) {
    return vreinterpretq_s16_s32(a);
}
INLINE uint8x16_t v_u8(vi a) {
    return vreinterpretq_u8_s32(a);
}
INLINE vi vi_u8(uint8x16_t a) {
    return vreinterpretq_s32_u8(a);
}

INLINE uint32x4_t v_u32(vi a) {
    return vreinterpretq_u32_s32(a);
}
INLINE vi vi_u32(uint32x4_t a) {
    return vreinterpretq_s32_u32(a);
}

INLINE vi vi_load(const void *p) {
    return vreinterpretq_s32_u8(vld1q_u8(p));
}
INLINE void vi_store(void *p, vi x) {
    vst1q_u8(p, v_u8(x));
}
INLINE vi vi_zero(void) {
    return vdupq_n_s32(0);
}
INLINE vi vi_all(int32_t x) {
    return vdupq_n_s32(x);
}
INLINE vi vi_all8(int x) {
    return vi_u8(vdupq_n_u8((uint8_t)x));
}
/* a, b, c, d */
INLINE vi vi_quad(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return (vi){(int32_t)a, (int32_t)b, (int32_t)c, (int32_t)d};
}
/* 4 bytes at any address, in every lane */
INLINE vi vi_spread(const void *p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return vdupq_n_s32(x);
}
/* 16 bytes */
INLINE vi vi_spread16(const void *p) {
    return vi_load(p);
}
INLINE vi vi_and(vi a, vi b) {
    return vandq_s32(a, b);
}
INLINE vi vi_or(vi a, vi b) {
    return vorrq_s32(a, b);
}
INLINE vi vi_xor(vi a, vi b) {
    return veorq_s32(a, b);
}
INLINE vi vi_and_not(vi a, vi b) {
    return vbicq_s32(b, a);
} /* b where a is not */
INLINE vi vi_add(vi a, vi b) {
    return vaddq_s32(a, b);
}
INLINE vi vi_sub(vi a, vi b) {
    return vsubq_s32(a, b);
}
INLINE vi vi_mul(vi a, vi b) {
    return vmulq_s32(a, b);
}
INLINE vi vi_min(vi a, vi b) {
    return vminq_s32(a, b);
}
INLINE vi vi_max(vi a, vi b) {
    return vmaxq_s32(a, b);
}
/* all bits where a > b */
INLINE vi vi_greater(vi a, vi b) {
    return vi_u32(vcgtq_s32(a, b));
}
INLINE vi vi_equal(vi a, vi b) {
    return vi_u32(vceqq_s32(a, b));
}
INLINE vi vi_sub8(vi a, vi b) {
    return vi_u8(vsubq_u8(v_u8(a), v_u8(b)));
}
INLINE vi vi_srl(vi a, int n) {
    return vi_u32(v_u32(a) >> (uint32_t)n);
}
INLINE vi vi_sll(vi a, int n) {
    return vi_u32(v_u32(a) << (uint32_t)n);
}
INLINE vi vi_sra(vi a, int n) {
    return a >> n;
}
/* Byte i is byte index[i] of a, or 0 when that is negative. */
INLINE vi vi_pick8(vi a, vi index) {
    return vi_u8(vqtbl1q_u8(v_u8(a), v_u8(index)));
}
/* x where a byte of a has one of the bits of b, else 0 */
INLINE vi vi_where8(vi a, vi b, int x) {
    return vi_and(vi_u8(vtstq_u8(v_u8(a), v_u8(b))), vi_all8(x));
}

/* Sums of products of int16 pairs: the low lanes' and the high lanes' products apart until va_sum. */
#define V_PAIRS 1
typedef struct va {
    int32x4_t low, high;
} va;
INLINE va va_zero(void) {
    return (va){vdupq_n_s32(0), vdupq_n_s32(0)};
}
INLINE va va_dot16(va acc, vi a, vi b) {
    acc.low = vmlal_s16(acc.low, vget_low_s16(v_s16(a)), vget_low_s16(v_s16(b)));
    acc.high = vmlal_high_s16(acc.high, v_s16(a), v_s16(b));
    return acc;
}
INLINE vi va_sum(va acc) {
    return vpaddq_s32(acc.low, acc.high);
}

/* n bytes, a multiple of 32 */
INLINE void v_copy(uint8_t *to, const uint8_t *from, uint32_t n) {
    for (uint32_t i = 0; i < n; i += 16) vst1q_u8(to + i, vld1q_u8(from + i));
}

/* 8 int16 at p as float; 8 bytes times k as int32 */
INLINE void v_widen8_float(float out[8], const uint8_t *p) {
    int16x8_t x = vreinterpretq_s16_u8(vld1q_u8(p));
    vst1q_f32(out, vcvtq_f32_s32(vmovl_s16(vget_low_s16(x))));
    vst1q_f32(out + 4, vcvtq_f32_s32(vmovl_high_s16(x)));
}
INLINE void v_widen8_bytes(int32_t out[8], const uint8_t *p, int k) {
    int16x8_t x = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
    vst1q_s32(out, vmulq_s32(vmovl_s16(vget_low_s16(x)), vdupq_n_s32(k)));
    vst1q_s32(out + 4, vmulq_s32(vmovl_high_s16(x), vdupq_n_s32(k)));
}

/* the sums of q of 16 elements, or of 32, as int32 */
INLINE void v_widen_sums(int32_t *out, const uint8_t *s, int of) {
    for (int i = 0; i < 2; i++) {
        int16x8_t x = vreinterpretq_s16_u8(vld1q_u8(s + 16 * i));
        if (of == 32) {
            vst1q_s32(out + 4 * i, vpaddlq_s16(x));
            continue;
        }
        vst1q_s32(out + 8 * i, vmovl_s16(vget_low_s16(x)));
        vst1q_s32(out + 8 * i + 4, vmovl_high_s16(x));
    }
}

INLINE vf vf_load(const void *p) {
    return vreinterpretq_f32_u8(vld1q_u8(p));
}
INLINE void vf_store(float *p, vf x) {
    vst1q_f32(p, x);
}
INLINE vf vf_zero(void) {
    return vdupq_n_f32(0.0f);
}
INLINE vf vf_all(float x) {
    return vdupq_n_f32(x);
}
INLINE vf vf_add(vf a, vf b) {
    return vaddq_f32(a, b);
}
INLINE vf vf_sub(vf a, vf b) {
    return vsubq_f32(a, b);
}
INLINE vf vf_mul(vf a, vf b) {
    return vmulq_f32(a, b);
}
INLINE vf vf_of(vi a) {
    return vcvtq_f32_s32(a);
}
INLINE vf vf_bits(vi a) {
    return vreinterpretq_f32_s32(a);
}
INLINE vf vf_max(vf a, vf b) {
    return vmaxq_f32(a, b);
}
INLINE vi vi_bits(vf a) {
    return vreinterpretq_s32_f32(a);
}
/* nearest integer, ties to even */
INLINE vi vi_rne(vf a) {
    return vcvtnq_s32_f32(a);
}
INLINE int32_t vi_sum(vi a) {
    return vaddvq_s32(a);
}
INLINE int32_t vi_most(vi a) {
    return vmaxvq_s32(a);
}
INLINE float vf_most(vf a) {
    return vmaxvq_f32(a);
}

/* Lane i: the sum and the maximum of the lanes of x[i]. */
INLINE vi v_sums(const vi x[LANES]) {
    return vpaddq_s32(vpaddq_s32(x[0], x[1]), vpaddq_s32(x[2], x[3]));
}
INLINE vi v_mosts(const vi x[LANES]) {
    return vpmaxq_s32(vpmaxq_s32(x[0], x[1]), vpmaxq_s32(x[2], x[3]));
}

/* which lanes */
typedef uint32x4_t vm;
INLINE vm vm_less(vf a, vf b) {
    return vcltq_f32(a, b);
}
INLINE vm vm_greater(vi a, vi b) {
    return vcgtq_s32(a, b);
}
INLINE vf vf_keep(vm m, vf x) {
    return vreinterpretq_f32_u32(vandq_u32(m, vreinterpretq_u32_f32(x)));
}
INLINE vf vf_choose(vm m, vf yes, vf no) {
    return vbslq_f32(m, yes, no);
}
INLINE vi vi_choose(vm m, vi yes, vi no) {
    return vbslq_s32(m, yes, no);
}
/* 0, 1, 2 ... */
INLINE vi vi_count(void) {
    return (vi){0, 1, 2, 3};
}

/* the low bytes or int16 of all lanes */
INLINE void v_store8(int8_t *p, vi a) {
    int16x4_t half = vmovn_s32(a);
    int8x8_t bytes = vmovn_s16(vcombine_s16(half, half));
    int32_t x = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
    memcpy(p, &x, sizeof x);
}
INLINE void v_store16(int16_t *p, vi a) {
    vst1_s16(p, vmovn_s32(a));
}

/* 2 * LANES floats: the even and the odd ones, and back */
INLINE void v_split(const float *p, vf *even, vf *odd) {
    float32x4x2_t x = vld2q_f32(p);
    *even = x.val[0];
    *odd = x.val[1];
}
INLINE void v_join(float *p, vf even, vf odd) {
    float32x4x2_t x = {{even, odd}};
    vst2q_f32(p, x);
}

/* half() of docs/numerics.md */
INLINE vf vf_half(uint16x4_t h) {
    uint16x4_t m = vmin_u16(vand_u16(h, vdup_n_u16(0x7fff)), vdup_n_u16(0x7bff));
    return vcvt_f32_f16(vreinterpret_f16_u16(vorr_u16(m, vand_u16(h, vdup_n_u16(0x8000)))));
}
INLINE vf vf_half_low(vi a) {
    return vf_half(vmovn_u32(v_u32(a)));
}
INLINE vf vf_half_high(vi a) {
    return vf_half(vshrn_n_u32(v_u32(a), 16));
}

/* ---- Rows into lanes: row r starts at p + r * stride, its data go to lane r ------------------------- */

INLINE vf rows_half(const uint8_t *p, size_t stride) {
    uint16_t x[4];
    for (int i = 0; i < 4; i++) memcpy(&x[i], p + (size_t)i * stride, 2);
    return vf_half((uint16x4_t){x[0], x[1], x[2], x[3]});
}
/* 4 bytes of each row */
INLINE vi rows_4(const uint8_t *p, size_t stride) {
    int32_t x[4];
    for (int i = 0; i < 4; i++) memcpy(&x[i], p + (size_t)i * stride, 4);
    return (vi){x[0], x[1], x[2], x[3]};
}
/* 1 byte of each row, as an integer */
INLINE vi rows_1(const uint8_t *p, size_t stride) {
    return (vi){p[0], p[stride], p[2 * stride], p[3 * stride]};
}

/* 4 x 4 dwords change rows and columns. */
INLINE void v_turn4(vi x[4]) {
    int64x2_t a = vreinterpretq_s64_s32(vzip1q_s32(x[0], x[1]));
    int64x2_t b = vreinterpretq_s64_s32(vzip2q_s32(x[0], x[1]));
    int64x2_t c = vreinterpretq_s64_s32(vzip1q_s32(x[2], x[3]));
    int64x2_t d = vreinterpretq_s64_s32(vzip2q_s32(x[2], x[3]));
    x[0] = vreinterpretq_s32_s64(vzip1q_s64(a, c)), x[1] = vreinterpretq_s32_s64(vzip2q_s64(a, c));
    x[2] = vreinterpretq_s32_s64(vzip1q_s64(b, d)), x[3] = vreinterpretq_s32_s64(vzip2q_s64(b, d));
}
/* 16 bytes of each row, before the turn: `index` (vi_pick8) moves them first */
INLINE void rows_16_picked(const uint8_t *p, size_t stride, vi index, vi out[4]) {
    for (int i = 0; i < 4; i++) out[i] = vi_pick8(vi_load(p + (size_t)i * stride), index);
    v_turn4(out);
}
/* 16 bytes of each row: out[i] has bytes 4 i .. 4 i + 3 */
INLINE void rows_16(const uint8_t *p, size_t stride, vi out[4]) {
    for (int i = 0; i < 4; i++) out[i] = vi_load(p + (size_t)i * stride);
    v_turn4(out);
}

#endif
