/* skeleton_ops.c - one function per operation, generated from ops.def like every list of operations: a
 * missing one does not build. Each says where its operands lie and calls the reference; a real port launches
 * its kernel with the same facts. */
#include "skeleton.h"

#include <stdlib.h>

/* ---- Operands ---- */

static ac_cpu_rows rows(const ac_prog *p, uint32_t buf) {
    return (ac_cpu_rows){p->arena + p->plan->bufs[buf].offset, (size_t)p->plan->bufs[buf].row_bytes};
}

static ac_cpu_weight weight(const ac_prog *p, uint32_t index) {
    const ac_weight *w = &p->weights->list[index];
    return (ac_cpu_weight){w->data, ac_type_row_bytes(w->type, (size_t)w->cols), w->rows, w->cols, w->type};
}

static ac_cpu_kv cache(const ac_prog *p) {
    return (ac_cpu_kv){p->kv->memory, p->kv->lay,      p->kv->layers,
                       p->kv->pages,  p->kv->kv_heads, p->kv->head_dim};
}

/* ---- Operations ---- */

static ac_type fill_embed(const ac_prog *p, const ac_op_embed *op, ac_cpu_job *job) {
    ac_cpu_weight w = weight(p, op->w);
    job->embed = (ac_cpu_embed){w, rows(p, op->out), (uint32_t)w.cols};
    return w.type;
}

static ac_type fill_rms_norm(const ac_prog *p, const ac_op_rms_norm *op, ac_cpu_job *job) {
    job->rms_norm = (ac_cpu_rms_norm){rows(p, op->x), rows(p, op->out), weight(p, op->w).p, op->n,
                                      op->groups,     op->eps,          op->inv_n};
    return AC_TYPE_F32;
}

static ac_type fill_quantize(const ac_prog *p, const ac_op_quantize *op, ac_cpu_job *job) {
    job->quantize =
        (ac_cpu_quantize){rows(p, op->x), rows(p, op->out), op->n, ac_act_layout_of(op->form, op->n)};
    return AC_TYPE_F32;
}

static ac_type fill_matmul(const ac_prog *p, const ac_op_matmul *op, ac_cpu_job *job) {
    ac_cpu_weight w = weight(p, op->w);
    ac_act_layout lay = ac_act_layout_of(ac_type_describe(w.type)->form, op->n);
    job->matmul = (ac_cpu_matmul){w, rows(p, op->x), rows(p, op->out), op->m, op->n, lay};
    return w.type;
}

static ac_type fill_add(const ac_prog *p, const ac_op_add *op, ac_cpu_job *job) {
    bool bias = op->bias != AC_NONE;
    job->add = (ac_cpu_add){.a = rows(p, op->a), .out = rows(p, op->out), .n = op->n};
    if (bias)
        job->add.bias = weight(p, op->bias).p;
    else
        job->add.b = rows(p, op->b);
    return AC_TYPE_F32;
}

static ac_type fill_rope(const ac_prog *p, const ac_op_rope *op, ac_cpu_job *job) {
    uint32_t positions = (uint32_t)(p->plan->consts[op->table].bytes / (op->rot * sizeof(float)));
    job->rope = (ac_cpu_rope){rows(p, op->x), p->consts[op->table], positions, op->heads, op->head_dim,
                              op->rot,        op->halves != 0};
    return AC_TYPE_F32;
}

static ac_type fill_kv_store(const ac_prog *p, const ac_op_kv_store *op, ac_cpu_job *job) {
    job->kv_store = (ac_cpu_kv_store){rows(p, op->k), rows(p, op->v), cache(p), op->layer};
    return AC_TYPE_F32;
}

static ac_type fill_attention(const ac_prog *p, const ac_op_attention *op, ac_cpu_job *job) {
    job->attention =
        (ac_cpu_attention){rows(p, op->q), rows(p, op->out), cache(p), op->layer, op->heads, op->scale};
    return AC_TYPE_F32;
}

static ac_type fill_glu(const ac_prog *p, const ac_op_glu *op, ac_cpu_job *job) {
    job->glu = (ac_cpu_glu){rows(p, op->gate), rows(p, op->up), rows(p, op->out), op->n};
    return AC_TYPE_F32;
}

static ac_type fill_gather(const ac_prog *p, const ac_op_gather *op, ac_cpu_job *job) {
    job->gather = (ac_cpu_gather){rows(p, op->x), rows(p, op->out), op->n};
    return AC_TYPE_F32;
}

static ac_type fill_argmax(const ac_prog *p, const ac_op_argmax *op, ac_cpu_job *job) {
    job->argmax = (ac_cpu_argmax){rows(p, op->x), rows(p, op->out), op->n};
    return AC_TYPE_F32;
}

static ac_type fill(const ac_prog *p, const ac_op *op, ac_cpu_job *job) {
    switch (op->kind) {
#define OP(name, text)                                                                                       \
    case AC_OP_##name:                                                                                       \
        return fill_##name(p, &op->name, job);
#include <anychip/ops.def>
#undef OP
    case AC_OP_COUNT:
        break;
    }
    return AC_TYPE_COUNT;
}

ac_status skeleton_op(const ac_prog *prog, const ac_op *op, const ac_run *run, ac_error *err) {
    ac_cpu_job job = {.kind = op->kind, .domain = op->rows, .run = run, .max_pages = prog->plan->max_pages};
    job.rows = job.max_rows = op->rows == AC_ROWS_OUT ? run->n_out : run->n_rows;
    if (job.rows == 0) return AC_OK;
    ac_type type = fill(prog, op, &job);
    const ac_cpu_slot *slot = ac__cpu_slot(&prog->dev->kernels, op, type);
    void *scratch = calloc(1, slot->thread_bytes ? slot->thread_bytes(&job) + 1 : 1);
    if (!scratch) return ac_fail(err, AC_ERR_MEMORY, "%s: no memory for scratch", ac_op_name(op->kind));
    const ac_cpu_stage *stage = &slot->stage[0]; /* the reference's kernels have one */
    stage->work(&job, 0, stage->items ? stage->items(&job, 1) : job.rows, scratch);
    free(scratch);
    return AC_OK;
}
