/* cpu_chain.c - operations by row that follow each other are done as one: a row that has just been made is
 * still in the cache of the core that needs it, and there is one barrier instead of several. */
#include "cpu_chain.h"

enum { ROWS_EACH = 2 }; /* rows of a chain's turn: two of 8,192 elements, three buffers, fill 200 KB */

static bool apart(const ac_plan *plan, uint32_t a, uint32_t b) {
    if (a == b || a == AC_NONE || b == AC_NONE) return true; /* the same rows */
    const ac_plan_buf *x = &plan->bufs[a], *y = &plan->bufs[b];
    return x->offset >= y->offset + y->row_bytes * y->rows || y->offset >= x->offset + x->row_bytes * x->rows;
}

/* Whether `later` may be done on a row before `sooner` is on the next one. */
static bool may_overtake(const ac_plan *plan, const ac_op *sooner, const ac_op *later) {
    ac_op_uses a = ac_op_buffers(sooner), b = ac_op_buffers(later);
    bool ok = apart(plan, a.write[0], b.write[0]);
    for (int i = 0; i < 3; i++)
        ok = ok && apart(plan, a.read[i], b.write[0]) && apart(plan, a.write[0], b.read[i]);
    return ok;
}

void ac__cpu_chain_find(ac_prog *p) {
    const ac_op *ops = p->plan->ops;
    for (uint32_t i = 1, first = 0; i < p->n_jobs; i++) {
        bool joins =
            ac_op_by_row(ops[i - 1].kind) && ac_op_by_row(ops[i].kind) && ops[i - 1].rows == ops[i].rows;
        for (uint32_t k = first; joins && k < i; k++) joins = may_overtake(p->plan, &ops[k], &ops[i]);
        p->jobs[i].joins = joins;
        if (!joins) first = i;
    }
}

/* How a row is cut: heads and groups where they end, other rows into pieces of one size. */
typedef struct cut {
    bool heads;
    uint64_t width; /* elements of a row */
} cut;

static cut cut_of(const ac_cpu_job *job) {
    switch (job->kind) {
    case AC_OP_embed:
        return (cut){false, job->embed.n};
    case AC_OP_rms_norm:
        return (cut){true, (uint64_t)job->rms_norm.n * job->rms_norm.groups};
    case AC_OP_quantize:
        return (cut){false, job->quantize.n};
    case AC_OP_add:
        return (cut){false, job->add.n};
    case AC_OP_rope:
        return (cut){true, (uint64_t)job->rope.heads * job->rope.head_dim};
    case AC_OP_kv_store:
        return (cut){true, (uint64_t)job->kv_store.kv.kv_heads * job->kv_store.kv.head_dim};
    case AC_OP_glu:
        return (cut){false, job->glu.n};
    default:
        return (cut){false, 0};
    }
}

static uint32_t items_of(const ac_cpu_job *job, uint32_t threads) {
    return job->slot->stage[0].items ? job->slot->stage[0].items(job, threads) : job->rows;
}

/* Whether item i of both is the same part of a row. */
static bool same_parts(const ac_cpu_job *a, const ac_cpu_job *b, uint32_t threads) {
    uint32_t items = items_of(a, threads);
    cut x = cut_of(a), y = cut_of(b);
    return items == items_of(b, threads) && (items == a->rows || (x.heads == y.heads && x.width == y.width));
}

ac_cpu_chain ac__cpu_chain_of(const ac_prog *p, uint32_t first, uint32_t threads) {
    const ac_cpu_job *jobs = &p->jobs[first];
    bool whole = jobs->rows >= 4 * threads; /* enough rows for all */
    ac_cpu_chain c = {jobs, 1, 0};
    while (first + c.n < p->n_jobs && jobs[c.n].joins && (whole || same_parts(jobs, &jobs[c.n], threads)))
        c.n++;
    c.items = c.n > 1 && whole ? jobs->rows : items_of(jobs, threads);
    return c;
}

void ac__cpu_chain_work(const ac_cpu_chain *c, uint32_t first, uint32_t last, uint32_t threads, void *scratch,
                        uint64_t *ns) {
    for (uint32_t at = first, end; at < last; at = end) {
        end = last - at < ROWS_EACH ? last : at + ROWS_EACH;
        for (uint32_t j = 0; j < c->n; j++) {
            const ac_cpu_job *job = &c->jobs[j];
            uint32_t each = items_of(job, threads) / c->items;
            uint64_t start = ns ? ac__cpu_now() : 0;
            job->slot->stage[0].work(job, at * each, end * each, scratch);
            if (ns) ns[j] += ac__cpu_now() - start;
        }
    }
}
