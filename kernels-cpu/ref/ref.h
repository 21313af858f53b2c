/* ref.h - what the reference kernels share. Each fills its slot; work functions compute items first .. last
 * - 1. */
#ifndef AC_REF_REF_H
#define AC_REF_REF_H

#include "kernel.h"

#include "functions.h"

void ac__ref_embed(ac_cpu_table *table);
void ac__ref_rms_norm(ac_cpu_table *table);
void ac__ref_quantize(ac_cpu_table *table);
void ac__ref_matmul(ac_cpu_table *table);
void ac__ref_add(ac_cpu_table *table);
void ac__ref_rope(ac_cpu_table *table);
void ac__ref_kv_store(ac_cpu_table *table);
void ac__ref_attention(ac_cpu_table *table);
void ac__ref_glu(ac_cpu_table *table);
void ac__ref_gather(ac_cpu_table *table);
void ac__ref_argmax(ac_cpu_table *table);

/* One kv14 group: n values as codes of at most 8191, and the scale that gives them back (0 for a group of
 * nothing). */
static inline float ref_kv14(const float *x, size_t n, int16_t *code) {
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t m = ac_abs(ac_window(x[i]));
        if (m > most) most = m;
    }
    float amax = ac_from_bits(most);
    if (amax < 0x1p-30f) {
        memset(code, 0, n * sizeof *code);
        return 0.0f;
    }
    float k = 8191.0f * ac_rcp(amax);
    for (size_t i = 0; i < n; i++) code[i] = (int16_t)ac_limit(ac_rne(ac_window(x[i]) * k), 8191);
    return amax * ac_from_bits(0x39000400u);
}

#endif
