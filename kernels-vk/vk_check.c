/* vk_check.c - what a plan must be before it becomes steps: buffers inside the arena, operations inside
 * docs/numerics.md's limits. */
#include "vk_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_N = 1 << 24, MAX_HEAD_DIM = 4096, MAX_ROWS = 65535 };

typedef struct place {
    const ac_prog *p;
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

static ac_status rows_of(const place *at, uint32_t buf, uint64_t bytes, ac_rows domain) {
    const ac_plan *plan = at->p->plan;
    if (buf >= plan->n_bufs) return refuse(at, "buffer %u of %u", buf, plan->n_bufs);
    const ac_plan_buf *b = &plan->bufs[buf];
    uint32_t rows = domain == AC_ROWS_OUT ? plan->max_out : plan->max_rows;
    if (b->row_bytes >= bytes && b->rows >= rows) return AC_OK;
    return refuse(at, "%s: want %u rows of %llu bytes, it has %u of %llu", b->name ? b->name : "?", rows,
                  (unsigned long long)bytes, b->rows, (unsigned long long)b->row_bytes);
}

static ac_status floats(const place *at, uint32_t buf, uint64_t n) {
    return rows_of(at, buf, n * 4, at->op->rows);
}

static ac_status length(const place *at, uint32_t n) {
    return n >= 1 && n <= MAX_N ? AC_OK : refuse(at, "n is %u: want 1 to %d", n, MAX_N);
}

static ac_status all_rows(const place *at) {
    return at->op->rows == AC_ROWS_ALL ? AC_OK : refuse(at, "runs over all rows only");
}

/* A weight [rows, cols]; rows 0: any. */
static ac_status weight(const place *at, uint32_t index, uint64_t rows, uint64_t cols, bool f32) {
    const ac_plan *plan = at->p->plan;
    if (index >= plan->n_weights) return refuse(at, "weight %u of %u", index, plan->n_weights);
    const ac_weight *w = &plan->weights[index];
    if (w->cols == cols && (!rows || w->rows == rows) && (!f32 || w->type == AC_TYPE_F32)) return AC_OK;
    return refuse(at, "%s: want %s[%llu, %llu], it is %s [%llu, %llu]", w->name ? w->name : "weight",
                  f32 ? "f32 " : "", (unsigned long long)(rows ? rows : w->rows), (unsigned long long)cols,
                  ac_type_describe(w->type)->name, (unsigned long long)w->rows, (unsigned long long)w->cols);
}

static ac_status heads_of(const place *at, uint32_t heads, uint32_t head_dim) {
    if (heads >= 1 && head_dim >= 1 && head_dim <= MAX_HEAD_DIM && (uint64_t)heads * head_dim <= MAX_N)
        return AC_OK;
    return refuse(at, "%u heads of %u: want heads of 1 to %d, at most %d together", heads, head_dim,
                  MAX_HEAD_DIM, MAX_N);
}

static ac_status cache(const place *at, uint32_t layer, uint32_t kv_heads, uint32_t head_dim) {
    const ac_kv_mem *kv = at->p->kv;
    if (!kv) return refuse(at, "there is no cache");
    if (layer < kv->layers && kv_heads == kv->kv_heads && head_dim == kv->head_dim) return AC_OK;
    return refuse(at, "layer %u, %u heads of %u: the cache has %u layers, %u heads of %u", layer, kv_heads,
                  head_dim, kv->layers, kv->kv_heads, kv->head_dim);
}

static uint32_t bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* ---- One function per operation ---- */

static ac_status check_embed(const place *at) {
    const ac_op_embed *op = &at->op->embed;
    AC_TRY(all_rows(at));
    if (op->w >= at->p->plan->n_weights) return refuse(at, "weight %u of %u", op->w, at->p->plan->n_weights);
    uint64_t n = at->p->plan->weights[op->w].cols;
    AC_TRY(length(at, n <= MAX_N ? (uint32_t)n : 0));
    return floats(at, op->out, n);
}

static ac_status check_rms_norm(const place *at) {
    const ac_op_rms_norm *op = &at->op->rms_norm;
    AC_TRY(length(at, op->n));
    if (op->groups < 1 || (uint64_t)op->groups * op->n > MAX_N)
        return refuse(at, "%u groups of %u: too many", op->groups, op->n);
    uint32_t eps = bits(op->eps);
    if (eps && (eps < 0x26800000u || eps > 0x58800000u))
        return refuse(at, "eps is %g: want 0 or 2^-50 to 2^50", (double)op->eps);
    if (op->inv_n != 1.0f / (float)op->n)
        return refuse(at, "inv_n is %g: want 1 / %u", (double)op->inv_n, op->n);
    uint64_t n = (uint64_t)op->groups * op->n;
    AC_TRY(weight(at, op->w, 1, op->n, true));
    AC_TRY(floats(at, op->x, n));
    return floats(at, op->out, n);
}

static ac_status check_quantize(const place *at) {
    const ac_op_quantize *op = &at->op->quantize;
    static const uint32_t multiple[AC_FORM_COUNT] = {1, 32, 256};
    AC_TRY(length(at, op->n));
    if ((unsigned)op->form >= AC_FORM_COUNT) return refuse(at, "form %d is not known", (int)op->form);
    if (op->n % multiple[op->form])
        return refuse(at, "n is %u: want a multiple of %u", op->n, multiple[op->form]);
    if (op->x == op->out) return refuse(at, "cannot work in place");
    AC_TRY(floats(at, op->x, op->n));
    return rows_of(at, op->out, ac_act_layout_of(op->form, op->n).row_bytes, at->op->rows);
}

static ac_status check_matmul(const place *at) {
    const ac_op_matmul *op = &at->op->matmul;
    AC_TRY(length(at, op->n));
    if (op->x == op->out) return refuse(at, "cannot work in place");
    if (op->m < 1 || op->m > INT32_MAX) return refuse(at, "m is %u", op->m);
    AC_TRY(weight(at, op->w, op->m, op->n, false));
    ac_form form = ac_type_describe(at->p->plan->weights[op->w].type)->form;
    AC_TRY(rows_of(at, op->x, ac_act_layout_of(form, op->n).row_bytes, at->op->rows));
    return floats(at, op->out, op->m);
}

static ac_status check_add(const place *at) {
    const ac_op_add *op = &at->op->add;
    AC_TRY(length(at, op->n));
    AC_TRY(floats(at, op->a, op->n));
    if (op->bias == AC_NONE)
        AC_TRY(floats(at, op->b, op->n));
    else
        AC_TRY(weight(at, op->bias, 1, op->n, true));
    return floats(at, op->out, op->n);
}

static ac_status check_rope(const place *at) {
    const ac_op_rope *op = &at->op->rope;
    const ac_plan *plan = at->p->plan;
    AC_TRY(all_rows(at));
    AC_TRY(heads_of(at, op->heads, op->head_dim));
    if (op->rot < 2 || op->rot % 2 || op->rot > op->head_dim)
        return refuse(at, "rot is %u: want even, 2 to %u", op->rot, op->head_dim);
    if (op->table >= plan->n_consts || plan->consts[op->table].bytes < op->rot * 4u)
        return refuse(at, "constant %u of %u", op->table, plan->n_consts);
    return floats(at, op->x, (uint64_t)op->heads * op->head_dim);
}

static ac_status check_kv_store(const place *at) {
    const ac_op_kv_store *op = &at->op->kv_store;
    AC_TRY(all_rows(at));
    AC_TRY(heads_of(at, op->kv_heads, op->head_dim));
    AC_TRY(cache(at, op->layer, op->kv_heads, op->head_dim));
    AC_TRY(floats(at, op->k, (uint64_t)op->kv_heads * op->head_dim));
    return floats(at, op->v, (uint64_t)op->kv_heads * op->head_dim);
}

static ac_status check_attention(const place *at) {
    const ac_op_attention *op = &at->op->attention;
    AC_TRY(all_rows(at));
    AC_TRY(heads_of(at, op->heads, op->head_dim));
    AC_TRY(cache(at, op->layer, op->kv_heads, op->head_dim));
    if (op->heads % op->kv_heads || op->heads > 65535)
        return refuse(at, "%u heads on %u KV heads", op->heads, op->kv_heads);
    if (op->q == op->out) return refuse(at, "cannot work in place");
    if (!(op->scale >= 0x1p-20f && op->scale <= 0x1p10f))
        return refuse(at, "scale is %g: want 2^-20 to 2^10", (double)op->scale);
    AC_TRY(floats(at, op->q, (uint64_t)op->heads * op->head_dim));
    return floats(at, op->out, (uint64_t)op->heads * op->head_dim);
}

static ac_status check_glu(const place *at) {
    const ac_op_glu *op = &at->op->glu;
    AC_TRY(length(at, op->n));
    AC_TRY(floats(at, op->gate, op->n));
    AC_TRY(floats(at, op->up, op->n));
    return floats(at, op->out, op->n);
}

static ac_status check_gather(const place *at) {
    const ac_op_gather *op = &at->op->gather;
    AC_TRY(length(at, op->n));
    if (at->op->rows != AC_ROWS_OUT) return refuse(at, "runs over the outputs only");
    if (op->x == op->out) return refuse(at, "cannot work in place");
    AC_TRY(rows_of(at, op->x, op->n * 4ull, AC_ROWS_ALL));
    return floats(at, op->out, op->n);
}

static ac_status check_argmax(const place *at) {
    const ac_op_argmax *op = &at->op->argmax;
    AC_TRY(length(at, op->n));
    if (op->x == op->out) return refuse(at, "cannot work in place");
    AC_TRY(floats(at, op->x, op->n));
    return floats(at, op->out, 1);
}

static ac_status (*const checks[AC_OP_COUNT])(const place *) = {
#define OP(name, text) [AC_OP_##name] = check_##name,
#include <anychip/ops.def>
#undef OP
};

/* A buffer that is written must not lie over another one that is read; the same buffer may be both. */
static ac_status no_overlap(const place *at) {
    const ac_plan *plan = at->p->plan;
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

static ac_status check_bufs(const ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    for (uint32_t i = 0; i < plan->n_bufs; i++) {
        const ac_plan_buf *b = &plan->bufs[i];
        const char *name = b->name ? b->name : "?";
        uint64_t bytes;
        if (b->offset % 256 || b->row_bytes % 4)
            return ac_fail(err, AC_ERR_ARGUMENT,
                           "plan: buffer %s: offset %llu, rows of %llu bytes: want multiples of 256 and 4",
                           name, (unsigned long long)b->offset, (unsigned long long)b->row_bytes);
        if (__builtin_mul_overflow(b->row_bytes, (uint64_t)b->rows, &bytes) || bytes > plan->arena_bytes ||
            b->offset > plan->arena_bytes - bytes)
            return ac_fail(err, AC_ERR_ARGUMENT, "plan: buffer %s does not lie in the arena of %llu bytes",
                           name, (unsigned long long)plan->arena_bytes);
        if (bytes > p->dev->caps.max_range)
            return ac_fail(err, AC_ERR_LIMIT,
                           "plan: buffer %s has %llu MiB, the device binds %llu; a smaller batch fits", name,
                           (unsigned long long)(bytes >> 20),
                           (unsigned long long)(p->dev->caps.max_range >> 20));
    }
    return AC_OK;
}

ac_status vk_check(const ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    if (plan->max_rows < 1 || plan->max_rows > MAX_ROWS || plan->max_out > plan->max_rows)
        return ac_fail(err, AC_ERR_ARGUMENT,
                       "plan: at most %u rows and %u outputs: want 1 to %d rows, no more outputs",
                       plan->max_rows, plan->max_out, MAX_ROWS);
    if ((uint64_t)plan->max_pages * AC_PAGE > INT32_MAX || plan->max_pages > p->dev->caps.max_groups[0])
        return ac_fail(err, AC_ERR_ARGUMENT, "plan: %u pages in a sequence are too many", plan->max_pages);
    if (plan->n_weights != (p->w ? p->w->n : 0))
        return ac_fail(err, AC_ERR_ARGUMENT, "plan: it has %u weights, %u were loaded", plan->n_weights,
                       p->w ? p->w->n : 0);
    AC_TRY(check_bufs(p, err));
    for (uint32_t i = 0; i < plan->n_ops; i++) {
        place at = {p, &plan->ops[i], i, err};
        if ((unsigned)at.op->kind >= AC_OP_COUNT)
            return ac_fail(err, AC_ERR_ARGUMENT, "plan: operation %u: kind %d is not known", i,
                           (int)at.op->kind);
        if (at.op->rows != AC_ROWS_ALL && at.op->rows != AC_ROWS_OUT)
            return refuse(&at, "rows %d is not known", (int)at.op->rows);
        AC_TRY(checks[at.op->kind](&at));
        AC_TRY(no_overlap(&at));
    }
    return AC_OK;
}

/* ---- A run ---- */

static ac_status in_range(const char *name, const int32_t *list, uint32_t n, uint64_t end, ac_error *err) {
    if (n && !list) return ac_fail(err, AC_ERR_ARGUMENT, "run: %s is missing", name);
    for (uint32_t i = 0; i < n; i++)
        if (list[i] < 0 || (uint64_t)list[i] >= end)
            return ac_fail(err, AC_ERR_ARGUMENT, "run: %s[%u] is %d: want 0 to %lld", name, i, (int)list[i],
                           (long long)end - 1);
    return AC_OK;
}

static ac_status check_pages(const ac_prog *p, const ac_run *run, ac_error *err) {
    const ac_plan *plan = p->plan;
    if (run->n_pages_used > plan->max_pages)
        return ac_fail(err, AC_ERR_ARGUMENT, "run: n_pages_used is %u: want at most %u", run->n_pages_used,
                       plan->max_pages);
    AC_TRY(in_range("pos", run->pos, run->n_rows, (uint64_t)run->n_pages_used * AC_PAGE, err));
    AC_TRY(in_range("seq", run->seq, run->n_rows, plan->max_seqs, err));
    if (!run->pages) return ac_fail(err, AC_ERR_ARGUMENT, "run: pages is missing");
    for (uint32_t r = 0; r < run->n_rows; r++)
        AC_TRY(in_range("pages of a sequence", run->pages + (size_t)run->seq[r] * plan->max_pages,
                        (uint32_t)run->pos[r] / AC_PAGE + 1, p->kv->pages, err));
    return AC_OK;
}

ac_status vk_check_run(const ac_prog *p, const ac_run *run, ac_error *err) {
    const ac_plan *plan = p->plan;
    if (run->n_rows > plan->max_rows || run->n_out > plan->max_out)
        return ac_fail(err, AC_ERR_ARGUMENT, "run: %u rows and %u outputs: want at most %u and %u",
                       run->n_rows, run->n_out, plan->max_rows, plan->max_out);
    if (p->limit.token != UINT64_MAX) AC_TRY(in_range("token", run->token, run->n_rows, p->limit.token, err));
    if (p->limit.pos != UINT64_MAX) AC_TRY(in_range("pos", run->pos, run->n_rows, p->limit.pos, err));
    if (p->limit.stores)
        AC_TRY(in_range("slot", run->slot, run->n_rows, (uint64_t)p->kv->pages * AC_PAGE, err));
    if (p->limit.gathers) AC_TRY(in_range("out_row", run->out_row, run->n_out, run->n_rows, err));
    return p->limit.attends && run->n_rows ? check_pages(p, run, err) : AC_OK;
}
