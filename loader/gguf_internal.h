/* gguf_internal.h - what the three sources of the GGUF reader share. */
#ifndef AC_GGUF_INTERNAL_H
#define AC_GGUF_INTERNAL_H

#include "gguf.h"

/* Metadata of one part. `sorted` points at the keys in memcmp order: lookups stay O(log n) whatever names a
 * hostile file chooses, which a hash table would not promise. An entry is found from its key, its first
 * member. */
typedef struct ac__kvs {
    ac_kv *at;
    size_t n, room;
    const ac_str **sorted;
} ac__kvs;

/* Tensors of all parts; `sorted` as above. */
typedef struct ac__tensors {
    ac_gguf_tensor *at;
    size_t n, room;
    const ac_str **sorted;
} ac__tensors;

/* One file. */
typedef struct ac__part {
    char *path; /* NULL for memory */
    const uint8_t *data;
    size_t bytes;
    size_t header_bytes; /* everything before the tensor data, padding included */
    uint32_t version;
} ac__part;

struct ac_gguf {
    ac__part *parts;
    size_t n_parts;
    ac__kvs kvs; /* of the first part */
    ac__tensors tensors;
};

/* Reads the header of parts[index]: fills *kvs (empty before; the caller frees it, on failure as well),
 * appends the tensors to g->tensors and sets header_bytes and version. */
ac_status ac__gguf_parse(ac_gguf *g, size_t index, ac__kvs *kvs, ac_error *err);

/* After the last part: sorts the tensors and refuses equal names. */
ac_status ac__gguf_finish(ac_gguf *g, ac_error *err);

void ac__kvs_free(ac__kvs *kvs);

/* Finds a name in a sorted list; NULL when absent. */
const ac_str *ac__str_find(const ac_str *const *sorted, size_t n, const char *name);

/* ac_gguf_u64 of an optional key: *out stays as it is when the key is absent. */
ac_status ac__kvs_optional(const ac__kvs *kvs, const char *key, uint64_t *out, ac_error *err);

/* Bytes of an element of a fixed size, 0 for strings and arrays. */
size_t ac__kv_type_bytes(ac_kv_type type);

/* A name from a file as text for messages: at most 64 bytes, printable ASCII. */
typedef struct ac__label {
    char s[68];
} ac__label;
ac__label ac__label_of(ac_str name);

#endif
