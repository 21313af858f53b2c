/* synth.c - models of real size with random weights, for measuring and testing without anybody's weights. */
#include "synth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "exact.h"

static const ac__shape shapes[] = {
#define SHAPE(...) {__VA_ARGS__},
#include "shapes.def"
#undef SHAPE
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, CHUNK = 32 << 20, PIECE = 256 << 10 };

bool ac_shape_at(size_t i, ac_shape *out) {
    if (i >= N_SHAPES) return false;
    *out = (ac_shape){shapes[i].name, shapes[i].text};
    return true;
}

static ac_status find_shape(const char *name, const ac__shape **out, ac_error *err) {
    char known[400] = "";
    for (size_t i = 0; i < N_SHAPES; i++) {
        size_t n = strlen(known);
        *out = &shapes[i];
        if (!strcmp(shapes[i].name, name)) return AC_OK;
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", shapes[i].name);
    }
    *out = NULL;
    return ac_fail(err, AC_ERR_ARGUMENT, "shape: want one of %s, have \"%.64s\"", known, name);
}

/* ---- Tensors ---- */

typedef enum extent { ONE, DIM, Q, KV, FFN, HEAD, VOCAB } extent;
typedef enum only { ALL, UNTIED, DIVISORS, QWEN2, QWEN3 } only;

typedef struct want {
    const char *name;
    extent rows, cols;
    only only;
    bool layer;  /* one per layer, after "blk.N." */
    float about; /* of vectors; matrices have none */
} want;

static const want wants[] = {
    {"token_embd.weight", VOCAB, DIM, ALL, false, 0},
    {"output_norm.weight", ONE, DIM, ALL, false, 1},
    {"rope_freqs.weight", ONE, HEAD, DIVISORS, false, 0},
    {"output.weight", VOCAB, DIM, UNTIED, false, 0},
    {"attn_norm.weight", ONE, DIM, ALL, true, 1},
    {"attn_q.weight", Q, DIM, ALL, true, 0},
    {"attn_k.weight", KV, DIM, ALL, true, 0},
    {"attn_v.weight", KV, DIM, ALL, true, 0},
    {"attn_q.bias", ONE, Q, QWEN2, true, 0},
    {"attn_k.bias", ONE, KV, QWEN2, true, 0},
    {"attn_v.bias", ONE, KV, QWEN2, true, 0},
    {"attn_q_norm.weight", ONE, HEAD, QWEN3, true, 1},
    {"attn_k_norm.weight", ONE, HEAD, QWEN3, true, 1},
    {"attn_output.weight", DIM, Q, ALL, true, 0},
    {"ffn_norm.weight", ONE, DIM, ALL, true, 1},
    {"ffn_gate.weight", FFN, DIM, ALL, true, 0},
    {"ffn_up.weight", FFN, DIM, ALL, true, 0},
    {"ffn_down.weight", DIM, FFN, ALL, true, 0},
};
enum { N_WANTS = sizeof wants / sizeof *wants, FIRST_OF_LAYER = 4, NAME_ROOM = 48 };

typedef struct tensor {
    char name[NAME_ROOM];
    const want *want;
    uint64_t dim[2];
    ac_type type;
} tensor;

static uint64_t extent_of(const ac__shape *s, const want *w, extent e) {
    switch (e) {
    case ONE:
        return 1;
    case DIM:
        return s->dim;
    case Q:
        return (uint64_t)s->heads * s->head_dim;
    case KV:
        return (uint64_t)s->kv_heads * s->head_dim;
    case FFN:
        return s->ffn;
    case HEAD:
        return w->only == DIVISORS ? s->head_dim / 2 : s->head_dim;
    case VOCAB:
        return s->vocab;
    }
    return 0;
}

static bool wanted(const ac__shape *s, const want *w) {
    switch (w->only) {
    case ALL:
        return true;
    case UNTIED:
        return !s->tied;
    case DIVISORS:
        return s->divisor_factor > 0;
    case QWEN2:
        return !strcmp(s->arch, "qwen2");
    case QWEN3:
        return !strcmp(s->arch, "qwen3");
    }
    return false;
}

static void add(const ac__shape *s, const want *w, uint32_t layer, tensor *out, size_t *n) {
    if (!wanted(s, w)) return;
    tensor *t = &out[(*n)++];
    if (w->layer)
        snprintf(t->name, NAME_ROOM, "blk.%u.%s", layer, w->name);
    else
        snprintf(t->name, NAME_ROOM, "%s", w->name);
    t->want = w;
    t->dim[0] = extent_of(s, w, w->cols);
    t->dim[1] = extent_of(s, w, w->rows);
    t->type = AC_TYPE_F32;
}

static bool is_matrix(const tensor *t) {
    return t->want->rows != ONE;
}

static ac_status choose_types(const ac__shape *s, ac__mix_id mix, bool pure, tensor *t, size_t n,
                              ac_error *err) {
    ac__mix_model model = {s->arch, s->layers, s->heads, s->kv_heads, 0};
    ac__mix_tensor *m = ac__array(n, sizeof *m);
    if (!m) return ac_fail(err, AC_ERR_MEMORY, "types of %zu tensors", n);
    for (size_t i = 0; i < n; i++)
        m[i] = (ac__mix_tensor){
            {t[i].name, strlen(t[i].name)}, is_matrix(&t[i]) ? 2 : 1, t[i].dim, t[i].type, t[i].type};
    ac_status status = ac__mix_types(mix, pure, &model, m, n, err);
    for (size_t i = 0; i < n && status == AC_OK; i++) t[i].type = m[i].want;
    ac__free(m);
    return status;
}

/* ---- Data ---- */

/* A part of a tensor in memory: rows first .. first + n. */
typedef struct job {
    const ac__shape *shape;
    const tensor *tensor;
    uint8_t *p;
    size_t row_bytes;
    uint64_t first, rows, rows_per_piece, seed;
    float size;
} job;

static void piece(void *user, size_t i) {
    const job *j = user;
    uint64_t from = i * j->rows_per_piece, to = from + j->rows_per_piece;
    if (to > j->rows) to = j->rows;
    for (uint64_t r = from; r < to; r++) {
        uint8_t *row = j->p + r * j->row_bytes;
        uint64_t seed = j->seed + (j->first + r) * 0xD1342543DE82EF95ull;
        if (j->tensor->want->only == DIVISORS)
            ac__synth_divisors(j->shape, (float *)(void *)row);
        else if (is_matrix(j->tensor))
            ac__synth_row(row, j->tensor->type, j->tensor->dim[0], j->size, seed);
        else
            ac__synth_vector((float *)(void *)row, j->tensor->dim[0], j->tensor->want->about, seed);
    }
}

typedef struct work {
    const ac__shape *shape;
    const ac_tool_settings *settings;
    tensor *tensors;
    size_t n;
    uint8_t *buffer;
    uint64_t done;
} work;

static ac_status write_tensor(work *k, ac__writer *w, size_t index, ac_error *err) {
    const tensor *t = &k->tensors[index];
    const ac_tool_settings *s = k->settings;
    job j = {
        .shape = k->shape, .tensor = t, .p = k->buffer, .row_bytes = ac_type_row_bytes(t->type, t->dim[0])};
    uint64_t at_once = CHUNK / j.row_bytes ? CHUNK / j.row_bytes : 1;
    j.rows_per_piece = PIECE / j.row_bytes ? PIECE / j.row_bytes : 1;
    j.seed = (s->seed * 0x9E3779B97F4A7C15ull) ^ ((uint64_t)(index + 1) << 40);
    j.size = (float)(1 / sqrt((double)t->dim[0]));
    for (; j.first < t->dim[1]; j.first += j.rows) {
        j.rows = t->dim[1] - j.first < at_once ? t->dim[1] - j.first : at_once;
        ac__parallel(s->threads, (size_t)((j.rows + j.rows_per_piece - 1) / j.rows_per_piece), piece, &j);
        AC_TRY(ac__writer_data(w, k->buffer, j.rows * j.row_bytes, err));
        k->done += j.rows * j.row_bytes;
        if (s->progress && !s->progress(s->progress_user, k->done, ac__writer_bytes(w)))
            return ac_fail(err, AC_ERR_CANCELLED, "the caller stopped it");
    }
    return AC_OK;
}

static ac_status write_all(work *k, ac__writer *w, ac__mix_id mix, ac_error *err) {
    size_t largest = CHUNK;
    ac__synth_head(w, k->shape, mix, k->settings->seed);
    for (size_t i = 0; i < k->n; i++) {
        const tensor *t = &k->tensors[i];
        size_t row = ac_type_row_bytes(t->type, t->dim[0]);
        if (row > largest) largest = row;
        ac__writer_tensor(w, (ac_str){t->name, strlen(t->name)}, t->type, is_matrix(t) ? 2 : 1, t->dim);
    }
    AC_TRY(ac__writer_begin(w, err));
    k->buffer = ac__malloc(largest);
    if (!k->buffer) return ac_fail(err, AC_ERR_MEMORY, "buffer of %zu bytes", largest);
    for (size_t i = 0; i < k->n; i++) AC_TRY(write_tensor(k, w, i, err));
    return AC_OK;
}

ac_status ac_synth_write(const char *path, const char *shape, const char *type,
                         const ac_tool_settings *settings, ac_error *err) {
    AC_FP_SCOPE;
    ac_tool_settings defaults;
    ac_tool_defaults(&defaults);
    work k = {.settings = settings ? settings : &defaults};
    ac__mix_id mix;
    ac__writer *w = NULL;
    AC_TRY(find_shape(shape, &k.shape, err));
    AC_TRY(ac__mix_named(type, &mix, err));
    k.tensors = ac__array((size_t)k.shape->layers * N_WANTS + FIRST_OF_LAYER, sizeof *k.tensors);
    if (!k.tensors) return ac_fail(err, AC_ERR_MEMORY, "tensors of %u layers", k.shape->layers);
    for (size_t i = 0; i < FIRST_OF_LAYER; i++) add(k.shape, &wants[i], 0, k.tensors, &k.n);
    for (uint32_t l = 0; l < k.shape->layers; l++)
        for (size_t i = FIRST_OF_LAYER; i < N_WANTS; i++) add(k.shape, &wants[i], l, k.tensors, &k.n);
    ac_status status = choose_types(k.shape, mix, k.settings->pure, k.tensors, k.n, err);
    if (status == AC_OK) status = ac__writer_open(path, &w, err);
    if (status == AC_OK) status = write_all(&k, w, mix, err);
    if (status == AC_OK)
        status = ac__writer_finish(&w, false, err);
    else
        ac__writer_abandon(&w);
    ac__free(k.buffer);
    ac__free(k.tensors);
    return status;
}
