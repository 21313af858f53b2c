/* vk_record.c - the commands of a run, recorded once per shape and replayed. Barriers come from what steps
 * read and write. */
#include "vk_prog.h"

#include <stdlib.h>

enum {
    MAX_PENDING = 64,
    FEW_GROUPS = 512,  /* below this a large GPU is not filled */
    GROUP_COST = 4096, /* of a workgroup of an elementwise operation */
    SHORT_OF = 4,      /* slices so many times shorter than could be are recorded anew */
    ATTENTION_COST = 4 /* a multiply-add of attention takes as long as so many of a product */
};

typedef struct recorder {
    ac_prog *p;
    vk_api *api;
    VkCommandBuffer cmd;
    vk_shape shape;
    vk_use pending[MAX_PENDING]; /* since the last barrier */
    uint32_t n_pending;
    uint32_t bound; /* pipeline */
    vk_recording *rec;
    uint64_t spent;  /* multiply-adds of the commands at hand */
    VkResult result; /* of the first call that failed */
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

/* ---- Slices ---- */

static void failed(recorder *r, VkResult result) {
    if (r->result == VK_SUCCESS) r->result = result;
}

static bool grow(vk_recording *rec) {
    uint32_t cap = rec->cap_cmds ? rec->cap_cmds * 2 : 4;
    VkCommandBuffer *cmds = realloc(rec->cmds, cap * sizeof(VkCommandBuffer));
    if (!cmds) return false;
    rec->cmds = cmds;
    rec->cap_cmds = cap;
    return true;
}

static void begin_slice(recorder *r) {
    VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                        .commandPool = r->p->dev->pool,
                                        .commandBufferCount = 1};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    vk_recording *rec = r->rec;
    if (rec->n_cmds == rec->cap_cmds && !grow(rec)) {
        failed(r, VK_ERROR_OUT_OF_HOST_MEMORY);
        return;
    }
    VkResult result = r->api->AllocateCommandBuffers(r->p->dev->device, &info, &r->cmd);
    if (result == VK_SUCCESS) rec->cmds[rec->n_cmds++] = r->cmd;
    if (result == VK_SUCCESS) result = r->api->BeginCommandBuffer(r->cmd, &begin);
    if (result != VK_SUCCESS) failed(r, result);
    r->bound = AC_NONE;
    r->spent = 0;
}

static void end_slice(recorder *r) {
    if (r->result != VK_SUCCESS) return;
    VkResult result = r->api->EndCommandBuffer(r->cmd);
    if (result != VK_SUCCESS) failed(r, result);
    if (r->spent > r->rec->largest) r->rec->largest = r->spent;
}

/* Before commands of this cost: a new submission when they would make this one too long. Barriers reach over
 * the border. */
static void spend(recorder *r, uint64_t cost) {
    if (r->spent && r->spent + cost > r->rec->slice && r->result == VK_SUCCESS) {
        end_slice(r);
        if (r->result == VK_SUCCESS) begin_slice(r);
    }
    r->spent += cost;
    r->rec->cost += cost;
}

/* ---- Dispatches ---- */

typedef struct launch {
    uint32_t set, pipe;
    const uint32_t *push;
    bool narrow; /* the grid is not continued in z, so that x can be cut */
} launch;

/* A part of a grid, in one go. */
static void dispatch_part(recorder *r, const launch *l, const uint32_t base[3], const uint32_t n[3],
                          uint64_t cost) {
    const ac_dev *dev = r->p->dev;
    spend(r, cost);
    if (r->result != VK_SUCCESS) return;
    if (r->bound != l->pipe)
        r->api->CmdBindPipeline(r->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->pipes[l->pipe].pipe);
    r->bound = l->pipe;
    r->api->CmdBindDescriptorSets(r->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->layout, 0, 1,
                                  &r->p->sets[l->set], 0, NULL);
    r->api->CmdPushConstants(r->cmd, dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, VK_PUSH * 4, l->push);
    if (base[0] | base[1] | base[2]) /* older validation layers do not look at this one */
        r->api->CmdDispatchBase(r->cmd, base[0], base[1], base[2], n[0], n[1], n[2]);
    else
        r->api->CmdDispatch(r->cmd, n[0], n[1], n[2]);
}

/* A grid, cut along z, then y, then x until its parts cost no more than a slice. */
static void dispatch_cut(recorder *r, const launch *l, const uint32_t base[3], const uint32_t n[3],
                         uint64_t cost) {
    int axis = n[2] > 1 ? 2 : n[1] > 1 ? 1 : l->narrow && n[0] > 1 ? 0 : -1;
    uint64_t slice = r->rec->slice;
    if (cost <= slice || axis < 0) {
        dispatch_part(r, l, base, n, cost);
        return;
    }
    uint64_t each = cost / n[axis] + 1, per = slice / each;
    uint32_t step = per > 1 ? (uint32_t)per : 1;
    for (uint32_t at = 0; at < n[axis]; at += step) {
        uint32_t from[3] = {base[0], base[1], base[2]}, part[3] = {n[0], n[1], n[2]};
        from[axis] += at;
        part[axis] = n[axis] - at < step ? n[axis] - at : step;
        dispatch_cut(r, l, from, part, each * part[axis]);
    }
}

/* cost: multiply-adds, or what takes as long. */
static void dispatch(recorder *r, uint32_t set, uint32_t pipe, const uint32_t *push, uint32_t x, uint32_t y,
                     uint32_t z, uint64_t cost) {
    const launch l = {set, pipe, push, z == 1};
    dispatch_cut(r, &l, (const uint32_t[3]){0, 0, 0}, (const uint32_t[3]){x, y, z}, cost);
}

/* x groups, continued in z where the device has less (bind.glsl's group_x). */
static void dispatch_wide(recorder *r, const vk_step *s, uint32_t pipe, const uint32_t *push, uint32_t x,
                          uint32_t y, uint64_t cost) {
    uint32_t most = r->p->dev->caps.max_groups[0], z = (x + most - 1) / most;
    dispatch(r, s->set, pipe, push, z > 1 ? most : x, y, z, cost);
}

static uint64_t product_cost(const vk_step *s, uint32_t rows) {
    return (uint64_t)s->m * rows * s->chunks * AC_CHUNK;
}

static void record_tiles(recorder *r, const vk_step *s, uint32_t rows) {
    uint32_t push[VK_PUSH];
    for (int k = 0; k < VK_PUSH; k++) push[k] = s->push[k];
    push[15] = rows;
    dispatch_wide(r, s, s->tile.pipe, push, (s->m + s->tile.bc - 1) / s->tile.bc,
                  (rows + s->tile.br - 1) / s->tile.br, product_cost(s, rows));
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
    dispatch_wide(r, s, v->pipe, push, (s->m + per_group - 1) / per_group, (rows + v->nr - 1) / v->nr,
                  product_cost(s, rows));
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
        uint64_t each = (uint64_t)r->shape.pages * s->heads * s->head_dim * n; /* channels of all pages */
        for (uint32_t part = 0; part < s->parts; part++) { /* of the cache: other pages, other results */
            push[15] = part * s->part_pages, push[16] = s->part_pages;
            dispatch(r, s->set + part, few ? s->pipe_single : s->pipe, push, r->shape.pages,
                     few ? s->heads : s->tiles, n, each * AC_PAGE * 2 * ATTENTION_COST);
        }
        order(r, &work, 1);
        dispatch(r, s->set, s->pipe_join, join, s->join_gx, n, 1, each * 16);
        order(r, s->use, s->n_use); /* still under way after the barriers in between */
    }
}

static void record_step(recorder *r, const vk_step *s) {
    uint32_t rows = s->rows == AC_ROWS_OUT ? r->shape.n_out : r->shape.n_rows;
    if (!rows) return;
    order(r, s->use, s->n_use);
    switch (s->kind) {
    case VK_STEP_ROWS:
        dispatch_wide(r, s, s->pipe, s->push, s->gx, rows, (uint64_t)s->gx * rows * GROUP_COST);
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
                                          VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                                          VK_ACCESS_TRANSFER_WRITE_BIT};
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
    begin_slice(r);
    if (r->result != VK_SUCCESS) return vk_dev_fail(p->dev, err, r->result, "commands");
    if (r->shape.profile) r->api->CmdResetQueryPool(r->cmd, p->queries, 0, p->plan->n_ops + 1);
    timestamp(r, 0);
    uint32_t done = 0; /* operations that have their timestamp */
    for (uint32_t i = 0; i < p->n_steps && r->result == VK_SUCCESS; i++) {
        if (r->shape.profile && p->steps[i].op > done) {
            barrier(r); /* so that times belong to one operation */
            while (done < p->steps[i].op) timestamp(r, ++done);
        }
        record_step(r, &p->steps[i]);
    }
    if (r->result == VK_SUCCESS) {
        if (r->shape.profile) barrier(r);
        while (r->shape.profile && done < p->plan->n_ops) timestamp(r, ++done);
        finish(r);
        end_slice(r);
    }
    return r->result == VK_SUCCESS ? AC_OK : vk_dev_fail(p->dev, err, r->result, "commands");
}

/* Whether slices of this size are as good as new ones: a little too long or much too short ones are not. */
static bool fits(const vk_recording *rec, uint64_t slice) {
    if (rec->slice / 2 > slice && rec->largest / 2 > slice) return false;
    return rec->n_cmds == 1 || slice / SHORT_OF <= rec->slice;
}

static void forget(ac_prog *p, vk_recording *rec) {
    if (rec->n_cmds) p->dev->api.FreeCommandBuffers(p->dev->device, p->dev->pool, rec->n_cmds, rec->cmds);
    rec->n_cmds = 0;
    rec->largest = rec->cost = 0;
    rec->valid = false;
}

static bool same(const vk_shape *a, const vk_shape *b) {
    return a->n_rows == b->n_rows && a->n_out == b->n_out && a->pages == b->pages && a->profile == b->profile;
}

ac_status vk_record(ac_prog *p, const vk_shape *shape, vk_recording **out, ac_error *err) {
    vk_recording *take = &p->rec[0];
    uint64_t slice = vk_slice(p->dev);
    for (int i = 0; i < VK_RECORDINGS; i++) {
        vk_recording *c = &p->rec[i];
        bool had = c->valid && same(&c->shape, shape);
        if (had && fits(c, slice)) {
            c->used = ++p->clock;
            *out = c;
            return AC_OK;
        }
        if (c->used < take->used) take = c;
        if (had) {
            take = c;
            break;
        }
    }
    forget(p, take);
    take->shape = *shape;
    take->slice = slice;
    recorder r = {.p = p, .api = &p->dev->api, .rec = take, .shape = *shape};
    AC_TRY(record_all(&r, err));
    vk_log(p->dev, 3, "%s: %u rows, %u pages recorded as %u submissions of at most %.3g multiply-adds",
           p->dev->caps.name, shape->n_rows, shape->pages, take->n_cmds, (double)take->largest);
    take->valid = true;
    take->used = ++p->clock;
    *out = take;
    return AC_OK;
}
