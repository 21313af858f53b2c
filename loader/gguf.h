/* gguf.h - reading GGUF v2/v3 files by mmap.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * A file is hostile until proved otherwise: ac_gguf_open checks every count, offset, size, alignment and
 * string once, so that whatever this header hands out lies inside the mapping (docs/hostile-files.md). All
 * views live until ac_gguf_close. An opened file is read-only: any number of threads may use it. */
#ifndef AC_GGUF_H
#define AC_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anychip/status.h>
#include <anychip/types.h>

typedef struct ac_gguf ac_gguf;

/* A string inside the mapping: not NUL-terminated, may hold any byte. */
typedef struct ac_str {
    const char *p;
    size_t n;
} ac_str;

/* GGUF's metadata value types, with the format's numbers. */
typedef enum ac_kv_type {
    AC_KV_U8 = 0, AC_KV_I8 = 1, AC_KV_U16 = 2, AC_KV_I16 = 3, AC_KV_U32 = 4, AC_KV_I32 = 5, AC_KV_F32 = 6,
    AC_KV_BOOL = 7, AC_KV_STRING = 8, AC_KV_ARRAY = 9, AC_KV_U64 = 10, AC_KV_I64 = 11, AC_KV_F64 = 12
} ac_kv_type;

/* One metadata entry. Scalars: `type`, count 1. Arrays: type AC_KV_ARRAY, `elem` and `count`. */
typedef struct ac_kv {
    ac_str key;
    ac_kv_type type;
    ac_kv_type elem;      /* element type of an array, else == type */
    uint64_t count;       /* elements of an array, else 1 */
    const uint8_t *data;  /* little-endian payload, possibly unaligned; strings: 8-byte length then bytes */
    size_t bytes;         /* payload size */
} ac_kv;

/* One tensor: a view into the mapping. dim[0] is the contiguous one (columns, K), dim[1]*dim[2]*dim[3] rows.
 * dim[0] is a multiple of the type's block; no dimension is 0; the data overlaps no other tensor's. */
typedef struct ac_gguf_tensor {
    ac_str name;
    char label[68];        /* name, NUL-terminated and printable, for messages */
    ac_type type;
    uint32_t n_dims;
    uint64_t dim[4];       /* unused ones are 1 */
    const uint8_t *data;
    uint64_t bytes;
    uint64_t offset;       /* of the data in its file */
    uint32_t part;         /* index of the file of a split model */
} ac_gguf_tensor;

/* Opens a model file; of a split model ("-00001-of-0000N.gguf") any part may be named and all are mapped.
 * Statuses: AC_ERR_IO (cannot open or map), AC_ERR_FORMAT (malformed; detail names file, and key or tensor),
 * AC_ERR_UNSUPPORTED (version, byte order or tensor type), AC_ERR_MEMORY. *out is NULL on failure. */
ac_status ac_gguf_open(const char *path, ac_gguf **out, ac_error *err);

/* The same for `bytes` of memory, which must stay as they are until ac_gguf_close. One part of a split model
 * is AC_ERR_UNSUPPORTED. Tensors lie at multiples of 8 bytes from `data`, which may have any address. */
ac_status ac_gguf_open_memory(const void *data, size_t bytes, ac_gguf **out, ac_error *err);

/* For those who find something wrong with what the file holds: puts its path in front of err->detail (for
 * memory nothing) and returns `status`. AC_OK, AC_ERR_IO and AC_ERR_MEMORY pass unchanged. */
ac_status ac_gguf_blame(const ac_gguf *g, ac_status status, ac_error *err);

/* Unmaps and frees; NULL-safe, sets *g to NULL. */
void ac_gguf_close(ac_gguf **g);

uint32_t ac_gguf_version(const ac_gguf *g);
size_t ac_gguf_parts(const ac_gguf *g);                      /* number of files */
const char *ac_gguf_part_path(const ac_gguf *g, size_t part); /* "(memory)" for memory */
uint64_t ac_gguf_bytes(const ac_gguf *g);                    /* size of all files */
/* The mapping of one part, page-aligned, for backends that import it whole; NULL and 0 for memory. */
void ac_gguf_part_mapping(const ac_gguf *g, size_t part, const void **data, size_t *bytes);
/* Asks the system to start reading the files in the background, unless they would fill more than half of
 * memory. */
void ac_gguf_prefetch(const ac_gguf *g);
/* XXH3-128 (canonical big-endian) over everything before the tensor data of every part, each followed by the
 * size of its file. */
void ac_gguf_header_hash(const ac_gguf *g, uint8_t out[16]);

size_t ac_gguf_kv_count(const ac_gguf *g);
const ac_kv *ac_gguf_kv_at(const ac_gguf *g, size_t i);
const ac_kv *ac_gguf_find(const ac_gguf *g, const char *key); /* NULL when absent; O(log n) */

/* Typed reads. Integers of any width convert when the value fits, f32 also takes f64; both must be finite.
 * AC_ERR_NOT_FOUND when absent, AC_ERR_FORMAT with "key x: want u32, the file has string" when of another
 * kind or out of range. *out is untouched on failure. */
ac_status ac_gguf_u32(const ac_gguf *g, const char *key, uint32_t *out, ac_error *err);
ac_status ac_gguf_u64(const ac_gguf *g, const char *key, uint64_t *out, ac_error *err);
ac_status ac_gguf_f32(const ac_gguf *g, const char *key, float *out, ac_error *err);
ac_status ac_gguf_bool(const ac_gguf *g, const char *key, bool *out, ac_error *err);
ac_status ac_gguf_string(const ac_gguf *g, const char *key, ac_str *out, ac_error *err);
/* An array with this element kind (integers: any width); AC_ERR_NOT_FOUND / AC_ERR_FORMAT. */
ac_status ac_gguf_array(const ac_gguf *g, const char *key, ac_kv_type elem, const ac_kv **out, ac_error *err);

/* Elements of scalars (i = 0) and arrays, i < count. Conversion as in C, but floats outside int64_t saturate
 * and NaN gives 0, as do strings and arrays of arrays. */
int64_t ac_kv_int(const ac_kv *kv, uint64_t i);
double ac_kv_float(const ac_kv *kv, uint64_t i);
/* Strings of an array are walked: start with cursor = 0; returns false at the end. O(1) per step. */
bool ac_kv_next_string(const ac_kv *kv, size_t *cursor, ac_str *out);

size_t ac_gguf_tensor_count(const ac_gguf *g);
const ac_gguf_tensor *ac_gguf_tensor_at(const ac_gguf *g, size_t i);
const ac_gguf_tensor *ac_gguf_tensor_find(const ac_gguf *g, const char *name); /* NULL when absent */

#endif
