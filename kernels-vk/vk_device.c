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

/* ---- Listing ---- */

static void describe_caps(const vk_caps *c, const bool *on, const char *witness, ac_device_info *out) {
    *out = (ac_device_info){.memory_total = c->memory_total,
                            .memory_free = c->memory_free,
                            .shares_host_memory = c->integrated,
                            .usable = true};
    snprintf(out->name, sizeof out->name, "%s", c->name);
    snprintf(out->driver, sizeof out->driver, "%s", c->driver);
    snprintf(out->kind, sizeof out->kind, "%s", c->kind);
    const vk_coop shown = c->coop.m ? c->coop : c->coops[0];
    size_t n = (size_t)snprintf(out->detail, sizeof out->detail, "Vulkan %u.%u", VK_API_VERSION_MAJOR(c->api),
                                VK_API_VERSION_MINOR(c->api));
    for (int i = 0; i < VK_FEATURE_COUNT && n < sizeof out->detail; i++)
        if (on[i] && i != VK_FEATURE_fuse && i != VK_FEATURE_tile && i != VK_FEATURE_planar)
            n += (size_t)snprintf(out->detail + n, sizeof out->detail - n, ", %s%s", feature_texts[i],
                                  i == VK_FEATURE_dot && !c->dot_fast ? " (not an instruction)" : "");
    if (on[VK_FEATURE_coopmat] && n < sizeof out->detail)
        n +=
            (size_t)snprintf(out->detail + n, sizeof out->detail - n, " %ux%ux%u", shown.m, shown.n, shown.k);
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
    vk_probe_memory(&dev->api, dev->physical, dev->caps.has_budget, &dev->caps);
    describe_caps(&dev->caps, dev->on, dev->witness, out);
    out->usable = !dev->lost;
}

/* ---- Opening ---- */

static const struct {
    const char *name;
    uint32_t value, least, most;
    bool power, tried;
} tunables[VK_TUNE_COUNT] = {
#define X(name, value, least, most, power, tried) {#name, value, least, most, power, tried},
    AC_VK_TUNABLES(X)
#undef X
};

static ac_status mask_unknown(const char *word, size_t n, ac_error *err) {
    char known[640] = "";
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
        if (n <= k + 1 || memcmp(tunables[i].name, word, k) != 0 || word[k] != '=') continue;
        uint32_t v = 0;
        bool digits = true;
        for (size_t c = k + 1; c < n; c++) {
            digits = digits && word[c] >= '0' && word[c] <= '9';
            v = v < 1000000 ? v * 10 + (uint32_t)(word[c] - '0') : v;
        }
        bool power = (v & (v - 1)) == 0 || !tunables[i].power;
        if (v < tunables[i].least || v > tunables[i].most || !power || !digits)
            return ac_fail(err, AC_ERR_ARGUMENT, "device mask \"%.*s\": want %u to %u%s",
                           (int)(n < 40 ? n : 40), word, tunables[i].least, tunables[i].most,
                           tunables[i].power ? ", a power of two" : "");
        dev->tune[i] = v;
        return AC_OK;
    }
    return mask_unknown(word, n, err);
}

static bool lanes_fit(const ac_dev *dev) {
    const uint32_t lanes = dev->tune[VK_TUNE_lanes];
    return lanes >= 8 && lanes >= dev->caps.subgroup_least && lanes <= dev->caps.subgroup_most;
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
    if (!lanes_fit(dev)) dev->tune[VK_TUNE_lanes] = 0;
}

/* The n-th number that tuning tries, VK_TUNE_COUNT past the end. */
static uint32_t tried_at(uint32_t n) {
    uint32_t i = 0;
    while (i < VK_TUNE_COUNT && (!tunables[i].tried || n-- > 0)) i++;
    return i;
}

bool vk_tunable_at(ac_dev *dev, uint32_t n, ac_tunable *out) {
    const uint32_t i = tried_at(n), cap = sizeof out->choices / sizeof *out->choices;
    uint32_t least, most;
    if (i == VK_TUNE_COUNT) return false;
    *out = (ac_tunable){.name = tunables[i].name, .value = dev->tune[i]};
    if (i == VK_TUNE_tile_from) {
        static const uint32_t from[] = {5, 9, 17, 33};
        for (size_t k = 0; k < sizeof from / sizeof *from; k++) out->choices[out->n_choices++] = from[k];
        return true;
    }
    least = tunables[i].least, most = tunables[i].most;
    if (i == VK_TUNE_lanes) { /* what the device lets pipelines choose */
        least = dev->caps.subgroup_least < 8 ? 8 : dev->caps.subgroup_least;
        most = dev->caps.subgroup_most < most ? dev->caps.subgroup_most : most;
    }
    for (uint32_t v = least; v && v <= most && out->n_choices < cap; v *= 2)
        out->choices[out->n_choices++] = v;
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

/* The size of subgroups that was asked for. */
static ac_status take_lanes(ac_dev *dev, ac_error *err) {
    const uint32_t lanes = dev->tune[VK_TUNE_lanes];
    vk_caps *c = &dev->caps;
    if (lanes && !lanes_fit(dev))
        return ac_fail(err, AC_ERR_ARGUMENT, "device mask \"lanes=%u\": the device has subgroups of %u to %u",
                       lanes, c->subgroup_least, c->subgroup_most);
    if (lanes) c->subgroup = lanes;
    return AC_OK;
}

static void default_numbers(ac_dev *dev) {
    for (int i = 0; i < VK_TUNE_COUNT; i++) dev->tune[i] = tunables[i].value;
    for (size_t i = 0; i < sizeof for_kind / sizeof *for_kind; i++)
        if (!strcmp(for_kind[i].kind, dev->caps.kind)) dev->tune[for_kind[i].what] = for_kind[i].value;
    uint32_t *threads = &dev->tune[VK_TUNE_threads];
    while (*threads < dev->caps.subgroup && *threads < tunables[VK_TUNE_threads].most) *threads *= 2;
}

/* Subgroup shaders need workgroups of whole subgroups, and no more of them than there may be. */
static void check_subgroups(ac_dev *dev) {
    const vk_caps *c = &dev->caps;
    if (c->size_control && 256 / c->subgroup > c->subgroups_most)
        dev->on[VK_FEATURE_subgroup] = dev->on[VK_FEATURE_coopmat] = false;
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
    AC_TRY(take_lanes(dev, err));
    const uint64_t range = (uint64_t)dev->tune[VK_TUNE_bind] << 10;
    if (range && range < dev->caps.max_range) dev->caps.max_range = range;
    check_subgroups(dev);
    if (dev->no_import) dev->on[VK_FEATURE_import] = false;
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
        .computeFullSubgroups = VK_TRUE,
        .subgroupSizeControl = c->size_control};
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
    if (c->portability) names[n++] = "VK_KHR_portability_subset";
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
    AC_TRY(vk_witness(dev, how->force, err));
    return vk_witness_import(dev, err);
}

static ac_dev *new_dev(const ac_open_settings *how) {
    ac_dev *dev = calloc(1, sizeof *dev);
    if (!dev) return NULL;
    dev->log = how->log;
    dev->log_user = how->log_user;
    return dev;
}

ac_status vk_open(const ac_open_settings *how, ac_dev **out, ac_error *err) {
    *out = NULL;
    ac_dev *dev = new_dev(how);
    if (!dev) return ac_fail(err, AC_ERR_MEMORY, "Vulkan device");
    ac_status status = open_steps(dev, how, err);
    if (status == AC_ERR_DEVICE_LOST && dev->no_import) { /* once more, without */
        vk_close(dev);
        dev = new_dev(how);
        if (!dev) return ac_fail(err, AC_ERR_MEMORY, "Vulkan device");
        dev->no_import = true;
        status = open_steps(dev, how, err);
    }
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

/* The first guess is what the slowest devices do (cards of their own are at least ten times as fast);
 * desktops give a submission two seconds at least. */
static const double slice_seconds = 0.2, guessed_rate = 1e10, guessed_card = 1e11, slowest_rate = 1e8;

uint64_t vk_slice(const ac_dev *dev) {
    if (dev->tune[VK_TUNE_slice]) return (uint64_t)dev->tune[VK_TUNE_slice] << 10;
    bool card = !dev->caps.integrated && !strcmp(dev->caps.kind, "gpu");
    return (uint64_t)((dev->rate > 0 ? dev->rate : card ? guessed_card : guessed_rate) * slice_seconds);
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
