/* vk_other: what the Vulkan backend does on devices that are not here: other queues, subgroups, memories and
 * limits, functions of the driver that fail. */
#include <anychip/backend.h>

#include "check.h"
#include "vk_entry.h"
#include "vk_prog.h"

static ac_error err;
static ac_dev *dev;

static void test_picks(void) {
    const VkQueueFlags graphics = VK_QUEUE_GRAPHICS_BIT, compute = VK_QUEUE_COMPUTE_BIT,
                       copy = VK_QUEUE_TRANSFER_BIT;
    const VkQueueFamilyProperties card[] = {{graphics | compute | copy, 16, 64, {1, 1, 1}},
                                            {copy, 2, 64, {1, 1, 1}},
                                            {compute | copy, 8, 64, {1, 1, 1}}};
    CHECK(vk_pick_family(card, 3) == 2 && vk_pick_family(card, 2) == 0, "families of a card");
    CHECK(vk_pick_family(card + 1, 1) == AC_NONE && vk_pick_family(card, 0) == AC_NONE, "no family");
    static const uint32_t sizes[][4] = {/* own, least, most, wanted */
                                        {32, 32, 32, 32},   {64, 32, 64, 64},   {32, 8, 32, 32},
                                        {128, 64, 128, 64}, {128, 128, 128, 0}, {4, 4, 4, 0},
                                        {4, 4, 16, 8},      {8, 8, 8, 8},       {1, 1, 1, 0}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint32_t *s = sizes[i], have = vk_pick_subgroup(s[0], s[1], s[2]);
        CHECK(have == s[3], "subgroups of %u (%u to %u): %u", s[0], s[1], s[2], have);
    }
}

/* Every number that tuning tries, and every value of it, is a mask; lanes are what the device has. */
static void test_tunables(void) {
    const ac_backend *vk = ac_backend_vk(AC_BACKEND_ABI);
    ac_tunable t;
    uint32_t n = 0;
    for (; vk->tunable(dev, n, &t); n++) {
        CHECK(n < VK_TUNE_COUNT, "there is no end");
        CHECK(t.n_choices <= sizeof t.choices / sizeof *t.choices, "%s: %u values", t.name, t.n_choices);
        CHECK(strncmp(t.name, "frag", 4) && strcmp(t.name, "lose") && strcmp(t.name, "slice"), "%s is tried",
              t.name);
        for (uint32_t i = 0; i < t.n_choices; i++) {
            char mask[64];
            ac_dev *other;
            snprintf(mask, sizeof mask, "%s=%u", t.name, t.choices[i]);
            if (i && i + 1 < t.n_choices) continue; /* the first and the last */
            CHECK(vk->open(&(ac_open_settings){.mask = mask}, &other, &err) == AC_OK, "%s: %s", mask,
                  err.detail);
            vk->close(other);
        }
    }
    CHECK(n >= 9, "%u numbers", n);
    ac_dev *other;
    uint32_t beyond = dev->caps.subgroup_most * 2;
    char mask[32];
    snprintf(mask, sizeof mask, "lanes=%u", beyond);
    if (beyond <= 64)
        CHECK(vk->open(&(ac_open_settings){.mask = mask}, &other, &err) == AC_ERR_ARGUMENT, "%s was taken",
              mask);
}

/* ---- Shared memory: what the host reckons is what the module declares ---- */

typedef struct constants {
    const uint32_t *w;
    size_t n;
    const uint32_t *spec;
} constants;

static size_t find(const constants *c, uint32_t op, uint32_t id_at, uint32_t id) {
    for (size_t i = 5; i < c->n; i += c->w[i] >> 16)
        if ((c->w[i] & 0xffff) == op && c->w[i + id_at] == id) return i;
    return 0;
}

/* The value of a constant with the specialisation at hand. */
static uint32_t value_of(const constants *c, uint32_t id) {
    size_t at = find(c, 43, 2, id); /* OpConstant */
    if (at) return c->w[at + 3];
    at = find(c, 50, 2, id); /* OpSpecConstant */
    if (at) {
        for (size_t i = 5; i < c->n; i += c->w[i] >> 16)
            if ((c->w[i] & 0xffff) == 71 && c->w[i + 1] == id && c->w[i + 2] == 1)
                return c->spec[c->w[i + 3]];
        return c->w[at + 3];
    }
    at = find(c, 52, 2, id); /* OpSpecConstantOp */
    CHECK(at, "constant %u", id);
    uint32_t op = c->w[at + 3], a = c->w[at + 4], b = c->w[at + 5];
    switch (op) {
    case 128:
        return value_of(c, a) + value_of(c, b);
    case 132:
        return value_of(c, a) * value_of(c, b);
    case 169:
        return value_of(c, value_of(c, a) ? b : c->w[at + 6]);
    case 171:
        return value_of(c, a) != value_of(c, b);
    default:
        CHECK(0, "constant operation %u", op);
    }
    return 0;
}

static uint32_t words_of(const constants *c, uint32_t type) {
    size_t at = find(c, 28, 1, type); /* OpTypeArray */
    if (at) return words_of(c, c->w[at + 2]) * value_of(c, c->w[at + 3]);
    at = find(c, 23, 1, type); /* OpTypeVector */
    return at ? c->w[at + 3] : 1;
}

static uint32_t declared(const char *name, const uint32_t spec[VK_SPEC]) {
    const vk_shader *s = &vk_shaders[vk_shader_find(name)];
    const constants c = {s->words, s->bytes / 4, spec};
    uint32_t words = 0;
    for (size_t i = 5; i < c.n; i += c.w[i] >> 16) {
        if ((c.w[i] & 0xffff) != 59 || c.w[i + 3] != 4) continue; /* OpVariable, Workgroup */
        size_t pointer = find(&c, 32, 1, c.w[i + 1]);
        words += (words_of(&c, c.w[pointer + 3]) + 3) / 4 * 4;
    }
    return words * 4;
}

static void test_tile(ac_type type, const char *rung, uint32_t br, uint32_t bc, uint32_t m, uint32_t n) {
    const bool coop = !strcmp(rung, "_coop");
    char name[48];
    const uint32_t spec[VK_SPEC] = {128, br, bc, 32 / m, 32 / n, 32, m * n / 32, 0, 0, 0, m, n, 32};
    snprintf(name, sizeof name, "matmul_%s%s", ac_type_describe(type)->name, rung);
    uint32_t host = vk_tile_bytes(type, br, bc, coop ? m * n : 1), module = declared(name, spec);
    CHECK(host == module, "%s, tile %u x %u: the host reckons with %u bytes, the module has %u", name, br, bc,
          host, module);
}

static void test_tiles(void) {
    static const ac_type types[] = {AC_TYPE_Q4_0,   AC_TYPE_Q4_1,   AC_TYPE_Q5_0, AC_TYPE_Q5_1, AC_TYPE_Q8_0,
                                    AC_TYPE_Q2_K,   AC_TYPE_Q3_K,   AC_TYPE_Q4_K, AC_TYPE_Q5_K, AC_TYPE_Q6_K,
                                    AC_TYPE_IQ4_NL, AC_TYPE_IQ4_XS, AC_TYPE_MXFP4};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        test_tile(types[i], "", 128, 64, 32, 32);
        test_tile(types[i], "_coop", 64, 32, 16, 16);
        test_tile(types[i], "_coop", 128, 64, 16, 8);
    }
    /* the largest tile fits where workgroups have 48 KiB */
    CHECK(vk_tile_bytes(AC_TYPE_Q4_K, 128, 64, 256) <= 48 << 10, "128 x 64 of q4_k needs %u bytes",
          vk_tile_bytes(AC_TYPE_Q4_K, 128, 64, 256));
}

/* ---- A driver that fails ---- */

static VkResult VKAPI_CALL no_pipelines(VkDevice d, VkPipelineCache c, uint32_t n,
                                        const VkComputePipelineCreateInfo *i, const VkAllocationCallbacks *a,
                                        VkPipeline *out) {
    (void)d, (void)c, (void)i, (void)a;
    for (uint32_t k = 0; k < n; k++) out[k] = VK_NULL_HANDLE;
    return VK_ERROR_UNKNOWN;
}

/* An optional rung whose shader is not built is off; the device stays. */
static void test_rung(void) {
    PFN_vkCreateComputePipelines create = dev->api.CreateComputePipelines;
    uint32_t pipes = dev->n_pipes;
    dev->caps.coops[0] = (vk_coop){16, 16, 32, 0};
    dev->caps.n_coops = 1;
    dev->on[VK_FEATURE_coopmat] = true;
    dev->api.CreateComputePipelines = no_pipelines;
    CHECK_OK(vk_witness(dev, false, &err)); /* the other shaders are there */
    dev->api.CreateComputePipelines = create;
    CHECK(!dev->on[VK_FEATURE_coopmat] && strstr(dev->witness, "witness_coop"), "%s", dev->witness);
    CHECK(dev->n_pipes == pipes, "%u pipelines, %u before", dev->n_pipes, pipes);
    dev->caps.n_coops = 0;
    CHECK_OK(vk_witness(dev, false, &err));
}

static PFN_vkAllocateMemory allocate;
static PFN_vkGetBufferMemoryRequirements requirements;

/* Two memory types, the first of which is full. */
static VkResult VKAPI_CALL first_full(VkDevice d, const VkMemoryAllocateInfo *i,
                                      const VkAllocationCallbacks *a, VkDeviceMemory *out) {
    VkMemoryAllocateInfo info = *i;
    if (!info.memoryTypeIndex) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    info.memoryTypeIndex = 0;
    return allocate(d, &info, a, out);
}

static void VKAPI_CALL two_types(VkDevice d, VkBuffer b, VkMemoryRequirements *out) {
    requirements(d, b, out);
    out->memoryTypeBits = 3;
}

static void test_memory(void) {
    const VkPhysicalDeviceMemoryProperties memory = dev->caps.memory;
    vk_buf b;
    allocate = dev->api.AllocateMemory, requirements = dev->api.GetBufferMemoryRequirements;
    dev->api.AllocateMemory = first_full, dev->api.GetBufferMemoryRequirements = two_types;
    dev->caps.memory.memoryTypeCount = 2;
    dev->caps.memory.memoryTypes[1] = dev->caps.memory.memoryTypes[0];
    CHECK_OK(vk_buf_create(dev, 4096, VK_PLACE_UPLOAD, "inputs", &b, &err));
    CHECK(b.host, "not mapped");
    vk_buf_destroy(dev, &b);
    dev->caps.memory.memoryTypes[1].propertyFlags = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT; /* not coherent */
    uint32_t allocs = dev->allocs;
    CHECK(vk_buf_create(dev, 4096, VK_PLACE_UPLOAD, "inputs", &b, &err) == AC_ERR_DEVICE_MEMORY && !b.buf &&
              !b.mem,
          "memory that does not fit was taken");
    CHECK(dev->allocs == allocs, "%u allocations, %u before", dev->allocs, allocs);
    dev->api.AllocateMemory = allocate, dev->api.GetBufferMemoryRequirements = requirements;
    dev->caps.memory = memory;
}

static VkResult VKAPI_CALL no_pointer(VkDevice d, VkExternalMemoryHandleTypeFlagBits t, const void *p,
                                      VkMemoryHostPointerPropertiesEXT *out) {
    (void)d, (void)t, (void)p, (void)out;
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
}

static VkResult VKAPI_CALL loses(VkQueue q, uint32_t n, const VkSubmitInfo *s, VkFence f) {
    (void)q, (void)n, (void)s, (void)f;
    return VK_ERROR_DEVICE_LOST;
}

/* Import is used where a read-only file's pages are seen as they are, and not where they are refused or cost
 * the device. */
static void test_import(void) {
    PFN_vkGetMemoryHostPointerPropertiesEXT pointer = dev->api.GetMemoryHostPointerPropertiesEXT;
    PFN_vkQueueSubmit submit = dev->api.QueueSubmit;
    if (!dev->caps.has[VK_FEATURE_import]) return;
    CHECK(dev->on[VK_FEATURE_import], "import is off");
    dev->api.GetMemoryHostPointerPropertiesEXT = no_pointer;
    CHECK_OK(vk_witness_import(dev, &err));
    CHECK(!dev->on[VK_FEATURE_import] && !dev->lost && !dev->no_import, "import is on");
    dev->api.GetMemoryHostPointerPropertiesEXT = pointer;
    dev->on[VK_FEATURE_import] = true;
    dev->api.QueueSubmit = loses;
    CHECK(vk_witness_import(dev, &err) == AC_ERR_DEVICE_LOST && dev->no_import && dev->lost, "not lost");
    dev->api.QueueSubmit = submit;
}

int main(void) {
    const ac_backend *vk = ac_backend_vk(AC_BACKEND_ABI);
    test_picks();
    test_tiles();
    if (vk->open(&(ac_open_settings){0}, &dev, &err) != AC_OK) {
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    test_tunables();
    test_rung();
    test_memory();
    test_import(); /* the last: it loses the device */
    vk->close(dev);
    printf("queues, subgroups, tiles, memory, rungs, import\n");
    return 0;
}
