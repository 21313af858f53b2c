/* plan.h - a stage of a model as a flat list of operations over planned buffers. Made once per session, for
 * every backend alike. */
#ifndef AC_PLAN_H
#define AC_PLAN_H

#include "model.h"

typedef struct ac_plan_settings {
    uint32_t max_rows, max_out, max_seqs, max_pages;
    const ac_plan_const *rope; /* the RoPE table */
} ac_plan_settings;

/* A plan and the memory behind it. */
typedef struct ac_built_plan {
    ac_plan plan;
    ac_op *ops;
    ac_plan_buf *bufs;
    uint32_t in; /* INPUT buffer of hidden rows [max_rows][dim], AC_NONE for the first stage */
    uint32_t
        out; /* OUTPUT buffer: logits [max_out][vocab] of the last stage, else hidden rows [max_rows][dim] */
} ac_built_plan;

/* AC_ERR_MEMORY. out is to be freed with ac__plan_free in every case. */
ac_status ac__plan_build(const ac_model *model, const ac_stage *stage, const ac_plan_settings *settings,
                         ac_built_plan *out, ac_error *err);
void ac__plan_free(ac_built_plan *p);

#endif
