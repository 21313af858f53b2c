/* dots_neon.h - v_dots of product.h with NEON: with smmla, with sdot, or with neither, as the file that
 * includes it is compiled. All codes are signed bytes, or small enough to be. */
#ifndef AC_LANES_DOTS_NEON_H
#define AC_LANES_DOTS_NEON_H

#ifdef __ARM_FEATURE_DOTPROD

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

INLINE void v_dots_lanes(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps) {
    V_UNROLL for (int i = 0; i < steps; i += 4) {
        V_UNROLL for (int t = 0; t < tokens; t++) {
            int8x16_t x = vld1q_s8((const int8_t *)q + t * stride + 4 * i);
            V_UNROLL for (int k = 0; k < 4; k++) s[t] = v_dot_lane(s[t], w[i + k], x, k);
        }
    }
}

#endif

#if defined(__ARM_FEATURE_MATMUL_INT8)

INLINE vi v_zip8(vi a, vi b, int high) {
    int64x2_t x = vreinterpretq_s64_s32(a), y = vreinterpretq_s64_s32(b);
    return vreinterpretq_s32_s64(high ? vzip2q_s64(x, y) : vzip1q_s64(x, y));
}

/* Two rows times two tokens per instruction. A lane pair of w[i], w[i + 1] is 8 codes of a row. */
INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    vi sum[V_TOKENS][2];
    (void)bits;
    V_UNROLL for (int t = 0; t + 1 < tokens; t += 2) sum[t][0] = sum[t][1] = vi_zero();
    V_UNROLL for (int i = 0; i < steps; i += 4) {
        vi a[2][2]; /* [rows 0 1, rows 2 3][8 codes] */
        V_UNROLL for (int k = 0; k < 2; k++) {
            a[0][k] = vzip1q_s32(w[i + 2 * k], w[i + 2 * k + 1]);
            a[1][k] = vzip2q_s32(w[i + 2 * k], w[i + 2 * k + 1]);
        }
        V_UNROLL for (int t = 0; t + 1 < tokens; t += 2) {
            vi x = vi_load(q + t * stride + 4 * i), y = vi_load(q + (t + 1) * stride + 4 * i);
            V_UNROLL for (int k = 0; k < 2; k++) {
                int8x16_t b = v_s8(v_zip8(x, y, k));
                sum[t][0] = vmmlaq_s32(sum[t][0], v_s8(a[0][k]), b);
                sum[t][1] = vmmlaq_s32(sum[t][1], v_s8(a[1][k]), b);
            }
        }
    }
    V_UNROLL for (int t = 0; t + 1 < tokens; t += 2) {
        s[t] = vi_add(s[t], vuzp1q_s32(sum[t][0], sum[t][1]));
        s[t + 1] = vi_add(s[t + 1], vuzp2q_s32(sum[t][0], sum[t][1]));
    }
    if (tokens % 2) v_dots_lanes(s + tokens - 1, w, q + (tokens - 1) * stride, stride, 1, steps);
}

#elif defined(__ARM_FEATURE_DOTPROD)

INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    (void)bits;
    v_dots_lanes(s, w, q, stride, tokens, steps);
}

#else

/* How many products of a code and an activation may be added in int16: 127 * |code| * run < 32768. */
INLINE int v_run(int bits) {
    return bits == 8 ? 2 : 8;
}

INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    int run = v_run(bits) < steps ? v_run(bits) : steps;
    vi low[V_TOKENS], high[V_TOKENS];
    V_UNROLL for (int at = 0; at < steps; at += run) {
        V_UNROLL for (int t = 0; t < tokens; t++) {
            int16x8_t l = vdupq_n_s16(0), h = l;
            V_UNROLL for (int i = at; i < at + run; i++) {
                int8x16_t x = v_s8(vi_spread(q + t * stride + 4 * i)), c = v_s8(w[i]);
                l = i == at ? vmull_s8(vget_low_s8(c), vget_low_s8(x))
                            : vmlal_s8(l, vget_low_s8(c), vget_low_s8(x));
                h = i == at ? vmull_high_s8(c, x) : vmlal_high_s8(h, c, x);
            }
            low[t] = at ? vpadalq_s16(low[t], l) : vpaddlq_s16(l);
            high[t] = at ? vpadalq_s16(high[t], h) : vpaddlq_s16(h);
        }
    }
    V_UNROLL for (int t = 0; t < tokens; t++) s[t] = vi_add(s[t], vpaddq_s32(low[t], high[t]));
}

#endif

#endif
