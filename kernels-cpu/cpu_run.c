/* cpu_run.c - a run: one parallel region, in which all threads walk the jobs with a barrier after each stage.
 */
#include "cpu.h"

#include <stdatomic.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- A run's inputs -------------------------------------------------------------------------- */

static bool in_range(const int32_t *list, uint32_t n, uint64_t end, uint32_t *bad) {
    for (uint32_t i = 0; i < n; i++) {
        if (list[i] >= 0 && (uint64_t)list[i] < end) continue;
        *bad = i;
        return false;
    }
    return true;
}

#define RANGE(array, n, end)                                                                                 \
    do {                                                                                                     \
        if ((n) > 0 && !run->array) return ac_fail(err, AC_ERR_ARGUMENT, "run: " #array " is missing");      \
        if (!in_range(run->array, n, end, &bad))                                                             \
            return ac_fail(err, AC_ERR_ARGUMENT, "run: " #array "[%u] is %d: want 0 to %llu", bad,           \
                           (int)run->array[bad], (unsigned long long)(end)-1);                               \
    } while (0)

static ac_status check_op(const ac_cpu_job *job, const ac_run *run, ac_error *err) {
    uint32_t bad = 0;
    switch (job->kind) {
    case AC_OP_embed:
        RANGE(token, run->n_rows, job->embed.w.rows);
        break;
    case AC_OP_rope:
        RANGE(pos, run->n_rows, (uint64_t)job->rope.positions);
        break;
    case AC_OP_kv_store:
        RANGE(slot, run->n_rows, (uint64_t)job->kv_store.kv.pages * AC_PAGE);
        break;
    case AC_OP_gather:
        RANGE(out_row, run->n_out, (uint64_t)run->n_rows);
        break;
    default:
        break;
    }
    return AC_OK;
}

/* What attention reads: positions, sequences and the pages before each position. */
static ac_status check_pages(const ac_prog *prog, const ac_run *run, ac_error *err) {
    uint32_t bad = 0;
    if (run->n_pages_used > prog->plan->max_pages)
        return ac_fail(err, AC_ERR_ARGUMENT, "run: n_pages_used is %u: want at most %u", run->n_pages_used,
                       prog->plan->max_pages);
    RANGE(pos, run->n_rows, (uint64_t)run->n_pages_used * AC_PAGE);
    RANGE(seq, run->n_rows, (uint64_t)prog->plan->max_seqs);
    if (run->n_rows > 0 && !run->pages) return ac_fail(err, AC_ERR_ARGUMENT, "run: pages is missing");
    for (uint32_t r = 0; r < run->n_rows; r++) {
        const int32_t *pages = run->pages + (size_t)run->seq[r] * prog->plan->max_pages;
        if (!in_range(pages, (uint32_t)run->pos[r] / AC_PAGE + 1, prog->kv->kv.pages, &bad))
            return ac_fail(err, AC_ERR_ARGUMENT, "run: page %u of sequence %d is %d: want 0 to %u", bad,
                           (int)run->seq[r], (int)pages[bad], prog->kv->kv.pages - 1);
    }
    return AC_OK;
}

static ac_status check(const ac_prog *prog, const ac_run *run, ac_error *err) {
    bool attends = false;
    if (run->n_rows > prog->plan->max_rows || run->n_out > prog->plan->max_out)
        return ac_fail(err, AC_ERR_ARGUMENT, "run: %u rows and %u outputs: want at most %u and %u",
                       run->n_rows, run->n_out, prog->plan->max_rows, prog->plan->max_out);
    for (uint32_t i = 0; i < prog->n_jobs; i++) {
        AC_TRY(check_op(&prog->jobs[i], run, err));
        attends = attends || prog->jobs[i].kind == AC_OP_attention;
    }
    return attends ? check_pages(prog, run, err) : AC_OK;
}

/* ---- The work -------------------------------------------------------------------------------- */

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A thread's equal share of a stage's items: one run of them, so that what it fetches ahead it also uses. */
typedef struct range {
    uint32_t first, last;
} range;

static range share_of(uint32_t items, uint32_t id, uint32_t threads) {
    return (range){(uint32_t)((uint64_t)items * id / threads),
                   (uint32_t)((uint64_t)items * (id + 1) / threads)};
}

/* Works on what is left of a share, `grain` items at a time. */
static void work_off(const ac_cpu_job *job, const ac_cpu_stage *stage, range r, _Atomic uint32_t *next,
                     void *scratch) {
    uint32_t grain = job->slot->grain;
    for (;;) {
        uint32_t done = atomic_fetch_add_explicit(next, grain, memory_order_relaxed);
        if (done >= r.last - r.first) return;
        uint32_t first = r.first + done;
        stage->work(job, first, r.last - first < grain ? r.last : first + grain, scratch);
    }
}

/* This thread's part of a stage: its own share, then what slower threads have left of theirs. next: of each
 * thread. False when there is nothing in the stage for any thread. */
static bool share(const ac_cpu_job *job, int s, _Atomic uint32_t *next, uint32_t id, uint32_t threads,
                  void *scratch) {
    const ac_cpu_stage *stage = &job->slot->stage[s];
    uint32_t items = stage->items ? stage->items(job, threads) : job->rows;
    if (items == 0) return false;
    if (job->slot->grain == 0) {
        range r = share_of(items, id, threads);
        if (r.first < r.last) stage->work(job, r.first, r.last, scratch);
        return true;
    }
    for (uint32_t i = 0; i < threads; i++) {
        uint32_t whose = id + i < threads ? id + i : id + i - threads;
        work_off(job, stage, share_of(items, whose, threads), next + whose, scratch);
    }
    return true;
}

static void worker(ac_prog *prog, uint32_t id, uint32_t threads) {
    ac_cpu_fpenv saved;
    atomic_load_explicit(&prog->runs, memory_order_acquire);
    ac__cpu_fp_enter(&saved);
    void *scratch = prog->scratch + id * prog->thread_bytes;
    for (uint32_t i = 0; i < prog->n_jobs; i++) {
        const ac_cpu_job *job = &prog->jobs[i];
        if (job->rows == 0) continue;
        uint64_t start = prog->profile && id == 0 ? now() : 0;
        for (int s = 0; s < AC_CPU_STAGES && job->slot->stage[s].work; s++) {
            if (share(job, s, prog->next + (i * AC_CPU_STAGES + (uint32_t)s) * prog->dev->threads, id,
                      threads, scratch))
                ac__cpu_barrier_wait(prog->barrier, threads);
        }
        if (prog->profile && id == 0) prog->ns[i] = now() - start;
    }
    ac__cpu_fp_leave(&saved);
    atomic_fetch_add_explicit(&prog->runs, 1, memory_order_release);
}

/* Thread sanitizer does not know the OpenMP runtime's own synchronisation. Here it must not look; what
 * threads do to the program is ordered for it by prog->runs. */
#if defined(__SANITIZE_THREAD__)
#define UNSEEN __attribute__((no_sanitize_thread))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNSEEN __attribute__((no_sanitize("thread")))
#endif
#endif
#ifndef UNSEEN
#define UNSEEN
#endif

UNSEEN static void all_workers(ac_prog *prog) {
#ifdef _OPENMP
#pragma omp parallel num_threads((int)prog->dev->threads)
    worker(prog, (uint32_t)omp_get_thread_num(), (uint32_t)omp_get_num_threads());
#else
    worker(prog, 0, 1);
#endif
}

ac_status ac__cpu_run(ac_prog *prog, const ac_run *run, ac_error *err) {
    AC_TRY(check(prog, run, err));
    prog->now = *run;
    for (uint32_t i = 0; i < prog->n_jobs; i++) {
        prog->jobs[i].rows = prog->jobs[i].domain == AC_ROWS_OUT ? run->n_out : run->n_rows;
        prog->ns[i] = 0;
    }
    for (size_t i = 0; i < (size_t)prog->n_jobs * AC_CPU_STAGES * prog->dev->threads; i++)
        atomic_store_explicit(&prog->next[i], 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&prog->runs, 1, memory_order_release);
    all_workers(prog);
    atomic_load_explicit(&prog->runs, memory_order_acquire);
    return AC_OK;
}
