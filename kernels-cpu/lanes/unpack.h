/* unpack.h - the blocks of `lanes` rows at once, as vectors with a row in each lane.
 *
 * The fields are those of anychip/blocks.h. Codes come as 4 bytes per lane: vector i of a group of 32 holds
 * elements 4 i .. 4 i + 3 of every row; with V_NEON they come as rows: vector r holds the first 16 elements
 * of row r, vector 4 + r the others. They are unsigned, with an offset (TYPE_OFF) that the product takes
 * away again; where the instruction set multiplies signed bytes (V_SIGNED, or an 8-bit type without
 * VI_DOT8), they are signed and the offset is 0. Include a vec_*.h first. */
#ifndef AC_LANES_UNPACK_H
#define AC_LANES_UNPACK_H

#include <stdbool.h>

#include <anychip/blocks.h>

#if defined(VI_DOT8) && !defined(V_SIGNED)
#define V_SIGNED8 0 /* whether 8-bit codes are signed */
#else
#define V_SIGNED8 1
#endif
#ifdef V_SIGNED
#define V_OFF(n) 0
#else
#define V_OFF(n) n
#endif

#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 32")
#endif

#define FIELD(type, field) offsetof(ac_block_##type, field)

/* unsigned codes with offset n, as the product wants them */
INLINE vi v_codes(vi c, int n) {
#ifdef V_SIGNED
    return n ? vi_sub8(c, vi_all8(n)) : c;
#else
    (void)n;
    return c;
#endif
}

INLINE vi v_low4(vi x) {
    return vi_and(x, vi_all8(15));
}

/* A pattern of bytes of a lane as indices of vi_pick8; 0x80 gives 0. */
INLINE vi v_pick_of(vi x, uint32_t pattern) {
    uint32_t p = pattern;
    return vi_pick8(x, vi_quad(p, p | 0x04040404u, p | 0x08080808u, p | 0x0c0c0c0cu));
}

/* Byte i of each lane in all four bytes of it */
INLINE vi v_byte(vi x, int i) {
    return v_pick_of(x, (uint32_t)i * 0x01010101u);
}

#ifdef V_NEON

#include "unpack_neon.h"

#else

INLINE vi v_high4(vi x) {
    return vi_and(vi_srl(x, 4), vi_all8(15));
}
/* bit `bit` of each byte as bit `to` */
INLINE vi v_bit(vi x, int bit, int to) {
    return vi_and(bit > to ? vi_srl(x, bit - to) : vi_sll(x, to - bit), vi_all8(1 << to));
}

/* 16 or 32 bytes of each row that hold codes */
INLINE void code_16(const uint8_t *p, size_t stride, vi out[4]) {
    rows_16(p, stride, out);
}
INLINE void code_32(const uint8_t *p, size_t stride, vi out[8]) {
    rows_32(p, stride, out);
}

/* One more bit: bit i of the 4 bytes qh is bit 4 of element i. */
INLINE void v_fifth_bits(const uint8_t *qh, size_t stride, vi w[8]) {
    vi h = rows_4(qh, stride);
    vi even = vi_all(0x08040201), odd = vi_all((int32_t)0x80402010);
    V_UNROLL for (int i = 0; i < 4; i++) {
        vi here = v_byte(h, i);
        w[2 * i] = vi_or(w[2 * i], vi_where8(here, even, 16));
        w[2 * i + 1] = vi_or(w[2 * i + 1], vi_where8(here, odd, 16));
    }
}

#endif

/* ---- Blocks of 32: codes_TYPE gives 8 vectors, scales_TYPE d and m ---------------------------------- */

/* 16 bytes of nibbles, the first 16 elements in the low ones */
INLINE void v_nibbles(const uint8_t *qs, size_t stride, vi w[8]) {
    vi x[4];
    code_16(qs, stride, x);
    V_UNROLL for (int i = 0; i < 4; i++) w[i] = v_low4(x[i]), w[i + 4] = v_high4(x[i]);
}

INLINE void v_offset8(vi w[8], int n) {
    V_UNROLL for (int i = 0; i < 8; i++) w[i] = v_codes(w[i], n);
}

INLINE vi v_table(const int8_t table[16], int off) {
    int8_t t[16];
    for (int i = 0; i < 16; i++) t[i] = (int8_t)(table[i] + off);
    return vi_spread16(t);
}

#define q4_0_OFF V_OFF(8)
#define q4_0_BITS 4
#define q4_0_MINS 0
INLINE void codes_q4_0(const uint8_t *b, size_t stride, vi w[8]) {
    v_nibbles(b + FIELD(q4_0, qs), stride, w);
    v_offset8(w, 8);
}

#define q4_1_OFF 0
#define q4_1_BITS 4
#define q4_1_MINS 1
INLINE void codes_q4_1(const uint8_t *b, size_t stride, vi w[8]) {
    v_nibbles(b + FIELD(q4_1, qs), stride, w);
}

#define q5_0_OFF V_OFF(16)
#define q5_0_BITS 5
#define q5_0_MINS 0
INLINE void codes_q5_0(const uint8_t *b, size_t stride, vi w[8]) {
    v_nibbles(b + FIELD(q5_0, qs), stride, w);
    v_fifth_bits(b + FIELD(q5_0, qh), stride, w);
    v_offset8(w, 16);
}

#define q5_1_OFF 0
#define q5_1_BITS 5
#define q5_1_MINS 1
INLINE void codes_q5_1(const uint8_t *b, size_t stride, vi w[8]) {
    v_nibbles(b + FIELD(q5_1, qs), stride, w);
    v_fifth_bits(b + FIELD(q5_1, qh), stride, w);
}

#define q8_0_OFF (V_SIGNED8 ? 0 : 128)
#define q8_0_BITS 8
#define q8_0_MINS 0
INLINE void codes_q8_0(const uint8_t *b, size_t stride, vi w[8]) {
    code_32(b + FIELD(q8_0, qs), stride, w);
    V_UNROLL for (int i = 0; i < 8 && !V_SIGNED8; i++) w[i] = vi_xor(w[i], vi_all8(0x80));
}

INLINE void v_lookup(const uint8_t *qs, size_t stride, vi table, vi w[8]) {
    v_nibbles(qs, stride, w);
    V_UNROLL for (int i = 0; i < 8; i++) w[i] = vi_pick8(table, w[i]);
}

#define iq4_nl_OFF (V_SIGNED8 ? 0 : 127)
#define iq4_nl_BITS 8
#define iq4_nl_MINS 0
INLINE void codes_iq4_nl(const uint8_t *b, size_t stride, vi w[8]) {
    v_lookup(b + FIELD(iq4_nl, qs), stride, v_table(ac_table_iq4, iq4_nl_OFF), w);
}

#define mxfp4_OFF V_OFF(12)
#define mxfp4_BITS 5
#define mxfp4_MINS 0
INLINE void codes_mxfp4(const uint8_t *b, size_t stride, vi w[8]) {
    v_lookup(b + FIELD(mxfp4, qs), stride, v_table(ac_table_mxfp4, mxfp4_OFF), w);
}

#define SCALES_D(type)                                                                                       \
    INLINE void scales_##type(const uint8_t *b, size_t stride, vf *d, vf *m) {                               \
        *d = rows_half(b + FIELD(type, d), stride);                                                          \
        *m = vf_zero();                                                                                      \
    }
#define SCALES_D_M(type)                                                                                     \
    INLINE void scales_##type(const uint8_t *b, size_t stride, vf *d, vf *m) {                               \
        vi both = rows_4(b + FIELD(type, d), stride);                                                        \
        *d = vf_half_low(both);                                                                              \
        *m = vf_half_high(both);                                                                             \
    }
SCALES_D(q4_0)
SCALES_D(q5_0)
SCALES_D(q8_0)
SCALES_D(iq4_nl)
SCALES_D_M(q4_1)
SCALES_D_M(q5_1)
#undef SCALES_D
#undef SCALES_D_M

/* e < 78 -> 0, else 2^(min(e, 178) - 128) */
INLINE void scales_mxfp4(const uint8_t *b, size_t stride, vf *d, vf *m) {
    vi e = vi_min(rows_1(b + FIELD(mxfp4, e), stride), vi_all(178));
    *d = vf_bits(vi_and(vi_sll(vi_sub(e, vi_all(1)), 23), vi_greater(e, vi_all(77))));
    *m = vf_zero();
}

/* ---- Blocks of 256 ----------------------------------------------------------------------------------
 * A unit is a run of groups of 32 whose codes share bytes (TYPE_UNIT groups). raw_TYPE brings a unit's bytes
 * into lanes, keep_TYPE what all units share, codes_TYPE makes group j of the unit out of both.
 * scales_TYPE gives the sub-block scales (c[0 .. 3]) and minima (c[4 .. 7]) as bytes, element i in byte i % 4
 * of c[i / 4]; TYPE_SIGNED: the scales are signed. */

#define V_NO_KEEP(type)                                                                                      \
    INLINE void keep_##type(const uint8_t *b, size_t stride, vi keep[8]) {                                   \
        (void)b, (void)stride, (void)keep;                                                                   \
    }

/* 6-bit scales and minima of Q4_K and Q5_K, and the halves before them: the first 16 bytes of the block */
INLINE void v_scales_6bit(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    vi x[4], m6 = vi_all8(0x3f), m2 = vi_all8(0x30);
    rows_16(b, stride, x);
    *d = vf_half_low(x[0]);
    *dmin = vf_half_high(x[0]);
    c[0] = vi_and(x[1], m6);
    c[1] = vi_or(v_low4(x[3]), vi_and(vi_srl(x[1], 2), m2));
    c[4] = vi_and(x[2], m6);
    c[5] = vi_or(v_high4(x[3]), vi_and(vi_srl(x[2], 2), m2));
}

#define q4_k_UNIT 2
#define q4_k_RAW 8
#define q4_k_SUB 32
#define q4_k_BITS 4
#define q4_k_OFF 0
#define q4_k_MINS 1
#define q4_k_SIGNED 0
V_NO_KEEP(q4_k)
INLINE void raw_q4_k(const uint8_t *b, size_t stride, int unit, vi raw[8]) {
    code_32(b + FIELD(q4_k, qs) + 32 * unit, stride, raw);
}
INLINE void codes_q4_k(const vi *raw, const vi *keep, int unit, int j, vi w[8]) {
    (void)keep, (void)unit;
    V_UNROLL for (int i = 0; i < 8; i++) w[i] = j ? v_high4(raw[i]) : v_low4(raw[i]);
}
INLINE void scales_q4_k(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    v_scales_6bit(b, stride, c, d, dmin);
}

#define q5_k_UNIT 2
#define q5_k_RAW 8
#define q5_k_SUB 32
#define q5_k_BITS 5
#define q5_k_OFF 0
#define q5_k_MINS 1
#define q5_k_SIGNED 0
INLINE void keep_q5_k(const uint8_t *b, size_t stride, vi keep[8]) {
    code_32(b + FIELD(q5_k, qh), stride, keep);
}
INLINE void raw_q5_k(const uint8_t *b, size_t stride, int unit, vi raw[8]) {
    code_32(b + FIELD(q5_k, qs) + 32 * unit, stride, raw);
}
INLINE void codes_q5_k(const vi *raw, const vi *keep, int unit, int j, vi w[8]) {
    V_UNROLL for (int i = 0; i < 8; i++) w[i] =
        vi_or(j ? v_high4(raw[i]) : v_low4(raw[i]), v_bit(keep[i], 2 * unit + j, 4));
}
INLINE void scales_q5_k(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    v_scales_6bit(b, stride, c, d, dmin);
}

#define q6_k_UNIT 4
#define q6_k_RAW 24
#define q6_k_SUB 16
#define q6_k_BITS 6
#define q6_k_OFF V_OFF(32)
#define q6_k_MINS 0
#define q6_k_SIGNED 1
V_NO_KEEP(q6_k)
INLINE void raw_q6_k(const uint8_t *b, size_t stride, int unit, vi raw[24]) {
    code_32(b + FIELD(q6_k, ql) + 64 * unit, stride, raw);
    code_32(b + FIELD(q6_k, ql) + 64 * unit + 32, stride, raw + 8);
    code_32(b + FIELD(q6_k, qh) + 32 * unit, stride, raw + 16);
}
INLINE void codes_q6_k(const vi *raw, const vi *keep, int unit, int j, vi w[8]) {
    (void)keep, (void)unit;
    V_UNROLL for (int i = 0; i < 8; i++) {
        vi low = raw[i + j % 2 * 8], high = raw[i + 16];
        high = j < 2 ? vi_sll(high, 4 - 2 * j) : j == 2 ? high : vi_srl(high, 2);
        w[i] = v_codes(vi_or(j < 2 ? v_low4(low) : v_high4(low), vi_and(high, vi_all8(0x30))), 32);
    }
}
INLINE void scales_q6_k(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    rows_16(b + FIELD(q6_k, scales), stride, c);
    *d = rows_half(b + FIELD(q6_k, d), stride);
    *dmin = vf_zero();
}

#define q2_k_UNIT 4
#define q2_k_RAW 8
#define q2_k_SUB 16
#define q2_k_BITS 2
#define q2_k_OFF 0
#define q2_k_MINS 1
#define q2_k_SIGNED 0
V_NO_KEEP(q2_k)
INLINE void raw_q2_k(const uint8_t *b, size_t stride, int unit, vi raw[8]) {
    code_32(b + FIELD(q2_k, qs) + 32 * unit, stride, raw);
}
INLINE void codes_q2_k(const vi *raw, const vi *keep, int unit, int j, vi w[8]) {
    (void)keep, (void)unit;
    V_UNROLL for (int i = 0; i < 8; i++) w[i] = vi_and(vi_srl(raw[i], 2 * j), vi_all8(3));
}
INLINE void scales_q2_k(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    vi both = rows_4(b + FIELD(q2_k, d), stride);
    rows_16(b + FIELD(q2_k, scales), stride, c);
    V_UNROLL for (int i = 0; i < 4; i++) c[i + 4] = v_high4(c[i]), c[i] = v_low4(c[i]);
    *d = vf_half_low(both);
    *dmin = vf_half_high(both);
}

#define q3_k_UNIT 4
#define q3_k_RAW 8
#define q3_k_SUB 16
#define q3_k_BITS 3
#define q3_k_OFF V_OFF(4)
#define q3_k_MINS 0
#define q3_k_SIGNED 1
INLINE void keep_q3_k(const uint8_t *b, size_t stride, vi keep[8]) {
    code_32(b + FIELD(q3_k, hmask), stride, keep);
}
INLINE void raw_q3_k(const uint8_t *b, size_t stride, int unit, vi raw[8]) {
    code_32(b + FIELD(q3_k, qs) + 32 * unit, stride, raw);
}
INLINE void codes_q3_k(const vi *raw, const vi *keep, int unit, int j, vi w[8]) {
    V_UNROLL for (int i = 0; i < 8; i++) w[i] =
        v_codes(vi_or(vi_and(vi_srl(raw[i], 2 * j), vi_all8(3)), v_bit(keep[i], 4 * unit + j, 2)), 4);
}
/* The 16 bytes up to the block's end: 2 of qs, 12 of scales, d. */
INLINE void scales_q3_k(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    static const int8_t from[16] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1};
    vi x[4], m2 = vi_all8(0x30);
    rows_16_picked(b + FIELD(q3_k, scales) - 2, stride, vi_spread16(from), x);
    *d = vf_half_low(x[3]);
    *dmin = vf_zero();
    c[0] = vi_or(v_low4(x[0]), vi_and(vi_sll(x[2], 4), m2));
    c[1] = vi_or(v_low4(x[1]), vi_and(vi_sll(x[2], 2), m2));
    c[2] = vi_or(v_high4(x[0]), vi_and(x[2], m2));
    c[3] = vi_or(v_high4(x[1]), vi_and(vi_srl(x[2], 2), m2));
    V_UNROLL for (int i = 0; i < 4; i++) c[i] = vi_sub8(c[i], vi_all8(32));
}

#define iq4_xs_UNIT 1
#define iq4_xs_RAW 4
#define iq4_xs_SUB 32
#define iq4_xs_BITS 8
#define iq4_xs_OFF (V_SIGNED8 ? 0 : 127)
#define iq4_xs_MINS 0
#define iq4_xs_SIGNED 1
V_NO_KEEP(iq4_xs)
INLINE void raw_iq4_xs(const uint8_t *b, size_t stride, int unit, vi raw[4]) {
    code_16(b + FIELD(iq4_xs, qs) + 16 * unit, stride, raw);
}
INLINE void codes_iq4_xs(const vi *raw, const vi *keep, int unit, int j, vi w[8]) {
    vi table = v_table(ac_table_iq4, iq4_xs_OFF);
    (void)keep, (void)unit, (void)j;
    V_UNROLL for (int i = 0; i < 4; i++) w[i] = vi_pick8(table, v_low4(raw[i])),
                                         w[i + 4] = vi_pick8(table, v_high4(raw[i]));
}
/* scales_l[n] has groups 2 n and 2 n + 1 in its nibbles, byte n of scales_h two bits of each of 4 groups. */
INLINE void scales_iq4_xs(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin) {
    vi head = rows_4(b, stride), low = rows_4(b + FIELD(iq4_xs, scales_l), stride), even = vi_all(0x00ff00ff);
    V_UNROLL for (int i = 0; i < 2; i++) {
        vi l = v_pick_of(low, i ? 0x03030202u : 0x01010000u);
        vi h = v_byte(head, 2 + i);
        l = vi_or(vi_and(v_low4(l), even), vi_and(v_high4(l), vi_sll(even, 8)));
        h = vi_or(vi_or(vi_and(vi_sll(h, 4), vi_all(0x30)), vi_and(vi_sll(h, 2), vi_all(0x3000))),
                  vi_or(vi_and(h, vi_all(0x300000)), vi_and(vi_srl(h, 2), vi_all(0x30000000))));
        c[i] = vi_sub8(vi_or(l, h), vi_all8(32));
    }
    *d = vf_half_low(head);
    *dmin = vf_zero();
}

#endif
