/* matmul256.h - products with blocks of 256: everything inside a chunk is an integer sum, one float term per
 * chunk. A type's sub-block scales meet the sums of 16 or 32 elements; what its offset takes away, or its
 * minima, meet the activations' own sums s. The types are described in unpack.h. */
#ifndef AC_LANES_MATMUL256_H
#define AC_LANES_MATMUL256_H

#include "product.h"

#ifdef V_NEON
enum { V_PAIRS_MOST = 16 };
#else
enum { V_PAIRS_MOST = 8 };
#endif

/* A packed chunk. scale: of each sub-block, as v_scale gives it; pair: the minima (v_pair). */
typedef struct v_packed256 {
    int32_t scale[16][LANES], pair[V_PAIRS_MOST][LANES];
    float d[LANES], dmin[LANES];
    vi code[64 * V_WIDE]; /* 8 or 16 vectors of each group */
} v_packed256;

/* What a body needs to know of a type; constants everywhere. */
typedef struct v_kind256 {
    int bits, off, sub, mins, is_signed;
} v_kind256;

/* What f is multiplied with: an int32, or int16 in both halves where int16 sums are scaled. */
#ifdef VI_DOT8
enum { V_FACTOR = 1 };
#else
enum { V_FACTOR = 0x00010001 };
#endif

/* A prepared chunk of a token. less: -off times the sums of q of each sub-block (in dots16.h as int16 pairs);
 * where there are minima s, with V_NEON of each sub-block as int32. f: of each group, times V_FACTOR. */
typedef struct v_x256 {
    uint8_t q[AC_CHUNK * V_WIDE];
    union {
        int32_t less[16];
        int16_t s[16];
    };
    int32_t f[8];
    float d;
    uint16_t at[8]; /* where tables (tables.h) have what belongs to f */
    uint16_t unused[6];
} v_x256;

INLINE void v_prepare256(const uint8_t *row, const ac_act_layout *lay, uint32_t chunk, v_x256 *out,
                         v_kind256 kind) {
    const uint8_t *s = row + lay->s + 32 * (size_t)chunk, *f = row + lay->f + 8 * (size_t)chunk,
                  *q = row + lay->q + AC_CHUNK * (size_t)chunk;
    v_copy_q(out->q, q, AC_CHUNK, kind.bits);
    v_widen8_bytes(out->f, f, V_FACTOR);
    for (int j = 0; j < 8; j++) out->at[j] = (uint16_t)((f[j] < 16 ? f[j] : 16) * sizeof(int32_t[LANES]));
    memcpy(&out->d, row + lay->d + 4 * (size_t)chunk, 4);
#ifdef V_NEON
    (void)q;
    if (kind.mins) v_widen_sums(out->less, s, kind.sub);
#else
    if (kind.mins) memcpy(out->s, s, sizeof out->s);
#endif
#ifndef VI_DOT8
    if (kind.off) v_sums_of_pairs(out->less, q, AC_CHUNK, kind.sub, -kind.off);
#elif !defined(V_SIGNED)
    if (kind.off && kind.sub == 16) v_sums16(out->less, s, f, -kind.off);
    if (kind.off && kind.sub == 32) v_sums8(out->less, s, f, -kind.off);
#endif
}

/* Byte i of c as a factor: an int32, or where int16 sums are scaled, an int16 in both halves. */
INLINE vi v_scale(const vi *c, int i, int is_signed) {
    int k = i % 4;
#ifdef VI_DOT8
    if (is_signed) return vi_sra(vi_sll(c[i / 4], 24 - 8 * k), 24);
    return vi_and(vi_srl(c[i / 4], 8 * k), vi_all(255));
#else
    uint32_t both = (uint32_t)k * 0x00010001u;
    if (is_signed) return vi_sra16(v_pick_of(c[i / 4], both << 8 | 0x00800080u), 8);
    return v_pick_of(c[i / 4], both | 0x80008000u);
#endif
}

#ifdef VI_DOT8

/* s[t] = sub-block i of the chunk times the activations */
INLINE void v_sub_block(vi *s, const vi *code, const v_x256 *x, int i, int tokens, v_kind256 kind) {
    V_UNROLL for (int t = 0; t < tokens; t++) s[t] = kind.off ? vi_all(x[t].less[i]) : vi_zero();
    v_dots(s, code, x->q + kind.sub * i, sizeof *x, tokens, kind.sub / 4, kind.bits);
}

/* isum[t] += group j: code[8] with scale a (and b for the second half, when sub is 16) */
INLINE void v_group256(vi *isum, const vi *code, bool packed, vi a, vi b, const v_x256 *x, int j, int tokens,
                       v_kind256 kind) {
    (void)packed;
    vi s[V_TOKENS], u[V_TOKENS];
    int i = kind.sub == 16 ? 2 * j : j;
    v_sub_block(s, code, x, i, tokens, kind);
    V_UNROLL for (int t = 0; t < tokens; t++) s[t] = vi_mul(s[t], a);
    if (kind.sub == 16) {
        v_sub_block(u, code + 4, x, i + 1, tokens, kind);
        V_UNROLL for (int t = 0; t < tokens; t++) s[t] = vi_add(s[t], vi_mul(u[t], b));
    }
    V_UNROLL for (int t = 0; t < tokens; t++) isum[t] = vi_add(isum[t], vi_mul(s[t], vi_all(x[t].f[j])));
}

#else

/* a, b as int16 in both halves of a lane */
INLINE void v_group256(vi *isum, const vi *code, bool packed, vi a, vi b, const v_x256 *x, int j, int tokens,
                       v_kind256 kind) {
    if (v_wide(kind.bits) == 2) {
        vi s[V_TOKENS];
        V_UNROLL for (int t = 0; t < tokens; t++) s[t] = vi_zero();
        v_dots_wide(s, code, packed, x->q + 64 * j, sizeof *x, tokens, 8);
        V_UNROLL for (int t = 0; t < tokens; t++) {
            vi factor = vi_sra(vi_mul16(a, vi_all(x[t].f[j])), 16);
            isum[t] = vi_add(isum[t], vi_mul(s[t], factor));
            V_HOLD(isum[t]);
        }
        return;
    }
    int halves = 32 / kind.sub;
    V_UNROLL for (int half = 0; half < halves; half++) {
        int i = halves * j + half;
        v_dots_narrow(isum, code + 4 * half, x->q + kind.sub * i, sizeof *x, tokens, kind.sub / 4, kind.bits,
                      kind.off, x->less + i, half ? b : a, x->f + j);
    }
}

#endif

#ifdef V_NEON

#include "minima_neon.h"

#else

INLINE int v_pairs_of(v_kind256 kind) {
    return kind.mins ? 8 : 0;
}

/* The minima that meet s_2j and s_2j+1, as an int16 pair */
INLINE vi v_pair(const vi *c, int j, v_kind256 kind) {
    int i = kind.sub == 16 ? 2 * j : j;
    uint32_t a = (uint32_t)i % 4, pattern = a | (kind.sub == 16 ? a + 1 : a) << 16;
    return v_pick_of(c[4 + i / 4], pattern | 0x80008000u);
}

/* msum[t] += the products of pair j with s */
INLINE void v_pair_times(vi *msum, vi pair, const v_x256 *x, int j, int tokens) {
    V_UNROLL for (int t = 0; t < tokens; t++) {
        msum[t] = vi_dot16(msum[t], pair, vi_spread(x[t].s + 2 * j));
        V_HOLD(msum[t]);
    }
}

/* msum[t] = the minima times s */
INLINE void v_minima(vi *msum, const int32_t (*pair)[LANES], const v_x256 *x, int tokens, v_kind256 kind) {
    V_UNROLL for (int t = 0; t < tokens; t++) msum[t] = vi_zero();
    for (int j = 0; j < v_pairs_of(kind); j++) v_pair_times(msum, vi_load(pair[j]), x, j, tokens);
}

#endif

/* total[t] += (d D) isum - (dmin D) msum */
INLINE void v_terms256(float *total, vf d, vf dmin, const vi *isum, const vi *msum, const v_x256 *x,
                       int tokens, v_kind256 kind) {
    V_UNROLL for (int t = 0; t < tokens; t++) {
        vf dx = vf_all(x[t].d);
        vf term = vf_mul(vf_mul(d, dx), vf_of(isum[t]));
        if (kind.mins) term = vf_sub(term, vf_mul(vf_mul(dmin, dx), vf_of(msum[t])));
        vf_store(total + t * LANES, vf_add(vf_load(total + t * LANES), term));
    }
}

INLINE void v_tile256(const v_packed256 *w, const v_x256 *x, float *total, int tokens, v_kind256 kind) {
    vi isum[V_TOKENS], msum[V_TOKENS];
    V_UNROLL for (int t = 0; t < tokens; t++) isum[t] = vi_zero();
    for (int j = 0; j < 8; j++) {
        int at = kind.sub == 16 ? 2 * j : j;
        v_group256(isum, w->code + 8 * v_wide(kind.bits) * j, true, vi_load(w->scale[at]),
                   vi_load(w->scale[at + (kind.sub == 16)]), x, j, tokens, kind);
    }
    v_minima(msum, w->pair, x, tokens, kind);
    v_terms256(total, vf_load(w->d), vf_load(w->dmin), isum, msum, x, tokens, kind);
}

/* How a type is unpacked (unpack.h), as constants. */
typedef struct v_type256 {
    void (*scales)(const uint8_t *b, size_t stride, vi c[8], vf *d, vf *dmin);
    void (*keep)(const uint8_t *b, size_t stride, vi keep[8]);
    void (*raw)(const uint8_t *b, size_t stride, int unit, vi *raw);
    void (*codes)(const vi *raw, const vi *keep, int unit, int j, vi w[8]);
    int unit; /* groups of a unit */
    size_t block_bytes;
    v_kind256 kind;
} v_type256;

enum { V_RAW = 24 };

#ifdef V_NEON

#include "direct_neon.h"

#else

INLINE void v_direct256(const uint8_t *w, size_t stride, const v_x256 *x, float *total, const uint8_t *ahead,
                        int tokens, v_type256 type) {
    v_kind256 kind = type.kind;
    vi keep[8], c[8], isum[V_TOKENS], msum[V_TOKENS];
    vf d, dmin;
    int pairs = v_pairs_of(kind), units = 8 / type.unit;
    type.scales(w, stride, c, &d, &dmin);
    type.keep(w, stride, keep);
    V_UNROLL for (int t = 0; t < tokens; t++) isum[t] = msum[t] = vi_zero();
    V_UNROLL for (int j = 0; j < pairs; j++) v_pair_times(msum, v_pair(c, j, kind), x, j, tokens);
    V_UNROLL for (int u = 0; u < units; u++) {
        vi raw[V_RAW];
        type.raw(w, stride, u, raw);
        V_UNROLL for (int j = 0; j < type.unit; j++) {
            int g = u * type.unit + j, at = kind.sub == 16 ? 2 * g : g;
            vi code[8], a = v_scale(c, at, kind.is_signed);
            vi b = kind.sub == 16 ? v_scale(c, at + 1, kind.is_signed) : a;
            v_fetch(ahead, (uint32_t)g, type.block_bytes, 8);
            type.codes(raw, keep, u, j, code);
            v_group256(isum, code, false, a, b, x, g, tokens, kind);
            V_UNROLL for (int t = 0; t < tokens; t++) V_HERE(isum[t]);
        }
    }
    v_terms256(total, d, dmin, isum, msum, x, tokens, kind);
}

#endif

INLINE void v_pack256(const uint8_t *w, size_t stride, v_packed256 *out, v_type256 type) {
    v_kind256 kind = type.kind;
    vi keep[8], c[8];
    vf d, dmin;
    int pairs = v_pairs_of(kind), subs = 256 / kind.sub, units = 8 / type.unit;
    type.scales(w, stride, c, &d, &dmin);
    type.keep(w, stride, keep);
    V_UNROLL for (int i = 0; i < subs; i++) vi_store(out->scale[i], v_scale(c, i, kind.is_signed));
    V_UNROLL for (int j = 0; j < pairs; j++) vi_store(out->pair[j], v_pair(c, j, kind));
    vf_store(out->d, d);
    vf_store(out->dmin, dmin);
    V_UNROLL for (int u = 0; u < units; u++) {
        vi raw[V_RAW];
        type.raw(w, stride, u, raw);
        V_UNROLL for (int j = 0; j < type.unit; j++) {
            vi code[8];
            type.codes(raw, keep, u, j, code);
            v_put_codes(out->code + 8 * v_wide(kind.bits) * (u * type.unit + j), code, kind.bits);
        }
    }
}

#include "tables.h"

#define V_KIND(type) ((v_kind256){type##_BITS, type##_OFF, type##_SUB, type##_MINS, type##_SIGNED})
#define V_TYPE(type)                                                                                         \
    ((v_type256){scales_##type, keep_##type, raw_##type, codes_##type, type##_UNIT, sizeof(ac_block_##type), \
                 V_KIND(type)})

#define V_DIRECT256(type, n)                                                                                 \
    static void direct##n##_##type(const uint8_t *w, size_t stride, const void *x, uint32_t groups,          \
                                   float *total, const uint8_t *ahead) {                                     \
        (void)groups;                                                                                        \
        v_direct256(w, stride, x, total, ahead, n, V_TYPE(type));                                            \
    }
#define V_TILE256(type, n)                                                                                   \
    static void tile##n##_##type(const void *packed, const void *x, uint32_t groups, float *total) {         \
        (void)groups;                                                                                        \
        v_tile256(packed, x, total, n, V_KIND(type));                                                        \
    }
#define V_PACK256(type)                                                                                      \
    static void pack_##type(const uint8_t *w, size_t stride, uint32_t groups, void *packed) {                \
        (void)groups;                                                                                        \
        v_pack256(w, stride, packed, V_TYPE(type));                                                          \
    }                                                                                                        \
    static void prepare_##type(const uint8_t *row, const ac_act_layout *lay, uint32_t chunk,                 \
                               uint32_t groups, void *out) {                                                 \
        (void)groups;                                                                                        \
        v_prepare256(row, lay, chunk, out, V_KIND(type));                                                    \
    }

/* All kernels of a type, and kernel_TYPE that names them. */
#define V_KERNELS256(type)                                                                                   \
    V_DIRECT256(type, 1)                                                                                     \
    V_DIRECT256(type, 2)                                                                                     \
    V_DIRECT256(type, 4)                                                                                     \
    V_PACK256(type)                                                                                          \
    V_TILES(V_TILE256, type)                                                                                 \
    V_TABLED256(type)                                                                                        \
    V_KERNEL(type, v_tabled256, v_x256, V_TABLED_FIELDS(type))

#endif
