/* forked DEVICE: a child of fork() has no use for its parent's devices. It is told so, can go on with the
 * same text on the CPU and close what it inherited; the parent notices nothing. */
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "synth.h"

enum { LENGTH = 40, SECONDS = 100 };

static uint32_t vocab;
static int32_t *ids;

/* What the parent has opened is of no use, and neither is `again`, NULL for none; the CPU is. */
static void child(ac_model *m, ac_session *s, const char *again, const float *want) {
    ac_error err = {0};
    ac_session *other;
    ac_model_settings set;
    float *have = malloc(vocab * sizeof *have);
    alarm(SECONDS); /* a driver without its threads is waited for in vain */
    CHECK(have, "memory");
    CHECK(ac_session_feed(s, ids, 1, &err) == AC_ERR_DEVICE_LOST && strstr(err.detail, "fork"), "%s",
          err.detail);
    CHECK(ac_session_open(m, NULL, &other, &err) == AC_ERR_DEVICE_LOST && !other, "%s", err.detail);
    CHECK(ac_session_fork(s, 0, 1, LENGTH - 1, &err) == AC_ERR_DEVICE_LOST, "%s", err.detail);
    CHECK(ac_session_profile(s, true, &err) == AC_ERR_DEVICE_LOST, "%s", err.detail);
    ac_model_defaults(&set);
    set.device = again;
    if (again)
        CHECK(ac_model_reopen(m, &set, &err) == AC_ERR_DEVICE && strstr(err.detail, "fork"), "%s",
              err.detail);
    set.device = "cpu";
    CHECK_OK(ac_model_reopen(m, &set, &err));
    feed(s, 0, ids, 1, vocab, have);
    same_bits("in the child", have, want, vocab);
    ac_session_close(&s);
    ac_model_close(&m);
    fflush(stdout);
    _exit(0);
}

/* Runs `child` in one, with what the parent holds, or closing that unused. */
static void in_child(ac_model *m, ac_session *s, const char *again, const float *want) {
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0 && want) child(m, s, again, want);
    if (pid == 0) {
        alarm(SECONDS);
        ac_session_close(&s);
        ac_model_close(&m);
        _exit(0);
    }
    int state = 0;
    CHECK(waitpid(pid, &state, 0) == pid && state == 0, "the child ended with %x", (unsigned)state);
}

int main(int argc, char **argv) {
    CHECK(argc == 2, "usage: forked DEVICE");
    synth shape = {.arch = "llama",
                   .type = AC_TYPE_Q8_0,
                   .dim = 128,
                   .layers = 2,
                   .heads = 2,
                   .kv_heads = 1,
                   .head_dim = 64,
                   .ffn = 256,
                   .vocab = 307,
                   .context = 512,
                   .seed = 6};
    gw w = synth_model(&shape);
    const source from = {"synthetic", w.p, w.n};
    ac_error err = {0};
    ac_model *m;
    ac_model_settings set;
    ac_model_defaults(&set);
    set.device = argv[1];
    set.cache_dir = "";
    ac_status status = ac_model_open_memory(from.data, from.bytes, &set, &m, &err);
    if (status != AC_OK) {
        CHECK(status == AC_ERR_DEVICE || status == AC_ERR_NOT_FOUND, "%s", err.detail);
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    vocab = vocab_of(m);
    ids = random_ids(3, LENGTH, vocab);
    ac_model *cpu = open_model(&from, &(way){.device = "cpu"});
    ac_session *s = open_session(m, 400, 2, 32, 1), *t = open_session(cpu, 400, 2, 32, 1);
    float *want = malloc(2 * vocab * sizeof *want);
    CHECK(want, "memory");
    feed(s, 0, ids, LENGTH, vocab, NULL);
    feed(t, 0, ids, LENGTH, vocab, NULL);
    feed(t, 0, ids, 1, vocab, want);
    in_child(m, s, strncmp(argv[1], "cl", 2) ? NULL : argv[1], want);
    in_child(m, s, NULL, NULL);
    feed(s, 0, ids, 1, vocab, want + vocab);
    same_bits("in the parent", want + vocab, want, vocab);
    ac_session_close(&s), ac_session_close(&t);
    ac_model_close(&m), ac_model_close(&cpu);
    free(want), free(ids);
    gw_free(&w);
    return 0;
}
