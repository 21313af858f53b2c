/* matmul32.h - products with blocks of 32: one float term per block, a chunk's terms added in order.
 * A_ types are described in unpack.h. */
#ifndef AC_LANES_MATMUL32_H
#define AC_LANES_MATMUL32_H

#include "product.h"

/* A packed chunk: d and m of its 8 groups, and codes. */
typedef struct v_packed32 {
    float d[8][LANES], m[8][LANES];
    vi code[64 * V_WIDE]; /* 8 or 16 vectors of each group */
} v_packed32;

/* A prepared chunk of a token. less: what the offset takes away (-off s; in dots16.h as int16 pairs); or s as
 * float where there are minima. */
typedef struct v_x32 {
    uint8_t q[AC_CHUNK * V_WIDE];
    union {
        int32_t less[8];
        float s[8];
    };
    float d[8];
} v_x32;

INLINE void v_prepare32(const uint8_t *row, const ac_act_layout *lay, uint32_t chunk, uint32_t groups,
                        v_x32 *out, int bits, int off, int mins) {
    const uint8_t *s = row + lay->s + 16 * (size_t)chunk, *q = row + lay->q + AC_CHUNK * (size_t)chunk;
    v_copy_q(out->q, q, 32 * groups, bits);
    memcpy(out->d, row + lay->d + 32 * (size_t)chunk, 4 * groups);
#ifndef VI_DOT8
    if (off) v_sums_of_pairs(out->less, q, 32 * groups, 32, -off);
#elif !defined(V_SIGNED)
    if (off) v_widen8(out->less, s, -off);
#endif
    (void)off;
    if (mins) v_widen8_float(out->s, s);
}

/* sum[t] += the terms of group g; packed: how its codes come */
INLINE void v_group32(vf *sum, const vi *w, vf d, vf m, const v_x32 *x, uint32_t g, int tokens, int packed,
                      int bits, int off, int mins) {
    const uint8_t *q = x->q + 32 * v_wide(bits) * g;
    vi s[V_TOKENS];
#ifdef VI_DOT8
    V_UNROLL for (int t = 0; t < tokens; t++) s[t] = off ? vi_all(x[t].less[g]) : vi_zero();
    if (packed)
        v_dots(s, w, q, sizeof *x, tokens, 8, bits);
    else
        v_dots_rows(s, w, q, sizeof *x, tokens, 8, bits);
#else
    V_UNROLL for (int t = 0; t < tokens; t++) s[t] = vi_zero();
    if (v_wide(bits) == 2)
        v_dots_wide(s, w, packed, q, sizeof *x, tokens, 8);
    else
        v_dots_narrow(s, w, q, sizeof *x, tokens, 8, bits, off, x->less + g, vi_all(0x00010001), NULL);
#endif
    V_UNROLL for (int t = 0; t < tokens; t++) {
        vf dx = vf_all(x[t].d[g]);
        vf term = vf_mul(vf_mul(d, dx), vf_of(s[t]));
        if (mins) term = vf_add(term, vf_mul(vf_mul(m, dx), vf_all(x[t].s[g])));
        sum[t] = vf_add(sum[t], term);
        V_HOLD(sum[t]);
    }
}

INLINE void v_total(float *total, const vf *sum, int tokens) {
    V_UNROLL for (int t = 0; t < tokens; t++)
        vf_store(total + t * LANES, vf_add(vf_load(total + t * LANES), sum[t]));
}

INLINE void v_tile32(const v_packed32 *w, const v_x32 *x, uint32_t groups, float *total, int tokens, int bits,
                     int off, int mins) {
    vf sum[V_TOKENS];
    V_UNROLL for (int t = 0; t < tokens; t++) sum[t] = vf_zero();
    for (uint32_t g = 0; g < groups; g++) {
        vf m = mins ? vf_load(w->m[g]) : vf_zero();
        v_group32(sum, w->code + 8 * v_wide(bits) * g, vf_load(w->d[g]), m, x, g, tokens, 1, bits, off, mins);
    }
    v_total(total, sum, tokens);
}

/* A chunk straight from the file's blocks. codes and scales are the type's; both always the same, so that all
 * of it becomes one function. */
typedef void v_codes32(const uint8_t *block, size_t stride, vi w[8]);
typedef void v_scales32(const uint8_t *block, size_t stride, vf *d, vf *m);

INLINE void v_direct32(const uint8_t *w, size_t stride, const v_x32 *x, uint32_t groups, float *total,
                       const uint8_t *ahead, int tokens, v_codes32 *codes, v_scales32 *scales,
                       size_t block_bytes, int bits, int off, int mins) {
    vf sum[V_TOKENS];
    V_UNROLL for (int t = 0; t < tokens; t++) sum[t] = vf_zero();
    for (uint32_t g = 0; g < groups; g++) {
        vi code[8];
        vf d, m;
        v_fetch(ahead, g, block_bytes, 1);
        codes(w + g * block_bytes, stride, code);
        scales(w + g * block_bytes, stride, &d, &m);
        v_group32(sum, code, d, m, x, g, tokens, 0, bits, off, mins);
    }
    v_total(total, sum, tokens);
}

INLINE void v_pack32(const uint8_t *w, size_t stride, uint32_t groups, v_packed32 *out, v_codes32 *codes,
                     v_scales32 *scales, size_t block_bytes, int bits, int mins) {
    for (uint32_t g = 0; g < groups; g++) {
        vi code[8];
        vf d, m;
        codes(w + g * block_bytes, stride, code);
        scales(w + g * block_bytes, stride, &d, &m);
        v_put_codes(out->code + 8 * v_wide(bits) * g, code, bits);
        vf_store(out->d[g], d);
        if (mins) vf_store(out->m[g], m);
    }
}

#define V_DIRECT32(type, TYPE, n)                                                                            \
    static void direct##n##_##type(const uint8_t *w, size_t stride, const void *x, uint32_t groups,          \
                                   float *total, const uint8_t *ahead) {                                     \
        v_direct32(w, stride, x, groups, total, ahead, n, codes_##type, scales_##type,                       \
                   AC_BLOCK_BYTES_##TYPE, type##_BITS, type##_OFF, type##_MINS);                             \
    }
#define V_TILE32(type, n)                                                                                    \
    static void tile##n##_##type(const void *packed, const void *x, uint32_t groups, float *total) {         \
        v_tile32(packed, x, groups, total, n, type##_BITS, type##_OFF, type##_MINS);                         \
    }
#define V_PACK32(type, TYPE)                                                                                 \
    static void pack_##type(const uint8_t *w, size_t stride, uint32_t groups, void *packed) {                \
        v_pack32(w, stride, groups, packed, codes_##type, scales_##type, AC_BLOCK_BYTES_##TYPE, type##_BITS, \
                 type##_MINS);                                                                               \
    }                                                                                                        \
    static void prepare_##type(const uint8_t *row, const ac_act_layout *lay, uint32_t chunk,                 \
                               uint32_t groups, void *out) {                                                 \
        v_prepare32(row, lay, chunk, groups, out, type##_BITS, type##_OFF, type##_MINS);                     \
    }

/* All kernels of a type, and kernel_TYPE that names them. */
#define V_KERNELS32(type, TYPE)                                                                              \
    V_DIRECT32(type, TYPE, 1)                                                                                \
    V_DIRECT32(type, TYPE, 2)                                                                                \
    V_DIRECT32(type, TYPE, 4)                                                                                \
    V_PACK32(type, TYPE)                                                                                     \
    V_TILES(V_TILE32, type)                                                                                  \
    V_KERNEL(type, v_packed32, v_x32, .tabulate = NULL)

#endif
