/* cl_matmul.c - launches of matmul: one per segment of the weight and kernel, chosen by the rows of the run. */
#include "cl_plan.h"

static uint32_t div_up(uint32_t n, uint32_t by) { return (n + by - 1) / by; }

/* Arguments that all matmul kernels share. */
static void product_args(ac_cl_args *a, const ac_prog *p, const ac_op *op, const ac_cl_tensor *t, const ac_cl_segment *s) {
    const ac_op_matmul *o = &op->matmul;
    ac_act_layout lay = ac_act_layout_of(ac_type_describe(t->type)->form, o->n);
    const ac_plan_buf *out = &p->plan->bufs[o->out];
    ac__cl_arg_mem(a, s->mem);
    ac__cl_arg_u64(a, s->at);
    ac__cl_arg_u32(a, t->row_bytes);
    ac__cl_arg_u32(a, s->rows);
    ac__cl_arg_mem(a, p->arena);
    ac__cl_arg_buf(a, p, o->x);
    ac__cl_arg_u32(a, (uint32_t)lay.d);
    ac__cl_arg_u32(a, (uint32_t)lay.f);
    ac__cl_arg_u32(a, (uint32_t)lay.s);
    ac__cl_arg_u32(a, o->n);
    ac__cl_arg_u64(a, out->offset + 4ull * s->first);
    ac__cl_arg_u32(a, (uint32_t)out->row_bytes);
    ac__cl_arg_mem(a, p->inputs);
    ac__cl_arg_u32(a, op->rows == AC_ROWS_OUT ? p->in.n_out : p->in.n_rows);
}

static ac_status by_items(ac_prog *p, uint32_t op, const ac_cl_tensor *t, const ac_cl_segment *s, const char *options, ac_error *err) {
    const ac_cl_tuning *u = &p->dev->tuning;
    ac_cl_args a;
    ac_cl_launch *l;
    AC_TRY(ac__cl_launch_new(p, AC_CL_UNIT_TYPE, options, "matmul_item", op, &a, &l, err));
    l->n_dims = 2;
    l->dim[0] = (ac_cl_dim){AC_CL_FIXED, div_up(s->rows, u->item_group), u->item_group};
    l->dim[1] = (ac_cl_dim){AC_CL_ROWS, u->item_cols, 1};
    product_args(&a, p, &p->plan->ops[op], t, s);
    return ac__cl_launch_done(p, &a, op, err);
}

ac_status ac__cl_lower_matmul(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_cl_tensor *t = &p->weights->tensors[p->plan->ops[op].matmul.w];
    char options[128];
    ac__cl_type_options(p->dev, t, options, sizeof options);
    for (uint32_t i = 0; i < t->n_segments; i++) AC_TRY(by_items(p, op, t, &t->segments[i], options, err));
    return AC_OK;
}
