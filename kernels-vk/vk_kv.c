/* vk_kv.c - the KV cache: layers side by side in as many buffers as allocations need. A layer is one binding,
 * or several parts of as many pages as a binding holds. */
#include "vk.h"

#include <stdlib.h>

const vk_buf *vk_kv_part(const ac_kv_mem *kv, uint32_t layer, uint32_t part, uint64_t *offset) {
    uint64_t at = (uint64_t)layer * kv->parts + part;
    *offset = at % kv->parts_per_buf * kv->part_bytes;
    return &kv->bufs[at / kv->parts_per_buf];
}

static const vk_buf *page_at(const ac_kv_mem *kv, uint32_t layer, uint32_t page, uint64_t *offset) {
    const vk_buf *b = vk_kv_part(kv, layer, page / kv->part_pages, offset);
    *offset += page % kv->part_pages * kv->layout.page_bytes;
    return b;
}

static ac_status create_bufs(ac_kv_mem *kv, ac_error *err) {
    ac_dev *dev = kv->dev;
    for (uint32_t i = 0; i < kv->n_bufs; i++) {
        uint64_t left = (uint64_t)kv->layers * kv->parts - (uint64_t)i * kv->parts_per_buf;
        uint64_t n = left < kv->parts_per_buf ? left : kv->parts_per_buf;
        AC_TRY(vk_buf_create(dev, n * kv->part_bytes, VK_PLACE_SHARED, "the KV cache", &kv->bufs[i], err));
        AC_TRY(vk_zero(dev, &kv->bufs[i], err));
    }
    return vk_flush(dev, err);
}

/* Cuts layers into parts and shares those out to buffers. What cannot be is refused before anything is
 * allocated. */
static ac_status cut(ac_kv_mem *kv, ac_error *err) {
    const vk_caps *c = &kv->dev->caps;
    const uint64_t page = kv->layout.page_bytes, alloc = c->max_alloc < (1u << 30) ? c->max_alloc : 1u << 30,
                   most = c->max_range < c->max_alloc ? c->max_range : c->max_alloc,
                   fit = (most < UINT32_MAX ? most : UINT32_MAX) / 256 * 256 / page;
    if (!fit)
        return ac_fail(err, AC_ERR_DEVICE_MEMORY,
                       "%s: a page of the KV cache needs %llu KiB, the device binds %llu KiB at once",
                       c->name, (unsigned long long)(page >> 10), (unsigned long long)(most >> 10));
    kv->part_pages = fit < kv->pages ? (uint32_t)fit : kv->pages;
    kv->parts = (kv->pages - 1) / kv->part_pages + 1;
    kv->part_bytes = (page * kv->part_pages + 255) / 256 * 256;
    uint64_t per = alloc / kv->part_bytes, all = (uint64_t)kv->layers * kv->parts;
    if (all > (c->memory_total ? c->memory_total : UINT64_MAX) / kv->part_bytes)
        return ac_fail(err, AC_ERR_DEVICE_MEMORY,
                       "%s: a KV cache of %u layers and %u pages needs %llu MiB, the device has %llu MiB",
                       c->name, kv->layers, kv->pages,
                       (unsigned long long)((page >> 8) * kv->pages / 4096 * kv->layers + 1),
                       (unsigned long long)(c->memory_total >> 20));
    per = per < 1 ? 1 : per > all ? all : per;
    kv->parts_per_buf = (uint32_t)per;
    kv->n_bufs = (uint32_t)((all + per - 1) / per);
    return AC_OK;
}

ac_status vk_kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                       ac_kv_mem **out, ac_error *err) {
    *out = NULL;
    if (!layers || !pages || !kv_heads || !head_dim || head_dim > 4096 || kv_heads > 65535)
        return ac_fail(err, AC_ERR_ARGUMENT, "KV cache: %u layers, %u pages, %u heads of %u", layers, pages,
                       kv_heads, head_dim);
    ac_kv_mem *kv = calloc(1, sizeof *kv);
    if (!kv) return ac_fail(err, AC_ERR_MEMORY, "KV cache");
    *kv = (ac_kv_mem){.dev = dev,
                      .layers = layers,
                      .pages = pages,
                      .kv_heads = kv_heads,
                      .head_dim = head_dim,
                      .layout = ac_kv_layout_of(kv_heads, head_dim)};
    ac_status status = cut(kv, err);
    if (status == AC_OK) {
        kv->bufs = calloc(kv->n_bufs, sizeof *kv->bufs);
        status = kv->bufs ? create_bufs(kv, err) : ac_fail(err, AC_ERR_MEMORY, "KV cache");
    }
    if (status != AC_OK) {
        vk_kv_destroy(kv);
        return status;
    }
    *out = kv;
    return AC_OK;
}

static ac_status check_page(const ac_kv_mem *kv, uint32_t page, ac_error *err) {
    return page < kv->pages ? AC_OK : ac_fail(err, AC_ERR_ARGUMENT, "KV page %u of %u", page, kv->pages);
}

ac_status vk_kv_copy(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err) {
    const uint64_t n = kv->layout.page_bytes;
    AC_TRY(check_page(kv, from_page, err));
    AC_TRY(check_page(kv, to_page, err));
    for (uint32_t l = 0; l < kv->layers && from_page != to_page; l++) {
        uint64_t from, to;
        const vk_buf *a = page_at(kv, l, from_page, &from), *b = page_at(kv, l, to_page, &to);
        AC_TRY(vk_copy(kv->dev, a, from, b, to, n, err));
    }
    return vk_flush(kv->dev, err);
}

ac_status vk_kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err) {
    const uint64_t n = kv->layout.page_bytes;
    AC_TRY(check_page(kv, page, err));
    AC_TRY(vk_flush(kv->dev, err)); /* what is mapped is read at once */
    for (uint32_t l = 0; l < kv->layers; l++) {
        uint64_t at;
        const vk_buf *b = page_at(kv, l, page, &at);
        AC_TRY(vk_download(kv->dev, b, at, (char *)host + l * n, n, err));
    }
    return AC_OK;
}

ac_status vk_kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err) {
    const uint64_t n = kv->layout.page_bytes;
    AC_TRY(check_page(kv, page, err));
    AC_TRY(vk_flush(kv->dev, err)); /* what is mapped is written at once */
    for (uint32_t l = 0; l < kv->layers; l++) {
        uint64_t at;
        const vk_buf *b = page_at(kv, l, page, &at);
        AC_TRY(vk_upload(kv->dev, b, at, (const char *)host + l * n, n, err));
    }
    return vk_flush(kv->dev, err);
}

void vk_kv_destroy(ac_kv_mem *kv) {
    if (!kv) return;
    kv->dev->api.DeviceWaitIdle(kv->dev->device);
    for (uint32_t i = 0; kv->bufs && i < kv->n_bufs; i++) vk_buf_destroy(kv->dev, &kv->bufs[i]);
    free(kv->bufs);
    free(kv);
}
