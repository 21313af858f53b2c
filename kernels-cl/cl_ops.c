/* cl_ops.c - launches of each operation. */
#include "cl_plan.h"

#include <stdio.h>

static uint32_t div_up(uint32_t n, uint32_t by) {
    return (n + by - 1) / by;
}

/* Work-groups of item_group items along the elements of a row, rows along the second dimension. */
static void elements(const ac_prog *p, ac_cl_launch *l, uint32_t n) {
    uint32_t group = p->dev->tuning.item_group;
    l->n_dims = 2;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, div_up(n, group), group};
    l->dim[1] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
}

/* `groups` cooperating work-groups per row. */
static void groups(const ac_prog *p, ac_cl_launch *l, uint32_t n) {
    l->n_dims = 2;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, n, p->dev->tuning.row_group};
    l->dim[1] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
}

void ac__cl_arg_vector(ac_cl_args *a, const ac_prog *p, uint32_t weight) {
    const ac_cl_segment *s = &p->weights->tensors[weight].segments[0];
    ac__cl_arg_mem(a, s->mem);
    ac__cl_arg_u64(a, s->at);
}

static ac_status lower_embed(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_embed *o = &p->plan->ops[op].embed;
    const ac_cl_tensor *t = &p->weights->tensors[o->w];
    char options[192];
    ac_cl_unit unit = ac__cl_matmul_unit(p->dev, t, 1, "embed", options, sizeof options);
    for (uint32_t i = 0; i < t->n_segments; i++) {
        ac_cl_args a;
        ac_cl_launch *l;
        AC_TRY(ac__cl_launch_new(p, unit, options, "embed", op, &a, &l, err));
        elements(p, l, div_up(t->cols, 32));
        ac__cl_arg_mem(&a, t->segments[i].mem);
        ac__cl_arg_u64(&a, t->segments[i].at);
        ac__cl_arg_u32(&a, t->row_bytes);
        ac__cl_arg_u32(&a, t->segments[i].first);
        ac__cl_arg_u32(&a, t->segments[i].rows);
        ac__cl_arg_mem(&a, p->inputs);
        ac__cl_arg_u32(&a, p->in.token);
        ac__cl_arg_mem(&a, p->arena);
        ac__cl_arg_buf(&a, p, o->out);
        ac__cl_arg_u32(&a, t->cols);
        AC_TRY(ac__cl_launch_done(p, &a, op, err));
    }
    return AC_OK;
}

static ac_status lower_rms_norm(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_rms_norm *o = &p->plan->ops[op].rms_norm;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", "rms_norm", op, &a, &l, err));
    groups(p, l, o->groups);
    ac__cl_arg_vector(&a, p, o->w);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->x);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    ac__cl_arg_f32(&a, o->eps);
    ac__cl_arg_f32(&a, o->inv_n);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_quantize(ac_prog *p, uint32_t op, ac_error *err) {
    static const char *const kernels[AC_FORM_COUNT] = {"quantize_f32", "quantize_a32", "quantize_a256"};
    const ac_op_quantize *o = &p->plan->ops[op].quantize;
    ac_act_layout lay = ac_act_layout_of(o->form, o->n);
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", kernels[o->form], op, &a, &l, err));
    uint32_t tile = p->dev->tuning.row_group < 8 ? 8 : p->dev->tuning.row_group;
    bool spread = p->dev->tuning.use_group && p->dev->tuning.row_group >= 64; /* quantize.cl, SPREAD_ON */
    if (spread) tile = p->dev->tuning.row_group / 8;
    if (o->form == AC_FORM_A256 || (spread && o->form == AC_FORM_A32))
        groups(p, l, div_up(o->n / 32, tile));
    else
        elements(p, l, o->form == AC_FORM_A32 ? o->n / 32 : o->n);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->x);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    ac__cl_arg_u32(&a, (uint32_t)lay.d);
    ac__cl_arg_u32(&a, (uint32_t)lay.f);
    ac__cl_arg_u32(&a, (uint32_t)lay.s);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_add(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_add *o = &p->plan->ops[op].add;
    bool bias = o->bias != AC_NONE;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", bias ? "add_bias" : "add", op, &a, &l, err));
    elements(p, l, o->n);
    if (bias) ac__cl_arg_vector(&a, p, o->bias);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->a);
    if (!bias) ac__cl_arg_buf(&a, p, o->b);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_rope(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_rope *o = &p->plan->ops[op].rope;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", "rope", op, &a, &l, err));
    elements(p, l, o->heads * (o->head_dim - o->rot / 2));
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.pos);
    ac__cl_arg_mem(&a, p->consts[o->table]);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->x);
    ac__cl_arg_u32(&a, o->heads);
    ac__cl_arg_u32(&a, o->head_dim);
    ac__cl_arg_u32(&a, o->rot);
    ac__cl_arg_u32(&a, o->halves);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_kv_store(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_kv_store *o = &p->plan->ops[op].kv_store;
    char options[64];
    ac_cl_args a;
    ac_cl_launch *l;
    if (!p->kv || o->layer >= p->kv->n_layers)
        return ac_fail(err, AC_ERR_ARGUMENT, "kv_store: no cache for layer %u", o->layer);
    snprintf(options, sizeof options, "-DHEAD_DIM=%u", o->head_dim);
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_KV, options, "kv_store", op, &a, &l, err));
    groups(p, l, o->kv_heads);
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.slot);
    ac__cl_arg_mem(&a, p->kv->layers[o->layer]);
    ac__cl_arg_u32(&a, o->kv_heads);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->k);
    ac__cl_arg_buf(&a, p, o->v);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_glu(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_glu *o = &p->plan->ops[op].glu;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", "glu", op, &a, &l, err));
    elements(p, l, o->n);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->gate);
    ac__cl_arg_buf(&a, p, o->up);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_gather(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_gather *o = &p->plan->ops[op].gather;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", "gather", op, &a, &l, err));
    elements(p, l, o->n);
    l->rows = AC_ROWS_OUT;
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.out_row);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->x);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_argmax(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_argmax *o = &p->plan->ops[op].argmax;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_ROWS, "", "argmax", op, &a, &l, err));
    groups(p, l, 1);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->x);
    ac__cl_arg_buf(&a, p, o->out);
    ac__cl_arg_u32(&a, o->n);
    return ac__cl_launch_done(p, &a, op, err);
}

#define lower_matmul ac__cl_lower_matmul
#define lower_attention ac__cl_lower_attention

static ac_status (*const lower[AC_OP_COUNT])(ac_prog *, uint32_t, ac_error *) = {
#define OP(name, text) [AC_OP_##name] = lower_##name,
#include <anychip/ops.def>
#undef OP
};

ac_status ac__cl_lower_one(ac_prog *p, uint32_t op, ac_error *err) {
    ac_op_kind kind = p->plan->ops[op].kind;
    if ((unsigned)kind >= AC_OP_COUNT)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "OpenCL: operation %u", (unsigned)kind);
    return lower[kind](p, op, err);
}

ac_status ac__cl_lower(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err) {
    AC_TRY(ac__cl_fuse(p, op, covered, err));
    if (*covered) return AC_OK;
    *covered = 1;
    return ac__cl_lower_one(p, op, err);
}
