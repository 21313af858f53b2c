/* reopen FROM MASK TO: a model goes on where it was, on the same device or another, after its device was
 * lost or while it was well: sessions keep their tokens, and the logits have the bits of an undisturbed run.
 * MASK "lose=N" makes FROM fail at the N-th run; "" moves the model in good health. */
#include "support.h"
#include "synth.h"

enum { SEQUENCES = 4, LENGTH = 300, TAIL = 12, STEPS = 40, CONTEXT = 400 };

static source from_memory;
static uint32_t vocab;
static int32_t *ids[2];

/* Three sequences, two of them with a common beginning of more than a page, one of them cut back inside it;
 * then steps of a token each. `logits` [STEPS][3][vocab]. */
static void set_up(ac_session *s) {
    ac_error err = {0};
    feed(s, 0, ids[0], LENGTH, vocab, NULL);
    CHECK_OK(ac_session_fork(s, 0, 1, 280, &err));
    CHECK_OK(ac_session_fork(s, 0, 3, LENGTH, &err));
    CHECK_OK(ac_session_truncate(s, 3, 100, &err)); /* inside a page that it shares */
    feed(s, 1, ids[1], TAIL, vocab, NULL);
}

static ac_status step(ac_session *s, uint32_t at, float *logits, ac_error *err) {
    static const uint32_t seqs[] = {0, 1, 3};
    ac_row rows[3];
    for (int i = 0; i < 3; i++) rows[i] = (ac_row){ids[1][(at * 3 + (uint32_t)i) % LENGTH], seqs[i], true};
    AC_TRY(ac_session_eval(s, rows, 3, err));
    for (int i = 0; i < 3; i++)
        memcpy(logits + (size_t)i * vocab, ac_session_logits(s, (size_t)i), vocab * sizeof *logits);
    return AC_OK;
}

static ac_session *session_of(ac_model *m) {
    return open_session(m, CONTEXT, SEQUENCES, 32, 3);
}

static ac_model_settings settings_of(const char *device, const char *mask) {
    ac_model_settings set;
    ac_model_defaults(&set);
    set.device = device;
    set.device_mask = mask;
    set.threads = 2;
    set.cache_dir = "";
    return set;
}

static bool missing(const char *devices) {
    ac_error err = {0};
    ac_model *m;
    ac_model_settings set = settings_of(devices, NULL);
    if (ac_model_open_memory(from_memory.data, from_memory.bytes, &set, &m, &err) == AC_OK)
        return ac_model_close(&m), false;
    CHECK(err.status == AC_ERR_DEVICE || err.status == AC_ERR_NOT_FOUND, "%s: %s", devices, err.detail);
    printf("skipped: %s: %s\n", devices, err.detail);
    return true;
}

/* What cannot be reopened leaves a model that says so, and that a device brings back. */
static void without_device(ac_model *m, ac_session *s, uint32_t length) {
    ac_error err = {0};
    float *out = malloc(3ull * vocab * sizeof *out);
    ac_model_settings set = settings_of("cpu:99", NULL);
    CHECK(out, "memory");
    CHECK(ac_model_reopen(m, &set, &err) != AC_OK && err.detail[0], "cpu:99 was opened");
    CHECK(step(s, 0, out, &err) == AC_ERR_DEVICE_LOST, "%s: %s", ac_status_name(err.status), err.detail);
    ac_session *none;
    CHECK(ac_session_open(m, NULL, &none, &err) == AC_ERR_DEVICE_LOST && !none, "%s", err.detail);
    CHECK(ac_session_length(s, 0) == length, "tokens were forgotten");
    CHECK_OK(ac_session_fork(s, 0, 2, 290, &err)); /* sequences can be worked on all the same */
    set.vocab_only = true;
    CHECK(ac_model_reopen(m, &set, &err) == AC_ERR_ARGUMENT, "vocab_only was taken");
    free(out);
}

static void undisturbed(float *logits) {
    ac_error err = {0};
    ac_model *m = open_model(&from_memory, &(way){.device = "cpu", .threads = 2});
    vocab = vocab_of(m);
    for (int i = 0; i < 2; i++) ids[i] = random_ids(7 + (uint64_t)i, LENGTH, vocab);
    ac_session *s = session_of(m);
    set_up(s);
    for (uint32_t i = 0; i < STEPS; i++) CHECK_OK(step(s, i, logits + (size_t)i * 3 * vocab, &err));
    ac_session_close(&s);
    ac_model_close(&m);
}

/* Steps until the device is lost (with a mask) or half of them; returns how many were done. */
static uint32_t first_half(ac_session *s, const char *mask, float *logits) {
    ac_error err = {0};
    uint32_t i = 0;
    for (; i < (*mask ? STEPS : STEPS / 2); i++) {
        ac_status status = step(s, i, logits + (size_t)i * 3 * vocab, &err);
        if (status == AC_OK) continue;
        CHECK(*mask && status == AC_ERR_DEVICE_LOST, "step %u: %s", i, err.detail);
        CHECK(ac_session_length(s, 0) == LENGTH + i, "a failed step left its token");
        CHECK(step(s, i, logits, &err) == AC_ERR_DEVICE_LOST, "a lost device came back by itself");
        return i;
    }
    CHECK(!*mask, "the device was not lost");
    return i;
}

static bool stop(void *user) {
    return *(bool *)user;
}

static ac_session *cancellable(ac_model *m, bool *stops) {
    ac_error err = {0};
    ac_session *s;
    ac_session_settings set;
    ac_session_defaults(&set);
    set.context = CONTEXT, set.sequences = SEQUENCES, set.batch = 32, set.max_outputs = 3;
    set.cancel = stop, set.cancel_user = stops;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    return s;
}

static void moved(const char *from, const char *mask, const char *to, const float *want) {
    ac_error err = {0};
    float *have = malloc((size_t)STEPS * 3 * vocab * sizeof *have);
    bool stops = false;
    ac_model *m;
    CHECK(have, "memory");
    ac_model_settings set = settings_of(from, mask), next = settings_of(to, NULL);
    CHECK_OK(ac_model_open_memory(from_memory.data, from_memory.bytes, &set, &m, &err));
    ac_session *s = cancellable(m, &stops), *idle = session_of(m), *closed = session_of(m);
    set_up(s);
    uint32_t done = first_half(s, mask, have);
    without_device(m, s, LENGTH + done);
    ac_session_close(&closed); /* while the model is nowhere */
    CHECK_OK(ac_model_reopen(m, &next, &err));
    stops = true; /* a replay that is cut short is done again */
    CHECK(ac_session_feed(s, ids[0], 1, &err) == AC_ERR_CANCELLED, "%s", err.detail);
    stops = false;
    for (uint32_t i = done; i < STEPS; i++) CHECK_OK(step(s, i, have + (size_t)i * 3 * vocab, &err));
    same_bits("moved", want, have, (size_t)STEPS * 3 * vocab);
    ac_model_info info;
    ac_model_describe(m, &info);
    printf("%s %s: %u steps, then %s\n", from, mask, done, info.device);
    ac_session_close(&idle);
    ac_session_close(&s);
    ac_model_close(&m);
    free(have);
}

int main(int argc, char **argv) {
    CHECK(argc == 4, "usage: reopen FROM MASK TO");
    synth shape = {.arch = "llama",
                   .type = AC_TYPE_Q4_K,
                   .dim = 256,
                   .layers = 3,
                   .heads = 4,
                   .kv_heads = 2,
                   .head_dim = 64,
                   .ffn = 512,
                   .vocab = 307,
                   .context = 512,
                   .seed = 5};
    gw w = synth_model(&shape);
    from_memory = (source){"synthetic", w.p, w.n};
    if (missing(argv[1]) || missing(argv[3])) return AC_SKIP;
    float *want = malloc((size_t)STEPS * 3 * 307 * sizeof *want);
    CHECK(want, "memory");
    undisturbed(want);
    moved(argv[1], argv[2], argv[3], want);
    free(want);
    for (int i = 0; i < 2; i++) free(ids[i]);
    gw_free(&w);
    return 0;
}
