/* argmax: index of the largest element by integer key, the lowest index where several are equal. Work is
 * split by rows. */
#include "ref.h"

static void argmax(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_argmax *op = &job->argmax;
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        const float *x = ac_cpu_row(op->x, r);
        int32_t best = 0;
        for (uint32_t i = 1; i < op->n; i++)
            if (ac_key(x[i]) > ac_key(x[best])) best = (int32_t)i;
        memcpy(ac_cpu_row(op->out, r), &best, sizeof best);
    }
}

void ac__ref_argmax(ac_cpu_table *table) {
    table->op[AC_OP_argmax] = (ac_cpu_slot){.name = "ac_argmax__ref", .stage = {{NULL, argmax}}};
}
