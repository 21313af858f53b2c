/* vk_witness.c - what a device must get right before it is trusted: one rounding per operation, no
 * contraction, the functions of the specification, and for optional features their integers. The host
 * computes the same in C (built without contraction). */
#include "vk.h"

#include <stdio.h>
#include <string.h>

enum { ITEMS = 4096, IN_WORDS = 4, OUT_WORDS = 8 };

static uint32_t to_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float from_bits(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static float rcp(float a) {
    float x = from_bits(0x7EF311C7u - to_bits(a));
    for (int i = 0; i < 3; i++) x = x * (2.0f - a * x);
    return x;
}

static float rsqrt(float a) {
    float x = from_bits(0x5F375A86u - (to_bits(a) >> 1)), h = 0.5f * a;
    for (int i = 0; i < 3; i++) x = x * (1.5f - (h * x) * x);
    return x;
}

static float expo(float x) {
    static const uint32_t c[] = {0x3C091D10u, 0x3D2AAC79u, 0x3E2AAA49u,
                                 0x3EFFFFFEu, 0x3F800000u, 0x3F800000u};
    if (x < -40.0f) return 0.0f;
    int32_t t = (int32_t)(to_bits(x * from_bits(0x3FB8AA3Bu) + 12582912.0f) - 0x4B400000u);
    float f = (float)t, r = (x - f * from_bits(0x3F318000u)) - f * from_bits(0xB95E8083u),
          p = from_bits(0x3AB511E8u);
    for (int i = 0; i < 6; i++) p = p * r + from_bits(c[i]);
    return from_bits(to_bits(p) + ((uint32_t)t << 23));
}

static float wide(int32_t i) {
    return (float)(i >> 12) * 4096.0f + (float)(i & 4095);
}

static uint32_t dot4(uint32_t a, uint32_t b) {
    int32_t sum = 0;
    for (int i = 0; i < 32; i += 8) sum += (int8_t)(a >> i) * (int8_t)(b >> i);
    return (uint32_t)sum;
}

/* Floats between 2^-20 and 2^20 of either sign: no result is subnormal, so that flushing devices agree. */
static uint32_t some_float(uint64_t r) {
    return (uint32_t)(r & 0x807fffffu) | (uint32_t)(107 + (r >> 40) % 40) << 23;
}

static void make_items(uint32_t *in) {
    uint64_t state = 1;
    for (uint32_t i = 0; i < ITEMS * IN_WORDS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t r = state ^ state >> 29;
        in[i] = i % IN_WORDS == 3 ? (uint32_t)(r >> 16) : some_float(r >> 7);
    }
    /* (1 + 2^-12)^2 - (1 + 2^-11) is 0 with two roundings and 2^-24 with one: contraction shows; ties show
     * the rounding mode */
    static const uint32_t first[][IN_WORDS] = {{0x3f800800u, 0x3f800800u, 0xbf801000u, 0},
                                               {0x3f800001u, 0x3f800000u, 0x33800000u, 0x7fffffffu},
                                               {0x3f800000u, 0x3f800000u, 0x33800000u, 0x80000000u},
                                               {0x3f800001u, 0xbf800000u, 0xb3800000u, 0x80808080u}};
    memcpy(in, first, sizeof first);
}

static const char *const names[OUT_WORDS] = {"product",
                                             "product and sum (contraction)",
                                             "difference of product (contraction)",
                                             "int to float",
                                             "rcp",
                                             "rsqrt",
                                             "exp",
                                             "8-bit dot"};

static void expect(const uint32_t *in, bool shuffled, uint32_t item, uint32_t out[OUT_WORDS]) {
    const uint32_t *u = in + item * IN_WORDS;
    float a = from_bits(u[0]), b = from_bits(u[1]), c = from_bits(u[2]), product = a * b, other = b * c;
    out[0] = to_bits(product);
    out[1] = to_bits(product + c);
    out[2] = to_bits(a - other);
    out[3] = to_bits(wide((int32_t)u[3]));
    out[4] = to_bits(rcp(from_bits((u[0] & 0x007fffffu) | 0x3f800000u)));
    out[5] = to_bits(rsqrt(from_bits((u[1] & 0x00ffffffu) | 0x3f000000u)));
    out[6] = to_bits(expo(-from_bits((u[2] & 0x01ffffffu) | 0x40000000u)));
    out[7] = 0;
    for (uint32_t i = shuffled ? item & ~7u : item; i <= (shuffled ? item | 7u : item); i++)
        out[7] += dot4(in[i * IN_WORDS], in[i * IN_WORDS + 3]);
}

/* Compares all results; writes the first difference to `what` and returns false. */
static bool judge(const uint32_t *in, const uint32_t *got, bool shuffled, char *what, size_t cap) {
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t want[OUT_WORDS];
        expect(in, shuffled, i, want);
        for (int k = 0; k < OUT_WORDS; k++) {
            /* -0 counts as +0 */
            if (got[i * OUT_WORDS + k] == want[k] ||
                (k < 7 && !((got[i * OUT_WORDS + k] | want[k]) & 0x7fffffffu)))
                continue;
            snprintf(what, cap, "%s of item %u: want %08x, have %08x", names[k], i, want[k],
                     got[i * OUT_WORDS + k]);
            return false;
        }
    }
    return true;
}

typedef struct bench {
    vk_buf in, out;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkCommandBuffer cmd;
} bench;

static ac_status set_up(ac_dev *dev, bench *b, const uint32_t *in, ac_error *err) {
    AC_TRY(vk_buf_create(dev, ITEMS * IN_WORDS * 4, VK_PLACE_DEVICE, "the witness test", &b->in, err));
    AC_TRY(vk_buf_create(dev, ITEMS * OUT_WORDS * 4, VK_PLACE_DEVICE, "the witness test", &b->out, err));
    AC_TRY(vk_upload(dev, &b->in, 0, in, ITEMS * IN_WORDS * 4, err));
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_BINDINGS};
    VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = 1,
                                       .poolSizeCount = 1,
                                       .pPoolSizes = &size};
    VK_TRY(dev, err, "witness test", dev->api.CreateDescriptorPool(dev->device, &pool, NULL, &b->pool));
    VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                       .descriptorPool = b->pool,
                                       .descriptorSetCount = 1,
                                       .pSetLayouts = &dev->set_layout};
    VK_TRY(dev, err, "witness test", dev->api.AllocateDescriptorSets(dev->device, &set, &b->set));
    VkDescriptorBufferInfo at[VK_BINDINGS];
    for (int i = 0; i < VK_BINDINGS; i++) at[i] = (VkDescriptorBufferInfo){dev->dummy.buf, 0, VK_WHOLE_SIZE};
    at[VK_W].buffer = b->in.buf;
    at[VK_Y].buffer = b->out.buf;
    VkWriteDescriptorSet w = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                              .dstSet = b->set,
                              .descriptorCount = VK_BINDINGS,
                              .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                              .pBufferInfo = at};
    dev->api.UpdateDescriptorSets(dev->device, 1, &w, 0, NULL);
    VkCommandBufferAllocateInfo cmd = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                       .commandPool = dev->pool,
                                       .commandBufferCount = 1};
    VK_TRY(dev, err, "witness test", dev->api.AllocateCommandBuffers(dev->device, &cmd, &b->cmd));
    return AC_OK;
}

static ac_status run_one(ac_dev *dev, const bench *b, uint32_t pipe, uint32_t groups, uint32_t *got,
                         ac_error *err) {
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    uint32_t push[VK_PUSH] = {ITEMS};
    uint64_t value;
    VK_TRY(dev, err, "witness test", dev->api.BeginCommandBuffer(b->cmd, &begin));
    dev->api.CmdBindPipeline(b->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->pipes[pipe].pipe);
    dev->api.CmdBindDescriptorSets(b->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->layout, 0, 1, &b->set, 0,
                                   NULL);
    dev->api.CmdPushConstants(b->cmd, dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, push);
    dev->api.CmdDispatch(b->cmd, groups, 1, 1);
    VK_TRY(dev, err, "witness test", dev->api.EndCommandBuffer(b->cmd));
    AC_TRY(vk_submit(dev, &b->cmd, 1, &value, err));
    AC_TRY(vk_wait_value(dev, value, err));
    return vk_download(dev, &b->out, 0, got, ITEMS * OUT_WORDS * 4, err);
}

/* ---- Integer cooperative matrices: one product of random bytes, twice added, and every element found
 * exactly once ---- */

static uint32_t coop_want(const uint32_t *in, const vk_coop *c, uint32_t i) {
    uint32_t words = c->k / 4, r = i / c->n, col = i % c->n, sum = 0;
    for (uint32_t k = 0; k < words; k++) sum += dot4(in[r * words + k], in[(c->m + col) * words + k]);
    return 2 * sum;
}

/* A pipeline of an optional feature: *pipe is AC_NONE when the driver does not build it. */
static ac_status optional_pipe(ac_dev *dev, const vk_key *key, uint32_t *pipe, char *what, size_t cap,
                               ac_error *err) {
    *pipe = vk_pipe_want(dev, key);
    if (*pipe == AC_NONE) return ac_fail(err, AC_ERR_MEMORY, "pipelines");
    ac_error why;
    ac_status status = vk_pipes_build(dev, &why);
    if (status == AC_OK) return AC_OK;
    if (status != AC_ERR_BUILD) return ac_fail(err, status, "%s", why.detail);
    vk_pipes_drop(dev, *pipe);
    *pipe = AC_NONE;
    snprintf(what, cap, "shader %s is not built", vk_shaders[key->shader].name);
    return AC_OK;
}

/* Whether one size, shared by so many lanes, is right; `what` says what is not. */
static ac_status try_coop(ac_dev *dev, bench *b, const vk_coop *c, const uint32_t *in, uint32_t *got,
                          char *what, size_t cap, ac_error *err) {
    uint32_t n = c->m * c->n, pipe;
    const vk_key key = {.shader = vk_shader_find("witness_coop"),
                        .lanes = c->lanes,
                        .spec = {[0] = c->lanes, [6] = n / c->lanes, [10] = c->m, [11] = c->n, [12] = c->k}};
    what[0] = 0;
    AC_TRY(optional_pipe(dev, &key, &pipe, what, cap, err));
    if (pipe == AC_NONE) return AC_OK;
    AC_TRY(run_one(dev, b, pipe, 1, got, err));
    for (uint32_t i = 0; i < n && !what[0]; i++)
        if (got[i] != coop_want(in, c, i) || got[n + i] != 1)
            snprintf(what, cap, "cooperative matrix %ux%ux%u element %u: want %08x once, have %08x %u times",
                     c->m, c->n, c->k, i, coop_want(in, c, i), got[i], got[n + i]);
    return AC_OK;
}

/* The first size that is right, with the device's own subgroups or, where pipelines can choose, with others.
 */
static ac_status witness_coop(ac_dev *dev, bench *b, const uint32_t *in, uint32_t *got, ac_error *err) {
    vk_caps *c = &dev->caps;
    char what[120] = "no size fits the subgroups";
    for (uint32_t lanes = 4; lanes <= 64; lanes *= 2) {
        /* its own first: lanes 4 stands for that */
        uint32_t size = lanes == 4 ? c->subgroup : lanes;
        if (lanes > 4 && (!c->size_control || size == c->subgroup || size < c->subgroup_least ||
                          size > c->subgroup_most || 256 / size > c->subgroups_most))
            continue;
        for (uint32_t i = 0; i < c->n_coops; i++) {
            vk_coop coop = c->coops[i];
            coop.lanes = size;
            if (coop.m * coop.n % size) continue;
            AC_TRY(try_coop(dev, b, &coop, in, got, what, sizeof what, err));
            if (!what[0]) {
                c->coop = coop;
                return AC_OK;
            }
            vk_log(dev, 2, "%s: subgroups of %u: %s", c->name, size, what);
        }
    }
    dev->on[VK_FEATURE_coopmat] = false;
    snprintf(dev->witness, sizeof dev->witness, "witness failed: %s", what);
    vk_log(dev, 1, "%s: %s", c->name, dev->witness);
    return AC_OK;
}

/* The shaders, and the feature each is about: a feature that fails is switched off, the rest refuses the
 * device. */
static const struct {
    const char *shader;
    int feature;
} rungs[] = {{"witness", -1}, {"witness_dot", VK_FEATURE_dot}, {"witness_sub", VK_FEATURE_subgroup}};
enum { RUNGS = sizeof rungs / sizeof *rungs };

static ac_status witness_rung(ac_dev *dev, bench *b, int i, bool force, const uint32_t *in, uint32_t *got,
                              ac_error *err) {
    const int feature = rungs[i].feature;
    const bool sub = feature == VK_FEATURE_subgroup;
    const vk_key key = {.shader = vk_shader_find(rungs[i].shader), .lanes = sub ? dev->caps.subgroup : 0};
    uint32_t pipe;
    char what[120];
    if (feature >= 0 && !dev->on[feature]) return AC_OK;
    AC_TRY(optional_pipe(dev, &key, &pipe, what, sizeof what, err));
    if (pipe != AC_NONE) {
        AC_TRY(run_one(dev, b, pipe, ITEMS / 64, got, err));
        if (judge(in, got, sub, what, sizeof what)) return AC_OK;
    } else if (feature < 0) {
        return ac_fail(err, AC_ERR_BUILD, "%s (%s): %s", dev->caps.name, dev->caps.driver, what);
    }
    snprintf(dev->witness, sizeof dev->witness, "witness failed: %s", what);
    vk_log(dev, 1, "%s: %s: %s", dev->caps.name, rungs[i].shader, dev->witness);
    if (feature >= 0)
        dev->on[feature] = false;
    else if (!force)
        return ac_fail(err, AC_ERR_WITNESS, "%s (%s): %s", dev->caps.name, dev->caps.driver, what);
    return AC_OK;
}

static ac_status witness_all(ac_dev *dev, bench *b, bool force, uint32_t *in, uint32_t *got, ac_error *err) {
    make_items(in);
    if (64 % dev->caps.subgroup) dev->on[VK_FEATURE_subgroup] = false;
    AC_TRY(set_up(dev, b, in, err));
    snprintf(dev->witness, sizeof dev->witness, "witness passed");
    for (int i = 0; i < RUNGS; i++) AC_TRY(witness_rung(dev, b, i, force, in, got, err));
    return dev->on[VK_FEATURE_coopmat] ? witness_coop(dev, b, in, got, err) : AC_OK;
}

ac_status vk_witness(ac_dev *dev, bool force, ac_error *err) {
    static _Thread_local uint32_t in[ITEMS * IN_WORDS], got[ITEMS * OUT_WORDS];
    bench b = {0};
    ac_status status = witness_all(dev, &b, force, in, got, err);
    if (b.pool) dev->api.DestroyDescriptorPool(dev->device, b.pool, NULL);
    if (b.cmd) dev->api.FreeCommandBuffers(dev->device, dev->pool, 1, &b.cmd);
    vk_buf_destroy(dev, &b.in);
    vk_buf_destroy(dev, &b.out);
    return status;
}

/* ---- Imported memory. Some drivers take pages of a read-only file and then cannot read them. ---- */

/* Whole pages of this library's own file: some of the words of a shader. */
static const void *file_pages(uint64_t align) {
    for (uint32_t i = 0; i < vk_n_shaders; i++) {
        uintptr_t from = (uintptr_t)vk_shaders[i].words, page = (from + align - 1) / align * align;
        if (page + align <= from + vk_shaders[i].bytes) return (const void *)page;
    }
    return NULL;
}

static ac_status compare_import(ac_dev *dev, const void *pages, uint64_t bytes, bool *same, ac_error *err) {
    vk_buf from, to;
    *same = false;
    ac_status status = vk_buf_import(dev, pages, bytes, &from, err);
    if (status != AC_OK) return status;
    status = vk_buf_create(dev, bytes, VK_PLACE_READBACK, "the witness test", &to, err);
    if (status == AC_OK) status = vk_copy(dev, &from, 0, &to, 0, bytes, err);
    if (status == AC_OK) status = vk_flush(dev, err);
    *same = status == AC_OK && !memcmp(to.host, pages, bytes);
    vk_buf_destroy(dev, &to);
    vk_buf_destroy(dev, &from);
    return status;
}

ac_status vk_witness_import(ac_dev *dev, ac_error *err) {
    const uint64_t bytes = dev->caps.import_align;
    const void *pages = dev->on[VK_FEATURE_import] ? file_pages(bytes) : NULL;
    ac_error why = {0};
    bool same = true;
    if (!pages) return AC_OK;
    ac_status status = compare_import(dev, pages, bytes, &same, &why);
    if (same) return AC_OK;
    dev->on[VK_FEATURE_import] = false;
    vk_log(dev, 2, "%s: no import of host memory: %s", dev->caps.name,
           status == AC_OK ? "what the device reads is not what is there" : why.detail);
    if (!dev->lost) return AC_OK;
    dev->no_import = true;
    return ac_fail(err, AC_ERR_DEVICE_LOST, "%s", why.detail);
}
