/* cpu_prepare.c - a plan becomes a program: memory, copies of the constants, and one job per operation. */
#include "cpu_chain.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 1 << 20 };

static ac_status check_bufs(const ac_plan *plan, ac_error *err) {
    for (uint32_t i = 0; i < plan->n_bufs; i++) {
        const ac_plan_buf *b = &plan->bufs[i];
        const char *name = b->name ? b->name : "?";
        if (b->offset % 256 || b->row_bytes % 4)
            return ac_fail(err, AC_ERR_ARGUMENT,
                           "plan: buffer %s: offset %llu, rows of %llu bytes: want multiples of 256 and 4",
                           name, (unsigned long long)b->offset, (unsigned long long)b->row_bytes);
        uint64_t bytes;
        if (__builtin_mul_overflow(b->row_bytes, (uint64_t)b->rows, &bytes) || bytes > plan->arena_bytes ||
            b->offset > plan->arena_bytes - bytes)
            return ac_fail(err, AC_ERR_ARGUMENT, "plan: buffer %s does not lie in the arena of %llu bytes",
                           name, (unsigned long long)plan->arena_bytes);
    }
    return AC_OK;
}

static ac_status check_plan(const ac_weights *w, const ac_plan *plan, ac_error *err) {
    if (plan->max_rows < 1 || plan->max_rows > MAX_ROWS || plan->max_out > plan->max_rows)
        return ac_fail(err, AC_ERR_ARGUMENT,
                       "plan: at most %u rows and %u outputs: want 1 to %d rows, no more outputs",
                       plan->max_rows, plan->max_out, MAX_ROWS);
    if ((uint64_t)plan->max_pages * AC_PAGE > INT32_MAX)
        return ac_fail(err, AC_ERR_ARGUMENT, "plan: %u pages in a sequence are too many", plan->max_pages);
    if (plan->n_weights != (w ? w->n : 0))
        return ac_fail(err, AC_ERR_ARGUMENT, "plan: it has %u weights, %u were loaded", plan->n_weights,
                       w ? w->n : 0);
    return check_bufs(plan, err);
}

static ac_status copy_consts(ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    p->consts = calloc(plan->n_consts + 1u, sizeof *p->consts);
    if (!p->consts) return ac_fail(err, AC_ERR_MEMORY, "plan: no memory for %u constants", plan->n_consts);
    for (uint32_t i = 0; i < plan->n_consts; i++) {
        const ac_plan_const *c = &plan->consts[i];
        p->consts[i] = ac__cpu_alloc(c->bytes);
        if (!p->consts[i])
            return ac_fail(err, AC_ERR_MEMORY, "plan: constant %s: no memory for %llu bytes",
                           c->name ? c->name : "?", (unsigned long long)c->bytes);
        if (c->bytes) memcpy(p->consts[i], c->data, (size_t)c->bytes);
        p->bytes += c->bytes;
    }
    return AC_OK;
}

static size_t most(size_t have, size_t (*ask)(const ac_cpu_job *), const ac_cpu_job *job) {
    size_t n = ask ? ask(job) : 0;
    return n > have ? n : have;
}

static ac_status fill_jobs(ac_prog *p, ac_error *err) {
    for (uint32_t i = 0; i < p->n_jobs; i++) {
        AC_TRY(ac__cpu_job_fill(p, i, err));
        p->thread_bytes = most(p->thread_bytes, p->jobs[i].slot->thread_bytes, &p->jobs[i]);
        p->shared_bytes = most(p->shared_bytes, p->jobs[i].slot->shared_bytes, &p->jobs[i]);
    }
    p->thread_bytes = (p->thread_bytes + 4095) / 4096 * 4096; /* a page is touched first by its own thread */
    uint64_t scratch = (uint64_t)p->thread_bytes * ac__cpu_pool_threads(p->dev->pool);
    p->scratch = ac__cpu_alloc(scratch);
    p->shared = ac__cpu_alloc(p->shared_bytes);
    if (!p->scratch || !p->shared)
        return ac_fail(err, AC_ERR_MEMORY, "plan: no memory for %llu bytes of scratch",
                       (unsigned long long)scratch + p->shared_bytes);
    ac__cpu_pool_spread(p->dev->pool, p->shared, p->shared_bytes);
    for (uint32_t i = 0; i < p->n_jobs; i++) p->jobs[i].shared = p->shared;
    ac__cpu_chain_find(p);
    p->bytes += scratch + p->shared_bytes;
    return AC_OK;
}

static ac_status fill(ac_prog *p, ac_error *err) {
    p->ns = calloc(p->n_jobs + 1u, sizeof *p->ns);
    p->share = ac__cpu_alloc(sizeof *p->share);
    p->arena = ac__cpu_alloc(p->plan->arena_bytes);
    if (!p->ns || !p->share || !p->arena)
        return ac_fail(err, AC_ERR_MEMORY, "plan: no memory for %llu bytes of buffers",
                       (unsigned long long)p->plan->arena_bytes);
    ac__cpu_pool_spread(p->dev->pool, p->arena, p->plan->arena_bytes);
    p->bytes += p->plan->arena_bytes;
    AC_TRY(copy_consts(p, err));
    return fill_jobs(p, err);
}

ac_status ac__cpu_prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                          ac_error *err) {
    *out = NULL;
    AC_TRY(check_plan(w, plan, err));
    ac_prog *p = calloc(1, sizeof *p + plan->n_ops * sizeof p->jobs[0]);
    if (!p) return ac_fail(err, AC_ERR_MEMORY, "plan: no memory for %u operations", plan->n_ops);
    p->dev = dev;
    p->plan = plan;
    p->weights = w;
    p->kv = kv;
    p->n_jobs = plan->n_ops;
    ac_fpenv saved;
    ac_fp_enter(&saved); /* it checks 1 / n */
    ac_status status = fill(p, err);
    ac_fp_leave(&saved);
    if (status != AC_OK)
        ac__cpu_release(p);
    else
        *out = p;
    return status;
}

void ac__cpu_release(ac_prog *p) {
    if (!p) return;
    for (uint32_t i = 0; p->consts && i < p->plan->n_consts; i++) ac__cpu_free(p->consts[i]);
    free(p->consts);
    ac__cpu_free(p->arena);
    ac__cpu_free(p->share);
    ac__cpu_free(p->scratch);
    ac__cpu_free(p->shared);
    free(p->ns);
    free(p);
}
