/* cpu_threads.h - the cores this process may use, and a pool of threads on them.
 *
 * A device has its own threads rather than an OpenMP runtime's: those belong to the host program too, so that
 * binding them, or how long they spin, would be its problem; and they do not survive a fork. */
#ifndef AC_CPU_THREADS_H
#define AC_CPU_THREADS_H

#include <anychip/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Machine --------------------------------------------------------------------------------- */

/* A physical core: hardware threads cpus[first .. first + n - 1], NUMA node by the system's number. Cores
 * with larger `speed` are faster. */
typedef struct ac_cpu_core {
    uint32_t first, n, node, speed;
} ac_cpu_core;

/* Whether threads get a core each. By default where it matters: cores that have several hardware threads,
 * several nodes, or cores of different speed; elsewhere the system does it as well, and better beside other
 * programs. The environment's ANYCHIP_BIND is 0 for never, 1 for always. */
typedef enum ac_cpu_binding {
    AC_CPU_BIND_NEVER,
    AC_CPU_BIND_WHERE_IT_MATTERS,
    AC_CPU_BIND_ALWAYS
} ac_cpu_binding;

/* What this process may use: the calling thread's affinity and the control group's set of processors. Cores
 * are in order of use: fastest first, those of a node together. */
typedef struct ac_cpu_machine {
    uint32_t n_cores, n_cpus, n_nodes;
    uint64_t nodes; /* bit i: node i holds some of the cores; nodes from 64 on are not told apart */
    bool here;      /* false: the description of another machine (hwloc's environment variables) */
    ac_cpu_binding binding;
    ac_cpu_core *cores;
    uint32_t *cpus; /* the system's numbers of hardware threads */
} ac_cpu_machine;

/* AC_ERR_MEMORY. What cannot be found out is left simple: one core at least, one node. */
ac_status ac__cpu_machine_read(ac_cpu_machine *out, ac_error *err);
void ac__cpu_machine_free(ac_cpu_machine *m);

/* The control group's quota in whole processors, rounded up; 0 when there is none. `root` stands before
 * /proc and /sys: "" but in tests. */
uint32_t ac__cpu_quota(const char *root);

/* Threads when nobody says how many: one per core, no more than the quota. */
uint32_t ac__cpu_default_threads(const ac_cpu_machine *m);

/* Where thread `id` of `threads` runs: writes the hardware threads to list [m->n_cpus] and returns how many.
 * 0: anywhere it was. *node is the index of its node among those in use, 0 when it is not tied to one. */
uint32_t ac__cpu_place(const ac_cpu_machine *m, uint32_t threads, uint32_t id, uint32_t *list,
                       uint32_t *node);
/* Whether each thread has a core of its own, or its share of one: only when they are enough to fill all
 * cores. Fewer would crowd onto the same cores as those of another program that does the same. */
bool ac__cpu_bound(const ac_cpu_machine *m, uint32_t threads);

/* The processor's name as it calls itself, at most `cap` bytes with the NUL. */
void ac__cpu_name(char *name, size_t cap);

/* ---- Waiting --------------------------------------------------------------------------------- */

/* A word that threads wait for: they spin a while, then sleep, so that a busy machine is not punished and an
 * idle one is idle. Starts as zeros. */
typedef struct ac_cpu_word {
    _Alignas(64) _Atomic uint32_t value;
    _Atomic uint32_t sleepers;
} ac_cpu_word;

/* Nanoseconds of a clock that only goes forward. */
uint64_t ac__cpu_now(void);

uint32_t ac__cpu_word_get(const ac_cpu_word *w);
void ac__cpu_word_set(ac_cpu_word *w, uint32_t value); /* and wakes who waits */
/* Returns when the value is another than `value`; spins at most `spin_ns` nanoseconds. True when that was not
 * enough. */
bool ac__cpu_word_wait(ac_cpu_word *w, uint32_t value, uint32_t spin_ns);

/* Threads wait until `threads` of them are here; spins and returns as above. Starts as zeros. */
typedef struct ac_cpu_barrier {
    ac_cpu_word round;
    _Alignas(64) _Atomic uint32_t arrived;
} ac_cpu_barrier;
bool ac__cpu_barrier_wait(ac_cpu_barrier *barrier, uint32_t threads, uint32_t spin_ns);

/* ---- Pool ------------------------------------------------------------------------------------ */

typedef struct ac_cpu_pool ac_cpu_pool;

/* A pool of `threads` threads (0: ac__cpu_default_threads); they are started by the first run. AC_ERR_MEMORY.
 */
ac_status ac__cpu_pool_open(uint32_t threads, ac_cpu_pool **out, ac_error *err);
void ac__cpu_pool_close(ac_cpu_pool *pool);

uint32_t ac__cpu_pool_threads(const ac_cpu_pool *pool);
uint32_t ac__cpu_pool_spin(const ac_cpu_pool *pool);    /* nanoseconds that waiting threads spin */
uint64_t ac__cpu_pool_nodes(const ac_cpu_pool *pool);   /* as in ac_cpu_machine */
const char *ac__cpu_pool_text(const ac_cpu_pool *pool); /* "4 threads, one per core" */

/* Calls work(user, id, threads) for id = 0 .. threads - 1, at the same time, the calling thread being one of
 * them; returns when all have. `threads` is less than the pool's when the system refuses to start so many.
 * One call at a time. The calling thread's affinity is not touched. In a child of fork() the threads are
 * started anew. */
void ac__cpu_pool_run(ac_cpu_pool *pool, void (*work)(void *user, uint32_t id, uint32_t threads), void *user);

/* Spreads the pages of fresh memory over the pool's nodes, whoever touches them first. */
void ac__cpu_pool_spread(const ac_cpu_pool *pool, void *p, uint64_t bytes);

#endif
