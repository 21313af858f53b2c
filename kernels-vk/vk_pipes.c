/* vk_pipes.c - pipelines: one list, built by one loop, in parallel. */
#include "vk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_WORKERS = 16, HEADER_WORDS = 5, OP_EXECUTION_MODE = 16, OP_ENTRY_POINT = 15, OP_CAPABILITY = 17 };

/* ---- Float modes: added to a module by what the device offers ---- */

static const struct {
    uint32_t mode, capability;
    size_t offered;
} modes[] = {
    {4459, 4464, offsetof(vk_caps, denorm32)},   /* DenormPreserve */
    {4461, 4466, offsetof(vk_caps, preserve32)}, /* SignedZeroInfNanPreserve */
    {4462, 4467, offsetof(vk_caps, rte32)},      /* RoundingModeRTE */
};

static bool offered(const ac_dev *dev, size_t i) {
    return *(const bool *)((const char *)&dev->caps + modes[i].offered);
}

/* The module with its float modes; the caller frees. SPIR-V 1.5 needs no extension for them. */
static uint32_t *with_modes(const ac_dev *dev, const vk_shader *s, size_t *bytes) {
    size_t n = s->bytes / 4, at = 0, k = sizeof modes / sizeof *modes;
    uint32_t *out = malloc((n + k * 6) * sizeof *out), entry = 0;
    if (!out) return NULL;
    memcpy(out, s->words, HEADER_WORDS * 4);
    at = HEADER_WORDS;
    bool on = dev->on[VK_FEATURE_modes], modes_done = false;
    for (size_t i = 0; on && i < k; i++)
        if (offered(dev, i)) out[at++] = 2u << 16 | OP_CAPABILITY, out[at++] = modes[i].capability;
    for (size_t i = HEADER_WORDS; i < n; i += s->words[i] >> 16) {
        uint32_t op = s->words[i] & 0xffff;
        if (op == OP_ENTRY_POINT) entry = s->words[i + 2];
        if (op == OP_EXECUTION_MODE && !modes_done) {
            for (size_t m = 0; on && m < k; m++) {
                if (!offered(dev, m)) continue;
                out[at++] = 4u << 16 | OP_EXECUTION_MODE;
                out[at++] = entry, out[at++] = modes[m].mode, out[at++] = 32;
            }
            modes_done = true;
        }
        memcpy(out + at, s->words + i, (s->words[i] >> 16) * 4);
        at += s->words[i] >> 16;
    }
    *bytes = at * 4;
    return out;
}

/* ---- Building ---- */

uint32_t vk_pipe_want(ac_dev *dev, const vk_key *key) {
    for (uint32_t i = 0; i < dev->n_pipes; i++)
        if (!memcmp(&dev->pipes[i].key, key, sizeof *key)) return i;
    if (dev->n_pipes == dev->cap_pipes) {
        uint32_t cap = dev->cap_pipes ? dev->cap_pipes * 2 : 64;
        vk_pipe *p = realloc(dev->pipes, cap * sizeof *p);
        if (!p) return AC_NONE;
        dev->pipes = p;
        dev->cap_pipes = cap;
    }
    dev->pipes[dev->n_pipes] = (vk_pipe){.key = *key};
    return dev->n_pipes++;
}

static VkResult build_one(ac_dev *dev, vk_pipe *p) {
    const vk_shader *s = &vk_shaders[p->key.shader];
    VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    uint32_t *words = with_modes(dev, s, &info.codeSize);
    if (!words) return VK_ERROR_OUT_OF_HOST_MEMORY;
    info.pCode = words;
    VkShaderModule module;
    VkResult r = dev->api.CreateShaderModule(dev->device, &info, NULL, &module);
    free(words);
    if (r != VK_SUCCESS) return r;
    VkSpecializationMapEntry entries[VK_SPEC];
    for (uint32_t i = 0; i < VK_SPEC; i++) entries[i] = (VkSpecializationMapEntry){i, i * 4, 4};
    VkSpecializationInfo spec = {VK_SPEC, entries, sizeof p->key.spec, p->key.spec};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo lanes = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = p->key.lanes};
    VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT, /* grids are dispatched in parts */
        .layout = dev->layout,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = p->key.lanes && dev->caps.size_control ? &lanes : NULL,
                  .flags = p->key.lanes ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &spec}};
    r = dev->api.CreateComputePipelines(dev->device, dev->cache, 1, &create, NULL, &p->pipe);
    dev->api.DestroyShaderModule(dev->device, module, NULL);
    return r;
}

void vk_pipes_drop(ac_dev *dev, uint32_t pipe) {
    if (pipe + 1 == dev->n_pipes && !dev->pipes[pipe].pipe) dev->n_pipes--;
}

typedef struct build_job {
    ac_dev *dev;
    atomic_uint next;
    atomic_int result;
    atomic_uint failed;
} build_job;

static void *build_worker(void *arg) {
    build_job *job = arg;
    for (;;) {
        unsigned i = atomic_fetch_add(&job->next, 1);
        if (i >= job->dev->n_pipes) return NULL;
        vk_pipe *p = &job->dev->pipes[i];
        VkResult r = p->pipe ? VK_SUCCESS : build_one(job->dev, p);
        if (r == VK_SUCCESS) continue;
        atomic_store(&job->failed, p->key.shader);
        atomic_store(&job->result, r);
    }
}

ac_status vk_pipes_build(ac_dev *dev, ac_error *err) {
    build_job job = {.dev = dev};
    double start = vk_now();
    pthread_t threads[MAX_WORKERS];
    long n = 0, cores = sysconf(_SC_NPROCESSORS_ONLN), wanted = 0;
    for (uint32_t i = 0; i < dev->n_pipes; i++) wanted += !dev->pipes[i].pipe;
    if (!wanted) return AC_OK;
    long workers = cores < MAX_WORKERS ? cores : MAX_WORKERS;
    if (workers > wanted) workers = wanted;
    while (n < workers - 1 && !pthread_create(&threads[n], NULL, build_worker, &job)) n++;
    build_worker(&job);
    while (n > 0) pthread_join(threads[--n], NULL);
    VkResult r = atomic_load(&job.result);
    if (r == VK_SUCCESS) {
        vk_log(dev, 3, "%s: %ld pipelines built in %.3f s", dev->caps.name, wanted, vk_now() - start);
        vk_cache_save(dev);
        return AC_OK;
    }
    const char *name = vk_shaders[atomic_load(&job.failed)].name;
    if (r == VK_ERROR_OUT_OF_HOST_MEMORY || r == VK_ERROR_OUT_OF_DEVICE_MEMORY || r == VK_ERROR_DEVICE_LOST)
        return vk_dev_fail(dev, err, r, name);
    return ac_fail(err, AC_ERR_BUILD, "%s: the driver does not build shader %s: %s", dev->caps.name, name,
                   vk_text(r));
}
