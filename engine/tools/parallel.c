/* parallel.c - a loop over threads for the tools: work that takes milliseconds a piece, so that starting
 * threads costs nothing that one could see. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "exact.h"
#include "tools.h"

enum { MAX_THREADS = 256 };

typedef struct loop {
    void (*work)(void *user, size_t i);
    void *user;
    size_t n;
    atomic_size_t next;
} loop;

static void *run(void *arg) {
    AC_FP_SCOPE;
    loop *l = arg;
    for (size_t i; (i = atomic_fetch_add(&l->next, 1)) < l->n;) l->work(l->user, i);
    return NULL;
}

static unsigned allowed(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (unsigned)CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

void ac__parallel(unsigned threads, size_t n, void (*work)(void *user, size_t i), void *user) {
    pthread_t others[MAX_THREADS];
    unsigned started = 0;
    loop l = {work, user, n, 0};
    if (!threads) threads = allowed();
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    if (threads > n) threads = (unsigned)n;
    while (started + 1 < threads && pthread_create(&others[started], NULL, run, &l) == 0) started++;
    run(&l);
    for (unsigned i = 0; i < started; i++) pthread_join(others[i], NULL);
}
