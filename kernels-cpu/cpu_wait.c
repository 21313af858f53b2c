/* cpu_wait.c - where threads wait: a short spin, then sleep. */
#include "cpu_threads.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

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
/* No futex: naps. */
static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
    const struct timespec nap = {0, 200000};
    (void)word;
    (void)value;
    nanosleep(&nap, NULL);
}
static void wake_all(_Atomic uint32_t *word) {
    (void)word;
}
#endif

static void pause_cpu(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

uint64_t ac__cpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t ac__cpu_word_get(const ac_cpu_word *w) {
    return atomic_load_explicit(&w->value, memory_order_acquire);
}

/* value and sleepers are stored and loaded in one total order: a sleeper either sees the new value or is seen
 * by the one who sets it. */
void ac__cpu_word_set(ac_cpu_word *w, uint32_t value) {
    atomic_store(&w->value, value);
    if (atomic_load(&w->sleepers) > 0) wake_all(&w->value);
}

/* The length of a pause differs a hundredfold between processors, so the clock decides. */
static bool spin(const ac_cpu_word *w, uint32_t value, uint32_t spin_ns) {
    enum { LOOKS = 16 }; /* between two looks at the clock */
    if (ac__cpu_word_get(w) != value) return true;
    if (!spin_ns) return false;
    uint64_t end = ac__cpu_now() + spin_ns;
    do {
        for (int i = 0; i < LOOKS; i++) {
            pause_cpu();
            if (ac__cpu_word_get(w) != value) return true;
        }
    } while (ac__cpu_now() < end);
    return false;
}

bool ac__cpu_word_wait(ac_cpu_word *w, uint32_t value, uint32_t spin_ns) {
    if (spin(w, value, spin_ns)) return false;
    atomic_fetch_add(&w->sleepers, 1);
    while (atomic_load(&w->value) == value) sleep_while(&w->value, value);
    atomic_fetch_sub(&w->sleepers, 1);
    return true;
}

bool ac__cpu_barrier_wait(ac_cpu_barrier *b, uint32_t threads, uint32_t spin_ns) {
    uint32_t round = atomic_load_explicit(&b->round.value, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
        ac__cpu_word_set(&b->round, round + 1);
        return false;
    }
    return ac__cpu_word_wait(&b->round, round, spin_ns);
}
