/* gguf.c - opens model files: mapping, the parts of a split model, closing. */
#include "gguf_internal.h"

#include "alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The end of a part's name: "-00002-of-00003.gguf". */
enum { SUFFIX_MAX = 32, SPLIT_MAX = 65535 };

static void unmap(ac__part *part) {
    if (part->path && part->data) munmap((void *)part->data, part->bytes);
    ac__free(part->path);
    *part = (ac__part){0};
}

/* Back to a reader without parts. */
static void clear(ac_gguf *g) {
    for (size_t i = 0; i < g->n_parts; i++) unmap(&g->parts[i]);
    ac__free(g->parts);
    ac__kvs_free(&g->kvs);
    ac__free(g->tensors.at);
    ac__free(g->tensors.sorted);
    *g = (ac_gguf){0};
}

void ac_gguf_close(ac_gguf **g) {
    if (!g || !*g) return;
    clear(*g);
    ac__free(*g);
    *g = NULL;
}

/* ---- mapping ---- */

/* The end of a path, so that a long one leaves room in a message for the rest. */
static const char *end_of(const char *path) {
    enum { SHOWN = 240 };
    size_t n = strlen(path), cut = n > SHOWN ? n - SHOWN : 0;
    while (cut && ((unsigned char)path[cut] & 0xC0) == 0x80) cut++; /* not in the middle of a character */
    return path + cut;
}

static ac_status io_error(const char *path, const char *what, ac_error *err) {
    return ac_fail(err, errno == ENOMEM ? AC_ERR_MEMORY : AC_ERR_IO, "%s: %s: %s", end_of(path), what,
                   strerror(errno));
}

static ac_status map_descriptor(int fd, ac__part *part, ac_error *err) {
    struct stat st;
    if (fstat(fd, &st)) return io_error(part->path, "cannot read", err);
    if (!S_ISREG(st.st_mode)) return ac_fail(err, AC_ERR_IO, "%s: not a regular file", part->path);
    if (st.st_size == 0) return ac_fail(err, AC_ERR_FORMAT, "%s: empty file", part->path);
    if ((uint64_t)st.st_size > SIZE_MAX)
        return ac_fail(err, AC_ERR_MEMORY, "%s: larger than the address space", part->path);
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return io_error(part->path, "cannot map", err);
    part->data = data;
    part->bytes = (size_t)st.st_size;
    return AC_OK;
}

/* Maps a file read-only. Pages come and go with use, so that a file may be larger than memory. */
static ac_status map_file(const char *path, ac__part *part, ac_error *err) {
    part->path = ac__strndup(path, strlen(path));
    if (!part->path) return ac_fail(err, AC_ERR_MEMORY, "%s: its path", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* not to wait for a pipe's writer */
    if (fd < 0) return io_error(path, "cannot open", err);
    ac_status status = map_descriptor(fd, part, err);
    close(fd);
    return status;
}

/* Room for one more part; the list grows only as files are really found. */
static ac_status add_part(ac_gguf *g, ac__part **out, ac_error *err) {
    ac__part *parts = ac__array_grow(g->parts, g->n_parts + 1, sizeof *parts);
    if (!parts) return ac_fail(err, AC_ERR_MEMORY, "list of %zu parts", g->n_parts + 1);
    g->parts = parts;
    *out = &parts[g->n_parts++];
    **out = (ac__part){0};
    return AC_OK;
}

void ac_gguf_prefetch(const ac_gguf *g) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages < 0 || page < 0 || ac_gguf_bytes(g) / (uint64_t)page > (uint64_t)pages / 2) return;
    for (size_t i = 0; i < g->n_parts; i++)
        if (g->parts[i].path) posix_madvise((void *)g->parts[i].data, g->parts[i].bytes, POSIX_MADV_WILLNEED);
}

/* ---- split models ---- */

static ac_status parse_split(const ac__kvs *kvs, uint64_t *no, uint64_t *count, ac_error *err) {
    *no = 0;
    *count = 1;
    AC_TRY(ac__kvs_optional(kvs, "split.count", count, err));
    AC_TRY(ac__kvs_optional(kvs, "split.no", no, err));
    if (*count == 0) *count = 1; /* some writers' way to say "not split" */
    if (*count > SPLIT_MAX)
        return ac_fail(err, AC_ERR_FORMAT, "key split.count: want at most %d, have %" PRIu64, SPLIT_MAX,
                       *count);
    if (*no >= *count)
        return ac_fail(err, AC_ERR_FORMAT,
                       "key split.no: want less than split.count %" PRIu64 ", have %" PRIu64, *count, *no);
    return AC_OK;
}

static void suffix_of(uint64_t no, uint64_t count, char out[SUFFIX_MAX]) {
    snprintf(out, SUFFIX_MAX, "-%05" PRIu64 "-of-%05" PRIu64 ".gguf", no + 1, count);
}

/* Copies `path`, part `no`, with the name of part `other`; the result is the caller's. */
static ac_status path_of_part(const char *path, uint64_t no, uint64_t other, uint64_t count, char **out,
                              ac_error *err) {
    char have[SUFFIX_MAX], want[SUFFIX_MAX];
    suffix_of(no, count, have);
    suffix_of(other, count, want);
    size_t n = strlen(path), tail = strlen(have);
    if (n < tail || strcmp(path + n - tail, have))
        return ac_fail(err, AC_ERR_FORMAT, "%s: part %" PRIu64 " of %" PRIu64 ": want a name ending in %s",
                       path, no + 1, count, have);
    *out = ac__strndup(path, n);
    if (!*out) return ac_fail(err, AC_ERR_MEMORY, "%s: its path", path);
    memcpy(*out + n - tail, want,
           tail); /* both have the same length: `no` and `other` are less than `count` <= 65535 */
    return AC_OK;
}

/* Puts the file's path in front of what is wrong inside of it. Failures of opening and mapping name the file
 * themselves. */
static ac_status blame(const char *path, ac_status status, ac_error *err) {
    if (status == AC_OK || status == AC_ERR_IO || status == AC_ERR_MEMORY || !path || !err) return status;
    ac_error inner = *err;
    return ac_fail(err, status, "%s: %s", end_of(path), inner.detail);
}

ac_status ac_gguf_blame(const ac_gguf *g, ac_status status, ac_error *err) {
    return blame(g->parts[0].path, status, err);
}

/* split.no and split.count; 0 of 1 when the file is whole. */
static ac_status read_split(const char *path, const ac__kvs *kvs, uint64_t *no, uint64_t *count,
                            ac_error *err) {
    return blame(path, parse_split(kvs, no, count, err), err);
}

static ac_status load_part(ac_gguf *g, const char *path, ac__kvs *kvs, ac_error *err) {
    ac__part *part = NULL;
    AC_TRY(add_part(g, &part, err));
    AC_TRY(map_file(path, part, err));
    return blame(path, ac__gguf_parse(g, g->n_parts - 1, kvs, err), err);
}

/* Part `no` of the model whose first part is open. */
static ac_status load_next(ac_gguf *g, uint64_t no, uint64_t count, ac_error *err) {
    char *path;
    AC_TRY(path_of_part(g->parts[0].path, 0, no, count, &path, err));
    ac__kvs kvs = {0};
    uint64_t have_no = 0, have_count = 0;
    ac_status status = load_part(g, path, &kvs, err);
    if (status == AC_OK) status = read_split(path, &kvs, &have_no, &have_count, err);
    if (status == AC_OK && (have_no != no || have_count != count))
        status = blame(path,
                       ac_fail(err, AC_ERR_FORMAT,
                               "key split.no: want part %" PRIu64 " of %" PRIu64
                               ", the file is part %" PRIu64 " of %" PRIu64,
                               no + 1, count, have_no + 1, have_count),
                       err);
    ac__kvs_free(&kvs);
    ac__free(path);
    return status;
}

static ac_status check_count(const ac_gguf *g, ac_error *err) {
    uint64_t want = g->tensors.n;
    AC_TRY(ac__kvs_optional(&g->kvs, "split.tensors.count", &want, err));
    if (want == g->tensors.n) return AC_OK;
    return ac_fail(err, AC_ERR_FORMAT,
                   "key split.tensors.count: want %" PRIu64 " tensors, the files have %zu", want,
                   g->tensors.n);
}

/* Opens part `no` first, which says how many there are; then starts again at the first part. */
static ac_status load_all(ac_gguf *g, const char *path, ac_error *err) {
    uint64_t no, count;
    AC_TRY(load_part(g, path, &g->kvs, err));
    AC_TRY(read_split(path, &g->kvs, &no, &count, err));
    if (no) {
        char *first;
        AC_TRY(path_of_part(path, no, 0, count, &first, err));
        clear(g);
        uint64_t first_no = 0, first_count = 0;
        ac_status status = load_part(g, first, &g->kvs, err);
        if (status == AC_OK) status = read_split(first, &g->kvs, &first_no, &first_count, err);
        if (status == AC_OK && (first_no || first_count != count))
            status = ac_fail(err, AC_ERR_FORMAT, "%s: not the first of %" PRIu64 " parts", first, count);
        ac__free(first);
        AC_TRY(status);
    }
    for (uint64_t i = 1; i < count; i++) AC_TRY(load_next(g, i, count, err));
    return ac_gguf_blame(g, check_count(g, err), err);
}

/* ---- opening ---- */

/* Hands g over when all went well, else frees it. */
static ac_status finish(ac_gguf *g, ac_status status, ac_gguf **out, ac_error *err) {
    if (status == AC_OK) status = ac_gguf_blame(g, ac__gguf_finish(g, err), err);
    if (status == AC_OK)
        *out = g;
    else
        ac_gguf_close(&g);
    return status;
}

ac_status ac_gguf_open(const char *path, ac_gguf **out, ac_error *err) {
    if (!out || !path)
        return ac_fail(err, AC_ERR_ARGUMENT, "ac_gguf_open: want a path and a place for the result");
    *out = NULL;
    ac_gguf *g = ac__calloc(1, sizeof *g);
    if (!g) return ac_fail(err, AC_ERR_MEMORY, "%s: reader", path);
    return finish(g, load_all(g, path, err), out, err);
}

static ac_status load_memory(ac_gguf *g, const void *data, size_t bytes, ac_error *err) {
    ac__part *part = NULL;
    uint64_t no, count;
    AC_TRY(add_part(g, &part, err));
    part->data = data;
    part->bytes = bytes;
    AC_TRY(ac__gguf_parse(g, 0, &g->kvs, err));
    AC_TRY(parse_split(&g->kvs, &no, &count, err));
    if (count > 1)
        return ac_fail(err, AC_ERR_UNSUPPORTED,
                       "key split.count: a model in %" PRIu64 " parts must be opened by path", count);
    return AC_OK;
}

ac_status ac_gguf_open_memory(const void *data, size_t bytes, ac_gguf **out, ac_error *err) {
    if (!out || (!data && bytes))
        return ac_fail(err, AC_ERR_ARGUMENT, "ac_gguf_open_memory: want data and a place for the result");
    *out = NULL;
    ac_gguf *g = ac__calloc(1, sizeof *g);
    if (!g) return ac_fail(err, AC_ERR_MEMORY, "memory: reader");
    return finish(g, load_memory(g, data, bytes, err), out, err);
}
