/* host.c - sessions inside a program with threads of its own: OpenMP regions and plain threads that each have
 * a session, bound threads, fork, and nothing at work between two calls. */
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../engine/support.h"
#include "../engine/synth.h"

/* It has a thread of its own at work, and ends a child that starts threads. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

enum { USERS = 6, TOKENS = 40, VOCAB = 1000 };

static source model_file;
static int32_t *ids[USERS];
static float *want[USERS]; /* [VOCAB] logits of the last token of each user */

/* What user `u` gets from a session of his own on `m`, token after token; true when it is what it should be.
 */
static bool serve(ac_model *m, int u) {
    ac_session *s = open_session(m, 256, 1, 0, 1);
    feed(s, 0, ids[u], TOKENS / 2, VOCAB, NULL);
    float *out = malloc(VOCAB * sizeof *out);
    CHECK(out, "memory");
    for (int i = TOKENS / 2; i < TOKENS; i++) feed(s, 0, ids[u] + i, 1, VOCAB, out);
    bool same = want[u] && !memcmp(out, want[u], VOCAB * sizeof *out);
    if (!want[u]) want[u] = out;
    ac_session_close(&s);
    if (want[u] != out) free(out);
    return same;
}

static ac_model *open_with(unsigned threads) {
    return open_model(&model_file, &(way){.threads = threads});
}

/* ---- Threads of the host ---------------------------------------------------------------------- */

static cpu_set_t mask_of_thread(void) {
    cpu_set_t set;
    CHECK(!sched_getaffinity(0, sizeof set, &set), "affinity");
    return set;
}

/* One call of the host's thread number `u`: its session on the shared model, another model of its own, and
 * its affinity afterwards. */
static bool visit(ac_model *shared, int u) {
    cpu_set_t before = mask_of_thread();
    ac_model *own = open_with(1 + (unsigned)u % 3);
    bool ok = serve(shared, u % USERS) && serve(own, u % USERS);
    ac_model_close(&own);
    cpu_set_t after = mask_of_thread();
    return ok && CPU_EQUAL(&before, &after);
}

#ifdef _OPENMP
static void openmp(void) {
    ac_model *m = open_with(4);
    int bad = 0, threads = 0;
    for (int round = 0; round < 3; round++) {
#pragma omp parallel for num_threads(4) reduction(+ : bad) schedule(dynamic)
        for (int u = 0; u < 2 * USERS; u++) bad += !visit(m, u);
    }
    CHECK(!bad, "%d sessions went wrong", bad);
#pragma omp parallel num_threads(3) reduction(+ : threads)
    threads++;
    CHECK(threads == 3, "the host's regions have %d threads", threads);
    ac_model_close(&m);
}
#endif

typedef struct guest {
    ac_model *m;
    int u;
    bool ok;
} guest;

static void *guest_main(void *arg) {
    guest *g = arg;
    g->ok = visit(g->m, g->u);
    return NULL;
}

static void threads(void) {
    pthread_t t[USERS];
    guest g[USERS];
    ac_model *m = open_with(3);
    for (int u = 0; u < USERS; u++) {
        g[u] = (guest){m, u, false};
        CHECK(!pthread_create(&t[u], NULL, guest_main, &g[u]), "thread");
    }
    for (int u = 0; u < USERS; u++) pthread_join(t[u], NULL);
    for (int u = 0; u < USERS; u++) CHECK(g[u].ok, "user %d", u);
    ac_model_close(&m);
}

/* A host that binds its thread, elsewhere each time, while a model is open. */
static void wandering(void) {
    cpu_set_t all = mask_of_thread(), one;
    ac_model *m = open_with(0);
    for (int cpu = 0, u = 0; cpu < CPU_SETSIZE && u < 16; cpu++) {
        if (!CPU_ISSET(cpu, &all)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(!sched_setaffinity(0, sizeof one, &one), "bind");
        CHECK(visit(m, u++), "on processor %d", cpu);
    }
    CHECK(!sched_setaffinity(0, sizeof all, &all), "back");
    ac_model_close(&m);
}

/* ---- Idle ------------------------------------------------------------------------------------- */

static double processor_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void idle(void) {
    const struct timespec nap = {0, 20000000};
    ac_model *m = open_with(4);
    ac_session *s = open_session(m, 256, 1, 0, 1);
    double used = 0, most = 0;
    for (int i = 0; i < TOKENS; i++) {
        feed(s, 0, ids[0] + i, 1, VOCAB, NULL);
        double from = processor_time();
        nanosleep(&nap, NULL);
        from = processor_time() - from;
        used += from;
        if (from > most) most = from;
    }
    printf("%d pauses of 20 ms between tokens: %.3f ms of processor time in all, %.3f at most\n", TOKENS,
           1e3 * used, 1e3 * most);
#ifndef UNDER_TSAN
    CHECK(used < 0.02 * TOKENS * 0.05, "%.1f ms of processor time while nothing is to do", 1e3 * used);
#endif
    ac_session_close(&s);
    ac_model_close(&m);
}

/* ---- fork ------------------------------------------------------------------------------------- */

#ifndef UNDER_TSAN
/* A child goes on where the parent was; so does the parent. */
static void forked(void) {
    int status;
    float *parent = malloc(VOCAB * sizeof *parent);
    CHECK(parent, "memory");
    ac_model *m = open_with(4);
    ac_session *s = open_session(m, 256, 1, 0, 1);
    feed(s, 0, ids[1], TOKENS - 1, VOCAB, NULL);
    pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) alarm(60);
    feed(s, 0, ids[1] + TOKENS - 1, 1, VOCAB, parent);
    CHECK(!memcmp(parent, want[1], VOCAB * sizeof *parent), "%s", child ? "the parent" : "the child");
    CHECK(visit(m, 2), "other sessions and models of %s", child ? "the parent" : "the child");
    ac_session_close(&s);
    ac_model_close(&m);
    free(parent);
    if (child == 0) _exit(0);
    CHECK(waitpid(child, &status, 0) == child && status == 0, "the child: %d", status);
}
#endif

int main(void) {
    const synth shape = {"llama", AC_TYPE_Q4_0, 256, 3, 4, 2, 64, 512, VOCAB, 256, false, 5};
    gw w = synth_model(&shape);
    model_file = (source){"synthetic", w.p, w.n};
    for (int u = 0; u < USERS; u++) ids[u] = random_ids((uint64_t)u + 1, TOKENS, VOCAB);
    ac_model *m = open_with(1);
    for (int u = 0; u < USERS; u++) serve(m, u);
    for (int u = 0; u < USERS; u++) CHECK(serve(m, u), "twice");
    ac_model_close(&m);
    threads();
    wandering();
    idle();
#ifndef UNDER_TSAN
    forked(); /* before OpenMP's threads exist, which do not survive it */
#endif
#ifdef _OPENMP
    openmp();
#else
    printf("built without OpenMP: plain threads only\n");
#endif
    for (int u = 0; u < USERS; u++) free(ids[u]), free(want[u]);
    gw_free(&w);
    return 0;
}
