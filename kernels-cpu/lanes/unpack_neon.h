/* unpack_neon.h - what unpack.h does in another way where codes come as rows: nothing changes places until
 * the codes are packed. Included by unpack.h. */
#ifndef AC_LANES_UNPACK_NEON_H
#define AC_LANES_UNPACK_NEON_H

INLINE vi v_high4(vi x) {
    return vi_u8(vshrq_n_u8(v_u8(x), 4));
}
/* bit `bit` of each byte as bit `to` */
INLINE vi v_bit(vi x, int bit, int to) {
    return vi_and(vi_u8(vshlq_u8(v_u8(x), vdupq_n_s8((int8_t)(to - bit)))), vi_all8(1 << to));
}

/* 16 or 32 bytes of each row that hold codes */
INLINE void code_16(const uint8_t *p, size_t stride, vi out[4]) {
    for (int i = 0; i < 4; i++) out[i] = vi_load(p + (size_t)i * stride);
}
INLINE void code_32(const uint8_t *p, size_t stride, vi out[8]) {
    code_16(p, stride, out);
    code_16(p + 16, stride, out + 4);
}

/* One more bit: bit i of the 4 bytes qh is bit 4 of element i. */
INLINE void v_fifth_bits(const uint8_t *qh, size_t stride, vi w[8]) {
    vi bits = vi_quad(0x08040201, 0x80402010, 0x08040201, 0x80402010);
    vi first = vi_quad(0, 0, 0x01010101, 0x01010101);
    vi second = vi_quad(0x02020202, 0x02020202, 0x03030303, 0x03030303);
    V_UNROLL for (int r = 0; r < 4; r++) {
        vi h = vi_spread(qh + (size_t)r * stride);
        w[r] = vi_or(w[r], vi_where8(vi_pick8(h, first), bits, 16));
        w[r + 4] = vi_or(w[r + 4], vi_where8(vi_pick8(h, second), bits, 16));
    }
}

#endif
