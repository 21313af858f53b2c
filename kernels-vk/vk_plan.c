/* vk_plan.c - operations become steps: bindings, push constants, grids, what is read and written. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "vk_check.h"

enum { LANES = 8, MATVEC_CAP = 2048, WORK_BYTES = 64 << 20 };

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static uint32_t words(uint64_t bytes) {
    return (uint32_t)(bytes / 4);
}

static uint32_t bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* ---- Steps and bindings ---- */

static bool new_set(ac_prog *p, uint32_t *set) {
    if (p->n_sets == p->cap_sets) {
        uint32_t cap = p->cap_sets ? p->cap_sets * 2 : 256;
        vk_binds *b = realloc(p->binds, cap * sizeof *b);
        if (!b) return false;
        p->binds = b;
        p->cap_sets = cap;
    }
    *set = p->n_sets++;
    return true;
}

static vk_step *new_step(ac_prog *p, uint32_t op, vk_step_kind kind) {
    if (p->n_steps == p->cap_steps) {
        uint32_t cap = p->cap_steps ? p->cap_steps * 2 : 256;
        vk_step *s = realloc(p->steps, cap * sizeof *s);
        if (!s) return NULL;
        p->steps = s;
        p->cap_steps = cap;
    }
    uint32_t set;
    if (!new_set(p, &set)) return NULL;
    vk_step *s = &p->steps[p->n_steps++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->op = op;
    s->rows = p->plan->ops[op].rows;
    s->set = set;
    for (int i = 0; i < VK_BINDINGS; i++)
        p->binds[s->set].at[i] = (VkDescriptorBufferInfo){p->dev->dummy.buf, 0, VK_WHOLE_SIZE};
    return s;
}

static void use(vk_step *s, vk_space space, bool write, uint64_t from, uint64_t to) {
    s->use[s->n_use++] = (vk_use){(uint8_t)space, write, from, to};
}

static void bind(ac_prog *p, const vk_step *s, vk_role role, const vk_buf *b, uint64_t offset,
                 uint64_t bytes) {
    p->binds[s->set].at[role] = (VkDescriptorBufferInfo){b->buf, offset, bytes};
}

/* Binds a buffer of the plan and notes its use; returns the words of a row. */
static uint32_t bind_buf(ac_prog *p, vk_step *s, vk_role role, uint32_t buf, bool read, bool write) {
    const ac_plan_buf *b = &p->plan->bufs[buf];
    uint64_t bytes = b->row_bytes * b->rows;
    bind(p, s, role, &p->arena, b->offset, bytes);
    if (read) use(s, VK_SPACE_ARENA, false, b->offset, b->offset + bytes);
    if (write) use(s, VK_SPACE_ARENA, true, b->offset, b->offset + bytes);
    return words(b->row_bytes);
}

static uint32_t bind_in(ac_prog *p, vk_step *s, uint32_t buf, vk_role role) {
    return bind_buf(p, s, role, buf, true, false);
}
static uint32_t bind_out(ac_prog *p, vk_step *s, uint32_t buf, vk_role role) {
    return bind_buf(p, s, role, buf, false, true);
}

/* Binds a part of a weight at an aligned offset; returns the bytes before its first element. */
static uint32_t bind_part(ac_prog *p, const vk_step *s, vk_role role, const vk_part *part) {
    uint64_t align = p->dev->caps.offset_align < 16 ? 16 : p->dev->caps.offset_align,
             from = part->offset / align * align;
    /* words are read in fours, and shifted ones with the word behind */
    uint64_t to = least((part->offset + part->bytes + 4 + 15) / 16 * 16, part->buf->bytes);
    bind(p, s, role, part->buf, from, to - from);
    return (uint32_t)(part->offset - from);
}

static const vk_part *parts_of(const ac_prog *p, uint32_t w, uint32_t *n) {
    *n = p->w->first[w + 1] - p->w->first[w];
    return &p->w->parts[p->w->first[w]];
}

static void bind_inputs(ac_prog *p, const vk_step *s) {
    bind(p, s, VK_IN, &p->inputs, 0, p->inputs.bytes);
}

static ac_status pipe_named(ac_prog *p, const char *name, const uint32_t spec[VK_SPEC], uint32_t *pipe,
                            ac_error *err) {
    vk_key key = {.shader = vk_shader_find(name)};
    if (key.shader == AC_NONE) return ac_fail(err, AC_ERR_INTERNAL, "no shader %s", name);
    if (spec) memcpy(key.spec, spec, sizeof key.spec);
    if (strstr(name, "_sub")) key.lanes = p->dev->caps.subgroup;
    if (strstr(name, "_coop")) key.lanes = p->dev->caps.coop.lanes;
    *pipe = vk_pipe_want(p->dev, &key);
    return *pipe == AC_NONE ? ac_fail(err, AC_ERR_MEMORY, "pipelines") : AC_OK;
}

static uint32_t groups_for(uint64_t n, uint32_t size) {
    return (uint32_t)((n + size - 1) / size);
}

#define PUSH(s, ...) memcpy((s)->push, (uint32_t[VK_PUSH]){__VA_ARGS__}, sizeof(s)->push)
#define NEW_STEP(s, kind)                                                                                    \
    vk_step *s = new_step(p, at, kind);                                                                      \
    if (!s) return ac_fail(err, AC_ERR_MEMORY, "plan of %u operations", p->plan->n_ops)

/* ---- Operations of the grid (elements x rows) ---- */

static ac_status plan_embed(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_embed *op = &p->plan->ops[at].embed;
    const ac_weight *w = &p->plan->weights[op->w];
    uint32_t n_parts, units = groups_for(w->cols, 32);
    const vk_part *part = parts_of(p, op->w, &n_parts);
    char name[40];
    snprintf(name, sizeof name, "embed_%s", ac_type_describe(w->type)->name);
    for (uint32_t i = 0; i < n_parts; i++) {
        NEW_STEP(s, VK_STEP_ROWS);
        uint32_t base = bind_part(p, s, VK_W, &part[i]), y = bind_out(p, s, op->out, VK_Y);
        bind_inputs(p, s);
        /* parts write different rows: no order among them */
        if (i) s->n_use = 0;
        PUSH(s, (uint32_t)w->cols, units, (uint32_t)part[i].row0, part[i].rows, base,
             (uint32_t)part[i].row_bytes, y, p->in_token);
        s->gx = groups_for(units, 64);
        AC_TRY(pipe_named(p, name, (uint32_t[VK_SPEC]){[9] = part[i].planar}, &s->pipe, err));
    }
    return AC_OK;
}

static uint32_t bind_vector(ac_prog *p, const vk_step *s, vk_role role, uint32_t w) {
    uint32_t n;
    return words(bind_part(p, s, role, parts_of(p, w, &n)));
}

static ac_status plan_rms_norm(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_rms_norm *op = &p->plan->ops[at].rms_norm;
    NEW_STEP(s, VK_STEP_ROWS);
    uint32_t x = bind_in(p, s, op->x, VK_X), y = bind_out(p, s, op->out, VK_Y),
             w = bind_vector(p, s, VK_C, op->w);
    PUSH(s, op->n, x, y, w, bits(op->inv_n), bits(op->eps));
    s->gx = op->groups;
    return pipe_named(p, "rms_norm", NULL, &s->pipe, err);
}

typedef struct act_words {
    uint32_t form, q, d, f, s;
} act_words;

static act_words act_of(ac_form form, uint32_t n) {
    ac_act_layout l = ac_act_layout_of(form, n);
    return (act_words){(uint32_t)form, words(l.q), words(l.d), words(l.f), words(l.s)};
}

/* rms_norm or glu, and the quantize that follows, in one. */
static ac_status norm_quantize(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_rms_norm *op = &p->plan->ops[at].rms_norm;
    const ac_op_quantize *q = &p->plan->ops[at + 1].quantize;
    NEW_STEP(s, VK_STEP_ROWS);
    act_words a = act_of(q->form, q->n);
    uint32_t x = bind_in(p, s, op->x, VK_X), y = bind_out(p, s, op->out, VK_Y),
             z = bind_out(p, s, q->out, VK_Z), w = bind_vector(p, s, VK_C, op->w);
    PUSH(s, q->n, x, 0, y, z, a.form, a.q, a.d, a.f, a.s, w, bits(op->inv_n), bits(op->eps));
    s->gx = groups_for(q->n, 4096);
    return pipe_named(p, "norm_quantize", NULL, &s->pipe, err);
}

static ac_status glu_quantize(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_glu *op = &p->plan->ops[at].glu;
    const ac_op_quantize *q = &p->plan->ops[at + 1].quantize;
    NEW_STEP(s, VK_STEP_ROWS);
    act_words a = act_of(q->form, q->n);
    uint32_t x = bind_in(p, s, op->gate, VK_X), b = bind_in(p, s, op->up, VK_B),
             y = bind_out(p, s, op->out, VK_Y), z = bind_out(p, s, q->out, VK_Z);
    PUSH(s, q->n, x, b, y, z, a.form, a.q, a.d, a.f, a.s);
    s->gx = groups_for(q->n, 4096);
    return pipe_named(p, "glu_quantize", NULL, &s->pipe, err);
}

static ac_status plan_quantize(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_quantize *op = &p->plan->ops[at].quantize;
    NEW_STEP(s, VK_STEP_ROWS);
    act_words a = act_of(op->form, op->n);
    uint32_t x = bind_in(p, s, op->x, VK_X), z = bind_out(p, s, op->out, VK_Z);
    PUSH(s, op->n, x, 0, 0, z, a.form, a.q, a.d, a.f, a.s);
    s->gx = groups_for(op->n, 4096);
    return pipe_named(p, "quantize", NULL, &s->pipe, err);
}

static ac_status plan_add(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_add *op = &p->plan->ops[at].add;
    NEW_STEP(s, VK_STEP_ROWS);
    uint32_t x = bind_in(p, s, op->a, VK_X), b = 0, b0 = 0;
    if (op->bias == AC_NONE)
        b = bind_in(p, s, op->b, VK_B);
    else
        b0 = bind_vector(p, s, VK_B, op->bias);
    uint32_t y = bind_out(p, s, op->out, VK_Y);
    PUSH(s, op->n, x, b, y, b0);
    s->gx = groups_for(op->n, 256);
    return pipe_named(p, "add", NULL, &s->pipe, err);
}

static ac_status plan_glu(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_glu *op = &p->plan->ops[at].glu;
    NEW_STEP(s, VK_STEP_ROWS);
    uint32_t x = bind_in(p, s, op->gate, VK_X), b = bind_in(p, s, op->up, VK_B),
             y = bind_out(p, s, op->out, VK_Y);
    PUSH(s, op->n, x, b, y);
    s->gx = groups_for(op->n, 256);
    return pipe_named(p, "glu", NULL, &s->pipe, err);
}

static ac_status plan_gather(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_gather *op = &p->plan->ops[at].gather;
    NEW_STEP(s, VK_STEP_ROWS);
    uint32_t x = bind_in(p, s, op->x, VK_X), y = bind_out(p, s, op->out, VK_Y);
    bind_inputs(p, s);
    PUSH(s, op->n, x, y, p->in_out_row);
    s->gx = groups_for(op->n, 256);
    return pipe_named(p, "gather", NULL, &s->pipe, err);
}

static ac_status plan_argmax(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_argmax *op = &p->plan->ops[at].argmax;
    NEW_STEP(s, VK_STEP_ROWS);
    uint32_t x = bind_in(p, s, op->x, VK_X), y = bind_out(p, s, op->out, VK_Y);
    PUSH(s, op->n, x, y);
    s->gx = 1;
    return pipe_named(p, "argmax", NULL, &s->pipe, err);
}

/* The constant's binding, from an aligned offset; returns words before it. */
static ac_status bind_const(ac_prog *p, const vk_step *s, uint32_t c, uint32_t *offset, ac_error *err) {
    uint64_t bytes = (p->plan->consts[c].bytes + 3) / 4 * 4;
    if (bytes > p->dev->caps.max_range)
        return ac_fail(err, AC_ERR_LIMIT,
                       "plan: constant %s has %llu MiB, the device binds %llu; a shorter context fits",
                       p->plan->consts[c].name, (unsigned long long)(bytes >> 20),
                       (unsigned long long)(p->dev->caps.max_range >> 20));
    bind(p, s, VK_C, &p->consts, p->const_at[c], bytes);
    *offset = 0;
    return AC_OK;
}

static ac_status plan_rope(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_rope *op = &p->plan->ops[at].rope;
    NEW_STEP(s, VK_STEP_ROWS);
    uint32_t y = bind_buf(p, s, VK_Y, op->x, true, true), table;
    AC_TRY(bind_const(p, s, op->table, &table, err));
    bind_inputs(p, s);
    PUSH(s, op->heads, op->head_dim, op->rot, op->halves != 0, y, p->in_pos, table);
    s->gx = groups_for((uint64_t)op->heads * ((op->head_dim + 1) / 2), 64);
    return pipe_named(p, "rope", NULL, &s->pipe, err);
}

/* ---- The cache ---- */

/* Binds a part of a layer and says which pages it has. */
static void bind_layer(ac_prog *p, const vk_step *s, uint32_t layer, uint32_t part) {
    uint64_t offset;
    const vk_buf *b = vk_kv_part(p->kv, layer, part, &offset);
    bind(p, s, VK_KV, b, offset, p->kv->part_bytes);
}

static ac_status kv_store_part(ac_prog *p, uint32_t at, uint32_t part, ac_error *err) {
    const ac_op_kv_store *op = &p->plan->ops[at].kv_store;
    NEW_STEP(s, VK_STEP_ROWS);
    const ac_kv_layout *l = &p->kv->layout;
    uint32_t k = bind_in(p, s, op->k, VK_X), v = bind_in(p, s, op->v, VK_B);
    bind_layer(p, s, op->layer, part);
    use(s, VK_SPACE_KV, true, op->layer, op->layer + 1);
    if (part) s->n_use = 0; /* parts have different pages: no order among them */
    bind_inputs(p, s);
    PUSH(s, op->kv_heads, op->head_dim, k, v, p->in_slot, words(l->dk), words(l->v), words(l->dv),
         words(l->sub_bytes), part * p->kv->part_pages, p->kv->part_pages);
    s->gx = op->kv_heads;
    return pipe_named(p, "kv_store", NULL, &s->pipe, err);
}

static ac_status plan_kv_store(ac_prog *p, uint32_t at, ac_error *err) {
    for (uint32_t part = 0; part < p->kv->parts; part++) AC_TRY(kv_store_part(p, at, part, err));
    return AC_OK;
}

/* rope of k and kv_store in one. */
static ac_status rope_store(ac_prog *p, uint32_t at, ac_error *err) {
    const ac_op_rope *rope = &p->plan->ops[at].rope;
    const ac_op_kv_store *op = &p->plan->ops[at + 1].kv_store;
    NEW_STEP(s, VK_STEP_ROWS);
    const ac_kv_layout *l = &p->kv->layout;
    uint32_t k = bind_buf(p, s, VK_Y, op->k, true, true), v = bind_in(p, s, op->v, VK_B), table;
    AC_TRY(bind_const(p, s, rope->table, &table, err));
    bind_layer(p, s, op->layer, 0);
    use(s, VK_SPACE_KV, true, op->layer, op->layer + 1);
    bind_inputs(p, s);
    PUSH(s, op->kv_heads, op->head_dim, k, v, p->in_slot, words(l->dk), words(l->v), words(l->dv),
         words(l->sub_bytes), 0, p->kv->part_pages, rope->rot, rope->halves != 0, p->in_pos, table);
    s->gx = op->kv_heads;
    return pipe_named(p, "rope_store", NULL, &s->pipe, err);
}

uint32_t vk_attention_tile(const ac_prog *p, const vk_step *s, uint32_t pages) {
    uint64_t row = (uint64_t)s->heads * pages * (s->head_dim + 2), n = p->work_words / row;
    return (uint32_t)least(least(n, 65535), p->dev->caps.max_groups[2]);
}

/* The second half of attention_step when a quantize follows: pages are joined and the row brought into its
 * form at once. */
static ac_status join_quantize(ac_prog *p, vk_step *s, const ac_op_attention *op,
                               const ac_op_quantize *quantize, uint32_t y, ac_error *err) {
    act_words a = act_of(quantize->form, quantize->n);
    uint32_t z = bind_out(p, s, quantize->out, VK_B);
    memcpy(s->push_join,
           (uint32_t[VK_PUSH]){quantize->n, 0, 0, y, z, a.form, a.q, a.d, a.f, a.s, 0, 0, 0, op->heads,
                               op->head_dim, 0, p->in_pos, 0},
           sizeof s->push_join);
    s->join_gx = groups_for(quantize->n, AC_CHUNK);
    s->join_row0 = 15, s->join_pages = 17;
    return pipe_named(p, "join_quantize", NULL, &s->pipe_join, err);
}

/* quantize: an operation to do along, or NULL. */
static ac_status attention_step(ac_prog *p, uint32_t at, const ac_op_quantize *quantize, ac_error *err) {
    const ac_op_attention *op = &p->plan->ops[at].attention;
    NEW_STEP(s, VK_STEP_ATTENTION);
    const ac_kv_layout *l = &p->kv->layout;
    uint32_t per_kv = op->heads / op->kv_heads,
             ht = per_kv % 4 == 0   ? 4
                  : per_kv % 2 == 0 ? 2
                                    : 1,
             pairs = (op->head_dim + 1) / 2;
    if (pairs > 256) ht = 1; /* shared memory */
    uint32_t split = op->head_dim <= 32 ? 8 : op->head_dim <= 64 ? 4 : op->head_dim <= 128 ? 2 : 1;
    uint32_t q = bind_in(p, s, op->q, VK_X), y = bind_out(p, s, op->out, VK_Y);
    bind_layer(p, s, op->layer, 0);
    use(s, VK_SPACE_KV, false, op->layer, op->layer + 1);
    bind_inputs(p, s);
    bind(p, s, VK_Z, &p->work, 0, p->work.bytes);
    s->heads = op->heads, s->head_dim = op->head_dim, s->tiles = op->heads / ht;
    PUSH(s, op->heads, op->kv_heads, op->head_dim, q, 0, p->in_pos, p->in_seq, p->in_pages,
         p->plan->max_pages, 0, words(l->dk), words(l->v), words(l->dv), words(l->sub_bytes),
         bits(op->scale));
    AC_TRY(pipe_named(p, "attention", (uint32_t[VK_SPEC]){0, ht, pairs, split}, &s->pipe, err));
    AC_TRY(pipe_named(p, "attention", (uint32_t[VK_SPEC]){0, 1, pairs, split}, &s->pipe_single, err));
    if (quantize) return join_quantize(p, s, op, quantize, y, err);
    memcpy(s->push_join, (uint32_t[VK_PUSH]){op->heads, op->head_dim, y, 0, p->in_pos, 0},
           sizeof s->push_join);
    s->join_gx = groups_for((uint64_t)op->heads * op->head_dim, 128);
    s->join_row0 = 3, s->join_pages = 5;
    return pipe_named(p, "attention_join", NULL, &s->pipe_join, err);
}

/* Sets for the other parts of a layer: those of the step, with another part of the cache. */
static ac_status attention_sets(ac_prog *p, ac_error *err) {
    vk_step *s = &p->steps[p->n_steps - 1];
    const uint32_t layer = p->plan->ops[s->op].attention.layer;
    s->parts = p->kv->parts, s->part_pages = p->kv->part_pages;
    for (uint32_t part = 1; part < s->parts; part++) {
        vk_step other = *s;
        if (!new_set(p, &other.set))
            return ac_fail(err, AC_ERR_MEMORY, "plan of %u operations", p->plan->n_ops);
        p->binds[other.set] = p->binds[s->set];
        bind_layer(p, &other, layer, part);
    }
    return AC_OK;
}

static ac_status attention_with(ac_prog *p, uint32_t at, const ac_op_quantize *quantize, ac_error *err) {
    AC_TRY(attention_step(p, at, quantize, err));
    return attention_sets(p, err);
}

static ac_status plan_attention(ac_prog *p, uint32_t at, ac_error *err) {
    return attention_with(p, at, NULL, err);
}

/* The work space: as many rows as WORK_BYTES hold, at least one of the longest context. */
static ac_status size_work(ac_prog *p, ac_error *err) {
    uint64_t row = 0, most = least(p->dev->caps.max_range, p->dev->caps.max_alloc);
    for (uint32_t i = 0; i < p->plan->n_ops; i++) {
        const ac_op_attention *op = &p->plan->ops[i].attention;
        if (p->plan->ops[i].kind != AC_OP_attention) continue;
        uint64_t r = (uint64_t)op->heads * p->plan->max_pages * (op->head_dim + 2) * 4;
        row = r > row ? r : row;
    }
    if (!row) return AC_OK;
    uint64_t bytes = least(row * p->plan->max_rows, least(most, WORK_BYTES));
    if (bytes < row) bytes = row;
    if (bytes > most)
        return ac_fail(err, AC_ERR_DEVICE_MEMORY,
                       "%s: attention over %u pages needs %llu MiB at once, the device binds %llu",
                       p->dev->caps.name, p->plan->max_pages, (unsigned long long)(bytes >> 20),
                       (unsigned long long)(most >> 20));
    p->work_words = bytes / 4;
    return vk_buf_create(p->dev, bytes, VK_PLACE_DEVICE, "the work space of attention", &p->work, err);
}

/* ---- Products ---- */

/* What the shaders of a product are chosen by. */
typedef struct product_kind {
    ac_type type;
    ac_form form;
    uint32_t fused_add; /* ADD of the shaders */
    uint32_t planar;
} product_kind;

static ac_status matvec_variant(ac_prog *p, vk_step *s, const char *name, const product_kind *kind,
                                uint32_t i, ac_error *err) {
    vk_matvec *v = &s->variant[i];
    bool chunks = kind->form == AC_FORM_A256; /* an entry per chunk, not per lane */
    uint32_t per = chunks ? 1 : LANES, cap = chunks ? MATVEC_CAP / 2 : MATVEC_CAP,
             sets = s->threads / LANES / s->groups;
    v->nr = 1u << i;
    v->rpt = p->dev->tune[VK_TUNE_rows1 + i];
    /* room in shared memory, and four elements of y per invocation */
    while (v->rpt > 1 && (sets * v->rpt * v->nr * per > cap || sets * v->rpt * v->nr > 4 * s->threads))
        v->rpt /= 2;
    v->seg = (uint32_t)least(s->chunks, cap / (sets * v->rpt * v->nr * per));
    const uint32_t spec[VK_SPEC] = {s->threads, v->rpt, v->nr, cap, kind->fused_add, [9] = kind->planar};
    return pipe_named(p, name, spec, &v->pipe, err);
}

/* ---- Tiles ---- */

enum { TILE_STRIDE = 36, TILE_MIN_STRIDE = 12, TILE_SUB = 32 /* a subgroup's tile is 32 x 32 */ };

/* What the shared memory of matmul.comp depends on, besides the form. */
static const struct {
    bool mins, table, one_piece;
} tile_kinds[AC_TYPE_COUNT] = {
    [AC_TYPE_Q4_1] = {.mins = true},    [AC_TYPE_Q5_1] = {.mins = true},
    [AC_TYPE_Q4_K] = {.mins = true},    [AC_TYPE_Q5_K] = {.mins = true},
    [AC_TYPE_IQ4_NL] = {.table = true}, [AC_TYPE_IQ4_XS] = {.table = true},
    [AC_TYPE_MXFP4] = {.table = true},  [AC_TYPE_Q2_K] = {.mins = true, .one_piece = true},
};

/* Shared memory of matmul.comp: arrays of whole vectors, one behind the other. */
uint32_t vk_tile_bytes(ac_type type, uint32_t br, uint32_t bc, uint32_t numbers) {
    bool chunks = ac_type_describe(type)->form == AC_FORM_A256;
    uint32_t pieces = chunks && !tile_kinds[type].one_piece ? 2 : 1;
    uint32_t n = br * TILE_STRIDE + pieces * bc * TILE_STRIDE + (numbers + 3) / 4 * 4;
    n += chunks ? 2 * br + 2 * bc : 4 * (br + bc); /* factors and scales */
    if (tile_kinds[type].mins) n += (chunks ? TILE_MIN_STRIDE : 4) * (br + bc);
    if (tile_kinds[type].table) n += 16;
    return 4 * n;
}

/* Tiles of the whole workgroup, largest first. */
static const uint32_t tile_sizes[][2] = {{128, 128}, {128, 64}, {64, 128}, {64, 64}, {64, 32}, {32, 32}};

/* Fragments of the rung: rows of x, rows of W, elements of K, lanes that share one. */
typedef struct vk_frag {
    uint32_t m, n, k, lanes;
    bool emulated; /* as cooperative matrices, in plain code */
} vk_frag;

static vk_frag choose_frag(const ac_dev *dev) {
    const vk_caps *c = &dev->caps;
    const uint32_t *tune = dev->tune;
    if (dev->on[VK_FEATURE_coopmat]) return (vk_frag){c->coop.m, c->coop.n, c->coop.k, c->coop.lanes, false};
    vk_frag f = {tune[VK_TUNE_frag_m], tune[VK_TUNE_frag_n], tune[VK_TUNE_frag_k], tune[VK_TUNE_frag_lanes],
                 false};
    f.lanes = f.lanes < 4 * f.m ? f.lanes : 4 * f.m;
    f.emulated = f.m != TILE_SUB || f.n != TILE_SUB || f.k != 32 || f.lanes != 32;
    return f;
}

static ac_status plan_tile(ac_prog *p, vk_step *s, const product_kind *kind, ac_error *err) {
    const vk_caps *c = &p->dev->caps;
    const vk_frag f = choose_frag(p->dev);
    bool coop = p->dev->on[VK_FEATURE_coopmat];
    char name[48];
    snprintf(name, sizeof name, "matmul_%s%s", ac_type_describe(kind->type)->name,
             coop                         ? "_coop"
             : p->dev->on[VK_FEATURE_dot] ? "_dot"
                                          : "");
    for (size_t i = 0; i < sizeof tile_sizes / sizeof *tile_sizes; i++) {
        uint32_t br = tile_sizes[i][0], bc = tile_sizes[i][1],
                 threads = br / TILE_SUB * (bc / TILE_SUB) * f.lanes;
        if (vk_tile_bytes(kind->type, br, bc, coop || f.emulated ? f.m * f.n : 1) > c->shared_bytes ||
            threads > 256 || threads > c->invocations)
            continue;
        if (br > p->dev->tune[VK_TUNE_tile_rows] || bc > p->dev->tune[VK_TUNE_tile_cols]) continue;
        s->tile = (vk_tile){0, p->dev->tune[VK_TUNE_tile_from], br, bc};
        const uint32_t spec[VK_SPEC] = {threads,
                                        br,
                                        bc,
                                        TILE_SUB / f.m,
                                        TILE_SUB / f.n,
                                        f.lanes,
                                        f.m * f.n / f.lanes,
                                        kind->fused_add,
                                        f.emulated,
                                        kind->planar,
                                        f.m,
                                        f.n,
                                        f.k};
        return pipe_named(p, name, spec, &s->tile.pipe, err);
    }
    return AC_OK;
}

/* A sum to do along with a product: binds its operands and gives the shaders' ADD (0 without `add`). */
static uint32_t bind_add(ac_prog *p, vk_step *s, const ac_op_matmul *op, const ac_op_add *add) {
    VkDescriptorBufferInfo *at = p->binds[s->set].at;
    at[VK_B] = at[VK_X]; /* never read, and never written, without `add` */
    at[VK_Z] = at[VK_Y];
    if (!add) return 0;
    uint32_t brow = 0, b0 = 0;
    if (add->bias == AC_NONE)
        brow = bind_in(p, s, add->a == op->out ? add->b : add->a, VK_B);
    else
        b0 = bind_vector(p, s, VK_B, add->bias);
    uint32_t zrow = bind_out(p, s, add->out, VK_Z);
    s->push[12] = brow, s->push[13] = b0, s->push[14] = zrow;
    return add->out == op->out ? 2 : 1;
}

static ac_status plan_matvec_part(ac_prog *p, uint32_t at, const ac_op_matmul *op, const ac_op_add *add,
                                  const vk_part *part, bool first, ac_error *err) {
    NEW_STEP(s, VK_STEP_MATVEC);
    const ac_weight *w = &p->plan->weights[op->w];
    const ac_type_info *info = ac_type_describe(w->type);
    ac_dev *dev = p->dev;
    act_words a = act_of(info->form, op->n);
    uint32_t base = bind_part(p, s, VK_W, part), x = bind_in(p, s, op->x, VK_X),
             y = bind_out(p, s, op->out, VK_Y);
    s->m = part->rows;
    s->threads = dev->tune[VK_TUNE_threads];
    s->chunks = groups_for(op->n, AC_CHUNK);
    s->groups = 1;
    while (s->groups * 2 <= s->chunks && s->groups < s->threads / LANES) s->groups *= 2;
    PUSH(s, part->rows, op->n, s->chunks, groups_for(op->n, 32), base, (uint32_t)part->row_bytes, x, a.d, a.f,
         a.s, y, (uint32_t)part->row0);
    const product_kind kind = {w->type, info->form, bind_add(p, s, op, add), part->planar};
    if (!first) s->n_use = 1; /* parts write different elements: only x is read by all */
    bool dot = dev->on[VK_FEATURE_dot] && info->form != AC_FORM_F32;
    bool sub =
        dev->on[VK_FEATURE_subgroup] && info->form == AC_FORM_A256 && s->threads % dev->caps.subgroup == 0;
    char name[48];
    snprintf(name, sizeof name, "matvec_%s%s%s", info->name, dot ? "_dot" : "", sub ? "_sub" : "");
    uint32_t most = p->plan->ops[at].rows == AC_ROWS_OUT ? p->plan->max_out : p->plan->max_rows;
    for (uint32_t i = 0; i < VK_VARIANTS; i++) {
        AC_TRY(matvec_variant(p, s, name, &kind, i, err));
        s->n_variants = i + 1;
        if (s->variant[i].nr >= most) break;
    }
    if (most < dev->tune[VK_TUNE_tile_from] || info->form == AC_FORM_F32 || !dev->on[VK_FEATURE_tile])
        return AC_OK;
    return plan_tile(p, s, &kind, err);
}

static ac_status product(ac_prog *p, uint32_t at, const ac_op_add *add, ac_error *err) {
    const ac_op_matmul *op = &p->plan->ops[at].matmul;
    uint32_t n;
    const vk_part *part = parts_of(p, op->w, &n);
    for (uint32_t i = 0; i < n; i++) AC_TRY(plan_matvec_part(p, at, op, add, &part[i], i == 0, err));
    return AC_OK;
}

static ac_status plan_matmul(ac_prog *p, uint32_t at, ac_error *err) {
    return product(p, at, NULL, err);
}

static ac_status (*const plans[AC_OP_COUNT])(ac_prog *, uint32_t, ac_error *) = {
#define OP(name, text) [AC_OP_##name] = plan_##name,
#include <anychip/ops.def>
#undef OP
};

/* ---- Pairs of operations done in one dispatch. The bits are those of one after the other; a pair whose
 * memory overlaps in a way that only the order between them makes right is left alone. ---- */

static bool apart(const ac_prog *p, uint32_t a, uint32_t b) {
    const ac_plan_buf *x = &p->plan->bufs[a], *y = &p->plan->bufs[b];
    return x->offset + x->row_bytes * x->rows <= y->offset || y->offset + y->row_bytes * y->rows <= x->offset;
}

static bool same_or_apart(const ac_prog *p, uint32_t a, uint32_t b) {
    return a == b || apart(p, a, b);
}

static bool quantizes(const ac_op *b, uint32_t buf, uint64_t n) {
    return b->kind == AC_OP_quantize && b->quantize.x == buf && b->quantize.n == n;
}

/* What the pair (at, at + 1) is done with; sets *done when it is. */
static ac_status plan_pair(ac_prog *p, uint32_t at, bool *done, ac_error *err) {
    const ac_op *a = &p->plan->ops[at], *b = a + 1;
    *done = true;
    if (a->rows != b->rows)
        *done = false;
    else if (a->kind == AC_OP_rms_norm && a->rms_norm.groups == 1 &&
             quantizes(b, a->rms_norm.out, a->rms_norm.n) && apart(p, a->rms_norm.x, a->rms_norm.out) &&
             apart(p, a->rms_norm.x, b->quantize.out))
        return norm_quantize(p, at, err);
    else if (a->kind == AC_OP_glu && quantizes(b, a->glu.out, a->glu.n) &&
             apart(p, a->glu.gate, b->quantize.out) && apart(p, a->glu.up, b->quantize.out) &&
             same_or_apart(p, a->glu.gate, a->glu.out) && same_or_apart(p, a->glu.up, a->glu.out))
        return glu_quantize(p, at, err);
    else if (a->kind == AC_OP_attention &&
             quantizes(b, a->attention.out, (uint64_t)a->attention.heads * a->attention.head_dim) &&
             apart(p, a->attention.q, b->quantize.out))
        return attention_with(p, at, &b->quantize, err);
    else if (a->kind == AC_OP_rope && b->kind == AC_OP_kv_store && b->kv_store.k == a->rope.x &&
             apart(p, b->kv_store.v, b->kv_store.k) && a->rope.heads == b->kv_store.kv_heads &&
             a->rope.head_dim == b->kv_store.head_dim && a->rope.head_dim <= 1024 &&
             p->kv->parts == 1 /* rotated once */)
        return rope_store(p, at, err);
    else if (a->kind == AC_OP_matmul && b->kind == AC_OP_add && b->add.n == a->matmul.m &&
             apart(p, a->matmul.x, b->add.out) &&
             ((b->add.bias != AC_NONE && b->add.a == a->matmul.out) ||
              (b->add.bias == AC_NONE && (b->add.a == a->matmul.out) != (b->add.b == a->matmul.out) &&
               same_or_apart(p, b->add.a, b->add.b))))
        return product(p, at, &b->add, err);
    *done = false;
    return AC_OK;
}

/* ---- All of it ---- */

static void note_limits(ac_prog *p) {
    p->limit.token = p->limit.pos = UINT64_MAX;
    for (uint32_t i = 0; i < p->plan->n_ops; i++) {
        const ac_op *op = &p->plan->ops[i];
        if (op->kind == AC_OP_embed)
            p->limit.token = least(p->limit.token, p->plan->weights[op->embed.w].rows);
        if (op->kind == AC_OP_rope)
            p->limit.pos = least(p->limit.pos, p->plan->consts[op->rope.table].bytes / (op->rope.rot * 4u));
        p->limit.stores |= op->kind == AC_OP_kv_store;
        p->limit.gathers |= op->kind == AC_OP_gather;
        p->limit.attends |= op->kind == AC_OP_attention;
    }
}

ac_status vk_plan_steps(ac_prog *p, ac_error *err) {
    AC_TRY(vk_check(p, err));
    note_limits(p);
    AC_TRY(size_work(p, err));
    for (uint32_t i = 0; i < p->plan->n_ops; i++) {
        bool pair = false;
        if (p->dev->on[VK_FEATURE_fuse] && i + 1 < p->plan->n_ops) AC_TRY(plan_pair(p, i, &pair, err));
        if (!pair) AC_TRY(plans[p->plan->ops[i].kind](p, i, err));
        i += pair;
    }
    return AC_OK;
}
