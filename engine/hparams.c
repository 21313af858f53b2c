/* hparams.c - architecture table, and the checked reading of its keys. */
#include "hparams.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ac_arch archs[] = {
    {"llama", false, false},
    {"qwen2", true, false},
    {"qwen3", true, true},
};

enum { MAX_DIM = 1 << 20, MAX_LAYERS = 1024, MAX_HEAD_DIM = 512, MAX_CONTEXT = 1 << 24, MAX_VOCAB = 1 << 24 };

static ac_status find_arch(const ac_gguf *g, const ac_arch **out, ac_error *err) {
    ac_str name;
    AC_TRY(ac_gguf_string(g, "general.architecture", &name, err));
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
        if (name.n == strlen(archs[i].name) && !memcmp(name.p, archs[i].name, name.n)) {
            *out = &archs[i];
            return AC_OK;
        }
    }
    return ac_fail(err, AC_ERR_UNSUPPORTED,
                   "general.architecture: %.*s is not supported (llama, qwen2 and qwen3 are)",
                   (int)(name.n < 64 ? name.n : 64), name.p);
}

typedef struct reader {
    const ac_gguf *g;
    const char *arch;
    char key[128];
} reader;

/* "<arch>.<suffix>", or "tokenizer..." keys as they are. */
static const char *key_of(reader *r, const char *suffix) {
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch, suffix);
    return r->key;
}

/* A number; or a list of one number per layer, as long as it is the same one for all layers. */
static ac_status read_same(reader *r, uint32_t *out, ac_error *err) {
    const ac_kv *kv = ac_gguf_find(r->g, r->key);
    if (!kv || kv->type != AC_KV_ARRAY || !kv->count) return ac_gguf_u32(r->g, r->key, out, err);
    AC_TRY(ac_gguf_array(r->g, r->key, AC_KV_U32, &kv, err));
    int64_t first = ac_kv_int(kv, 0);
    for (uint64_t i = 1; i < kv->count; i++)
        if (ac_kv_int(kv, i) != first)
            return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: layers that differ are not supported: %lld and %lld",
                           r->key, (long long)first, (long long)ac_kv_int(kv, i));
    *out = first < 0 || first > UINT32_MAX ? UINT32_MAX : (uint32_t)first;
    return AC_OK;
}

static ac_status read_u32(reader *r, const char *suffix, uint32_t least, uint32_t most, uint32_t *out,
                          ac_error *err) {
    const char *key = key_of(r, suffix);
    uint32_t v = 0;
    AC_TRY(read_same(r, &v, err));
    if (v < least || v > most)
        return ac_fail(err, AC_ERR_FORMAT, "%s: want %u to %u, the file has %u", key, least, most, v);
    *out = v;
    return AC_OK;
}

/* The same, leaving the default in *out when the key is absent. */
static ac_status read_u32_or(reader *r, const char *suffix, uint32_t least, uint32_t most, uint32_t *out,
                             ac_error *err) {
    return ac_gguf_find(r->g, key_of(r, suffix)) ? read_u32(r, suffix, least, most, out, err) : AC_OK;
}

/* A float; writers take an integer for some, such as a number of positions. */
static ac_status read_f64_or(reader *r, const char *suffix, double least, double most, double *out,
                             ac_error *err) {
    const char *key = key_of(r, suffix);
    uint64_t whole;
    float v;
    if (!ac_gguf_find(r->g, key)) return AC_OK;
    if (ac_gguf_u64(r->g, key, &whole, NULL) == AC_OK)
        v = (float)whole;
    else
        AC_TRY(ac_gguf_f32(r->g, key, &v, err));
    if (!(v >= least && v <= most))
        return ac_fail(err, AC_ERR_FORMAT, "%s: want %g to %g, the file has %g", key, least, most, (double)v);
    *out = (double)v;
    return AC_OK;
}

static bool str_is(ac_str s, const char *text) {
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

/* A file that gives a factor and no type means linear scaling; a factor of 0 is none. */
static ac_status read_rope_scaling(reader *r, ac_rope_params *p, ac_error *err) {
    ac_str type = {"linear", 6};
    double factor = 0;
    if (ac_gguf_find(r->g, key_of(r, "rope.scaling.type"))) AC_TRY(ac_gguf_string(r->g, r->key, &type, err));
    if (str_is(type, "none"))
        p->kind = AC_ROPE_PLAIN;
    else if (str_is(type, "linear"))
        p->kind = AC_ROPE_LINEAR;
    else if (str_is(type, "yarn"))
        p->kind = AC_ROPE_YARN;
    else
        return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: %.*s is not supported (none, linear and yarn are)",
                       key_of(r, "rope.scaling.type"), (int)(type.n < 64 ? type.n : 64), type.p);
    AC_TRY(read_f64_or(r, "rope.scale_linear", 0, 1e6, &factor, err)); /* the key of old files */
    AC_TRY(read_f64_or(r, "rope.scaling.factor", 0, 1e6, &factor, err));
    if (factor > 0 && factor < 0.125)
        return ac_fail(err, AC_ERR_FORMAT, "%s: want 0 or 0.125 to 1e6, the file has %g",
                       key_of(r, "rope.scaling.factor"), factor);
    if (factor > 0) p->factor = factor;
    AC_TRY(read_f64_or(r, "rope.scaling.original_context_length", 1, MAX_CONTEXT, &p->original_context, err));
    AC_TRY(read_f64_or(r, "rope.scaling.attn_factor", 0, 100, &p->attn_factor, err));
    AC_TRY(read_f64_or(r, "rope.scaling.yarn_attn_factor", 0, 100, &p->attn_factor, err));
    AC_TRY(read_f64_or(r, "rope.scaling.yarn_ext_factor", 0, 1, &p->ext_factor, err));
    AC_TRY(read_f64_or(r, "rope.scaling.yarn_beta_fast", 0, 1e6, &p->beta_fast, err));
    AC_TRY(read_f64_or(r, "rope.scaling.yarn_beta_slow", 0, 1e6, &p->beta_slow, err));
    return AC_OK;
}

/* rope_freqs.weight: the llama-3 frequency divisors. */
static ac_status read_rope_divisors(const ac_gguf *g, ac_rope_params *p, ac_error *err) {
    const ac_gguf_tensor *t = ac_gguf_tensor_find(g, "rope_freqs.weight");
    if (!t) return AC_OK;
    if (t->type != AC_TYPE_F32 || t->n_dims != 1 || t->dim[0] != p->rot / 2)
        return ac_fail(err, AC_ERR_FORMAT, "rope_freqs.weight: want f32 [%u], the file has %s [%llu]",
                       p->rot / 2, ac_type_describe(t->type)->name, (unsigned long long)t->dim[0]);
    for (uint32_t i = 0; i < p->rot / 2; i++) {
        float f;
        memcpy(&f, t->data + i * sizeof f, sizeof f);
        if (!(f >= 1e-6f && f <= 1e6f))
            return ac_fail(err, AC_ERR_FORMAT, "rope_freqs.weight: element %u is %g", i, (double)f);
    }
    p->divisors = t->data;
    return AC_OK;
}

static ac_status read_rope(reader *r, ac_hparams *h, ac_error *err) {
    h->rope = (ac_rope_params){.rot = h->head_dim & ~1u,
                               .base = 10000,
                               .factor = 1,
                               .original_context = h->rope.original_context,
                               .ext_factor = 1,
                               .attn_factor = 1,
                               .beta_fast = 32,
                               .beta_slow = 1};
    AC_TRY(read_u32_or(r, "rope.dimension_count", 2, h->head_dim, &h->rope.rot, err));
    if (h->rope.rot % 2)
        return ac_fail(err, AC_ERR_FORMAT, "%s: %u is odd", key_of(r, "rope.dimension_count"), h->rope.rot);
    AC_TRY(read_f64_or(r, "rope.freq_base", 1.0001, 1e12, &h->rope.base, err));
    AC_TRY(read_rope_scaling(r, &h->rope, err));
    return read_rope_divisors(r->g, &h->rope, err);
}

/* Features that change the arithmetic and that we do not compute: better a refusal than wrong text. */
static ac_status refuse_features(reader *r, ac_error *err) {
    static const struct {
        const char *suffix;
        double fine[2]; /* values that change nothing; a scale of 0 is none */
    } list[] = {
        {"expert_count", {0, 0}},
        {"expert_used_count", {0, 0}},
        {"attn_logit_softcapping", {0, 0}},
        {"final_logit_softcapping", {0, 0}},
        {"attention.clamp_kqv", {0, 0}},
        {"attention.max_alibi_bias", {0, 0}},
        {"logit_scale", {0, 1}},
        {"residual_scale", {0, 1}},
        {"embedding_scale", {0, 1}},
        {"attention.scale", {0, 1}},
        {"attention.causal", {1, 1}},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const ac_kv *kv = ac_gguf_find(r->g, key_of(r, list[i].suffix));
        if (!kv || kv->type == AC_KV_STRING || kv->type == AC_KV_ARRAY) continue;
        double have = ac_kv_float(kv, 0);
        if (have != list[i].fine[0] && have != list[i].fine[1])
            return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: %g is not supported for architecture %s", r->key,
                           have, r->arch);
    }
    return AC_OK;
}

/* A sliding window is not computed; up to its length both mean the same. */
static ac_status read_context(reader *r, ac_hparams *h, ac_error *err) {
    h->context = 4096;
    AC_TRY(read_u32_or(r, "context_length", 1, MAX_CONTEXT, &h->context, err));
    h->rope.original_context = h->context;
    uint32_t window = 0;
    AC_TRY(read_u32_or(r, "attention.sliding_window", 0, UINT32_MAX, &window, err));
    h->window = window && window < MAX_CONTEXT;
    h->max_context = h->window ? window : MAX_CONTEXT;
    if (h->context > h->max_context) h->context = h->max_context;
    return AC_OK;
}

static ac_status read_heads(reader *r, ac_hparams *h, ac_error *err) {
    AC_TRY(read_u32(r, "attention.head_count", 1, MAX_DIM, &h->heads, err));
    h->kv_heads = h->heads;
    AC_TRY(read_u32_or(r, "attention.head_count_kv", 1, h->heads, &h->kv_heads, err));
    if (h->heads % h->kv_heads)
        return ac_fail(err, AC_ERR_FORMAT, "%s: %u heads do not divide by %u",
                       key_of(r, "attention.head_count_kv"), h->heads, h->kv_heads);
    h->head_dim = h->dim / h->heads;
    if (!h->head_dim)
        return ac_fail(err, AC_ERR_FORMAT, "%s: %u heads for a width of %u",
                       key_of(r, "attention.head_count"), h->heads, h->dim);
    AC_TRY(read_u32_or(r, "attention.key_length", 2, MAX_HEAD_DIM, &h->head_dim, err));
    uint32_t value = h->head_dim;
    AC_TRY(read_u32_or(r, "attention.value_length", 2, MAX_HEAD_DIM, &value, err));
    if (value != h->head_dim)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: %u differs from the key length %u",
                       key_of(r, "attention.value_length"), value, h->head_dim);
    if (h->head_dim < 2 || h->head_dim > MAX_HEAD_DIM)
        return ac_fail(err, AC_ERR_LIMIT, "%s: heads of %u channels (2 to %u are supported)",
                       key_of(r, "attention.head_count"), h->head_dim, MAX_HEAD_DIM);
    return AC_OK;
}

ac_status ac_hparams_read(const ac_gguf *g, ac_hparams *out, ac_error *err) {
    ac_hparams h = {0};
    AC_TRY(find_arch(g, &h.arch, err));
    reader r = {.g = g, .arch = h.arch->name};
    AC_TRY(refuse_features(&r, err));
    AC_TRY(read_u32(&r, "embedding_length", 1, MAX_DIM, &h.dim, err));
    AC_TRY(read_u32(&r, "block_count", 1, MAX_LAYERS, &h.layers, err));
    AC_TRY(read_u32(&r, "feed_forward_length", 1, MAX_DIM, &h.ffn, err));
    AC_TRY(read_heads(&r, &h, err));
    AC_TRY(read_context(&r, &h, err));
    double eps = -1;
    AC_TRY(read_f64_or(&r, "attention.layer_norm_rms_epsilon", 0, 1, &eps, err));
    if (eps < 0)
        return ac_fail(err, AC_ERR_NOT_FOUND, "%s is missing",
                       key_of(&r, "attention.layer_norm_rms_epsilon"));
    h.eps = (float)eps;
    AC_TRY(read_rope(&r, &h, err));
    const ac_gguf_tensor *embd = ac_gguf_tensor_find(g, "token_embd.weight");
    if (!embd) return ac_fail(err, AC_ERR_FORMAT, "token_embd.weight is missing");
    if (embd->n_dims != 2 || embd->dim[1] > MAX_VOCAB || !embd->dim[1])
        return ac_fail(err, AC_ERR_FORMAT, "token_embd.weight: want two dimensions and at most %u rows",
                       MAX_VOCAB);
    h.vocab = (uint32_t)embd->dim[1];
    *out = h;
    return AC_OK;
}
