/* quantize.c - a model file in another type: tensors by the mix's rules, all else as it is. */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "encode.h"
#include "exact.h"
#include "tools.h"

enum { CHUNK = 16 << 20, AT_ONCE = 2048, PIECE = 1 << 18 };

typedef struct work {
    const ac_tool_settings *settings;
    ac_gguf *in;
    ac__writer *out;
    ac__mix_tensor *tensors;
    uint8_t *buffer;
    uint64_t done;
} work;

/* ---- What the rules want to know ---- */

/* A number of the architecture; of an array, its first. */
static uint32_t number(const ac_gguf *g, const char *arch, const char *suffix) {
    char key[128];
    snprintf(key, sizeof key, "%s.%s", arch, suffix);
    const ac_kv *kv = ac_gguf_find(g, key);
    if (!kv || !kv->count) return 0;
    int64_t v = ac_kv_int(kv, 0);
    return v < 0 || v > INT32_MAX ? 0 : (uint32_t)v;
}

static ac_status choose_types(work *k, ac__mix_id mix, ac_error *err) {
    size_t n = ac_gguf_tensor_count(k->in);
    char arch[64] = "";
    ac_str name;
    if (ac_gguf_string(k->in, "general.architecture", &name, NULL) == AC_OK)
        snprintf(arch, sizeof arch, "%.*s", (int)(name.n < sizeof arch ? name.n : sizeof arch - 1), name.p);
    ac__mix_model model = {
        arch, number(k->in, arch, "block_count"), number(k->in, arch, "attention.head_count"),
        number(k->in, arch, "attention.head_count_kv"), number(k->in, arch, "expert_count")};
    k->tensors = ac__array(n ? n : 1, sizeof *k->tensors);
    if (!k->tensors) return ac_fail(err, AC_ERR_MEMORY, "types of %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(k->in, i);
        k->tensors[i] = (ac__mix_tensor){t->name, t->n_dims, t->dim, t->type, t->type};
    }
    return ac__mix_types(mix, k->settings->pure, &model, k->tensors, n, err);
}

static bool is_float(ac_type type) {
    return ac_type_describe(type)->block_elems == 1;
}

/* Losing twice is refused unless it is asked for; taking what is left out of blocks is no second loss. */
static ac_status check_types(const work *k, ac_error *err) {
    for (size_t i = 0; i < ac_gguf_tensor_count(k->in); i++) {
        const ac__mix_tensor *m = &k->tensors[i];
        if (m->want == m->have || is_float(m->have) || is_float(m->want) || k->settings->requantize) continue;
        return ac_fail(
            err, AC_ERR_UNSUPPORTED,
            "%s is %s already: to make %s of it loses twice, and is only done when asked for (requantize)",
            ac_gguf_tensor_at(k->in, i)->label, ac_type_describe(m->have)->name,
            ac_type_describe(m->want)->name);
    }
    return AC_OK;
}

/* ---- The head ---- */

static bool is_key(const ac_kv *kv, const char *key) {
    return kv->key.n == strlen(key) && !memcmp(kv->key.p, key, kv->key.n);
}

static ac_status write_head(work *k, ac__mix_id mix, ac_error *err) {
    static const char *const replaced[] = {"general.file_type", "general.quantization_version", "split.no",
                                           "split.count", "split.tensors.count"};
    for (size_t i = 0; i < ac_gguf_kv_count(k->in); i++) {
        const ac_kv *kv = ac_gguf_kv_at(k->in, i);
        size_t r = 0;
        while (r < sizeof replaced / sizeof *replaced && !is_key(kv, replaced[r])) r++;
        if (r == sizeof replaced / sizeof *replaced) ac__writer_kv(k->out, kv);
    }
    ac__writer_u32(k->out, "general.quantization_version", 2);
    ac__writer_u32(k->out, "general.file_type", ac__mixes[mix].file_type);
    for (size_t i = 0; i < ac_gguf_tensor_count(k->in); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(k->in, i);
        ac__writer_tensor(k->out, t->name, k->tensors[i].want, t->n_dims, t->dim);
    }
    return ac__writer_begin(k->out, err);
}

/* ---- Data ---- */

/* A part of a tensor: elements of whole rows. */
typedef struct job {
    const ac_gguf_tensor *tensor;
    ac_type want;
    uint8_t *to;
    uint64_t first_row, rows, rows_per_piece;
    _Atomic uint64_t bad; /* the first element that is no number, or UINT64_MAX */
} job;

static void remember(job *j, uint64_t element) {
    uint64_t seen = atomic_load(&j->bad);
    while (element < seen && !atomic_compare_exchange_weak(&j->bad, &seen, element)) {
    }
}

static void convert(job *j, uint64_t row) {
    const ac_gguf_tensor *t = j->tensor;
    float x[AT_ONCE];
    size_t from_bytes = ac_type_row_bytes(t->type, t->dim[0]),
           to_bytes = ac_type_row_bytes(j->want, t->dim[0]);
    const uint8_t *from = t->data + (j->first_row + row) * from_bytes;
    uint8_t *to = j->to + row * to_bytes;
    for (uint64_t at = 0; at < t->dim[0]; at += AT_ONCE) {
        size_t n = t->dim[0] - at < AT_ONCE ? (size_t)(t->dim[0] - at) : AT_ONCE;
        ac__decode(t->type, from, n, x);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(x[i])) {
                remember(j, (j->first_row + row) * t->dim[0] + at + i);
                return;
            }
        ac__encode(j->want, x, n, to);
        from += ac_type_row_bytes(t->type, n);
        to += ac_type_row_bytes(j->want, n);
    }
}

static void piece(void *user, size_t i) {
    job *j = user;
    uint64_t from = i * j->rows_per_piece, to = from + j->rows_per_piece;
    for (uint64_t r = from; r < to && r < j->rows; r++) convert(j, r);
}

static ac_status told(work *k, uint64_t bytes, ac_error *err) {
    const ac_tool_settings *s = k->settings;
    k->done += bytes;
    if (s->progress && !s->progress(s->progress_user, k->done, ac__writer_bytes(k->out)))
        return ac_fail(err, AC_ERR_CANCELLED, "the caller stopped it");
    return AC_OK;
}

static ac_status copy(work *k, const ac_gguf_tensor *t, ac_error *err) {
    for (uint64_t at = 0; at < t->bytes; at += CHUNK) {
        size_t n = t->bytes - at < CHUNK ? (size_t)(t->bytes - at) : CHUNK;
        AC_TRY(ac__writer_data(k->out, t->data + at, n, err));
        AC_TRY(told(k, n, err));
    }
    return AC_OK;
}

static ac_status convert_all(work *k, const ac_gguf_tensor *t, ac_type want, ac_error *err) {
    size_t row_bytes = ac_type_row_bytes(want, t->dim[0]);
    uint64_t all = t->dim[1] * t->dim[2] * t->dim[3], at_once = CHUNK / row_bytes ? CHUNK / row_bytes : 1;
    job j = {.tensor = t, .want = want, .to = k->buffer, .bad = UINT64_MAX};
    j.rows_per_piece = PIECE / t->dim[0] ? PIECE / t->dim[0] : 1;
    for (; j.first_row < all; j.first_row += j.rows) {
        j.rows = all - j.first_row < at_once ? all - j.first_row : at_once;
        ac__parallel(k->settings->threads, (size_t)((j.rows + j.rows_per_piece - 1) / j.rows_per_piece),
                     piece, &j);
        if (j.bad != UINT64_MAX)
            return ac_gguf_blame(k->in,
                                 ac_fail(err, AC_ERR_UNSUPPORTED,
                                         "%s: element %" PRIu64 " is no finite number", t->label,
                                         (uint64_t)j.bad),
                                 err);
        AC_TRY(ac__writer_data(k->out, k->buffer, j.rows * row_bytes, err));
        AC_TRY(told(k, j.rows * row_bytes, err));
    }
    return AC_OK;
}

static void say(const work *k, size_t i) {
    const ac_gguf_tensor *t = ac_gguf_tensor_at(k->in, i);
    char text[200];
    if (!k->settings->log) return;
    snprintf(text, sizeof text, "%zu of %zu: %s: %s to %s", i + 1, ac_gguf_tensor_count(k->in), t->label,
             ac_type_describe(t->type)->name, ac_type_describe(k->tensors[i].want)->name);
    k->settings->log(k->settings->log_user, 2, text);
}

static ac_status write_all(work *k, ac__mix_id mix, ac_error *err) {
    size_t largest = CHUNK;
    AC_TRY(write_head(k, mix, err));
    for (size_t i = 0; i < ac_gguf_tensor_count(k->in); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(k->in, i);
        size_t row = ac_type_row_bytes(k->tensors[i].want, t->dim[0]);
        if (k->tensors[i].want != t->type && row > largest) largest = row;
    }
    k->buffer = ac__malloc(largest);
    if (!k->buffer) return ac_fail(err, AC_ERR_MEMORY, "buffer of %zu bytes", largest);
    for (size_t i = 0; i < ac_gguf_tensor_count(k->in); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(k->in, i);
        say(k, i);
        AC_TRY(k->tensors[i].want == t->type ? copy(k, t, err) : convert_all(k, t, k->tensors[i].want, err));
    }
    return AC_OK;
}

ac_status ac_quantize_file(const char *in, const char *out, const char *type,
                           const ac_tool_settings *settings, ac_error *err) {
    AC_FP_SCOPE;
    ac_tool_settings defaults;
    ac_tool_defaults(&defaults);
    work k = {.settings = settings ? settings : &defaults};
    ac__mix_id mix;
    AC_TRY(ac__mix_named(type, &mix, err));
    AC_TRY(ac_gguf_open(in, &k.in, err));
    ac_status status = choose_types(&k, mix, err);
    if (status == AC_OK) status = ac_gguf_blame(k.in, check_types(&k, err), err);
    if (status == AC_OK) status = ac__writer_open(out, &k.out, err);
    if (status == AC_OK) status = write_all(&k, mix, err);
    if (status == AC_OK)
        status = ac__writer_finish(&k.out, true, err);
    else
        ac__writer_abandon(&k.out);
    ac_gguf_close(&k.in);
    ac__free(k.buffer);
    ac__free(k.tensors);
    return status;
}
