/* vk_backend.c - the table of the backend. */
#include "vk_entry.h"
#include "vk_prog.h"

static const ac_backend table = {
    .abi = AC_BACKEND_ABI,
    .name = "vk",
    .title = "Vulkan",
    .enumerate = vk_enumerate,
    .open = vk_open,
    .close = vk_close,
    .describe = vk_describe,
    .load = vk_load,
    .unload = vk_unload,
    .kv_create = vk_kv_create,
    .kv_copy = vk_kv_copy,
    .kv_read = vk_kv_read,
    .kv_write = vk_kv_write,
    .kv_destroy = vk_kv_destroy,
    .prepare = vk_prepare,
    .release = vk_release,
    .prog_bytes = vk_prog_bytes,
    .run = vk_run,
    .wait = vk_wait,
    .write = vk_write,
    .read = vk_read,
    .profile = vk_profile,
    .times = vk_times,
    .tunable = vk_tunable_at,
};

const ac_backend *ac_backend_vk(uint32_t abi) {
    return abi == AC_BACKEND_ABI ? &table : NULL;
}
