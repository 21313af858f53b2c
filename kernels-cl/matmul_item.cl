/* matmul, one work-item per output element or several: for devices whose work-items are threads with vector registers, and the
 * floor that needs nothing: no local memory, no barrier, any work-group size.
 * A work-item makes weight row get_global_id(0) for COLS rows of x, from get_global_id(1) * COLS on. */

/* Offsets of the arrays in a row of x, in bytes (ac_act_layout). */
typedef struct act { uint d, f, s; } act;

#if defined(TABLE_LOW) || defined(TYPE_Q8_0)
#define SHORTS(v) convert_short16(as_char16(v))
#else
#define SHORTS(v) (convert_short16(as_uchar16(v)) - (short)OFFSET)
#endif

inline short16 load_q(bytes_in q) { return convert_short16(as_char16(vload16(0, q))); }

/* Sums of neighbouring products: the form that becomes a multiply-add of pairs. */
inline int8 pairs(short16 a, short16 b) {
    int16 m = convert_int16(a) * convert_int16(b);
    return m.even + m.odd;
}

inline int sum8(int8 v) {
    int4 a = v.lo + v.hi;
    int2 b = a.lo + a.hi;
    return b.x + b.y;
}

#if defined(FORM_A32)
inline float term(place at, short16 wa, short16 wb, bytes_in x, act lay) {
    uint g = at.b;
    int sum = sum8(pairs(wa, load_q(x + g * 32)) + pairs(wb, load_q(x + g * 32 + 16)));
    float d = ((global const float *)(x + lay.d))[g];
    float t = (scale_of(at) * d) * convert_float(sum);
#ifdef HAS_MIN
    t = t + (min_of(at) * d) * convert_float((int)((global const short *)(x + lay.s))[g]);
#endif
    return t;
}

inline void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    uint nb = n / 32;
    float chunk[COLS];
    for (uint c = 0; c < COLS; c++) y[c] = chunk[c] = 0.0f;
    for (uint b = 0; b < nb; b++) {
        place at = {w, b, nb};
        uint4 ua, ub;
        unpack(at, &ua, &ub);
        short16 wa = SHORTS(ua), wb = SHORTS(ub);
        bool ends = b % 8 == 7 || b + 1 == nb;
        for (uint c = 0; c < COLS; c++) {
            if (c >= cols) break;
            chunk[c] = chunk[c] + term(at, wa, wb, x + (ulong)c * x_row, lay);
            if (ends) y[c] = y[c] + chunk[c], chunk[c] = 0.0f;
        }
    }
}

#elif defined(FORM_A256)
/* All 16 scales and minima of a block. */
inline void block_scales(place at, int *scale, int *least) {
    for (uint i = 0; i < 16; i++) {
        scale[i] = sub_scale(at, i);
#ifdef HAS_MIN
        least[i] = sub_min(at, i);
#endif
    }
}

inline float term(place at, const int *scale, const int *least, bytes_in x, act lay) {
    bytes_in q = x + at.b * 256, f = x + lay.f + at.b * 8;
    int8 acc = (int8)0;
    for (uint p = 0; p < 8; p++) {
        uint4 ua, ub;
        unpack(at, p, &ua, &ub);
        uint ia = PIECE_A(p), ib = PIECE_B(p);
        short16 a = SHORTS(ua) * load_q(q + ia * 16), b = SHORTS(ub) * load_q(q + ib * 16);
        acc += pairs(a, (short16)(short)(scale[ia] * f[ia / 2]));
        acc += pairs(b, (short16)(short)(scale[ib] * f[ib / 2]));
    }
    float d = ((global const float *)(x + lay.d))[at.b];
    float t = (scale_of(at) * d) * wide(sum8(acc));
#ifdef HAS_MIN
    global const short *s = (global const short *)(x + lay.s) + at.b * 16;
    int sum = 0;
    for (uint i = 0; i < 16; i++) sum += least[i] * s[i];
    t = t - (min_of(at) * d) * wide(sum);
#endif
    return t;
}

inline void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    uint nb = n / 256;
    int scale[16], least[16];
    for (uint c = 0; c < COLS; c++) y[c] = 0.0f;
    for (uint b = 0; b < nb; b++) {
        place at = {w, b, nb};
        block_scales(at, scale, least);
        for (uint c = 0; c < COLS; c++) {
            if (c >= cols) break;
            y[c] = y[c] + (0.0f + term(at, scale, least, x + (ulong)c * x_row, lay));
        }
    }
}

#else
/* 8 weights from element i on, those at or past n as they come: only [i, n) is read. */
inline float8 numbers8(bytes_in w, uint i) {
    return (float8)(number(w, i), number(w, i + 1), number(w, i + 2), number(w, i + 3), number(w, i + 4), number(w, i + 5), number(w, i + 6),
                    number(w, i + 7));
}

inline float chunk_of(bytes_in w, global const float *x, uint first, uint last) {
    float8 sum = (float8)0.0f;
    float p[8];
    uint i = first;
    for (; i + 8 <= last; i += 8) sum = sum + numbers8(w, i) * vload8(0, x + i);
    vstore8(sum, 0, p);
    for (uint l = 0; i + l < last; l++) p[l] = p[l] + number(w, i + l) * x[i + l];
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

inline void product(bytes_in w, bytes_in x, uint x_row, act lay, uint n, uint cols, float *y) {
    for (uint c = 0; c < COLS; c++) {
        y[c] = 0.0f;
        if (c >= cols) continue;
        global const float *xc = (global const float *)(x + (ulong)c * x_row);
        for (uint at = 0; at < n; at += CHUNK) y[c] = y[c] + chunk_of(w, xc, at, min(at + CHUNK, n));
    }
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
