/* vk_kv.c - the KV cache: layers side by side in as many buffers as allocations need; a layer is one binding.
 */
#include "vk.h"

#include <stdlib.h>

static const vk_buf *layer_at(const ac_kv_mem *kv, uint32_t layer, uint64_t *offset) {
    *offset = layer % kv->layers_per_buf * kv->layer_bytes;
    return &kv->bufs[layer / kv->layers_per_buf];
}

static ac_status create_bufs(ac_kv_mem *kv, ac_error *err) {
    ac_dev *dev = kv->dev;
    for (uint32_t i = 0; i < kv->n_bufs; i++) {
        uint32_t left = kv->layers - i * kv->layers_per_buf;
        uint64_t n = left < kv->layers_per_buf ? left : kv->layers_per_buf;
        AC_TRY(vk_buf_create(dev, n * kv->layer_bytes, VK_PLACE_SHARED, "the KV cache", &kv->bufs[i], err));
        AC_TRY(vk_zero(dev, &kv->bufs[i], err));
    }
    return vk_flush(dev, err);
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
    kv->layer_bytes = (kv->layout.page_bytes * pages + 255) / 256 * 256;
    uint64_t most = dev->caps.max_range < dev->caps.max_alloc ? dev->caps.max_range : dev->caps.max_alloc;
    if (kv->layer_bytes > most) {
        ac_status s = ac_fail(
            err, AC_ERR_DEVICE_MEMORY,
            "%s: a layer of the KV cache of %u pages needs %llu MiB, the device binds %llu MiB at once",
            dev->caps.name, pages, (unsigned long long)(kv->layer_bytes >> 20),
            (unsigned long long)(most >> 20));
        free(kv);
        return s;
    }
    uint64_t per = (dev->caps.max_alloc < (1ull << 30) ? dev->caps.max_alloc : 1ull << 30) / kv->layer_bytes;
    kv->layers_per_buf = per < 1 ? 1 : per > layers ? layers : (uint32_t)per;
    kv->n_bufs = (layers + kv->layers_per_buf - 1) / kv->layers_per_buf;
    kv->bufs = calloc(kv->n_bufs, sizeof *kv->bufs);
    ac_status status = kv->bufs ? create_bufs(kv, err) : ac_fail(err, AC_ERR_MEMORY, "KV cache");
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
        uint64_t at;
        const vk_buf *b = layer_at(kv, l, &at);
        AC_TRY(vk_copy(kv->dev, b, at + from_page * n, b, at + to_page * n, n, err));
    }
    return vk_flush(kv->dev, err);
}

ac_status vk_kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err) {
    const uint64_t n = kv->layout.page_bytes;
    AC_TRY(check_page(kv, page, err));
    AC_TRY(vk_flush(kv->dev, err)); /* what is mapped is read at once */
    for (uint32_t l = 0; l < kv->layers; l++) {
        uint64_t at;
        const vk_buf *b = layer_at(kv, l, &at);
        AC_TRY(vk_download(kv->dev, b, at + page * n, (char *)host + l * n, n, err));
    }
    return AC_OK;
}

ac_status vk_kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err) {
    const uint64_t n = kv->layout.page_bytes;
    AC_TRY(check_page(kv, page, err));
    AC_TRY(vk_flush(kv->dev, err)); /* what is mapped is written at once */
    for (uint32_t l = 0; l < kv->layers; l++) {
        uint64_t at;
        const vk_buf *b = layer_at(kv, l, &at);
        AC_TRY(vk_upload(kv->dev, b, at + page * n, (const char *)host + l * n, n, err));
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
