/* matmul for many rows of x on devices whose work-items are threads with vector registers: a work-item makes PANEL weight rows for
 * up to COLS rows of x. A chunk of the weight rows is unpacked once into private memory, which is a cache there, as shorts that
 * hold the sub-scales already; those of x are widened once per chunk. Sums of 8 weight rows are put into the lanes of a vector. */
#ifndef FORM_F32
#define EIGHTS (PANEL / 8)

#if defined(TABLE_LOW) || defined(TYPE_Q8_0)
#define SHORTS(v) convert_short16(as_char16(v))
#else
#define SHORTS(v) (convert_short16(as_uchar16(v)) - (short)OFFSET)
#endif

INLINE short16 load_q(bytes_in q) { return convert_short16(as_char16(vload16(0, q))); }

#ifdef FORM_A32
/* A chunk of 8 blocks of each row; scales with the rows in the lanes. */
typedef struct panel {
    short16 code[16][PANEL];
    float scale[8][PANEL], least[8][PANEL];
} panel;

INLINE void unpack_row(bytes_in w, uint b, uint n, uint nb, uint r, panel *k) {
    for (uint i = 0; i < n; i++) {
        place at = {w, b + i, nb};
        uint4 ua, ub;
        unpack(at, &ua, &ub);
        k->code[2 * i][r] = SHORTS(ua), k->code[2 * i + 1][r] = SHORTS(ub);
        k->scale[i][r] = scale_of(at);
#ifdef HAS_MIN
        k->least[i][r] = min_of(at);
#endif
    }
}

/* Adds n blocks of row x to the totals of all weight rows. */
INLINE void add_chunk(const panel *k, bytes_in x, act lay, uint b, uint n, float8 *y) {
    float8 total[EIGHTS];
#pragma unroll
    for (uint e = 0; e < EIGHTS; e++) total[e] = (float8)0.0f;
    IN_ORDER
    for (uint i = 0; i < n; i++) {
        short16 p = load_q(x + (b + i) * 32), q = load_q(x + (b + i) * 32 + 16);
        int8 v[PANEL];
#pragma unroll
        for (uint r = 0; r < PANEL; r++) v[r] = pairs16(k->code[2 * i][r], p) + pairs16(k->code[2 * i + 1][r], q);
        float d = ((global const float *)(x + lay.d))[b + i];
#ifdef HAS_MIN
        float s = convert_float((int)((global const short *)(x + lay.s))[b + i]);
#endif
#pragma unroll
        for (uint e = 0; e < EIGHTS; e++) {
            float8 t = MUL8(vload8(e, k->scale[i]) * d, convert_float8(sums_of_8(v + 8 * e)));
#ifdef HAS_MIN
            t = t + MUL8(vload8(e, k->least[i]) * d, (float8)s);
#endif
            total[e] = total[e] + t;
        }
    }
#pragma unroll
    for (uint e = 0; e < EIGHTS; e++) y[e] = y[e] + total[e];
}

#else
typedef struct panel {
    short16 code[16][PANEL], mins[PANEL];
    float scale[PANEL], least[PANEL];
} panel;

/* Codes times their sub-scales: at most 32 * 128 or 127 * 32. */
INLINE void unpack_row(bytes_in w, uint b, uint n, uint nb, uint r, panel *k) {
    place at = {w, b, nb};
    short16 s = piece_scales(at);
    uint8 v[8];
#pragma unroll
    for (uint j = 0; j < 4; j++) unpack_wide(at, j, &v[GROUP_A(j)], &v[GROUP_B(j)]);
#define SCALED(j, a, b)                                                                                      \
    k->code[2 * j][r] = SHORTS(v[j].lo) * (short16)s.a, k->code[2 * j + 1][r] = SHORTS(v[j].hi) * (short16)s.b;
    SCALED(0, s0, s1) SCALED(1, s2, s3) SCALED(2, s4, s5) SCALED(3, s6, s7)
    SCALED(4, s8, s9) SCALED(5, sa, sb) SCALED(6, sc, sd) SCALED(7, se, sf)
#undef SCALED
    k->scale[r] = scale_of(at);
#ifdef HAS_MIN
    k->mins[r] = piece_mins(at);
    k->least[r] = min_of(at);
#endif
}

INLINE void add_chunk(const panel *k, bytes_in x, act lay, uint b, uint n, float8 *y) {
    int8 v[PANEL];
#pragma unroll
    for (uint r = 0; r < PANEL; r++) v[r] = (int8)0;
    for (uint p = 0; p < 16; p++) {
        short16 q = load_q(x + b * 256 + p * 16) * (short)x[lay.f + b * 8 + p / 2];
#pragma unroll
        for (uint r = 0; r < PANEL; r++) v[r] += pairs16(k->code[p][r], q);
    }
    float d = ((global const float *)(x + lay.d))[b];
#ifdef HAS_MIN
    short16 s = vload16(b, (global const short *)(x + lay.s));
#endif
#pragma unroll
    for (uint e = 0; e < EIGHTS; e++) {
        float8 t = MUL8(vload8(e, k->scale) * d, wide8(sums_of_8(v + 8 * e)));
#ifdef HAS_MIN
        int8 u[8];
#pragma unroll
        for (uint r = 0; r < 8; r++) u[r] = pairs16(k->mins[8 * e + r], s);
        t = t - MUL8(vload8(e, k->least) * d, wide8(sums_of_8(u)));
#endif
        y[e] = y[e] + t;
    }
}
#endif

kernel void matmul_panel(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                         ulong out_at, uint out_row, global const int *in, uint rows_at) {
    uint row = get_global_id(0) * PANEL, col = get_global_id(1) * COLS;
    if (row >= m) return;
    uint cols = min((uint)in[rows_at] - col, (uint)COLS), nb = n / BLOCK_ELEMS;
    act lay = {d, f, s};
    float8 y[COLS][EIGHTS];
    panel k;
    for (uint c = 0; c < cols; c++)
        for (uint e = 0; e < EIGHTS; e++) y[c][e] = (float8)0.0f;
    IN_ORDER
    for (uint b = 0; b < nb; b += CHUNK / BLOCK_ELEMS) {
        uint blocks = min(nb - b, (uint)(CHUNK / BLOCK_ELEMS));
        for (uint r = 0; r < PANEL; r++) unpack_row(w + w_at + (ulong)min(row + r, m - 1) * w_row, b, blocks, nb, r, &k);
        for (uint c = 0; c < cols; c++) add_chunk(&k, arena + x_at + (ulong)(col + c) * x_row, lay, b, blocks, y[c]);
    }
    for (uint c = 0; c < cols; c++)
        for (uint r = 0; r < min(m - row, (uint)PANEL); r++) row_f(arena, out_at, col + c, out_row)[row + r] = ((const float *)y[c])[r];
}
#endif
