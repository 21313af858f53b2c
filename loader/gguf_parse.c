/* gguf_parse.c - turns the header of one file into checked views. Nothing is believed: a count is held
 * against the bytes that are left before anything is allocated or walked, and lists grow only as entries are
 * really found. */
#include "gguf_internal.h"

#include "alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the reader hands out little-endian data as it lies in the file"
#endif

enum {
    KEY_MAX = 65535, /* the format's limits */
    NAME_MAX_BYTES = 64,
    ALIGN_DEFAULT = 32,
    ALIGN_UNIT = 8,
    DEPTH_MAX = 8,                     /* ours: arrays of arrays */
    KV_MIN = 8 + 1 + 4 + 1,            /* smallest entry: key of one byte, type, one byte of value */
    TENSOR_MIN = 8 + 1 + 4 + 8 + 4 + 8 /* smallest tensor info: one byte of name, one dimension */
};

/* What is left of the file. */
typedef struct reader {
    const uint8_t *p;
    size_t left;
} reader;

static const uint8_t *take(reader *r, uint64_t bytes) {
    if (bytes > r->left) return NULL;
    const uint8_t *p = r->p;
    r->p += bytes;
    r->left -= (size_t)bytes;
    return p;
}

static bool take_u32(reader *r, uint32_t *out) {
    const uint8_t *p = take(r, sizeof *out);
    if (p) memcpy(out, p, sizeof *out);
    return p != NULL;
}

static bool take_u64(reader *r, uint64_t *out) {
    const uint8_t *p = take(r, sizeof *out);
    if (p) memcpy(out, p, sizeof *out);
    return p != NULL;
}

static bool take_string(reader *r, ac_str *out) {
    uint64_t n;
    if (!take_u64(r, &n)) return false;
    out->p = (const char *)take(r, n);
    out->n = (size_t)n;
    return out->p != NULL;
}

/* ---- lists and names ---- */

/* Room for one more entry; doubles, so that memory follows what the file really holds. */
static void *grow(void *at, size_t n, size_t *room, size_t size) {
    if (n < *room) return at;
    size_t more = *room ? *room * 2 : 16;
    void *grown = more > *room ? ac__array_grow(at, more, size) : NULL;
    if (grown) *room = more;
    return grown;
}

static int compare(const char *a, size_t na, const char *b, size_t nb) {
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static int by_name(const void *a, const void *b) {
    const ac_str *x = *(const ac_str *const *)a, *y = *(const ac_str *const *)b;
    return compare(x->p, x->n, y->p, y->n);
}

const ac_str *ac__str_find(const ac_str *const *sorted, size_t n, const char *name) {
    size_t low = 0, length = strlen(name);
    while (low < n) {
        size_t mid = low + (n - low) / 2;
        int c = compare(sorted[mid]->p, sorted[mid]->n, name, length);
        if (c == 0) return sorted[mid];
        if (c < 0)
            low = mid + 1;
        else
            n = mid;
    }
    return NULL;
}

/* Sorted pointers to the names of `n` records of `stride` bytes that begin with their name; refuses equal
 * ones. */
static ac_status sort_names(const void *records, size_t n, size_t stride, const char *what,
                            const ac_str ***out, ac_error *err) {
    const ac_str **sorted = ac__array(n, sizeof *sorted);
    if (!sorted) return ac_fail(err, AC_ERR_MEMORY, "index of %zu %ss", n, what);
    for (size_t i = 0; i < n; i++) sorted[i] = (const void *)((const char *)records + i * stride);
    if (n) qsort(sorted, n, sizeof *sorted, by_name);
    *out = sorted;
    for (size_t i = 1; i < n; i++)
        if (!by_name(&sorted[i - 1], &sorted[i]))
            return ac_fail(err, AC_ERR_FORMAT, "%s %s: is there twice", what, ac__label_of(*sorted[i]).s);
    return AC_OK;
}

void ac__kvs_free(ac__kvs *kvs) {
    ac__free(kvs->at);
    ac__free(kvs->sorted);
    *kvs = (ac__kvs){0};
}

/* ---- metadata ---- */

static ac_status truncated(ac_error *err, const char *what, ac_str name) {
    return ac_fail(err, AC_ERR_FORMAT, "%s %s: the file ends inside", what, ac__label_of(name).s);
}

static ac_status check_bools(const uint8_t *p, uint64_t n, ac_str key, ac_error *err) {
    for (uint64_t i = 0; i < n; i++)
        if (p[i] > 1)
            return ac_fail(err, AC_ERR_FORMAT, "key %s: want a bool of 0 or 1, have %u", ac__label_of(key).s,
                           p[i]);
    return AC_OK;
}

static ac_status bad_type(uint32_t type, ac_str key, ac_error *err) {
    return ac_fail(err, AC_ERR_FORMAT, "key %s: no value type %" PRIu32, ac__label_of(key).s, type);
}

static ac_status walk_array(reader *r, ac_str key, unsigned depth, uint32_t *elem, uint64_t *count,
                            ac_error *err);

/* Walks over `count` values of a type, checking all of them. */
static ac_status walk_values(reader *r, ac_str key, uint32_t type, uint64_t count, unsigned depth,
                             ac_error *err) {
    if (type > AC_KV_F64) return bad_type(type, key, err);
    uint64_t size = ac__kv_type_bytes((ac_kv_type)type);
    uint64_t least = size ? size : type == AC_KV_STRING ? 8 : 12;
    if (count > r->left / least) return truncated(err, "key", key);
    if (size) {
        const uint8_t *p = take(r, count * size);
        return type == AC_KV_BOOL ? check_bools(p, count, key, err) : AC_OK;
    }
    for (uint64_t i = 0; i < count; i++) {
        ac_str s;
        uint32_t elem;
        uint64_t n;
        if (type == AC_KV_ARRAY)
            AC_TRY(walk_array(r, key, depth + 1, &elem, &n, err));
        else if (!take_string(r, &s))
            return truncated(err, "key", key);
    }
    return AC_OK;
}

static ac_status walk_array(reader *r, ac_str key, unsigned depth, uint32_t *elem, uint64_t *count,
                            ac_error *err) {
    if (depth > DEPTH_MAX)
        return ac_fail(err, AC_ERR_FORMAT, "key %s: arrays nested deeper than %d", ac__label_of(key).s,
                       DEPTH_MAX);
    if (!take_u32(r, elem) || !take_u64(r, count)) return truncated(err, "key", key);
    return walk_values(r, key, *elem, *count, depth, err);
}

static ac_status parse_kv(reader *r, uint64_t index, ac_kv *kv, ac_error *err) {
    uint32_t type, elem;
    if (!take_string(r, &kv->key))
        return ac_fail(err, AC_ERR_FORMAT, "key number %" PRIu64 ": the file ends inside", index);
    if (kv->key.n == 0 || kv->key.n > KEY_MAX)
        return ac_fail(err, AC_ERR_FORMAT, "key number %" PRIu64 ": want 1 to %d bytes of name, have %zu",
                       index, KEY_MAX, kv->key.n);
    if (!take_u32(r, &type)) return truncated(err, "key", kv->key);
    kv->type = (ac_kv_type)type;
    kv->count = 1;
    elem = type;
    const uint8_t *start = r->p;
    if (type == AC_KV_ARRAY) {
        AC_TRY(walk_array(r, kv->key, 1, &elem, &kv->count, err));
        start += 4 + 8;
    } else {
        AC_TRY(walk_values(r, kv->key, type, 1, 0, err));
    }
    kv->elem = (ac_kv_type)elem;
    kv->data = start;
    kv->bytes = (size_t)(r->p - start);
    return AC_OK;
}

static ac_status parse_kvs(reader *r, uint64_t count, ac__kvs *kvs, ac_error *err) {
    if (count > r->left / KV_MIN)
        return ac_fail(err, AC_ERR_FORMAT, "key count %" PRIu64 ": more than the file can hold", count);
    for (uint64_t i = 0; i < count; i++) {
        ac_kv *at = grow(kvs->at, kvs->n, &kvs->room, sizeof *at);
        if (!at) return ac_fail(err, AC_ERR_MEMORY, "list of %" PRIu64 " keys", count);
        kvs->at = at;
        AC_TRY(parse_kv(r, i, &at[kvs->n], err));
        kvs->n++;
    }
    return sort_names(kvs->at, kvs->n, sizeof *kvs->at, "key", &kvs->sorted, err);
}

/* The alignment of tensor data: the format wants a multiple of 8, every writer and reader a power of two. */
static ac_status read_alignment(const ac__kvs *kvs, uint64_t *out, ac_error *err) {
    AC_TRY(ac__kvs_optional(kvs, "general.alignment", out, err));
    if (*out < ALIGN_UNIT || *out > UINT32_MAX || (*out & (*out - 1)))
        return ac_fail(err, AC_ERR_FORMAT, "key general.alignment: want a power of two from 8, have %" PRIu64,
                       *out);
    return AC_OK;
}

/* ---- tensors ---- */

/* Shape and type give the size; fails when they do not fit each other or 63 bits. */
static ac_status measure(ac_gguf_tensor *t, ac_error *err) {
    const ac_type_info *info = ac_type_describe(t->type);
    uint64_t elems = 1;
    for (uint32_t d = 0; d < t->n_dims; d++) {
        if (t->dim[d] == 0)
            return ac_fail(err, AC_ERR_FORMAT, "tensor %s: dimension %" PRIu32 " is 0", t->label, d);
        if (__builtin_mul_overflow(elems, t->dim[d], &elems) || elems > INT64_MAX)
            return ac_fail(err, AC_ERR_FORMAT, "tensor %s: more than 2^63 elements", t->label);
    }
    if (t->dim[0] % info->block_elems)
        return ac_fail(err, AC_ERR_FORMAT,
                       "tensor %s: want %s columns in blocks of %" PRIu32 ", have %" PRIu64, t->label,
                       info->name, info->block_elems, t->dim[0]);
    if (__builtin_mul_overflow(elems / info->block_elems, info->block_bytes, &t->bytes) ||
        t->bytes > INT64_MAX)
        return ac_fail(err, AC_ERR_FORMAT, "tensor %s: more than 2^63 bytes", t->label);
    return AC_OK;
}

static ac_status parse_tensor(reader *r, uint64_t index, ac_gguf_tensor *t, ac_error *err) {
    uint32_t type;
    if (!take_string(r, &t->name))
        return ac_fail(err, AC_ERR_FORMAT, "tensor number %" PRIu64 ": the file ends inside", index);
    if (t->name.n == 0 || t->name.n > NAME_MAX_BYTES)
        return ac_fail(err, AC_ERR_FORMAT, "tensor number %" PRIu64 ": want 1 to %d bytes of name, have %zu",
                       index, NAME_MAX_BYTES, t->name.n);
    memcpy(t->label, ac__label_of(t->name).s, sizeof t->label);
    if (!take_u32(r, &t->n_dims)) return truncated(err, "tensor", t->name);
    if (t->n_dims < 1 || t->n_dims > 4)
        return ac_fail(err, AC_ERR_FORMAT, "tensor %s: want 1 to 4 dimensions, have %" PRIu32, t->label,
                       t->n_dims);
    for (uint32_t d = 0; d < 4; d++) {
        t->dim[d] = 1;
        if (d < t->n_dims && !take_u64(r, &t->dim[d])) return truncated(err, "tensor", t->name);
    }
    if (!take_u32(r, &type) || !take_u64(r, &t->offset)) return truncated(err, "tensor", t->name);
    t->type = ac_type_from_gguf(type);
    if (t->type == AC_TYPE_COUNT)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "tensor %s: type number %" PRIu32 " is not known", t->label,
                       type);
    return measure(t, err);
}

static ac_status parse_tensors(reader *r, uint64_t count, uint32_t part, ac__tensors *list, ac_error *err) {
    if (count > r->left / TENSOR_MIN)
        return ac_fail(err, AC_ERR_FORMAT, "tensor count %" PRIu64 ": more than the file can hold", count);
    for (uint64_t i = 0; i < count; i++) {
        ac_gguf_tensor *at = grow(list->at, list->n, &list->room, sizeof *at);
        if (!at) return ac_fail(err, AC_ERR_MEMORY, "list of %" PRIu64 " tensors", count);
        list->at = at;
        at[list->n].part = part;
        AC_TRY(parse_tensor(r, i, &at[list->n], err));
        list->n++;
    }
    return AC_OK;
}

static int by_offset(const void *a, const void *b) {
    const ac_gguf_tensor *x = *(const ac_gguf_tensor *const *)a, *y = *(const ac_gguf_tensor *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static ac_status check_overlap(const ac_gguf_tensor *at, size_t n, ac_error *err) {
    const ac_gguf_tensor **sorted = ac__array(n, sizeof *sorted);
    if (!sorted) return ac_fail(err, AC_ERR_MEMORY, "index of %zu tensors", n);
    for (size_t i = 0; i < n; i++) sorted[i] = &at[i];
    if (n) qsort(sorted, n, sizeof *sorted, by_offset);
    ac_status status = AC_OK;
    for (size_t i = 1; i < n && status == AC_OK; i++)
        if (sorted[i - 1]->offset + sorted[i - 1]->bytes > sorted[i]->offset)
            status = ac_fail(err, AC_ERR_FORMAT, "tensor %s: its data overlaps that of %s", sorted[i]->label,
                             sorted[i - 1]->label);
    ac__free(sorted);
    return status;
}

/* Turns offsets that count from the data section into views; every one must lie inside the file, alone. */
static ac_status place_tensors(const ac__part *part, uint64_t start, uint64_t alignment, ac_gguf_tensor *at,
                               size_t n, ac_error *err) {
    for (size_t i = 0; i < n; i++) {
        ac_gguf_tensor *t = &at[i];
        if (t->offset % alignment)
            return ac_fail(err, AC_ERR_FORMAT, "tensor %s: offset %" PRIu64 " is not a multiple of %" PRIu64,
                           t->label, t->offset, alignment);
        uint64_t room = start < part->bytes ? part->bytes - start : 0;
        if (t->offset > room || t->bytes > room - t->offset)
            return ac_fail(err, AC_ERR_FORMAT,
                           "tensor %s: want %" PRIu64 " bytes at offset %" PRIu64 ", the file has %" PRIu64
                           " bytes of data",
                           t->label, t->bytes, t->offset, room);
        t->offset += start;
        t->data = part->data + t->offset;
    }
    return check_overlap(at, n, err);
}

/* ---- the file ---- */

static ac_status parse_head(reader *r, uint32_t *version, uint64_t *tensors, uint64_t *kvs, ac_error *err) {
    const uint8_t *magic = take(r, 4);
    if (!magic || memcmp(magic, "GGUF", 4)) return ac_fail(err, AC_ERR_FORMAT, "magic: not a GGUF file");
    if (!take_u32(r, version)) return ac_fail(err, AC_ERR_FORMAT, "header: the file ends inside");
    if (*version && !(*version & 0xffff))
        return ac_fail(err, AC_ERR_UNSUPPORTED, "byte order: want little-endian, the file is big-endian");
    if (*version != 2 && *version != 3)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "version: want GGUF 2 or 3, have %" PRIu32, *version);
    if (!take_u64(r, tensors) || !take_u64(r, kvs))
        return ac_fail(err, AC_ERR_FORMAT, "header: the file ends inside");
    return AC_OK;
}

ac_status ac__gguf_parse(ac_gguf *g, size_t index, ac__kvs *kvs, ac_error *err) {
    ac__part *part = &g->parts[index];
    reader r = {part->data, part->bytes};
    uint64_t n_tensors = 0, n_kvs = 0, alignment = ALIGN_DEFAULT;
    size_t first = g->tensors.n;
    AC_TRY(parse_head(&r, &part->version, &n_tensors, &n_kvs, err));
    AC_TRY(parse_kvs(&r, n_kvs, kvs, err));
    AC_TRY(read_alignment(kvs, &alignment, err));
    AC_TRY(parse_tensors(&r, n_tensors, (uint32_t)index, &g->tensors, err));
    uint64_t used = part->bytes - r.left;
    uint64_t start = used + (alignment - used % alignment) % alignment;
    part->header_bytes = start < part->bytes ? (size_t)start : part->bytes;
    if (g->tensors.n == first) return AC_OK; /* no tensors, and no data section needed */
    return place_tensors(part, start, alignment, g->tensors.at + first, g->tensors.n - first, err);
}

ac_status ac__gguf_finish(ac_gguf *g, ac_error *err) {
    return sort_names(g->tensors.at, g->tensors.n, sizeof *g->tensors.at, "tensor", &g->tensors.sorted, err);
}
