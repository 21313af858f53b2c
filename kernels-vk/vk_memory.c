/* vk_memory.c - buffers, the staging ring, copies. */
#include "vk.h"

#include <string.h>

/* Property flags to look for, best first. What the host writes once and every workgroup reads (UPLOAD) is
 * best on the device's side of the bus. */
enum {
    DEVICE = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    HOST = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    ODD = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT |
          VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD
};
static const VkMemoryPropertyFlags wanted[][2] = {
    [VK_PLACE_DEVICE] = {DEVICE, DEVICE},
    [VK_PLACE_UPLOAD] = {DEVICE | HOST, HOST},
    [VK_PLACE_READBACK] = {HOST | CACHED, HOST},
    [VK_PLACE_SHARED] = {DEVICE | HOST | CACHED, DEVICE},
};

/* The memory types of `bits` that fit, the best first: more than one, as the heap of the first may be full.
 */
static uint32_t fitting_types(const ac_dev *dev, uint32_t bits, vk_place place,
                              uint32_t list[VK_MAX_MEMORY_TYPES]) {
    const VkPhysicalDeviceMemoryProperties *m = &dev->caps.memory;
    uint32_t n = 0, taken = 0;
    for (int k = 0; k < 2; k++) {
        VkMemoryPropertyFlags want = wanted[place][k];
        for (uint32_t i = 0; i < m->memoryTypeCount; i++) {
            VkMemoryPropertyFlags have = m->memoryTypes[i].propertyFlags;
            if (!(bits >> i & 1) || taken >> i & 1 || (have & want) != want || have & ODD) continue;
            list[n++] = i;
            taken |= (uint32_t)1 << i;
        }
    }
    return n;
}

static ac_status memory_short(ac_dev *dev, uint64_t bytes, const char *what, ac_error *err) {
    ac_device_info info;
    vk_describe(dev, &info);
    return ac_fail(
        err, AC_ERR_DEVICE_MEMORY, "%s: %s needs %llu MiB; the device has %llu MiB, free %llu (0: not known)",
        dev->caps.name, what, (unsigned long long)((bytes + (1 << 20) - 1) >> 20),
        (unsigned long long)(info.memory_total >> 20), (unsigned long long)(info.memory_free >> 20));
}

static ac_status create_buffer(ac_dev *dev, uint64_t bytes, const void *next, vk_buf *out, ac_error *err) {
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .pNext = next,
                               .size = bytes,
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    VK_TRY(dev, err, "buffer", dev->api.CreateBuffer(dev->device, &info, NULL, &out->buf));
    out->bytes = bytes;
    return AC_OK;
}

/* Memory for a buffer from the best heap that has room. */
static ac_status allocate(ac_dev *dev, uint64_t need, const uint32_t *types, uint32_t n_types, uint32_t *type,
                          const char *what, vk_buf *out, ac_error *err) {
    VkResult r = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    for (uint32_t i = 0; i < n_types && !out->mem; i++) {
        VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = need,
                                     .memoryTypeIndex = *type = types[i]};
        r = dev->api.AllocateMemory(dev->device, &info, NULL, &out->mem);
        if (r == VK_SUCCESS) break;
        out->mem = VK_NULL_HANDLE;
        if (r != VK_ERROR_OUT_OF_DEVICE_MEMORY && r != VK_ERROR_OUT_OF_HOST_MEMORY)
            return vk_dev_fail(dev, err, r, what);
    }
    if (r != VK_SUCCESS) return memory_short(dev, need, what, err);
    dev->allocs++;
    return AC_OK;
}

static ac_status fill_buffer(ac_dev *dev, uint64_t bytes, vk_place place, const char *what, vk_buf *out,
                             ac_error *err) {
    uint32_t types[VK_MAX_MEMORY_TYPES], type = 0;
    VkMemoryRequirements need;
    AC_TRY(create_buffer(dev, bytes, NULL, out, err));
    dev->api.GetBufferMemoryRequirements(dev->device, out->buf, &need);
    uint32_t n = fitting_types(dev, need.memoryTypeBits, place, types);
    if (!n) return ac_fail(err, AC_ERR_DEVICE, "%s: no memory type fits %s", dev->caps.name, what);
    AC_TRY(allocate(dev, need.size, types, n, &type, what, out, err));
    VK_TRY(dev, err, what, dev->api.BindBufferMemory(dev->device, out->buf, out->mem, 0));
    if (place != VK_PLACE_DEVICE && (dev->caps.memory.memoryTypes[type].propertyFlags & HOST) == HOST)
        VK_TRY(dev, err, what, dev->api.MapMemory(dev->device, out->mem, 0, VK_WHOLE_SIZE, 0, &out->host));
    return AC_OK;
}

ac_status vk_buf_create(ac_dev *dev, uint64_t bytes, vk_place place, const char *what, vk_buf *out,
                        ac_error *err) {
    *out = (vk_buf){0};
    bytes = (bytes + 255) / 256 * 256;
    if (!bytes || bytes > dev->caps.max_alloc)
        return ac_fail(err, AC_ERR_DEVICE_MEMORY, "%s: %s needs %llu MiB at once, the device gives %llu",
                       dev->caps.name, what, (unsigned long long)(bytes >> 20),
                       (unsigned long long)(dev->caps.max_alloc >> 20));
    if (place == VK_PLACE_SHARED && !dev->on[VK_FEATURE_mapped]) place = VK_PLACE_DEVICE;
    ac_status status = fill_buffer(dev, bytes, place, what, out, err);
    if (status != AC_OK) vk_buf_destroy(dev, out);
    return status;
}

static ac_status import_buffer(ac_dev *dev, const void *p, uint64_t bytes, vk_buf *out, ac_error *err) {
    const VkExternalMemoryHandleTypeFlagBits kind = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
    VkMemoryHostPointerPropertiesEXT props = {.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
    VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .handleTypes = kind};
    VK_TRY(dev, err, "import", dev->api.GetMemoryHostPointerPropertiesEXT(dev->device, kind, p, &props));
    AC_TRY(create_buffer(dev, bytes, &external, out, err));
    VkMemoryRequirements need;
    dev->api.GetBufferMemoryRequirements(dev->device, out->buf, &need);
    uint32_t types[VK_MAX_MEMORY_TYPES], bits = need.memoryTypeBits & props.memoryTypeBits;
    if ((!fitting_types(dev, bits, VK_PLACE_UPLOAD, types) &&
         !fitting_types(dev, bits, VK_PLACE_DEVICE, types)) ||
        need.size > bytes)
        return ac_fail(err, AC_ERR_DEVICE, "import: no memory type fits");
    VkImportMemoryHostPointerInfoEXT import = {.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
                                               .handleType = kind,
                                               .pHostPointer = (void *)(uintptr_t)p};
    VkMemoryAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .pNext = &import,
                                 .allocationSize = bytes,
                                 .memoryTypeIndex = types[0]};
    VK_TRY(dev, err, "import", dev->api.AllocateMemory(dev->device, &info, NULL, &out->mem));
    dev->allocs++;
    VK_TRY(dev, err, "import", dev->api.BindBufferMemory(dev->device, out->buf, out->mem, 0));
    return AC_OK;
}

ac_status vk_buf_import(ac_dev *dev, const void *p, uint64_t bytes, vk_buf *out, ac_error *err) {
    *out = (vk_buf){0};
    ac_status status = import_buffer(dev, p, bytes, out, err);
    if (status != AC_OK) vk_buf_destroy(dev, out);
    return status;
}

void vk_buf_destroy(ac_dev *dev, vk_buf *b) {
    if (b->buf) dev->api.DestroyBuffer(dev->device, b->buf, NULL);
    if (b->mem) {
        dev->api.FreeMemory(dev->device, b->mem, NULL);
        dev->allocs--;
    }
    *b = (vk_buf){0};
}

/* ---- Staging ---- */

/* The next stage, free and recording. */
static ac_status stage_begin(ac_dev *dev, uint32_t *at, ac_error *err) {
    uint32_t s = dev->next_stage;
    dev->next_stage = (s + 1) % VK_STAGES;
    if (!dev->stage[s].buf)
        AC_TRY(
            vk_buf_create(dev, VK_STAGE_BYTES, VK_PLACE_READBACK, "the staging buffer", &dev->stage[s], err));
    AC_TRY(vk_wait_value(dev, dev->stage_value[s], err));
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VK_TRY(dev, err, "commands", dev->api.BeginCommandBuffer(dev->stage_cmd[s], &begin));
    *at = s;
    return AC_OK;
}

/* Makes the copy visible to later work and to the host, and sends it off. */
static ac_status stage_end(ac_dev *dev, uint32_t s, ac_error *err) {
    VkMemoryBarrier after = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                             .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                             .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                                              VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                                              VK_ACCESS_HOST_READ_BIT};
    dev->api.CmdPipelineBarrier(dev->stage_cmd[s], VK_PIPELINE_STAGE_TRANSFER_BIT,
                                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT |
                                    VK_PIPELINE_STAGE_HOST_BIT,
                                0, 1, &after, 0, NULL, 0, NULL);
    VK_TRY(dev, err, "commands", dev->api.EndCommandBuffer(dev->stage_cmd[s]));
    return vk_submit(dev, &dev->stage_cmd[s], 1, &dev->stage_value[s], err);
}

/* Work of earlier submissions first. */
static void stage_barrier(ac_dev *dev, uint32_t s) {
    VkMemoryBarrier before = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                              .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                              .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT};
    dev->api.CmdPipelineBarrier(dev->stage_cmd[s],
                                VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                                VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &before, 0, NULL, 0, NULL);
}

ac_status vk_copy(ac_dev *dev, const vk_buf *from, uint64_t from_offset, const vk_buf *to, uint64_t to_offset,
                  uint64_t bytes, ac_error *err) {
    uint32_t s = 0;
    AC_TRY(stage_begin(dev, &s, err));
    stage_barrier(dev, s);
    VkBufferCopy region = {from_offset, to_offset, bytes};
    dev->api.CmdCopyBuffer(dev->stage_cmd[s], from->buf, to->buf, 1, &region);
    return stage_end(dev, s, err);
}

ac_status vk_zero(ac_dev *dev, const vk_buf *b, ac_error *err) {
    uint32_t s = 0;
    AC_TRY(stage_begin(dev, &s, err));
    dev->api.CmdFillBuffer(dev->stage_cmd[s], b->buf, 0, VK_WHOLE_SIZE, 0);
    return stage_end(dev, s, err);
}

ac_status vk_upload(ac_dev *dev, const vk_buf *b, uint64_t offset, const void *host, uint64_t bytes,
                    ac_error *err) {
    if (b->host) {
        memcpy((char *)b->host + offset, host, bytes);
        return AC_OK;
    }
    for (uint64_t done = 0; done < bytes;) {
        uint64_t n = bytes - done < VK_STAGE_BYTES ? bytes - done : VK_STAGE_BYTES;
        uint32_t s = 0;
        AC_TRY(stage_begin(dev, &s, err));
        memcpy(dev->stage[s].host, (const char *)host + done, n);
        stage_barrier(dev, s);
        VkBufferCopy region = {0, offset + done, n};
        dev->api.CmdCopyBuffer(dev->stage_cmd[s], dev->stage[s].buf, b->buf, 1, &region);
        AC_TRY(stage_end(dev, s, err));
        done += n;
    }
    return AC_OK;
}

ac_status vk_download(ac_dev *dev, const vk_buf *b, uint64_t offset, void *host, uint64_t bytes,
                      ac_error *err) {
    if (b->host) {
        memcpy(host, (const char *)b->host + offset, bytes);
        return AC_OK;
    }
    for (uint64_t done = 0; done < bytes;) {
        uint64_t n = bytes - done < VK_STAGE_BYTES ? bytes - done : VK_STAGE_BYTES;
        uint32_t s = 0;
        AC_TRY(stage_begin(dev, &s, err));
        stage_barrier(dev, s);
        VkBufferCopy region = {offset + done, 0, n};
        dev->api.CmdCopyBuffer(dev->stage_cmd[s], b->buf, dev->stage[s].buf, 1, &region);
        AC_TRY(stage_end(dev, s, err));
        AC_TRY(vk_wait_value(dev, dev->stage_value[s], err));
        memcpy((char *)host + done, dev->stage[s].host, n);
        done += n;
    }
    return AC_OK;
}

ac_status vk_flush(ac_dev *dev, ac_error *err) {
    return vk_wait_value(dev, dev->submitted, err);
}
