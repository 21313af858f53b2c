/* cpu_barrier.c - where threads wait for each other: a short spin, then sleep, so that a busy or
 * oversubscribed machine is not punished. The OpenMP runtimes' own barriers spin for milliseconds. */
#include "cpu.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void wake_all(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
#else
static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
    (void)word;
    (void)value;
    sched_yield();
}
static void wake_all(_Atomic uint32_t *word) {
    (void)word;
}
#endif

enum { SPINS = 1000 };

static void pause_cpu(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* round and sleepers are stored and loaded in one total order: a sleeper either sees the new round or is seen
 * by the one who wakes. */
void ac__cpu_barrier_wait(ac_cpu_barrier *b, uint32_t threads) {
    uint32_t round = atomic_load_explicit(&b->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
        atomic_store(&b->round, round + 1);
        if (atomic_load(&b->sleepers) > 0) wake_all(&b->round);
        return;
    }
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&b->round, memory_order_acquire) != round) return;
        pause_cpu();
    }
    atomic_fetch_add(&b->sleepers, 1);
    while (atomic_load(&b->round) == round) sleep_while(&b->round, round);
    atomic_fetch_sub(&b->sleepers, 1);
}
