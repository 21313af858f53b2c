/* inspect.c - what a model file holds: a thin public face on the loader's view. Needs neither tokenizer nor
 * device. */
#include <anychip/anychip.h>

#include "alloc.h"
#include "exact.h"
#include "gguf.h"

struct ac_inspect {
    ac_gguf *file;
};

/* Wraps an opened file, or gives up on it. */
static ac_status wrap(ac_gguf *file, ac_inspect **out, ac_error *err) {
    *out = ac__calloc(1, sizeof **out);
    if (!*out) {
        ac_gguf_close(&file);
        return ac_fail(err, AC_ERR_MEMORY, "inspect");
    }
    (*out)->file = file;
    return AC_OK;
}

ac_status ac_inspect_open(const char *path, ac_inspect **out, ac_error *err) {
    ac_gguf *file;
    *out = NULL;
    AC_TRY(ac_gguf_open(path, &file, err));
    return wrap(file, out, err);
}

ac_status ac_inspect_open_memory(const void *data, size_t bytes, ac_inspect **out, ac_error *err) {
    ac_gguf *file;
    *out = NULL;
    AC_TRY(ac_gguf_open_memory(data, bytes, &file, err));
    return wrap(file, out, err);
}

void ac_inspect_close(ac_inspect **inspect) {
    if (!inspect || !*inspect) return;
    ac_gguf_close(&(*inspect)->file);
    ac__free(*inspect);
    *inspect = NULL;
}

void ac_inspect_describe(const ac_inspect *inspect, ac_inspect_info *out) {
    const ac_gguf *g = inspect->file;
    *out = (ac_inspect_info){
        .version = ac_gguf_version(g),
        .parts = (uint32_t)ac_gguf_parts(g),
        .file_bytes = ac_gguf_bytes(g),
        .entries = ac_gguf_kv_count(g),
        .tensors = ac_gguf_tensor_count(g),
    };
    for (size_t i = 0; i < out->tensors; i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        out->parameters +=
            t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3]; /* the loader proved that each product fits */
    }
    ac_gguf_header_hash(g, out->header_hash);
}

static const struct {
    const char *name;
    ac_value_kind kind;
} types[] = {
    [AC_KV_U8] = {"u8", AC_VALUE_UNSIGNED},     [AC_KV_I8] = {"i8", AC_VALUE_SIGNED},
    [AC_KV_U16] = {"u16", AC_VALUE_UNSIGNED},   [AC_KV_I16] = {"i16", AC_VALUE_SIGNED},
    [AC_KV_U32] = {"u32", AC_VALUE_UNSIGNED},   [AC_KV_I32] = {"i32", AC_VALUE_SIGNED},
    [AC_KV_F32] = {"f32", AC_VALUE_FLOAT},      [AC_KV_BOOL] = {"bool", AC_VALUE_BOOL},
    [AC_KV_STRING] = {"string", AC_VALUE_TEXT}, [AC_KV_ARRAY] = {"array", AC_VALUE_TEXT},
    [AC_KV_U64] = {"u64", AC_VALUE_UNSIGNED},   [AC_KV_I64] = {"i64", AC_VALUE_SIGNED},
    [AC_KV_F64] = {"f64", AC_VALUE_FLOAT},
};

bool ac_inspect_entry_at(const ac_inspect *inspect, size_t i, ac_inspect_entry *out) {
    if (i >= ac_gguf_kv_count(inspect->file)) return false;
    const ac_kv *kv = ac_gguf_kv_at(inspect->file, i);
    *out = (ac_inspect_entry){kv->key.p, kv->key.n, types[kv->elem].name, kv->type == AC_KV_ARRAY, kv->count};
    return true;
}

bool ac_inspect_next(const ac_inspect *inspect, size_t i, size_t *cursor, ac_inspect_value *out) {
    AC_FP_SCOPE;
    if (i >= ac_gguf_kv_count(inspect->file)) return false;
    const ac_kv *kv = ac_gguf_kv_at(inspect->file, i);
    *out = (ac_inspect_value){.kind = types[kv->elem].kind};
    if (kv->elem == AC_KV_STRING) {
        ac_str s;
        if (!ac_kv_next_string(kv, cursor, &s)) return false;
        out->text = s.p;
        out->bytes = s.n;
        return true;
    }
    if (kv->elem == AC_KV_ARRAY || *cursor >= kv->count)
        return false; /* arrays of arrays: their shape only */
    size_t at = (*cursor)++;
    if (out->kind == AC_VALUE_FLOAT)
        out->f = ac_kv_float(kv, at);
    else
        out->i = ac_kv_int(kv, at);
    out->u = (uint64_t)out->i;
    return true;
}

bool ac_inspect_tensor_at(const ac_inspect *inspect, size_t i, ac_inspect_tensor *out) {
    if (i >= ac_gguf_tensor_count(inspect->file)) return false;
    const ac_gguf_tensor *t = ac_gguf_tensor_at(inspect->file, i);
    *out = (ac_inspect_tensor){t->label,  ac_type_describe(t->type)->name,
                               t->n_dims, {t->dim[0], t->dim[1], t->dim[2], t->dim[3]},
                               t->bytes,  t->part};
    return true;
}
