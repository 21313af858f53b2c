/* direct_neon.h - v_direct256 with codes as rows. A unit's groups are taken in halves of 16 elements where
 * the scales are for 16, so that what they share stays in registers; units are a loop, so that the code
 * stays in the first cache. Included by matmul256.h. */
#ifndef AC_LANES_DIRECT_NEON_H
#define AC_LANES_DIRECT_NEON_H

#ifdef __clang__
#define V_LOOP _Pragma("clang loop unroll(disable)")
#else
#define V_LOOP _Pragma("GCC unroll 1")
#endif

/* isum[t] += part `half` of group g: codes of `steps` / 4 vectors of each row, with their scale */
INLINE void v_part256(vi *isum, const vi *code, vi scale, const v_x256 *x, int g, int half, int tokens,
                      v_kind256 kind) {
    vi s[V_TOKENS];
    V_UNROLL for (int t = 0; t < tokens; t++) s[t] = vi_zero();
    v_dots_rows(s, code, x->q + 32 * g + 16 * half, sizeof *x, tokens, kind.sub / 4, kind.bits);
    V_UNROLL for (int t = 0; t < tokens; t++)
        isum[t] = vi_add(isum[t], vi_mul(vi_mul(s[t], scale), vi_all(x[t].f[g])));
}

INLINE void v_direct256(const uint8_t *w, size_t stride, const v_x256 *x, float *total, const uint8_t *ahead,
                        int tokens, v_type256 type) {
    v_kind256 kind = type.kind;
    vi c[8], isum[V_TOKENS], msum[V_TOKENS], scale[16];
    int32_t pair[V_PAIRS_MOST][LANES];
    vf d, dmin;
    int n_pairs = v_pairs_of(kind), halves = 32 / kind.sub;
    type.scales(w, stride, c, &d, &dmin);
    V_UNROLL for (int i = 0; i < n_pairs; i++) vi_store(pair[i], v_pair(c, i, kind));
    V_UNROLL for (int i = 0; i < 8 * halves; i++) scale[i] = v_scale(c, i, kind.is_signed);
    v_minima(msum, (const int32_t(*)[LANES])pair, x, tokens, kind);
    V_UNROLL for (int t = 0; t < tokens; t++) isum[t] = vi_zero();
    V_LOOP for (int u = 0; u < 8 / type.unit; u++) {
        V_UNROLL for (int half = 0; half < halves; half++) {
            vi raw[V_RAW], keep[8], code[8];
            type.keep(w, stride, keep);
            type.raw(w, stride, u, raw);
            V_UNROLL for (int j = 0; j < type.unit; j++) {
                int g = u * type.unit + j;
                if (half == 0) v_fetch(ahead, (uint32_t)g, type.block_bytes, 8);
                type.codes(raw, keep, u, j, code);
                v_part256(isum, code + 4 * half, scale[halves * g + half], x, g, half, tokens, kind);
            }
        }
    }
    v_terms256(total, d, dmin, isum, msum, x, tokens, kind);
}

#endif
