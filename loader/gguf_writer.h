/* gguf_writer.h - writing GGUF v3 files, streaming: metadata, then tensor infos, then data in the same order.
 *
 * What is written goes to a temporary file in the same folder that takes the place of `path` only when
 * ac__writer_finish has seen every byte arrive; until then, and after a failure, `path` is as it was. A path
 * that names no ordinary file (a device, a pipe) is written to directly. One thread at a time. */
#ifndef AC_GGUF_WRITER_H
#define AC_GGUF_WRITER_H

#include "gguf.h"

typedef struct ac__writer ac__writer;

/* AC_ERR_IO (detail names the path), AC_ERR_MEMORY. *out is NULL on failure. */
ac_status ac__writer_open(const char *path, ac__writer **out, ac_error *err);

/* Metadata. Memory that ran out is remembered and told by ac__writer_begin. A key may be written once only:
 * the caller sees to that. */
void ac__writer_u32(ac__writer *w, const char *key, uint32_t v);
void ac__writer_f32(ac__writer *w, const char *key, float v);
void ac__writer_bool(ac__writer *w, const char *key, bool v);
void ac__writer_string(ac__writer *w, const char *key, const char *text);
/* An entry as a file has it, of any type. general.alignment also sets the alignment of the tensors. */
void ac__writer_kv(ac__writer *w, const ac_kv *kv);
/* The head of an array; `count` elements must follow: fixed-size ones as little-endian bytes, or strings. */
void ac__writer_array(ac__writer *w, const char *key, ac_kv_type elem, uint64_t count);
void ac__writer_elems(ac__writer *w, const void *p, size_t bytes);
void ac__writer_elem_string(ac__writer *w, const char *p, size_t n);

/* The next tensor. dim[0] must be a multiple of the type's block, n_dims 1 .. 4. */
void ac__writer_tensor(ac__writer *w, ac_str name, ac_type type, uint32_t n_dims, const uint64_t *dim);

/* Ends the head and writes it. AC_ERR_MEMORY, AC_ERR_LIMIT (sizes beyond 2^63), AC_ERR_IO: also when the disk
 * has no room for the whole file, where the file system can tell. */
ac_status ac__writer_begin(ac__writer *w, ac_error *err);
uint64_t ac__writer_bytes(const ac__writer *w); /* of the whole file, once begun */

/* The next bytes of tensor data, without padding; may span tensors only at their ends. AC_ERR_IO,
 * AC_ERR_INTERNAL (more data than announced). */
ac_status ac__writer_data(ac__writer *w, const void *p, size_t bytes, ac_error *err);

/* Checks that all data came, puts the file in place and frees. With `flush` it is on the disk before that, so
 * that not even a power failure shows half of it. AC_ERR_IO, AC_ERR_INTERNAL; on failure nothing is left
 * behind. *w becomes NULL either way. */
ac_status ac__writer_finish(ac__writer **w, bool flush, ac_error *err);

/* Removes what was written and frees; NULL-safe, sets *w to NULL. */
void ac__writer_abandon(ac__writer **w);

#endif
