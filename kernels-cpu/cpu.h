/* cpu.h - inside the CPU backend: the machine, and the objects behind the handles of backend.h. */
#ifndef AC_CPU_H
#define AC_CPU_H

#include "cpu_threads.h"
#include "kernel.h"

/* ---- Objects --------------------------------------------------------------------------------- */

struct ac_dev {
    ac_cpu_table table;
    const char *isa;
    ac_cpu_pool *pool;
};

struct ac_weights {
    uint32_t n;
    ac_weight list[];
};

struct ac_kv_mem {
    ac_cpu_kv kv;
};

/* How threads share a stage's items: each queue has a part of them that lie together, for threads with
 * numbers that lie together, which are on the same node; who is done helps the others. Two sets take turns:
 * one is cleared while the other is in use. */
enum { AC_CPU_QUEUES = 16 };
typedef struct ac_cpu_queue {
    _Alignas(64) _Atomic uint32_t taken;
} ac_cpu_queue;
typedef struct ac_cpu_share {
    ac_cpu_barrier barrier;
    ac_cpu_queue queue[2][AC_CPU_QUEUES];
} ac_cpu_share;

struct ac_prog {
    const ac_dev *dev;
    const ac_plan *plan;
    const ac_weights *weights;
    const ac_kv_mem *kv; /* NULL: no cache */
    uint8_t *arena;
    void **consts;    /* copies, [plan->n_consts] */
    void *shared;     /* one for all jobs: a job uses it only between its own stages */
    uint8_t *scratch; /* [threads][thread_bytes] */
    size_t thread_bytes, shared_bytes;
    uint64_t bytes;
    ac_run now;   /* inputs of the run under way */
    uint64_t *ns; /* [n_jobs]: times of the last run */
    bool profile;
    ac_cpu_share *share;
    uint32_t n_jobs;
    ac_cpu_job jobs[];
};

/* Zeroed memory aligned to 256 bytes; NULL when there is none. */
void *ac__cpu_alloc(uint64_t bytes);
void ac__cpu_free(void *p);

/* backend.h's prepare, release and run. */
ac_status ac__cpu_prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                          ac_error *err);
void ac__cpu_release(ac_prog *prog);
ac_status ac__cpu_run(ac_prog *prog, const ac_run *run, ac_error *err);

/* Resolves operation `index` of the plan into prog->jobs[index]; everything it names is checked.
 * AC_ERR_ARGUMENT names the operation. */
ac_status ac__cpu_job_fill(ac_prog *prog, uint32_t index, ac_error *err);

#endif
