/* vk_probe.c - what a device can: features, limits, memory, queues. */
#include "vk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct extension_list {
    VkExtensionProperties *have;
    uint32_t n;
} extension_list;

static extension_list list_extensions(vk_api *api, VkPhysicalDevice p) {
    extension_list l = {0};
    if (api->EnumerateDeviceExtensionProperties(p, NULL, &l.n, NULL) != VK_SUCCESS || !l.n)
        return (extension_list){0};
    l.have = calloc(l.n, sizeof *l.have);
    if (!l.have || api->EnumerateDeviceExtensionProperties(p, NULL, &l.n, l.have) < 0) l.n = 0;
    return l;
}

static bool has_extension(const extension_list *l, const char *name) {
    for (uint32_t i = 0; i < l->n; i++)
        if (!strcmp(l->have[i].extensionName, name)) return true;
    return false;
}

/* Whether a listed kind of products is one that matmul.comp can use: tiles of 32 x 32 x 32 are cut into it.
 */
static bool coop_fits(const VkCooperativeMatrixPropertiesKHR *m) {
    return m->AType == VK_COMPONENT_TYPE_SINT8_KHR && m->BType == VK_COMPONENT_TYPE_SINT8_KHR &&
           m->CType == VK_COMPONENT_TYPE_SINT32_KHR && m->ResultType == VK_COMPONENT_TYPE_SINT32_KHR &&
           !m->saturatingAccumulation && m->scope == VK_SCOPE_SUBGROUP_KHR &&
           (m->KSize == 16 || m->KSize == 32) && (m->MSize == 8 || m->MSize == 16) &&
           (m->NSize == 8 || m->NSize == 16);
}

static uint32_t coop_size(const vk_coop *c) {
    return c->m * c->n * c->k;
}

/* Keeps a size in its place, the largest first; the smallest are dropped when there are too many. */
static void keep_coop(vk_caps *c, vk_coop size) {
    uint32_t at = c->n_coops;
    while (at > 0 && coop_size(&c->coops[at - 1]) < coop_size(&size)) at--;
    if (at == VK_COOPS) return;
    if (c->n_coops < VK_COOPS) c->n_coops++;
    memmove(&c->coops[at + 1], &c->coops[at], (c->n_coops - at - 1) * sizeof size);
    c->coops[at] = size;
}

static void probe_coopmat(vk_api *api, VkPhysicalDevice p, vk_caps *c) {
    VkPhysicalDeviceCooperativeMatrixPropertiesKHR stages = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    VkPhysicalDeviceProperties2 q = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                     .pNext = &stages};
    VkCooperativeMatrixPropertiesKHR list[256];
    uint32_t n = 256;
    if (!api->GetPhysicalDeviceCooperativeMatrixPropertiesKHR) return;
    api->GetPhysicalDeviceProperties2(p, &q);
    if (!(stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT)) return;
    for (uint32_t i = 0; i < n; i++)
        list[i] =
            (VkCooperativeMatrixPropertiesKHR){.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    if (api->GetPhysicalDeviceCooperativeMatrixPropertiesKHR(p, &n, list) < 0) return;
    for (uint32_t i = 0; i < n; i++)
        if (coop_fits(&list[i])) keep_coop(c, (vk_coop){list[i].MSize, list[i].NSize, list[i].KSize, 0});
}

void vk_probe_memory(vk_api *api, VkPhysicalDevice p, bool budget, vk_caps *c) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT b = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 m = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                           .pNext = budget ? &b : NULL};
    api->GetPhysicalDeviceMemoryProperties2(p, &m);
    c->memory = m.memoryProperties;
    for (uint32_t i = 0; i < c->memory.memoryHeapCount; i++) {
        const VkMemoryHeap *h = &c->memory.memoryHeaps[i];
        if (!(h->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) || h->size < c->memory_total) continue;
        c->memory_total = h->size;
        c->memory_free = budget && b.heapBudget[i] > b.heapUsage[i] ? b.heapBudget[i] - b.heapUsage[i] : 0;
    }
    for (uint32_t i = 0; i < c->memory.memoryTypeCount; i++) {
        const VkMemoryPropertyFlags want =
            VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
            VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
        if (c->integrated && (c->memory.memoryTypes[i].propertyFlags & want) == want)
            c->has[VK_FEATURE_mapped] = true;
    }
}

static void probe_features(vk_api *api, VkPhysicalDevice p, const extension_list *x, vk_caps *c,
                           bool *timeline) {
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR coop = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
    VkPhysicalDeviceSubgroupSizeControlFeatures sub = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
    VkPhysicalDeviceVulkan12Features v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceFeatures2 f = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v12};
    bool core = c->api >= VK_API_VERSION_1_3;
    bool ext_coop = has_extension(x, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
    if (core || c->ext_dot) dot.pNext = f.pNext, f.pNext = &dot;
    if (core || c->ext_subgroup_size) sub.pNext = f.pNext, f.pNext = &sub;
    if (ext_coop) coop.pNext = f.pNext, f.pNext = &coop;
    api->GetPhysicalDeviceFeatures2(p, &f);
    *timeline = v12.timelineSemaphore;
    c->has[VK_FEATURE_dot] = dot.shaderIntegerDotProduct;
    c->full_subgroups = sub.computeFullSubgroups;
    c->size_control = c->size_control && sub.subgroupSizeControl;
    if (coop.cooperativeMatrix && v12.shaderInt8 && v12.vulkanMemoryModel && c->full_subgroups)
        probe_coopmat(api, p, c);
    c->has[VK_FEATURE_coopmat] = c->n_coops != 0;
    if (!c->size_control) c->subgroup_least = c->subgroup_most = c->subgroup;
    uint32_t size = vk_pick_subgroup(c->subgroup, c->subgroup_least, c->subgroup_most);
    c->has[VK_FEATURE_subgroup] = c->has[VK_FEATURE_subgroup] && c->full_subgroups && size;
    if (size) c->subgroup = size;
}

static void probe_properties(vk_api *api, VkPhysicalDevice p, const extension_list *x, vk_caps *c) {
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
    VkPhysicalDeviceVulkan12Properties v12 = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
    VkPhysicalDeviceVulkan11Properties v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, .pNext = &v12};
    VkPhysicalDeviceProperties2 q = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &v11};
    bool ext_host = has_extension(x, "VK_EXT_external_memory_host"), core = c->api >= VK_API_VERSION_1_3;
    if (ext_host) v12.pNext = &host;
    VkPhysicalDeviceSubgroupSizeControlProperties size = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES, .pNext = v12.pNext};
    c->ext_subgroup_size = !core && has_extension(x, "VK_EXT_subgroup_size_control");
    if (core || c->ext_subgroup_size) v12.pNext = &size;
    VkPhysicalDeviceShaderIntegerDotProductProperties dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES, .pNext = v12.pNext};
    c->ext_dot = !core && has_extension(x, "VK_KHR_shader_integer_dot_product");
    if (core || c->ext_dot) v12.pNext = &dot;
    api->GetPhysicalDeviceProperties2(p, &q);
    const VkPhysicalDeviceLimits *l = &q.properties.limits;
    static const char *const kinds[] = {"other", "gpu", "gpu", "gpu", "cpu"};
    VkPhysicalDeviceType type = q.properties.deviceType;
    snprintf(c->kind, sizeof c->kind, "%s", (unsigned)type < 5 ? kinds[type] : "other");
    snprintf(c->driver, sizeof c->driver, "%.60s %.60s", v12.driverName, v12.driverInfo);
    c->integrated = type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU || type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    c->rte32 = v12.shaderRoundingModeRTEFloat32;
    c->preserve32 = v12.shaderSignedZeroInfNanPreserveFloat32;
    c->denorm32 = v12.shaderDenormPreserveFloat32;
    c->has[VK_FEATURE_modes] = c->rte32 || c->preserve32 || c->denorm32;
    c->subgroup = v11.subgroupSize;
    const VkSubgroupFeatureFlags want = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    c->has[VK_FEATURE_subgroup] = (v11.subgroupSupportedOperations & want) == want &&
                                  (v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
    c->size_control = (size.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0;
    c->subgroup_least = size.minSubgroupSize, c->subgroup_most = size.maxSubgroupSize;
    c->subgroups_most = size.maxComputeWorkgroupSubgroups;
    c->dot_fast = dot.integerDotProduct4x8BitPackedSignedAccelerated;
    c->max_range = l->maxStorageBufferRange;
    c->max_alloc = v11.maxMemoryAllocationSize;
    c->max_allocs = l->maxMemoryAllocationCount;
    c->import_align = ext_host ? host.minImportedHostPointerAlignment : 0;
    c->has[VK_FEATURE_import] = c->integrated && c->import_align && c->import_align <= 65536;
    memcpy(c->max_groups, l->maxComputeWorkGroupCount, sizeof c->max_groups);
    c->shared_bytes = l->maxComputeSharedMemorySize;
    c->invocations = l->maxComputeWorkGroupInvocations < l->maxComputeWorkGroupSize[0]
                         ? l->maxComputeWorkGroupInvocations
                         : l->maxComputeWorkGroupSize[0];
    c->offset_align = (uint32_t)l->minStorageBufferOffsetAlignment;
    c->bindings = l->maxPerStageDescriptorStorageBuffers < l->maxDescriptorSetStorageBuffers
                      ? l->maxPerStageDescriptorStorageBuffers
                      : l->maxDescriptorSetStorageBuffers;
    c->ns_per_tick = l->timestampPeriod;
    memcpy(c->cache_uuid, q.properties.pipelineCacheUUID, sizeof c->cache_uuid);
    c->vendor = q.properties.vendorID, c->device = q.properties.deviceID,
    c->driver_version = q.properties.driverVersion;
}

uint32_t vk_pick_subgroup(uint32_t own, uint32_t least, uint32_t most) {
    uint32_t size = own < 8 ? 8 : own > 64 ? 64 : own;
    return size >= least && size <= most ? size : 0;
}

uint32_t vk_pick_family(const VkQueueFamilyProperties *list, uint32_t n) {
    uint32_t any = AC_NONE;
    for (uint32_t i = 0; i < n; i++) {
        if (!(list[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || !list[i].queueCount) continue;
        if (!(list[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) return i;
        if (any == AC_NONE) any = i;
    }
    return any;
}

/* Timestamps are a matter of the family too. */
static bool probe_family(vk_api *api, VkPhysicalDevice p, vk_caps *c) {
    VkQueueFamilyProperties list[32];
    uint32_t n = 32;
    api->GetPhysicalDeviceQueueFamilyProperties(p, &n, list);
    c->family = vk_pick_family(list, n);
    if (c->family == AC_NONE) return false;
    uint32_t bits = list[c->family].timestampValidBits;
    if (!bits) c->ns_per_tick = 0;
    c->tick_mask = bits && bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
    return true;
}

/* What the backend cannot do without, NULL when it is all there. */
static const char *lacks(const vk_caps *c, bool family, bool timeline) {
    return !family                     ? "no queue computes"
           : !timeline                 ? "no timeline semaphores"
           : c->invocations < 256      ? "want workgroups of 256 invocations"
           : c->shared_bytes < 16384   ? "want 16384 bytes of shared memory"
           : c->bindings < VK_BINDINGS ? "want 8 storage buffers in a shader"
           : c->offset_align > 256     ? "want storage buffers at multiples of 256 bytes"
                                       : NULL;
}

bool vk_probe(vk_api *api, VkPhysicalDevice physical, vk_caps *c, char *why, size_t cap) {
    memset(c, 0, sizeof *c);
    VkPhysicalDeviceProperties2 q = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    api->GetPhysicalDeviceProperties2(physical, &q);
    snprintf(c->name, sizeof c->name, "%.127s", q.properties.deviceName);
    snprintf(c->kind, sizeof c->kind, "other");
    c->api = q.properties.apiVersion;
    if (c->api < VK_API_VERSION_1_2) {
        snprintf(why, cap, "want Vulkan 1.2, the device has %u.%u", VK_API_VERSION_MAJOR(c->api),
                 VK_API_VERSION_MINOR(c->api));
        return false;
    }
    extension_list x = list_extensions(api, physical);
    bool timeline = false;
    c->has_budget = has_extension(&x, "VK_EXT_memory_budget");
    probe_properties(api, physical, &x, c);
    probe_features(api, physical, &x, c, &timeline);
    vk_probe_memory(api, physical, c->has_budget, c);
    c->portability = has_extension(&x, "VK_KHR_portability_subset");
    free(x.have);
    c->has[VK_FEATURE_tile] = c->shared_bytes >= 32768;
    c->has[VK_FEATURE_coopmat] = c->has[VK_FEATURE_coopmat] && c->has[VK_FEATURE_tile];
    c->has[VK_FEATURE_fuse] = c->has[VK_FEATURE_planar] = true;
    const char *lack = lacks(c, probe_family(api, physical, c), timeline);
    if (lack) snprintf(why, cap, "%s", lack);
    return !lack;
}
