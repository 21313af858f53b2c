/* cl_weights.c - weights on a device: windows of the host's mapping where the device shares memory, else
 * uploaded through two pinned buffers in turn, so that reading the file and sending overlap. */
#include "cl_memory.h"

#include <stdlib.h>
#include <string.h>

enum { STAGE = 16 << 20, FIELDS = 4 };

/* Fields of a block: offset in the file, offset when sorted, bytes (blocks.cl). */
static const uint32_t fields[AC_TYPE_COUNT][FIELDS][3] = {
    [AC_TYPE_Q4_0] = {{2, 0, 16}, {0, 16, 2}},
    [AC_TYPE_Q4_1] = {{4, 0, 16}, {0, 16, 4}},
    [AC_TYPE_Q5_0] = {{6, 0, 16}, {2, 16, 4}, {0, 20, 2}},
    [AC_TYPE_Q5_1] = {{8, 0, 16}, {0, 16, 4}, {4, 20, 4}},
    [AC_TYPE_Q8_0] = {{2, 0, 32}, {0, 32, 2}},
    [AC_TYPE_IQ4_NL] = {{2, 0, 16}, {0, 16, 2}},
    [AC_TYPE_MXFP4] = {{1, 0, 16}, {0, 16, 1}},
    [AC_TYPE_Q2_K] = {{16, 0, 64}, {0, 64, 16}, {80, 80, 4}},
    [AC_TYPE_Q3_K] = {{0, 0, 32}, {32, 32, 64}, {96, 96, 12}, {108, 108, 2}},
    [AC_TYPE_Q4_K] = {{0, 0, 16}, {16, 16, 128}},
    [AC_TYPE_Q5_K] = {{0, 0, 16}, {16, 16, 32}, {48, 48, 128}},
    [AC_TYPE_Q6_K] = {{0, 0, 128}, {128, 128, 64}, {192, 192, 16}, {208, 208, 2}},
    [AC_TYPE_IQ4_XS] = {{8, 0, 128}, {0, 128, 8}},
};

typedef struct stage {
    cl_mem pinned[2], device[2]; /* device: for what is sorted on the way */
    void *host[2];
    cl_event busy[2];
    uint64_t bytes;
    cl_kernel repack;
    uint32_t turn;
} stage;

typedef struct loader {
    ac_dev *dev;
    ac_weights *w;
    const ac_weight *list;
    bool (*progress)(void *, uint64_t, uint64_t);
    void *user;
    uint64_t done, all;
    bool refused; /* the device took no window of the mapping */
    stage stage;
} loader;

/* ---- Placing
 * ----------------------------------------------------------------------------------------------------- */

static ac_cl_mem *add_mem(loader *l, ac_error *err) {
    ac_weights *w = l->w;
    if ((w->n_mems & (w->n_mems - 1)) == 0) {
        ac_cl_mem *more = realloc(w->mems, (w->n_mems ? 2 * (size_t)w->n_mems : 1) * sizeof *more);
        if (!more) {
            ac_fail(err, AC_ERR_MEMORY, "weights");
            return NULL;
        }
        w->mems = more;
    }
    w->mems[w->n_mems] = (ac_cl_mem){0};
    return &w->mems[w->n_mems++];
}

static ac_status add_segment(ac_cl_tensor *t, cl_mem mem, uint64_t at, uint32_t first, uint32_t rows,
                             ac_error *err) {
    ac_cl_segment *more = realloc(t->segments, (t->n_segments + 1) * sizeof *more);
    if (!more) return ac_fail(err, AC_ERR_MEMORY, "weights");
    t->segments = more;
    more[t->n_segments++] = (ac_cl_segment){mem, at, first, rows};
    return AC_OK;
}

/* The window of a mapping that starts at `host`. */
static ac_status window_of(loader *l, const uint8_t *host, uint64_t bytes, cl_mem *out, ac_error *err) {
    for (uint32_t i = 0; i < l->w->n_mems; i++) {
        if (l->w->mems[i].host == host) {
            *out = l->w->mems[i].mem;
            return AC_OK;
        }
    }
    ac_cl_mem *m = add_mem(l, err);
    if (!m) return AC_ERR_MEMORY;
    union {
        const void *c;
        void *p;
    } pointer = {host}; /* OpenCL has no const here; the buffer is read-only */
    ac_status status = ac__cl_buffer(l->dev, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes, pointer.p,
                                     "weights", &m->mem, err);
    l->refused = status != AC_OK;
    AC_TRY(status);
    m->host = host;
    *out = m->mem;
    return AC_OK;
}

/* A buffer of the device's own for rows [first, first + rows), to be filled later. */
static ac_status own_rows(loader *l, ac_cl_tensor *t, const char *name, uint32_t first, uint32_t rows,
                          ac_error *err) {
    uint64_t most = l->dev->caps.max_alloc / t->row_bytes;
    if (most == 0)
        return ac_fail(err, AC_ERR_DEVICE_MEMORY,
                       "%s: a row has %u bytes, the device allows %llu in one piece", name, t->row_bytes,
                       (unsigned long long)l->dev->caps.max_alloc);
    while (rows > 0) {
        uint32_t n = rows < most ? rows : (uint32_t)most;
        ac_cl_mem *m = add_mem(l, err);
        if (!m) return AC_ERR_MEMORY;
        uint64_t bytes = (uint64_t)n * t->row_bytes;
        cl_mem_flags flags = t->planar ? CL_MEM_READ_WRITE : CL_MEM_READ_ONLY; /* repack writes planar ones */
        AC_TRY(ac__cl_buffer(l->dev, flags, bytes, NULL, name, &m->mem, err));
        m->bytes = bytes;
        AC_TRY(add_segment(t, m->mem, 0, first, n, err));
        first += n, rows -= n;
    }
    return AC_OK;
}

/* Segments in the windows of the mapping; a row that lies in two windows gets a buffer. */
static ac_status place_in_windows(loader *l, ac_cl_tensor *t, const ac_weight *from, ac_error *err) {
    uint64_t window = l->dev->caps.max_alloc / 4096 * 4096,
             base = (uint64_t)((const uint8_t *)from->data - (const uint8_t *)from->map);
    for (uint32_t r = 0; r < t->rows;) {
        uint64_t at = base + (uint64_t)r * t->row_bytes, start = at / window * window;
        uint64_t fit = (start + window - at) / t->row_bytes, left = t->rows - r;
        uint32_t n = (uint32_t)(fit < left ? fit : left);
        if (n == 0) {
            AC_TRY(own_rows(l, t, from->name, r++, 1, err));
            continue;
        }
        uint64_t bytes = from->map_bytes - start < window ? from->map_bytes - start : window;
        cl_mem mem;
        AC_TRY(window_of(l, (const uint8_t *)from->map + start, bytes, &mem, err));
        AC_TRY(add_segment(t, mem, at - start, r, n, err));
        r += n;
    }
    return AC_OK;
}

/* In place when the mapping is given, page-aligned, and the tensor lies where vector loads may start. */
static bool can_stay(const loader *l, const ac_weight *from) {
    if (!l->dev->features.zerocopy || !from->map || l->dev->caps.max_alloc < 4096) return false;
    return (uintptr_t)from->map % 4096 == 0 && (uintptr_t)from->data % 16 == 0 &&
           (const uint8_t *)from->data >= (const uint8_t *)from->map;
}

static ac_status place(loader *l, uint32_t i, ac_error *err) {
    const ac_weight *from = &l->list[i];
    ac_cl_tensor *t = &l->w->tensors[i];
    uint64_t row = ac_type_row_bytes(from->type, from->cols);
    if (from->rows >= AC_NONE || from->cols >= AC_NONE || row >= AC_NONE - 16)
        return ac_fail(err, AC_ERR_LIMIT, "%s: too large for a device", from->name);
    bool stays = can_stay(l, from);
    *t = (ac_cl_tensor){.type = from->type,
                        .rows = (uint32_t)from->rows,
                        .cols = (uint32_t)from->cols,
                        .row_bytes = (uint32_t)row};
    if (stays) return place_in_windows(l, t, from, err);
    t->planar = l->dev->features.planar && l->dev->tuning.use_group && fields[t->type][0][2] != 0;
    if (t->planar) t->row_bytes = (t->row_bytes + 15) / 16 * 16;
    return own_rows(l, t, from->name, 0, t->rows, err);
}

/* ---- Uploading
 * --------------------------------------------------------------------------------------------------- */

static ac_status stage_open(loader *l, uint64_t bytes, bool planar, ac_error *err) {
    stage *s = &l->stage;
    cl_int rc = CL_SUCCESS;
    if (s->bytes < bytes) s->bytes = bytes;
    for (int i = 0; i < 2; i++) {
        if (!s->pinned[i]) {
            AC_TRY(ac__cl_buffer(l->dev, CL_MEM_READ_ONLY | CL_MEM_ALLOC_HOST_PTR, s->bytes, NULL, "upload",
                                 &s->pinned[i], err));
            s->host[i] = ac__cl.EnqueueMapBuffer(l->dev->queue, s->pinned[i], CL_TRUE, CL_MAP_WRITE, 0,
                                                 (size_t)s->bytes, 0, NULL, NULL, &rc);
            if (!s->host[i]) return ac__cl_fail(err, rc, "upload");
        }
        if (planar && !s->device[i])
            AC_TRY(ac__cl_buffer(l->dev, CL_MEM_READ_WRITE, s->bytes, NULL, "upload", &s->device[i], err));
    }
    if (planar && !s->repack) AC_TRY(ac__cl_kernel(l->dev, AC_CL_UNIT_ROWS, "", "repack", &s->repack, err));
    return AC_OK;
}

static void stage_close(loader *l) {
    stage *s = &l->stage;
    for (int i = 0; i < 2; i++) {
        if (s->host[i]) ac__cl.EnqueueUnmapMemObject(l->dev->queue, s->pinned[i], s->host[i], 0, NULL, NULL);
        if (s->busy[i]) ac__cl.ReleaseEvent(s->busy[i]);
    }
    /* once more when it fails: what is under way reads the pinned buffers */
    if (ac__cl.Finish(l->dev->queue) != CL_SUCCESS) ac__cl.Finish(l->dev->queue);
    for (int i = 0; i < 2; i++) {
        ac__cl_buffer_release(l->dev, &s->pinned[i], s->bytes);
        ac__cl_buffer_release(l->dev, &s->device[i], s->bytes);
    }
    if (s->repack) ac__cl.ReleaseKernel(s->repack);
}

static cl_int send_planar(loader *l, const ac_cl_tensor *t, cl_mem to, uint64_t at, uint32_t rows,
                          uint64_t row, int i) {
    stage *s = &l->stage;
    const ac_type_info *type = ac_type_describe(t->type);
    uint32_t nb = t->cols / type->block_elems, src_row = (uint32_t)row;
    /* not the driver's choice: PoCL 3.1 aborts over it when it is limited to few work-items */
    size_t local[2] = {l->dev->tuning.item_group, 1};
    size_t global[2] = {(nb + local[0] - 1) / local[0] * local[0], rows};
    cl_int rc = ac__cl.EnqueueWriteBuffer(l->dev->queue, s->device[i], CL_FALSE, 0, (size_t)(rows * row),
                                          s->host[i], 0, NULL, NULL);
    rc |= ac__cl.SetKernelArg(s->repack, 0, sizeof(cl_mem), &s->device[i]);
    rc |= ac__cl.SetKernelArg(s->repack, 1, 4, &src_row);
    rc |= ac__cl.SetKernelArg(s->repack, 2, sizeof(cl_mem), &to);
    rc |= ac__cl.SetKernelArg(s->repack, 3, 8, &at);
    rc |= ac__cl.SetKernelArg(s->repack, 4, 4, &t->row_bytes);
    rc |= ac__cl.SetKernelArg(s->repack, 5, 4, &nb);
    rc |= ac__cl.SetKernelArg(s->repack, 6, 4, &type->block_bytes);
    for (cl_uint f = 0; f < FIELDS; f++) {
        cl_uint4 field = {{fields[t->type][f][0], fields[t->type][f][1], fields[t->type][f][2], 0}};
        rc |= ac__cl.SetKernelArg(s->repack, 7 + f, sizeof field, &field);
    }
    if (rc != CL_SUCCESS) return rc;
    return ac__cl.EnqueueNDRangeKernel(l->dev->queue, s->repack, 2, NULL, global, local, 0, NULL,
                                       &s->busy[i]);
}

/* Rows [first, first + rows) of the file to byte `at` of `to`. */
static ac_status send_rows(loader *l, const ac_cl_tensor *t, const ac_weight *from, uint32_t first,
                           uint32_t rows, cl_mem to, uint64_t at, ac_error *err) {
    stage *s = &l->stage;
    int i = (int)(s->turn++ & 1);
    uint64_t row = ac_type_row_bytes(from->type, from->cols);
    cl_int rc = CL_SUCCESS;
    if (s->busy[i]) {
        rc = ac__cl.WaitForEvents(1, &s->busy[i]);
        ac__cl.ReleaseEvent(s->busy[i]);
        s->busy[i] = NULL;
    }
    if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, from->name);
    memcpy(s->host[i], (const uint8_t *)from->data + first * row, rows * row);
    if (t->planar)
        rc = send_planar(l, t, to, at, rows, row, i);
    else
        rc = ac__cl.EnqueueWriteBuffer(l->dev->queue, to, CL_FALSE, (size_t)at, (size_t)(rows * row),
                                       s->host[i], 0, NULL, &s->busy[i]);
    if (rc == CL_SUCCESS) rc = ac__cl_flush(l->dev, l->dev->queue);
    if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, from->name);
    l->done += rows * row;
    if (l->progress && !l->progress(l->user, l->done, l->all))
        return ac_fail(err, AC_ERR_CANCELLED, "loading was cancelled");
    return AC_OK;
}

static bool is_window(const loader *l, cl_mem mem) {
    for (uint32_t i = 0; i < l->w->n_mems; i++)
        if (l->w->mems[i].mem == mem) return l->w->mems[i].host != NULL;
    return false;
}

static ac_status upload(loader *l, uint32_t i, ac_error *err) {
    const ac_weight *from = &l->list[i];
    const ac_cl_tensor *t = &l->w->tensors[i];
    uint64_t row = ac_type_row_bytes(from->type, from->cols);
    for (uint32_t g = 0; g < t->n_segments; g++) {
        const ac_cl_segment *seg = &t->segments[g];
        if (is_window(l, seg->mem)) {
            l->done += seg->rows * row;
            continue;
        }
        AC_TRY(stage_open(l, l->stage.bytes, t->planar, err));
        uint32_t step = (uint32_t)(l->stage.bytes / row);
        for (uint32_t r = 0; r < seg->rows; r += step) {
            uint32_t n = seg->rows - r < step ? seg->rows - r : step;
            AC_TRY(send_rows(l, t, from, seg->first + r, n, seg->mem, seg->at + (uint64_t)r * t->row_bytes,
                             err));
        }
    }
    return AC_OK;
}

/* ---- The whole
 * --------------------------------------------------------------------------------------------------- */

static ac_status load_all(loader *l, uint32_t n, ac_error *err) {
    uint64_t largest_row = 1, own = 0;
    l->w->tensors = calloc(n ? n : 1, sizeof *l->w->tensors);
    if (!l->w->tensors) return ac_fail(err, AC_ERR_MEMORY, "weights");
    l->w->n = n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t row = ac_type_row_bytes(l->list[i].type, l->list[i].cols);
        if (row > largest_row) largest_row = row;
        l->all += l->list[i].bytes;
        if (!can_stay(l, &l->list[i])) own += l->list[i].bytes;
    }
    uint64_t stage_bytes = own / 16 < STAGE ? own / 16 : STAGE;
    if (stage_bytes > l->dev->caps.max_alloc) stage_bytes = l->dev->caps.max_alloc;
    l->stage.bytes = stage_bytes > largest_row ? stage_bytes : largest_row;
    AC_TRY(ac__cl_room(l->dev, own ? own + 4 * l->stage.bytes : 0, "weights and buffers to send them", err));
    for (uint32_t i = 0; i < n; i++) AC_TRY(place(l, i, err));
    for (uint32_t i = 0; i < n; i++) AC_TRY(upload(l, i, err));
    if (l->progress && l->done > 0 && !l->progress(l->user, l->all, l->all))
        return ac_fail(err, AC_ERR_CANCELLED, "loading was cancelled");
    return AC_OK;
}

static ac_status load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *, uint64_t, uint64_t), void *user, ac_weights **out,
                      bool *refused, ac_error *err) {
    loader l = {.dev = dev, .list = weights, .progress = progress, .user = user};
    *out = NULL;
    l.w = calloc(1, sizeof *l.w);
    if (!l.w) return ac_fail(err, AC_ERR_MEMORY, "weights");
    l.w->dev = dev;
    ac_status status = load_all(&l, n, err);
    stage_close(&l);
    *refused = l.refused;
    if (status != AC_OK) {
        ac__cl_unload(l.w);
        return status;
    }
    *out = l.w;
    return AC_OK;
}

/* A driver may not take the mapping of a file, which is for reading only: then weights are uploaded after
 * all. */
ac_status ac__cl_load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *, uint64_t, uint64_t), void *user, ac_weights **out,
                      ac_error *err) {
    bool refused = false;
    ac_error why = {0};
    ac_status status = load(dev, weights, n, progress, user, out, &refused, &why);
    if (status == AC_OK || !refused) return status == AC_OK ? AC_OK : ac_fail(err, status, "%s", why.detail);
    ac__cl_log(dev, 1, "%s: weights are uploaded, the mapping of the file is not taken: %s", dev->caps.name,
               why.detail);
    dev->features.zerocopy = false;
    return load(dev, weights, n, progress, user, out, &refused, err);
}

void ac__cl_unload(ac_weights *w) {
    if (!w) return;
    for (uint32_t i = 0; i < w->n_mems; i++) {
        ac_cl_mem *m = &w->mems[i];
        if (m->host && m->mem)
            ac__cl.ReleaseMemObject(m->mem);
        else
            ac__cl_buffer_release(w->dev, &m->mem, m->bytes);
    }
    for (uint32_t i = 0; w->tensors && i < w->n; i++) free(w->tensors[i].segments);
    free(w->tensors);
    free(w->mems);
    free(w);
}
