/* cl_attention.c - launches of attention: pages, then their merge, over slices of rows that fit the buffer of partial results. */
#include "cl_plan.h"

#include <stdio.h>

enum { MOST_PARTS = 64 << 20 };

/* The buffer of partial results is shared by all attention operations: they run one after the other. */
static ac_status make_parts(ac_prog *p, const ac_op_attention *o, uint32_t *slice, ac_error *err) {
    uint64_t row = (uint64_t)o->heads * p->plan->max_pages * (o->head_dim + 2) * sizeof(float);
    uint64_t most = p->dev->caps.max_alloc < MOST_PARTS ? p->dev->caps.max_alloc : MOST_PARTS;
    uint64_t rows = most / row < p->plan->max_rows ? most / row : p->plan->max_rows;
    if (rows == 0) rows = 1;
    *slice = (uint32_t)rows;
    if (p->parts && p->parts_bytes >= rows * row) return AC_OK;
    if (p->parts) return ac_fail(err, AC_ERR_UNSUPPORTED, "attention: layers of different shapes in one plan");
    p->parts_bytes = rows * row;
    return ac__cl_buffer(p->dev, CL_MEM_READ_WRITE, p->parts_bytes, NULL, "attention", &p->parts, err);
}

static ac_status lower_page(ac_prog *p, uint32_t op, const char *options, uint32_t slice, ac_error *err) {
    const ac_op_attention *o = &p->plan->ops[op].attention;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_KV, options, "attention_page", op, &a, &l, err));
    l->n_dims = 3;
    l->dim[0] = (ac_cl_dim){AC_CL_PAGES, 1, p->dev->tuning.row_group};
    l->dim[1] = (ac_cl_dim){AC_CL_FIXED, o->heads, 1};
    l->dim[2] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
    l->slice = slice;
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.pos);
    ac__cl_arg_u32(&a, p->in.seq);
    ac__cl_arg_u32(&a, p->in.pages);
    ac__cl_arg_u32(&a, p->plan->max_pages);
    ac__cl_arg_mem(&a, p->kv->layers[o->layer]);
    ac__cl_arg_u32(&a, o->heads);
    ac__cl_arg_u32(&a, o->kv_heads);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->q);
    ac__cl_arg_mem(&a, p->parts);
    ac__cl_arg_u32(&a, p->plan->max_pages);
    ac__cl_arg_f32(&a, o->scale);
    return ac__cl_launch_done(p, &a, op, err);
}

static ac_status lower_merge(ac_prog *p, uint32_t op, const char *options, ac_error *err) {
    const ac_op_attention *o = &p->plan->ops[op].attention;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_KV, options, "attention_merge", op, &a, &l, err));
    l->n_dims = 3;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, 1, p->dev->tuning.row_group};
    l->dim[1] = (ac_cl_dim){AC_CL_FIXED, o->heads, 1};
    l->dim[2] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.pos);
    ac__cl_arg_u32(&a, o->heads);
    ac__cl_arg_mem(&a, p->parts);
    ac__cl_arg_u32(&a, p->plan->max_pages);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->out);
    return ac__cl_launch_done(p, &a, op, err);
}

ac_status ac__cl_lower_attention(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op_attention *o = &p->plan->ops[op].attention;
    char options[64];
    uint32_t slice;
    if (!p->kv || o->layer >= p->kv->n_layers) return ac_fail(err, AC_ERR_ARGUMENT, "attention: no cache for layer %u", o->layer);
    snprintf(options, sizeof options, "-DHEAD_DIM=%u", o->head_dim);
    AC_TRY(make_parts(p, o, &slice, err));
    AC_TRY(lower_page(p, op, options, slice, err));
    return lower_merge(p, op, options, err);
}
