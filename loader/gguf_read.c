/* gguf_read.c - what an opened file answers. */
#include "gguf_internal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY /* the state's size, so that hashing allocates nothing */
#include <xxhash.h>

static const struct {
    const char *name;
    unsigned char bytes;
    bool is_int, is_signed;
} types[] = {
    [AC_KV_U8] = {"u8", 1, true, false},          [AC_KV_I8] = {"i8", 1, true, true},
    [AC_KV_U16] = {"u16", 2, true, false},        [AC_KV_I16] = {"i16", 2, true, true},
    [AC_KV_U32] = {"u32", 4, true, false},        [AC_KV_I32] = {"i32", 4, true, true},
    [AC_KV_F32] = {"f32", 4, false, false},       [AC_KV_BOOL] = {"bool", 1, false, false},
    [AC_KV_STRING] = {"string", 0, false, false}, [AC_KV_ARRAY] = {"array", 0, false, false},
    [AC_KV_U64] = {"u64", 8, true, false},        [AC_KV_I64] = {"i64", 8, true, true},
    [AC_KV_F64] = {"f64", 8, false, false},
};

size_t ac__kv_type_bytes(ac_kv_type type) {
    return types[type].bytes;
}

ac__label ac__label_of(ac_str name) {
    ac__label label = {{0}};
    size_t n = name.n < 64 ? name.n : 64;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        label.s[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    if (name.n > 64) memcpy(label.s + 64, "...", 3);
    return label;
}

/* ---- the whole file ---- */

uint32_t ac_gguf_version(const ac_gguf *g) {
    return g->parts[0].version;
}

size_t ac_gguf_parts(const ac_gguf *g) {
    return g->n_parts;
}

const char *ac_gguf_part_path(const ac_gguf *g, size_t part) {
    const char *path = g->parts[part].path;
    return path ? path : "(memory)";
}

uint64_t ac_gguf_bytes(const ac_gguf *g) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < g->n_parts; i++) bytes += g->parts[i].bytes;
    return bytes;
}

void ac_gguf_part_mapping(const ac_gguf *g, size_t part, const void **data, size_t *bytes) {
    bool mapped = g->parts[part].path != NULL;
    *data = mapped ? g->parts[part].data : NULL;
    *bytes = mapped ? g->parts[part].bytes : 0;
}

void ac_gguf_header_hash(const ac_gguf *g, uint8_t out[16]) {
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < g->n_parts; i++) {
        uint64_t bytes = g->parts[i].bytes;
        XXH3_128bits_update(&state, g->parts[i].data, g->parts[i].header_bytes);
        XXH3_128bits_update(&state, &bytes, sizeof bytes);
    }
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(&state));
    memcpy(out, hash.digest, sizeof hash.digest);
}

size_t ac_gguf_tensor_count(const ac_gguf *g) {
    return g->tensors.n;
}

const ac_gguf_tensor *ac_gguf_tensor_at(const ac_gguf *g, size_t i) {
    return i < g->tensors.n ? &g->tensors.at[i] : NULL;
}

const ac_gguf_tensor *ac_gguf_tensor_find(const ac_gguf *g, const char *name) {
    return (const ac_gguf_tensor *)ac__str_find(g->tensors.sorted, g->tensors.n, name);
}

/* ---- metadata ---- */

size_t ac_gguf_kv_count(const ac_gguf *g) {
    return g->kvs.n;
}

const ac_kv *ac_gguf_kv_at(const ac_gguf *g, size_t i) {
    return i < g->kvs.n ? &g->kvs.at[i] : NULL;
}

const ac_kv *ac_gguf_find(const ac_gguf *g, const char *key) {
    return (const ac_kv *)ac__str_find(g->kvs.sorted, g->kvs.n, key);
}

int64_t ac_kv_int(const ac_kv *kv, uint64_t i) {
    const uint8_t *p = kv->data + i * types[kv->elem].bytes;
    uint64_t bits = 0;
    switch (kv->elem) {
    case AC_KV_F32:
    case AC_KV_F64: {
        double v = ac_kv_float(kv, i);
        if (isnan(v)) return 0;
        return v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
    }
    case AC_KV_STRING:
    case AC_KV_ARRAY:
        return 0;
    default:
        break;
    }
    unsigned n = types[kv->elem].bytes;
    memcpy(&bits, p, n);
    unsigned unused = 64 - 8 * n;
    bits <<= unused;
    return types[kv->elem].is_signed ? (int64_t)bits >> unused : (int64_t)(bits >> unused);
}

double ac_kv_float(const ac_kv *kv, uint64_t i) {
    const uint8_t *p = kv->data + i * types[kv->elem].bytes;
    float f;
    double d;
    switch (kv->elem) {
    case AC_KV_F32:
        memcpy(&f, p, sizeof f);
        return f;
    case AC_KV_F64:
        memcpy(&d, p, sizeof d);
        return d;
    case AC_KV_U64:
        return (double)(uint64_t)ac_kv_int(kv, i);
    default:
        return (double)ac_kv_int(kv, i);
    }
}

bool ac_kv_next_string(const ac_kv *kv, size_t *cursor, ac_str *out) {
    uint64_t n;
    if (kv->elem != AC_KV_STRING || *cursor >= kv->bytes) return false;
    memcpy(&n, kv->data + *cursor, sizeof n);
    out->p = (const char *)kv->data + *cursor + sizeof n;
    out->n = (size_t)n;
    *cursor += sizeof n + (size_t)n;
    return true;
}

/* The entry of a key, NULL with a status when it is absent. */
static ac_status find(const ac__kvs *kvs, const char *key, const ac_kv **out, ac_error *err) {
    *out = (const ac_kv *)ac__str_find(kvs->sorted, kvs->n, key);
    return *out ? AC_OK : ac_fail(err, AC_ERR_NOT_FOUND, "key %s: the file has none", key);
}

static ac_status wrong_type(const ac_kv *kv, const char *key, const char *want, ac_error *err) {
    bool array = kv->type == AC_KV_ARRAY;
    return ac_fail(err, AC_ERR_FORMAT, "key %s: want %s, the file has %s%s", key, want,
                   array ? "array of " : "", types[kv->elem].name);
}

/* A scalar integer from 0 to `max`. */
static ac_status read_unsigned(const ac__kvs *kvs, const char *key, const char *want, uint64_t max,
                               uint64_t *out, ac_error *err) {
    const ac_kv *kv;
    AC_TRY(find(kvs, key, &kv, err));
    if (!types[kv->type].is_int) return wrong_type(kv, key, want, err);
    int64_t v = ac_kv_int(kv, 0);
    if (types[kv->type].is_signed && v < 0)
        return ac_fail(err, AC_ERR_FORMAT, "key %s: want %s, have %" PRId64, key, want, v);
    if ((uint64_t)v > max)
        return ac_fail(err, AC_ERR_FORMAT, "key %s: want %s, have %" PRIu64, key, want, (uint64_t)v);
    *out = (uint64_t)v;
    return AC_OK;
}

ac_status ac__kvs_optional(const ac__kvs *kvs, const char *key, uint64_t *out, ac_error *err) {
    if (!ac__str_find(kvs->sorted, kvs->n, key)) return AC_OK;
    return read_unsigned(kvs, key, "u64", UINT64_MAX, out, err);
}

ac_status ac_gguf_u64(const ac_gguf *g, const char *key, uint64_t *out, ac_error *err) {
    return read_unsigned(&g->kvs, key, "u64", UINT64_MAX, out, err);
}

ac_status ac_gguf_u32(const ac_gguf *g, const char *key, uint32_t *out, ac_error *err) {
    uint64_t v = 0;
    AC_TRY(read_unsigned(&g->kvs, key, "u32", UINT32_MAX, &v, err));
    *out = (uint32_t)v;
    return AC_OK;
}

ac_status ac_gguf_f32(const ac_gguf *g, const char *key, float *out, ac_error *err) {
    const ac_kv *kv;
    AC_TRY(find(&g->kvs, key, &kv, err));
    if (kv->type != AC_KV_F32 && kv->type != AC_KV_F64) return wrong_type(kv, key, "f32", err);
    double v = ac_kv_float(kv, 0);
    if (!(fabs(v) <= FLT_MAX)) return ac_fail(err, AC_ERR_FORMAT, "key %s: want f32, have %g", key, v);
    *out = (float)v;
    return AC_OK;
}

ac_status ac_gguf_bool(const ac_gguf *g, const char *key, bool *out, ac_error *err) {
    const ac_kv *kv;
    AC_TRY(find(&g->kvs, key, &kv, err));
    if (kv->type != AC_KV_BOOL) return wrong_type(kv, key, "bool", err);
    *out = kv->data[0];
    return AC_OK;
}

ac_status ac_gguf_string(const ac_gguf *g, const char *key, ac_str *out, ac_error *err) {
    const ac_kv *kv;
    size_t cursor = 0;
    AC_TRY(find(&g->kvs, key, &kv, err));
    if (kv->type != AC_KV_STRING) return wrong_type(kv, key, "string", err);
    ac_kv_next_string(kv, &cursor, out);
    return AC_OK;
}

ac_status ac_gguf_array(const ac_gguf *g, const char *key, ac_kv_type elem, const ac_kv **out,
                        ac_error *err) {
    const ac_kv *kv;
    char want[32];
    AC_TRY(find(&g->kvs, key, &kv, err));
    bool same = kv->elem == elem || (types[kv->elem].is_int && types[elem].is_int);
    if (kv->type != AC_KV_ARRAY || !same) {
        snprintf(want, sizeof want, "array of %s", types[elem].name);
        return wrong_type(kv, key, want, err);
    }
    *out = kv;
    return AC_OK;
}
