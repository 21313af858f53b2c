/* gguf_writer.c - see gguf_writer.h. */
#include "gguf_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

enum { DEFAULT_ALIGNMENT = 32, VERSION = 3, FIRST_ROOM = 4096 };

/* Bytes that grow; a failed allocation is remembered. */
typedef struct bytes {
    uint8_t *p;
    size_t n, room;
    bool failed;
} bytes;

struct ac__writer {
    char *path;   /* as the caller wrote it, for messages */
    char *target; /* what the temporary file becomes */
    char *temp;   /* NULL: written in place, because target is no ordinary file */
    int fd;
    bytes kvs, infos;
    uint64_t n_kvs, n_tensors;
    uint32_t alignment;
    uint64_t *sizes; /* data bytes of each tensor */
    size_t room;
    bool failed; /* memory */
    bool too_large;
    uint64_t offset;       /* where the next tensor's data begins, counted from the first's */
    uint64_t total;        /* bytes of the file */
    uint64_t tensor, done; /* the tensor whose data is awaited, and how much of it came */
};

static void put(bytes *b, const void *p, size_t n) {
    if (b->failed || n > SIZE_MAX / 2 - b->n) {
        b->failed = true;
        return;
    }
    if (b->n + n > b->room) {
        size_t room = b->n + n > FIRST_ROOM ? (b->n + n) * 2 : FIRST_ROOM;
        uint8_t *grown = ac__realloc(b->p, room);
        if (!grown) {
            b->failed = true;
            return;
        }
        b->p = grown;
        b->room = room;
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
}

/* The low `n` bytes of v, little-endian. */
static void put_le(bytes *b, uint64_t v, size_t n) {
    uint8_t le[8];
    for (size_t i = 0; i < n; i++) le[i] = (uint8_t)(v >> (8 * i));
    put(b, le, n);
}

static void put_str(bytes *b, const char *p, size_t n) {
    put_le(b, n, 8);
    put(b, p, n);
}

/* ---- Where the bytes go ---- */

static ac_status io_fail(const ac__writer *w, const char *what, int error, ac_error *err) {
    return ac_fail(err, AC_ERR_IO, "%s: %s: %s", w->path, what, strerror(error));
}

/* The file that `path` means: of a link, what it points at, so that the link stays. */
static char *resolve(const char *path) {
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        char *real = realpath(path, NULL); /* by malloc */
        char *copy = real ? ac__strndup(real, strlen(real)) : NULL;
        free(real);
        if (copy) return copy;
    }
    return ac__strndup(path, strlen(path));
}

/* A name in the same folder, so that rename does not cross file systems. Short: the target's may be as long
 * as names can be. */
static char *temp_name(const char *target) {
    static atomic_uint counter;
    const char *slash = strrchr(target, '/');
    size_t folder = slash ? (size_t)(slash - target) + 1 : 0, room = folder + 64;
    char *temp = ac__malloc(room);
    if (!temp) return NULL;
    memcpy(temp, target, folder);
    snprintf(temp + folder, room - folder, ".anychip-%ld-%u.part", (long)getpid(),
             atomic_fetch_add(&counter, 1));
    return temp;
}

static ac_status open_temp(ac__writer *w, ac_error *err) {
    for (int tries = 0; tries < 100; tries++) {
        ac__free(w->temp);
        w->temp = temp_name(w->target);
        if (!w->temp) return ac_fail(err, AC_ERR_MEMORY, "%s: writer", w->path);
        w->fd = open(w->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0) return AC_OK;
        if (errno != EEXIST) break;
    }
    int error = errno;
    ac__free(w->temp);
    w->temp = NULL;
    return io_fail(w, "cannot create", error, err);
}

static ac_status open_target(ac__writer *w, ac_error *err) {
    struct stat st;
    w->target = resolve(w->path);
    if (!w->target) return ac_fail(err, AC_ERR_MEMORY, "%s: writer", w->path);
    if (stat(w->target, &st) != 0 || S_ISREG(st.st_mode)) return open_temp(w, err);
    w->fd = open(w->target, O_WRONLY | O_CLOEXEC);
    return w->fd >= 0 ? AC_OK : io_fail(w, "cannot open for writing", errno, err);
}

ac_status ac__writer_open(const char *path, ac__writer **out, ac_error *err) {
    *out = NULL;
    if (!path || !*path) return ac_fail(err, AC_ERR_ARGUMENT, "the output has no name");
    ac__writer *w = ac__calloc(1, sizeof *w);
    if (!w) return ac_fail(err, AC_ERR_MEMORY, "%s: writer", path);
    w->fd = -1;
    w->alignment = DEFAULT_ALIGNMENT;
    w->path = ac__strndup(path, strlen(path));
    ac_status status = w->path ? open_target(w, err) : ac_fail(err, AC_ERR_MEMORY, "%s: writer", path);
    if (status == AC_OK)
        *out = w;
    else
        ac__writer_abandon(&w);
    return status;
}

void ac__writer_abandon(ac__writer **writer) {
    ac__writer *w = *writer;
    if (!w) return;
    if (w->fd >= 0) close(w->fd);
    if (w->temp) unlink(w->temp);
    ac__free(w->temp);
    ac__free(w->target);
    ac__free(w->path);
    ac__free(w->kvs.p);
    ac__free(w->infos.p);
    ac__free(w->sizes);
    ac__free(w);
    *writer = NULL;
}

static ac_status write_all(ac__writer *w, const void *data, size_t n, ac_error *err) {
    const char *p = data;
    while (n) {
        ssize_t k = write(w->fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return io_fail(w, "cannot write", errno, err);
        p += k;
        n -= (size_t)k;
    }
    return AC_OK;
}

static ac_status write_zeros(ac__writer *w, uint64_t n, ac_error *err) {
    static const uint8_t zeros[4096];
    for (; n; n -= n < sizeof zeros ? n : sizeof zeros)
        AC_TRY(write_all(w, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros, err));
    return AC_OK;
}

/* ---- Metadata ---- */

static void put_key(ac__writer *w, const char *key, ac_kv_type type) {
    put_str(&w->kvs, key, strlen(key));
    put_le(&w->kvs, type, 4);
    w->n_kvs++;
}

void ac__writer_u32(ac__writer *w, const char *key, uint32_t v) {
    put_key(w, key, AC_KV_U32);
    put_le(&w->kvs, v, 4);
}

void ac__writer_f32(ac__writer *w, const char *key, float v) {
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    put_key(w, key, AC_KV_F32);
    put_le(&w->kvs, u, 4);
}

void ac__writer_bool(ac__writer *w, const char *key, bool v) {
    put_key(w, key, AC_KV_BOOL);
    put_le(&w->kvs, v, 1);
}

void ac__writer_string(ac__writer *w, const char *key, const char *text) {
    put_key(w, key, AC_KV_STRING);
    put_str(&w->kvs, text, strlen(text));
}

void ac__writer_kv(ac__writer *w, const ac_kv *kv) {
    static const char alignment[] = "general.alignment";
    if (kv->key.n == sizeof alignment - 1 && !memcmp(kv->key.p, alignment, kv->key.n))
        w->alignment = (uint32_t)ac_kv_int(kv, 0);
    put_str(&w->kvs, kv->key.p, kv->key.n);
    put_le(&w->kvs, kv->type, 4);
    if (kv->type == AC_KV_ARRAY) {
        put_le(&w->kvs, kv->elem, 4);
        put_le(&w->kvs, kv->count, 8);
    }
    put(&w->kvs, kv->data, kv->bytes);
    w->n_kvs++;
}

void ac__writer_array(ac__writer *w, const char *key, ac_kv_type elem, uint64_t count) {
    put_key(w, key, AC_KV_ARRAY);
    put_le(&w->kvs, elem, 4);
    put_le(&w->kvs, count, 8);
}

void ac__writer_elems(ac__writer *w, const void *p, size_t n) {
    put(&w->kvs, p, n);
}

void ac__writer_elem_string(ac__writer *w, const char *p, size_t n) {
    put_str(&w->kvs, p, n);
}

/* ---- Tensors ---- */

/* Bytes of a tensor's data; false beyond 2^62. */
static bool tensor_bytes(ac_type type, uint32_t n_dims, const uint64_t *dim, uint64_t *out) {
    const ac_type_info *info = ac_type_describe(type);
    uint64_t n = dim[0] / info->block_elems * info->block_bytes;
    if (dim[0] > (uint64_t)1 << 48) return false;
    for (uint32_t d = 1; d < n_dims; d++) {
        if (dim[d] && n > ((uint64_t)1 << 62) / dim[d]) return false;
        n *= dim[d];
    }
    *out = n;
    return true;
}

static uint64_t padded(const ac__writer *w, uint64_t n) {
    return (n + w->alignment - 1) / w->alignment * w->alignment;
}

void ac__writer_tensor(ac__writer *w, ac_str name, ac_type type, uint32_t n_dims, const uint64_t *dim) {
    if (w->n_tensors == w->room && !w->failed) {
        size_t room = w->room ? w->room * 2 : 64;
        uint64_t *grown = ac__array_grow(w->sizes, room, sizeof *grown);
        w->failed = !grown;
        if (grown) {
            w->sizes = grown;
            w->room = room;
        }
    }
    uint64_t n = 0;
    if (!tensor_bytes(type, n_dims, dim, &n)) w->too_large = true;
    if (w->failed || w->too_large) return;
    w->sizes[w->n_tensors++] = n;
    put_str(&w->infos, name.p, name.n);
    put_le(&w->infos, n_dims, 4);
    for (uint32_t d = 0; d < n_dims; d++) put_le(&w->infos, dim[d], 8);
    put_le(&w->infos, ac_type_describe(type)->gguf_id, 4);
    put_le(&w->infos, w->offset, 8);
    w->offset = padded(w, w->offset + n);
    if (w->offset >> 62) w->too_large = true;
}

/* Asks for all the room at once, so that a disk that is too small is found before hours of work. */
static ac_status reserve(ac__writer *w, ac_error *err) {
#ifdef __linux__
    if (w->temp && fallocate(w->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)w->total) != 0 &&
        (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
        return ac_fail(err, AC_ERR_IO, "%s: no room for %llu bytes: %s", w->path,
                       (unsigned long long)w->total, strerror(errno));
#endif
    (void)w, (void)err;
    return AC_OK;
}

/* Tensors without any data (a dimension of 0) need no call. */
static void skip_empty(ac__writer *w) {
    while (w->tensor < w->n_tensors && w->sizes[w->tensor] == 0) w->tensor++;
}

ac_status ac__writer_begin(ac__writer *w, ac_error *err) {
    if (w->failed || w->kvs.failed || w->infos.failed)
        return ac_fail(err, AC_ERR_MEMORY, "%s: the file's head", w->path);
    if (w->too_large) return ac_fail(err, AC_ERR_LIMIT, "%s: the tensors are too large for a file", w->path);
    bytes head = {0};
    put(&head, "GGUF", 4);
    put_le(&head, VERSION, 4);
    put_le(&head, w->n_tensors, 8);
    put_le(&head, w->n_kvs, 8);
    if (head.failed) return ac_fail(err, AC_ERR_MEMORY, "%s: the file's head", w->path);
    uint64_t n = head.n + w->kvs.n + w->infos.n;
    w->total = padded(w, n) + w->offset;
    ac_status status = reserve(w, err);
    if (status == AC_OK) status = write_all(w, head.p, head.n, err);
    ac__free(head.p);
    AC_TRY(status);
    AC_TRY(write_all(w, w->kvs.p, w->kvs.n, err));
    AC_TRY(write_all(w, w->infos.p, w->infos.n, err));
    AC_TRY(write_zeros(w, padded(w, n) - n, err));
    skip_empty(w);
    return AC_OK;
}

uint64_t ac__writer_bytes(const ac__writer *w) {
    return w->total;
}

ac_status ac__writer_data(ac__writer *w, const void *p, size_t n, ac_error *err) {
    if (w->tensor == w->n_tensors || n > w->sizes[w->tensor] - w->done)
        return ac_fail(err, AC_ERR_INTERNAL, "%s: more data than tensor %llu has", w->path,
                       (unsigned long long)w->tensor);
    AC_TRY(write_all(w, p, n, err));
    w->done += n;
    uint64_t size = w->sizes[w->tensor];
    if (w->done < size) return AC_OK;
    w->tensor++;
    w->done = 0;
    skip_empty(w);
    return write_zeros(w, padded(w, size) - size, err);
}

static ac_status put_in_place(ac__writer *w, bool flush, ac_error *err) {
    if (w->tensor != w->n_tensors)
        return ac_fail(err, AC_ERR_INTERNAL, "%s: the data of tensor %llu is missing", w->path,
                       (unsigned long long)w->tensor);
    if (flush && w->temp && fsync(w->fd) != 0) return io_fail(w, "cannot write", errno, err);
    int rc = close(w->fd);
    w->fd = -1;
    if (rc) return io_fail(w, "cannot write", errno, err);
    if (w->temp && rename(w->temp, w->target) != 0) return io_fail(w, "cannot put in place", errno, err);
    ac__free(w->temp);
    w->temp = NULL;
    return AC_OK;
}

ac_status ac__writer_finish(ac__writer **w, bool flush, ac_error *err) {
    ac_status status = put_in_place(*w, flush, err);
    ac__writer_abandon(w);
    return status;
}
