/* elementwise.h - add, glu, rms_norm, rope, argmax: docs/numerics.md, section 5. Long rows are cut into
 * pieces, so that one row keeps all threads busy. */
#ifndef AC_LANES_ELEMENTWISE_H
#define AC_LANES_ELEMENTWISE_H

#include "cpu.h"
#include "functions.h"

enum { PIECE = 2048 }; /* elements of an item; a multiple of every LANES */

INLINE uint32_t pieces_of(uint32_t n) {
    return (n + PIECE - 1) / PIECE;
}

/* An item of an operation over rows of n elements. */
typedef struct piece {
    uint32_t row, at, n;
} piece;

INLINE piece piece_of(uint32_t item, uint32_t n) {
    uint32_t each = pieces_of(n), at = item % each * PIECE;
    return (piece){item / each, at, n - at < PIECE ? n - at : PIECE};
}

/* ---- add --------------------------------------------------------------------------------------------- */

static void add(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_add *op = &job->add;
    (void)scratch;
    for (uint32_t item = first; item < last; item++) {
        piece p = piece_of(item, op->n);
        const float *a = (const float *)ac_cpu_row(op->a, p.row) + p.at;
        const uint8_t *b = op->bias ? op->bias : ac_cpu_row(op->b, p.row);
        float *out = (float *)ac_cpu_row(op->out, p.row) + p.at;
        uint32_t i = 0;
        b += p.at * sizeof(float);
        for (; i + LANES <= p.n; i += LANES)
            vf_store(out + i, vf_add(vf_window(vf_load(a + i)), vf_window(vf_load(b + i * sizeof(float)))));
        vf tail = vf_add(vf_window(vf_load_some(a + i, p.n - i)),
                         vf_window(vf_load_some(b + i * sizeof(float), p.n - i)));
        vf_store_some(out + i, tail, p.n - i);
    }
}

static uint32_t add_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * pieces_of(job->add.n);
}

/* ---- glu --------------------------------------------------------------------------------------------- */

INLINE vf glu_of(vf gate, vf up) {
    return vf_cut(vf_mul(vf_silu(vf_window(gate)), vf_window(up)));
}

static void glu(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_glu *op = &job->glu;
    (void)scratch;
    for (uint32_t item = first; item < last; item++) {
        piece p = piece_of(item, op->n);
        const float *gate = (const float *)ac_cpu_row(op->gate, p.row) + p.at;
        const float *up = (const float *)ac_cpu_row(op->up, p.row) + p.at;
        float *out = (float *)ac_cpu_row(op->out, p.row) + p.at;
        uint32_t i = 0;
        for (; i + LANES <= p.n; i += LANES) vf_store(out + i, glu_of(vf_load(gate + i), vf_load(up + i)));
        vf tail = glu_of(vf_load_some(gate + i, p.n - i), vf_load_some(up + i, p.n - i));
        vf_store_some(out + i, tail, p.n - i);
    }
}

static uint32_t glu_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * pieces_of(job->glu.n);
}

/* ---- rms_norm ---------------------------------------------------------------------------------------- */

/* 256 partial sums and their tree. Zeros past the end add nothing. */
static float sum_of_squares(const float *x, uint32_t n) {
    enum { PARTIALS = 256 };
    float partial[PARTIALS] = {0};
    for (uint32_t at = 0; at < n; at += PARTIALS) {
        uint32_t here = n - at < PARTIALS ? n - at : PARTIALS, i = 0;
        for (; i + LANES <= here; i += LANES) {
            vf v = vf_window(vf_load(x + at + i));
            vf_store(partial + i, vf_add(vf_load(partial + i), vf_mul(v, v)));
        }
        if (i == here) continue;
        vf v = vf_window(vf_load_some(x + at + i, here - i));
        vf_store(partial + i, vf_add(vf_load(partial + i), vf_mul(v, v)));
    }
    for (uint32_t half = PARTIALS / 2; half >= LANES; half /= 2)
        for (uint32_t l = 0; l < half; l += LANES)
            vf_store(partial + l, vf_add(vf_load(partial + l), vf_load(partial + l + half)));
    for (uint32_t half = LANES / 2; half > 0; half /= 2)
        for (uint32_t l = 0; l < half; l++) partial[l] = partial[l] + partial[l + half];
    return partial[0];
}

INLINE vf norm_of(vf x, vf r, vf w) {
    return vf_cut(vf_mul(vf_mul(vf_window(x), r), vf_window(w)));
}

static void norm_group(const ac_cpu_rms_norm *op, const float *x, float *out) {
    float t = sum_of_squares(x, op->n) * op->inv_n + op->eps;
    if (ac_bits(t) < ac_bits(0x1p-100f)) t = 0x1p-100f;
    vf r = vf_all(ac_rsqrt(t));
    uint32_t i = 0;
    for (; i + LANES <= op->n; i += LANES)
        vf_store(out + i, norm_of(vf_load(x + i), r, vf_load(op->w + i * sizeof(float))));
    uint32_t left = op->n - i;
    vf_store_some(out + i,
                  norm_of(vf_load_some(x + i, left), r, vf_load_some(op->w + i * sizeof(float), left)), left);
}

static void rms_norm(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_rms_norm *op = &job->rms_norm;
    (void)scratch;
    for (uint32_t i = first; i < last; i++) {
        size_t at = (size_t)(i % op->groups) * op->n;
        uint32_t row = i / op->groups;
        norm_group(op, (const float *)ac_cpu_row(op->x, row) + at, (float *)ac_cpu_row(op->out, row) + at);
    }
}

static uint32_t rms_norm_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * job->rms_norm.groups;
}

/* ---- rope -------------------------------------------------------------------------------------------- */

/* Pairs i .. i + LANES - 1 of a head; angles interleaved. */
INLINE void rope_pairs(const ac_cpu_rope *op, const float *angles, float *x, uint32_t i) {
    vf c, s, x0, x1;
    v_split(angles + 2 * i, &c, &s);
    if (op->halves)
        x0 = vf_load(x + i), x1 = vf_load(x + i + op->rot / 2);
    else
        v_split(x + 2 * i, &x0, &x1);
    x0 = vf_window(x0), x1 = vf_window(x1);
    vf y0 = vf_cut(vf_sub(vf_mul(x0, c), vf_mul(x1, s))), y1 = vf_cut(vf_add(vf_mul(x0, s), vf_mul(x1, c)));
    if (op->halves)
        vf_store(x + i, y0), vf_store(x + i + op->rot / 2, y1);
    else
        v_join(x + 2 * i, y0, y1);
}

static void rope_head(const ac_cpu_rope *op, const float *angles, float *x) {
    uint32_t i = 0;
    for (; i + LANES <= op->rot / 2; i += LANES) rope_pairs(op, angles, x, i);
    for (; i < op->rot / 2; i++) {
        uint32_t i0 = op->halves ? i : 2 * i, i1 = op->halves ? i + op->rot / 2 : 2 * i + 1;
        float c = angles[2 * i], s = angles[2 * i + 1], x0 = ac_window(x[i0]), x1 = ac_window(x[i1]);
        x[i0] = ac_cut(x0 * c - x1 * s);
        x[i1] = ac_cut(x0 * s + x1 * c);
    }
    for (i = op->rot; i < op->head_dim; i++) x[i] = ac_window(x[i]);
}

static void rope(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_rope *op = &job->rope;
    (void)scratch;
    for (uint32_t i = first; i < last; i++) {
        uint32_t row = i / op->heads, head = i % op->heads;
        const float *angles = op->table + (size_t)job->run->pos[row] * op->rot;
        rope_head(op, angles, (float *)ac_cpu_row(op->x, row) + (size_t)head * op->head_dim);
    }
}

static uint32_t rope_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * job->rope.heads;
}

/* ---- argmax ------------------------------------------------------------------------------------------ */

/* ac_key of all lanes */
INLINE vi vi_key(vf x) {
    vi u = vi_bits(x), negative = vi_sra(u, 31);
    vi zero = vi_equal(u, vi_all((int32_t)0x80000000u));
    return vi_and_not(zero, vi_xor(u, vi_and(negative, vi_all(0x7fffffff))));
}

/* Each lane keeps its largest and where it was first; then the lanes, the lowest index of equals. */
static int32_t argmax_of(const float *x, uint32_t n) {
    int32_t key[LANES], index[LANES], best = 0;
    uint32_t i = LANES;
    if (n >= LANES) {
        vi most = vi_key(vf_load(x)), where = vi_count(), at = vi_count();
        for (; i + LANES <= n; i += LANES) {
            vi k = vi_key(vf_load(x + i));
            vm more = vm_greater(k, most);
            at = vi_add(at, vi_all(LANES));
            most = vi_choose(more, k, most);
            where = vi_choose(more, at, where);
        }
        vi_store(key, most);
        vi_store(index, where);
        for (int l = 1; l < LANES; l++)
            if (key[l] > key[best] || (key[l] == key[best] && index[l] < index[best])) best = l;
        best = index[best];
    }
    for (i = n < LANES ? 0 : n - n % LANES; i < n; i++)
        if (ac_key(x[i]) > ac_key(x[best])) best = (int32_t)i;
    return best;
}

static void argmax(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_argmax *op = &job->argmax;
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        int32_t best = argmax_of(ac_cpu_row(op->x, r), op->n);
        memcpy(ac_cpu_row(op->out, r), &best, sizeof best);
    }
}

static void v_elementwise_slots(ac_cpu_table *t) {
    t->op[AC_OP_add] = (ac_cpu_slot){.name = "ac_add__" V_ISA, .stage = {{add_items, add}}};
    t->op[AC_OP_glu] = (ac_cpu_slot){.name = "ac_glu__" V_ISA, .stage = {{glu_items, glu}}};
    t->op[AC_OP_rms_norm] =
        (ac_cpu_slot){.name = "ac_rms_norm__" V_ISA, .stage = {{rms_norm_items, rms_norm}}};
    t->op[AC_OP_rope] = (ac_cpu_slot){.name = "ac_rope__" V_ISA, .stage = {{rope_items, rope}}};
    t->op[AC_OP_argmax] = (ac_cpu_slot){.name = "ac_argmax__" V_ISA, .stage = {{NULL, argmax}}};
}

#endif
