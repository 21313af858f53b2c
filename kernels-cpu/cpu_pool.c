/* cpu_pool.c - a device's threads: bound to cores when they fill them, asleep between runs.
 *
 * The calling thread is one of them. Where threads are bound it stands in for the one whose core it is on, so
 * that its own affinity need not be touched and no core is asked to do the work of two. */
#include "cpu_threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#endif

enum {
    SPIN_NS = 50000,       /* about what it takes to put a thread to sleep and wake it up again */
    STACK_BYTES = 2 << 20, /* no matter what the host's limit says */
    NOBODY = -1
};

typedef struct worker {
    ac_cpu_word go; /* counts its runs */
    ac_cpu_pool *pool;
    uint32_t id;
    pthread_t thread;
} worker;

struct ac_cpu_pool {
    ac_cpu_machine machine;
    uint32_t threads; /* wanted */
    uint32_t n;       /* taking part: fewer when the system refuses to start so many */
    bool bind, bound; /* threads may be bound; each has its core */
    bool stop;
    uint32_t spin;
    pid_t owner;           /* process of the started threads; 0: none started */
    uint32_t started;      /* workers with a thread: [first .. threads) */
    uint32_t first;        /* 1 when the calling thread is always number 0 */
    int32_t *place_of_cpu; /* [cpus]: thread whose core it is, or NOBODY */
    uint32_t cpus;
    void (*work)(void *user, uint32_t id, uint32_t threads);
    void *user;
    ac_cpu_word left; /* threads at work beside the calling one */
    _Atomic uint32_t busy;
    char text[96];
    worker *workers; /* [threads] */
};

/* ---- Places ---------------------------------------------------------------------------------- */

#ifdef __linux__
enum { SET_CPUS = 8192 };

static void bind_here(const uint32_t *list, uint32_t n) {
    cpu_set_t set[SET_CPUS / CPU_SETSIZE];
    memset(set, 0, sizeof set);
    for (uint32_t i = 0; i < n; i++) CPU_SET_S(list[i], sizeof set, set);
    if (n) sched_setaffinity(0, sizeof set, set); /* if it fails, the thread runs elsewhere: no harm */
}
static int32_t here(void) {
    return sched_getcpu();
}
#else
static void bind_here(const uint32_t *list, uint32_t n) {
    (void)list;
    (void)n;
}
static int32_t here(void) {
    return NOBODY;
}
#endif

/* Threads that belong to no core may run wherever the one that opened the device could, whichever thread
 * starts them. */
static void bind_worker(const ac_cpu_pool *p, uint32_t id) {
    uint32_t *list = calloc(p->machine.n_cpus, sizeof *list), node;
    if (list && p->bind) {
        uint32_t n = ac__cpu_place(&p->machine, p->threads, id, list, &node);
        if (n)
            bind_here(list, n);
        else
            bind_here(p->machine.cpus, p->machine.n_cpus);
    }
    free(list);
}

static ac_status map_places(ac_cpu_pool *p, ac_error *err) {
    const ac_cpu_machine *m = &p->machine;
    uint32_t node;
    for (uint32_t i = 0; i < m->n_cpus; i++)
        if (m->cpus[i] >= p->cpus) p->cpus = m->cpus[i] + 1;
    p->place_of_cpu = malloc(p->cpus * sizeof *p->place_of_cpu);
    uint32_t *list = calloc(m->n_cpus, sizeof *list);
    bool ok = p->place_of_cpu && list;
    for (uint32_t i = 0; ok && i < p->cpus; i++) p->place_of_cpu[i] = NOBODY;
    for (uint32_t id = p->threads; ok && id-- > 0;) {
        uint32_t n = p->bound ? ac__cpu_place(m, p->threads, id, list, &node) : 0;
        for (uint32_t i = 0; i < n; i++) p->place_of_cpu[list[i]] = (int32_t)id;
    }
    free(list);
    return ok ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "no memory for the places of %u threads", p->threads);
}

/* ---- Workers --------------------------------------------------------------------------------- */

static void finished(ac_cpu_pool *p) {
    if (atomic_fetch_sub_explicit(&p->busy, 1, memory_order_acq_rel) == 1)
        ac__cpu_word_set(&p->left, ac__cpu_word_get(&p->left) + 1);
}

static void *worker_main(void *arg) {
    worker *w = arg;
    ac_cpu_pool *p = w->pool;
    bind_worker(p, w->id);
    for (uint32_t seen = 0;; seen++) {
        ac__cpu_word_wait(&w->go, seen, p->spin);
        if (p->stop) return NULL;
        p->work(p->user, w->id, p->n);
        finished(p);
    }
}

/* The host's signals are for its own threads; faults stay where they happen. */
static void block_signals(sigset_t *old) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

static bool start_one(ac_cpu_pool *p, uint32_t id, const pthread_attr_t *attributes) {
    worker *w = &p->workers[id];
    char name[24];
    *w = (worker){.pool = p, .id = id};
    if (pthread_create(&w->thread, attributes, worker_main, w)) return false;
#ifdef __linux__
    snprintf(name, sizeof name, "anychip-%u", id);
    pthread_setname_np(w->thread, name);
#else
    (void)name;
#endif
    return true;
}

/* All threads, or as many as there can be: then the calling thread is number 0 and nobody has a place. */
static void start(ac_cpu_pool *p) {
    sigset_t old;
    pthread_attr_t attributes;
    p->owner = getpid();
    p->first = p->bound ? 0 : 1;
    p->started = p->first;
    p->stop = false;
    p->left = (ac_cpu_word){0};
    if (pthread_attr_init(&attributes)) return;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    block_signals(&old);
    while (p->threads > 1 && p->started < p->threads && start_one(p, p->started, &attributes)) p->started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    p->n = p->started < p->threads && p->first == 0 ? p->started + 1 : p->started;
    if (p->n > p->threads) p->n = p->threads;
}

static void end(ac_cpu_pool *p) {
    if (p->owner != getpid()) return; /* a child of fork() has no threads but its own */
    p->stop = true;
    for (uint32_t i = p->first; i < p->started; i++)
        ac__cpu_word_set(&p->workers[i].go, ac__cpu_word_get(&p->workers[i].go) + 1);
    for (uint32_t i = p->first; i < p->started; i++) pthread_join(p->workers[i].thread, NULL);
}

/* ---- Open, run, close ------------------------------------------------------------------------ */

static void describe(ac_cpu_pool *p) {
    int n = snprintf(p->text, sizeof p->text, "%u thread%s", p->threads, p->threads == 1 ? "" : "s");
    if (p->bound)
        n += snprintf(p->text + n, sizeof p->text - (size_t)n, " bound to %u cores", p->machine.n_cores);
    if (p->bound && p->machine.n_nodes > 1)
        snprintf(p->text + n, sizeof p->text - (size_t)n, " on %u NUMA nodes", p->machine.n_nodes);
}

ac_status ac__cpu_pool_open(uint32_t threads, ac_cpu_pool **out, ac_error *err) {
    *out = NULL;
    ac_cpu_pool *p = NULL;
    if (posix_memalign((void **)&p, 64, sizeof *p))
        return ac_fail(err, AC_ERR_MEMORY, "no memory for threads");
    memset(p, 0, sizeof *p);
    ac_status status = ac__cpu_machine_read(&p->machine, err);
    if (status == AC_OK) {
        p->threads = p->n = threads ? threads : ac__cpu_default_threads(&p->machine);
        p->bind = p->machine.here && p->machine.binding != AC_CPU_BIND_NEVER;
        p->bound = p->bind && ac__cpu_bound(&p->machine, p->threads);
        p->spin = p->threads > p->machine.n_cpus ? 0 : SPIN_NS;
        describe(p);
        status = map_places(p, err);
    }
    if (status == AC_OK && posix_memalign((void **)&p->workers, 64, p->threads * sizeof *p->workers))
        status = ac_fail(err, AC_ERR_MEMORY, "no memory for %u threads", p->threads);
    if (status != AC_OK)
        ac__cpu_pool_close(p);
    else
        *out = p;
    return status;
}

void ac__cpu_pool_close(ac_cpu_pool *p) {
    if (!p) return;
    end(p);
    ac__cpu_machine_free(&p->machine);
    free(p->place_of_cpu);
    free(p->workers);
    free(p);
}

uint32_t ac__cpu_pool_threads(const ac_cpu_pool *p) {
    return p->threads;
}
uint32_t ac__cpu_pool_spin(const ac_cpu_pool *p) {
    return p->spin;
}
uint64_t ac__cpu_pool_nodes(const ac_cpu_pool *p) {
    return p->machine.nodes;
}
const char *ac__cpu_pool_text(const ac_cpu_pool *p) {
    return p->text;
}

/* Which of the threads the calling one is in this run. */
static uint32_t own_id(const ac_cpu_pool *p) {
    int32_t cpu = p->first == 0 && p->started == p->threads ? here() : NOBODY;
    int32_t place = cpu >= 0 && (uint32_t)cpu < p->cpus ? p->place_of_cpu[cpu] : NOBODY;
    if (p->first > 0) return 0;
    if (p->started < p->threads) return p->started;
    return place != NOBODY ? (uint32_t)place : p->n; /* n: none of them */
}

void ac__cpu_pool_run(ac_cpu_pool *p, void (*work)(void *user, uint32_t id, uint32_t threads), void *user) {
    if (p->owner != getpid()) start(p);
    uint32_t self = own_id(p), others = p->n - (self < p->n);
    p->work = work;
    p->user = user;
    atomic_store_explicit(&p->busy, others, memory_order_relaxed);
    uint32_t round = ac__cpu_word_get(&p->left);
    for (uint32_t i = 0; i < p->n; i++)
        if (i != self) ac__cpu_word_set(&p->workers[i].go, ac__cpu_word_get(&p->workers[i].go) + 1);
    if (self < p->n) work(user, self, p->n);
    if (others) ac__cpu_word_wait(&p->left, round, p->spin);
}

void ac__cpu_pool_spread(const ac_cpu_pool *p, void *memory, uint64_t bytes) {
#ifdef __linux__
    long page = sysconf(_SC_PAGESIZE);
    if (p->machine.n_nodes < 2 || !p->bind || page < 1) return;
    uintptr_t first = ((uintptr_t)memory + (uintptr_t)page - 1) / (uintptr_t)page * (uintptr_t)page;
    uintptr_t last = ((uintptr_t)memory + bytes) / (uintptr_t)page * (uintptr_t)page;
    unsigned long nodes[2] = {(unsigned long)p->machine.nodes, 0};
    if (first < last) syscall(SYS_mbind, first, last - first, MPOL_INTERLEAVE, nodes, 65, 0);
#else
    (void)p;
    (void)memory;
    (void)bytes;
#endif
}
