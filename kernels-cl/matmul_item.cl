/* matmul, one work-item per output element or several: for devices whose work-items are threads with vector registers, and the
 * floor that needs nothing: no local memory, no barrier, any work-group size.
 * A work-item makes weight row get_global_id(0) for COLS rows of x, from get_global_id(1) * COLS on. */

/* For every row of x, without a loop: what a loop would leave outside of it keeps products from becoming multiply-adds. Rows past
 * the last are the last one again. */
#if COLS == 1
#define EACH_COL(statement) { const uint c = 0; const ulong at_col = 0; statement; }
#else
#define EACH_COL(statement) _Pragma("unroll") for (uint c = 0; c < COLS; c++) { const ulong at_col = (ulong)min(c, cols - 1) * x_row; statement; }
#endif

/* 32 codes times 32 activations, neighbours added up; of codes as they are unpacked, without OFFSET taken away. */
#if defined(TABLE_LOW) || defined(TYPE_Q8_0)
#define CODES pairs_s8
#else
#define CODES pairs_u8
#endif

INLINE uint8 load_q(bytes_in q) { return vload8(0, (global const uint *)q); }

#ifndef FORM_F32
/* Terms of 8 blocks added to a total in their order. */
INLINE float add_terms(float total, float8 t) {
    return (((((((total + t.s0) + t.s1) + t.s2) + t.s3) + t.s4) + t.s5) + t.s6) + t.s7;
}

/* The first n of 8 numbers, and 0 for the others: their terms are then 0 and change no total. */
INLINE float8 first_floats(global const float *p, uint n) {
    float v[8];
    if (n == 8) return vload8(0, p);
    for (uint i = 0; i < 8; i++) v[i] = i < n ? p[i] : 0.0f;
    return vload8(0, v);
}

INLINE int8 first_shorts(global const short *p, uint n) {
    short v[8];
    if (n == 8) return convert_int8(vload8(0, p));
    for (uint i = 0; i < 8; i++) v[i] = i < n ? p[i] : (short)0;
    return convert_int8(vload8(0, v));
}

#if defined(FORM_A32)
typedef struct block { uint8 code; } block;

INLINE block unpack_block(place at) {
    block k;
    uint4 a, b;
    unpack(at, &a, &b);
    k.code = (uint8)(a, b);
    return k;
}

INLINE int8 block_sum(const block *k, bytes_in x, act lay, uint b, int8 *least) {
    return pairs16(CODES(k->code, load_q(x + b * 32)), (short16)1);
}

INLINE float terms(const int8 *sum, const int8 *least, float8 scale, float8 lowest, bytes_in x, act lay, uint b, uint n, float y) {
    float8 d = first_floats((global const float *)(x + lay.d) + b, n);
    int8 s = first_shorts((global const short *)(x + lay.s) + b, n);
    float8 t = MUL8(scale * d, convert_float8(sums_of_8(sum) - OFFSET * s));
#ifdef HAS_MIN
    t = t + MUL8(lowest * d, convert_float8(s));
#endif
    return y + add_terms(0.0f, t);
}

#elif defined(FORM_A256)
typedef struct block {
    uint8 code[8]; /* of each group of 32 */
    short16 scale, least; /* of each piece of 16 */
} block;

INLINE block unpack_block(place at) {
    block k;
#pragma unroll
    for (uint j = 0; j < 4; j++) unpack_wide(at, j, &k.code[GROUP_A(j)], &k.code[GROUP_B(j)]);
    k.scale = piece_scales(at);
#ifdef HAS_MIN
    k.least = piece_mins(at);
#endif
    return k;
}

INLINE int8 block_sum(const block *k, bytes_in x, act lay, uint b, int8 *least) {
    bytes_in q = x + b * 256;
    short8 f = convert_short8(vload8(b, x + lay.f));
    short16 m = k->scale * f.s0011223344556677, s = vload16(b, (global const short *)(x + lay.s));
    int8 sum = (int8)0;
#define ADD(j, a, b) sum += pairs16(CODES(k->code[j], load_q(q + j * 32)), (short16)((short8)m.a, (short8)m.b));
    ADD(0, s0, s1) ADD(1, s2, s3) ADD(2, s4, s5) ADD(3, s6, s7) ADD(4, s8, s9) ADD(5, sa, sb) ADD(6, sc, sd) ADD(7, se, sf)
#undef ADD
#if OFFSET
    sum -= OFFSET * pairs16(k->scale, s);
#endif
#ifdef HAS_MIN
    *least = pairs16(k->least, s);
#endif
    return sum;
}

INLINE float terms(const int8 *sum, const int8 *least, float8 scale, float8 lowest, bytes_in x, act lay, uint b, uint n, float y) {
    float8 d = first_floats((global const float *)(x + lay.d) + b, n), t = MUL8(scale * d, wide8(sums_of_8(sum)));
#ifdef HAS_MIN
    t = t - MUL8(lowest * d, wide8(sums_of_8(least)));
#endif
    return add_terms(y, t);
}
#endif

/* Adds the n <= 8 blocks from block b on to each total: they are a chunk in form A32, chunks in form A256. */
INLINE void span(bytes_in w, uint b, uint n, uint nb, bytes_in x, uint x_row, act lay, uint cols, float *y) {
    int8 sum[COLS][8], least[COLS][8];
    ushort raw[8], raw_least[8];
#ifdef FORM_A32 /* small blocks: all 8, those past the last are the last one again with a scale of 0 */
#pragma unroll
    for (uint i = 0; i < 8; i++) {
        place at = {w, b + min(i, n - 1), nb};
        block k = unpack_block(at);
        EACH_COL(sum[c][i] = block_sum(&k, x + at_col, lay, at.b, &least[c][i]))
        raw[i] = i < n ? raw_scale(at) : (ushort)0;
#ifdef HAS_MIN
        raw_least[i] = i < n ? raw_min(at) : (ushort)0;
#else
        raw_least[i] = 0;
#endif
    }
#else /* large ones: not unrolled, compilers take seconds over it */
    for (uint i = 0; i < n; i++) {
        place at = {w, b + i, nb};
        block k = unpack_block(at);
        EACH_COL(sum[c][i] = block_sum(&k, x + at_col, lay, at.b, &least[c][i]))
        raw[i] = raw_scale(at);
#ifdef HAS_MIN
        raw_least[i] = raw_min(at);
#else
        raw_least[i] = 0;
#endif
    }
    for (uint i = n; i < 8; i++) {
        raw[i] = raw_least[i] = 0;
        EACH_COL(sum[c][i] = least[c][i] = (int8)0)
    }
#endif
    float8 scale = scales_of(vload8(0, raw)), lowest = half_of8(vload8(0, raw_least));
    EACH_COL(y[c] = terms(sum[c], least[c], scale, lowest, x + at_col, lay, b, n, y[c]))
}

INLINE void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    uint nb = n / BLOCK_ELEMS, b = 0;
    for (uint c = 0; c < COLS; c++) y[c] = 0.0f;
#ifdef FORM_A32 /* most spans have 8 blocks: a copy of the code for those */
    IN_ORDER
    for (; b + 8 <= nb; b += 8) span(w, b, 8, nb, x, x_row, lay, cols, y);
#endif
    IN_ORDER
    for (; b < nb; b += 8) span(w, b, min(nb - b, 8u), nb, x, x_row, lay, cols, y);
}

#else
INLINE float chunk_total(bytes_in w, global const float *x, uint first, uint last) {
    float8 sum = (float8)0.0f;
    float p[8];
    uint i = first;
    IN_ORDER
    for (; i + 8 <= last; i += 8) sum = sum + MUL8(numbers(w, i), vload8(0, x + i));
    vstore8(sum, 0, p);
    for (uint l = 0; i + l < last; l++) p[l] = p[l] + MUL(number(w, i + l), x[i + l]);
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

INLINE void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    for (uint c = 0; c < COLS; c++) y[c] = 0.0f;
    IN_ORDER
    for (uint at = 0; at < n; at += CHUNK)
        EACH_COL(y[c] = y[c] + chunk_total(w, (global const float *)(x + at_col), at, min(at + CHUNK, n)))
}
#endif

#ifdef ONLY_matmul_item_3
/* Two or three products with one x: items_2 and items_3 are where those of the second and third begin. */
kernel void matmul_item_3(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                          ulong out_at, uint out_row, global const int *in, uint rows_at, uint items_2, bytes_in w2, ulong w2_at, uint m2,
                          ulong out2_at, uint out2_row, uint items_3, bytes_in w3, ulong w3_at, uint m3, ulong out3_at, uint out3_row) {
    uint i = get_global_id(0), first = get_global_id(1) * COLS;
    if (i >= items_3) i -= items_3, w = w3, w_at = w3_at, m = m3, out_at = out3_at, out_row = out3_row;
    else if (i >= items_2) i -= items_2, w = w2, w_at = w2_at, m = m2, out_at = out2_at, out_row = out2_row;
#else
kernel void matmul_item(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                        ulong out_at, uint out_row, global const int *in, uint rows_at) {
    uint i = get_global_id(0), first = get_global_id(1) * COLS;
#endif
    if (i >= m) return;
    act lay = {d, f, s};
    float y[COLS];
    uint cols = min((uint)in[rows_at] - first, (uint)COLS);
    product(w + w_at + (ulong)i * w_row, arena + x_at + (ulong)first * x_row, x_row, lay, n, cols, y);
    for (uint c = 0; c < COLS; c++)
        if (c < cols) row_f(arena, out_at, first + c, out_row)[i] = y[c];
}
