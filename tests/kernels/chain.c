/* chain: a whole transformer layer and a half as one plan, with buffers that share memory, so that ordering,
 * barriers and repeated runs are tested too; and the way rows are cut into runs may not matter. */
#include "harness.h"

typedef struct dims {
    ac_type type;
    uint32_t vocab, dim, heads, kv_heads, head_dim, ffn, rows, seqs;
} dims;

static kc_cells cells_of(ac_type type) {
    ac_form form = ac_type_describe(type)->form;
    return form == AC_FORM_A32 ? KC_CELLS_A32 : form == AC_FORM_A256 ? KC_CELLS_A256 : KC_CELLS_F32;
}

static void matmul(kc_case *c, ac_type type, ac_rows rows, uint32_t x, uint32_t out, uint32_t m, uint32_t n) {
    ac_op *op = kc_op(c, AC_OP_matmul, rows);
    op->matmul = (ac_op_matmul){.w = kc_weight(c, type, m, n, KC_NORMAL), .x = x, .out = out, .m = m, .n = n};
}

static void norm(kc_case *c, ac_rows rows, uint32_t x, uint32_t out, uint32_t n, uint32_t groups) {
    ac_op *op = kc_op(c, AC_OP_rms_norm, rows);
    op->rms_norm = (ac_op_rms_norm){.x = x,
                                    .w = kc_weight(c, AC_TYPE_F32, 1, n, KC_NORMAL),
                                    .out = out,
                                    .n = n,
                                    .groups = groups,
                                    .eps = 1e-5f,
                                    .inv_n = 1.0f / (float)n};
}

static void quantize(kc_case *c, ac_type type, ac_rows rows, uint32_t x, uint32_t out, uint32_t n) {
    kc_op(c, AC_OP_quantize, rows)->quantize =
        (ac_op_quantize){.x = x, .out = out, .n = n, .form = ac_type_describe(type)->form};
}

static void add(kc_case *c, uint32_t a, uint32_t b, uint32_t n) {
    kc_op(c, AC_OP_add, AC_ROWS_ALL)->add = (ac_op_add){.a = a, .b = b, .bias = AC_NONE, .out = a, .n = n};
}

/* All these buffers are written before they are read; the harness sees them as outputs. */
typedef struct bufs {
    uint32_t x, h, xq, q, k, v, o, oq, gate, up, gq, last, lq, logits, best;
} bufs;

static bufs make_bufs(kc_case *c, dims d) {
    kc_cells f = cells_of(d.type);
    bufs b;
    b.x = kc_out(c, "x", KC_CELLS_F32, d.dim);
    b.h = kc_out(c, "h", KC_CELLS_F32, d.dim);
    b.xq = kc_out(c, "xq", f, d.dim);
    b.q = kc_out(c, "q", KC_CELLS_F32, d.heads * d.head_dim);
    b.k = kc_out(c, "k", KC_CELLS_F32, d.kv_heads * d.head_dim);
    b.v = kc_out(c, "v", KC_CELLS_F32, d.kv_heads * d.head_dim);
    b.o = kc_out(c, "o", KC_CELLS_F32, d.heads * d.head_dim);
    b.oq = kc_out(c, "oq", f, d.heads * d.head_dim);
    b.gate = kc_out(c, "gate", KC_CELLS_F32, d.ffn);
    b.up = kc_out(c, "up", KC_CELLS_F32, d.ffn);
    b.gq = kc_out(c, "gq", f, d.ffn);
    b.last = kc_out(c, "last", KC_CELLS_F32, d.dim);
    b.lq = kc_out(c, "lq", f, d.dim);
    b.logits = kc_out(c, "logits", KC_CELLS_F32, d.vocab);
    b.best = kc_out(c, "best", KC_CELLS_I32, 1);
    return b;
}

static void attention_block(kc_case *c, dims d, const bufs *b, uint32_t table) {
    uint32_t q_n = d.heads * d.head_dim, kv_n = d.kv_heads * d.head_dim;
    norm(c, AC_ROWS_ALL, b->x, b->h, d.dim, 1);
    quantize(c, d.type, AC_ROWS_ALL, b->h, b->xq, d.dim);
    matmul(c, d.type, AC_ROWS_ALL, b->xq, b->q, q_n, d.dim);
    matmul(c, d.type, AC_ROWS_ALL, b->xq, b->k, kv_n, d.dim);
    matmul(c, d.type, AC_ROWS_ALL, b->xq, b->v, kv_n, d.dim);
    norm(c, AC_ROWS_ALL, b->k, b->k, d.head_dim, d.kv_heads);
    kc_op(c, AC_OP_rope, AC_ROWS_ALL)->rope = (ac_op_rope){b->q, table, d.heads, d.head_dim, d.head_dim, 1};
    kc_op(c, AC_OP_rope, AC_ROWS_ALL)->rope =
        (ac_op_rope){b->k, table, d.kv_heads, d.head_dim, d.head_dim, 1};
    kc_op(c, AC_OP_kv_store, AC_ROWS_ALL)->kv_store = (ac_op_kv_store){b->k, b->v, 0, d.kv_heads, d.head_dim};
    kc_op(c, AC_OP_attention, AC_ROWS_ALL)->attention =
        (ac_op_attention){b->q, b->o, 0, d.heads, d.kv_heads, d.head_dim, 0.125f};
    quantize(c, d.type, AC_ROWS_ALL, b->o, b->oq, q_n);
    matmul(c, d.type, AC_ROWS_ALL, b->oq, b->h, d.dim, q_n);
    add(c, b->x, b->h, d.dim);
}

static void ffn_block(kc_case *c, dims d, const bufs *b) {
    norm(c, AC_ROWS_ALL, b->x, b->h, d.dim, 1);
    quantize(c, d.type, AC_ROWS_ALL, b->h, b->xq, d.dim);
    matmul(c, d.type, AC_ROWS_ALL, b->xq, b->gate, d.ffn, d.dim);
    matmul(c, d.type, AC_ROWS_ALL, b->xq, b->up, d.ffn, d.dim);
    kc_op(c, AC_OP_glu, AC_ROWS_ALL)->glu = (ac_op_glu){b->gate, b->up, b->gate, d.ffn};
    quantize(c, d.type, AC_ROWS_ALL, b->gate, b->gq, d.ffn);
    matmul(c, d.type, AC_ROWS_ALL, b->gq, b->h, d.dim, d.ffn);
    add(c, b->x, b->h, d.dim);
}

static void head_block(kc_case *c, dims d, const bufs *b) {
    kc_op(c, AC_OP_gather, AC_ROWS_OUT)->gather = (ac_op_gather){b->x, b->last, d.dim};
    norm(c, AC_ROWS_OUT, b->last, b->last, d.dim, 1);
    quantize(c, d.type, AC_ROWS_OUT, b->last, b->lq, d.dim);
    matmul(c, d.type, AC_ROWS_OUT, b->lq, b->logits, d.vocab, d.dim);
    kc_op(c, AC_OP_argmax, AC_ROWS_OUT)->argmax = (ac_op_argmax){b->logits, b->best, d.vocab};
}

static void one(kc_check *kc, dims d) {
    enum { POSITIONS = 300 };
    char name[40];
    snprintf(name, sizeof name, "chain %s", ac_type_describe(d.type)->name);
    kc_case *c = kc_begin(kc, name, d.rows, "dim=%u heads=%u/%u of %u ffn=%u rows=%u seqs=%u", d.dim, d.heads,
                          d.kv_heads, d.head_dim, d.ffn, d.rows, d.seqs);
    if (!c) return;
    kc_cache(c, 1, d.seqs, 2, d.kv_heads, d.head_dim);
    float *table = malloc(POSITIONS * d.head_dim * sizeof *table);
    CHECK(table, "no memory");
    for (uint32_t i = 0; i < POSITIONS * d.head_dim; i++)
        table[i] = (float)((int)kc_below(&c->random, 201) - 100) * 0.0078125f;
    uint32_t t = kc_const(c, table, POSITIONS * d.head_dim * sizeof *table);
    bufs b = make_bufs(c, d);
    kc_op(c, AC_OP_embed, AC_ROWS_ALL)->embed =
        (ac_op_embed){kc_weight(c, d.type, d.vocab, d.dim, KC_NORMAL), b.x};
    attention_block(c, d, &b, t);
    ffn_block(c, d, &b);
    head_block(c, d, &b);
    c->run.n_out = 0;
    for (uint32_t r = 0; r < d.rows; r++) {
        c->token[r] = (int32_t)kc_below(&c->random, d.vocab);
        kc_place(c, r, r % d.seqs, r / d.seqs);
        if (r % 3 == 0) c->out_row[c->run.n_out++] = (int32_t)r;
    }
    kc_end(c);
}

void kc_test_chain(kc_check *kc) {
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        ac_type type = (ac_type)t;
        bool wide = ac_type_describe(type)->block_elems == 256;
        if (kc->bench) continue;
        one(kc, (dims){type, 61, 256, 4, 2, 64, 512, 7, 2});
        if (kc->level == KC_VECTORS) continue;
        if (!wide) one(kc, (dims){type, 130, 96, 3, 1, 32, 160, 33, 1});
        one(kc, (dims){type, 33, 512, 8, 8, 64, 256, 1, 1});
        if (kc->level == KC_FULL) one(kc, (dims){type, 517, 512, 4, 1, 128, 1024, 270, 3});
    }
}
