/* pool.c - the threads of the CPU backend among those of a host program: all numbers once, nobody's affinity
 * or signals, idle when idle, several pools at once, and after fork(). */
#include "cpu_threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* It has a thread of its own at work, and ends a child that starts threads. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

static ac_error err;

static ac_cpu_pool *open_pool(uint32_t threads) {
    ac_cpu_pool *p;
    CHECK_OK(ac__cpu_pool_open(threads, &p, &err));
    return p;
}

/* ---- Each number once, all at the same time -------------------------------------------------- */

enum { MOST = 64 };

typedef struct tally {
    _Atomic uint32_t calls[MOST];
    _Atomic uint32_t threads;
    ac_cpu_barrier barrier;
    bool meet;
} tally;

static void count(void *user, uint32_t id, uint32_t threads) {
    tally *t = user;
    atomic_fetch_add(&t->calls[id], 1);
    atomic_store(&t->threads, threads);
    for (int i = 0; t->meet && i < 20; i++) ac__cpu_barrier_wait(&t->barrier, threads, i % 2 ? 0 : 20000);
}

static void run_often(ac_cpu_pool *p, uint32_t want, uint32_t runs, bool meet) {
    tally t = {.meet = meet};
    for (uint32_t i = 0; i < runs; i++) ac__cpu_pool_run(p, count, &t);
    CHECK(t.threads == want, "%u threads of %u", t.threads, want);
    for (uint32_t i = 0; i < want; i++)
        CHECK(t.calls[i] == runs, "thread %u: %u runs of %u", i, t.calls[i], runs);
}

static void numbers(void) {
    static const uint32_t threads[] = {1, 2, 3, 4, 7, 33};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        ac_cpu_pool *p = open_pool(threads[i]);
        CHECK(ac__cpu_pool_threads(p) == threads[i], "%u", ac__cpu_pool_threads(p));
        run_often(p, threads[i], 50, true);
        ac__cpu_pool_close(p);
    }
    ac__cpu_pool_close(open_pool(4)); /* never used */
    ac__cpu_pool_close(NULL);
}

/* ---- The calling thread's affinity ----------------------------------------------------------- */

static void on_every_cpu(void) {
    cpu_set_t before, one, after;
    CHECK(!sched_getaffinity(0, sizeof before, &before), "affinity");
    ac_cpu_pool *p = open_pool(0), *two = open_pool(2);
    uint32_t n = ac__cpu_pool_threads(p);
    run_often(p, n, 20, true);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &before)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(!sched_setaffinity(0, sizeof one, &one), "bind to %d", cpu);
        run_often(p, n, 20, true);
        run_often(two, 2, 20, true);
        CHECK(!sched_getaffinity(0, sizeof after, &after) && CPU_EQUAL(&one, &after), "changed on %d", cpu);
    }
    CHECK(!sched_setaffinity(0, sizeof before, &before), "back");
    run_often(p, n, 20, true);
    CHECK(!sched_getaffinity(0, sizeof after, &after) && CPU_EQUAL(&before, &after), "affinity was changed");
    ac__cpu_pool_close(p), ac__cpu_pool_close(two);
}

/* A cpuset of one: one thread by default, and more work all the same. */
static void confined(void) {
    cpu_set_t before, one;
    CHECK(!sched_getaffinity(0, sizeof before, &before), "affinity");
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK(!sched_setaffinity(0, sizeof one, &one), "bind");
    ac_cpu_pool *p = open_pool(0), *three = open_pool(3);
    CHECK(ac__cpu_pool_threads(p) == 1, "%u threads on one processor", ac__cpu_pool_threads(p));
    CHECK(ac__cpu_pool_spin(three) == 0, "more threads than processors must not spin");
    run_often(three, 3, 20, true);
    ac__cpu_pool_close(p), ac__cpu_pool_close(three);
    CHECK(!sched_setaffinity(0, sizeof before, &before), "back");
}

/* ---- Signals ---------------------------------------------------------------------------------- */

static _Atomic int elsewhere;
static pthread_t main_thread;

static void on_signal(int number) {
    (void)number;
    if (!pthread_equal(pthread_self(), main_thread)) elsewhere = 1;
}

static void signals(void) {
    ac_cpu_pool *p = open_pool(4);
    main_thread = pthread_self();
    signal(SIGUSR1, on_signal);
    run_often(p, 4, 2, true);
    for (int i = 0; i < 200; i++) kill(getpid(), SIGUSR1);
    CHECK(!elsewhere, "a signal was handled by a thread of the pool");
    ac__cpu_pool_close(p);
}

/* ---- Idle -------------------------------------------------------------------------------------- */

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void idle(void) {
    const struct timespec nap = {0, 300000000};
    ac_cpu_pool *p = open_pool(8);
    run_often(p, 8, 10, true);
    double before = cpu_seconds();
    nanosleep(&nap, NULL);
    double used = cpu_seconds() - before;
    printf("idle for 0.3 s: %.6f s of processor time\n", used);
#ifndef UNDER_TSAN
    CHECK(used < 0.01, "8 threads without work used %.3f s of processor time in 0.3 s", used);
#endif
    ac__cpu_pool_close(p);
}

/* ---- Several hosts' threads, each with a pool ------------------------------------------------- */

static void *host(void *arg) {
    ac_cpu_pool *p = open_pool((uint32_t)(uintptr_t)arg);
    run_often(p, (uint32_t)(uintptr_t)arg, 100, true);
    ac__cpu_pool_close(p);
    return NULL;
}

static void several(void) {
    pthread_t t[4];
    for (uintptr_t i = 0; i < 4; i++) CHECK(!pthread_create(&t[i], NULL, host, (void *)(i + 2)), "thread");
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
}

/* ---- fork -------------------------------------------------------------------------------------- */

#ifndef UNDER_TSAN
static void forked(void) {
    ac_cpu_pool *p = open_pool(4), *fresh = open_pool(3);
    int status;
    run_often(p, 4, 10, true);
    pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) {
        alarm(20);
        run_often(p, 4, 10, true);
        run_often(fresh, 3, 10, true);
        ac__cpu_pool_close(p);
        ac_cpu_pool *own = open_pool(2);
        run_often(own, 2, 10, true);
        ac__cpu_pool_close(own);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "the child: %d", status);
    run_often(p, 4, 10, true); /* the parent's are still there */
    run_often(fresh, 3, 10, true);
    if ((child = fork()) == 0) {
        ac__cpu_pool_close(p); /* used by the parent only */
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0, "closing in a child: %d", status);
    ac__cpu_pool_close(p), ac__cpu_pool_close(fresh);
}
#endif

int main(void) {
    alarm(120); /* a lost wake-up ends the test */
    numbers();
    on_every_cpu();
    confined();
    signals();
    idle();
    several();
#ifndef UNDER_TSAN
    forked();
#endif
    return 0;
}
