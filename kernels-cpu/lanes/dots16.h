/* dots16.h - products of codes and activations where no instruction adds four of them to an int32: AVX2, and
 * AVX-512 without VNNI.
 *
 * Codes of up to 6 bits: unsigned bytes times signed ones, two products added to an int16 (vi_maddu8, whose
 * saturation is out of reach: 2 * 63 * 127). Those are added up in int16, and int16 pairs become int32 by
 * one product with the factor that is due anyway. An offset is taken away at the start of an int16 sum: it
 * may wrap on the way, since its end fits: 2 * 127 * (largest code) * (vectors) < 32768.
 *
 * Codes of 8 bits (wide ones): both factors as int16, two products added to an int32. Activations are
 * prepared, and codes packed, as pairs of the even bytes of 4 and of the odd ones. */
#ifndef AC_LANES_DOTS16_H
#define AC_LANES_DOTS16_H

/* How many vectors of codes may be summed in int16. */
INLINE int v_run(int bits, int off) {
    return bits == 5 && !off ? 4 : 8;
}

/* s[t] += factor * (codes times activations); the factor: `scale`, or where there is an f that times the
 * int32 at f + t * stride, both as int16 in both halves of a lane. start: where there is an offset `off`,
 * the int16 pair that takes it away. */
INLINE void v_dots_narrow(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps,
                          int bits, int off, const void *start, vi scale, const void *f) {
    int run = v_run(bits, off) < steps ? v_run(bits, off) : steps;
    V_UNROLL for (int at = 0; at < steps; at += run) {
        vi sum[V_TOKENS];
        if (off)
            V_UNROLL for (int t = 0; t < tokens; t++) sum[t] = vi_spread((const uint8_t *)start + t * stride);
        V_UNROLL for (int i = 0; i < run; i++) {
            V_UNROLL for (int t = 0; t < tokens; t++) {
                vi p = vi_maddu8(w[at + i], vi_spread(q + t * stride + 4 * (at + i)));
                sum[t] = i || off ? vi_add16(sum[t], p) : p;
                V_HOLD(sum[t]);
            }
        }
        V_UNROLL for (int t = 0; t < tokens; t++) {
            vi factor = f ? vi_mul16(scale, vi_spread((const uint8_t *)f + t * stride)) : scale;
            s[t] = vi_add(s[t], vi_madd16(sum[t], factor));
            V_HOLD(s[t]);
        }
    }
}

/* Bytes 0 and 2, or 1 and 3, of each lane as int16. */
INLINE vi v_half16(vi a, int odd) {
    return odd ? vi_sra16(a, 8) : vi_sra16(vi_sll(a, 8), 8);
}

/* s[t] += codes times activations. packed: w[2 i] and w[2 i + 1] are the halves of vector i. */
INLINE void v_dots_wide(vi *s, const vi *w, bool packed, const uint8_t *q, size_t stride, int tokens,
                        int steps) {
    V_UNROLL for (int i = 0; i < 2 * steps; i++) {
        vi wi = packed ? w[i] : v_half16(w[i / 2], i % 2);
        V_UNROLL for (int t = 0; t < tokens; t++) {
            s[t] = vi_dot16(s[t], wi, vi_spread(q + t * stride + 4 * i));
            V_HOLD(s[t]);
        }
    }
}

#endif
