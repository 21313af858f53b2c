/* bench_roof.c - several threads at once measure memory and multipliers. */
#include "bench_roof.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PASSES = 8, WINDOWS = 5, MAX_THREADS = 1024 };

typedef struct team {
    unsigned threads;
    uint8_t *memory;
    size_t slice; /* bytes per thread */
    bench_peak_fn *peak;
    pthread_mutex_t gate;
    bool abandoned;
    pthread_barrier_t barrier;
    double pass_seconds;                /* the fastest pass over all memory */
    double rates[WINDOWS][MAX_THREADS]; /* operations per second */
} team;

typedef struct member {
    team *team;
    unsigned index;
    pthread_t thread;
} member;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef uint64_t lanes __attribute__((vector_size(64), aligned(64), may_alias));

static uint64_t read_all(const void *p, size_t bytes) {
    const lanes *at = p;
    lanes sum[4] = {{0}};
    for (size_t i = 0; i < bytes / sizeof *at; i += 4)
        for (int k = 0; k < 4; k++) sum[k] ^= at[i + (size_t)k];
    sum[0] ^= sum[1] ^ sum[2] ^ sum[3];
    return sum[0][0] ^ sum[0][3] ^ sum[0][7];
}

static void read_passes(member *m) {
    team *t = m->team;
    uint8_t *p = t->memory + m->index * t->slice;
    volatile uint64_t sink = 0;
    memset(p, (int)m->index + 1, t->slice); /* the thread that reads a page has touched it first */
    for (int i = 0; i < PASSES; i++) {
        pthread_barrier_wait(&t->barrier);
        double from = now();
        sink = sink + read_all(p, t->slice);
        pthread_barrier_wait(&t->barrier);
        double seconds = now() - from;
        if (m->index == 0 && (t->pass_seconds == 0 || seconds < t->pass_seconds)) t->pass_seconds = seconds;
    }
}

static void peak_windows(member *m) {
    team *t = m->team;
    size_t rounds = 1000;
    double from, seconds;
    do { /* how many rounds take 20 ms */
        rounds *= 2;
        from = now();
        t->peak(rounds);
        seconds = now() - from;
    } while (seconds < 0.01 && rounds < (size_t)1 << 40);
    rounds *= 2;
    for (int w = 0; w < WINDOWS; w++) {
        pthread_barrier_wait(&t->barrier);
        from = now();
        double ops = t->peak(rounds);
        t->rates[w][m->index] = ops / (now() - from);
    }
}

static void *work(void *arg) {
    member *m = arg;
    pthread_mutex_lock(&m->team->gate); /* held until it is known whether everybody is there */
    bool abandoned = m->team->abandoned;
    pthread_mutex_unlock(&m->team->gate);
    if (abandoned) return NULL;
    if (m->team->memory) read_passes(m);
    if (m->team->peak) peak_windows(m);
    return NULL;
}

/* 512 MiB, less on small machines. */
static void get_memory(team *t, bench_roof *out) {
    long page = sysconf(_SC_PAGESIZE), all = sysconf(_SC_PHYS_PAGES);
    size_t want = (size_t)512 << 20, have = page > 0 && all > 0 ? (size_t)page * (size_t)all / 8 : want;
    if (have < want) want = have;
    t->slice = want / t->threads / 4096 * 4096;
    t->memory = mmap(NULL, t->slice * t->threads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (t->memory != MAP_FAILED && t->slice) {
        madvise(t->memory, t->slice * t->threads, MADV_HUGEPAGE);
        return;
    }
    t->memory = NULL;
    snprintf(out->why_no_read, sizeof out->why_no_read, "there is no memory to measure with");
}

/* Everybody at once; false when the system gives too few threads. */
static bool run(team *t, member *members) {
    unsigned started = 1;
    if (pthread_barrier_init(&t->barrier, NULL, t->threads)) return false;
    pthread_mutex_init(&t->gate, NULL);
    pthread_mutex_lock(&t->gate);
    members[0] = (member){.team = t};
    for (; started < t->threads; started++) {
        members[started] = (member){.team = t, .index = started};
        if (pthread_create(&members[started].thread, NULL, work, &members[started])) break;
    }
    t->abandoned = started < t->threads;
    pthread_mutex_unlock(&t->gate);
    work(&members[0]);
    for (unsigned i = 1; i < started; i++) pthread_join(members[i].thread, NULL);
    pthread_mutex_destroy(&t->gate);
    pthread_barrier_destroy(&t->barrier);
    return !t->abandoned;
}

static void take(const team *t, bench_roof *out) {
    if (t->memory) out->read_bytes = (double)t->slice * t->threads / t->pass_seconds;
    for (int w = 0; w < WINDOWS; w++) {
        double sum = 0;
        for (unsigned i = 0; i < t->threads; i++) sum += t->rates[w][i];
        if (sum > out->int8_ops) out->int8_ops = sum;
    }
}

void bench_roof_measure(unsigned threads, const char *isa, bench_roof *out) {
    const char *why_not = "";
    *out = (bench_roof){.threads = threads > MAX_THREADS ? MAX_THREADS : threads ? threads : 1};
    team *t = calloc(1, sizeof *t);
    member *members = calloc(out->threads, sizeof *members);
    bool measured = false;
    if (t && members) {
        t->threads = out->threads;
        t->peak = bench_peak_find(isa, &why_not);
        if (!t->peak) snprintf(out->why_no_int8, sizeof out->why_no_int8, "%s", why_not);
        get_memory(t, out);
        measured = run(t, members);
        if (measured) take(t, out);
        if (t->memory) munmap(t->memory, t->slice * t->threads);
    }
    if (!measured) {
        snprintf(out->why_no_read, sizeof out->why_no_read, "%u threads could not be started", out->threads);
        snprintf(out->why_no_int8, sizeof out->why_no_int8, "%s", out->why_no_read);
    }
    free(members);
    free(t);
}
