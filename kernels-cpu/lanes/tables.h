/* tables.h - tiles for many tokens of types with blocks of 256: scale times f, which depends on the row, the
 * sub-block and one of 16 factors, is looked up instead of multiplied with, one multiplication less for each
 * group and token. A panel's tables, 8 or 16 KiB, stay in the first cache while all tokens pass over it.
 * Where int16 sums are scaled (dots16.h) tables gain less than the other order of the work loses. Included by
 * matmul256.h. */
#ifndef AC_LANES_TABLES_H
#define AC_LANES_TABLES_H

#if defined(VI_DOT8) && !defined(V_NEON)

typedef struct v_tabled256 {
    v_packed256 packed;
    int32_t times[16][17][LANES]; /* of each sub-block, scale times 0 .. 16 */
} v_tabled256;

INLINE void v_tabulate(v_tabled256 *w, v_kind256 kind) {
    for (int i = 0; i < 256 / kind.sub; i++) {
        vi scale = vi_load(w->packed.scale[i]), product = scale;
        V_UNROLL for (int f = 1; f <= 16; f++, product = vi_add(product, scale))
            vi_store(w->times[i][f], product);
    }
}

/* isum[t] += sub-block i, of group j */
INLINE void v_sub_block_tabled(vi *isum, const v_tabled256 *w, const v_x256 *x, int i, int j, int tokens,
                               v_kind256 kind) {
    vi s[V_TOKENS];
    v_sub_block(s, w->packed.code + kind.sub / 4 * i, x, i, tokens, kind);
    V_UNROLL for (int t = 0; t < tokens; t++) {
        vi factor = vi_load((const uint8_t *)w->times[i] + x[t].at[j]);
        isum[t] = vi_add(isum[t], vi_mul(s[t], factor));
    }
}

INLINE void v_tile256_tabled(const v_tabled256 *w, const v_x256 *x, float *total, int tokens,
                             v_kind256 kind) {
    vi isum[V_TOKENS], msum[V_TOKENS];
    int halves = 32 / kind.sub;
    V_UNROLL for (int t = 0; t < tokens; t++) isum[t] = vi_zero();
    for (int j = 0; j < 8; j++)
        V_UNROLL for (int half = 0; half < halves; half++)
            v_sub_block_tabled(isum, w, x, halves * j + half, j, tokens, kind);
    v_minima(msum, w->packed.pair, x, tokens, kind);
    v_terms256(total, vf_load(w->packed.d), vf_load(w->packed.dmin), isum, msum, x, tokens, kind);
}

#define V_TABLED256_OF(type, name, n)                                                                        \
    static void name##_##type(const void *packed, const void *x, uint32_t groups, float *total) {            \
        (void)groups;                                                                                        \
        v_tile256_tabled(packed, x, total, n, V_KIND(type));                                                 \
    }
/* tabulate_TYPE, and its tiles of V_TILE - 1 and V_TILE tokens */
#define V_TABLED256(type)                                                                                    \
    static void tabulate_##type(void *packed) {                                                              \
        v_tabulate(packed, V_KIND(type));                                                                    \
    }                                                                                                        \
    V_TABLED256_OF(type, tabled_less, V_TILE - 1)                                                            \
    V_TABLED256_OF(type, tabled_full, V_TILE)
#define V_TABLED_FIELDS(type) .tabulate = tabulate_##type, .tabled = {tabled_less_##type, tabled_full_##type}

#else

typedef v_packed256 v_tabled256;
#define V_TABLED256(type)
#define V_TABLED_FIELDS(type) .tabulate = NULL

#endif

#endif
