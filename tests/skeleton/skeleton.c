/* skeleton.c - device, memory and programs of the skeleton port; one section per section of the porting face.
 */
#include "skeleton.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *device_memory(uint64_t bytes) {
    return calloc(1, (size_t)bytes + 1);
}

/* ---- Device ---- */

static void facts(ac_device_info *d) {
    memset(d, 0, sizeof *d);
    snprintf(d->name, sizeof d->name, "skeleton");
    snprintf(d->driver, sizeof d->driver, "host memory");
    snprintf(d->kind, sizeof d->kind, "other");
    snprintf(d->detail, sizeof d->detail, "the reference's kernels, one thread");
    d->usable = true;
}

static ac_status enumerate(ac_device_info *list, size_t cap, size_t *count, ac_error *err) {
    (void)err;
    *count = 1;
    if (list && cap > 0) facts(&list[0]);
    return AC_OK;
}

static ac_status open_device(const ac_open_settings *how, ac_dev **out, ac_error *err) {
    *out = NULL;
    if (how->index != 0) return ac_fail(err, AC_ERR_DEVICE, "skeleton:%u: there is only one", how->index);
    ac_dev *dev = calloc(1, sizeof *dev);
    if (!dev) return ac_fail(err, AC_ERR_MEMORY, "no memory for a device");
    ac__cpu_overlay_ref(&dev->kernels);
    *out = dev;
    return AC_OK;
}

static void close_device(ac_dev *dev) {
    free(dev);
}

static void describe(ac_dev *dev, ac_device_info *out) {
    (void)dev;
    facts(out);
}

/* ---- Weights: an upload ---- */

static void unload(ac_weights *w) {
    for (uint32_t i = 0; w && i < w->n; i++) free((void *)(uintptr_t)w->list[i].data);
    free(w);
}

static ac_status load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *user, uint64_t done, uint64_t all), void *user, ac_weights **out,
                      ac_error *err) {
    uint64_t done = 0, all = 0;
    (void)dev;
    *out = NULL;
    ac_weights *w = calloc(1, sizeof *w + n * sizeof w->list[0]);
    if (!w) return ac_fail(err, AC_ERR_MEMORY, "no memory for a list of %u weights", n);
    for (uint32_t i = 0; i < n; i++) all += weights[i].bytes;
    for (w->n = 0; w->n < n; w->n++) {
        const ac_weight *from = &weights[w->n];
        void *memory = device_memory(from->bytes);
        w->list[w->n] = *from;
        w->list[w->n].data = memory;
        if (!memory) {
            unload(w);
            return ac_fail(err, AC_ERR_DEVICE_MEMORY, "%s: no memory for %llu bytes", from->name,
                           (unsigned long long)from->bytes);
        }
        memcpy(memory, from->data, (size_t)from->bytes);
        done += from->bytes;
        if (!progress || progress(user, done, all)) continue;
        w->n++;
        unload(w);
        return ac_fail(err, AC_ERR_CANCELLED, "loading was cancelled");
    }
    *out = w;
    return AC_OK;
}

/* ---- Cache ---- */

static void kv_destroy(ac_kv_mem *kv) {
    if (kv) free(kv->memory);
    free(kv);
}

static ac_status kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                           ac_kv_mem **out, ac_error *err) {
    (void)dev;
    *out = NULL;
    ac_kv_layout lay = ac_kv_layout_of(kv_heads, head_dim);
    ac_kv_mem *kv = calloc(1, sizeof *kv);
    if (kv) *kv = (ac_kv_mem){layers, pages, kv_heads, head_dim, lay, NULL};
    if (kv) kv->memory = device_memory((uint64_t)layers * pages * lay.page_bytes);
    if (!kv || !kv->memory) {
        kv_destroy(kv);
        return ac_fail(err, AC_ERR_DEVICE_MEMORY, "no memory for a cache of %u pages", pages);
    }
    *out = kv;
    return AC_OK;
}

static uint8_t *page_at(const ac_kv_mem *kv, uint32_t layer, uint32_t page) {
    return kv->memory + ((size_t)layer * kv->pages + page) * kv->lay.page_bytes;
}

static ac_status check_page(const ac_kv_mem *kv, uint32_t page, ac_error *err) {
    return page < kv->pages ? AC_OK : ac_fail(err, AC_ERR_ARGUMENT, "cache: page %u of %u", page, kv->pages);
}

static ac_status kv_copy(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err) {
    AC_TRY(check_page(kv, from_page, err));
    AC_TRY(check_page(kv, to_page, err));
    for (uint32_t l = 0; l < kv->layers; l++)
        memmove(page_at(kv, l, to_page), page_at(kv, l, from_page), kv->lay.page_bytes);
    return AC_OK;
}

static ac_status kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err) {
    AC_TRY(check_page(kv, page, err));
    for (uint32_t l = 0; l < kv->layers; l++)
        memcpy((uint8_t *)host + l * kv->lay.page_bytes, page_at(kv, l, page), kv->lay.page_bytes);
    return AC_OK;
}

static ac_status kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err) {
    AC_TRY(check_page(kv, page, err));
    for (uint32_t l = 0; l < kv->layers; l++)
        memcpy(page_at(kv, l, page), (const uint8_t *)host + l * kv->lay.page_bytes, kv->lay.page_bytes);
    return AC_OK;
}

/* ---- Programs ---- */

static void release(ac_prog *p) {
    if (!p) return;
    for (uint32_t i = 0; p->consts && i < p->plan->n_consts; i++) free(p->consts[i]);
    free(p->consts);
    free(p->arena);
    free(p);
}

/* Everything that does not change from run to run: here memory, on a chip also compiled kernels and recorded
 * commands. */
static ac_status prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                         ac_error *err) {
    *out = NULL;
    ac_prog *p = calloc(1, sizeof *p);
    if (!p) return ac_fail(err, AC_ERR_MEMORY, "no memory for a program");
    *p = (ac_prog){.dev = dev, .plan = plan, .weights = w, .kv = kv};
    p->arena = device_memory(plan->arena_bytes);
    p->consts = calloc(plan->n_consts + 1u, sizeof *p->consts);
    bool ok = p->arena && p->consts;
    for (uint32_t i = 0; ok && i < plan->n_consts; i++) {
        p->consts[i] = device_memory(plan->consts[i].bytes);
        ok = p->consts[i] != NULL;
        if (ok) memcpy(p->consts[i], plan->consts[i].data, (size_t)plan->consts[i].bytes);
    }
    if (!ok) {
        release(p);
        return ac_fail(err, AC_ERR_DEVICE_MEMORY, "no memory for buffers of %llu bytes",
                       (unsigned long long)plan->arena_bytes);
    }
    *out = p;
    return AC_OK;
}

static uint64_t prog_bytes(const ac_prog *p) {
    return p->plan->arena_bytes;
}

/* In order, one after the other. A device that overlaps operations asks ac_op_buffers what must wait for
 * what. */
static ac_status run(ac_prog *p, const ac_run *inputs, ac_error *err) {
    for (uint32_t i = 0; i < p->plan->n_ops; i++) AC_TRY(skeleton_op(p, &p->plan->ops[i], inputs, err));
    return AC_OK;
}

static ac_status wait_done(ac_prog *p, ac_error *err) {
    (void)p;
    (void)err;
    return AC_OK;
}

static uint8_t *span(const ac_prog *p, uint32_t buf, uint64_t offset, uint64_t bytes, ac_error *err) {
    if (buf < p->plan->n_bufs) {
        const ac_plan_buf *b = &p->plan->bufs[buf];
        if (offset + bytes <= b->row_bytes * b->rows) return p->arena + b->offset + offset;
    }
    ac_fail(err, AC_ERR_ARGUMENT, "buffer %u: no bytes %llu + %llu", buf, (unsigned long long)offset,
            (unsigned long long)bytes);
    return NULL;
}

static ac_status write_buf(ac_prog *p, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                           ac_error *err) {
    uint8_t *at = span(p, buf, offset, bytes, err);
    if (!at) return AC_ERR_ARGUMENT;
    memcpy(at, host, (size_t)bytes);
    return AC_OK;
}

static ac_status read_buf(ac_prog *p, uint32_t buf, uint64_t offset, void *host, uint64_t bytes,
                          ac_error *err) {
    const uint8_t *at = span(p, buf, offset, bytes, err);
    if (!at) return AC_ERR_ARGUMENT;
    memcpy(host, at, (size_t)bytes);
    return AC_OK;
}

/* ---- The door ---- */

AC_API const ac_backend *ac_backend_entry(uint32_t abi);

const ac_backend *ac_backend_entry(uint32_t abi) {
    static const ac_backend backend = {
        .abi = AC_BACKEND_ABI,
        .name = "skeleton",
        .title = "Skeleton",
        .enumerate = enumerate,
        .open = open_device,
        .close = close_device,
        .describe = describe,
        .load = load,
        .unload = unload,
        .kv_create = kv_create,
        .kv_copy = kv_copy,
        .kv_read = kv_read,
        .kv_write = kv_write,
        .kv_destroy = kv_destroy,
        .prepare = prepare,
        .release = release,
        .prog_bytes = prog_bytes,
        .run = run,
        .wait = wait_done,
        .write = write_buf,
        .read = read_buf, /* profile and times stay NULL: it cannot */
    };
    return abi == AC_BACKEND_ABI ? &backend : NULL;
}
