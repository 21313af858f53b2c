/* cl_kv.c - KV caches: one buffer per layer, pages as backend.h lays them out. */
#include "cl_memory.h"

#include <stdio.h>
#include <stdlib.h>

static ac_status make_layers(ac_kv_mem *kv, ac_error *err) {
    const uint32_t zero = 0;
    char what[64];
    snprintf(what, sizeof what, "KV cache for %llu positions", (unsigned long long)kv->pages * AC_PAGE);
    AC_TRY(ac__cl_room(kv->dev, kv->layer_bytes * kv->n_layers, what, err));
    for (uint32_t i = 0; i < kv->n_layers; i++) {
        AC_TRY(ac__cl_buffer(kv->dev, CL_MEM_READ_WRITE, kv->layer_bytes, NULL, "KV cache of a layer",
                             &kv->layers[i], err));
        cl_int rc = ac__cl.EnqueueFillBuffer(kv->dev->queue, kv->layers[i], &zero, sizeof zero, 0,
                                             (size_t)kv->layer_bytes, 0, NULL, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "KV cache");
    }
    cl_int rc = ac__cl.Finish(kv->dev->queue);
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, "KV cache");
}

ac_status ac__cl_kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                           ac_kv_mem **out, ac_error *err) {
    *out = NULL;
    ac_kv_layout lay = ac_kv_layout_of(kv_heads, head_dim);
    if (layers == 0 || pages == 0 || kv_heads == 0 || head_dim == 0 ||
        lay.page_bytes > UINT64_MAX / 2 / pages / layers)
        return ac_fail(err, AC_ERR_ARGUMENT, "KV cache: %u layers, %u pages, %u heads of %u", layers, pages,
                       kv_heads, head_dim);
    ac_kv_mem *kv = calloc(1, sizeof *kv);
    if (!kv) return ac_fail(err, AC_ERR_MEMORY, "KV cache");
    *kv = (ac_kv_mem){
        .dev = dev, .n_layers = layers, .pages = pages, .kv_heads = kv_heads, .head_dim = head_dim};
    kv->page_bytes = lay.page_bytes;
    kv->layer_bytes = lay.page_bytes * pages;
    kv->layers = calloc(layers, sizeof *kv->layers);
    ac_status status = kv->layers ? make_layers(kv, err) : ac_fail(err, AC_ERR_MEMORY, "KV cache");
    if (status != AC_OK) {
        ac__cl_kv_destroy(kv);
        return status;
    }
    *out = kv;
    return AC_OK;
}

static ac_status check_page(const ac_kv_mem *kv, uint32_t page, ac_error *err) {
    return page < kv->pages ? AC_OK
                            : ac_fail(err, AC_ERR_ARGUMENT, "KV cache: page %u of %u", page, kv->pages);
}

ac_status ac__cl_kv_copy(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err) {
    AC_TRY(check_page(kv, from_page, err));
    AC_TRY(check_page(kv, to_page, err));
    size_t n = (size_t)kv->page_bytes;
    for (uint32_t i = 0; i < kv->n_layers && from_page != to_page; i++) {
        cl_int rc = ac__cl.EnqueueCopyBuffer(kv->dev->queue, kv->layers[i], kv->layers[i], from_page * n,
                                             to_page * n, n, 0, NULL, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "KV cache");
    }
    cl_int rc = ac__cl.Finish(kv->dev->queue);
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, "KV cache");
}

ac_status ac__cl_kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err) {
    AC_TRY(check_page(kv, page, err));
    size_t n = (size_t)kv->page_bytes;
    for (uint32_t i = 0; i < kv->n_layers; i++) {
        cl_int rc = ac__cl.EnqueueReadBuffer(kv->dev->queue, kv->layers[i], CL_TRUE, page * n, n,
                                             (uint8_t *)host + i * n, 0, NULL, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "KV cache");
    }
    return AC_OK;
}

ac_status ac__cl_kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err) {
    AC_TRY(check_page(kv, page, err));
    size_t n = (size_t)kv->page_bytes;
    for (uint32_t i = 0; i < kv->n_layers; i++) {
        cl_int rc =
            ac__cl_put(kv->dev, kv->layers[i], page * n, (const uint8_t *)host + i * n, n, kv->layer_bytes);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "KV cache");
    }
    return AC_OK;
}

void ac__cl_kv_destroy(ac_kv_mem *kv) {
    if (!kv) return;
    for (uint32_t i = 0; kv->layers && i < kv->n_layers; i++)
        ac__cl_buffer_release(kv->dev, &kv->layers[i], kv->layer_bytes);
    free(kv->layers);
    free(kv);
}
