/* cl_fuse.c - operations of a plan that one launch can do. Every operation's result is still written, so that
 * only the order of writes changes: a pattern fits when no result lands on what other work-groups of the
 * launch still read. */
#include "cl_plan.h"

#include <stdio.h>

static uint32_t div_up(uint32_t n, uint32_t by) {
    return (n + by - 1) / by;
}

/* ---- Looking
 * ----------------------------------------------------------------------------------------------------- */

static const ac_op *op_at(const ac_prog *p, uint32_t op, uint32_t ahead, ac_op_kind kind) {
    if (ahead >= p->plan->n_ops - op) return NULL;
    const ac_op *o = &p->plan->ops[op + ahead];
    return o->kind == kind && o->rows == p->plan->ops[op].rows ? o : NULL;
}

/* Whether two different buffers share bytes. */
static bool overlap(const ac_prog *p, uint32_t a, uint32_t b) {
    if (a == b) return false;
    const ac_plan_buf *x = &p->plan->bufs[a], *y = &p->plan->bufs[b];
    return x->offset < y->offset + y->row_bytes * y->rows && y->offset < x->offset + x->row_bytes * x->rows;
}

/* Whether `out` is apart from all of `reads`, AC_NONE at the end. Equal buffers are apart: elements are read
 * by who writes them. */
static bool apart(const ac_prog *p, uint32_t out, const uint32_t *reads) {
    for (; *reads != AC_NONE; reads++)
        if (overlap(p, out, *reads)) return false;
    return true;
}
#define APART(p, out, ...) apart(p, out, (const uint32_t[]){__VA_ARGS__, AC_NONE})

/* ---- Rows
 * -------------------------------------------------------------------------------------------------------- */

static void arg_quantize(ac_cl_args *a, const ac_prog *p, const ac_op_quantize *q) {
    ac_act_layout lay = ac_act_layout_of(q->form, q->n);
    ac__cl_arg_buf(a, p, q->out);
    ac__cl_arg_u32(a, (uint32_t)lay.d);
    ac__cl_arg_u32(a, (uint32_t)lay.f);
    ac__cl_arg_u32(a, (uint32_t)lay.s);
}

/* [add,] rms_norm, quantize */
static ac_status norm_quantize(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    const ac_op *sum = op_at(p, op, 0, AC_OP_add);
    uint32_t at = sum ? 1 : 0;
    const ac_op *norm = op_at(p, op, at, AC_OP_rms_norm), *next = op_at(p, op, at + 1, AC_OP_quantize);
    if (!norm || !next || norm->rms_norm.groups != 1) return AC_OK;
    const ac_op_rms_norm *o = &norm->rms_norm;
    const ac_op_quantize *q = &next->quantize;
    if (q->x != o->out || q->n != o->n || q->n % 32 || !APART(p, q->out, o->x)) return AC_OK;
    if (sum) {
        const ac_op_add *s = &sum->add;
        if (s->bias != AC_NONE || s->out != o->x || s->n != o->n || !APART(p, o->out, s->a, s->b) ||
            !APART(p, q->out, s->a, s->b))
            return AC_OK;
    }
    char options[32];
    ac_cl_args a;
    ac_cl_launch *l;
    snprintf(options, sizeof options, "-DFORM=%d", (int)q->form);
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, options, "norm_quantize", op, &a, &l, err));
    l->n_dims = 2;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, 1, p->dev->tuning.row_group};
    l->dim[1] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
    ac__cl_arg_vector(&a, p, o->w);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->x);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    ac__cl_arg_f32(&a, o->eps);
    ac__cl_arg_f32(&a, o->inv_n);
    arg_quantize(&a, p, q);
    for (int i = 0; i < 2; i++) {
        if (sum)
            ac__cl_arg_buf(&a, p, i ? sum->add.b : sum->add.a);
        else
            ac__cl_arg_u64(&a, 0), ac__cl_arg_u32(&a, 0);
    }
    *covered = at + 2;
    return ac__cl_launch_done(p, &a, op, err);
}

/* glu, quantize */
static ac_status glu_quantize(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    const ac_op *first = op_at(p, op, 0, AC_OP_glu), *next = op_at(p, op, 1, AC_OP_quantize);
    if (!first || !next) return AC_OK;
    const ac_op_glu *o = &first->glu;
    const ac_op_quantize *q = &next->quantize;
    if (q->x != o->out || q->n != o->n || q->n % 32 || !APART(p, q->out, o->gate, o->up)) return AC_OK;
    char options[32];
    ac_cl_args a;
    ac_cl_launch *l;
    uint32_t group = p->dev->tuning.row_group, span = group < 8 ? 8 : group > 32 ? 32 : group;
    snprintf(options, sizeof options, "-DFORM=%d", (int)q->form);
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, options, "glu_quantize", op, &a, &l, err));
    l->n_dims = 2;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, div_up(q->n / 32, span), group};
    l->dim[1] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->gate);
    ac__cl_arg_buf(&a, p, o->up);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    arg_quantize(&a, p, q);
    *covered = 2;
    return ac__cl_launch_done(p, &a, op, err);
}

/* ---- Cache
 * ------------------------------------------------------------------------------------------------------- */

/* The norm of all heads of `x` in place. */
static bool head_norm(const ac_op *o, uint32_t x, uint32_t heads, uint32_t dim) {
    return o && o->rms_norm.x == x && o->rms_norm.out == x && o->rms_norm.groups == heads &&
           o->rms_norm.n == dim;
}

static ac_status rope_store_args(ac_prog *p, uint32_t op, const ac_op_rope *q, const ac_op_kv_store *kv,
                                 const ac_op *nq, const ac_op *nk, ac_error *err) {
    char options[64];
    ac_cl_args a;
    ac_cl_launch *l;
    snprintf(options, sizeof options, "-DHEAD_DIM=%u%s", kv->head_dim, nq ? " -DNORMS" : "");
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_KV, options, "rope_store", op, &a, &l, err));
    l->n_dims = 2;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, kv->kv_heads, p->dev->tuning.row_group};
    l->dim[1] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.pos);
    ac__cl_arg_u32(&a, p->in.slot);
    ac__cl_arg_mem(&a, p->consts[q->table]);
    ac__cl_arg_u32(&a, q->rot);
    ac__cl_arg_u32(&a, q->halves);
    ac__cl_arg_mem(&a, p->kv->layers[kv->layer]);
    ac__cl_arg_u32(&a, q->heads);
    ac__cl_arg_u32(&a, kv->kv_heads);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, q->x);
    ac__cl_arg_buf(&a, p, kv->k);
    ac__cl_arg_buf(&a, p, kv->v);
    for (int i = 0; i < 2; i++) {
        const ac_op *norm = i ? nk : nq;
        if (norm)
            ac__cl_arg_vector(&a, p, norm->rms_norm.w);
        else
            ac__cl_arg_mem(&a, p->arena), ac__cl_arg_u64(&a, 0); /* not used */
    }
    ac__cl_arg_f32(&a, nq ? nq->rms_norm.eps : 0.0f);
    ac__cl_arg_f32(&a, nq ? nq->rms_norm.inv_n : 0.0f);
    return ac__cl_launch_done(p, &a, op, err);
}

/* [rms_norm of q's heads, rms_norm of k's,] rope q, rope k, kv_store */
static ac_status rope_store(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    const ac_op *nq = op_at(p, op, 0, AC_OP_rms_norm), *nk = nq ? op_at(p, op, 1, AC_OP_rms_norm) : NULL;
    uint32_t at = nq ? 2 : 0;
    const ac_op *first = op_at(p, op, at, AC_OP_rope), *second = op_at(p, op, at + 1, AC_OP_rope),
                *store = op_at(p, op, at + 2, AC_OP_kv_store);
    if (!first || !second || !store || !p->kv || store->kv_store.layer >= p->kv->n_layers) return AC_OK;
    const ac_op_rope *q = &first->rope, *k = &second->rope;
    const ac_op_kv_store *kv = &store->kv_store;
    bool fits = k->x == kv->k && q->x != k->x && q->table == k->table && q->rot == k->rot &&
                q->halves == k->halves && q->head_dim == kv->head_dim && k->head_dim == kv->head_dim &&
                k->heads == kv->kv_heads && q->heads % k->heads == 0;
    if (nq)
        fits = fits && head_norm(nq, q->x, q->heads, q->head_dim) &&
               head_norm(nk, k->x, k->heads, k->head_dim) && nq->rms_norm.eps == nk->rms_norm.eps &&
               nq->rms_norm.inv_n == nk->rms_norm.inv_n;
    if (!fits || overlap(p, q->x, kv->k) || overlap(p, q->x, kv->v) || overlap(p, kv->k, kv->v)) return AC_OK;
    *covered = at + 3;
    return rope_store_args(p, op, q, kv, nq, nk, err);
}

/* attention, quantize */
static ac_status attention_quantize(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    const ac_op *first = op_at(p, op, 0, AC_OP_attention), *next = op_at(p, op, 1, AC_OP_quantize);
    if (!first || !next) return AC_OK;
    const ac_op_attention *o = &first->attention;
    const ac_op_quantize *q = &next->quantize;
    if (q->x != o->out || q->n != o->heads * o->head_dim || q->n % 256 || !APART(p, q->out, o->q))
        return AC_OK;
    *covered = 2;
    return ac__cl_lower_attention_with(p, op, q, err);
}

/* ---- Products
 * ---------------------------------------------------------------------------------------------------- */

static const ac_cl_tensor *tensor_of(const ac_prog *p, const ac_op *op) {
    return &p->weights->tensors[op->matmul.w];
}

/* A product that can share a launch: its weight in one piece. */
static const ac_op *product_at(const ac_prog *p, uint32_t op, uint32_t ahead) {
    const ac_op *o = op_at(p, op, ahead, AC_OP_matmul);
    return o && tensor_of(p, o)->n_segments == 1 ? o : NULL;
}

/* Whether two products have the same x and kind of weight. */
static bool alike(const ac_prog *p, const ac_op *a, const ac_op *b) {
    const ac_cl_tensor *s = tensor_of(p, a), *t = tensor_of(p, b);
    return a->matmul.x == b->matmul.x && a->matmul.n == b->matmul.n && s->type == t->type &&
           s->planar == t->planar;
}

/* Starts the launch of `kernel` for runs of `from` <= rows < `to` with the arguments of matmul_group. */
static ac_status group_launch(ac_prog *p, uint32_t op, const char *kernel, uint32_t from, uint32_t to,
                              ac_cl_args *a, ac_cl_launch **l, ac_error *err) {
    return ac__cl_matmul_launch(p, op, &tensor_of(p, &p->plan->ops[op])->segments[0], kernel, from, to, a, l,
                                err);
}

static ac_status product_add(ac_prog *p, uint32_t op, uint32_t from, uint32_t to, ac_error *err) {
    const ac_op_add *s = &p->plan->ops[op + 1].add;
    const ac_op_matmul *o = &p->plan->ops[op].matmul;
    bool bias = s->bias != AC_NONE;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(group_launch(p, op, bias ? "matmul_group_bias" : "matmul_group_add", from, to, &a, &l, err));
    if (bias)
        ac__cl_arg_vector(&a, p, s->bias);
    else
        ac__cl_arg_buf(&a, p, s->a == o->out ? s->b : s->a);
    ac__cl_arg_buf(&a, p, s->out);
    return ac__cl_launch_done(p, &a, op, err);
}

static uint32_t match_product_add(const ac_prog *p, uint32_t op) {
    const ac_op *first = product_at(p, op, 0), *next = op_at(p, op, 1, AC_OP_add);
    if (!first || !next) return 0;
    const ac_op_matmul *o = &first->matmul;
    const ac_op_add *s = &next->add;
    if (s->n != o->m || !APART(p, s->out, o->x) || s->out == o->x) return 0;
    if (s->bias != AC_NONE) return s->a == o->out ? 2 : 0;
    bool first_is_sum = s->a == o->out && s->b != o->out;
    /* the kernel adds a + out; out + b has the same bits */
    return (first_is_sum || s->b == o->out) && s->a != s->b && APART(p, s->out, s->a, s->b) ? 2 : 0;
}

static ac_status product_glu(ac_prog *p, uint32_t op, uint32_t from, uint32_t to, ac_error *err) {
    const ac_op *up = &p->plan->ops[op + 1];
    const ac_op_glu *g = &p->plan->ops[op + 2].glu;
    const ac_cl_segment *s = &tensor_of(p, up)->segments[0];
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(group_launch(p, op, "matmul_group_glu", from, to, &a, &l, err));
    ac__cl_arg_mem(&a, s->mem);
    ac__cl_arg_u64(&a, s->at);
    ac__cl_arg_buf(&a, p, up->matmul.out);
    ac__cl_arg_buf(&a, p, g->out);
    return ac__cl_launch_done(p, &a, op, err);
}

static uint32_t match_product_glu(const ac_prog *p, uint32_t op) {
    const ac_op *gate = product_at(p, op, 0), *up = product_at(p, op, 1), *next = op_at(p, op, 2, AC_OP_glu);
    if (!gate || !up || !next || !alike(p, gate, up) || gate->matmul.m != up->matmul.m) return 0;
    const ac_op_glu *g = &next->glu;
    bool fits = g->gate == gate->matmul.out && g->up == up->matmul.out && g->gate != g->up &&
                g->n == gate->matmul.m && g->out != gate->matmul.x;
    return fits && APART(p, g->out, gate->matmul.x, g->gate, g->up) ? 3 : 0;
}

static ac_status product_3(ac_prog *p, uint32_t op, uint32_t from, uint32_t to, ac_error *err) {
    ac_cl_args a;
    ac_cl_launch *l;
    uint32_t groups;
    bool by_group = p->dev->tuning.use_group;
    AC_TRY(group_launch(p, op, by_group ? "matmul_group_3" : "matmul_item_3", from, to, &a, &l, err));
    groups = l->dim[0].n;
    for (uint32_t i = 1; i < 3; i++) {
        const ac_op *o = i < p->covering ? &p->plan->ops[op + i] : NULL;
        const ac_op *any = o ? o : &p->plan->ops[op];
        const ac_cl_segment *s = &tensor_of(p, any)->segments[0];
        ac__cl_arg_u32(&a, !o ? AC_NONE : by_group ? groups : groups * l->dim[0].local);
        ac__cl_arg_mem(&a, s->mem);
        ac__cl_arg_u64(&a, s->at);
        ac__cl_arg_u32(&a, s->rows);
        ac__cl_arg_buf(&a, p, any->matmul.out);
        if (o) groups += div_up(s->rows, l->group_rows);
    }
    l->dim[0].n = groups;
    return ac__cl_launch_done(p, &a, op, err);
}

static uint32_t match_product_3(const ac_prog *p, uint32_t op) {
    const ac_op *a = product_at(p, op, 0), *b = product_at(p, op, 1), *c = product_at(p, op, 2);
    if (!a || !b || !alike(p, a, b) || a->matmul.out == b->matmul.out ||
        overlap(p, a->matmul.out, b->matmul.out))
        return 0;
    uint32_t x = a->matmul.x;
    if (!APART(p, b->matmul.out, x) || b->matmul.out == x) return 0;
    if (!c || !alike(p, a, c) || c->matmul.out == x ||
        !APART(p, c->matmul.out, x, a->matmul.out, b->matmul.out))
        return 2;
    return c->matmul.out != a->matmul.out && c->matmul.out != b->matmul.out ? 3 : 2;
}

static const struct {
    uint32_t (*match)(const ac_prog *p, uint32_t op);
    ac_status (*make)(ac_prog *p, uint32_t op, uint32_t from, uint32_t to, ac_error *err);
    bool by_items; /* or by work-groups only */
} products[] = {{match_product_add, product_add, false},
                {match_product_glu, product_glu, false},
                {match_product_3, product_3, true}};

/* Products of few rows share a launch; larger runs have the operations one by one. */
static ac_status fuse_products(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    uint32_t most = p->plan->ops[op].rows == AC_ROWS_OUT ? p->plan->max_out : p->plan->max_rows;
    bool by_group = p->dev->tuning.use_group;
    uint32_t n = 0, end = ac__cl_fused_end(p->dev, &p->weights->tensors[p->plan->ops[op].matmul.w]);
    for (size_t i = 0; i < sizeof products / sizeof *products && n == 0; i++) {
        n = by_group || products[i].by_items ? products[i].match(p, op) : 0;
        if (n == 0) continue;
        p->covering = n;
        AC_TRY(products[i].make(p, op, 1, by_group ? 2 : end, err));
        if (by_group && most >= 2 && end > 2) AC_TRY(products[i].make(p, op, 2, end, err));
    }
    if (n == 0) return AC_OK;
    *covered = n;
    p->rows_from = end;
    ac_status status = AC_OK;
    for (uint32_t i = 0; i < n && status == AC_OK && most >= end; i++)
        status = ac__cl_lower_one(p, op + i, err);
    p->rows_from = 0;
    return status;
}

/* ---- All
 * ---------------------------------------------------------------------------------------------------------
 */

ac_status ac__cl_fuse(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    ac_op_kind kind = p->plan->ops[op].kind;
    *covered = 0;
    if (!p->dev->features.fuse) return AC_OK;
    if (kind == AC_OP_matmul) return fuse_products(p, op, covered, err);
    if (kind == AC_OP_glu) return glu_quantize(p, op, covered, err);
    if (kind == AC_OP_attention) return attention_quantize(p, op, covered, err);
    if (kind == AC_OP_add || kind == AC_OP_rms_norm) AC_TRY(norm_quantize(p, op, covered, err));
    if ((kind == AC_OP_rms_norm && *covered == 0) || kind == AC_OP_rope)
        return rope_store(p, op, covered, err);
    return AC_OK;
}
