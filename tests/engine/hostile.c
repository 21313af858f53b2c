/* Models that parse but make no sense: each must be refused with a detail that names the guilty thing. And
 * requests that no session can serve. */
#include "support.h"
#include "synth.h"

static const synth good = {.arch = "llama",
                           .type = AC_TYPE_Q8_0,
                           .dim = 64,
                           .layers = 2,
                           .heads = 2,
                           .kv_heads = 1,
                           .head_dim = 32,
                           .ffn = 96,
                           .vocab = 40,
                           .context = 600};

static void refused(const char *what, const gw *file, ac_status want, const char *needle) {
    ac_error err = {0};
    ac_model *m = NULL;
    ac_status status = ac_model_open_memory(file->p, file->n, NULL, &m, &err);
    CHECK(status == want && strstr(err.detail, needle) && !m, "%s: want %s naming \"%s\", got %s: %s", what,
          ac_status_name(want), needle, ac_status_name(status), err.detail);
}

/* The file with every occurrence of one byte string replaced by another of the same length. */
static gw replaced(const synth *m, const void *from, const void *to, size_t n) {
    gw w = synth_model(m);
    bool found = false;
    for (size_t i = 0; i + n <= w.n && i < 4096; i++) {
        if (memcmp(w.p + i, from, n)) continue;
        memcpy(w.p + i, to, n);
        found = true;
    }
    CHECK(found, "the test's own pattern is not in the file");
    return w;
}

static void refused_text(const char *what, const char *from, const char *to, ac_status want,
                         const char *needle) {
    gw w = replaced(&good, from, to, strlen(from));
    refused(what, &w, want, needle);
    gw_free(&w);
}

/* Key `suffix` of the synthetic model set to another number. */
static void refused_key(const char *suffix, uint32_t was, uint32_t now, ac_status want, const char *needle) {
    uint8_t from[160], to[160];
    char key[128];
    snprintf(key, sizeof key, "llama.%s", suffix);
    size_t n = strlen(key);
    uint32_t type = AC_KV_U32;
    memcpy(from, key, n), memcpy(from + n, &type, 4), memcpy(from + n + 4, &was, 4);
    memcpy(to, from, n + 4), memcpy(to + n + 4, &now, 4);
    gw w = replaced(&good, from, to, n + 8);
    refused(suffix, &w, want, needle);
    gw_free(&w);
}

static void bad_models(void) {
    refused_text("architecture", "llama", "lamma", AC_ERR_UNSUPPORTED, "lamma");
    refused_text("missing tensor", "blk.1.ffn_up.weight", "blk.1.ffn_op.weight", AC_ERR_UNSUPPORTED,
                 "blk.1.ffn_op.weight");
    refused_text("foreign tensor", "output_norm.weight", "output_norn.weight", AC_ERR_UNSUPPORTED,
                 "output_norn.weight");
    refused_key("embedding_length", 64, 0, AC_ERR_FORMAT, "llama.embedding_length");
    refused_key("embedding_length", 64, 128, AC_ERR_FORMAT,
                "token_embd.weight: want [128, 40], the file has q8_0 [64, 40]");
    refused_key("block_count", 2, 3, AC_ERR_FORMAT, "blk.2.attn_norm.weight is missing");
    refused_key("block_count", 2, 1, AC_ERR_UNSUPPORTED, "blk.1.");
    refused_key("block_count", 2, 0xffffffff, AC_ERR_FORMAT, "llama.block_count");
    refused_key("feed_forward_length", 96, 97, AC_ERR_FORMAT, "blk.0.ffn_gate.weight");
    refused_key("attention.head_count", 2, 0, AC_ERR_FORMAT, "llama.attention.head_count");
    refused_key("attention.head_count", 2, 65, AC_ERR_FORMAT, "llama.attention.head_count");
    refused_key("attention.head_count_kv", 1, 3, AC_ERR_FORMAT, "llama.attention.head_count_kv");
    refused_key("attention.key_length", 32, 0, AC_ERR_FORMAT, "llama.attention.key_length");
    refused_key("attention.value_length", 32, 16, AC_ERR_UNSUPPORTED, "llama.attention.value_length");
    refused_key("context_length", 600, 0, AC_ERR_FORMAT, "llama.context_length");
}

static void bad_sessions(ac_model *m) {
    struct {
        ac_session_settings set;
        const char *needle;
    } rows[6];
    for (int i = 0; i < 6; i++) ac_session_defaults(&rows[i].set);
    rows[0].set.context = 1u << 25, rows[0].needle = "context is 33554432, want 1 to 16777216";
    rows[1].set.sequences = 0, rows[1].needle = "sequences";
    rows[2].set.batch = 0, rows[2].needle = "batch";
    rows[3].set.max_outputs = 0, rows[3].needle = "max_outputs";
    rows[4].set.cache_pages = UINT32_MAX, rows[4].needle = "cache_pages";
    rows[5].set.size = 3, rows[5].needle = "ac_session_defaults";
    for (int i = 0; i < 6; i++) {
        ac_error err = {0};
        ac_session *s = NULL;
        ac_status status = ac_session_open(m, &rows[i].set, &s, &err);
        CHECK(status == AC_ERR_ARGUMENT && strstr(err.detail, rows[i].needle) && !s, "row %d: %s: %s", i,
              ac_status_name(status), err.detail);
    }
}

static void bad_rows(ac_model *m) {
    ac_error err = {0};
    ac_session_settings set;
    ac_session_defaults(&set);
    set.context = 600, set.sequences = 2, set.cache_pages = 3, set.batch = 16;
    ac_session *s;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    int32_t *ids = random_ids(1, 601, 40);
    CHECK(ac_session_feed(s, (int32_t[]){40}, 1, &err) == AC_ERR_TEXT, "%s", err.detail);
    CHECK(ac_session_feed(s, (int32_t[]){-1}, 1, &err) == AC_ERR_TEXT, "%s", err.detail);
    CHECK(ac_session_feed(s, ids, 601, &err) == AC_ERR_CONTEXT_FULL && strstr(err.detail, "600"), "%s",
          err.detail);
    CHECK(ac_session_eval(s, &(ac_row){1, 2, true}, 1, &err) == AC_ERR_ARGUMENT, "%s", err.detail);
    CHECK(ac_session_eval(s, (ac_row[]){{1, 0, true}, {1, 0, true}}, 2, &err) == AC_ERR_ARGUMENT &&
              strstr(err.detail, "max_outputs"),
          "%s", err.detail);
    CHECK(ac_session_length(s, 0) == 0, "a refused eval must append nothing");
    CHECK_OK(ac_session_feed(s, ids, 600, &err));
    CHECK(ac_session_eval(s, &(ac_row){1, 1, true}, 1, &err) == AC_ERR_CONTEXT_FULL &&
              strstr(err.detail, "pages"),
          "%s", err.detail);
    CHECK(ac_session_fork(s, 0, 1, 10, &err) == AC_ERR_CONTEXT_FULL, "%s", err.detail);
    CHECK(ac_session_fork(s, 0, 0, 10, &err) == AC_ERR_ARGUMENT, "%s", err.detail);
    CHECK(ac_session_truncate(s, 0, 601, &err) == AC_ERR_ARGUMENT, "%s", err.detail);
    CHECK(ac_session_logits(s, 1) == NULL && ac_session_logits(s, 0), "logits");
    CHECK_OK(ac_session_eval(s, NULL, 0, &err));
    free(ids);
    ac_session_close(&s);
}

static bool stop_at_third(void *user) {
    return ++*(int *)user >= 3;
}

/* A cancelled eval leaves the session as before, and the next one gives the same bits as ever. */
static void cancelled(ac_model *m) {
    ac_error err = {0};
    int asked = 0;
    ac_session_settings set;
    ac_session_defaults(&set);
    set.batch = 16, set.cancel = stop_at_third, set.cancel_user = &asked;
    ac_session *a, *b = open_session(m, 0, 1, 16, 1);
    CHECK_OK(ac_session_open(m, &set, &a, &err));
    int32_t *ids = random_ids(2, 100, 40);
    CHECK(ac_session_feed(a, ids, 100, &err) == AC_ERR_CANCELLED, "%s", err.detail);
    CHECK(ac_session_length(a, 0) == 0, "length %u after a cancelled eval", ac_session_length(a, 0));
    asked = -1000;
    CHECK_OK(ac_session_feed(a, ids, 100, &err));
    CHECK_OK(ac_session_feed(b, ids, 100, &err));
    same_bits("after a cancelled eval", ac_session_logits(b, 0), ac_session_logits(a, 0), 40);
    free(ids);
    ac_session_close(&a);
    ac_session_close(&b);
}

int main(void) {
    way w = {0};
    bad_models();
    gw file = synth_model(&good);
    source from = {"good", file.p, file.n};
    ac_model *m = open_model(&from, &w);
    bad_sessions(m);
    bad_rows(m);
    cancelled(m);
    ac_error err = {0};
    size_t n;
    CHECK(ac_tokenize(m, "a", 1, 0, NULL, 0, &n, &err) == AC_ERR_NOT_FOUND, "%s", err.detail);
    CHECK(ac_generate(m, NULL, 1, NULL, NULL, NULL, &err) == AC_ERR_ARGUMENT, "%s", err.detail);
    ac_model_close(&m);
    ac_model_settings set;
    ac_model_defaults(&set);
    static const char *const devices[] = {"",     "gpu!",        "nope:0",      "cpu:7",
                                          "cpu,", "cpu,cpu,cpu", "cpu:99999999"};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        set.device = devices[i];
        ac_status status = ac_model_open_memory(file.p, file.n, &set, &m, &err);
        CHECK(status != AC_OK && !m && err.detail[0], "device \"%s\" was accepted", devices[i]);
        printf("device \"%s\": %s: %s\n", devices[i], ac_status_name(status), err.detail);
    }
    gw_free(&file);
    return 0;
}
