/* matmul for many rows of x: a work-group of 16 x 16 items makes a tile of 16 TI weight rows and 16 TJ rows of x, an item TI x TJ
 * results. Half chunks (STEP elements) of both sides are unpacked into local memory in turn. Chunks come in index order, so that
 * an item adds up its results by itself. */

#define TILE_GROUP 256
#define TILE_M (16 * TI)
#define TILE_N (16 * TJ)
#define STEP 128

#ifdef FORM_F32
/* Floats: one result per item, 8 partial sums; chunks of both sides in local memory. */
#define LINE (CHUNK + 1)

INLINE void load_floats(bytes_in w, uint w_row, uint m, uint row, bytes_in x, uint x_row, uint cols, uint col, uint at, uint n,
                        local float *lw, local float *lx) {
    for (uint i = get_local_id(0); i < 16 * CHUNK; i += TILE_GROUP) {
        uint r = i / CHUNK, k = i % CHUNK;
        bool in = at + k < n;
        lw[r * LINE + k] = in ? number(w + (ulong)min(row + r, m - 1) * w_row, at + k) : 0.0f;
        lx[r * LINE + k] = in ? ((global const float *)(x + (ulong)min(col + r, cols - 1) * x_row))[at + k] : 0.0f;
    }
}

kernel __attribute__((reqd_work_group_size(TILE_GROUP, 1, 1)))
void matmul_tile(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                 ulong out_at, uint out_row, global const int *in, uint rows_at) {
    local float lw[16 * LINE], lx[16 * LINE];
    uint lid = get_local_id(0), tr = lid / 16, tc = lid % 16, row = get_group_id(0) * 16, col = get_global_id(1) * 16, cols = (uint)in[rows_at];
    float y = 0.0f;
    IN_ORDER
    for (uint at = 0; at < n; at += CHUNK) {
        load_floats(w + w_at, w_row, m, row, arena + x_at, x_row, cols, col, at, n, lw, lx);
        barrier(CLK_LOCAL_MEM_FENCE);
        float p[8];
        for (uint l = 0; l < 8; l++) p[l] = 0.0f;
        IN_ORDER
        for (uint k = 0; k < CHUNK; k += 8)
            for (uint l = 0; l < 8; l++) p[l] = p[l] + MUL(lw[tr * LINE + k + l], lx[tc * LINE + k + l]);
        y = y + (((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7])));
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (row + tr < m && col + tc < cols) row_f(arena, out_at, col + tc, out_row)[row + tr] = y;
}

#else
#define LINE (STEP / 16 + 1) /* uint4 of a row in local memory; the one more spreads rows over banks */

/* Codes as signed bytes. */
INLINE uint4 without_offset(uint4 v) {
#if OFFSET
    return ((v | 0x80808080u) - OFFSET * 0x01010101u) ^ 0x80808080u;
#else
    return v;
#endif
}

INLINE int dot16(uint4 a, uint4 b, int sum) { return dot4(a.w, b.w, dot4(a.z, b.z, dot4(a.y, b.y, dot4(a.x, b.x, sum)))); }

/* Whether both pieces of a group of 32 share scale and minimum. */
#if defined(TYPE_Q4_K) || defined(TYPE_Q5_K) || defined(TYPE_IQ4_XS)
#define SCALE_32
#endif

/* What a half chunk holds beside the codes. A32: per row 4 scales and minima of blocks. A256: 8 scales and minima of pieces. */
typedef struct tile {
    uint4 w[TILE_M * LINE], x[TILE_N * LINE];
#ifdef FORM_A32
    float wd[TILE_M * 4], wm[TILE_M * 4], xd[TILE_N * 4];
    int xs[TILE_N * 4];
#else
    short wsc[TILE_M * 8], wmin[TILE_M * 8], xs[TILE_N * 8];
    uchar xf[TILE_N * 4];
    float wd[TILE_M], wm[TILE_M], xd[TILE_N];
#endif
} tile;

#ifdef FORM_A32
INLINE void load_unit(bytes_in w, uint r, uint k, uint u, uint n, local tile *t) {
    uint4 a = (uint4)0, b = (uint4)0;
    float d = 0.0f, least = 0.0f;
    place at = {w, u, n / 32};
    if (u < at.nb) {
        unpack(at, &a, &b);
        a = without_offset(a), b = without_offset(b);
        d = scale_of(at);
#ifdef HAS_MIN
        least = min_of(at);
#endif
    }
    t->w[r * LINE + k * 2] = a, t->w[r * LINE + k * 2 + 1] = b;
    t->wd[r * 4 + k] = d, t->wm[r * 4 + k] = least;
}

INLINE void load_side(bytes_in x, uint c, uint k, uint u, uint n, act lay, local tile *t) {
    bool in = u < n / 32;
    global const uint4 *q = (global const uint4 *)x + u * 2;
    t->x[c * LINE + k * 2] = in ? q[0] : (uint4)0;
    t->x[c * LINE + k * 2 + 1] = in ? q[1] : (uint4)0;
    t->xd[c * 4 + k] = in ? ((global const float *)(x + lay.d))[u] : 0.0f;
    t->xs[c * 4 + k] = in ? ((global const short *)(x + lay.s))[u] : 0;
}

#else
INLINE void load_unit(bytes_in w, uint r, uint k, uint u, uint n, local tile *t) {
    place at = {w, u / 8, n / 256};
    uint p = u % 8, ia = PIECE_A(p) % 8, ib = PIECE_B(p) % 8;
    uint4 a, b;
    unpack(at, p, &a, &b);
    t->w[r * LINE + ia] = without_offset(a), t->w[r * LINE + ib] = without_offset(b);
    t->wsc[r * 8 + ia] = (short)sub_scale(at, PIECE_A(p)), t->wsc[r * 8 + ib] = (short)sub_scale(at, PIECE_B(p));
#ifdef HAS_MIN
    t->wmin[r * 8 + ia] = (short)sub_min(at, PIECE_A(p)), t->wmin[r * 8 + ib] = (short)sub_min(at, PIECE_B(p));
    if (k == 0) t->wm[r] = min_of(at);
#endif
    if (k == 0) t->wd[r] = scale_of(at);
}

INLINE void load_side(bytes_in x, uint c, uint k, uint u, uint n, act lay, local tile *t) {
    global const uint4 *q = (global const uint4 *)x + u * 2;
    global const short *s = (global const short *)(x + lay.s) + u * 2;
    t->x[c * LINE + k * 2] = q[0], t->x[c * LINE + k * 2 + 1] = q[1];
    t->xs[c * 8 + k * 2] = s[0], t->xs[c * 8 + k * 2 + 1] = s[1];
    t->xf[c * 4 + k] = x[lay.f + u];
    if (k == 0) t->xd[c] = ((global const float *)(x + lay.d))[u / 8];
}
#endif

/* Units first .. first + 3 of both sides. */
INLINE void load_tile(bytes_in w, uint w_row, uint m, uint row, bytes_in x, uint x_row, uint cols, uint col, act lay, uint first, uint n,
                      local tile *t) {
    for (uint i = get_local_id(0); i < TILE_M * 4; i += TILE_GROUP)
        load_unit(w + (ulong)min(row + i / 4, m - 1) * w_row, i / 4, i % 4, first + i % 4, n, t);
    for (uint i = get_local_id(0); i < TILE_N * 4; i += TILE_GROUP)
        load_side(x + (ulong)min(col + i / 4, cols - 1) * x_row, i / 4, i % 4, first + i % 4, n, lay, t);
}

/* Adds a half chunk. sum: A32 the chunk's float total; A256 its integer sum, least the sum of minima. */
#ifdef FORM_A32
typedef struct result { float sum; } result;

INLINE void add_unit(local const tile *t, uint tr, uint tc, uint k, result v[TI][TJ]) {
    uint4 xa[TJ], xb[TJ];
#pragma unroll
    for (uint j = 0; j < TJ; j++) {
        uint c = tc + 16 * j;
        xa[j] = t->x[c * LINE + 2 * k], xb[j] = t->x[c * LINE + 2 * k + 1];
    }
#pragma unroll
    for (uint i = 0; i < TI; i++) {
        uint r = tr + 16 * i;
        uint4 wa = t->w[r * LINE + 2 * k], wb = t->w[r * LINE + 2 * k + 1];
        float d = t->wd[r * 4 + k];
#ifdef HAS_MIN
        float least = t->wm[r * 4 + k];
#endif
#pragma unroll
        for (uint j = 0; j < TJ; j++) {
            uint c = (tc + 16 * j) * 4 + k;
            float term = MUL(d * t->xd[c], convert_float(dot16(wb, xb[j], dot16(wa, xa[j], 0))));
#ifdef HAS_MIN
            term = term + MUL(least * t->xd[c], convert_float(t->xs[c]));
#endif
            v[i][j].sum = v[i][j].sum + term;
        }
    }
}

INLINE result nothing(void) {
    result v = {0.0f};
    return v;
}

INLINE float chunk_total(local const tile *t, uint r, uint c, result v) { return v.sum; }

#else
typedef struct result { int sum, least; } result;

INLINE void add_unit(local const tile *t, uint tr, uint tc, uint k, result v[TI][TJ]) {
    uint4 xa[TJ], xb[TJ];
    int f[TJ];
#pragma unroll
    for (uint j = 0; j < TJ; j++) {
        uint c = tc + 16 * j;
        xa[j] = t->x[c * LINE + 2 * k], xb[j] = t->x[c * LINE + 2 * k + 1];
        f[j] = t->xf[c * 4 + k];
    }
#pragma unroll
    for (uint i = 0; i < TI; i++) {
        uint r = tr + 16 * i;
        uint4 wa = t->w[r * LINE + 2 * k], wb = t->w[r * LINE + 2 * k + 1];
        int sa = t->wsc[r * 8 + 2 * k], sb = t->wsc[r * 8 + 2 * k + 1];
#pragma unroll
        for (uint j = 0; j < TJ; j++) {
#ifdef SCALE_32
            v[i][j].sum += (sa * f[j]) * dot16(wb, xb[j], dot16(wa, xa[j], 0));
#else
            v[i][j].sum += f[j] * (sa * dot16(wa, xa[j], 0) + sb * dot16(wb, xb[j], 0));
#endif
#ifdef HAS_MIN
            uint c = (tc + 16 * j) * 8 + 2 * k;
#ifdef SCALE_32
            v[i][j].least += t->wmin[r * 8 + 2 * k] * (t->xs[c] + t->xs[c + 1]);
#else
            v[i][j].least += t->wmin[r * 8 + 2 * k] * t->xs[c] + t->wmin[r * 8 + 2 * k + 1] * t->xs[c + 1];
#endif
#endif
        }
    }
}

INLINE result nothing(void) {
    result v = {0, 0};
    return v;
}

INLINE float chunk_total(local const tile *t, uint r, uint c, result v) {
    float term = MUL(t->wd[r] * t->xd[c], wide(v.sum));
#ifdef HAS_MIN
    term = term - MUL(t->wm[r] * t->xd[c], wide(v.least));
#endif
    return 0.0f + term;
}
#endif

kernel __attribute__((reqd_work_group_size(TILE_GROUP, 1, 1)))
void matmul_tile(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                 ulong out_at, uint out_row, global const int *in, uint rows_at) {
    local tile t;
    act lay = {d, f, s};
    uint lid = get_local_id(0), tr = lid / 16, tc = lid % 16, row = get_group_id(0) * TILE_M, col = get_global_id(1) * TILE_N;
    uint cols = (uint)in[rows_at], chunks = (n + CHUNK - 1) / CHUNK;
    float y[TI][TJ];
    for (uint i = 0; i < TI * TJ; i++) y[i / TJ][i % TJ] = 0.0f;
    IN_ORDER
    for (uint chunk = 0; chunk < chunks; chunk++) {
        result v[TI][TJ];
#pragma unroll
        for (uint i = 0; i < TI; i++)
#pragma unroll
            for (uint j = 0; j < TJ; j++) v[i][j] = nothing();
        for (uint part = 0; part < 2; part++) {
            barrier(CLK_LOCAL_MEM_FENCE);
            load_tile(w + w_at, w_row, m, row, arena + x_at, x_row, cols, col, lay, chunk * 8 + part * 4, n, &t);
            barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
            for (uint k = 0; k < 4; k++) add_unit(&t, tr, tc, k, v);
        }
#pragma unroll
        for (uint i = 0; i < TI; i++)
#pragma unroll
            for (uint j = 0; j < TJ; j++) y[i][j] = y[i][j] + chunk_total(&t, tr + 16 * i, tc + 16 * j, v[i][j]);
    }
    for (uint i = 0; i < TI; i++)
        for (uint j = 0; j < TJ; j++)
            if (row + tr + 16 * i < m && col + tc + 16 * j < cols) row_f(arena, out_at, col + tc + 16 * j, out_row)[row + tr + 16 * i] = y[i][j];
}
#endif
