/* quantize: a row of floats in the activation form of a product. A work-item makes 32 elements; in the A256 form the 8 items
 * of a chunk exchange their magnitudes, TILE groups of 32 at a time. */

INLINE uint16 window16(float16 x) {
    uint16 u = as_uint16(x), m = u & 0x7fffffffu;
    u = select(u, (u & 0x80000000u) | LARGE, m > (uint16)LARGE);
    return select(u, (uint16)0, m < (uint16)SMALL);
}

INLINE uint largest16(uint16 m) {
    uint8 a = max(m.lo, m.hi);
    uint4 b = max(a.lo, a.hi);
    uint2 c = max(b.lo, b.hi);
    return max(c.x, c.y);
}

/* Bits of the largest magnitude of 32 elements, windowed. */
INLINE uint largest32(global const float *x) {
    return largest16(max(window16(vload16(0, x)) & 0x7fffffffu, window16(vload16(1, x)) & 0x7fffffffu));
}

/* 16 codes to q; their sum. */
INLINE int codes16(global const float *x, float k, bytes_out q) {
    float16 v = MUL16(as_float16(window16(vload16(0, x))), (float16)k);
    int16 c = as_int16(v + 12582912.0f) - 0x4B400000;
    c = clamp(c, (int16)-127, (int16)127);
    vstore16(convert_uchar16(c & 255), 0, q);
    int8 a = c.lo + c.hi;
    int4 b = a.lo + a.hi;
    return (b.x + b.y) + (b.z + b.w);
}

/* Sum of the squared rounding errors of 16 codes, in units of 1/64 of a code. */
INLINE int error16(float16 x, float k) {
    float16 t = MUL16(x, (float16)k);
    int16 n = as_int16(t + 12582912.0f) - 0x4B400000;
    int16 u = as_int16((t - convert_float16(n)) * 64.0f + 12582912.0f) - 0x4B400000;
    u = u * u;
    int8 a = u.lo + u.hi;
    int4 b = a.lo + a.hi;
    return (b.x + b.y) + (b.z + b.w);
}

/* 1 / (1 + c / 128) rounded, c = 0 .. 3. */
constant uint shrink[4] = {0x3F800000u, 0x3F7E03F8u, 0x3F7C0FC1u, 0x3F7A232Du};

/* Which of the four scales leaves the least error; the first of equals. */
INLINE uint best_scale(global const float *x, float k) {
    float16 a = as_float16(window16(vload16(0, x))), b = as_float16(window16(vload16(1, x)));
    int least = INT_MAX;
    uint best = 0;
    for (uint c = 0; c < 4; c++) {
        float kc = k * as_float(shrink[c]);
        int error = (error16(a, kc) + error16(b, kc)) * (int)((128 + c) * (128 + c));
        if (error < least) least = error, best = c;
    }
    return best;
}

INLINE void group_a32(global const float *x, bytes_out row, act lay, uint g) {
    float amax = as_float(largest32(x + g * 32)), k = 0.0f, d = 0.0f;
    if (amax != 0.0f) {
        float k0 = 127.0f * rcp(amax);
        uint c = best_scale(x + g * 32, k0);
        d = (amax * as_float(0x3C010204u)) * (1.0f + convert_float((int)c) * 0.0078125f);
        k = k0 * as_float(shrink[c]);
    }
    int sum = codes16(x + g * 32, k, row + g * 32);
    sum += codes16(x + g * 32 + 16, k, row + g * 32 + 16);
    ((global float *)(row + lay.d))[g] = d;
    ((global short *)(row + lay.s))[g] = (short)sum;
}

/* 1 / f, f = 1 .. 16, rounded. */
constant uint inverse[16] = {0x3F800000u, 0x3F000000u, 0x3EAAAAABu, 0x3E800000u, 0x3E4CCCCDu, 0x3E2AAAABu, 0x3E124925u, 0x3E000000u,
                             0x3DE38E39u, 0x3DCCCCCDu, 0x3DBA2E8Cu, 0x3DAAAAABu, 0x3D9D89D9u, 0x3D924925u, 0x3D888889u, 0x3D800000u};

/* Group g of a chunk whose largest magnitude is `all` and whose own is `mine`. */
INLINE void group_a256(global const float *x, bytes_out row, act lay, uint g, float all, float mine) {
    int f = 1;
    float k = 0.0f;
    if (all != 0.0f) {
        float r = rcp(all);
        f = clamp(rne(MUL(16.0f * r, mine) + 0.5f), 1, 16);
        k = (2032.0f * r) * as_float(inverse[f - 1]);
    }
    global short *s = (global short *)(row + lay.s) + 2 * g;
    s[0] = (short)(f * codes16(x + g * 32, k, row + g * 32));
    s[1] = (short)(f * codes16(x + g * 32 + 16, k, row + g * 32 + 16));
    row[lay.f + g] = (uchar)f;
    /* not g % 8 == 0: LLVM makes an integer of 3 bits of that, which Oclgrind 21.10 takes for 0 */
    if (g == g / 8 * 8) ((global float *)(row + lay.d))[g / 8] = all * as_float(0x3A010204u);
}

#define TILE (WG < 8 ? 8 : WG)

/* Groups [first, last) of a row, by the whole work-group; both are multiples of 8. */
#ifdef SG
TOGETHER void quantize_rows_a256(global const float *x, bytes_out row, act lay, uint first, uint last, local uint *near) {
    for (uint at = first; at < last; at += WG) {
        uint g = at + get_local_id(0), mine = largest32(x + min(g, last - 1) * 32), all = near_max(mine, 8, near);
        if (g < last) group_a256(x, row, lay, g, as_float(all), as_float(mine));
    }
}
#else
TOGETHER void quantize_rows_a256(global const float *x, bytes_out row, act lay, uint first, uint last, local uint *most) {
    uint lid = get_local_id(0);
    for (uint at = first; at < last; at += TILE) {
        for (uint l = lid; l < TILE; l += WG)
            if (at + l < last) most[l] = largest32(x + (at + l) * 32);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint l = lid; l < TILE; l += WG) {
            if (at + l >= last) continue;
            uint all = 0;
            for (uint i = 0; i < 8; i++) all = max(all, most[(l & ~7u) + i]);
            group_a256(x, row, lay, at + l, as_float(all), as_float(most[l]));
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif

/* ---- Spread: an item makes 4 elements, so that a row keeps many lanes busy ---------------------------------------- */

#if defined(SPREAD) && WG >= 64
#define SPREAD_ON
#define SPREAD_GROUPS (WG / 8) /* groups of 32 that a work-group makes at a time */

/* Chunks take turns with most[]: a turn's maxima are read until the next turn's barrier. */
typedef struct spread { uint mags[NEAR], most[2][WG / REACH], sums[NEAR], errors[4][NEAR]; } spread;

INLINE float4 window4(float4 x) {
    uint4 u = as_uint4(x), m = u & 0x7fffffffu;
    u = select(u, (u & 0x80000000u) | LARGE, m > (uint4)LARGE);
    return as_float4(select(u, (uint4)0, m < (uint4)SMALL));
}

INLINE int4 codes4(float4 v, float k) {
    float4 t = (float4)(MUL(v.x, k), MUL(v.y, k), MUL(v.z, k), MUL(v.w, k));
    return clamp(as_int4(t + 12582912.0f) - 0x4B400000, (int4)-127, (int4)127);
}

INLINE void put_codes(int4 c, bytes_out row, uint e, bool in) {
    if (in) *(global uchar4 *)(row + e) = convert_uchar4(c & 255);
}

INLINE uint sum4(int4 c) { return (uint)((c.x + c.y) + (c.z + c.w)); }

/* The 4 elements of this item, 0 past the end; the largest magnitude of its group of 32. */
TOGETHER float4 take_four(global const float *x, uint e, bool in, local spread *t, uint *mine) {
    float4 v = in ? window4(vload4(0, x + e)) : (float4)0.0f;
    uint4 m = as_uint4(v) & 0x7fffffffu;
    *mine = near_max(max(max(m.x, m.y), max(m.z, m.w)), 8, t->mags);
    return v;
}

/* The largest of the 64 items of a chunk: `mine` is that of each 8. Has a barrier. */
TOGETHER uint chunk_max(uint mine, local uint *most, local spread *t) {
    uint lid = get_local_id(0), all = 0;
#ifdef SG
    mine = near_max(mine, SG, t->mags);
#endif
    if (lid % REACH == 0) most[lid / REACH] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = 0; i < 64 / REACH; i++) all = max(all, most[lid / 64 * (64 / REACH) + i]);
    return all;
}

/* Groups [first, last) of a row by the whole work-group; first is a multiple of 8. */
TOGETHER void spread_a256(global const float *x, bytes_out row, act lay, uint first, uint last, local spread *t) {
    uint lid = get_local_id(0), turn = 0;
    for (uint at = first * 32; at < last * 32; at += WG * 4, turn ^= 1) {
        uint e = at + lid * 4, mine;
        bool in = e < last * 32;
        float4 v = take_four(x, e, in, t, &mine);
        uint all = chunk_max(mine, t->most[turn], t);
        int f = 1;
        float k = 0.0f;
        if (all != 0) {
            float r = rcp(as_float(all));
            f = clamp(rne(MUL(16.0f * r, as_float(mine)) + 0.5f), 1, 16);
            k = (2032.0f * r) * as_float(inverse[f - 1]);
        }
        int4 c = codes4(v, k);
        put_codes(c, row, e, in);
        int sum = (int)near_sum(sum4(c), 4, t->sums);
        if (in && lid % 4 == 0) ((global short *)(row + lay.s))[e / 16] = (short)(f * sum);
        if (in && lid % 8 == 0) row[lay.f + e / 32] = (uchar)f;
        if (in && lid % 64 == 0) ((global float *)(row + lay.d))[e / 256] = as_float(all) * as_float(0x3A010204u);
    }
}

INLINE int error4(float4 v, float k) {
    float4 t = (float4)(MUL(v.x, k), MUL(v.y, k), MUL(v.z, k), MUL(v.w, k));
    int4 n = as_int4(t + 12582912.0f) - 0x4B400000;
    int4 u = as_int4((t - convert_float4(n)) * 64.0f + 12582912.0f) - 0x4B400000;
    u = u * u;
    return (u.x + u.y) + (u.z + u.w);
}

/* Errors of the four scales over a group of 32: errors of this item to sums. */
TOGETHER void near_errors(int *error, local spread *t) {
#ifdef SG
    for (uint c = 0; c < 4; c++) error[c] = (int)near_sum((uint)error[c], 8, t->errors[c]);
#else
    uint lid = get_local_id(0);
    for (uint c = 0; c < 4; c++) t->errors[c][lid] = (uint)error[c];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint c = 0; c < 4; c++) {
        error[c] = 0;
        for (uint i = 0; i < 8; i++) error[c] += (int)t->errors[c][(lid & ~7u) + i];
    }
#endif
}

TOGETHER void spread_a32(global const float *x, bytes_out row, act lay, uint first, uint last, local spread *t) {
    uint lid = get_local_id(0);
    for (uint at = first * 32; at < last * 32; at += WG * 4) {
        uint e = at + lid * 4, mine, best = 0;
        bool in = e < last * 32;
        float4 v = take_four(x, e, in, t, &mine);
        float amax = as_float(mine), k0 = 127.0f * rcp(as_float(max(mine, SMALL)));
        int error[4], least = INT_MAX;
        for (uint c = 0; c < 4; c++) error[c] = error4(v, k0 * as_float(shrink[c]));
        near_errors(error, t);
        for (uint c = 0; c < 4; c++) {
            error[c] *= (int)((128 + c) * (128 + c));
            if (error[c] < least) least = error[c], best = c;
        }
        int4 c = codes4(v, mine ? k0 * as_float(shrink[best]) : 0.0f);
        put_codes(c, row, e, in);
        int sum = (int)near_sum(sum4(c), 8, t->sums);
        if (in && lid % 8 == 0) {
            ((global short *)(row + lay.s))[e / 32] = (short)sum;
            ((global float *)(row + lay.d))[e / 32] = mine ? (amax * as_float(0x3C010204u)) * (1.0f + convert_float((int)best) * 0.0078125f) : 0.0f;
        }
    }
}
typedef spread quantize_memory;
#else
#ifdef SG
typedef struct quantize_memory { uint most[NEAR]; } quantize_memory;
#else
typedef struct quantize_memory { uint most[TILE]; } quantize_memory;
#endif
#endif

#ifndef HEAD_DIM /* the program of the cache only takes the functions */
kernel void quantize_f32(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, uint d, uint f, uint s) {
    uint i = get_global_id(0), r = get_global_id(1);
    if (i < n) row_f(arena, out_at, r, out_row)[i] = window(row_f(arena, x_at, r, x_row)[i]);
}

#ifdef SPREAD_ON
#define QUANTIZE(form)                                                                                       \
    local spread t;                                                                                          \
    uint first = get_group_id(0) * SPREAD_GROUPS, r = get_global_id(1);                                      \
    act lay = {d, f, s};                                                                                     \
    spread_##form(row_f(arena, x_at, r, x_row), arena + out_at + (ulong)r * out_row, lay, first, min(first + SPREAD_GROUPS, n / 32), &t);

kernel WORK_GROUP
void quantize_a32(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, uint d, uint f, uint s) {
    QUANTIZE(a32)
}

kernel WORK_GROUP
void quantize_a256(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, uint d, uint f, uint s) {
    QUANTIZE(a256)
}
#else
kernel void quantize_a32(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, uint d, uint f, uint s) {
    uint g = get_global_id(0), r = get_global_id(1);
    act lay = {d, f, s};
    if (g < n / 32) group_a32(row_f(arena, x_at, r, x_row), arena + out_at + (ulong)r * out_row, lay, g);
}

kernel WORK_GROUP
void quantize_a256(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, uint d, uint f, uint s) {
    local quantize_memory t;
    uint first = get_group_id(0) * TILE, r = get_global_id(1);
    act lay = {d, f, s};
    quantize_rows_a256(row_f(arena, x_at, r, x_row), arena + out_at + (ulong)r * out_row, lay, first, min(first + TILE, n / 32), t.most);
}
#endif
#endif
