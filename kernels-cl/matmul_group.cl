/* matmul for few rows of x, by work-groups: GROUP items make ROWS weight rows for COLS rows of x. An item takes 32 elements of
 * every weight row of the group at a time, so that neighbours read neighbouring bytes and many loads are under way; its sums
 * go to local memory. In a second step the items turn sums into the terms of chunks, and in a third one item per result adds
 * those in index order. The weight row is taken in pieces of PIECE units of 32 elements, so that any length fits.
 * Up to three products with one x may share a launch (segments); all have this program's type. */

#define UNITS_OF(n) ((n) / 32)

/* 16 packed bytes times 16. */
INLINE int dot16(uint4 a, uint4 b, int sum) { return dot4(a.w, b.w, dot4(a.z, b.z, dot4(a.y, b.y, dot4(a.x, b.x, sum)))); }

INLINE uint4 load_q(bytes_in q) { return *(global const uint4 *)q; }

#if defined(FORM_A32)
typedef float part;
typedef struct side { uint4 qa, qb; float d; int s; } side; /* a unit of x */

INLINE side load_side(bytes_in x, act lay, uint u) {
    side v;
    v.qa = load_q(x + u * 32), v.qb = load_q(x + u * 32 + 16);
    v.d = ((global const float *)(x + lay.d))[u];
    v.s = ((global const short *)(x + lay.s))[u];
    return v;
}

/* A unit's term. */
INLINE part unit_part(place at, uint u, uint4 a, uint4 b, side x) {
    int sum = dot16(b, x.qb, dot16(a, x.qa, -OFFSET * x.s));
    float t = MUL(scale_of(at) * x.d, convert_float(sum));
#ifdef HAS_MIN
    t = t + MUL(min_of(at) * x.d, convert_float(x.s));
#endif
    return t;
}

INLINE place place_of(bytes_in w, uint u, uint n) {
    place at = {w, u, n / 32};
    return at;
}
INLINE void unpack_unit(place at, uint u, uint4 *a, uint4 *b) { unpack(at, a, b); }

/* Total of the chunk whose terms start at p; `units` of them. */
INLINE float chunk_total(local const part *p, uint units, bytes_in w, uint chunk, uint n, bytes_in x, act lay) {
    float t = 0.0f;
    IN_ORDER
    for (uint i = 0; i < units; i++) t = t + p[i];
    return t;
}
#elif defined(FORM_A256)
typedef int part;
typedef struct side { uint4 qa, qb; int fa, fb, sa, sb; } side;

INLINE side load_side(bytes_in x, act lay, uint u) {
    side v;
    uint c = u / 8, p = u % 8, ia = c * 16 + PIECE_A(p), ib = c * 16 + PIECE_B(p);
    v.qa = load_q(x + ia * 16), v.qb = load_q(x + ib * 16);
    v.fa = x[lay.f + ia / 2], v.fb = x[lay.f + ib / 2];
#if OFFSET || (defined(SG) && defined(HAS_MIN))
    global const short *s = (global const short *)(x + lay.s);
    v.sa = s[ia], v.sb = s[ib];
#else
    v.sa = v.sb = 0;
#endif
    return v;
}

/* A unit's share of the chunk's integer sum. */
INLINE part unit_part(place at, uint u, uint4 a, uint4 b, side x) {
    uint p = u % 8;
    int da = x.fa * dot16(a, x.qa, 0) - OFFSET * x.sa, db = x.fb * dot16(b, x.qb, 0) - OFFSET * x.sb;
    return sub_scale(at, PIECE_A(p)) * da + sub_scale(at, PIECE_B(p)) * db;
}

INLINE place place_of(bytes_in w, uint u, uint n) {
    place at = {w, u / 8, n / 256};
    return at;
}
INLINE void unpack_unit(place at, uint u, uint4 *a, uint4 *b) { unpack(at, u % 8, a, b); }

INLINE float chunk_term(place at, int sum, int least, float d) {
    float t = MUL(scale_of(at) * d, wide(sum));
#ifdef HAS_MIN
    t = t - MUL(min_of(at) * d, wide(least));
#endif
    return 0.0f + t;
}

INLINE float chunk_total(local const part *p, uint units, bytes_in w, uint chunk, uint n, bytes_in x, act lay) {
    place at = {w, chunk, n / 256};
    int sum = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7])), least = 0;
#ifdef HAS_MIN
    global const short *s = (global const short *)(x + lay.s) + chunk * 16;
    for (uint i = 0; i < 16; i++) least += sub_min(at, i) * s[i];
#endif
    return chunk_term(at, sum, least, ((global const float *)(x + lay.d))[chunk]);
}
#else
/* Units of floats: unit u is partial sum u % 8 of chunk u / 8. */
typedef float part;
#undef UNITS_OF
#define UNITS_OF(n) (((n) + 255) / 256 * 8)

INLINE part unit_part_f(bytes_in w, uint u, uint n, global const float *x) {
    uint first = u / 8 * 256, last = min(first + 256, n);
    float p = 0.0f;
    IN_ORDER
    for (uint i = first + u % 8; i < last; i += 8) p = p + MUL(number(w, i), x[i]);
    return p;
}

typedef struct side { global const float *x; } side;

INLINE side load_side(bytes_in x, act lay, uint u) {
    side v = {(global const float *)x};
    return v;
}
INLINE place place_of(bytes_in w, uint u, uint n) {
    place at = {w, u, n};
    return at;
}
INLINE void unpack_unit(place at, uint u, uint4 *a, uint4 *b) {}
INLINE part unit_part(place at, uint u, uint4 a, uint4 b, side v) { return unit_part_f(at.w, u, at.nb, v.x); }

INLINE float chunk_total(local const part *p, uint units, bytes_in w, uint chunk, uint n, bytes_in x, act lay) {
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}
#endif

#define PART(r, c, u) parts[((r) * COLS + (c)) * PIECE + (u)]
#define TOTAL(r, c, k) totals[((r) * COLS + (c)) * (PIECE / 8) + (k)]

typedef struct product_memory {
#ifdef SG
    uint near[NEAR];
#else
    part parts[ROWS * COLS * PIECE];
#endif
    float totals[ROWS * COLS * (PIECE / 8)];
} product_memory;

#ifdef SG
/* What the 8 items of a chunk make of their parts of its total, each of them; of those that are not `in` nothing. */
#ifdef FORM_A256
typedef struct near_total { int sum, least; } near_total;

TOGETHER near_total near_parts(place at, uint u, side x, int p, bool in, local uint *near) {
    near_total t = {(int)near_sum((uint)p, 8, near), 0};
#ifdef HAS_MIN
    int least = sub_min(at, PIECE_A(u % 8)) * x.sa + sub_min(at, PIECE_B(u % 8)) * x.sb;
    t.least = (int)near_sum((uint)least, 8, near);
#endif
    return t;
}

INLINE float total_of(near_total t, bytes_in w, uint chunk, uint n, bytes_in x, act lay) {
    place at = {w, chunk, n / 256};
    return chunk_term(at, t.sum, t.least, ((global const float *)(x + lay.d))[chunk]);
}
#else
typedef float near_total;

TOGETHER near_total near_parts(place at, uint u, side x, float p, bool in, local uint *near) {
#ifdef FORM_A32
    float t = 0.0f;
    p = in ? p : 0.0f;
    IN_ORDER
    for (uint i = 0; i < 8; i++) t = t + as_float(from_lane(as_uint(p), (LANE & ~7u) | i, near));
    return t;
#else
    for (uint step = 4; step > 0; step /= 2) p = p + as_float(from_lane(as_uint(p), LANE ^ step, near));
    return p;
#endif
}

INLINE float total_of(near_total t, bytes_in w, uint chunk, uint n, bytes_in x, act lay) { return t; }
#endif

/* Totals of the chunks of units [first, last). The 8 items of a chunk keep one each of every 8 results. */
TOGETHER void group_totals(bytes_in w, uint w_row, uint rows, bytes_in x, uint x_row, uint cols, act lay, uint n, uint first, uint last,
                         local product_memory *t) {
    local float *totals = t->totals;
    uint lid = get_local_id(0), lane = lid % 8;
    for (uint at = first; at < last; at += GROUP) {
        uint u = min(at + lid, last - 1), k = (at + lid - first) / 8;
        bool in = at + lid < last, any = at + lid - lane < last;
        near_total mine;
        side v[COLS];
#pragma unroll
        for (uint c = 0; c < COLS; c++) v[c] = load_side(x + (ulong)min(c, cols - 1) * x_row, lay, u);
#pragma unroll
        for (uint r = 0; r < ROWS; r++) {
            place here = place_of(w + (ulong)min(r, rows - 1) * w_row, u, n);
            uint4 a, b;
            unpack_unit(here, u, &a, &b);
#pragma unroll
            for (uint c = 0; c < COLS; c++) {
                uint i = r * COLS + c, j = i / 8 * 8 + lane, jr = j / COLS, jc = j % COLS;
                near_total total = near_parts(here, u, v[c], unit_part(here, u, a, b, v[c]), in, t->near);
                if (i % 8 == lane) mine = total;
                if ((i % 8 == 7 || i == ROWS * COLS - 1) && any && j <= i)
                    TOTAL(jr, jc, k) =
                        total_of(mine, w + (ulong)min(jr, rows - 1) * w_row, u / 8, n, x + (ulong)min(jc, cols - 1) * x_row, lay);
            }
        }
    }
}
#else
/* First step: units [first, last) of all rows and columns. */
INLINE void group_parts(bytes_in w, uint w_row, uint rows, bytes_in x, uint x_row, uint cols, act lay, uint n, uint first, uint last,
                        local part *parts) {
    for (uint u = first + get_local_id(0); u < last; u += GROUP) {
#ifdef FORM_F32
        for (uint c = 0; c < cols; c++)
            for (uint r = 0; r < rows; r++)
                PART(r, c, u - first) = unit_part_f(w + (ulong)r * w_row, u, n, (global const float *)(x + (ulong)c * x_row));
#else
        side v[COLS];
#pragma unroll
        for (uint c = 0; c < COLS; c++) v[c] = load_side(x + (ulong)min(c, cols - 1) * x_row, lay, u);
#pragma unroll
        for (uint r = 0; r < ROWS; r++) {
            place at = place_of(w + (ulong)min(r, rows - 1) * w_row, u, n);
            uint4 a, b;
            unpack_unit(at, u, &a, &b);
#pragma unroll
            for (uint c = 0; c < COLS; c++) PART(r, c, u - first) = unit_part(at, u, a, b, v[c]);
        }
#endif
    }
}

/* Second step: totals of the piece's chunks. */
INLINE void totals_of_parts(bytes_in w, uint w_row, uint rows, bytes_in x, uint x_row, uint cols, act lay, uint n, uint first, uint last,
                         local const part *parts, local float *totals) {
    uint chunks = (last - first + 7) / 8;
    for (uint i = get_local_id(0); i < rows * cols * chunks; i += GROUP) {
        uint k = i % chunks, c = i / chunks % cols, r = i / chunks / cols, units = min(last - first - k * 8, 8u);
        TOTAL(r, c, k) = chunk_total(&PART(r, c, k * 8), units, w + (ulong)r * w_row, first / 8 + k, n, x + (ulong)c * x_row, lay);
    }
}

TOGETHER void group_totals(bytes_in w, uint w_row, uint rows, bytes_in x, uint x_row, uint cols, act lay, uint n, uint first, uint last,
                         local product_memory *t) {
    group_parts(w, w_row, rows, x, x_row, cols, lay, n, first, last, t->parts);
    barrier(CLK_LOCAL_MEM_FENCE);
    totals_of_parts(w, w_row, rows, x, x_row, cols, lay, n, first, last, t->parts, t->totals);
}
#endif

/* The results of a work-group: item r * cols + c gets y of weight row r and x row c. w and x are at the group's first ones.
 * Totals are read until the next barrier. */
TOGETHER float group_product(bytes_in w, uint w_row, uint rows, bytes_in x, uint x_row, uint cols, act lay, uint n, local product_memory *t) {
    uint lid = get_local_id(0), units = UNITS_OF(n);
    local const float *totals = t->totals;
    float y = 0.0f;
    for (uint first = 0; first < units; first += PIECE) {
        uint last = min(first + PIECE, units);
        if (first > 0) barrier(CLK_LOCAL_MEM_FENCE);
        group_totals(w, w_row, rows, x, x_row, cols, lay, n, first, last, t);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < rows * cols)
            IN_ORDER
            for (uint k = 0; k < (last - first + 7) / 8; k++) y = y + TOTAL(lid / cols, lid % cols, k);
    }
    return y;
}

/* A program has one of the kernels, ONLY_<name>: compilers may add up the local memory of all. */
/* Which weight rows and rows of x a group has. */
#define PRODUCT_PLACE(group, m)                                                                              \
    act lay = {d, f, s};                                                                                     \
    uint lid = get_local_id(0), row = (group) * ROWS, col = get_global_id(1) * COLS;                         \
    uint rows = min((m) - row, (uint)ROWS), cols = min((uint)in[rows_at] - col, (uint)COLS);                 \
    bytes_in x = arena + x_at + (ulong)col * x_row;

#define RESULT(at, out_row) row_f(arena, at, col + lid % cols, out_row)[row + lid / cols]

#ifdef ONLY_matmul_group
kernel WORK_GROUP
void matmul_group(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                  ulong out_at, uint out_row, global const int *in, uint rows_at) {
    local product_memory t;
    PRODUCT_PLACE(get_group_id(0), m)
    float y = group_product(w + w_at + (ulong)row * w_row, w_row, rows, x, x_row, cols, lay, n, &t);
    if (lid < rows * cols) RESULT(out_at, out_row) = y;
}
#endif

#ifdef ONLY_matmul_group_add
/* matmul, then add: sum = a + out. */
kernel WORK_GROUP
void matmul_group_add(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                      ulong out_at, uint out_row, global const int *in, uint rows_at, ulong a_at, uint a_row, ulong sum_at, uint sum_row) {
    local product_memory t;
    PRODUCT_PLACE(get_group_id(0), m)
    float y = group_product(w + w_at + (ulong)row * w_row, w_row, rows, x, x_row, cols, lay, n, &t);
    if (lid < rows * cols) {
        RESULT(out_at, out_row) = y;
        RESULT(sum_at, sum_row) = window(RESULT(a_at, a_row)) + window(y);
    }
}
#endif

#ifdef ONLY_matmul_group_bias
/* matmul, then add of a bias: sum = out + bias. */
kernel WORK_GROUP
void matmul_group_bias(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                       ulong out_at, uint out_row, global const int *in, uint rows_at, bytes_in bias, ulong bias_at, ulong sum_at,
                       uint sum_row) {
    local product_memory t;
    PRODUCT_PLACE(get_group_id(0), m)
    float y = group_product(w + w_at + (ulong)row * w_row, w_row, rows, x, x_row, cols, lay, n, &t);
    if (lid < rows * cols) {
        RESULT(out_at, out_row) = y;
        RESULT(sum_at, sum_row) = window(y) + window(((global const float *)(bias + bias_at))[row + lid / cols]);
    }
}
#endif

#ifdef ONLY_matmul_group_glu
/* Two products with one x, then glu of them. */
kernel WORK_GROUP
void matmul_group_glu(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                      ulong out_at, uint out_row, global const int *in, uint rows_at, bytes_in w2, ulong w2_at, ulong up_at, uint up_row,
                      ulong glu_at, uint glu_row) {
    local product_memory t;
    PRODUCT_PLACE(get_group_id(0), m)
    float gate = group_product(w + w_at + (ulong)row * w_row, w_row, rows, x, x_row, cols, lay, n, &t);
    barrier(CLK_LOCAL_MEM_FENCE);
    float up = group_product(w2 + w2_at + (ulong)row * w_row, w_row, rows, x, x_row, cols, lay, n, &t);
    if (lid < rows * cols) {
        RESULT(out_at, out_row) = gate;
        RESULT(up_at, up_row) = up;
        RESULT(glu_at, glu_row) = cut(silu(window(gate)) * window(up));
    }
}
#endif

#ifdef ONLY_matmul_group_3
/* Two or three products with one x: groups_2 and groups_3 are where those of the second and third begin. */
kernel WORK_GROUP
void matmul_group_3(bytes_in w, ulong w_at, uint w_row, uint m, bytes_out arena, ulong x_at, uint x_row, uint d, uint f, uint s, uint n,
                    ulong out_at, uint out_row, global const int *in, uint rows_at, uint groups_2, bytes_in w2, ulong w2_at, uint m2,
                    ulong out2_at, uint out2_row, uint groups_3, bytes_in w3, ulong w3_at, uint m3, ulong out3_at, uint out3_row) {
    local product_memory t;
    uint group = get_group_id(0);
    if (group >= groups_3) group -= groups_3, w = w3, w_at = w3_at, m = m3, out_at = out3_at, out_row = out3_row;
    else if (group >= groups_2) group -= groups_2, w = w2, w_at = w2_at, m = m2, out_at = out2_at, out_row = out2_row;
    PRODUCT_PLACE(group, m)
    float y = group_product(w + w_at + (ulong)row * w_row, w_row, rows, x, x_row, cols, lay, n, &t);
    if (lid < rows * cols) RESULT(out_at, out_row) = y;
}
#endif
