/* cl_matmul.c - launches of matmul: one per segment of the weight and kernel, chosen by the rows of the run.
 */
#include "cl_plan.h"

#include <stdio.h>
#include <string.h>

static uint32_t div_up(uint32_t n, uint32_t by) {
    return (n + by - 1) / by;
}

/* Arguments that all matmul kernels share. */
static void product_args(ac_cl_args *a, const ac_prog *p, const ac_op *op, const ac_cl_tensor *t,
                         const ac_cl_segment *s) {
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

static uint32_t at_most(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* How a product is cut for some number of rows of x: results of a work-group, in weight rows and rows of x.
 */
typedef struct cut {
    ac_cl_unit unit;
    const char *kernel;
    uint32_t group, rows, cols;
} cut;

/* Bytes of local memory: what a matmul_group may take, what matmul_tile takes. */
enum { LOCAL_BUDGET = 10240, TILE_LOCAL = 24576, TILE_LOCAL_FLOATS = 2 * 16 * 257 * 4 };

static cut cut_for(const ac_dev *dev, const ac_cl_tensor *t, uint32_t rows) {
    const ac_cl_tuning *u = &dev->tuning;
    bool floats = ac_type_describe(t->type)->form == AC_FORM_F32;
    if (!u->use_group && rows >= u->panel_from && !floats)
        return (cut){AC_CL_UNIT_PANEL, "matmul_panel", 1, 8 * u->panel_rows, u->panel_cols};
    if (!u->use_group) {
        uint32_t cols = rows >= u->item_cols ? u->item_cols : 1;
        return (cut){AC_CL_UNIT_ITEM, "matmul_item", u->item_group, u->item_group, cols};
    }
    if (rows >= u->tile_from && dev->features.tile &&
        dev->caps.local_bytes >= (floats ? TILE_LOCAL_FLOATS : TILE_LOCAL))
        return (cut){AC_CL_UNIT_TILE, "matmul_tile", 256, floats ? 16 : 64,
                     floats || rows < u->tile_wide ? 16 : 64};
    if (rows == 1)
        return (cut){AC_CL_UNIT_GROUP, "matmul_group", u->group_size, at_most(u->group_rows, u->group_size),
                     1};
    uint32_t cols = at_most(u->group_cols, u->group_size), most = u->group_size / cols;
    return (cut){AC_CL_UNIT_GROUP, "matmul_group", u->group_size, at_most(u->group_rows, most), cols};
}

/* Units of 32 elements that a matmul_group sums up before it goes on: as many as its local memory takes, in
 * eights. Sub-groups keep a total per eight and result, the others every unit's part too. */
static uint32_t piece_of(const ac_dev *dev, const cut *k) {
    uint32_t sg = dev->tuning.subgroup_size, results = k->rows * k->cols;
    if (sg == 0 || k->group < sg) {
        uint32_t piece = at_most(LOCAL_BUDGET * 8 / 36 / results, 512) / 8 * 8;
        return piece < 8 ? 8 : piece;
    }
    uint32_t most = LOCAL_BUDGET / 4 / results, few = 512 / results, all = k->group / 8;
    uint32_t chunks = at_most(few > all ? few : all, most);
    return chunks < 1 ? 8 : 8 * chunks;
}

ac_cl_unit ac__cl_matmul_unit(const ac_dev *dev, const ac_cl_tensor *t, uint32_t rows, const char *kernel,
                              char *options, size_t cap) {
    static const char *const names[AC_TYPE_COUNT] = {
#define X(name, lower, id, elems, bytes, form) [AC_TYPE_##name] = #name,
#include <anychip/types.def>
#undef X
    };
    cut k = cut_for(dev, t, rows);
    const char *planar = t->planar ? " -DPLANAR" : "";
    if (k.unit == AC_CL_UNIT_ITEM) {
        snprintf(options, cap, "-DTYPE_%s%s -DCOLS=%u -DWIDE_LOADS%s", names[t->type], planar, k.cols,
                 strcmp(kernel, "matmul_item_3") == 0 ? " -DONLY_matmul_item_3" : "");
    } else if (k.unit == AC_CL_UNIT_PANEL) {
        snprintf(options, cap, "-DTYPE_%s%s -DPANEL=%u -DCOLS=%u -DWIDE_LOADS", names[t->type], planar,
                 k.rows, k.cols);
    } else if (k.unit == AC_CL_UNIT_TILE) {
        snprintf(options, cap, "-DTYPE_%s%s -DTI=%u -DTJ=%u", names[t->type], planar, k.rows / 16,
                 k.cols / 16);
    } else {
        snprintf(options, cap, "-DTYPE_%s%s -DGROUP=%u -DROWS=%u -DCOLS=%u -DPIECE=%u -DONLY_%s",
                 names[t->type], planar, k.group, k.rows, k.cols, piece_of(dev, &k), kernel);
    }
    return k.unit;
}

uint32_t ac__cl_fused_end(const ac_dev *dev, const ac_cl_tensor *t) {
    const ac_cl_tuning *u = &dev->tuning;
    if (!u->use_group) return u->item_cols > 1 ? u->item_cols : u->panel_from;
    return cut_for(dev, t, dev->tuning.tile_from).unit == AC_CL_UNIT_TILE ? dev->tuning.tile_from : AC_NONE;
}

/* Groups of `cols` rows of x in one launch: desktops stop launches that take seconds, and slow devices reach
 * some 10^10 multiply-adds in one. */
static uint32_t most_groups(const ac_dev *dev, uint32_t m, uint32_t n, uint32_t cols) {
    uint64_t one = (uint64_t)m * n, most = 1ull << dev->tuning.launch_bits;
    uint64_t groups = one ? most / one / cols : 1;
    return groups < 1 ? 1 : groups < 1u << 24 ? (uint32_t)groups : 1u << 24;
}

ac_status ac__cl_matmul_launch(ac_prog *p, uint32_t op, const ac_cl_segment *s, const char *kernel,
                               uint32_t from, uint32_t to, ac_cl_args *a, ac_cl_launch **l, ac_error *err) {
    const ac_cl_tensor *t = &p->weights->tensors[p->plan->ops[op].matmul.w];
    cut k = cut_for(p->dev, t, from);
    char options[192];
    if (!kernel) kernel = k.kernel;
    ac_cl_unit unit = ac__cl_matmul_unit(p->dev, t, from, kernel, options, sizeof options);
    AC_TRY(ac__cl_launch_new(p, unit, options, kernel, op, a, l, err));
    (*l)->rows_from = from, (*l)->rows_to = to;
    (*l)->n_dims = 2;
    (*l)->dim[0] = (ac_cl_dim){AC_CL_FIXED, div_up(s->rows, k.rows), k.group};
    (*l)->dim[1] = (ac_cl_dim){AC_CL_ROWS, k.cols, 1};
    (*l)->group_rows = k.rows;
    (*l)->most_groups = most_groups(p->dev, s->rows, p->plan->ops[op].matmul.n, k.cols);
    product_args(a, p, &p->plan->ops[op], t, s);
    return AC_OK;
}

ac_status ac__cl_lower_matmul(ac_prog *p, uint32_t op, ac_error *err) {
    const ac_op *o = &p->plan->ops[op];
    const ac_cl_tensor *t = &p->weights->tensors[o->matmul.w];
    const ac_cl_tuning *u = &p->dev->tuning;
    const uint32_t group_cuts[] = {1, 2, u->tile_from,
                                   u->tile_wide > u->tile_from ? u->tile_wide : u->tile_from, AC_NONE};
    const uint32_t item_cuts[] = {1, u->item_cols,
                                  u->panel_from > u->item_cols ? u->panel_from : u->item_cols, AC_NONE},
                   *cuts = u->use_group ? group_cuts : item_cuts;
    uint32_t most = o->rows == AC_ROWS_OUT ? p->plan->max_out : p->plan->max_rows;
    for (uint32_t i = 0; cuts[i] <= most; i++) {
        uint32_t from = cuts[i] > p->rows_from ? cuts[i] : p->rows_from;
        for (uint32_t g = 0; g < t->n_segments && from < cuts[i + 1]; g++) {
            ac_cl_args a;
            ac_cl_launch *l;
            AC_TRY(ac__cl_matmul_launch(p, op, &t->segments[g], NULL, from, cuts[i + 1], &a, &l, err));
            AC_TRY(ac__cl_launch_done(p, &a, op, err));
        }
    }
    return AC_OK;
}
