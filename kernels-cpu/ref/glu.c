/* glu: out = silu(gate) * up. Work is split by rows. */
#include "ref.h"

static void glu(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_glu *op = &job->glu;
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        const float *gate = ac_cpu_row(op->gate, r), *up = ac_cpu_row(op->up, r);
        float *out = ac_cpu_row(op->out, r);
        for (uint32_t i = 0; i < op->n; i++) out[i] = ac_cut(ac_silu(ac_window(gate[i])) * ac_window(up[i]));
    }
}

void ac__ref_glu(ac_cpu_table *table) {
    table->op[AC_OP_glu] = (ac_cpu_slot){.name = "ac_glu__ref", .stage = {{NULL, glu}}};
}
