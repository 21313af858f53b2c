/* work.h - a small piece of work for the tests of the OpenCL module: embed, quantize, y = W x. */
#ifndef AC_TESTS_CL_WORK_H
#define AC_TESTS_CL_WORK_H

#include <anychip/backend.h>

#include "check.h"

static const ac_backend *cl;

enum { M = 480, N = 512, VOCAB_ROW = 5 };

typedef struct work {
    uint8_t *file; /* page-aligned, as if mapped: two weights behind a header */
    size_t bytes;
    ac_weight weights[2];
    ac_plan_buf bufs[4];
    ac_op ops[3];
    ac_plan plan;
} work;

static inline uint64_t up(uint64_t n) {
    return (n + 255) / 256 * 256;
}

static inline void make_work(work *w) {
    static const ac_type types[2] = {AC_TYPE_Q4_K, AC_TYPE_Q8_0};
    uint64_t random = 5, at = 4096;
    memset(w, 0, sizeof *w);
    w->bytes = 1 << 20;
    CHECK(!posix_memalign((void **)&w->file, 4096, w->bytes), "memory");
    for (size_t i = 0; i < w->bytes; i++) w->file[i] = (uint8_t)(check_random(&random) >> 9);
    for (int i = 0; i < 2; i++) {
        w->weights[i] = (ac_weight){.name = i ? "product" : "table",
                                    .type = types[i],
                                    .rows = M,
                                    .cols = N,
                                    .data = w->file + at,
                                    .map = w->file,
                                    .map_bytes = w->bytes};
        w->weights[i].bytes = ac_type_row_bytes(types[i], N) * M;
        at += (w->weights[i].bytes + 31) / 32 * 32;
    }
    uint64_t q_row = ac_act_layout_of(AC_FORM_A32, N).row_bytes;
    w->bufs[0] = (ac_plan_buf){"x", AC_BUF_SCRATCH, 0, N * 4, 2};
    w->bufs[1] = (ac_plan_buf){"q", AC_BUF_SCRATCH, up(2 * N * 4), q_row, 2};
    w->bufs[2] = (ac_plan_buf){"y", AC_BUF_OUTPUT, up(w->bufs[1].offset + 2 * q_row), M * 4, 2};
    w->ops[1] = (ac_op){.kind = AC_OP_quantize, .quantize = {0, 1, N, AC_FORM_A32}};
    w->ops[2] = (ac_op){.kind = AC_OP_matmul, .matmul = {1, 1, 2, M, N}};
    w->plan = (ac_plan){.ops = w->ops,
                        .n_ops = 3,
                        .bufs = w->bufs,
                        .n_bufs = 3,
                        .arena_bytes = up(w->bufs[2].offset + 2 * M * 4),
                        .weights = w->weights,
                        .n_weights = 2,
                        .max_rows = 2,
                        .max_out = 2,
                        .max_seqs = 1,
                        .max_pages = 1};
    w->ops[0] = (ac_op){.kind = AC_OP_embed, .embed = {.w = 0, .out = 0}};
}

/* Runs the plan on an open device; y[2][M]. */
static inline ac_status compute(ac_dev *dev, const work *w, float *y, ac_error *err) {
    static const int32_t token[2] = {VOCAB_ROW, M - 1}, zero[2] = {0, 0};
    ac_run run = {
        .n_rows = 2, .token = token, .pos = zero, .seq = zero, .slot = zero, .out_row = zero, .pages = zero};
    ac_weights *weights = NULL;
    ac_prog *prog = NULL;
    ac_status status = cl->load(dev, w->weights, 2, NULL, NULL, &weights, err);
    if (status == AC_OK) status = cl->prepare(dev, weights, NULL, &w->plan, &prog, err);
    if (status == AC_OK) status = cl->run(prog, &run, err);
    if (status == AC_OK) status = cl->wait(prog, err);
    if (status == AC_OK) status = cl->read(prog, 2, 0, y, 2 * M * sizeof *y, err);
    cl->release(prog);
    cl->unload(weights);
    return status;
}

#endif
