/* skeleton.h - the smallest complete port: a device whose memory is host memory and whose kernels are the
 * reference's. docs/porting.md walks through it; a real port replaces memcpy by transfers and skeleton_ops.c
 * by kernels. Checks are few on purpose: the engine sends plans that fit, and kernel_check shows what breaks.
 */
#ifndef AC_SKELETON_H
#define AC_SKELETON_H

#include <anychip/backend.h>

#include "kernel.h" /* the reference kernels' table and jobs; a real port does not include it */

struct ac_dev {
    ac_cpu_table kernels;
};

/* Weights on the device: copies of the file's blocks. */
struct ac_weights {
    uint32_t n;
    ac_weight list[]; /* data points to device memory */
};

struct ac_kv_mem {
    uint32_t layers, pages, kv_heads, head_dim;
    ac_kv_layout lay;
    uint8_t *memory; /* laid out as backend.h says */
};

struct ac_prog {
    ac_dev *dev;
    const ac_plan *plan;
    const ac_weights *weights;
    const ac_kv_mem *kv;
    uint8_t *arena;
    void **consts;
};

/* Computes one operation of a run. */
ac_status skeleton_op(const ac_prog *prog, const ac_op *op, const ac_run *run, ac_error *err);

#endif
