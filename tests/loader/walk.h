/* walk.h - reads everything an opened file hands out, so that a sanitizer sees any view that leads astray. */
#ifndef AC_TESTS_WALK_H
#define AC_TESTS_WALK_H

#include "check.h"
#include "gguf.h"

static inline uint64_t walk_bytes(const void *p, uint64_t n) {
    uint64_t sum = 0;
    const uint8_t *b = p;
    for (uint64_t i = 0; i < n; i++) sum = sum * 31 + b[i];
    return sum;
}

static inline uint64_t walk_kv(const ac_gguf *g, const ac_kv *kv) {
    uint64_t sum = walk_bytes(kv->key.p, kv->key.n) + walk_bytes(kv->data, kv->bytes);
    size_t cursor = 0;
    uint64_t strings = 0;
    ac_str s;
    while (ac_kv_next_string(kv, &cursor, &s)) sum += walk_bytes(s.p, s.n), strings++;
    if (kv->elem == AC_KV_STRING)
        CHECK(strings == kv->count && cursor == kv->bytes, "strings fill their value");
    else if (kv->elem != AC_KV_ARRAY)
        for (uint64_t i = 0; i < kv->count; i++) sum += (uint64_t)ac_kv_int(kv, i) + (ac_kv_float(kv, i) > 1);

    char key[256];
    if (kv->key.n >= sizeof key || memchr(kv->key.p, 0, kv->key.n)) return sum;
    memcpy(key, kv->key.p, kv->key.n);
    key[kv->key.n] = 0;
    CHECK(ac_gguf_find(g, key) == kv, "every key is found");
    uint32_t u = 0;
    uint64_t v = 0;
    float f = 0;
    bool b = false;
    const ac_kv *array;
    sum += (uint64_t)ac_gguf_u32(g, key, &u, NULL) + (uint64_t)ac_gguf_u64(g, key, &v, NULL) +
           (uint64_t)ac_gguf_f32(g, key, &f, NULL) + (uint64_t)ac_gguf_bool(g, key, &b, NULL) +
           (uint64_t)ac_gguf_string(g, key, &s, NULL) +
           (uint64_t)ac_gguf_array(g, key, AC_KV_F32, &array, NULL);
    return sum + u + v + (f > 0) + b;
}

static inline uint64_t walk(const ac_gguf *g) {
    uint64_t sum = 0;
    uint8_t hash[16];
    for (size_t i = 0; i < ac_gguf_kv_count(g); i++) sum += walk_kv(g, ac_gguf_kv_at(g, i));
    for (size_t i = 0; i < ac_gguf_tensor_count(g); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        CHECK(t->bytes > 0 && t->part < ac_gguf_parts(g) && strlen(t->label) <= 67, "%s", t->label);
        CHECK(t->bytes == ac_type_row_bytes(t->type, t->dim[0]) * t->dim[1] * t->dim[2] * t->dim[3], "%s",
              t->label);
        sum += walk_bytes(t->name.p, t->name.n) + t->data[0] + t->data[t->bytes / 2] + t->data[t->bytes - 1];
    }
    ac_gguf_header_hash(g, hash);
    return sum + hash[0];
}

#endif
