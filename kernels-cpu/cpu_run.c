/* cpu_run.c - a run: all threads of the device walk the jobs, with a barrier after each stage. */
#include "cpu_chain.h"

#include <stdatomic.h>
#include <string.h>

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

/* A run as one thread sees it. */
typedef struct member {
    ac_prog *prog;
    uint32_t threads, queues, own; /* own: its queue */
    uint32_t set;                  /* of queues, in this stage */
    uint32_t spin;
    void *scratch;
} member;

/* The first thread of a queue; its threads' equal shares of the items are the queue's. */
static uint32_t first_thread(const member *m, uint32_t queue) {
    return (queue * m->threads + m->queues - 1) / m->queues;
}

static uint32_t first_item(const member *m, uint32_t queue, uint32_t items) {
    return (uint32_t)((uint64_t)items * first_thread(m, queue) / m->threads);
}

/* What a barrier ends: a stage of a job, or a chain of jobs. */
typedef struct turn {
    ac_cpu_chain chain;
    int stage;
    uint64_t *ns; /* NULL: nobody looks at the clock */
    bool begun;   /* this thread has had items */
} turn;

static void work(const member *m, turn *t, uint32_t first, uint32_t last) {
    if (t->chain.n > 1) {
        ac__cpu_chain_work(&t->chain, first, last, m->threads, m->scratch, t->ns);
        return;
    }
    const ac_cpu_slot *slot = t->chain.jobs->slot;
    if (slot->begin && !t->begun) slot->begin(t->chain.jobs, m->scratch);
    t->begun = true;
    slot->stage[t->stage].work(t->chain.jobs, first, last, m->scratch);
}

/* Works off a queue. */
static void work_off(const member *m, turn *t, uint32_t queue) {
    enum { PARTS = 4 }; /* of a thread's share, where the kernel has no wish */
    _Atomic uint32_t *taken = &m->prog->share->queue[m->set][queue].taken;
    uint32_t items = t->chain.items, wish = t->chain.jobs->slot->grain;
    uint32_t first = first_item(m, queue, items), n = first_item(m, queue + 1, items) - first;
    uint32_t grain = wish ? wish : items / m->threads / PARTS + 1;
    while (atomic_load_explicit(taken, memory_order_relaxed) < n) {
        uint32_t at = atomic_fetch_add_explicit(taken, grain, memory_order_relaxed);
        if (at >= n) return;
        work(m, t, first + at, first + (n - at < grain ? n : at + grain));
    }
}

/* Who has to wait for long has been waiting for a thread whose core another program has: that one gets its
 * turn sooner when nobody spins. So a wait in vain halves the next spins of this run, others lengthen them.
 */
static void wait_for_all(member *m) {
    enum { LEAST_NS = 2000 };
    uint32_t most = ac__cpu_pool_spin(m->prog->dev->pool);
    if (ac__cpu_barrier_wait(&m->prog->share->barrier, m->threads, m->spin))
        m->spin = m->spin / 2 > LEAST_NS || !m->spin ? m->spin / 2 : LEAST_NS;
    else
        m->spin = m->spin + m->spin / 16 < most ? m->spin + m->spin / 16 : most;
}

static void take_turn(member *m, turn *t) {
    if (t->chain.items == 0) return;
    ac_cpu_share *share = m->prog->share;
    atomic_store_explicit(&share->queue[!m->set][m->own].taken, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < m->queues; i++) work_off(m, t, (m->own + i) % m->queues);
    wait_for_all(m);
    m->set = !m->set;
}

/* The jobs of a chain, or the stages of a job. ns: NULL or [jobs of the chain], zeros; what is left of the
 * time, the waiting, is the last job's. */
static void do_chain(member *m, ac_cpu_chain chain, uint64_t *ns) {
    uint64_t start = ns ? ac__cpu_now() : 0, sum = 0;
    take_turn(m, &(turn){chain, 0, ns, false});
    for (int s = 1; s < AC_CPU_STAGES && chain.n == 1 && chain.jobs->slot->stage[s].work; s++) {
        const ac_cpu_stage *stage = &chain.jobs->slot->stage[s];
        chain.items = stage->items ? stage->items(chain.jobs, m->threads) : chain.jobs->rows;
        take_turn(m, &(turn){chain, s, NULL, false});
    }
    if (!ns) return;
    for (uint32_t i = 0; i + 1 < chain.n; i++) sum += ns[i];
    ns[chain.n - 1] = ac__cpu_now() - start - sum;
}

static void worker(void *user, uint32_t id, uint32_t threads) {
    ac_prog *prog = user;
    ac_fpenv saved;
    member m = {.prog = prog, .threads = threads, .spin = ac__cpu_pool_spin(prog->dev->pool)};
    m.queues = threads < AC_CPU_QUEUES ? threads : AC_CPU_QUEUES;
    m.own = id * m.queues / threads;
    m.scratch = prog->scratch + id * prog->thread_bytes;
    ac_fp_enter(&saved);
    for (uint32_t i = 0, n; i < prog->n_jobs; i += n) {
        ac_cpu_chain chain = {.n = 1};
        if (prog->jobs[i].rows > 0) {
            chain = ac__cpu_chain_of(prog, i, threads);
            do_chain(&m, chain, prog->profile && id == 0 ? prog->ns + i : NULL);
        }
        n = chain.n;
    }
    ac_fp_leave(&saved);
}

ac_status ac__cpu_run(ac_prog *prog, const ac_run *run, ac_error *err) {
    AC_TRY(check(prog, run, err));
    prog->now = *run;
    memset(prog->share, 0, sizeof *prog->share);
    for (uint32_t i = 0; i < prog->n_jobs; i++) {
        prog->jobs[i].rows = prog->jobs[i].domain == AC_ROWS_OUT ? run->n_out : run->n_rows;
        prog->ns[i] = 0;
    }
    ac__cpu_pool_run(prog->dev->pool, worker, prog);
    return AC_OK;
}
