/* minima_neon.h - what meets the minima, with NEON: a sub-block's minimum times the sum of its activations,
 * in int32, four sub-blocks of a token in the lanes of one factor. Codes are signed, so there is nothing else
 * to take away. Included by matmul256.h. */
#ifndef AC_LANES_MINIMA_NEON_H
#define AC_LANES_MINIMA_NEON_H

INLINE int v_pairs_of(v_kind256 kind) {
    return kind.mins ? 256 / kind.sub : 0;
}

/* The minimum of sub-block i */
INLINE vi v_pair(const vi *c, int i, v_kind256 kind) {
    (void)kind;
    return vi_and(vi_srl(c[4 + i / 4], 8 * (i % 4)), vi_all(255));
}

/* acc + m times lane k of s. Not with unsigned vectors: gcc 12 then loads the lanes one by one. */
INLINE vi v_mla_lane(vi acc, vi m, vi s, int k) {
    switch (k) {
    case 0:
        return vmlaq_laneq_s32(acc, m, s, 0);
    case 1:
        return vmlaq_laneq_s32(acc, m, s, 1);
    case 2:
        return vmlaq_laneq_s32(acc, m, s, 2);
    default:
        return vmlaq_laneq_s32(acc, m, s, 3);
    }
}

INLINE void v_minima(vi *msum, const int32_t (*pair)[LANES], const v_x256 *x, int tokens, v_kind256 kind) {
    V_UNROLL for (int t = 0; t < tokens; t++) msum[t] = vi_zero();
    for (int i = 0; i < v_pairs_of(kind); i += 4) {
        vi m[4];
        V_UNROLL for (int k = 0; k < 4; k++) m[k] = vi_load(pair[i + k]);
        V_UNROLL for (int t = 0; t < tokens; t++) {
            vi s = vi_load(x[t].less + i);
            V_UNROLL for (int k = 0; k < 4; k++) msum[t] = v_mla_lane(msum[t], m[k], s, k);
        }
    }
}

#endif
