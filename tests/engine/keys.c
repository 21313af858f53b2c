/* Keys that real files have in more than one form, or that only some have: what each must mean. */
#include "hparams.h"
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

/* A key put in front of the good model's. */
typedef struct extra {
    const char *key; /* behind "llama."; NULL: none */
    char form;       /* 'u' and 'f': a number, 'a': a list of two, 't': a text */
    double v, second;
    const char *text;
} extra;

static void put(gw *w, const extra *e) {
    char key[128];
    snprintf(key, sizeof key, strchr(e->key, '!') ? "%s" : "llama.%s", e->key);
    key[strcspn(key, "!")] = 0;
    if (e->form == 'u') {
        gw_key_u32(w, key, (uint32_t)e->v);
    } else if (e->form == 'f') {
        gw_key(w, key, AC_KV_F32);
        gw_f32(w, (float)e->v);
    } else if (e->form == 't') {
        gw_key_str(w, key, e->text);
    } else {
        gw_key_array(w, key, AC_KV_U32, 2);
        gw_u32(w, (uint32_t)e->v);
        gw_u32(w, (uint32_t)e->second);
    }
}

/* The model with these keys. A key of its own by the same name is hidden behind another letter. */
static gw with_keys(const extra *list, size_t n) {
    gw model = synth_model(&good), more = {0}, w = {0};
    uint64_t count;
    memcpy(&count, model.p + 16, 8);
    for (size_t i = 0; i < n && list[i].key; i++, count++) {
        size_t length = strlen(list[i].key);
        for (size_t at = 24; at + 6 + length < 1024 && at + 6 + length < model.n; at++)
            if (!memcmp(model.p + at, "llama.", 6) && !memcmp(model.p + at + 6, list[i].key, length) &&
                model.p[at - 8] == 6 + length)
                model.p[at + 6] = 'X';
        put(&more, &list[i]);
    }
    /* the data must stay aligned: a text fills up */
    size_t filler = 8 + 1 + 4 + 8, over = (more.n + filler) % 32;
    char blanks[33] = "                                ";
    blanks[over ? 32 - over : 0] = 0;
    gw_key_str(&more, "x", blanks);
    count++;
    gw_bytes(&w, model.p, 24);
    memcpy(w.p + 16, &count, 8);
    gw_bytes(&w, more.p, more.n);
    gw_bytes(&w, model.p + 24, model.n - 24);
    gw_free(&model);
    gw_free(&more);
    return w;
}

static ac_hparams read_keys(const extra *list, size_t n) {
    ac_error err = {0};
    ac_gguf *g;
    ac_hparams h;
    gw w = with_keys(list, n);
    CHECK_OK(ac_gguf_open_memory(w.p, w.n, &g, &err));
    CHECK_OK(ac_hparams_read(g, &h, &err));
    ac_gguf_close(&g);
    gw_free(&w);
    return h;
}

/* ---- RoPE ------------------------------------------------------------------------------------ */

#define TYPE(name)                                                                                           \
    { "rope.scaling.type", 't', 0, 0, name }
#define FACTOR(v)                                                                                            \
    { "rope.scaling.factor", 'f', v, 0, NULL }
#define ORIGINAL(form, v)                                                                                    \
    { "rope.scaling.original_context_length", form, v, 0, NULL }

static const struct {
    const char *what;
    extra list[4];
    ac_rope_kind kind;
    double factor, original, attn;
} ropes[] = {
    {"nothing said", {{0}}, AC_ROPE_LINEAR, 1, 600, 1},
    {"a factor alone", {FACTOR(4)}, AC_ROPE_LINEAR, 4, 600, 1},
    {"the old key", {{"rope.scale_linear", 'f', 2, 0, NULL}}, AC_ROPE_LINEAR, 2, 600, 1},
    {"both keys", {{"rope.scale_linear", 'f', 2, 0, NULL}, FACTOR(8)}, AC_ROPE_LINEAR, 8, 600, 1},
    {"a factor of 0", {FACTOR(0)}, AC_ROPE_LINEAR, 1, 600, 1},
    {"none and a factor", {TYPE("none"), FACTOR(4)}, AC_ROPE_PLAIN, 4, 600, 1},
    {"linear, shrinking", {TYPE("linear"), FACTOR(0.5)}, AC_ROPE_LINEAR, 0.5, 600, 1},
    {"YaRN as files have it", {TYPE("yarn"), FACTOR(4), ORIGINAL('u', 150)}, AC_ROPE_YARN, 4, 150, 1},
    {"YaRN, a float", {TYPE("yarn"), FACTOR(4), ORIGINAL('f', 150)}, AC_ROPE_YARN, 4, 150, 1},
    {"YaRN in a window",
     {TYPE("yarn"), FACTOR(4), {"attention.sliding_window", 'u', 64, 0, NULL}},
     AC_ROPE_YARN,
     4,
     600,
     1},
    {"a size of its own", {{"rope.scaling.attn_factor", 'f', 1.5, 0, NULL}}, AC_ROPE_LINEAR, 1, 600, 1.5},
};

static void rope_keys(void) {
    for (size_t i = 0; i < sizeof ropes / sizeof *ropes; i++) {
        ac_rope_params p = read_keys(ropes[i].list, 4).rope;
        CHECK(p.kind == ropes[i].kind && p.factor == ropes[i].factor &&
                  p.original_context == ropes[i].original && p.attn_factor == ropes[i].attn,
              "%s: kind %d, factor %g, original %g, size %g", ropes[i].what, (int)p.kind, p.factor,
              p.original_context, p.attn_factor);
    }
}

/* ---- Lists per layer, scales that are none --------------------------------------------------- */

static void accepted(void) {
    static const extra lists[] = {{"attention.head_count", 'a', 2, 2, NULL},
                                  {"attention.head_count_kv", 'a', 1, 1, NULL},
                                  {"feed_forward_length", 'a', 96, 96, NULL}};
    ac_hparams h = read_keys(lists, 3);
    CHECK(h.heads == 2 && h.kv_heads == 1 && h.ffn == 96, "lists: %u heads, %u KV heads, %u wide", h.heads,
          h.kv_heads, h.ffn);
    static const extra scales[] = {{"logit_scale", 'f', 0, 0, NULL},
                                   {"residual_scale", 'f', 1, 0, NULL},
                                   {"attention.scale", 'f', 0, 0, NULL},
                                   {"expert_count", 'u', 0, 0, NULL}};
    h = read_keys(scales, 4);
    CHECK(h.context == 600, "scales that are none");
}

static const struct {
    extra key;
    ac_status want;
    const char *needle;
} bad[] = {
    {{"feed_forward_length", 'a', 96, 64, NULL}, AC_ERR_UNSUPPORTED, "llama.feed_forward_length: layers"},
    {{"attention.head_count", 't', 0, 0, "two"}, AC_ERR_FORMAT, "llama.attention.head_count"},
    {{"rope.scaling.type", 't', 0, 0, "longrope"}, AC_ERR_UNSUPPORTED, "longrope"},
    {{"rope.scaling.factor", 'f', 0.01, 0, NULL}, AC_ERR_FORMAT, "llama.rope.scaling.factor"},
    {{"rope.scaling.factor", 'f', -1, 0, NULL}, AC_ERR_FORMAT, "llama.rope.scaling.factor"},
    {{"rope.scaling.factor", 't', 0, 0, "4"}, AC_ERR_FORMAT, "llama.rope.scaling.factor"},
    {{"expert_count", 'u', 8, 0, NULL}, AC_ERR_UNSUPPORTED, "llama.expert_count: 8"},
    {{"logit_scale", 'f', 8, 0, NULL}, AC_ERR_UNSUPPORTED, "llama.logit_scale: 8"},
    {{"attention.scale", 'f', 0.5, 0, NULL}, AC_ERR_UNSUPPORTED, "llama.attention.scale: 0.5"},
    {{"attention.causal", 'u', 0, 0, NULL}, AC_ERR_UNSUPPORTED, "llama.attention.causal: 0"},
    {{"tokenizer.ggml.model!", 't', 0, 0, "nonesuch"}, AC_ERR_UNSUPPORTED, "nonesuch"},
};

static void refused(void) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ac_error err = {0};
        ac_model *m = NULL;
        gw w = with_keys(&bad[i].key, 1);
        ac_status status = ac_model_open_memory(w.p, w.n, NULL, &m, &err);
        CHECK(status == bad[i].want && strstr(err.detail, bad[i].needle) && !m,
              "%s: want %s naming \"%s\", got %s: %s", bad[i].key.key, ac_status_name(bad[i].want),
              bad[i].needle, ac_status_name(status), err.detail);
        gw_free(&w);
    }
}

/* ---- Models ---------------------------------------------------------------------------------- */

/* The model lies in *w, which the caller frees after it. */
static ac_model *open_with_key(const extra *key, gw *w) {
    ac_error err = {0};
    ac_model *m;
    *w = with_keys(key, 1);
    CHECK_OK(ac_model_open_memory(w->p, w->n, NULL, &m, &err));
    return m;
}

/* What llama.cpp writes into files that have no vocabulary. */
static void no_tokenizer(void) {
    static const char *const names[] = {"none", "no_vocab"};
    for (int i = 0; i < 2; i++) {
        ac_error err = {0};
        ac_model_info info;
        size_t n;
        gw w;
        ac_model *m = open_with_key(&(extra){"tokenizer.ggml.model!", 't', 0, 0, names[i]}, &w);
        ac_model_describe(m, &info);
        CHECK(!strcmp(info.tokenizer, "none") && info.vocab == 40, "%s, %u tokens", info.tokenizer,
              info.vocab);
        CHECK(ac_tokenize(m, "a", 1, 0, NULL, 0, &n, &err) == AC_ERR_NOT_FOUND, "%s", err.detail);
        ac_model_close(&m);
        gw_free(&w);
    }
}

static void sliding_window(void) {
    ac_error err = {0};
    ac_session *s = NULL;
    ac_session_settings set;
    gw w;
    ac_model *m = open_with_key(&(extra){"attention.sliding_window", 'u', 64, 0, NULL}, &w);
    ac_session_defaults(&set);
    set.context = 65;
    CHECK(ac_session_open(m, &set, &s, &err) == AC_ERR_ARGUMENT && strstr(err.detail, "sliding window") &&
              strstr(err.detail, "1 to 64"),
          "%s", err.detail);
    set.context = 64;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    ac_session_close(&s);
    ac_model_close(&m);
    gw_free(&w);
}

int main(void) {
    rope_keys();
    accepted();
    refused();
    no_tokenizer();
    sliding_window();
    return 0;
}
