/* vk_weights.c - weights on the device: imported where the device computes from the mapping, else uploaded
 * into large blocks. A tensor that is larger than a binding or a block is split by rows. */
#include "vk.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 512 << 20, PART_ALIGN = 256, BATCH_BYTES = 4 << 20, KEPT_ALLOCS = 256 };

typedef struct loader {
    ac_dev *dev;
    ac_weights *w;
    uint32_t cap_parts, cap_bufs;
    uint32_t *part_buf; /* index into bufs per part, until they stop moving */
    uint64_t fill;      /* bytes used of the last buffer when it is a block */
    bool block_open;
    uint8_t *batch; /* rows taken apart */
    uint64_t batch_bytes;
    uint64_t done, all;
    bool (*progress)(void *user, uint64_t done, uint64_t all);
    void *user;
} loader;

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

static vk_buf *new_buf(loader *l, ac_error *err) {
    ac_weights *w = l->w;
    if (w->n_bufs == l->cap_bufs) {
        uint32_t cap = l->cap_bufs ? l->cap_bufs * 2 : 16;
        vk_buf *b = realloc(w->bufs, cap * sizeof *b);
        if (!b) return ac_fail(err, AC_ERR_MEMORY, "weights"), NULL;
        w->bufs = b;
        l->cap_bufs = cap;
    }
    w->bufs[w->n_bufs] = (vk_buf){0};
    return &w->bufs[w->n_bufs++];
}

static ac_status add_part(loader *l, uint32_t buf, const vk_part *part, ac_error *err) {
    ac_weights *w = l->w;
    if (w->n_parts == l->cap_parts) {
        uint32_t cap = l->cap_parts ? l->cap_parts * 2 : 64;
        vk_part *p = realloc(w->parts, cap * sizeof *p);
        if (p) w->parts = p;
        uint32_t *b = p ? realloc(l->part_buf, cap * sizeof *b) : NULL;
        if (!b) return ac_fail(err, AC_ERR_MEMORY, "weights");
        l->part_buf = b;
        l->cap_parts = cap;
    }
    l->part_buf[w->n_parts] = buf;
    w->parts[w->n_parts++] = *part;
    return AC_OK;
}

/* Rows of a part: as many as a binding and an allocation hold, in multiples of 16 when it is not all of them
 * (every part then starts at a multiple of 16 bytes of the tensor). */
static ac_status rows_per_part(const loader *l, const ac_weight *t, uint64_t row_bytes, uint64_t *rows,
                               ac_error *err) {
    uint64_t most = least(least(l->dev->caps.max_range, l->dev->caps.max_alloc), UINT32_MAX) - 2 * 65536;
    uint64_t n = row_bytes ? most / row_bytes : 0;
    if (n < t->rows) n = n / 16 * 16;
    *rows = least(n, t->rows);
    if (*rows) return AC_OK;
    return ac_fail(err, AC_ERR_LIMIT, "%s: 16 rows of %llu bytes are more than the device binds (%llu)",
                   t->name, (unsigned long long)row_bytes, (unsigned long long)most);
}

static bool step(loader *l, uint64_t bytes) {
    l->done += bytes;
    return !l->progress || l->progress(l->user, l->done, l->all);
}

static ac_status cancelled(ac_error *err) {
    return ac_fail(err, AC_ERR_CANCELLED, "load of weights");
}

/* ---- By reference ---- */

/* Imports the pages around rows [row0, row0 + rows) of t; false when that cannot be. */
static bool import_part(loader *l, const ac_weight *t, uint64_t row0, uint64_t rows, uint64_t row_bytes) {
    const uint64_t page = l->dev->caps.import_align;
    uintptr_t begin = (uintptr_t)t->data + row0 * row_bytes, end = begin + rows * row_bytes;
    uintptr_t first = begin / page * page, last = round_up(end, page), map = (uintptr_t)t->map;
    ac_error err;
    if (begin % 16 || first < map || last > round_up(map + t->map_bytes, 4096)) return false;
    vk_buf *b = new_buf(l, &err);
    if (!b) return false;
    uint32_t index = l->w->n_bufs - 1;
    const vk_part part = {.offset = begin - first,
                          .bytes = rows * row_bytes,
                          .row0 = row0,
                          .rows = (uint32_t)rows,
                          .row_bytes = row_bytes};
    if (vk_buf_import(l->dev, (const void *)first, last - first, b, &err) == AC_OK &&
        add_part(l, index, &part, &err) == AC_OK)
        return true;
    vk_log(l->dev, 3, "%s: not imported: %s", t->name, err.detail);
    vk_buf_destroy(l->dev, b);
    l->w->n_bufs--;
    return false;
}

static void drop_parts(loader *l, uint32_t parts, uint32_t bufs) {
    while (l->w->n_bufs > bufs) vk_buf_destroy(l->dev, &l->w->bufs[--l->w->n_bufs]);
    l->w->n_parts = parts;
}

static bool import_tensor(loader *l, const ac_weight *t, uint64_t row_bytes, uint64_t per_part) {
    if (!l->dev->on[VK_FEATURE_import] || !t->map) return false;
    uint64_t wanted = l->dev->allocs + (t->rows + per_part - 1) / per_part + KEPT_ALLOCS;
    if (wanted > l->dev->caps.max_allocs) return false; /* blocks hold many tensors each */
    uint32_t parts = l->w->n_parts, bufs = l->w->n_bufs;
    for (uint64_t row = 0; row < t->rows; row += per_part) {
        if (import_part(l, t, row, least(per_part, t->rows - row), row_bytes)) continue;
        drop_parts(l, parts, bufs);
        return false;
    }
    l->block_open = false; /* the last buffer is no block any more */
    return true;
}

/* ---- By upload ---- */

/* Room for `bytes` in a block: index of the buffer and offset. */
static ac_status room(loader *l, uint64_t bytes, uint32_t *buf, uint64_t *offset, ac_error *err) {
    ac_weights *w = l->w;
    uint64_t want = round_up(bytes + 16, PART_ALIGN); /* a shifted load may touch the word behind the end */
    if (!l->block_open || l->fill + want > w->bufs[w->n_bufs - 1].bytes) {
        uint64_t left = round_up(l->all - l->done, PART_ALIGN) + 65536;
        uint64_t size = least(BLOCK_BYTES, left);
        if (size < want) size = want;
        vk_buf *b = new_buf(l, err);
        if (!b) return AC_ERR_MEMORY;
        ac_status status =
            vk_buf_create(l->dev, size, l->dev->caps.integrated ? VK_PLACE_SHARED : VK_PLACE_DEVICE,
                          "a block of weights", b, err);
        if (status != AC_OK) {
            w->n_bufs--;
            return status;
        }
        l->block_open = true;
        l->fill = 0;
    }
    *buf = w->n_bufs - 1;
    *offset = l->fill;
    l->fill += want;
    return AC_OK;
}

/* Rows in the form they have on the device, a batch at a time: as they are, or taken apart into l->batch. */
static const uint8_t *batch_of(loader *l, const ac_weight *t, uint64_t row, uint64_t rows,
                               const vk_part *form) {
    uint64_t file_row = ac_type_row_bytes(t->type, t->cols);
    const uint8_t *from = (const uint8_t *)t->data + row * file_row;
    if (!form->planar) return from;
    for (uint64_t r = 0; r < rows; r++)
        vk_planar_row(t->type, from + r * file_row, t->cols, l->batch + r * form->row_bytes);
    return l->batch;
}

/* Four at least, in fours: so every batch but the last is of whole words. */
static uint64_t batch_rows(uint64_t row_bytes) {
    return row_bytes * 4 < BATCH_BYTES ? BATCH_BYTES / row_bytes / 4 * 4 : 4;
}

static ac_status upload_rows(loader *l, const ac_weight *t, const vk_part *part, uint32_t buf,
                             ac_error *err) {
    const uint64_t row_bytes = part->row_bytes, per = batch_rows(row_bytes);
    uint64_t at = part->offset;
    for (uint64_t row = 0; row < part->rows; row += per) {
        uint64_t rows = least(per, part->rows - row), n = rows * row_bytes, whole = n & ~(uint64_t)3;
        const uint8_t *from = batch_of(l, t, part->row0 + row, rows, part);
        if (whole) AC_TRY(vk_upload(l->dev, &l->w->bufs[buf], at, from, whole, err));
        if (n > whole) { /* copies are in words; only the last batch can end inside one */
            uint32_t last = 0;
            memcpy(&last, from + whole, n - whole);
            AC_TRY(vk_upload(l->dev, &l->w->bufs[buf], at + whole, &last, 4, err));
        }
        at += n;
        if (!step(l, rows * ac_type_row_bytes(t->type, t->cols))) return cancelled(err);
    }
    return AC_OK;
}

static ac_status upload_tensor(loader *l, const ac_weight *t, ac_error *err) {
    vk_part part = {.planar = l->dev->on[VK_FEATURE_planar] && vk_planar_type(t->type)};
    part.row_bytes =
        part.planar ? vk_planar_row_bytes(t->type, t->cols) : ac_type_row_bytes(t->type, t->cols);
    uint64_t per_part, batch = batch_rows(part.row_bytes) * part.row_bytes;
    AC_TRY(rows_per_part(l, t, part.row_bytes, &per_part, err));
    if (part.planar && batch > l->batch_bytes) {
        free(l->batch);
        l->batch = malloc(batch);
        l->batch_bytes = l->batch ? batch : 0;
        if (!l->batch) return ac_fail(err, AC_ERR_MEMORY, "weights");
    }
    for (uint64_t row = 0; row < t->rows; row += per_part) {
        uint32_t buf = 0;
        part.row0 = row;
        part.rows = (uint32_t)least(per_part, t->rows - row);
        part.bytes = part.rows * part.row_bytes;
        AC_TRY(room(l, part.bytes, &buf, &part.offset, err));
        AC_TRY(add_part(l, buf, &part, err));
        AC_TRY(upload_rows(l, t, &part, buf, err));
    }
    return AC_OK;
}

/* ---- Both ---- */

static ac_status load_tensor(loader *l, const ac_weight *t, ac_error *err) {
    const ac_type_info *info = ac_type_describe(t->type);
    if (!info || !t->rows || !t->cols || t->cols % info->block_elems || t->rows > UINT32_MAX ||
        t->cols > (1u << 24))
        return ac_fail(err, AC_ERR_ARGUMENT, "%s: [%llu, %llu] is no shape for the device", t->name,
                       (unsigned long long)t->rows, (unsigned long long)t->cols);
    uint64_t row_bytes = ac_type_row_bytes(t->type, t->cols), per_part;
    if (row_bytes * t->rows > t->bytes)
        return ac_fail(err, AC_ERR_ARGUMENT, "%s: want %llu bytes, have %llu", t->name,
                       (unsigned long long)(row_bytes * t->rows), (unsigned long long)t->bytes);
    AC_TRY(rows_per_part(l, t, row_bytes, &per_part, err));
    if (!import_tensor(l, t, row_bytes, per_part)) return upload_tensor(l, t, err);
    return step(l, row_bytes * t->rows) ? AC_OK : cancelled(err);
}

static ac_status load_all(loader *l, const ac_weight *weights, uint32_t n, ac_error *err) {
    for (uint32_t i = 0; i < n; i++) l->all += weights[i].bytes;
    for (uint32_t i = 0; i < n; i++) {
        l->w->first[i] = l->w->n_parts;
        AC_TRY(load_tensor(l, &weights[i], err));
    }
    l->w->first[n] = l->w->n_parts;
    return vk_flush(l->dev, err);
}

ac_status vk_load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                  bool (*progress)(void *user, uint64_t done, uint64_t all), void *user, ac_weights **out,
                  ac_error *err) {
    *out = NULL;
    ac_weights *w = calloc(1, sizeof *w);
    uint32_t *first = calloc((size_t)n + 1, sizeof *first);
    if (!w || !first) {
        free(w);
        free(first);
        return ac_fail(err, AC_ERR_MEMORY, "weights");
    }
    w->dev = dev;
    w->n = n;
    w->first = first;
    loader l = {.dev = dev, .w = w, .progress = progress, .user = user};
    ac_status status = load_all(&l, weights, n, err);
    for (uint32_t i = 0; i < w->n_parts; i++) w->parts[i].buf = &w->bufs[l.part_buf[i]];
    free(l.part_buf);
    free(l.batch);
    if (status != AC_OK) {
        vk_unload(w);
        return status;
    }
    *out = w;
    return AC_OK;
}

void vk_unload(ac_weights *w) {
    if (!w) return;
    w->dev->api.DeviceWaitIdle(w->dev->device); /* a failed load may have copies under way */
    for (uint32_t i = 0; i < w->n_bufs; i++) vk_buf_destroy(w->dev, &w->bufs[i]);
    free(w->bufs);
    free(w->parts);
    free(w->first);
    free(w);
}
