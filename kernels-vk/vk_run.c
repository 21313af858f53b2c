/* vk_run.c - programs: prepared, run, waited for; their buffers read and written. */
#include <stdlib.h>
#include <string.h>

#include "vk_check.h"

static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

/* ---- Prepare ---- */

static ac_status create_inputs(ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    uint64_t rows = plan->max_rows, at = 0;
    uint32_t *const offset[] = {&p->in_token, &p->in_pos,     &p->in_seq,
                                &p->in_slot,  &p->in_out_row, &p->in_pages};
    const uint64_t n[] = {rows, rows, rows, rows, plan->max_out, (uint64_t)plan->max_seqs * plan->max_pages};
    for (int i = 0; i < 6; i++) {
        *offset[i] = (uint32_t)at;
        at += round_up(n[i], 4);
    }
    if (at * 4 > p->dev->caps.max_range)
        return ac_fail(err, AC_ERR_LIMIT, "plan: a page table of %u x %u is too large", plan->max_seqs,
                       plan->max_pages);
    AC_TRY(vk_buf_create(p->dev, at * 4 + 4, VK_PLACE_UPLOAD, "the inputs of a run", &p->inputs, err));
    memset(p->inputs.host, 0, at * 4 + 4);
    return AC_OK;
}

static ac_status create_consts(ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    uint64_t at = 0;
    p->const_at = calloc(plan->n_consts + 1u, sizeof *p->const_at);
    if (!p->const_at) return ac_fail(err, AC_ERR_MEMORY, "plan");
    for (uint32_t i = 0; i < plan->n_consts; i++) {
        p->const_at[i] = at;
        at += round_up(plan->consts[i].bytes, 256);
    }
    if (!at) return AC_OK;
    AC_TRY(vk_buf_create(p->dev, at, VK_PLACE_SHARED, "constants", &p->consts, err));
    for (uint32_t i = 0; i < plan->n_consts; i++) {
        uint64_t whole = plan->consts[i].bytes & ~(uint64_t)3; /* tables of floats */
        if (whole) AC_TRY(vk_upload(p->dev, &p->consts, p->const_at[i], plan->consts[i].data, whole, err));
    }
    return AC_OK;
}

/* Memory the host reads outputs from, unless it sees the arena itself. */
static ac_status create_out(ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    uint64_t at = 0;
    p->out_at = malloc((plan->n_bufs + 1u) * sizeof *p->out_at);
    if (!p->out_at) return ac_fail(err, AC_ERR_MEMORY, "plan");
    for (uint32_t i = 0; i < plan->n_bufs; i++) {
        bool wanted = plan->bufs[i].kind == AC_BUF_OUTPUT && !p->arena.host;
        p->out_at[i] = wanted ? at : UINT64_MAX;
        if (wanted) at += round_up(plan->bufs[i].row_bytes * plan->bufs[i].rows, 256);
    }
    return at ? vk_buf_create(p->dev, at, VK_PLACE_READBACK, "outputs", &p->out, err) : AC_OK;
}

static ac_status write_sets(ac_prog *p, ac_error *err) {
    ac_dev *dev = p->dev;
    if (!p->n_sets) return AC_OK;
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, p->n_sets * VK_BINDINGS};
    VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = p->n_sets,
                                       .poolSizeCount = 1,
                                       .pPoolSizes = &size};
    VK_TRY(dev, err, "descriptors", dev->api.CreateDescriptorPool(dev->device, &pool, NULL, &p->pool));
    p->sets = calloc(p->n_sets, sizeof *p->sets);
    VkDescriptorSetLayout *layouts = calloc(p->n_sets, sizeof *layouts);
    if (!p->sets || !layouts) {
        free(layouts);
        return ac_fail(err, AC_ERR_MEMORY, "descriptors");
    }
    for (uint32_t i = 0; i < p->n_sets; i++) layouts[i] = dev->set_layout;
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = p->pool,
                                        .descriptorSetCount = p->n_sets,
                                        .pSetLayouts = layouts};
    VkResult r = dev->api.AllocateDescriptorSets(dev->device, &info, p->sets);
    free(layouts);
    if (r != VK_SUCCESS) return vk_dev_fail(dev, err, r, "descriptors");
    for (uint32_t i = 0; i < p->n_sets; i++) {
        VkWriteDescriptorSet w = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                  .dstSet = p->sets[i],
                                  .descriptorCount = VK_BINDINGS,
                                  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                  .pBufferInfo = p->binds[i].at};
        dev->api.UpdateDescriptorSets(dev->device, 1, &w, 0, NULL);
    }
    return AC_OK;
}

static ac_status prepare_steps(ac_prog *p, ac_error *err) {
    AC_TRY(create_inputs(p, err));
    AC_TRY(create_consts(p, err));
    AC_TRY(vk_buf_create(p->dev, p->plan->arena_bytes ? p->plan->arena_bytes : 256, VK_PLACE_SHARED,
                         "the buffers of a run", &p->arena, err));
    AC_TRY(create_out(p, err));
    AC_TRY(vk_plan_steps(p, err));
    AC_TRY(vk_pipes_build(p->dev, err));
    AC_TRY(write_sets(p, err));
    return vk_flush(p->dev, err);
}

ac_status vk_prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                     ac_error *err) {
    *out = NULL;
    ac_prog *p = calloc(1, sizeof *p);
    if (!p) return ac_fail(err, AC_ERR_MEMORY, "plan");
    p->dev = dev, p->w = w, p->kv = kv, p->plan = plan;
    ac_status status = prepare_steps(p, err);
    if (status != AC_OK) {
        vk_release(p);
        return status;
    }
    *out = p;
    return AC_OK;
}

void vk_release(ac_prog *p) {
    if (!p) return;
    vk_api *a = &p->dev->api;
    VkDevice device = p->dev->device;
    a->DeviceWaitIdle(device);
    for (int i = 0; i < VK_RECORDINGS; i++) {
        if (p->rec[i].n_cmds) a->FreeCommandBuffers(device, p->dev->pool, p->rec[i].n_cmds, p->rec[i].cmds);
        free(p->rec[i].cmds);
    }
    if (p->queries) a->DestroyQueryPool(device, p->queries, NULL);
    if (p->pool) a->DestroyDescriptorPool(device, p->pool, NULL);
    vk_buf *bufs[] = {&p->arena, &p->inputs, &p->consts, &p->work, &p->out};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) vk_buf_destroy(p->dev, bufs[i]);
    free(p->sets);
    free(p->binds);
    free(p->steps);
    free(p->const_at);
    free(p->out_at);
    free(p);
}

uint64_t vk_prog_bytes(const ac_prog *p) {
    return p->arena.bytes + p->inputs.bytes + p->consts.bytes + p->work.bytes;
}

/* ---- Run ---- */

static void copy_ints(const ac_prog *p, uint32_t at, const int32_t *from, uint64_t n) {
    if (from && n) memcpy((int32_t *)p->inputs.host + at, from, n * sizeof *from);
}

static void write_inputs(const ac_prog *p, const ac_run *run) {
    copy_ints(p, p->in_token, run->token, run->n_rows);
    copy_ints(p, p->in_pos, run->pos, run->n_rows);
    copy_ints(p, p->in_seq, run->seq, run->n_rows);
    copy_ints(p, p->in_slot, run->slot, run->n_rows);
    copy_ints(p, p->in_out_row, run->out_row, run->n_out);
    for (uint32_t s = 0; run->pages && s < p->plan->max_seqs; s++)
        copy_ints(p, p->in_pages + s * p->plan->max_pages, run->pages + (size_t)s * p->plan->max_pages,
                  run->n_pages_used);
}

/* The smallest power of two that is enough, so that few shapes are recorded. */
static uint32_t bucket(uint32_t n, uint32_t most) {
    uint32_t b = 1;
    while (b < n) b *= 2;
    return b < most ? b : most;
}

ac_status vk_run(ac_prog *p, const ac_run *run, ac_error *err) {
    AC_TRY(vk_wait(p, err));
    AC_TRY(vk_check_run(p, run, err));
    if (!run->n_rows) return AC_OK;
    vk_shape shape = {run->n_rows, run->n_out,
                      p->limit.attends ? bucket(run->n_pages_used, p->plan->max_pages) : 0, p->profile};
    vk_recording *rec;
    AC_TRY(vk_record(p, &shape, &rec, err));
    write_inputs(p, run);
    p->cost = rec->cost;
    p->since = vk_now();
    for (uint32_t i = 0; i < rec->n_cmds; i++) AC_TRY(vk_submit(p->dev, &rec->cmds[i], 1, &p->pending, err));
    p->last_rows = run->n_rows, p->last_out = run->n_out;
    p->has_run = true;
    p->dev->runs++;
    return AC_OK;
}

ac_status vk_wait(ac_prog *p, ac_error *err) {
    ac_dev *dev = p->dev;
    if (p->pending && dev->runs == dev->tune[VK_TUNE_lose])
        return vk_dev_fail(dev, err, VK_ERROR_DEVICE_LOST, dev->caps.name);
    if (!p->pending) return AC_OK;
    AC_TRY(vk_wait_value(dev, p->pending, err));
    if (!p->profile) vk_learn(dev, p->cost, vk_now() - p->since);
    p->pending = 0;
    return AC_OK;
}

/* ---- Buffers ---- */

static ac_status check_range(const ac_prog *p, uint32_t buf, uint64_t offset, uint64_t bytes, ac_error *err) {
    if (buf < p->plan->n_bufs) {
        const ac_plan_buf *b = &p->plan->bufs[buf];
        uint64_t all = b->row_bytes * b->rows;
        if (offset <= all && bytes <= all - offset) return AC_OK;
    }
    return ac_fail(err, AC_ERR_ARGUMENT, "buffer %u: no bytes %llu + %llu", buf, (unsigned long long)offset,
                   (unsigned long long)bytes);
}

ac_status vk_write(ac_prog *p, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                   ac_error *err) {
    AC_TRY(check_range(p, buf, offset, bytes, err));
    AC_TRY(vk_wait(p, err));
    if (!bytes) return AC_OK;
    if (!p->arena.host && (offset % 4 || bytes % 4))
        return ac_fail(err, AC_ERR_ARGUMENT, "buffer %u: want multiples of 4 bytes, have %llu + %llu", buf,
                       (unsigned long long)offset, (unsigned long long)bytes);
    AC_TRY(vk_upload(p->dev, &p->arena, p->plan->bufs[buf].offset + offset, host, bytes, err));
    p->has_run = false; /* copies of outputs may be old now */
    return vk_flush(p->dev, err);
}

/* Whether the last run's copy of the outputs holds these bytes. */
static bool in_copy(const ac_prog *p, uint32_t buf, uint64_t end) {
    const ac_plan_buf *b = &p->plan->bufs[buf];
    uint32_t least = p->last_out < p->last_rows ? p->last_out : p->last_rows;
    return p->has_run && p->out_at[buf] != UINT64_MAX && end <= b->row_bytes * least;
}

ac_status vk_read(ac_prog *p, uint32_t buf, uint64_t offset, void *host, uint64_t bytes, ac_error *err) {
    AC_TRY(check_range(p, buf, offset, bytes, err));
    AC_TRY(vk_wait(p, err));
    if (!bytes) return AC_OK;
    if (in_copy(p, buf, offset + bytes)) {
        memcpy(host, (const char *)p->out.host + p->out_at[buf] + offset, bytes);
        return AC_OK;
    }
    if (!p->arena.host && (offset % 4 || bytes % 4))
        return ac_fail(err, AC_ERR_ARGUMENT, "buffer %u: want multiples of 4 bytes, have %llu + %llu", buf,
                       (unsigned long long)offset, (unsigned long long)bytes);
    return vk_download(p->dev, &p->arena, p->plan->bufs[buf].offset + offset, host, bytes, err);
}

/* ---- Times ---- */

ac_status vk_profile(ac_prog *p, bool on, ac_error *err) {
    ac_dev *dev = p->dev;
    if (on && dev->caps.ns_per_tick <= 0)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: the device has no timestamps", dev->caps.name);
    if (on && !p->queries) {
        VkQueryPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                      .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                      .queryCount = p->plan->n_ops + 1};
        VK_TRY(dev, err, "timestamps", dev->api.CreateQueryPool(dev->device, &info, NULL, &p->queries));
    }
    p->profile = on;
    return AC_OK;
}

ac_status vk_times(ac_prog *p, uint64_t *ns, ac_error *err) {
    ac_dev *dev = p->dev;
    uint32_t n = p->plan->n_ops;
    if (!p->profile || !p->has_run) return ac_fail(err, AC_ERR_ARGUMENT, "no run was profiled");
    AC_TRY(vk_wait(p, err));
    uint64_t *t = malloc((n + 1) * sizeof *t);
    if (!t) return ac_fail(err, AC_ERR_MEMORY, "timestamps");
    VkResult r = dev->api.GetQueryPoolResults(dev->device, p->queries, 0, n + 1, (n + 1) * sizeof *t, t,
                                              sizeof *t, VK_QUERY_RESULT_64_BIT);
    for (uint32_t i = 0; r == VK_SUCCESS && i < n; i++)
        ns[i] = (uint64_t)((double)((t[i + 1] - t[i]) & dev->caps.tick_mask) * (double)dev->caps.ns_per_tick);
    free(t);
    return r == VK_SUCCESS ? AC_OK : vk_dev_fail(dev, err, r, "timestamps");
}
