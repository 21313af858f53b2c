/* add: out = a + b, or a + bias. Work is split by rows. */
#include "ref.h"
#include "unpack.h"

static void add(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_add *op = &job->add;
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        const float *a = ac_cpu_row(op->a, r), *b = op->bias ? NULL : ac_cpu_row(op->b, r);
        float *out = ac_cpu_row(op->out, r);
        for (uint32_t i = 0; i < op->n; i++) {
            float y = b ? b[i] : ref_f32(op->bias, i);
            out[i] = ac_window(a[i]) + ac_window(y);
        }
    }
}

void ac__ref_add(ac_cpu_table *table) {
    table->op[AC_OP_add] = (ac_cpu_slot){.name = "ac_add__ref", .stage = {{NULL, add}}};
}
