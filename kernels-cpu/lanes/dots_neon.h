/* dots_neon.h - products of bytes with NEON: with smmla, with sdot, or with neither, as the file that
 * includes it is compiled. All codes are signed bytes, or small enough to be. Included by product.h.
 *
 * v_dots_rows takes codes as rows (unpack.h): what a row gives is added up across its lanes at the end.
 * That costs three additions per four rows and token, less than to change rows and columns first where
 * tokens are few. v_arrange does that for packed codes, and v_dots takes them. */
#ifndef AC_LANES_DOTS_NEON_H
#define AC_LANES_DOTS_NEON_H

/* The sums of the lanes of each */
INLINE vi v_sums4(vi a, vi b, vi c, vi d) {
    return vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
}

#ifdef __ARM_FEATURE_DOTPROD

/* s[t] += the products of steps / 4 vectors of each of 4 rows: one vector is w[0 .. 3], two w[0 .. 7] */
INLINE void v_dots_rows(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps,
                        int bits) {
    (void)bits;
    V_UNROLL for (int t = 0; t < tokens; t++) {
        vi sum[4] = {vi_zero(), vi_zero(), vi_zero(), vi_zero()};
        V_UNROLL for (int i = 0; i < steps; i += 4) {
            vi x = vi_load(q + t * stride + 4 * i);
            V_UNROLL for (int r = 0; r < 4; r++) sum[r] = vdotq_s32(sum[r], v_s8(w[i + r]), v_s8(x));
        }
        s[t] = vi_add(s[t], v_sums4(sum[0], sum[1], sum[2], sum[3]));
    }
}

#else

/* acc + the products of 16 bytes, two in each lane; without acc when `first` */
INLINE int16x8_t v_products(int16x8_t acc, vi w, int8x16_t x, int first) {
    int8x8_t a = vget_low_s8(v_s8(w)), b = vget_low_s8(x);
    return vmlal_high_s8(first ? vmull_s8(a, b) : vmlal_s8(acc, a, b), v_s8(w), x);
}

/* The same for codes of 8 bits: an int16 has room for two products. */
INLINE vi v_dots_of_8(const vi *w, const int8x16_t *x, int vectors) {
    vi sum[4];
    V_UNROLL for (int r = 0; r < 4; r++) {
        int16x8_t p = v_products(vdupq_n_s16(0), w[r], x[0], 1);
        sum[r] = vpaddlq_s16(p);
        if (vectors == 2) sum[r] = vpadalq_s16(sum[r], v_products(p, w[r + 4], x[1], 1));
    }
    return v_sums4(sum[0], sum[1], sum[2], sum[3]);
}

/* Up to 6 bits: room for eight. */
INLINE vi v_dots_of_6(const vi *w, const int8x16_t *x, int vectors) {
    int16x8_t p[4];
    V_UNROLL for (int r = 0; r < 4; r++) {
        p[r] = v_products(vdupq_n_s16(0), w[r], x[0], 1);
        if (vectors == 2) p[r] = v_products(p[r], w[r + 4], x[1], 0);
    }
    return vpaddq_s32(vpaddlq_s16(vpaddq_s16(p[0], p[1])), vpaddlq_s16(vpaddq_s16(p[2], p[3])));
}

INLINE void v_dots_rows(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps,
                        int bits) {
    V_UNROLL for (int t = 0; t < tokens; t++) {
        const int8_t *p = (const int8_t *)q + t * stride;
        int8x16_t x[2] = {vld1q_s8(p), vld1q_s8(p + (steps == 8 ? 16 : 0))};
        s[t] = vi_add(s[t], bits == 8 ? v_dots_of_8(w, x, steps / 4) : v_dots_of_6(w, x, steps / 4));
    }
}

#endif

#if defined(__ARM_FEATURE_MATMUL_INT8)

/* Two rows times two tokens per instruction: each vector is 8 bytes of one and 8 of the other. */
INLINE vi v_zip8(vi a, vi b, int high) {
    int64x2_t x = vreinterpretq_s64_s32(a), y = vreinterpretq_s64_s32(b);
    return vreinterpretq_s32_s64(high ? vzip2q_s64(x, y) : vzip1q_s64(x, y));
}

/* Per 16 elements: [rows 0 1, rows 2 3][8 elements] */
INLINE void v_arrange(vi w[8]) {
    V_UNROLL for (int i = 0; i < 8; i += 2) {
        vi a = w[i], b = w[i + 1];
        w[i] = v_zip8(a, b, 0), w[i + 1] = v_zip8(a, b, 1);
    }
}

/* The prepared chunks of two tokens, bytes first, change the halves of every 16 bytes. */
#define V_PAIR_TOKENS v_pair_tokens
static void v_pair_tokens(void *even, void *odd) {
    for (uint8_t *x = even, *y = odd, *end = x + AC_CHUNK; x < end; x += 16, y += 16) {
        vi a = vi_load(x), b = vi_load(y);
        vi_store(x, v_zip8(a, b, 0)), vi_store(y, v_zip8(a, b, 1));
    }
}

INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    vi sum[V_TOKENS][2];
    (void)bits;
    V_UNROLL for (int t = 0; t < tokens; t += 2) sum[t][0] = sum[t][1] = vi_zero();
    V_UNROLL for (int i = 0; i < steps; i += 4) {
        V_UNROLL for (int t = 0; t < tokens; t += 2) {
            const uint8_t *p = q + t * stride + 4 * i;
            int alone = t + 1 == tokens; /* the token is not paired: it takes both places */
            vi x = vi_load(p), y = alone ? v_zip8(x, x, 1) : vi_load(p + stride);
            if (alone) x = v_zip8(x, x, 0);
            V_UNROLL for (int r = 0; r < 2; r++) {
                sum[t][r] = vmmlaq_s32(sum[t][r], v_s8(w[i + 2 * r]), v_s8(x));
                sum[t][r] = vmmlaq_s32(sum[t][r], v_s8(w[i + 2 * r + 1]), v_s8(y));
            }
        }
    }
    V_UNROLL for (int t = 0; t < tokens; t += 2) {
        s[t] = vi_add(s[t], vuzp1q_s32(sum[t][0], sum[t][1]));
        if (t + 1 < tokens) s[t + 1] = vi_add(s[t + 1], vuzp2q_s32(sum[t][0], sum[t][1]));
    }
}

#elif defined(__ARM_FEATURE_DOTPROD)

/* Rows and columns change, so that a row is in each lane. */
INLINE void v_arrange(vi w[8]) {
    v_turn4(w);
    v_turn4(w + 4);
}

/* acc + the products of the bytes of w and bytes 4 lane .. 4 lane + 3 of x */
INLINE vi v_dot_lane(vi acc, vi w, int8x16_t x, int lane) {
    switch (lane) {
    case 0:
        return vdotq_laneq_s32(acc, v_s8(w), x, 0);
    case 1:
        return vdotq_laneq_s32(acc, v_s8(w), x, 1);
    case 2:
        return vdotq_laneq_s32(acc, v_s8(w), x, 2);
    default:
        return vdotq_laneq_s32(acc, v_s8(w), x, 3);
    }
}

INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    (void)bits;
    V_UNROLL for (int i = 0; i < steps; i += 4) {
        V_UNROLL for (int t = 0; t < tokens; t++) {
            int8x16_t x = vld1q_s8((const int8_t *)q + t * stride + 4 * i);
            V_UNROLL for (int k = 0; k < 4; k++) s[t] = v_dot_lane(s[t], w[i + k], x, k);
        }
    }
}

#else

/* Rows they stay: codes in lanes would need a load for every four bytes of a token. */
INLINE void v_arrange(vi w[8]) {
    (void)w;
}

INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    v_dots_rows(s, w, q, stride, tokens, steps, bits);
}

#endif

#endif
