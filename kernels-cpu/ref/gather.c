/* gather: out[i] = x[out_row[i]], bits as they are. Work is split by rows of out. */
#include "ref.h"

static void gather(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_gather *op = &job->gather;
    (void)scratch;
    for (uint32_t i = first; i < last; i++)
        memcpy(ac_cpu_row(op->out, i), ac_cpu_row(op->x, (size_t)job->run->out_row[i]),
               op->n * sizeof(float));
}

void ac__ref_gather(ac_cpu_table *table) {
    table->op[AC_OP_gather] = (ac_cpu_slot){.name = "ac_gather__ref", .stage = {{NULL, gather}}};
}
