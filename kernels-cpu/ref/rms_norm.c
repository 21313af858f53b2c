/* rms_norm: y = x / sqrt(mean(x^2) + eps) * w for each group of n elements.
 * The sum of squares has 256 partial sums and a binary tree, so that a device may use 256 lanes. Work is
 * split by rows. */
#include "ref.h"
#include "unpack.h"

#define LANES 256

static float sum_of_squares(const float *x, uint32_t n) {
    float partial[LANES] = {0};
    for (uint32_t i = 0; i < n; i++) {
        float v = ac_window(x[i]);
        partial[i % LANES] = partial[i % LANES] + v * v;
    }
    for (uint32_t half = LANES / 2; half > 0; half /= 2)
        for (uint32_t l = 0; l < half; l++) partial[l] = partial[l] + partial[l + half];
    return partial[0];
}

static void group(const ac_cpu_rms_norm *op, const float *x, float *out) {
    float t = sum_of_squares(x, op->n) * op->inv_n + op->eps;
    if (ac_bits(t) < ac_bits(0x1p-100f)) t = 0x1p-100f;
    float r = ac_rsqrt(t);
    for (uint32_t i = 0; i < op->n; i++) {
        float w = ac_window(ref_f32(op->w, i));
        out[i] = ac_cut((ac_window(x[i]) * r) * w);
    }
}

static void rms_norm(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_rms_norm *op = &job->rms_norm;
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        const float *x = ac_cpu_row(op->x, r);
        float *out = ac_cpu_row(op->out, r);
        for (uint32_t g = 0; g < op->groups; g++) group(op, x + (size_t)g * op->n, out + (size_t)g * op->n);
    }
}

void ac__ref_rms_norm(ac_cpu_table *table) {
    table->op[AC_OP_rms_norm] = (ac_cpu_slot){.name = "ac_rms_norm__ref", .stage = {{NULL, rms_norm}}};
}
