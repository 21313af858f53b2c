/* Vocabularies that are wrong in one place each: refused, by a detail that names it, or read with a warning.
 */
#include "support.h"

typedef struct trial {
    const char *what;
    void (*write)(gw *w);
    ac_status status;   /* AC_OK: opens */
    const char *detail; /* part of the detail, or of the warning; NULL: no warning */
} trial;

static void strings(gw *w, const char *key, size_t n, const char *const *list) {
    gw_key_array(w, key, AC_KV_STRING, n);
    for (size_t i = 0; i < n; i++) gw_str(w, list[i]);
}

static void ints(gw *w, const char *key, size_t n, const int *list) {
    gw_key_array(w, key, AC_KV_I32, n);
    for (size_t i = 0; i < n; i++) gw_u32(w, (uint32_t)list[i]);
}

static void floats(gw *w, const char *key, size_t n, float value) {
    gw_key_array(w, key, AC_KV_F32, n);
    for (size_t i = 0; i < n; i++) gw_f32(w, value);
}

static const char *const four[] = {"<unk>", "a", "b", "ab"};

static void head(gw *w, unsigned keys, const char *model) {
    gw_head(w, 3, 0, keys + 2);
    gw_key_str(w, "general.architecture", "llama");
    gw_key_str(w, "tokenizer.ggml.model", model);
}

static void spm(gw *w, unsigned keys) {
    head(w, keys + 2, "llama");
    strings(w, "tokenizer.ggml.tokens", 4, four);
    floats(w, "tokenizer.ggml.scores", 4, -1);
}

static void bpe(gw *w, unsigned keys) {
    head(w, keys + 3, "gpt2");
    gw_key_str(w, "tokenizer.ggml.pre", "gpt-2");
    strings(w, "tokenizer.ggml.tokens", 4, four);
    strings(w, "tokenizer.ggml.merges", 1, (const char *[]){"a b"});
}

static void good_spm(gw *w) {
    spm(w, 0);
}
static void good_bpe(gw *w) {
    bpe(w, 0);
}

static void no_tokenizer(gw *w) {
    gw_head(w, 3, 0, 1);
    gw_key_str(w, "general.architecture", "llama");
}

static void of_model(gw *w, const char *model) {
    head(w, 1, model);
    strings(w, "tokenizer.ggml.tokens", 4, four);
}
static void bert(gw *w) {
    of_model(w, "bert");
}
static void t5(gw *w) {
    of_model(w, "t5");
}
static void rwkv(gw *w) {
    of_model(w, "rwkv");
}
static void no_vocab(gw *w) {
    of_model(w, "none");
}
static void odd_model(gw *w) {
    of_model(w, "new\nline");
}

static void model_is_int(gw *w) {
    gw_head(w, 3, 0, 2);
    gw_key_str(w, "general.architecture", "llama");
    gw_key_u32(w, "tokenizer.ggml.model", 3);
}
static void no_tokens(gw *w) {
    head(w, 0, "llama");
}
static void empty_tokens(gw *w) {
    head(w, 1, "llama");
    strings(w, "tokenizer.ggml.tokens", 0, four);
}
static void tokens_are_ints(gw *w) {
    head(w, 1, "llama");
    ints(w, "tokenizer.ggml.tokens", 4, (int[]){1, 2, 3, 4});
}
static void few_scores(gw *w) {
    head(w, 2, "llama");
    strings(w, "tokenizer.ggml.tokens", 4, four);
    floats(w, "tokenizer.ggml.scores", 3, 0);
}
static void nan_scores(gw *w) {
    head(w, 2, "llama");
    strings(w, "tokenizer.ggml.tokens", 4, four);
    floats(w, "tokenizer.ggml.scores", 4, 0.0f / 0.0f);
}
static void no_scores(gw *w) {
    of_model(w, "llama");
}
static void many_types(gw *w) {
    spm(w, 1);
    ints(w, "tokenizer.ggml.token_type", 5, (int[]){1, 1, 1, 1, 1});
}
static void odd_types(gw *w) {
    spm(w, 1);
    ints(w, "tokenizer.ggml.token_type", 4, (int[]){2, 1, -7, 99});
}
static void types_are_floats(gw *w) {
    spm(w, 1);
    floats(w, "tokenizer.ggml.token_type", 4, 1);
}
static void bos_beyond(gw *w) {
    spm(w, 1);
    gw_key_u32(w, "tokenizer.ggml.bos_token_id", 4);
}
static void eos_minus_one(gw *w) {
    spm(w, 1);
    gw_key_u32(w, "tokenizer.ggml.eos_token_id", 0xFFFFFFFF);
}
static void add_bos_is_int(gw *w) {
    spm(w, 1);
    gw_key_u32(w, "tokenizer.ggml.add_bos_token", 1);
}
static void bos_of_none(gw *w) {
    bpe(w, 1);
    gw_key(w, "tokenizer.ggml.add_bos_token", AC_KV_BOOL);
    gw_u8(w, 1);
}
static void no_merges(gw *w) {
    head(w, 2, "gpt2");
    gw_key_str(w, "tokenizer.ggml.pre", "gpt-2");
    strings(w, "tokenizer.ggml.tokens", 4, four);
}
static void odd_merges(gw *w) {
    head(w, 3, "gpt2");
    gw_key_str(w, "tokenizer.ggml.pre", "gpt-2");
    strings(w, "tokenizer.ggml.tokens", 4, four);
    strings(w, "tokenizer.ggml.merges", 6, (const char *[]){"ab", "", " ", "a ", "x yz", "a b"});
}
static void with_pre(gw *w, const char *pre) {
    head(w, 3, "gpt2");
    gw_key_str(w, "tokenizer.ggml.pre", pre);
    strings(w, "tokenizer.ggml.tokens", 4, four);
    strings(w, "tokenizer.ggml.merges", 1, (const char *[]){"a b"});
}
static void unknown_pre(gw *w) {
    with_pre(w, "gpt-5");
}
static void long_pre(gw *w) {
    char name[1000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    with_pre(w, name);
}
static void no_pre(gw *w) {
    head(w, 2, "gpt2");
    strings(w, "tokenizer.ggml.tokens", 4, four);
    strings(w, "tokenizer.ggml.merges", 1, (const char *[]){"a b"});
}
static void twice(gw *w) {
    head(w, 2, "llama");
    strings(w, "tokenizer.ggml.tokens", 5, (const char *[]){"<unk>", "a", "", "a", ""});
    floats(w, "tokenizer.ggml.scores", 5, 0);
}

static void long_special(gw *w) {
    char name[2000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    head(w, 2, "llama");
    strings(w, "tokenizer.ggml.tokens", 2, (const char *[]){"a", name});
    ints(w, "tokenizer.ggml.token_type", 2, (int[]){1, 4});
}

static const trial trials[] = {
    {"a good one", good_spm, AC_OK, NULL},
    {"a good one", good_bpe, AC_OK, NULL},
    {"no tokenizer", no_tokenizer, AC_ERR_NOT_FOUND, "tokenizer.ggml.model"},
    {"bert", bert, AC_ERR_UNSUPPORTED, "bert"},
    {"t5", t5, AC_ERR_UNSUPPORTED, "t5"},
    {"rwkv", rwkv, AC_ERR_UNSUPPORTED, "rwkv"},
    {"none", no_vocab, AC_ERR_UNSUPPORTED, "none"},
    {"a model with a newline", odd_model, AC_ERR_UNSUPPORTED, "new?line"},
    {"a number for a model", model_is_int, AC_ERR_FORMAT, "tokenizer.ggml.model"},
    {"no tokens", no_tokens, AC_ERR_NOT_FOUND, "tokenizer.ggml.tokens"},
    {"zero tokens", empty_tokens, AC_ERR_FORMAT, "tokenizer.ggml.tokens"},
    {"tokens that are numbers", tokens_are_ints, AC_ERR_FORMAT, "tokenizer.ggml.tokens"},
    {"too few scores", few_scores, AC_ERR_FORMAT, "tokenizer.ggml.scores: want 4"},
    {"scores that are no numbers", nan_scores, AC_ERR_FORMAT, "tokenizer.ggml.scores: entry 0"},
    {"no scores", no_scores, AC_OK, "tokenizer.ggml.scores is missing"},
    {"too many types", many_types, AC_ERR_FORMAT, "tokenizer.ggml.token_type: want 4"},
    {"types nobody knows", odd_types, AC_OK, NULL},
    {"types that are fractions", types_are_floats, AC_ERR_FORMAT, "tokenizer.ggml.token_type"},
    {"bos beyond the vocabulary", bos_beyond, AC_OK, "tokenizer.ggml.bos_token_id"},
    {"eos -1", eos_minus_one, AC_OK, "tokenizer.ggml.eos_token_id"},
    {"a number for add_bos", add_bos_is_int, AC_ERR_FORMAT, "tokenizer.ggml.add_bos_token"},
    {"bos wanted, none there", bos_of_none, AC_OK, "the file names none"},
    {"no merges", no_merges, AC_ERR_NOT_FOUND, "tokenizer.ggml.merges"},
    {"odd merges", odd_merges, AC_OK, "3 name no pair"},
    {"a pre-tokenizer nobody knows", unknown_pre, AC_ERR_UNSUPPORTED, "gpt-5"},
    {"a long name", long_pre, AC_ERR_UNSUPPORTED, "xxxx"},
    {"no pre-tokenizer", no_pre, AC_OK, "tokenizer.ggml.pre is missing"},
    {"a special token of 1999 bytes", long_special, AC_ERR_LIMIT, "special token 1"},
    {"tokens twice", twice, AC_OK, "2 are there twice"},
};

static void check_trial(const trial *on) {
    gw w = {0};
    ac_gguf *g;
    ac_tokenizer *t = (ac_tokenizer *)&w;
    ac_error err = {0};
    on->write(&w);
    CHECK_OK(ac_gguf_open_memory(w.p, w.n, &g, &err));
    ac_status status = ac_tokenizer_open(g, &t, &err);
    CHECK(status == on->status, "%s: %s: %s", on->what, ac_status_name(status), err.detail);
    CHECK((status == AC_OK) == (t != NULL), "%s: handle", on->what);
    const char *said = t ? ac_tokenizer_warning(t) : err.detail;
    if (!on->detail)
        CHECK(!said, "%s: %s", on->what, said);
    else
        CHECK(said && strstr(said, on->detail), "%s: %s", on->what, said ? said : "no warning");
    if (t) {
        idlist ids = {0};
        encode(t, "ab b", 4, AC_TOK_BOS | AC_TOK_SPECIAL, &ids);
        for (size_t i = 0; i < ids.n; i++)
            CHECK(ids.id[i] >= 0 && (uint32_t)ids.id[i] < ac_tokenizer_size(t), "%s: id %d", on->what,
                  ids.id[i]);
        free(ids.id);
    }
    ac_tokenizer_close(&t);
    ac_tokenizer_close(&t);
    ac_gguf_close(&g);
    gw_free(&w);
}

/* What the questions answer. */
static void check_answers(void) {
    static vocab v = {.model = "gpt2", .pre = "llama-bpe"};
    vocab_letters(&v);
    vocab_add(&v, "<|eot_id|>", 1, 0); /* of the wrong type, as in many files */
    vocab_add(&v, "<|begin|>", 3, 0);
    vocab_add(&v,
              "\xC4\xA0"
              "a",
              1, 0);
    vocab_merge(&v, "\xC4\xA0", "a");
    gw w = {0};
    vocab_write(&w, &v, 1);
    gw_key_u32(&w, "tokenizer.ggml.bos_token_id", 257);
    opened o = {.file = w};
    ac_error err;
    CHECK_OK(ac_gguf_open_memory(w.p, w.n, &o.g, &err));
    CHECK_OK(ac_tokenizer_open(o.g, &o.t, &err));
    CHECK(!strcmp(ac_tokenizer_name(o.t), "gpt2/llama-bpe"), "%s", ac_tokenizer_name(o.t));
    CHECK(ac_tokenizer_size(o.t) == 259 && ac_tokenizer_bos(o.t) == 257 && ac_tokenizer_eos(o.t) == -1,
          "ids");
    CHECK(ac_tokenizer_ends(o.t, 256) && !ac_tokenizer_ends(o.t, 257), "ends");
    CHECK(!ac_tokenizer_ends(o.t, -1) && !ac_tokenizer_ends(o.t, 259), "ends beyond");
    const char *p;
    size_t n;
    CHECK_OK(ac_tokenizer_bytes(o.t, 258, false, &p, &n, &err));
    CHECK(n == 2 && !memcmp(p, " a", 2), "%.*s", (int)n, p);
    CHECK_OK(ac_tokenizer_bytes(o.t, 256, false, &p, &n, &err));
    CHECK(n == 0, "a control token shows");
    CHECK_OK(ac_tokenizer_bytes(o.t, 256, true, &p, &n, &err));
    CHECK(n == 10, "%.*s", (int)n, p);
    CHECK(ac_tokenizer_bytes(o.t, 259, true, &p, &n, &err) == AC_ERR_TEXT && n == 0, "id 259");
    idlist ids = {0};
    encode(o.t, " a<|eot_id|>", 12, AC_TOK_BOS | AC_TOK_SPECIAL, &ids);
    CHECK(ids.n == 3 && ids.id[0] == 257 && ids.id[1] == 258 && ids.id[2] == 256, "%zu ids", ids.n);
    encode(o.t, "", 0, AC_TOK_BOS, &ids);
    CHECK(ids.n == 1 && ids.id[0] == 257, "the empty text");
    encode(o.t, NULL, 0, 0, &ids);
    CHECK(ids.n == 0, "no text");
    CHECK(ac_tokenizer_encode(o.t, "a", 1, 4, NULL, 0, &n, &err) == AC_ERR_ARGUMENT, "flags");
    CHECK(ac_tokenizer_encode(o.t, NULL, 1, 0, NULL, 0, &n, &err) == AC_ERR_ARGUMENT, "NULL text");
    CHECK(ac_tokenizer_encode(o.t, "a", (size_t)1 << 40, 0, NULL, 0, &n, &err) == AC_ERR_LIMIT, "a terabyte");
    free(ids.id);
    close_vocab(&o);
    vocab_free(&v);
}

int main(void) {
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) check_trial(&trials[i]);
    check_answers();
    return 0;
}
