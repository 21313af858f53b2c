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

#if defined(TABLE_LOW) || defined(TYPE_Q8_0)
#define SHORTS(v) convert_short16(as_char16(v))
#else
#define SHORTS(v) (convert_short16(as_uchar16(v)) - (short)OFFSET)
#endif

INLINE short16 load_q(bytes_in q) { return convert_short16(as_char16(vload16(0, q))); }

/* Products that are all added up in the end: compilers make multiply-adds of pairs of them. */
INLINE int16 products(short16 a, short16 b) { return convert_int16(a) * convert_int16(b); }

INLINE int sum16(int16 v) {
    v += v.s89abcdef89abcdef;
    v += v.s4567456745674567;
    v += v.s2323232323232323;
    v += v.s1111111111111111;
    return v.s0;
}

#if defined(FORM_A32)
/* What a chunk of 8 blocks holds, unpacked. */
typedef struct chunk {
    short16 code[16];
    float8 scale, least;
} chunk;

/* Blocks [b, b + n) of a row; those past n count as zero. */
INLINE chunk unpack_chunk(bytes_in w, uint b, uint n, uint nb) {
    chunk c;
    float scale[8], least[8];
#pragma unroll
    for (uint i = 0; i < 8; i++) {
        place at = {w, b + min(i, n - 1), nb};
        uint4 ua, ub;
        unpack(at, &ua, &ub);
        c.code[2 * i] = SHORTS(ua), c.code[2 * i + 1] = SHORTS(ub);
        scale[i] = scale_of(at);
#ifdef HAS_MIN
        least[i] = min_of(at);
#else
        least[i] = 0.0f;
#endif
    }
    c.scale = vload8(0, scale), c.least = vload8(0, least);
    return c;
}

/* The integer sums of 8 blocks, in order. */
INLINE int8 block_sums(const chunk *c, bytes_in q) {
#define SUM(i) sum16(products(c->code[2 * i], load_q(q + i * 32)) + products(c->code[2 * i + 1], load_q(q + i * 32 + 16)))
    return (int8)(SUM(0), SUM(1), SUM(2), SUM(3), SUM(4), SUM(5), SUM(6), SUM(7));
#undef SUM
}

INLINE float chunk_total(const chunk *c, bytes_in x, act lay, uint b) {
    float8 d = vload8(0, (global const float *)(x + lay.d) + b);
    float8 t = MUL8(c->scale * d, convert_float8(block_sums(c, x + b * 32)));
#ifdef HAS_MIN
    t = t + MUL8(c->least * d, convert_float8(convert_int8(vload8(0, (global const short *)(x + lay.s) + b))));
#endif
    return ((((((((0.0f + t.s0) + t.s1) + t.s2) + t.s3) + t.s4) + t.s5) + t.s6) + t.s7);
}

/* The same for a chunk of n < 8 blocks, which reads no others. */
INLINE float short_total(bytes_in w, uint b, uint n, uint nb, bytes_in x, act lay) {
    float total = 0.0f;
    for (uint i = b; i < b + n; i++) {
        place at = {w, i, nb};
        uint4 ua, ub;
        unpack(at, &ua, &ub);
        int sum = sum16(products(SHORTS(ua), load_q(x + i * 32)) + products(SHORTS(ub), load_q(x + i * 32 + 16)));
        float d = ((global const float *)(x + lay.d))[i], t = MUL(scale_of(at) * d, convert_float(sum));
#ifdef HAS_MIN
        t = t + MUL(min_of(at) * d, convert_float((int)((global const short *)(x + lay.s))[i]));
#endif
        total = total + t;
    }
    return total;
}

INLINE void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    uint nb = n / 32, b = 0;
    for (uint c = 0; c < COLS; c++) y[c] = 0.0f;
    for (; b + 8 <= nb; b += 8) {
        chunk k = unpack_chunk(w, b, 8, nb);
        EACH_COL(y[c] = y[c] + chunk_total(&k, x + at_col, lay, b))
    }
    if (b < nb) EACH_COL(y[c] = y[c] + short_total(w, b, nb - b, nb, x + at_col, lay))
}

#elif defined(FORM_A256)
/* What a block holds, unpacked: codes times sub-scales, in the order of the elements. At most 32 * 128 or 127 * 32. */
typedef struct chunk {
    short16 code[16], least;
    float d, dmin;
} chunk;

/* Not as sum16(products(..)): two sums of one shape are paired by compilers, which then miss that they are sums. */
INLINE int least_sum(short16 m, short16 s) {
    int8 v = convert_int8(m.lo) * convert_int8(s.lo) + convert_int8(m.hi) * convert_int8(s.hi);
    v += v.s45674567;
    v += v.s23232323;
    v += v.s11111111;
    return v.s0;
}

#define EACH_PIECE(X)                                                                                        \
    X(0, s0) X(1, s1) X(2, s2) X(3, s3) X(4, s4) X(5, s5) X(6, s6) X(7, s7)                                  \
    X(8, s8) X(9, s9) X(10, sa) X(11, sb) X(12, sc) X(13, sd) X(14, se) X(15, sf)

INLINE chunk unpack_chunk(place at) {
    chunk c;
#pragma unroll
    for (uint p = 0; p < 8; p++) {
        uint4 ua, ub;
        unpack(at, p, &ua, &ub);
        c.code[PIECE_A(p)] = SHORTS(ua), c.code[PIECE_B(p)] = SHORTS(ub);
    }
    short16 s = piece_scales(at);
#define SCALED(i, lane) c.code[i] = c.code[i] * (short16)s.lane;
    EACH_PIECE(SCALED)
#undef SCALED
    c.d = scale_of(at);
#ifdef HAS_MIN
    c.least = piece_mins(at);
    c.dmin = min_of(at);
#endif
    return c;
}

INLINE float chunk_total(const chunk *c, bytes_in x, act lay, uint b) {
    bytes_in q = x + b * 256;
    short8 f = convert_short8(vload8(b, x + lay.f));
    short16 f2 = f.s0011223344556677;
    int16 acc = (int16)0;
#define ADD(i, lane) acc += products(c->code[i], load_q(q + i * 16) * (short16)f2.lane);
    EACH_PIECE(ADD)
#undef ADD
    float d = ((global const float *)(x + lay.d))[b];
    float t = MUL(c->d * d, wide(sum16(acc)));
#ifdef HAS_MIN
    t = t - MUL(c->dmin * d, wide(least_sum(c->least, vload16(b, (global const short *)(x + lay.s)))));
#endif
    return 0.0f + t;
}

INLINE void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    uint nb = n / 256;
    for (uint c = 0; c < COLS; c++) y[c] = 0.0f;
    for (uint b = 0; b < nb; b++) {
        place at = {w, b, nb};
        chunk k = unpack_chunk(at);
        EACH_COL(y[c] = y[c] + chunk_total(&k, x + at_col, lay, b))
    }
}

#else
INLINE float chunk_total(bytes_in w, global const float *x, uint first, uint last) {
    float8 sum = (float8)0.0f;
    float p[8];
    uint i = first;
    for (; i + 8 <= last; i += 8) sum = sum + MUL8(numbers(w, i), vload8(0, x + i));
    vstore8(sum, 0, p);
    for (uint l = 0; i + l < last; l++) p[l] = p[l] + MUL(number(w, i + l), x[i + l]);
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

INLINE void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    for (uint c = 0; c < COLS; c++) y[c] = 0.0f;
    for (uint at = 0; at < n; at += CHUNK)
        EACH_COL(y[c] = y[c] + chunk_total(w, (global const float *)(x + at_col), at, min(at + CHUNK, n)))
}
#endif

kernel void matmul_item(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                        ulong out_at, uint out_row, global const int *in, uint rows_at) {
    uint i = get_global_id(0), first = get_global_id(1) * COLS;
    if (i >= m) return;
    act lay = {d, f, s};
    float y[COLS];
    uint cols = min((uint)in[rows_at] - first, (uint)COLS);
    product(w + w_at + (ulong)i * w_row, arena + x_at + (ulong)first * x_row, x_row, lay, n, cols, y);
    for (uint c = 0; c < COLS; c++)
        if (c < cols) row_f(arena, out_at, first + c, out_row)[i] = y[c];
}
