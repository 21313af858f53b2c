/* model_weights.c - which tensors a model has, with the shapes they must have: one table, no ladder. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"

/* Sizes a shape is made of. */
typedef enum extent { E_ONE, E_DIM, E_Q, E_KV, E_FFN, E_HEAD, E_VOCAB } extent;

typedef struct want {
    const char *name; /* after "blk.N." for layers */
    size_t slot;      /* offset of the index in ac_layer_weights or ac_stage */
    extent rows, cols;
    bool matrix; /* any weight type; else a vector, kept in float32 */
    bool optional;
    bool qk_norm_only; /* belongs to architectures with q/k norms, where it is required */
} want;

#define LAYER(field) offsetof(ac_layer_weights, field)
static const want layer_wants[] = {
    {"attn_norm.weight", LAYER(attn_norm), E_ONE, E_DIM, false, false, false},
    {"attn_q.weight", LAYER(q), E_Q, E_DIM, true, false, false},
    {"attn_k.weight", LAYER(k), E_KV, E_DIM, true, false, false},
    {"attn_v.weight", LAYER(v), E_KV, E_DIM, true, false, false},
    {"attn_output.weight", LAYER(o), E_DIM, E_Q, true, false, false},
    {"attn_q.bias", LAYER(q_bias), E_ONE, E_Q, false, true, false},
    {"attn_k.bias", LAYER(k_bias), E_ONE, E_KV, false, true, false},
    {"attn_v.bias", LAYER(v_bias), E_ONE, E_KV, false, true, false},
    {"attn_output.bias", LAYER(o_bias), E_ONE, E_DIM, false, true, false},
    {"attn_q_norm.weight", LAYER(q_norm), E_ONE, E_HEAD, false, true, true},
    {"attn_k_norm.weight", LAYER(k_norm), E_ONE, E_HEAD, false, true, true},
    {"ffn_norm.weight", LAYER(ffn_norm), E_ONE, E_DIM, false, false, false},
    {"ffn_gate.weight", LAYER(gate), E_FFN, E_DIM, true, false, false},
    {"ffn_up.weight", LAYER(up), E_FFN, E_DIM, true, false, false},
    {"ffn_down.weight", LAYER(down), E_DIM, E_FFN, true, false, false},
    {"ffn_gate.bias", LAYER(gate_bias), E_ONE, E_FFN, false, true, false},
    {"ffn_up.bias", LAYER(up_bias), E_ONE, E_FFN, false, true, false},
    {"ffn_down.bias", LAYER(down_bias), E_ONE, E_DIM, false, true, false},
};

#define STAGE(field) offsetof(ac_stage, field)
static const want embd_want = {"token_embd.weight", STAGE(embd), E_VOCAB, E_DIM, true, false, false};
static const want head_wants[] = {
    {"output_norm.weight", STAGE(output_norm), E_ONE, E_DIM, false, false, false},
    {"output.weight", STAGE(output), E_VOCAB, E_DIM, true, true, false},
};
enum {
    N_LAYER_WANTS = sizeof layer_wants / sizeof *layer_wants,
    N_HEAD_WANTS = sizeof head_wants / sizeof *head_wants
};

static uint64_t extent_of(const ac_hparams *h, extent e) {
    switch (e) {
    case E_ONE:
        return 1;
    case E_DIM:
        return h->dim;
    case E_Q:
        return (uint64_t)h->heads * h->head_dim;
    case E_KV:
        return (uint64_t)h->kv_heads * h->head_dim;
    case E_FFN:
        return h->ffn;
    case E_HEAD:
        return h->head_dim;
    case E_VOCAB:
        return h->vocab;
    }
    return 0;
}

/* Norms and biases in F16 or BF16 are read once into float32: the plan knows them as F32 only. */
static ac_status convert(ac_model *m, const ac_gguf_tensor *t, ac_weight *w, ac_error *err) {
    float *copy = ac__array(w->cols, sizeof *copy);
    void **list = copy ? ac__array_grow(m->converted, m->n_converted + 1, sizeof *list) : NULL;
    if (!list) {
        ac__free(copy);
        return ac_fail(err, AC_ERR_MEMORY, "%s: %llu values", t->label, (unsigned long long)w->cols);
    }
    m->converted = list;
    list[m->n_converted++] = copy;
    for (uint64_t i = 0; i < w->cols; i++) {
        uint16_t h;
        memcpy(&h, t->data + i * 2, 2);
        uint32_t u = (uint32_t)h << 16;
        if (t->type == AC_TYPE_F16) {
            /* exact: the exponent is re-biased by a product with 2^112, which also makes subnormals right */
            u = (uint32_t)(h & 0x7fff) << 13;
            float f;
            memcpy(&f, &u, 4);
            f = f * 0x1p112f;
            memcpy(&u, &f, 4);
            u |= (uint32_t)(h & 0x8000) << 16;
        }
        memcpy(copy + i, &u, 4);
    }
    w->data = copy;
    w->bytes = w->cols * sizeof *copy;
    w->type = AC_TYPE_F32;
    w->map = NULL;
    w->map_bytes = 0;
    return AC_OK;
}

static ac_status check_shape(const ac_gguf_tensor *t, const ac_hparams *h, const want *w, ac_error *err) {
    uint64_t rows = extent_of(h, w->rows), cols = extent_of(h, w->cols);
    const char *type = ac_type_describe(t->type)->name;
    if (w->matrix) {
        if (t->n_dims == 2 && t->dim[0] == cols && t->dim[1] == rows) return AC_OK;
        return ac_fail(err, AC_ERR_FORMAT, "%s: want [%llu, %llu], the file has %s [%llu, %llu]", t->label,
                       (unsigned long long)cols, (unsigned long long)rows, type,
                       (unsigned long long)t->dim[0],
                       (unsigned long long)(t->dim[1] * t->dim[2] * t->dim[3]));
    }
    if (ac_type_describe(t->type)->block_elems != 1)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: want f32, f16 or bf16, the file has %s", t->label, type);
    if (t->dim[0] == cols && t->dim[1] == 1 && t->dim[2] == 1 && t->dim[3] == 1) return AC_OK;
    return ac_fail(err, AC_ERR_FORMAT, "%s: want [%llu], the file has [%llu, %llu]", t->label,
                   (unsigned long long)cols, (unsigned long long)t->dim[0],
                   (unsigned long long)(t->dim[1] * t->dim[2] * t->dim[3]));
}

static ac_status add_weight(ac_model *m, ac_stage *s, const char *name, const want *w, uint32_t *slot,
                            ac_error *err) {
    *slot = AC_NONE;
    const ac_gguf_tensor *t = ac_gguf_tensor_find(m->file, name);
    if (!t) {
        bool needed = !w->optional || (w->qk_norm_only && m->hp.arch->qk_norm);
        return needed ? ac_fail(err, AC_ERR_FORMAT, "%s is missing", name) : AC_OK;
    }
    if (w->qk_norm_only && !m->hp.arch->qk_norm)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: architecture %s has no such tensor", t->label,
                       m->hp.arch->name);
    AC_TRY(check_shape(t, &m->hp, w, err));
    ac_weight *out = &s->weights[s->n_weights];
    *out = (ac_weight){.name = t->label,
                       .type = t->type,
                       .rows = extent_of(&m->hp, w->rows),
                       .cols = extent_of(&m->hp, w->cols),
                       .data = t->data,
                       .bytes = t->bytes};
    size_t map_bytes;
    ac_gguf_part_mapping(m->file, t->part, &out->map, &map_bytes);
    out->map_bytes = map_bytes;
    if (!w->matrix && t->type != AC_TYPE_F32) AC_TRY(convert(m, t, out, err));
    *slot = s->n_weights++;
    return AC_OK;
}

static uint32_t *slot_in(void *base, size_t offset) {
    return (uint32_t *)(void *)((char *)base + offset);
}

ac_status ac__stage_weights(ac_model *m, ac_stage *s, ac_error *err) {
    uint32_t n = s->last - s->first;
    s->weights = ac__array((size_t)n * N_LAYER_WANTS + 1 + N_HEAD_WANTS, sizeof *s->weights);
    s->layers = ac__array(n ? n : 1, sizeof *s->layers);
    if (!s->weights || !s->layers) return ac_fail(err, AC_ERR_MEMORY, "weight list of %u layers", n);
    s->embd = s->output_norm = s->output = AC_NONE;
    bool tied = !ac_gguf_tensor_find(m->file, "output.weight");
    if (s->embeds || (s->heads && tied)) AC_TRY(add_weight(m, s, embd_want.name, &embd_want, &s->embd, err));
    char name[64];
    for (uint32_t l = 0; l < n; l++) {
        for (size_t i = 0; i < N_LAYER_WANTS; i++) {
            snprintf(name, sizeof name, "blk.%u.%s", s->first + l, layer_wants[i].name);
            AC_TRY(add_weight(m, s, name, &layer_wants[i], slot_in(&s->layers[l], layer_wants[i].slot), err));
        }
    }
    for (size_t i = 0; s->heads && i < N_HEAD_WANTS; i++)
        AC_TRY(add_weight(m, s, head_wants[i].name, &head_wants[i], slot_in(s, head_wants[i].slot), err));
    if (s->heads && s->output == AC_NONE) s->output = s->embd;
    return AC_OK;
}

void ac__stage_free(ac_stage *s) {
    ac__free(s->weights);
    ac__free(s->layers);
    s->weights = NULL;
    s->layers = NULL;
}

/* "blk.7.attn_q.weight" -> 7 and "attn_q.weight". */
static const char *layer_suffix(const ac_gguf_tensor *t, uint64_t *layer) {
    if (t->name.n < 6 || memcmp(t->name.p, "blk.", 4)) return NULL;
    const char *p = t->label + 4;
    uint64_t v = 0;
    if (*p < '0' || *p > '9') return NULL;
    for (; *p >= '0' && *p <= '9' && v < 1000000; p++) v = v * 10 + (uint64_t)(*p - '0');
    *layer = v;
    return *p == '.' ? p + 1 : NULL;
}

static bool is_known(const ac_model *m, const ac_gguf_tensor *t) {
    uint64_t layer;
    const char *suffix = layer_suffix(t, &layer);
    if (suffix && layer < m->hp.layers) {
        for (size_t i = 0; i < N_LAYER_WANTS; i++)
            if (!strcmp(suffix, layer_wants[i].name)) return true;
        /* tables that very old files carry; they are recomputed */
        return !strcmp(suffix, "attn_rot_embd") || !strcmp(suffix, "attn_rot_embd.weight");
    }
    for (size_t i = 0; i < N_HEAD_WANTS; i++)
        if (!strcmp(t->label, head_wants[i].name)) return true;
    return !strcmp(t->label, embd_want.name) || !strcmp(t->label, "rope_freqs.weight");
}

ac_status ac__check_unused(const ac_model *m, ac_error *err) {
    for (size_t i = 0; i < ac_gguf_tensor_count(m->file); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(m->file, i);
        if (!is_known(m, t))
            return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: architecture %s has no such tensor here", t->label,
                           m->hp.arch->name);
    }
    return AC_OK;
}
