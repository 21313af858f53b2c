/* cpu.h - inside the CPU backend: the machine, and the objects behind the handles of backend.h. */
#ifndef AC_CPU_H
#define AC_CPU_H

#include "kernel.h"

/* ---- Machine --------------------------------------------------------------------------------- */

/* Physical cores this process may use: affinity, SMT siblings counted once, and the cgroup's quota. At
 * least 1. */
uint32_t ac__cpu_cores(void);

/* The processor's name as it calls itself, at most `cap` bytes with the NUL. */
void ac__cpu_name(char *name, size_t cap);

/* Floating-point environment of the calling thread: `enter` saves it and sets round-to-nearest with
 * subnormals kept. */
typedef struct ac_cpu_fpenv {
    uint64_t word[8];
} ac_cpu_fpenv;
void ac__cpu_fp_enter(ac_cpu_fpenv *saved);
void ac__cpu_fp_leave(const ac_cpu_fpenv *saved);

/* Threads wait until `threads` of them are here. Starts as zeros. */
typedef struct ac_cpu_barrier {
    _Alignas(64) _Atomic uint32_t round;
    _Atomic uint32_t arrived, sleepers;
} ac_cpu_barrier;
void ac__cpu_barrier_wait(ac_cpu_barrier *barrier, uint32_t threads);

/* ---- Objects --------------------------------------------------------------------------------- */

struct ac_dev {
    ac_cpu_table table;
    const char *isa;
    uint32_t threads;
};

struct ac_weights {
    uint32_t n;
    ac_weight list[];
};

struct ac_kv_mem {
    ac_cpu_kv kv;
};

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
    ac_run now;             /* inputs of the run under way */
    _Atomic uint32_t *next; /* [n_jobs][AC_CPU_STAGES][threads]: items taken of a thread's share */
    uint64_t *ns;           /* [n_jobs]: times of the last run */
    bool profile;
    ac_cpu_barrier *barrier;
    _Atomic uint32_t
        runs; /* counts starts and threads' ends: what a thread sees of it, it sees what came before */
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
