/* synth.h - small models of any architecture and weight type with seeded random weights, in memory. */
#ifndef AC_TESTS_ENGINE_SYNTH_H
#define AC_TESTS_ENGINE_SYNTH_H

#include <math.h>

#include "../loader/gguf_write.h"

typedef struct synth {
    const char *arch;
    ac_type type; /* of all matrices */
    uint32_t dim, layers, heads, kv_heads, head_dim, ffn, vocab, context;
    bool tied;
    uint64_t seed;
} synth;

/* Where a block keeps its float16 scales, and how large one must be for weights of about unit size. */
typedef struct synth_scale {
    int d, m;
    double unit;
} synth_scale;
static const synth_scale synth_scales[AC_TYPE_COUNT] = {
    [AC_TYPE_Q4_0] = {0, -1, 4.6}, [AC_TYPE_Q4_1] = {0, 2, 4.6},     [AC_TYPE_Q5_0] = {0, -1, 9.2},
    [AC_TYPE_Q5_1] = {0, 2, 9.2},  [AC_TYPE_Q8_0] = {0, -1, 74},     [AC_TYPE_IQ4_NL] = {0, -1, 67},
    [AC_TYPE_Q2_K] = {80, 82, 14}, [AC_TYPE_Q3_K] = {108, -1, 42},   [AC_TYPE_Q4_K] = {0, 2, 250},
    [AC_TYPE_Q5_K] = {0, 2, 500},  [AC_TYPE_Q6_K] = {208, -1, 1350}, [AC_TYPE_IQ4_XS] = {0, -1, 1200},
};

/* Positive normal halves only, by truncation: enough for a scale. */
static inline uint16_t synth_half(double x) {
    float f = (float)x;
    uint32_t u;
    memcpy(&u, &f, 4);
    if (u < 0x38800000u) return 0x0400;
    return (uint16_t)((u - 0x38000000u) >> 13);
}

static inline void synth_put_half(uint8_t *p, double x) {
    uint16_t h = synth_half(x);
    memcpy(p, &h, 2);
}

/* One block of `elems` random weights of size about `size`. */
static inline void synth_block(uint8_t *p, ac_type type, double size, uint64_t *random) {
    const ac_type_info *info = ac_type_describe(type);
    for (uint32_t i = 0; i < info->block_bytes; i++) p[i] = (uint8_t)(check_random(random) >> 33);
    double spread = 0.5 + (double)(check_random(random) >> 40) / (1 << 24);
    if (info->block_elems == 1) {
        float f = (float)(size * 3.4 * ((double)(check_random(random) >> 11) / 9007199254740992.0 - 0.5));
        uint32_t u;
        memcpy(&u, &f, 4);
        uint16_t h = type == AC_TYPE_BF16 ? (uint16_t)(u >> 16)
                                          : (uint16_t)(synth_half(fabs((double)f)) | (f < 0 ? 0x8000 : 0));
        if (type == AC_TYPE_F32)
            memcpy(p, &f, 4);
        else
            memcpy(p, &h, 2);
        return;
    }
    if (type == AC_TYPE_MXFP4) {
        p[0] = (uint8_t)(128 + (int)floor(log2(size * spread / 6)));
        return;
    }
    const synth_scale *s = &synth_scales[type];
    synth_put_half(p + s->d, size * spread / s->unit);
    if (s->m >= 0) synth_put_half(p + s->m, size * spread / s->unit * 0.4);
}

static inline void synth_tensor(gw *w, ac_type type, uint64_t rows, uint64_t cols, double size,
                                uint64_t *random) {
    uint8_t block[256];
    const ac_type_info *info = ac_type_describe(type);
    for (uint64_t i = 0; i < rows * cols / info->block_elems; i++) {
        synth_block(block, type, size, random);
        gw_bytes(w, block, info->block_bytes);
    }
    gw_pad(w, 32);
}

/* Norm weights about 1, biases about 0. */
static inline void synth_vector(gw *w, uint64_t n, float about, uint64_t *random) {
    for (uint64_t i = 0; i < n; i++) gw_f32(w, about + (float)(check_random(random) >> 48) / 65536.0f * 0.2f);
    gw_pad(w, 32);
}

typedef struct synth_want {
    const char *name;
    uint64_t rows, cols;
    float about;
    bool matrix, per_layer;
} synth_want;

/* The tensors of a model in file order; returns how many rows of `out` are used. */
static inline size_t synth_wants(const synth *m, synth_want *out) {
    uint64_t q = (uint64_t)m->heads * m->head_dim, kv = (uint64_t)m->kv_heads * m->head_dim;
    bool qwen2 = !strcmp(m->arch, "qwen2"), qwen3 = !strcmp(m->arch, "qwen3");
    size_t n = 0;
    out[n++] = (synth_want){"token_embd.weight", m->vocab, m->dim, 0, true, false};
    out[n++] = (synth_want){"output_norm.weight", 1, m->dim, 1, false, false};
    if (!m->tied) out[n++] = (synth_want){"output.weight", m->vocab, m->dim, 0, true, false};
    out[n++] = (synth_want){"attn_norm.weight", 1, m->dim, 1, false, true};
    out[n++] = (synth_want){"attn_q.weight", q, m->dim, 0, true, true};
    out[n++] = (synth_want){"attn_k.weight", kv, m->dim, 0, true, true};
    out[n++] = (synth_want){"attn_v.weight", kv, m->dim, 0, true, true};
    out[n++] = (synth_want){"attn_output.weight", m->dim, q, 0, true, true};
    if (qwen2) out[n++] = (synth_want){"attn_q.bias", 1, q, 0, false, true};
    if (qwen2) out[n++] = (synth_want){"attn_k.bias", 1, kv, 0, false, true};
    if (qwen2) out[n++] = (synth_want){"attn_v.bias", 1, kv, 0, false, true};
    if (qwen3) out[n++] = (synth_want){"attn_q_norm.weight", 1, m->head_dim, 1, false, true};
    if (qwen3) out[n++] = (synth_want){"attn_k_norm.weight", 1, m->head_dim, 1, false, true};
    out[n++] = (synth_want){"ffn_norm.weight", 1, m->dim, 1, false, true};
    out[n++] = (synth_want){"ffn_gate.weight", m->ffn, m->dim, 0, true, true};
    out[n++] = (synth_want){"ffn_up.weight", m->ffn, m->dim, 0, true, true};
    out[n++] = (synth_want){"ffn_down.weight", m->dim, m->ffn, 0, true, true};
    return n;
}

static inline void synth_key(gw *w, const synth *m, const char *suffix, uint32_t v) {
    char key[128];
    snprintf(key, sizeof key, "%s.%s", m->arch, suffix);
    gw_key_u32(w, key, v);
}

static inline void synth_head(gw *w, const synth *m, size_t tensors) {
    char key[128];
    gw_head(w, 3, tensors, 10);
    gw_key_str(w, "general.architecture", m->arch);
    synth_key(w, m, "context_length", m->context);
    synth_key(w, m, "embedding_length", m->dim);
    synth_key(w, m, "block_count", m->layers);
    synth_key(w, m, "feed_forward_length", m->ffn);
    synth_key(w, m, "attention.head_count", m->heads);
    synth_key(w, m, "attention.head_count_kv", m->kv_heads);
    synth_key(w, m, "attention.key_length", m->head_dim);
    synth_key(w, m, "attention.value_length", m->head_dim);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", m->arch);
    gw_key(w, key, AC_KV_F32);
    gw_f32(w, 1e-5f);
}

static inline uint64_t synth_bytes(const synth *m, const synth_want *t) {
    uint64_t bytes = t->rows * ac_type_row_bytes(t->matrix ? m->type : AC_TYPE_F32, t->cols);
    return (bytes + 31) / 32 * 32;
}

/* The whole file; gw_free it. */
static inline gw synth_model(const synth *m) {
    synth_want wants[32];
    char name[96];
    gw w = {0};
    size_t n = synth_wants(m, wants), tensors = 0;
    uint64_t offset = 0, random = m->seed + 1;
    for (size_t i = 0; i < n; i++) tensors += wants[i].per_layer ? m->layers : 1;
    synth_head(&w, m, tensors);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t l = 0; l < (wants[i].per_layer ? m->layers : 1); l++) {
            snprintf(name, sizeof name, wants[i].per_layer ? "blk.%u.%s" : "%.0u%s", l, wants[i].name);
            uint32_t id = ac_type_describe(wants[i].matrix ? m->type : AC_TYPE_F32)->gguf_id;
            if (wants[i].matrix)
                gw_tensor(&w, name, id, offset, 2, wants[i].cols, wants[i].rows);
            else
                gw_tensor(&w, name, id, offset, 1, wants[i].cols);
            offset += synth_bytes(m, &wants[i]);
        }
    }
    gw_pad(&w, 32);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t l = 0; l < (wants[i].per_layer ? m->layers : 1); l++) {
            if (wants[i].matrix)
                synth_tensor(&w, m->type, wants[i].rows, wants[i].cols, 1 / sqrt((double)wants[i].cols),
                             &random);
            else
                synth_vector(&w, wants[i].cols, wants[i].about, &random);
        }
    }
    return w;
}

#endif
