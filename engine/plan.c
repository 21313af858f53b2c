/* plan.c - the one place where a transformer is written down. */
#include "plan.h"

#include <string.h>

#include "alloc.h"

/* A buffer while the plan is built: alive from the operation that first names it to the one that last does.
 */
typedef struct span {
    uint32_t first, last;
} span;

typedef struct builder {
    const ac_hparams *hp;
    const ac_stage *stage;
    ac_plan_settings set;
    ac_built_plan *out;
    span *spans;
    uint32_t n_ops, cap_ops, n_bufs, cap_bufs;
    ac_rows rows; /* of the operations being added */
    bool failed;  /* memory was short; later additions do nothing */
    float inv_dim, inv_head;
} builder;

/* ---- Buffers ---- */

static uint32_t buf_new(builder *b, const char *name, ac_buf_kind kind, uint64_t row_bytes) {
    if (b->n_bufs == b->cap_bufs) {
        uint32_t cap = b->cap_bufs ? b->cap_bufs * 2 : 64;
        ac_plan_buf *bufs = ac__array_grow(b->out->bufs, cap, sizeof *bufs);
        if (bufs) b->out->bufs = bufs;
        span *spans = bufs ? ac__array_grow(b->spans, cap, sizeof *spans) : NULL;
        if (!spans) {
            b->failed = true;
            return AC_NONE;
        }
        b->spans = spans;
        b->cap_bufs = cap;
    }
    uint32_t rows = b->rows == AC_ROWS_OUT ? b->set.max_out : b->set.max_rows;
    b->out->bufs[b->n_bufs] = (ac_plan_buf){.name = name, .kind = kind, .row_bytes = row_bytes, .rows = rows};
    b->spans[b->n_bufs] = (span){UINT32_MAX, 0};
    return b->n_bufs++;
}

/* Rows start in different sets of the caches: products write columns, and lines that lie a power of two apart
 * would drive each other out. */
static uint64_t spread(uint64_t row_bytes) {
    enum { LINE = 64, SETS_APART = 1024 };
    return row_bytes % SETS_APART ? row_bytes : row_bytes + LINE;
}

static uint32_t floats(builder *b, const char *name, uint64_t n) {
    return buf_new(b, name, AC_BUF_SCRATCH, spread(n * sizeof(float)));
}

static void touch(builder *b, uint32_t buf) {
    if (buf == AC_NONE) return;
    span *s = &b->spans[buf];
    if (s->first == UINT32_MAX) s->first = b->n_ops;
    s->last = b->n_ops;
}

static void emit(builder *b, ac_op op) {
    if (b->failed) return;
    if (b->n_ops == b->cap_ops) {
        uint32_t cap = b->cap_ops ? b->cap_ops * 2 : 256;
        ac_op *ops = ac__array_grow(b->out->ops, cap, sizeof *ops);
        if (!ops) {
            b->failed = true;
            return;
        }
        b->out->ops = ops;
        b->cap_ops = cap;
    }
    op.rows = b->rows;
    ac_op_uses uses = ac_op_buffers(&op);
    for (int i = 0; i < 3; i++) touch(b, uses.read[i]);
    touch(b, uses.write[0]);
    b->out->ops[b->n_ops++] = op;
}

static uint64_t round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

static bool overlaps(span a, span b) {
    return a.first <= b.last && b.first <= a.last;
}

/* Operations by row that follow each other are one moment: a backend may do them row by row. */
static void join_rows(builder *b) {
    const ac_op *ops = b->out->ops;
    for (uint32_t first = 0, end; first < b->n_ops; first = end) {
        for (end = first + 1; end < b->n_ops && ac_op_by_row(ops[end - 1].kind) &&
                              ac_op_by_row(ops[end].kind) && ops[end].rows == ops[first].rows;)
            end++;
        for (uint32_t i = 0; i < b->n_bufs; i++) {
            span *s = &b->spans[i];
            if (s->first > first && s->first < end) s->first = first;
            if (s->last >= first && s->last < end - 1) s->last = end - 1;
        }
    }
}

/* First fit in order of creation: at the lowest offset where no buffer alive at the same time lies. Quadratic
 * in a few hundred buffers. */
static void place_buffers(builder *b) {
    ac_plan_buf *bufs = b->out->bufs;
    uint64_t arena = 0;
    for (uint32_t i = 0; i < b->n_bufs; i++) {
        uint64_t size = round_up(bufs[i].row_bytes * bufs[i].rows, 256), at = 0;
        for (uint32_t j = 0; j < i; j++) {
            uint64_t end = bufs[j].offset + round_up(bufs[j].row_bytes * bufs[j].rows, 256);
            if (!overlaps(b->spans[i], b->spans[j]) || at >= end || at + size <= bufs[j].offset) continue;
            at = end;
            j = UINT32_MAX; /* start over from the new offset */
        }
        bufs[i].offset = at;
        if (at + size > arena) arena = at + size;
    }
    b->out->plan.arena_bytes = arena ? arena : 256;
}

/* ---- Operations ---- */

/* x in the activation forms that several products need, each made at most once. */
typedef struct forms {
    uint32_t x, n;
    uint32_t made[AC_FORM_COUNT];
} forms;

static forms forms_of(uint32_t x, uint32_t n) {
    return (forms){x, n, {AC_NONE, AC_NONE, AC_NONE}};
}

static const ac_weight *weight(const builder *b, uint32_t w) {
    return &b->stage->weights[w];
}

static uint32_t quantized(builder *b, forms *f, ac_form form) {
    if (f->made[form] != AC_NONE) return f->made[form];
    uint32_t out = buf_new(b, "activations", AC_BUF_SCRATCH, ac_act_layout_of(form, f->n).row_bytes);
    emit(b, (ac_op){.kind = AC_OP_quantize, .quantize = {f->x, out, f->n, form}});
    return f->made[form] = out;
}

static void add_bias(builder *b, uint32_t x, uint32_t bias, uint32_t n) {
    if (bias != AC_NONE) emit(b, (ac_op){.kind = AC_OP_add, .add = {x, AC_NONE, bias, x, n}});
}

static void product_into(builder *b, forms *f, uint32_t w, uint32_t bias, uint32_t out) {
    uint32_t m = (uint32_t)weight(b, w)->rows;
    uint32_t x = quantized(b, f, ac_type_describe(weight(b, w)->type)->form);
    emit(b, (ac_op){.kind = AC_OP_matmul, .matmul = {w, x, out, m, f->n}});
    add_bias(b, out, bias, m);
}

static uint32_t product(builder *b, const char *name, forms *f, uint32_t w, uint32_t bias) {
    uint32_t out = floats(b, name, weight(b, w)->rows);
    product_into(b, f, w, bias, out);
    return out;
}

static void norm(builder *b, uint32_t x, uint32_t w, uint32_t out, uint32_t n, uint32_t groups, float inv_n) {
    emit(b, (ac_op){.kind = AC_OP_rms_norm, .rms_norm = {x, w, out, n, groups, b->hp->eps, inv_n}});
}

static uint32_t normed(builder *b, uint32_t x, uint32_t w) {
    uint32_t out = floats(b, "normed", b->hp->dim);
    norm(b, x, w, out, b->hp->dim, 1, b->inv_dim);
    return out;
}

static void rotate(builder *b, uint32_t x, uint32_t heads) {
    const ac_hparams *h = b->hp;
    emit(b, (ac_op){.kind = AC_OP_rope, .rope = {x, 0, heads, h->head_dim, h->rope.rot, h->arch->halves}});
}

static void gather_rows(builder *b, uint32_t *x, uint32_t n) {
    uint32_t out = floats(b, "gathered", n);
    emit(b, (ac_op){.kind = AC_OP_gather, .gather = {*x, out, n}});
    *x = out;
}

/* x + attention(norm(x)); in the last layer only the wanted rows go on behind the attention. */
static void attention_block(builder *b, const ac_layer_weights *w, uint32_t layer, uint32_t *x, bool last) {
    const ac_hparams *h = b->hp;
    forms f = forms_of(normed(b, *x, w->attn_norm), h->dim);
    uint32_t q = product(b, "q", &f, w->q, w->q_bias);
    uint32_t k = product(b, "k", &f, w->k, w->k_bias);
    uint32_t v = product(b, "v", &f, w->v, w->v_bias);
    if (w->q_norm != AC_NONE) {
        norm(b, q, w->q_norm, q, h->head_dim, h->heads, b->inv_head);
        norm(b, k, w->k_norm, k, h->head_dim, h->kv_heads, b->inv_head);
    }
    rotate(b, q, h->heads);
    rotate(b, k, h->kv_heads);
    emit(b, (ac_op){.kind = AC_OP_kv_store, .kv_store = {k, v, layer, h->kv_heads, h->head_dim}});
    uint32_t o = floats(b, "attention", (uint64_t)h->heads * h->head_dim);
    float scale = (float)(1.0 / __builtin_sqrt((double)h->head_dim)); /* IEEE: the same everywhere */
    emit(b, (ac_op){.kind = AC_OP_attention,
                    .attention = {q, o, layer, h->heads, h->kv_heads, h->head_dim, scale}});
    if (last) {
        b->rows = AC_ROWS_OUT;
        gather_rows(b, &o, h->heads * h->head_dim);
        gather_rows(b, x, h->dim);
    }
    forms fo = forms_of(o, h->heads * h->head_dim);
    uint32_t t = product(b, "attention out", &fo, w->o, w->o_bias);
    emit(b, (ac_op){.kind = AC_OP_add, .add = {*x, t, AC_NONE, *x, h->dim}});
}

/* x + down(silu(gate(norm(x))) * up(norm(x))) */
static void feed_forward_block(builder *b, const ac_layer_weights *w, uint32_t x) {
    const ac_hparams *h = b->hp;
    forms f = forms_of(normed(b, x, w->ffn_norm), h->dim);
    uint32_t gate = product(b, "gate", &f, w->gate, w->gate_bias);
    uint32_t up = product(b, "up", &f, w->up, w->up_bias);
    emit(b, (ac_op){.kind = AC_OP_glu, .glu = {gate, up, gate, h->ffn}});
    forms fd = forms_of(gate, h->ffn);
    uint32_t t = product(b, "ffn out", &fd, w->down, w->down_bias);
    emit(b, (ac_op){.kind = AC_OP_add, .add = {x, t, AC_NONE, x, h->dim}});
}

static void head(builder *b, uint32_t x) {
    forms f = forms_of(normed(b, x, b->stage->output_norm), b->hp->dim);
    uint32_t logits = buf_new(b, "logits", AC_BUF_OUTPUT, (uint64_t)b->hp->vocab * sizeof(float));
    product_into(b, &f, b->stage->output, AC_NONE, logits);
    b->out->out = logits;
}

static void stage_ops(builder *b) {
    const ac_stage *s = b->stage;
    uint64_t row = b->hp->dim * sizeof(float);
    /* hidden rows that cross a stage's border must survive outside the run */
    bool whole = s->embeds && s->heads;
    ac_buf_kind kind = whole ? AC_BUF_SCRATCH : s->heads ? AC_BUF_INPUT : AC_BUF_OUTPUT;
    uint32_t x = buf_new(b, "hidden", kind, row);
    b->out->in = s->embeds ? AC_NONE : x;
    b->out->out = x;
    if (s->embeds) emit(b, (ac_op){.kind = AC_OP_embed, .embed = {s->embd, x}});
    for (uint32_t l = s->first; l < s->last; l++) {
        attention_block(b, &s->layers[l - s->first], l - s->first, &x, s->heads && l + 1 == s->last);
        feed_forward_block(b, &s->layers[l - s->first], x);
    }
    if (s->heads) head(b, x);
}

/* Input and output buffers are the host's before and after the run. */
static void widen_host_buffers(builder *b) {
    for (uint32_t i = 0; i < b->n_bufs; i++)
        if (b->out->bufs[i].kind != AC_BUF_SCRATCH) b->spans[i] = (span){0, b->n_ops};
}

ac_status ac__plan_build(const ac_model *m, const ac_stage *s, const ac_plan_settings *settings,
                         ac_built_plan *out, ac_error *err) {
    memset(out, 0, sizeof *out);
    builder b = {.hp = &m->hp, .stage = s, .set = *settings, .out = out, .rows = AC_ROWS_ALL};
    b.inv_dim = (float)(1.0 / m->hp.dim);
    b.inv_head = (float)(1.0 / m->hp.head_dim);
    stage_ops(&b);
    if (!b.failed) {
        widen_host_buffers(&b);
        join_rows(&b);
        place_buffers(&b);
    }
    ac__free(b.spans);
    if (b.failed) return ac_fail(err, AC_ERR_MEMORY, "plan of %u layers", s->last - s->first);
    ac_plan *p = &out->plan;
    p->ops = out->ops, p->n_ops = b.n_ops;
    p->bufs = out->bufs, p->n_bufs = b.n_bufs;
    p->consts = settings->rope, p->n_consts = 1;
    p->weights = s->weights, p->n_weights = s->n_weights;
    p->max_rows = settings->max_rows, p->max_out = settings->max_out;
    p->max_seqs = settings->max_seqs, p->max_pages = settings->max_pages;
    return AC_OK;
}

void ac__plan_free(ac_built_plan *p) {
    ac__free(p->ops);
    ac__free(p->bufs);
    memset(p, 0, sizeof *p);
}
