/* cl_attention.c - launches of attention: pages, then their merge, over slices of rows that fit the buffer of
 * partial results. */
#include "cl_plan.h"

#include <stdio.h>

enum { MOST_PARTS = 64 << 20 };

static uint32_t div_up(uint32_t n, uint32_t by) {
    return (n + by - 1) / by;
}

/* The buffer of partial results is shared by all attention operations: they run one after the other. */
static ac_status make_parts(ac_prog *p, const ac_op_attention *o, uint32_t *slice, ac_error *err) {
    uint64_t row = (uint64_t)o->heads * p->plan->max_pages * (o->head_dim + 2) * sizeof(float);
    uint64_t most = p->dev->caps.max_alloc < MOST_PARTS ? p->dev->caps.max_alloc : MOST_PARTS;
    uint64_t rows = most / row < p->plan->max_rows ? most / row : p->plan->max_rows;
    if (rows == 0) rows = 1;
    *slice = (uint32_t)rows;
    if (p->parts && p->parts_bytes >= rows * row) return AC_OK;
    if (p->parts)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "attention: layers of different shapes in one plan");
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

static ac_status lower_merge(ac_prog *p, uint32_t op, const char *options, const ac_op_quantize *q,
                             ac_error *err) {
    const ac_op_attention *o = &p->plan->ops[op].attention;
    const ac_cl_tuning *u = &p->dev->tuning;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_KV, options, q ? "merge_quantize" : "attention_merge", op, &a, &l,
                             err));
    uint32_t n = o->heads * o->head_dim;
    l->n_dims = 3;
    l->dim[0] = q ? (ac_cl_dim){AC_CL_FIXED, n / 256, u->row_group}
                  : (ac_cl_dim){AC_CL_FIXED, div_up(n, u->item_group), u->item_group};
    l->dim[1] = (ac_cl_dim){AC_CL_FIXED, 1, 1};
    l->dim[2] = (ac_cl_dim){AC_CL_ROWS, 1, 1};
    ac__cl_arg_mem(&a, p->inputs);
    ac__cl_arg_u32(&a, p->in.pos);
    ac__cl_arg_u32(&a, o->heads);
    ac__cl_arg_mem(&a, p->parts);
    ac__cl_arg_u32(&a, p->plan->max_pages);
    ac__cl_arg_mem(&a, p->arena);
    ac__cl_arg_buf(&a, p, o->out);
    if (q) {
        ac_act_layout lay = ac_act_layout_of(q->form, q->n);
        ac__cl_arg_buf(&a, p, q->out);
        ac__cl_arg_u32(&a, (uint32_t)lay.d);
        ac__cl_arg_u32(&a, (uint32_t)lay.f);
        ac__cl_arg_u32(&a, (uint32_t)lay.s);
    }
    return ac__cl_launch_done(p, &a, op, err);
}

ac_status ac__cl_lower_attention_with(ac_prog *p, uint32_t op, const ac_op_quantize *q, ac_error *err) {
    const ac_op_attention *o = &p->plan->ops[op].attention;
    char page[64], merge[64];
    uint32_t slice;
    if (!p->kv || o->layer >= p->kv->n_layers)
        return ac_fail(err, AC_ERR_ARGUMENT, "attention: no cache for layer %u", o->layer);
    snprintf(page, sizeof page, "-DHEAD_DIM=%u", o->head_dim);
    if (q)
        snprintf(merge, sizeof merge, "-DHEAD_DIM=%u -DFORM=%d", o->head_dim, (int)q->form);
    else
        snprintf(merge, sizeof merge, "%s", page);
    AC_TRY(make_parts(p, o, &slice, err));
    AC_TRY(lower_page(p, op, page, slice, err));
    return lower_merge(p, op, merge, q, err);
}

ac_status ac__cl_lower_attention(ac_prog *p, uint32_t op, ac_error *err) {
    return ac__cl_lower_attention_with(p, op, NULL, err);
}
