/* table.c - fills every slot of the table with the reference. */
#include "ref.h"

void ac__cpu_overlay_ref(ac_cpu_table *table) {
#define OP(name, text) ac__ref_##name(table);
#include <anychip/ops.def>
#undef OP
}
