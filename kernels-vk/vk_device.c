/* vk_device.c - listing devices, what they can, opening and closing one. */
#include "vk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_DEVICES = 64, MAX_EXTENSIONS = 16 };

static const char *const feature_names[VK_FEATURE_COUNT] = {
#define X(name, text) #name,
    AC_VK_FEATURES(X)
#undef X
};
static const char *const feature_texts[VK_FEATURE_COUNT] = {
#define X(name, text) text,
    AC_VK_FEATURES(X)
#undef X
};

void vk_log(ac_dev *dev, int level, const char *format, ...) {
    if (!dev->log) return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dev->log(dev->log_user, level, text);
}

ac_status vk_dev_fail(ac_dev *dev, ac_error *err, VkResult r, const char *what) {
    if (r == VK_ERROR_DEVICE_LOST) dev->lost = true;
    return vk_fail(err, r, what);
}

ac_status vk_instance_create(vk_api *api, VkInstance *out, ac_error *err) {
    *out = VK_NULL_HANDLE;
    uint32_t version = 0;
    VkResult r = api->EnumerateInstanceVersion(&version);
    if (r != VK_SUCCESS) return vk_fail(err, r, "Vulkan's version");
    if (version < VK_API_VERSION_1_2)
        return ac_fail(err, AC_ERR_DEVICE, "libvulkan: want Vulkan 1.2, have 1.%u",
                       VK_API_VERSION_MINOR(version));
    VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                             .pEngineName = "anychip",
                             .apiVersion = VK_API_VERSION_1_3};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
    /* devices behind a translation (portability) are listed on request only */
    static const char *const portability = "VK_KHR_portability_enumeration";
    VkExtensionProperties have[128];
    uint32_t n = 128;
    r = api->EnumerateInstanceExtensionProperties(NULL, &n, have);
    for (uint32_t i = 0; (r == VK_SUCCESS || r == VK_INCOMPLETE) && i < n; i++) {
        if (strcmp(have[i].extensionName, portability)) continue;
        info.enabledExtensionCount = 1;
        info.ppEnabledExtensionNames = &portability;
        info.flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    }
    r = api->CreateInstance(&info, NULL, out);
    if (r == VK_ERROR_INCOMPATIBLE_DRIVER)
        return ac_fail(err, AC_ERR_DEVICE,
                       "no Vulkan driver is installed; Debian's mesa-vulkan-drivers brings some, the GPU's "
                       "maker others");
    if (r != VK_SUCCESS) return vk_fail(err, r, "Vulkan instance");
    ac_status status = vk_api_instance(api, *out, err);
    if (status == AC_OK) return AC_OK;
    PFN_vkDestroyInstance destroy =
        (PFN_vkDestroyInstance)api->GetInstanceProcAddr(*out, "vkDestroyInstance");
    if (destroy) destroy(*out, NULL);
    *out = VK_NULL_HANDLE;
    return status;
}

/* ---- What a device can ---- */

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

static void probe_coopmat(vk_api *api, VkPhysicalDevice p, vk_caps *c) {
    VkCooperativeMatrixPropertiesKHR list[256];
    uint32_t n = 256;
    if (!api->GetPhysicalDeviceCooperativeMatrixPropertiesKHR) return;
    for (uint32_t i = 0; i < n; i++)
        list[i] =
            (VkCooperativeMatrixPropertiesKHR){.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    if (api->GetPhysicalDeviceCooperativeMatrixPropertiesKHR(p, &n, list) < 0) return;
    for (uint32_t i = 0; i < n; i++) {
        const VkCooperativeMatrixPropertiesKHR *m = &list[i];
        bool fits = m->AType == VK_COMPONENT_TYPE_SINT8_KHR && m->BType == VK_COMPONENT_TYPE_SINT8_KHR &&
                    m->CType == VK_COMPONENT_TYPE_SINT32_KHR &&
                    m->ResultType == VK_COMPONENT_TYPE_SINT32_KHR && !m->saturatingAccumulation &&
                    m->scope == VK_SCOPE_SUBGROUP_KHR;
        /* the tiles of the shader are 16 x 16 (x 16 or 32) or smaller powers of two */
        fits = fits && (m->KSize == 16 || m->KSize == 32) && (m->MSize == 8 || m->MSize == 16) &&
               (m->NSize == 8 || m->NSize == 16);
        if (!fits || m->MSize * m->NSize * m->KSize <= c->coop_m * c->coop_n * c->coop_k) continue;
        c->coop_m = m->MSize, c->coop_n = m->NSize, c->coop_k = m->KSize;
    }
}

static void probe_memory(vk_api *api, VkPhysicalDevice p, bool budget, vk_caps *c) {
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
    c->ext_dot = !core && has_extension(x, "VK_KHR_shader_integer_dot_product");
    c->ext_subgroup_size = !core && has_extension(x, "VK_EXT_subgroup_size_control");
    bool ext_coop = has_extension(x, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
    if (core || c->ext_dot) dot.pNext = f.pNext, f.pNext = &dot;
    if (core || c->ext_subgroup_size) sub.pNext = f.pNext, f.pNext = &sub;
    if (ext_coop) coop.pNext = f.pNext, f.pNext = &coop;
    api->GetPhysicalDeviceFeatures2(p, &f);
    *timeline = v12.timelineSemaphore;
    c->has[VK_FEATURE_dot] = dot.shaderIntegerDotProduct;
    c->full_subgroups = sub.computeFullSubgroups;
    if (coop.cooperativeMatrix && v12.shaderInt8 && v12.vulkanMemoryModel && c->full_subgroups)
        probe_coopmat(api, p, c);
    c->has[VK_FEATURE_coopmat] = c->coop_k != 0;
}

static void probe_properties(vk_api *api, VkPhysicalDevice p, const extension_list *x, vk_caps *c) {
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
    VkPhysicalDeviceVulkan12Properties v12 = {.sType =
                                                  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
    VkPhysicalDeviceVulkan11Properties v11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, .pNext = &v12};
    VkPhysicalDeviceProperties2 q = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &v11};
    bool ext_host = has_extension(x, "VK_EXT_external_memory_host");
    if (ext_host) v12.pNext = &host;
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
                                  (v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                                  c->subgroup >= 8 && c->subgroup <= 64;
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
    c->ns_per_tick = l->timestampPeriod;
    memcpy(c->cache_uuid, q.properties.pipelineCacheUUID, sizeof c->cache_uuid);
    c->vendor = q.properties.vendorID, c->device = q.properties.deviceID,
    c->driver_version = q.properties.driverVersion;
}

/* A family with compute; timestamps are a matter of the family too. */
static bool probe_family(vk_api *api, VkPhysicalDevice p, vk_caps *c) {
    VkQueueFamilyProperties list[32];
    uint32_t n = 32;
    api->GetPhysicalDeviceQueueFamilyProperties(p, &n, list);
    for (uint32_t i = 0; i < n; i++) {
        if (!(list[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || !list[i].queueCount) continue;
        c->family = i;
        if (!list[i].timestampValidBits) c->ns_per_tick = 0;
        return true;
    }
    return false;
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
    probe_memory(api, physical, c->has_budget, c);
    free(x.have);
    c->has[VK_FEATURE_subgroup] = c->has[VK_FEATURE_subgroup] && c->full_subgroups;
    c->has[VK_FEATURE_tile] = c->shared_bytes >= 32768;
    c->has[VK_FEATURE_coopmat] = c->has[VK_FEATURE_coopmat] && c->has[VK_FEATURE_tile];
    c->has[VK_FEATURE_fuse] = c->has[VK_FEATURE_planar] = true;
    bool family = probe_family(api, physical, c);
    if (family && timeline && c->invocations >= 256 && c->shared_bytes >= 16384 && c->offset_align <= 256)
        return true;
    snprintf(why, cap,
             !family                   ? "no queue computes"
             : !timeline               ? "no timeline semaphores"
             : c->invocations < 256    ? "want workgroups of 256 invocations"
             : c->shared_bytes < 16384 ? "want 16384 bytes of shared memory"
                                       : "want storage buffers at multiples of 256 bytes");
    return false;
}

/* ---- Listing ---- */

static void describe_caps(const vk_caps *c, const bool *on, const char *witness, ac_device_info *out) {
    *out = (ac_device_info){.memory_total = c->memory_total,
                            .memory_free = c->memory_free,
                            .shares_host_memory = c->integrated,
                            .usable = true};
    snprintf(out->name, sizeof out->name, "%s", c->name);
    snprintf(out->driver, sizeof out->driver, "%s", c->driver);
    snprintf(out->kind, sizeof out->kind, "%s", c->kind);
    size_t n = (size_t)snprintf(out->detail, sizeof out->detail, "Vulkan %u.%u", VK_API_VERSION_MAJOR(c->api),
                                VK_API_VERSION_MINOR(c->api));
    for (int i = 0; i < VK_FEATURE_COUNT && n < sizeof out->detail; i++)
        if (on[i] && i != VK_FEATURE_fuse && i != VK_FEATURE_tile && i != VK_FEATURE_planar)
            n += (size_t)snprintf(out->detail + n, sizeof out->detail - n, ", %s", feature_texts[i]);
    if (on[VK_FEATURE_coopmat] && n < sizeof out->detail)
        n += (size_t)snprintf(out->detail + n, sizeof out->detail - n, " %ux%ux%u", c->coop_m, c->coop_n,
                              c->coop_k);
    if (n < sizeof out->detail)
        n += (size_t)snprintf(out->detail + n, sizeof out->detail - n, ", subgroups of %u", c->subgroup);
    if (witness[0] && n < sizeof out->detail)
        snprintf(out->detail + n, sizeof out->detail - n, "; %s", witness);
}

ac_status vk_enumerate(ac_device_info *list, size_t cap, size_t *count, ac_error *err) {
    vk_api api;
    VkInstance instance;
    *count = 0;
    AC_TRY(vk_api_load(&api, err));
    AC_TRY(vk_instance_create(&api, &instance, err));
    VkPhysicalDevice devices[MAX_DEVICES];
    uint32_t n = MAX_DEVICES;
    VkResult r = api.EnumeratePhysicalDevices(instance, &n, devices);
    ac_status status = AC_OK;
    if (r != VK_SUCCESS && r != VK_INCOMPLETE)
        status = vk_fail(err, r, "list of Vulkan devices");
    else if (!n)
        status = ac_fail(
            err, AC_ERR_DEVICE,
            "Vulkan lists no device; Debian's mesa-vulkan-drivers brings drivers, the GPU's maker others");
    for (uint32_t i = 0; status == AC_OK && i < n && list && i < cap; i++) {
        vk_caps c;
        char why[160] = "";
        bool usable = vk_probe(&api, devices[i], &c, why, sizeof why);
        describe_caps(&c, c.has, "", &list[i]);
        list[i].usable = usable;
        if (!usable) snprintf(list[i].detail, sizeof list[i].detail, "%s", why);
    }
    if (status == AC_OK) *count = n;
    api.DestroyInstance(instance, NULL);
    return status;
}

void vk_describe(ac_dev *dev, ac_device_info *out) {
    probe_memory(&dev->api, dev->physical, dev->caps.has_budget, &dev->caps);
    describe_caps(&dev->caps, dev->on, dev->witness, out);
    out->usable = !dev->lost;
}

/* ---- Opening ---- */

static const struct {
    const char *name;
    uint32_t value, least, most;
    bool power;
} tunables[VK_TUNE_COUNT] = {
#define X(name, value, least, most, power) {#name, value, least, most, power},
    AC_VK_TUNABLES(X)
#undef X
};

static ac_status mask_unknown(const char *word, size_t n, ac_error *err) {
    char known[480] = "";
    for (int i = 0; i < VK_FEATURE_COUNT; i++) strcat(strcat(known, i ? ", " : ""), feature_names[i]);
    for (int i = 0; i < VK_TUNE_COUNT; i++) strcat(strcat(strcat(known, ", "), tunables[i].name), "=N");
    return ac_fail(err, AC_ERR_ARGUMENT, "device mask \"%.*s\": want words of %s", (int)(n < 40 ? n : 40),
                   word, known);
}

/* One word: a feature to switch off, or name=number. */
static ac_status mask_word(ac_dev *dev, const char *word, size_t n, ac_error *err) {
    for (int i = 0; i < VK_FEATURE_COUNT; i++) {
        if (strlen(feature_names[i]) != n || memcmp(feature_names[i], word, n) != 0) continue;
        dev->on[i] = false;
        return AC_OK;
    }
    for (int i = 0; i < VK_TUNE_COUNT; i++) {
        size_t k = strlen(tunables[i].name);
        if (n <= k + 1 || n > k + 6 || memcmp(tunables[i].name, word, k) != 0 || word[k] != '=') continue;
        uint32_t v = 0;
        bool digits = true;
        for (size_t c = k + 1; c < n; c++) {
            digits = digits && word[c] >= '0' && word[c] <= '9';
            v = v * 10 + (uint32_t)(word[c] - '0');
        }
        bool power = (v & (v - 1)) == 0 || !tunables[i].power;
        if (v < tunables[i].least || v > tunables[i].most || !power || !digits)
            return ac_fail(err, AC_ERR_ARGUMENT, "device mask \"%.*s\": want %u to %u%s", (int)n, word,
                           tunables[i].least, tunables[i].most, tunables[i].power ? ", a power of two" : "");
        dev->tune[i] = v;
        return AC_OK;
    }
    return mask_unknown(word, n, err);
}

/* What was measured for this device; words that do not fit are left out. */
static void take_measured(ac_dev *dev, const ac_open_settings *how) {
    ac_device_info info = {0};
    char words[512];
    memcpy(info.name, dev->caps.name, sizeof info.name);
    memcpy(info.driver, dev->caps.driver, sizeof info.driver);
    if (!how->tuning || !how->tuning(how->tuning_user, &info, words, sizeof words)) return;
    for (const char *p = words; *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        if (memchr(p, '=', n)) mask_word(dev, p, n, NULL);
        p += n;
    }
}

bool vk_tunable_at(ac_dev *dev, uint32_t i, ac_tunable *out) {
    if (i >= VK_TUNE_COUNT) return false;
    *out = (ac_tunable){.name = tunables[i].name, .value = dev->tune[i]};
    if (i == VK_TUNE_tile_from) {
        static const uint32_t from[] = {5, 9, 17, 33};
        for (size_t k = 0; k < sizeof from / sizeof *from; k++) out->choices[out->n_choices++] = from[k];
        return true;
    }
    for (uint32_t v = tunables[i].least; v <= tunables[i].most; v *= 2) out->choices[out->n_choices++] = v;
    return true;
}

/* Where a kind of device does better with other numbers: a CPU wants workgroups of one vector, as barriers
 * are dear there, and no tiles, as shared memory is memory. Measured on lavapipe. */
static const struct {
    const char *kind;
    vk_tunable what;
    uint32_t value;
} for_kind[] = {
    {"cpu", VK_TUNE_threads, 8}, {"cpu", VK_TUNE_rows1, 8}, {"cpu", VK_TUNE_rows2, 8},
    {"cpu", VK_TUNE_rows4, 8},   {"cpu", VK_TUNE_rows8, 4}, {"cpu", VK_TUNE_tile_from, 65535},
};

static void default_numbers(ac_dev *dev) {
    for (int i = 0; i < VK_TUNE_COUNT; i++) dev->tune[i] = tunables[i].value;
    for (size_t i = 0; i < sizeof for_kind / sizeof *for_kind; i++)
        if (!strcmp(for_kind[i].kind, dev->caps.kind)) dev->tune[for_kind[i].what] = for_kind[i].value;
    uint32_t *threads = &dev->tune[VK_TUNE_threads];
    while (*threads < dev->caps.subgroup && *threads < tunables[VK_TUNE_threads].most) *threads *= 2;
}

static ac_status parse_mask(ac_dev *dev, const ac_open_settings *how, ac_error *err) {
    const char *mask = how->mask;
    for (int i = 0; i < VK_FEATURE_COUNT; i++) dev->on[i] = dev->caps.has[i];
    default_numbers(dev);
    take_measured(dev, how);
    while (mask && *mask) {
        size_t n = strcspn(mask, ", ");
        if (n) AC_TRY(mask_word(dev, mask, n, err));
        mask += n;
        mask += strspn(mask, ", ");
    }
    return AC_OK;
}

static ac_status pick_device(ac_dev *dev, uint32_t index, ac_error *err) {
    VkPhysicalDevice devices[MAX_DEVICES];
    uint32_t n = MAX_DEVICES;
    VkResult r = dev->api.EnumeratePhysicalDevices(dev->instance, &n, devices);
    if (r != VK_SUCCESS && r != VK_INCOMPLETE) return vk_fail(err, r, "list of Vulkan devices");
    if (index >= n) return ac_fail(err, AC_ERR_DEVICE, "vk:%u: there are %u Vulkan devices", index, n);
    dev->physical = devices[index];
    char why[160];
    if (vk_probe(&dev->api, dev->physical, &dev->caps, why, sizeof why)) return AC_OK;
    return ac_fail(err, AC_ERR_DEVICE, "vk:%u (%s): %s", index, dev->caps.name, why);
}

static ac_status create_device(ac_dev *dev, ac_error *err) {
    const vk_caps *c = &dev->caps;
    const char *names[MAX_EXTENSIONS];
    uint32_t n = 0;
    bool core = c->api >= VK_API_VERSION_1_3, coop = dev->on[VK_FEATURE_coopmat];
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR cm = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .cooperativeMatrix = VK_TRUE};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
        .shaderIntegerDotProduct = VK_TRUE};
    VkPhysicalDeviceSubgroupSizeControlFeatures sub = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
        .computeFullSubgroups = VK_TRUE};
    VkPhysicalDeviceVulkan12Features v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                            .timelineSemaphore = VK_TRUE,
                                            .shaderInt8 = coop,
                                            .vulkanMemoryModel = coop};
    void *chain = &v12;
    if (c->has_budget) names[n++] = "VK_EXT_memory_budget";
    if (dev->on[VK_FEATURE_import]) names[n++] = "VK_EXT_external_memory_host";
    if (dev->on[VK_FEATURE_dot]) {
        dot.pNext = chain, chain = &dot;
        if (!core) names[n++] = "VK_KHR_shader_integer_dot_product";
    }
    if (c->full_subgroups) {
        sub.pNext = chain, chain = &sub;
        if (!core) names[n++] = "VK_EXT_subgroup_size_control";
    }
    if (coop) {
        cm.pNext = chain, chain = &cm;
        names[n++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    }
    extension_list x = list_extensions(&dev->api, dev->physical);
    if (has_extension(&x, "VK_KHR_portability_subset")) names[n++] = "VK_KHR_portability_subset";
    free(x.have);
    float priority = 1.0f;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = c->family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .pNext = chain,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue,
                               .enabledExtensionCount = n,
                               .ppEnabledExtensionNames = names};
    VK_TRY(dev, err, c->name, dev->api.CreateDevice(dev->physical, &info, NULL, &dev->device));
    AC_TRY(vk_api_device(&dev->api, dev->device, err));
    dev->api.GetDeviceQueue(dev->device, c->family, 0, &dev->queue);
    if (!dev->api.GetMemoryHostPointerPropertiesEXT) dev->on[VK_FEATURE_import] = false;
    return AC_OK;
}

static ac_status create_layouts(ac_dev *dev, ac_error *err) {
    VkDescriptorSetLayoutBinding b[VK_BINDINGS];
    for (uint32_t i = 0; i < VK_BINDINGS; i++)
        b[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                              .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                              .descriptorCount = 1,
                                              .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                           .bindingCount = VK_BINDINGS,
                                           .pBindings = b};
    VK_TRY(dev, err, "descriptor layout",
           dev->api.CreateDescriptorSetLayout(dev->device, &set, NULL, &dev->set_layout));
    VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = VK_PUSH * 4};
    VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                         .setLayoutCount = 1,
                                         .pSetLayouts = &dev->set_layout,
                                         .pushConstantRangeCount = 1,
                                         .pPushConstantRanges = &push};
    VK_TRY(dev, err, "pipeline layout",
           dev->api.CreatePipelineLayout(dev->device, &layout, NULL, &dev->layout));
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                    .queueFamilyIndex = dev->caps.family};
    VK_TRY(dev, err, "command pool", dev->api.CreateCommandPool(dev->device, &pool, NULL, &dev->pool));
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo sem = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    VK_TRY(dev, err, "semaphore", dev->api.CreateSemaphore(dev->device, &sem, NULL, &dev->timeline));
    VkCommandBufferAllocateInfo cmd = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                       .commandPool = dev->pool,
                                       .commandBufferCount = VK_STAGES};
    VK_TRY(dev, err, "command buffers", dev->api.AllocateCommandBuffers(dev->device, &cmd, dev->stage_cmd));
    return vk_buf_create(dev, 256, VK_PLACE_DEVICE, "an empty binding", &dev->dummy, err);
}

static ac_status open_steps(ac_dev *dev, const ac_open_settings *how, ac_error *err) {
    AC_TRY(vk_api_load(&dev->api, err));
    AC_TRY(vk_instance_create(&dev->api, &dev->instance, err));
    AC_TRY(pick_device(dev, how->index, err));
    AC_TRY(parse_mask(dev, how, err));
    AC_TRY(create_device(dev, err));
    AC_TRY(create_layouts(dev, err));
    vk_cache_open(dev, how->cache_dir);
    return vk_witness(dev, how->force, err);
}

ac_status vk_open(const ac_open_settings *how, ac_dev **out, ac_error *err) {
    *out = NULL;
    ac_dev *dev = calloc(1, sizeof *dev);
    if (!dev) return ac_fail(err, AC_ERR_MEMORY, "Vulkan device");
    dev->log = how->log;
    dev->log_user = how->log_user;
    ac_status status = open_steps(dev, how, err);
    if (status != AC_OK) {
        vk_close(dev);
        return status;
    }
    *out = dev;
    return AC_OK;
}

static void destroy_device(ac_dev *dev) {
    vk_api *a = &dev->api;
    if (a->DeviceWaitIdle && dev->queue) a->DeviceWaitIdle(dev->device);
    for (uint32_t i = 0; i < dev->n_pipes; i++)
        if (dev->pipes[i].pipe) a->DestroyPipeline(dev->device, dev->pipes[i].pipe, NULL);
    for (int i = 0; i < VK_STAGES; i++) vk_buf_destroy(dev, &dev->stage[i]);
    vk_buf_destroy(dev, &dev->dummy);
    if (dev->cache) a->DestroyPipelineCache(dev->device, dev->cache, NULL);
    if (dev->timeline) a->DestroySemaphore(dev->device, dev->timeline, NULL);
    if (dev->pool) a->DestroyCommandPool(dev->device, dev->pool, NULL);
    if (dev->layout) a->DestroyPipelineLayout(dev->device, dev->layout, NULL);
    if (dev->set_layout) a->DestroyDescriptorSetLayout(dev->device, dev->set_layout, NULL);
    if (a->DestroyDevice) a->DestroyDevice(dev->device, NULL);
}

void vk_close(ac_dev *dev) {
    if (!dev) return;
    if (dev->device) destroy_device(dev);
    if (dev->instance) dev->api.DestroyInstance(dev->instance, NULL);
    free(dev->pipes);
    free(dev);
}

/* ---- Submitting ---- */

double vk_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The first guess is what the slowest devices do; desktops give a submission two seconds at least. */
static const double slice_seconds = 0.2, guessed_rate = 1e10, slowest_rate = 1e8;

uint64_t vk_slice(const ac_dev *dev) {
    if (dev->tune[VK_TUNE_slice]) return (uint64_t)dev->tune[VK_TUNE_slice] << 10;
    return (uint64_t)((dev->rate > 0 ? dev->rate : guessed_rate) * slice_seconds);
}

void vk_learn(ac_dev *dev, uint64_t cost, double seconds) {
    bool tells = cost >= vk_slice(dev) / 4 || seconds >= 0.01; /* else it is mostly the way there and back */
    if (!tells || !cost || seconds <= 0) return;
    double rate = (double)cost / seconds;
    if (rate < slowest_rate) rate = slowest_rate;
    dev->rate = dev->rate > 0 ? (dev->rate + rate) / 2 : rate;
}

ac_status vk_submit(ac_dev *dev, const VkCommandBuffer *cmds, uint32_t n, uint64_t *value, ac_error *err) {
    if (dev->lost) return ac_fail(err, AC_ERR_DEVICE_LOST, "%s: the device is lost", dev->caps.name);
    uint64_t next = dev->submitted + 1;
    VkTimelineSemaphoreSubmitInfo t = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                       .signalSemaphoreValueCount = 1,
                                       .pSignalSemaphoreValues = &next};
    VkSubmitInfo s = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                      .pNext = &t,
                      .commandBufferCount = n,
                      .pCommandBuffers = cmds,
                      .signalSemaphoreCount = 1,
                      .pSignalSemaphores = &dev->timeline};
    VK_TRY(dev, err, "submission", dev->api.QueueSubmit(dev->queue, 1, &s, VK_NULL_HANDLE));
    *value = dev->submitted = next;
    return AC_OK;
}

ac_status vk_wait_value(ac_dev *dev, uint64_t value, ac_error *err) {
    if (!value) return AC_OK;
    VkSemaphoreWaitInfo w = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                             .semaphoreCount = 1,
                             .pSemaphores = &dev->timeline,
                             .pValues = &value};
    if (dev->lost) return ac_fail(err, AC_ERR_DEVICE_LOST, "%s: the device is lost", dev->caps.name);
    VK_TRY(dev, err, dev->caps.name, dev->api.WaitSemaphores(dev->device, &w, UINT64_MAX));
    return AC_OK;
}
