/* cpu_job.c - an operation of the plan becomes a job: every buffer, weight and constant it names is checked
 * here, once. */
#include "cpu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ref/functions.h"

/* Limits of a plan: docs/numerics.md, section 1. */
enum { MAX_N = 1 << 24, MAX_HEAD_DIM = 4096 };

/* An operation being resolved. */
typedef struct place {
    const ac_prog *prog;
    const ac_op *op;
    uint32_t index;
    ac_error *err;
} place;

static ac_status refuse(const place *at, const char *format, ...) AC_PRINTF(2, 3);

static ac_status refuse(const place *at, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ac_fail(at->err, AC_ERR_ARGUMENT, "plan: operation %u (%s): %s", at->index,
                   ac_op_name(at->op->kind), text);
}

/* A buffer with at least `bytes` per row, in rows of the operation's domain. */
static ac_status rows_in(const place *at, const char *what, uint32_t buf, uint64_t bytes, ac_rows domain,
                         ac_cpu_rows *out) {
    const ac_plan *plan = at->prog->plan;
    if (buf >= plan->n_bufs) return refuse(at, "%s is buffer %u of %u", what, buf, plan->n_bufs);
    const ac_plan_buf *b = &plan->bufs[buf];
    uint32_t rows = domain == AC_ROWS_OUT ? plan->max_out : plan->max_rows;
    if (b->row_bytes < bytes || b->rows < rows)
        return refuse(at, "%s (%s): want %u rows of %llu bytes, it has %u of %llu", what,
                      b->name ? b->name : "?", rows, (unsigned long long)bytes, b->rows,
                      (unsigned long long)b->row_bytes);
    *out = (ac_cpu_rows){at->prog->arena + b->offset, (size_t)b->row_bytes};
    return AC_OK;
}

static ac_status rows(const place *at, const char *what, uint32_t buf, uint64_t bytes, ac_cpu_rows *out) {
    return rows_in(at, what, buf, bytes, at->op->rows, out);
}

static ac_status floats(const place *at, const char *what, uint32_t buf, uint64_t n, ac_cpu_rows *out) {
    return rows(at, what, buf, n * sizeof(float), out);
}

/* A buffer that is written must not lie over another one that is read; the same buffer may be both. */
static ac_status no_overlap(const place *at) {
    const ac_plan *plan = at->prog->plan;
    ac_op_uses uses = ac_op_buffers(at->op);
    if (uses.write[0] == AC_NONE) return AC_OK;
    const ac_plan_buf *w = &plan->bufs[uses.write[0]];
    for (int i = 0; i < 3; i++) {
        if (uses.read[i] == AC_NONE || uses.read[i] == uses.write[0]) continue;
        const ac_plan_buf *r = &plan->bufs[uses.read[i]];
        if (w->offset < r->offset + r->row_bytes * r->rows && r->offset < w->offset + w->row_bytes * w->rows)
            return refuse(at, "writes %s over %s, which it reads", w->name ? w->name : "?",
                          r->name ? r->name : "?");
    }
    return AC_OK;
}

static ac_status length(const place *at, uint32_t n) {
    return n >= 1 && n <= MAX_N ? AC_OK : refuse(at, "n is %u: want 1 to %d", n, MAX_N);
}

static ac_status weight(const place *at, uint32_t index, ac_cpu_weight *out) {
    const ac_weights *w = at->prog->weights;
    if (!w || index >= w->n) return refuse(at, "weight %u of %u", index, w ? w->n : 0);
    const ac_weight *t = &w->list[index];
    *out = (ac_cpu_weight){t->data, ac_type_row_bytes(t->type, (size_t)t->cols), t->rows, t->cols, t->type};
    return AC_OK;
}

/* A float32 weight of n elements in one row. */
static ac_status vector(const place *at, uint32_t index, uint32_t n, const uint8_t **out) {
    ac_cpu_weight w = {0};
    AC_TRY(weight(at, index, &w));
    const char *name = at->prog->weights->list[index].name;
    if (w.type != AC_TYPE_F32 || w.rows != 1 || w.cols != n)
        return refuse(at, "%s: want f32 [1, %u], it is %s [%llu, %llu]", name ? name : "weight", n,
                      ac_type_describe(w.type)->name, (unsigned long long)w.rows, (unsigned long long)w.cols);
    *out = w.p;
    return AC_OK;
}

static ac_status matrix(const place *at, uint32_t index, uint64_t m, uint32_t n, ac_cpu_weight *out) {
    AC_TRY(weight(at, index, out));
    const char *name = at->prog->weights->list[index].name;
    if (out->cols != n || (m && out->rows != m))
        return refuse(at, "%s: want %llu rows of %u, it has %llu of %llu", name ? name : "weight",
                      (unsigned long long)(m ? m : out->rows), n, (unsigned long long)out->rows,
                      (unsigned long long)out->cols);
    return AC_OK;
}

static ac_status cache(const place *at, uint32_t layer, uint32_t kv_heads, uint32_t head_dim,
                       ac_cpu_kv *out) {
    if (!at->prog->kv) return refuse(at, "there is no cache");
    *out = at->prog->kv->kv;
    if (layer >= out->layers || kv_heads != out->kv_heads || head_dim != out->head_dim)
        return refuse(at, "layer %u, %u heads of %u: the cache has %u layers, %u heads of %u", layer,
                      kv_heads, head_dim, out->layers, out->kv_heads, out->head_dim);
    return AC_OK;
}

/* Operations that use a row's token, position, sequence or slot. */
static ac_status all_rows(const place *at) {
    return at->op->rows == AC_ROWS_ALL ? AC_OK : refuse(at, "runs over all rows only");
}

static ac_status heads_of(const place *at, uint32_t heads, uint32_t head_dim) {
    if (heads >= 1 && head_dim >= 1 && head_dim <= MAX_HEAD_DIM && (uint64_t)heads * head_dim <= MAX_N)
        return AC_OK;
    return refuse(at, "%u heads of %u: want heads of 1 to %d, at most %d together", heads, head_dim,
                  MAX_HEAD_DIM, MAX_N);
}

/* ---- One function per operation -------------------------------------------------------------- */

static ac_status fill_embed(const place *at, ac_cpu_job *job) {
    const ac_op_embed *op = &at->op->embed;
    AC_TRY(all_rows(at));
    AC_TRY(weight(at, op->w, &job->embed.w));
    AC_TRY(length(at, job->embed.w.cols <= MAX_N ? (uint32_t)job->embed.w.cols : 0));
    job->embed.n = (uint32_t)job->embed.w.cols;
    return floats(at, "out", op->out, job->embed.n, &job->embed.out);
}

static ac_status fill_rms_norm(const place *at, ac_cpu_job *job) {
    const ac_op_rms_norm *op = &at->op->rms_norm;
    AC_TRY(length(at, op->n));
    if (op->groups < 1 || (uint64_t)op->groups * op->n > MAX_N)
        return refuse(at, "%u groups of %u: too many", op->groups, op->n);
    if (!(op->eps >= 0.0f) || ac_bits(ac_window(op->eps)) != ac_bits(op->eps))
        return refuse(at, "eps is %g: want 0 or 2^-50 to 2^50", (double)op->eps);
    if (op->inv_n != 1.0f / (float)op->n)
        return refuse(at, "inv_n is %g: want 1 / %u", (double)op->inv_n, op->n);
    ac_cpu_rms_norm *j = &job->rms_norm;
    j->n = op->n, j->groups = op->groups, j->eps = op->eps, j->inv_n = op->inv_n;
    uint64_t n = (uint64_t)op->groups * op->n;
    AC_TRY(vector(at, op->w, op->n, &j->w));
    AC_TRY(floats(at, "x", op->x, n, &j->x));
    return floats(at, "out", op->out, n, &j->out);
}

static ac_status fill_quantize(const place *at, ac_cpu_job *job) {
    const ac_op_quantize *op = &at->op->quantize;
    static const uint32_t multiple[AC_FORM_COUNT] = {1, 32, 256};
    AC_TRY(length(at, op->n));
    if ((unsigned)op->form >= AC_FORM_COUNT) return refuse(at, "form %d is not known", (int)op->form);
    if (op->n % multiple[op->form])
        return refuse(at, "n is %u: want a multiple of %u", op->n, multiple[op->form]);
    job->quantize.n = op->n;
    job->quantize.lay = ac_act_layout_of(op->form, op->n);
    AC_TRY(floats(at, "x", op->x, op->n, &job->quantize.x));
    return rows(at, "out", op->out, job->quantize.lay.row_bytes, &job->quantize.out);
}

static ac_status fill_matmul(const place *at, ac_cpu_job *job) {
    const ac_op_matmul *op = &at->op->matmul;
    ac_cpu_matmul *j = &job->matmul;
    AC_TRY(length(at, op->n));
    if (op->m < 1 || op->m > INT32_MAX) return refuse(at, "m is %u: want 1 to %d", op->m, INT32_MAX);
    AC_TRY(matrix(at, op->w, op->m, op->n, &j->w));
    j->m = op->m, j->n = op->n;
    j->lay = ac_act_layout_of(ac_type_describe(j->w.type)->form, op->n);
    AC_TRY(rows(at, "x", op->x, j->lay.row_bytes, &j->x));
    return floats(at, "out", op->out, op->m, &j->out);
}

static ac_status fill_add(const place *at, ac_cpu_job *job) {
    const ac_op_add *op = &at->op->add;
    ac_cpu_add *j = &job->add;
    AC_TRY(length(at, op->n));
    j->n = op->n;
    AC_TRY(floats(at, "a", op->a, op->n, &j->a));
    if (op->bias == AC_NONE)
        AC_TRY(floats(at, "b", op->b, op->n, &j->b));
    else
        AC_TRY(vector(at, op->bias, op->n, &j->bias));
    return floats(at, "out", op->out, op->n, &j->out);
}

static ac_status fill_rope(const place *at, ac_cpu_job *job) {
    const ac_op_rope *op = &at->op->rope;
    const ac_plan *plan = at->prog->plan;
    ac_cpu_rope *j = &job->rope;
    AC_TRY(all_rows(at));
    AC_TRY(heads_of(at, op->heads, op->head_dim));
    if (op->rot < 2 || op->rot % 2 || op->rot > op->head_dim)
        return refuse(at, "rot is %u: want even, 2 to %u", op->rot, op->head_dim);
    if (op->table >= plan->n_consts) return refuse(at, "constant %u of %u", op->table, plan->n_consts);
    uint64_t positions = plan->consts[op->table].bytes / (op->rot * sizeof(float));
    if (positions < 1 || positions > INT32_MAX)
        return refuse(at, "the table has %llu positions", (unsigned long long)positions);
    j->table = at->prog->consts[op->table];
    j->positions = (uint32_t)positions;
    j->heads = op->heads, j->head_dim = op->head_dim, j->rot = op->rot, j->halves = op->halves != 0;
    return floats(at, "x", op->x, (uint64_t)op->heads * op->head_dim, &j->x);
}

static ac_status fill_kv_store(const place *at, ac_cpu_job *job) {
    const ac_op_kv_store *op = &at->op->kv_store;
    uint64_t n = (uint64_t)op->kv_heads * op->head_dim;
    AC_TRY(all_rows(at));
    AC_TRY(heads_of(at, op->kv_heads, op->head_dim));
    AC_TRY(cache(at, op->layer, op->kv_heads, op->head_dim, &job->kv_store.kv));
    job->kv_store.layer = op->layer;
    AC_TRY(floats(at, "k", op->k, n, &job->kv_store.k));
    return floats(at, "v", op->v, n, &job->kv_store.v);
}

static ac_status fill_attention(const place *at, ac_cpu_job *job) {
    const ac_op_attention *op = &at->op->attention;
    ac_cpu_attention *j = &job->attention;
    AC_TRY(all_rows(at));
    AC_TRY(heads_of(at, op->heads, op->head_dim));
    AC_TRY(cache(at, op->layer, op->kv_heads, op->head_dim, &j->kv));
    if (op->heads % op->kv_heads) return refuse(at, "%u heads on %u KV heads", op->heads, op->kv_heads);
    if ((uint64_t)op->heads * at->prog->plan->max_rows > INT32_MAX)
        return refuse(at, "too many heads and rows");
    if (!(op->scale >= 0x1p-20f && op->scale <= 0x1p10f))
        return refuse(at, "scale is %g: want 2^-20 to 2^10", (double)op->scale);
    j->layer = op->layer, j->heads = op->heads, j->scale = op->scale;
    AC_TRY(floats(at, "q", op->q, (uint64_t)op->heads * op->head_dim, &j->q));
    return floats(at, "out", op->out, (uint64_t)op->heads * op->head_dim, &j->out);
}

static ac_status fill_glu(const place *at, ac_cpu_job *job) {
    const ac_op_glu *op = &at->op->glu;
    AC_TRY(length(at, op->n));
    job->glu.n = op->n;
    AC_TRY(floats(at, "gate", op->gate, op->n, &job->glu.gate));
    AC_TRY(floats(at, "up", op->up, op->n, &job->glu.up));
    return floats(at, "out", op->out, op->n, &job->glu.out);
}

static ac_status fill_gather(const place *at, ac_cpu_job *job) {
    const ac_op_gather *op = &at->op->gather;
    AC_TRY(length(at, op->n));
    if (at->op->rows != AC_ROWS_OUT) return refuse(at, "runs over the outputs only");
    job->gather.n = op->n;
    AC_TRY(rows_in(at, "x", op->x, op->n * sizeof(float), AC_ROWS_ALL, &job->gather.x));
    if (op->x == op->out) return refuse(at, "cannot work in place");
    return floats(at, "out", op->out, op->n, &job->gather.out);
}

static ac_status fill_argmax(const place *at, ac_cpu_job *job) {
    const ac_op_argmax *op = &at->op->argmax;
    AC_TRY(length(at, op->n));
    job->argmax.n = op->n;
    AC_TRY(floats(at, "x", op->x, op->n, &job->argmax.x));
    if (op->x == op->out) return refuse(at, "cannot work in place");
    return floats(at, "out", op->out, 1, &job->argmax.out);
}

static ac_status (*const fills[AC_OP_COUNT])(const place *, ac_cpu_job *) = {
#define OP(name, text) [AC_OP_##name] = fill_##name,
#include <anychip/ops.def>
#undef OP
};

/* The weight whose type chooses the kernel. */
static ac_type type_of(const ac_cpu_job *job) {
    return job->kind == AC_OP_matmul  ? job->matmul.w.type
           : job->kind == AC_OP_embed ? job->embed.w.type
                                      : AC_TYPE_F32;
}

ac_status ac__cpu_job_fill(ac_prog *prog, uint32_t index, ac_error *err) {
    const ac_op *op = &prog->plan->ops[index];
    ac_cpu_job *job = &prog->jobs[index];
    if ((unsigned)op->kind >= AC_OP_COUNT)
        return ac_fail(err, AC_ERR_ARGUMENT, "plan: operation %u: kind %d is not known", index,
                       (int)op->kind);
    place at = {prog, op, index, err};
    if (op->rows != AC_ROWS_ALL && op->rows != AC_ROWS_OUT)
        return refuse(&at, "rows %d is not known", (int)op->rows);
    job->kind = op->kind;
    job->domain = op->rows;
    job->rows = job->max_rows = op->rows == AC_ROWS_OUT ? prog->plan->max_out : prog->plan->max_rows;
    job->max_pages = prog->plan->max_pages;
    job->run = &prog->now;
    AC_TRY(fills[op->kind](&at, job));
    AC_TRY(no_overlap(&at));
    job->slot = ac__cpu_slot(&prog->dev->table, op, type_of(job));
    return AC_OK;
}
