/* rope: rotates pairs of channels of each head by the position's angles, in place; the other channels are
 * windowed. Work is split by rows. */
#include "ref.h"

static void head(const ac_cpu_rope *op, const float *angles, float *x) {
    for (uint32_t i = 0; i < op->rot / 2; i++) {
        uint32_t i0 = op->halves ? i : 2 * i, i1 = op->halves ? i + op->rot / 2 : 2 * i + 1;
        float c = angles[2 * i], s = angles[2 * i + 1], x0 = ac_window(x[i0]), x1 = ac_window(x[i1]);
        x[i0] = ac_cut(x0 * c - x1 * s);
        x[i1] = ac_cut(x0 * s + x1 * c);
    }
    for (uint32_t i = op->rot; i < op->head_dim; i++) x[i] = ac_window(x[i]);
}

static void rope(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_rope *op = &job->rope;
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        float *x = ac_cpu_row(op->x, r);
        const float *angles = op->table + (size_t)job->run->pos[r] * op->rot;
        for (uint32_t h = 0; h < op->heads; h++) head(op, angles, x + (size_t)h * op->head_dim);
    }
}

void ac__ref_rope(ac_cpu_table *table) {
    table->op[AC_OP_rope] = (ac_cpu_slot){.name = "ac_rope__ref", .stage = {{NULL, rope}}};
}
