/* cpu_backend.c - the CPU as an ac_backend: device, weights by reference, cache. */
#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu_entry.h"
#include "ref/functions.h"

enum { MAX_THREADS = 1024 };

/* ---- Device ---------------------------------------------------------------------------------- */

static void facts(ac_device_info *d) {
    memset(d, 0, sizeof *d);
    ac__cpu_name(d->name, sizeof d->name);
    snprintf(d->driver, sizeof d->driver, "anychip");
    snprintf(d->kind, sizeof d->kind, "cpu");
    long page = sysconf(_SC_PAGESIZE), all = sysconf(_SC_PHYS_PAGES), unused = sysconf(_SC_AVPHYS_PAGES);
    if (page > 0 && all > 0) d->memory_total = (uint64_t)page * (uint64_t)all;
    if (page > 0 && unused > 0) d->memory_free = (uint64_t)page * (uint64_t)unused;
    d->shares_host_memory = true;
    d->usable = true;
}

static ac_status enumerate(ac_device_info *list, size_t cap, size_t *count, ac_error *err) {
    ac_cpu_table *table = malloc(sizeof *table);
    const char *isa = "ref";
    *count = 0;
    if (!table) return ac_fail(err, AC_ERR_MEMORY, "no memory for the CPU's kernel table");
    ac_status status = ac__cpu_table_fill(table, NULL, &isa, err);
    free(table);
    if (status != AC_OK) return status;
    *count = 1;
    if (!list || cap < 1) return AC_OK;
    ac_cpu_machine machine;
    AC_TRY(ac__cpu_machine_read(&machine, err));
    facts(&list[0]);
    snprintf(list[0].detail, sizeof list[0].detail, "%s, %u cores", isa, ac__cpu_default_threads(&machine));
    ac__cpu_machine_free(&machine);
    return AC_OK;
}

/* A few results whose bits are known (docs/numerics.md, section 2): fails when the library was built with
 * unsafe arithmetic. */
static ac_status witness(ac_error *err) {
    volatile float third = 3.0f, tenth = -0.1f, x = 0x1.000002p0f;
    ac_fpenv saved;
    ac_fp_enter(&saved);
    const struct {
        const char *name;
        float have;
        uint32_t want;
    } list[] = {
        {"rcp", ac_rcp(third), 0x3EAAAAABu},
        {"rsqrt", ac_rsqrt(third), 0x3F13CD3Bu},
        {"exp", ac_exp(tenth), 0x3F67A36Du},
        {"multiply, then subtract", x * x - 1.0f, 0x34800000u},
    };
    ac_status status = AC_OK;
    for (size_t i = 0; status == AC_OK && i < sizeof list / sizeof *list; i++)
        if (ac_bits(list[i].have) != list[i].want)
            status = ac_fail(err, AC_ERR_WITNESS, "cpu: %s: want %08x, have %08x", list[i].name, list[i].want,
                             ac_bits(list[i].have));
    ac_fp_leave(&saved);
    return status;
}

static ac_status open_device(const ac_open_settings *how, ac_dev **out, ac_error *err) {
    *out = NULL;
    if (how->index != 0) return ac_fail(err, AC_ERR_DEVICE, "cpu:%u: there is only cpu:0", how->index);
    if (how->threads > MAX_THREADS)
        return ac_fail(err, AC_ERR_ARGUMENT, "threads: want at most %d, have %u", MAX_THREADS, how->threads);
    ac_dev *dev = calloc(1, sizeof *dev);
    if (!dev) return ac_fail(err, AC_ERR_MEMORY, "no memory for the CPU device");
    ac_status status = ac__cpu_table_fill(&dev->table, how->mask, &dev->isa, err);
    if (status == AC_OK && !how->force) status = witness(err);
    if (status == AC_OK) status = ac__cpu_pool_open(how->threads, &dev->pool, err);
    if (status != AC_OK)
        free(dev);
    else
        *out = dev;
    return status;
}

static void close_device(ac_dev *dev) {
    if (!dev) return;
    ac__cpu_pool_close(dev->pool);
    free(dev);
}

static void describe(ac_dev *dev, ac_device_info *out) {
    facts(out);
    snprintf(out->detail, sizeof out->detail, "%s, %s", dev->isa, ac__cpu_pool_text(dev->pool));
}

/* ---- Weights --------------------------------------------------------------------------------- */

static ac_status check_weight(const ac_weight *w, ac_error *err) {
    const char *name = w->name ? w->name : "weight";
    const ac_type_info *type = ac_type_describe(w->type);
    if (!type) return ac_fail(err, AC_ERR_ARGUMENT, "%s: type %d is not known", name, (int)w->type);
    uint64_t row = w->cols / type->block_elems, bytes;
    bool ok = w->data && w->rows > 0 && w->cols > 0 && w->cols % type->block_elems == 0;
    ok = ok && !__builtin_mul_overflow(row, (uint64_t)type->block_bytes, &row) &&
         !__builtin_mul_overflow(row, w->rows, &bytes);
    if (!ok || bytes > w->bytes || bytes > SIZE_MAX)
        return ac_fail(err, AC_ERR_ARGUMENT, "%s: %s [%llu, %llu] does not fit its %llu bytes", name,
                       type->name, (unsigned long long)w->rows, (unsigned long long)w->cols,
                       (unsigned long long)w->bytes);
    return AC_OK;
}

/* Where memory has several nodes, pages of a file that are not in memory yet come to the node that asks for
 * them first: the one whose threads will have these rows most. */
static void touch(void *user, uint32_t id, uint32_t threads) {
    enum { STEP = 4096 };
    const ac_weights *w = user;
    volatile uint8_t sink = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        const uint8_t *p = w->list[i].data;
        uint64_t first = w->list[i].bytes / threads * id,
                 last = id + 1 == threads ? w->list[i].bytes : w->list[i].bytes / threads * (id + 1);
        for (uint64_t at = first; at < last; at += STEP) sink = p[at];
    }
    (void)sink;
}

static ac_status load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *user, uint64_t done, uint64_t all), void *user, ac_weights **out,
                      ac_error *err) {
    uint64_t bytes = 0, nodes = ac__cpu_pool_nodes(dev->pool);
    *out = NULL;
    for (uint32_t i = 0; i < n; i++) {
        AC_TRY(check_weight(&weights[i], err));
        bytes += weights[i].bytes;
    }
    if (progress && !progress(user, bytes, bytes))
        return ac_fail(err, AC_ERR_CANCELLED, "loading was cancelled");
    ac_weights *w = calloc(1, sizeof *w + n * sizeof w->list[0]);
    if (!w) return ac_fail(err, AC_ERR_MEMORY, "no memory for a list of %u weights", n);
    w->n = n;
    if (n) memcpy(w->list, weights, n * sizeof *weights);
    if (nodes & (nodes - 1)) ac__cpu_pool_run(dev->pool, touch, w);
    *out = w;
    return AC_OK;
}

static void unload(ac_weights *w) {
    free(w);
}

/* ---- Cache ----------------------------------------------------------------------------------- */

static ac_status kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                           ac_kv_mem **out, ac_error *err) {
    *out = NULL;
    if (layers < 1 || pages < 1 || kv_heads < 1 || head_dim < 1 || head_dim > 4096 || kv_heads > 1u << 20 ||
        pages > INT32_MAX / AC_PAGE)
        return ac_fail(err, AC_ERR_ARGUMENT, "cache: %u layers, %u pages, %u heads of %u", layers, pages,
                       kv_heads, head_dim);
    ac_kv_layout lay = ac_kv_layout_of(kv_heads, head_dim);
    uint64_t bytes;
    bool ok = !__builtin_mul_overflow((uint64_t)layers * pages, (uint64_t)lay.page_bytes, &bytes);
    ac_kv_mem *kv = ok ? calloc(1, sizeof *kv) : NULL;
    uint8_t *p = kv ? ac__cpu_alloc(bytes) : NULL;
    if (!p) {
        free(kv);
        return ac_fail(err, AC_ERR_MEMORY, "cache: no memory for %u layers x %u pages x %zu bytes", layers,
                       pages, lay.page_bytes);
    }
    ac__cpu_pool_spread(dev->pool, p, bytes);
    kv->kv = (ac_cpu_kv){p, lay, layers, pages, kv_heads, head_dim};
    *out = kv;
    return AC_OK;
}

static void kv_destroy(ac_kv_mem *kv) {
    if (!kv) return;
    ac__cpu_free(kv->kv.p);
    free(kv);
}

static ac_status check_page(const ac_kv_mem *kv, uint32_t page, ac_error *err) {
    if (page < kv->kv.pages) return AC_OK;
    return ac_fail(err, AC_ERR_ARGUMENT, "cache: page %u of %u", page, kv->kv.pages);
}

static ac_status kv_copy(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err) {
    AC_TRY(check_page(kv, from_page, err));
    AC_TRY(check_page(kv, to_page, err));
    for (uint32_t l = 0; l < kv->kv.layers && from_page != to_page; l++)
        memcpy(ac_cpu_kv_sub(&kv->kv, l, to_page, 0, 0), ac_cpu_kv_sub(&kv->kv, l, from_page, 0, 0),
               kv->kv.lay.page_bytes);
    return AC_OK;
}

static ac_status kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err) {
    AC_TRY(check_page(kv, page, err));
    for (uint32_t l = 0; l < kv->kv.layers; l++)
        memcpy((uint8_t *)host + l * kv->kv.lay.page_bytes, ac_cpu_kv_sub(&kv->kv, l, page, 0, 0),
               kv->kv.lay.page_bytes);
    return AC_OK;
}

static ac_status kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err) {
    AC_TRY(check_page(kv, page, err));
    for (uint32_t l = 0; l < kv->kv.layers; l++)
        memcpy(ac_cpu_kv_sub(&kv->kv, l, page, 0, 0), (const uint8_t *)host + l * kv->kv.lay.page_bytes,
               kv->kv.lay.page_bytes);
    return AC_OK;
}

/* ---- Program --------------------------------------------------------------------------------- */

static uint64_t prog_bytes(const ac_prog *prog) {
    return prog->bytes;
}

static ac_status wait_done(ac_prog *prog, ac_error *err) {
    (void)prog;
    (void)err;
    return AC_OK; /* run returns when it is done */
}

/* Where `bytes` bytes of a buffer lie; NULL when it has not so many. */
static uint8_t *span(const ac_prog *prog, uint32_t buf, uint64_t offset, uint64_t bytes, ac_error *err) {
    const ac_plan *plan = prog->plan;
    if (buf < plan->n_bufs) {
        const ac_plan_buf *b = &plan->bufs[buf];
        uint64_t size = b->row_bytes * b->rows;
        if (offset <= size && bytes <= size - offset) return prog->arena + b->offset + offset;
    }
    ac_fail(err, AC_ERR_ARGUMENT, "buffer %u: no bytes %llu + %llu", buf, (unsigned long long)offset,
            (unsigned long long)bytes);
    return NULL;
}

static ac_status write_buf(ac_prog *prog, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                           ac_error *err) {
    uint8_t *p = span(prog, buf, offset, bytes, err);
    if (p && bytes) memcpy(p, host, (size_t)bytes);
    return p ? AC_OK : AC_ERR_ARGUMENT;
}

static ac_status read_buf(ac_prog *prog, uint32_t buf, uint64_t offset, void *host, uint64_t bytes,
                          ac_error *err) {
    const uint8_t *p = span(prog, buf, offset, bytes, err);
    if (p && bytes) memcpy(host, p, (size_t)bytes);
    return p ? AC_OK : AC_ERR_ARGUMENT;
}

static ac_status profile(ac_prog *prog, bool on, ac_error *err) {
    (void)err;
    prog->profile = on;
    return AC_OK;
}

static ac_status times(ac_prog *prog, uint64_t *ns, ac_error *err) {
    (void)err;
    memcpy(ns, prog->ns, prog->n_jobs * sizeof *ns);
    return AC_OK;
}

const ac_backend *ac_backend_cpu(uint32_t abi) {
    static const ac_backend backend = {
        .abi = AC_BACKEND_ABI,
        .name = "cpu",
        .title = "CPU",
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
        .prepare = ac__cpu_prepare,
        .release = ac__cpu_release,
        .prog_bytes = prog_bytes,
        .run = ac__cpu_run,
        .wait = wait_done,
        .write = write_buf,
        .read = read_buf,
        .profile = profile,
        .times = times,
    };
    return abi == AC_BACKEND_ABI ? &backend : NULL;
}
