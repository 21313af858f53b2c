/* gguf_write.h - makes small GGUF files in memory, valid ones and, by writing what one likes, bad ones.
 * Places that hold a count, size, type or offset are remembered, so that mutations know where it hurts. */
#ifndef AC_TESTS_GGUF_WRITE_H
#define AC_TESTS_GGUF_WRITE_H

#include <stdarg.h>

#include "check.h"
#include "gguf.h"

enum { GW_FIELDS = 1024 };

typedef struct gw {
    uint8_t *p;
    size_t n, room;
    struct {
        size_t at;
        unsigned bytes; /* 4 or 8 */
    } field[GW_FIELDS];
    size_t n_fields;
} gw;

static inline void gw_free(gw *w) {
    free(w->p);
    *w = (gw){0};
}

static inline void gw_bytes(gw *w, const void *p, size_t n) {
    if (w->n + n > w->room) {
        w->room = (w->n + n) * 2;
        w->p = realloc(w->p, w->room);
        CHECK(w->p, "memory");
    }
    if (n) memcpy(w->p + w->n, p, n);
    w->n += n;
}

static inline void gw_u8(gw *w, uint8_t v) { gw_bytes(w, &v, 1); }
static inline void gw_u16(gw *w, uint16_t v) { gw_bytes(w, &v, 2); }

static inline void gw_field(gw *w, unsigned bytes) {
    if (w->n_fields == GW_FIELDS) return;
    w->field[w->n_fields].at = w->n;
    w->field[w->n_fields++].bytes = bytes;
}

static inline void gw_u32(gw *w, uint32_t v) {
    gw_field(w, 4);
    gw_bytes(w, &v, 4);
}

static inline void gw_u64(gw *w, uint64_t v) {
    gw_field(w, 8);
    gw_bytes(w, &v, 8);
}

static inline void gw_f32(gw *w, float v) { gw_bytes(w, &v, 4); }
static inline void gw_f64(gw *w, double v) { gw_bytes(w, &v, 8); }

static inline void gw_lstr(gw *w, const char *s, size_t n) {
    gw_u64(w, n);
    gw_bytes(w, s, n);
}

static inline void gw_str(gw *w, const char *s) { gw_lstr(w, s, strlen(s)); }

static inline void gw_head(gw *w, uint32_t version, uint64_t tensors, uint64_t kvs) {
    gw_bytes(w, "GGUF", 4);
    gw_u32(w, version);
    gw_u64(w, tensors);
    gw_u64(w, kvs);
}

/* A key and its type; the value follows. */
static inline void gw_key(gw *w, const char *key, uint32_t type) {
    gw_str(w, key);
    gw_u32(w, type);
}

static inline void gw_key_array(gw *w, const char *key, uint32_t elem, uint64_t count) {
    gw_key(w, key, AC_KV_ARRAY);
    gw_u32(w, elem);
    gw_u64(w, count);
}

static inline void gw_key_u32(gw *w, const char *key, uint32_t v) {
    gw_key(w, key, AC_KV_U32);
    gw_u32(w, v);
}

static inline void gw_key_str(gw *w, const char *key, const char *v) {
    gw_key(w, key, AC_KV_STRING);
    gw_str(w, v);
}

/* A tensor info; the dimensions are uint64_t. */
static inline void gw_tensor(gw *w, const char *name, uint32_t type, uint64_t offset, unsigned n_dims, ...) {
    va_list args;
    gw_str(w, name);
    gw_u32(w, n_dims);
    va_start(args, n_dims);
    for (unsigned d = 0; d < n_dims; d++) gw_u64(w, va_arg(args, uint64_t));
    va_end(args);
    gw_u32(w, type);
    gw_u64(w, offset);
}

static inline void gw_pad(gw *w, size_t alignment) {
    while (w->n % alignment) gw_u8(w, 0);
}

/* `n` bytes of data that differ. */
static inline void gw_data(gw *w, size_t n) {
    for (size_t i = 0; i < n; i++) gw_u8(w, (uint8_t)(i * 7 + 1));
}

/* ---- A model with every kind of metadata and every type of tensor ---- */

/* Every scalar type with its largest magnitude or a fraction; 13 keys. */
static inline void gw_scalars(gw *w) {
    gw_key(w, "s.u8", AC_KV_U8), gw_u8(w, 255);
    gw_key(w, "s.i8", AC_KV_I8), gw_u8(w, 0x80);
    gw_key(w, "s.u16", AC_KV_U16), gw_u16(w, 65535);
    gw_key(w, "s.i16", AC_KV_I16), gw_u16(w, 0x8000);
    gw_key_u32(w, "s.u32", 4294967295u);
    gw_key(w, "s.i32", AC_KV_I32), gw_u32(w, 0x80000000u);
    gw_key(w, "s.f32", AC_KV_F32), gw_f32(w, -1.5f);
    gw_key(w, "s.bool", AC_KV_BOOL), gw_u8(w, 1);
    gw_key_str(w, "s.string", "caf\xc3\xa9");
    gw_key(w, "s.u64", AC_KV_U64), gw_u64(w, UINT64_MAX);
    gw_key(w, "s.i64", AC_KV_I64), gw_u64(w, (uint64_t)INT64_MIN);
    gw_key(w, "s.f64", AC_KV_F64), gw_f64(w, 1e-3);
    gw_key_str(w, "s.empty", "");
}

/* Arrays of every type, an empty one, and arrays of arrays; 15 keys. */
static inline void gw_arrays(gw *w) {
    gw_key_array(w, "a.u8", AC_KV_U8, 3), gw_u8(w, 1), gw_u8(w, 2), gw_u8(w, 255);
    gw_key_array(w, "a.i8", AC_KV_I8, 2), gw_u8(w, 0xff), gw_u8(w, 5);
    gw_key_array(w, "a.u16", AC_KV_U16, 2), gw_u16(w, 1), gw_u16(w, 65535);
    gw_key_array(w, "a.i16", AC_KV_I16, 2), gw_u16(w, 0xffff), gw_u16(w, 7);
    gw_key_array(w, "a.u32", AC_KV_U32, 2), gw_u32(w, 1), gw_u32(w, 0xffffffffu);
    gw_key_array(w, "a.i32", AC_KV_I32, 2), gw_u32(w, 0xffffffffu), gw_u32(w, 9);
    gw_key_array(w, "a.f32", AC_KV_F32, 2), gw_f32(w, 0.5f), gw_f32(w, -2.0f);
    gw_key_array(w, "a.bool", AC_KV_BOOL, 3), gw_u8(w, 1), gw_u8(w, 0), gw_u8(w, 1);
    gw_key_array(w, "a.string", AC_KV_STRING, 3), gw_str(w, "one"), gw_str(w, ""), gw_lstr(w, "t\0o", 3);
    gw_key_array(w, "a.u64", AC_KV_U64, 1), gw_u64(w, UINT64_MAX);
    gw_key_array(w, "a.i64", AC_KV_I64, 2), gw_u64(w, UINT64_MAX), gw_u64(w, 3);
    gw_key_array(w, "a.f64", AC_KV_F64, 1), gw_f64(w, -0.25);
    gw_key_array(w, "a.empty", AC_KV_U32, 0);
    gw_key_array(w, "a.array", AC_KV_ARRAY, 2);
    gw_u32(w, AC_KV_U16), gw_u64(w, 2), gw_u16(w, 10), gw_u16(w, 20);
    gw_u32(w, AC_KV_STRING), gw_u64(w, 1), gw_str(w, "deep");
    gw_key_array(w, "a.deep", AC_KV_ARRAY, 1);
    gw_u32(w, AC_KV_ARRAY), gw_u64(w, 1), gw_u32(w, AC_KV_BOOL), gw_u64(w, 1), gw_u8(w, 1);
}

/* One tensor per type, "t.<type>", [2 blocks, 3]; returns bytes of data. `alignment` between them. */
static inline uint64_t gw_typed_tensors(gw *w, uint64_t alignment) {
    uint64_t offset = 0;
    for (unsigned t = 0; t < AC_TYPE_COUNT; t++) {
        const ac_type_info *info = ac_type_describe((ac_type)t);
        char name[32];
        snprintf(name, sizeof name, "t.%s", info->name);
        gw_tensor(w, name, info->gguf_id, offset, 2, (uint64_t)info->block_elems * 2, (uint64_t)3);
        offset += (uint64_t)info->block_bytes * 6;
        offset += (alignment - offset % alignment) % alignment;
    }
    return offset;
}

/* The whole model, with general.alignment when `alignment` is not 0. */
static inline void gw_model(gw *w, uint32_t version, uint32_t alignment) {
    gw_head(w, version, AC_TYPE_COUNT, 13 + 15 + (alignment != 0));
    gw_scalars(w);
    gw_arrays(w);
    if (alignment) gw_key_u32(w, "general.alignment", alignment);
    else alignment = 32;
    uint64_t bytes = gw_typed_tensors(w, alignment);
    gw_pad(w, alignment);
    gw_data(w, bytes);
}

#endif
