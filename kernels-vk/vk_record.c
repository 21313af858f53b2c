/* vk_record.c - the commands of a run, recorded once per shape and replayed. Barriers come from what steps
 * read and write. */
#include "vk_prog.h"

enum { MAX_PENDING = 64, FEW_GROUPS = 512 /* below this a large GPU is not filled */ };

typedef struct recorder {
    ac_prog *p;
    vk_api *api;
    VkCommandBuffer cmd;
    vk_shape shape;
    vk_use pending[MAX_PENDING]; /* since the last barrier */
    uint32_t n_pending;
    uint32_t bound; /* pipeline */
} recorder;

/* ---- Barriers ---- */

static bool conflicts(const vk_use *a, const vk_use *b) {
    return (a->write || b->write) && a->space == b->space && a->from < b->to && b->from < a->to;
}

static void barrier(recorder *r) {
    VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                         .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                         .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};
    r->api->CmdPipelineBarrier(r->cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                               VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &b, 0, NULL, 0, NULL);
    r->n_pending = 0;
}

/* A barrier when one of the uses must come after something under way; then they are under way too. */
static void order(recorder *r, const vk_use *use, uint32_t n) {
    bool clash = r->n_pending + n > MAX_PENDING;
    for (uint32_t i = 0; i < n && !clash; i++)
        for (uint32_t k = 0; k < r->n_pending && !clash; k++) clash = conflicts(&use[i], &r->pending[k]);
    if (clash) barrier(r);
    for (uint32_t i = 0; i < n; i++) r->pending[r->n_pending++] = use[i];
}

/* ---- Dispatches ---- */

static void dispatch(recorder *r, const vk_step *s, uint32_t pipe, const uint32_t *push, uint32_t x,
                     uint32_t y, uint32_t z) {
    const ac_dev *dev = r->p->dev;
    if (r->bound != pipe)
        r->api->CmdBindPipeline(r->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->pipes[pipe].pipe);
    r->bound = pipe;
    r->api->CmdBindDescriptorSets(r->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->layout, 0, 1,
                                  &r->p->sets[s->set], 0, NULL);
    r->api->CmdPushConstants(r->cmd, dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, VK_PUSH * 4, push);
    r->api->CmdDispatch(r->cmd, x, y, z);
}

/* x groups, continued in z where the device has less (bind.glsl's group_x). */
static void dispatch_wide(recorder *r, const vk_step *s, uint32_t pipe, const uint32_t *push, uint32_t x,
                          uint32_t y) {
    uint32_t most = r->p->dev->caps.max_groups[0], z = (x + most - 1) / most;
    dispatch(r, s, pipe, push, z > 1 ? most : x, y, z);
}

static void record_tiles(recorder *r, const vk_step *s, uint32_t rows) {
    uint32_t push[VK_PUSH];
    for (int k = 0; k < VK_PUSH; k++) push[k] = s->push[k];
    push[15] = rows;
    dispatch_wide(r, s, s->tile.pipe, push, (s->m + s->tile.bc - 1) / s->tile.bc,
                  (rows + s->tile.br - 1) / s->tile.br);
}

static void record_matvec(recorder *r, const vk_step *s, uint32_t rows) {
    if (s->tile.rows_from && rows >= s->tile.rows_from) {
        record_tiles(r, s, rows);
        return;
    }
    uint32_t i = 0;
    while (i + 1 < s->n_variants && s->variant[i].nr < rows) i++;
    const vk_matvec *v = &s->variant[i];
    uint32_t push[VK_PUSH], per_group = s->threads / 8 / s->groups * v->rpt;
    for (int k = 0; k < VK_PUSH; k++) push[k] = s->push[k];
    push[15] = rows, push[16] = v->seg, push[17] = s->groups;
    dispatch_wide(r, s, v->pipe, push, (s->m + per_group - 1) / per_group, (rows + v->nr - 1) / v->nr);
}

static void record_attention(recorder *r, const vk_step *s, uint32_t rows) {
    uint32_t tile = vk_attention_tile(r->p, s, r->shape.pages), push[VK_PUSH], join[VK_PUSH];
    const vk_use work = {VK_SPACE_WORK, true, 0, 1};
    for (int k = 0; k < VK_PUSH; k++) push[k] = s->push[k], join[k] = s->push_join[k];
    push[9] = join[s->join_pages] = r->shape.pages;
    for (uint32_t row = 0; row < rows; row += tile) {
        uint32_t n = rows - row < tile ? rows - row : tile;
        push[4] = join[s->join_row0] = row;
        order(r, &work, 1);
        bool few = (uint64_t)r->shape.pages * s->tiles * n < FEW_GROUPS;
        dispatch(r, s, few ? s->pipe_single : s->pipe, push, r->shape.pages, few ? s->heads : s->tiles, n);
        order(r, &work, 1);
        dispatch(r, s, s->pipe_join, join, s->join_gx, n, 1);
        order(r, s->use, s->n_use); /* still under way after the barriers in between */
    }
}

static void record_step(recorder *r, const vk_step *s) {
    uint32_t rows = s->rows == AC_ROWS_OUT ? r->shape.n_out : r->shape.n_rows;
    if (!rows) return;
    order(r, s->use, s->n_use);
    switch (s->kind) {
    case VK_STEP_ROWS:
        dispatch_wide(r, s, s->pipe, s->push, s->gx, rows);
        break;
    case VK_STEP_MATVEC:
        record_matvec(r, s, rows);
        break;
    case VK_STEP_ATTENTION:
        record_attention(r, s, rows);
        break;
    }
}

/* The rows of output buffers, into memory that the host reads. */
static void record_outputs(recorder *r) {
    const ac_prog *p = r->p;
    if (!p->out.buf) return;
    VkMemoryBarrier before = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                              .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
                              .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT};
    r->api->CmdPipelineBarrier(r->cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT,
                               0, 1, &before, 0, NULL, 0, NULL);
    for (uint32_t i = 0; i < p->plan->n_bufs; i++) {
        const ac_plan_buf *b = &p->plan->bufs[i];
        if (p->out_at[i] == UINT64_MAX) continue;
        VkBufferCopy region = {b->offset, p->out_at[i], b->row_bytes * b->rows};
        uint64_t used =
            b->row_bytes *
            (b->rows == p->plan->max_out && b->rows < p->plan->max_rows ? r->shape.n_out : r->shape.n_rows);
        if (used < region.size) region.size = used;
        if (region.size) r->api->CmdCopyBuffer(r->cmd, p->arena.buf, p->out.buf, 1, &region);
    }
}

static void finish(recorder *r) {
    record_outputs(r);
    VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                         .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                         .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_SHADER_READ_BIT |
                                          VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT};
    r->api->CmdPipelineBarrier(r->cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                               VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
                                   VK_PIPELINE_STAGE_TRANSFER_BIT,
                               0, 1, &b, 0, NULL, 0, NULL);
}

static void timestamp(recorder *r, uint32_t at) {
    if (r->shape.profile)
        r->api->CmdWriteTimestamp(r->cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, r->p->queries, at);
}

static ac_status record_all(recorder *r, ac_error *err) {
    ac_prog *p = r->p;
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    VK_TRY(p->dev, err, "commands", r->api->BeginCommandBuffer(r->cmd, &begin));
    if (r->shape.profile) r->api->CmdResetQueryPool(r->cmd, p->queries, 0, p->plan->n_ops + 1);
    timestamp(r, 0);
    uint32_t done = 0; /* operations that have their timestamp */
    for (uint32_t i = 0; i < p->n_steps; i++) {
        if (r->shape.profile && p->steps[i].op > done) {
            barrier(r); /* so that times belong to one operation */
            while (done < p->steps[i].op) timestamp(r, ++done);
        }
        record_step(r, &p->steps[i]);
    }
    if (r->shape.profile) barrier(r);
    while (r->shape.profile && done < p->plan->n_ops) timestamp(r, ++done);
    finish(r);
    VK_TRY(p->dev, err, "commands", r->api->EndCommandBuffer(r->cmd));
    return AC_OK;
}

static bool same(const vk_shape *a, const vk_shape *b) {
    return a->n_rows == b->n_rows && a->n_out == b->n_out && a->pages == b->pages && a->profile == b->profile;
}

ac_status vk_record(ac_prog *p, const vk_shape *shape, vk_recording **out, ac_error *err) {
    vk_recording *oldest = &p->rec[0];
    for (int i = 0; i < VK_RECORDINGS; i++) {
        vk_recording *c = &p->rec[i];
        if (c->valid && same(&c->shape, shape)) {
            c->used = ++p->clock;
            *out = c;
            return AC_OK;
        }
        if (c->used < oldest->used) oldest = c;
    }
    if (!oldest->cmd) {
        VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = p->dev->pool,
                                            .commandBufferCount = 1};
        VK_TRY(p->dev, err, "commands",
               p->dev->api.AllocateCommandBuffers(p->dev->device, &info, &oldest->cmd));
    }
    oldest->valid = false;
    oldest->shape = *shape;
    recorder r = {.p = p, .api = &p->dev->api, .cmd = oldest->cmd, .shape = *shape, .bound = AC_NONE};
    AC_TRY(record_all(&r, err));
    oldest->valid = true;
    oldest->used = ++p->clock;
    *out = oldest;
    return AC_OK;
}
