/* table.c - fills every slot of the table with the reference, and finds slots. */
#include "ref.h"

void ac__cpu_overlay_ref(ac_cpu_table *table) {
#define OP(name, text) ac__ref_##name(table);
#include <anychip/ops.def>
#undef OP
}

const ac_cpu_slot *ac__cpu_slot(const ac_cpu_table *table, const ac_op *op, ac_type type) {
    switch (op->kind) {
    case AC_OP_matmul:
        return &table->matmul[type];
    case AC_OP_embed:
        return &table->embed[type];
    case AC_OP_quantize:
        return &table->quantize[op->quantize.form];
    default:
        return &table->op[op->kind];
    }
}
