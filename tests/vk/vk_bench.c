/* vk_bench.c - what a Vulkan device gives: bandwidth of matrix-vector products per weight type, rate of
 * products with many rows per rung, and a whole model of a given shape with random weights. Figures come from
 * the device's timestamps (products) and from the clock (model).
 *
 *   vk_bench [--device N] [--mask WORDS] [--cache DIR] matvec TYPE... | matmul ROWS TYPE... | model TYPE
 * LAYERS ROWS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <anychip/backend.h>

#include "vk_entry.h"

enum { REPEATS = 20, WARM = 3, SLOW = 1 };

typedef struct options {
    uint32_t device;
    const char *mask, *cache;
} options;

static const ac_backend *vk;
static ac_dev *dev;
static ac_error err;

static void must(ac_status s, const char *what) {
    if (s == AC_OK) return;
    fprintf(stderr, "vk_bench: %s: %s: %s\n", what, ac_status_name(s), err.detail);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Weights: random bytes with scales that keep results small ---- */

static void *blocks(ac_type type, uint64_t rows, uint64_t cols, uint64_t *bytes) {
    static const struct {
        ac_type type;
        uint32_t at[2];
    } halves[] = {{AC_TYPE_Q4_0, {0, 0}},   {AC_TYPE_Q4_1, {0, 2}},     {AC_TYPE_Q5_0, {0, 0}},
                  {AC_TYPE_Q5_1, {0, 2}},   {AC_TYPE_Q8_0, {0, 0}},     {AC_TYPE_IQ4_NL, {0, 0}},
                  {AC_TYPE_Q2_K, {80, 82}}, {AC_TYPE_Q3_K, {108, 108}}, {AC_TYPE_Q4_K, {0, 2}},
                  {AC_TYPE_Q5_K, {0, 2}},   {AC_TYPE_Q6_K, {208, 208}}, {AC_TYPE_IQ4_XS, {0, 0}}};
    const ac_type_info *info = ac_type_describe(type);
    *bytes = ac_type_row_bytes(type, cols) * rows;
    uint8_t *p = malloc(*bytes + 8);
    if (!p) exit(1);
    uint64_t state = 88172645463325252u;
    for (uint64_t i = 0; i < *bytes; i += 8) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        memcpy(p + i, &state, *bytes - i < 8 ? *bytes - i : 8);
    }
    for (uint64_t b = 0; b < *bytes; b += info->block_bytes) {
        if (type == AC_TYPE_MXFP4) p[b] = 110;
        for (size_t h = 0; h < sizeof halves / sizeof *halves; h++)
            for (int k = 0; halves[h].type == type && k < 2; k++)
                p[b + halves[h].at[k] + 1] = 0x0c; /* about 2^-12 */
        if (type == AC_TYPE_F16 || type == AC_TYPE_BF16) p[b + 1] = type == AC_TYPE_F16 ? 0x20 : 0x3c;
        if (type == AC_TYPE_F32) p[b + 3] = 0x3c;
    }
    return p;
}

/* ---- A plan in the making ---- */

enum { MAX_OPS = 2048, MAX_BUFS = 64, MAX_WEIGHTS = 2048 };

typedef struct build {
    ac_plan plan;
    ac_op ops[MAX_OPS];
    ac_plan_buf bufs[MAX_BUFS];
    ac_weight weights[MAX_WEIGHTS];
    ac_plan_const consts[1];
    uint64_t weight_bytes, moved; /* all, and those a token reads */
    double work;                  /* multiply-adds per row */
} build;

static build *new_build(uint32_t max_rows, uint32_t pages) {
    build *b = calloc(1, sizeof *b);
    if (!b) exit(1);
    b->plan = (ac_plan){.ops = b->ops,
                        .bufs = b->bufs,
                        .consts = b->consts,
                        .weights = b->weights,
                        .max_rows = max_rows,
                        .max_out = 1,
                        .max_seqs = 1,
                        .max_pages = pages};
    return b;
}

static uint32_t buf(build *b, const char *name, uint64_t row_bytes, uint32_t rows) {
    b->bufs[b->plan.n_bufs] = (ac_plan_buf){name, AC_BUF_SCRATCH, b->plan.arena_bytes, row_bytes, rows};
    b->plan.arena_bytes += (row_bytes * rows + 255) / 256 * 256;
    return b->plan.n_bufs++;
}

static uint32_t weight(build *b, ac_type type, uint64_t rows, uint64_t cols, const void *data) {
    b->weights[b->plan.n_weights] = (ac_weight){.name = "random",
                                                .type = type,
                                                .rows = rows,
                                                .cols = cols,
                                                .data = data,
                                                .bytes = ac_type_row_bytes(type, cols) * rows};
    b->weight_bytes += b->weights[b->plan.n_weights].bytes;
    return b->plan.n_weights++;
}

static ac_op *op(build *b, ac_op_kind kind, ac_rows rows) {
    ac_op *o = &b->ops[b->plan.n_ops++];
    o->kind = kind;
    o->rows = rows;
    return o;
}

static uint64_t act_bytes(ac_type type, uint64_t n) {
    return ac_act_layout_of(ac_type_describe(type)->form, n).row_bytes;
}

static void matmul(build *b, uint32_t w, uint32_t x, uint32_t out, ac_rows rows) {
    const ac_weight *t = &b->weights[w];
    op(b, AC_OP_matmul, rows)->matmul = (ac_op_matmul){w, x, out, (uint32_t)t->rows, (uint32_t)t->cols};
    b->moved += t->bytes;
    b->work += (double)t->rows * (double)t->cols;
}

/* ---- Products alone ---- */

static double time_product(ac_prog *p, const build *b, uint32_t rows, uint64_t *ns) {
    double best = 1e30;
    ac_run run = {.n_rows = rows};
    for (int i = 0; i < WARM + REPEATS; i++) {
        if (i > WARM + SLOW && best > 0.1) break; /* a slow device: enough seen */
        must(vk->run(p, &run, &err), "run");
        must(vk->wait(p, &err), "wait");
        must(vk->times(p, ns, &err), "times");
        for (uint32_t k = 0; i >= WARM && k < b->plan.n_ops; k++)
            if ((double)ns[k] * 1e-9 < best) best = (double)ns[k] * 1e-9;
    }
    return best;
}

static void product(ac_type type, uint32_t m, uint32_t n, uint32_t rows, bool rate) {
    uint64_t bytes, ns[8];
    build *b = new_build(rows, 1);
    void *data = blocks(type, m, n, &bytes);
    /* several copies, so that no cache holds them */
    uint32_t copies = bytes > (100u << 20) ? 2 : 4;
    uint32_t x = buf(b, "x", act_bytes(type, n), rows), y = buf(b, "y", m * 4ull, rows);
    for (uint32_t i = 0; i < copies; i++) matmul(b, weight(b, type, m, n, data), x, y, AC_ROWS_ALL);
    ac_weights *w;
    ac_prog *p;
    must(vk->load(dev, b->weights, b->plan.n_weights, NULL, NULL, &w, &err), "load");
    must(vk->prepare(dev, w, NULL, &b->plan, &p, &err), "prepare");
    must(vk->profile(p, true, &err), "profile");
    double s = time_product(p, b, rows, ns);
    if (rate)
        printf("  %-7s %5u x %5u, %4u rows: %8.3f ms %8.2f TOPS\n", ac_type_describe(type)->name, m, n, rows,
               1e3 * s, 2e-12 * m * n * rows / s);
    else
        printf("  %-7s %5u x %5u: %8.1f us %8.1f GB/s\n", ac_type_describe(type)->name, m, n, 1e6 * s,
               1e-9 * (double)bytes / s);
    fflush(stdout);
    vk->release(p);
    vk->unload(w);
    free(data);
    free(b);
}

/* ---- A model: llama's shape at 8 billion parameters, fewer layers on request ---- */

enum { DIM = 4096, HEADS = 32, KV_HEADS = 8, HEAD_DIM = 128, FFN = 14336, VOCAB = 128256, PAGES = 8 };

typedef struct tensors {
    void *square, *narrow, *wide, *down, *vocab;
    float *norm;
} tensors;

static void layer(build *b, ac_type type, const tensors *t, uint32_t l, const uint32_t *f) {
    enum { X, H, XQ, Q, K, V, O, OQ, GATE, UP, GQ, T };
    uint32_t q = weight(b, type, DIM, DIM, t->square), k = weight(b, type, 1024, DIM, t->narrow),
             v = weight(b, type, 1024, DIM, t->narrow);
    uint32_t o = weight(b, type, DIM, DIM, t->square), gate = weight(b, type, FFN, DIM, t->wide),
             up = weight(b, type, FFN, DIM, t->wide);
    uint32_t down = weight(b, type, DIM, FFN, t->down), norm = weight(b, AC_TYPE_F32, 1, DIM, t->norm);
    ac_form form = ac_type_describe(type)->form;
    for (int half = 0; half < 2; half++) {
        op(b, AC_OP_rms_norm, AC_ROWS_ALL)->rms_norm =
            (ac_op_rms_norm){f[X], norm, f[H], DIM, 1, 1e-5f, 1.0f / DIM};
        op(b, AC_OP_quantize, AC_ROWS_ALL)->quantize = (ac_op_quantize){f[H], f[XQ], DIM, form};
        if (half == 0) {
            matmul(b, q, f[XQ], f[Q], AC_ROWS_ALL), matmul(b, k, f[XQ], f[K], AC_ROWS_ALL),
                matmul(b, v, f[XQ], f[V], AC_ROWS_ALL);
            op(b, AC_OP_rope, AC_ROWS_ALL)->rope = (ac_op_rope){f[Q], 0, HEADS, HEAD_DIM, HEAD_DIM, 0};
            op(b, AC_OP_rope, AC_ROWS_ALL)->rope = (ac_op_rope){f[K], 0, KV_HEADS, HEAD_DIM, HEAD_DIM, 0};
            op(b, AC_OP_kv_store, AC_ROWS_ALL)->kv_store =
                (ac_op_kv_store){f[K], f[V], l, KV_HEADS, HEAD_DIM};
            op(b, AC_OP_attention, AC_ROWS_ALL)->attention =
                (ac_op_attention){f[Q], f[O], l, HEADS, KV_HEADS, HEAD_DIM, 0.088388346f};
            op(b, AC_OP_quantize, AC_ROWS_ALL)->quantize = (ac_op_quantize){f[O], f[OQ], DIM, form};
            matmul(b, o, f[OQ], f[T], AC_ROWS_ALL);
        } else {
            matmul(b, gate, f[XQ], f[GATE], AC_ROWS_ALL), matmul(b, up, f[XQ], f[UP], AC_ROWS_ALL);
            op(b, AC_OP_glu, AC_ROWS_ALL)->glu = (ac_op_glu){f[GATE], f[UP], f[GATE], FFN};
            op(b, AC_OP_quantize, AC_ROWS_ALL)->quantize = (ac_op_quantize){f[GATE], f[GQ], FFN, form};
            matmul(b, down, f[GQ], f[T], AC_ROWS_ALL);
        }
        op(b, AC_OP_add, AC_ROWS_ALL)->add = (ac_op_add){f[X], f[T], AC_NONE, f[X], DIM};
    }
}

static build *model_plan(ac_type type, uint32_t layers, uint32_t rows, const tensors *t, float *table) {
    build *b = new_build(rows, PAGES);
    const uint64_t row[] = {
        DIM * 4, DIM * 4, act_bytes(type, DIM), DIM * 4, 4096, 4096, DIM * 4, act_bytes(type, DIM),
        FFN * 4, FFN * 4, act_bytes(type, FFN), DIM * 4};
    uint32_t f[12];
    for (int i = 0; i < 12; i++) f[i] = buf(b, "row", row[i], rows);
    b->consts[0] = (ac_plan_const){"angles", table, PAGES * 256 * HEAD_DIM * 4};
    b->plan.n_consts = 1;
    uint32_t embd = weight(b, type, VOCAB, DIM, t->vocab), norm = weight(b, AC_TYPE_F32, 1, DIM, t->norm);
    op(b, AC_OP_embed, AC_ROWS_ALL)->embed = (ac_op_embed){embd, f[0]};
    for (uint32_t l = 0; l < layers; l++) layer(b, type, t, l, f);
    uint32_t g = buf(b, "gathered", DIM * 4, 1), lq = buf(b, "last", act_bytes(type, DIM), 1),
             n = buf(b, "normed", DIM * 4, 1), logits = buf(b, "logits", VOCAB * 4, 1);
    b->bufs[logits].kind = AC_BUF_OUTPUT;
    op(b, AC_OP_gather, AC_ROWS_OUT)->gather = (ac_op_gather){f[0], g, DIM};
    op(b, AC_OP_rms_norm, AC_ROWS_OUT)->rms_norm = (ac_op_rms_norm){g, norm, n, DIM, 1, 1e-5f, 1.0f / DIM};
    op(b, AC_OP_quantize, AC_ROWS_OUT)->quantize = (ac_op_quantize){n, lq, DIM, ac_type_describe(type)->form};
    matmul(b, embd, lq, logits, AC_ROWS_OUT);
    return b;
}

typedef struct session {
    ac_prog *p;
    int32_t *token, *pos, *seq, *slot, pages[PAGES];
    uint32_t logits;
    float *out;
} session;

static double run_rows(const session *s, uint32_t rows, uint32_t pos0) {
    for (uint32_t r = 0; r < rows; r++)
        s->token[r] = (int32_t)(r % 1000), s->pos[r] = (int32_t)(pos0 + r), s->seq[r] = 0,
        s->slot[r] = (int32_t)(pos0 + r);
    int32_t out_row = (int32_t)rows - 1;
    ac_run run = {.n_rows = rows,
                  .n_out = 1,
                  .token = s->token,
                  .pos = s->pos,
                  .seq = s->seq,
                  .slot = s->slot,
                  .out_row = &out_row,
                  .pages = s->pages,
                  .n_pages_used = (pos0 + rows - 1) / 256 + 1};
    double start = now();
    must(vk->run(s->p, &run, &err), "run");
    must(vk->wait(s->p, &err), "wait");
    must(vk->read(s->p, s->logits, 0, s->out, VOCAB * 4, &err), "read");
    return now() - start;
}

static void profile(const session *s, const build *b, uint32_t rows, uint32_t pos0) {
    uint64_t *ns = calloc(b->plan.n_ops, sizeof *ns), sum[AC_OP_COUNT] = {0}, all = 0;
    must(vk->profile(s->p, true, &err), "profile");
    run_rows(s, rows, pos0);
    run_rows(s, rows, pos0);
    must(vk->times(s->p, ns, &err), "times");
    for (uint32_t i = 0; i < b->plan.n_ops; i++) sum[b->ops[i].kind] += ns[i], all += ns[i];
    printf("    profile of %u rows, us (operations fused into others show as 0):", rows);
    for (int k = 0; k < AC_OP_COUNT; k++)
        if (sum[k]) printf(" %s %.0f", ac_op_name((ac_op_kind)k), 1e-3 * (double)sum[k]);
    printf("; all %.0f\n", 1e-3 * (double)all);
    must(vk->profile(s->p, false, &err), "profile");
    free(ns);
}

static void model(ac_type type, uint32_t layers, uint32_t rows) {
    uint64_t bytes;
    tensors t = {blocks(type, DIM, DIM, &bytes),   blocks(type, 1024, DIM, &bytes),
                 blocks(type, FFN, DIM, &bytes),   blocks(type, DIM, FFN, &bytes),
                 blocks(type, VOCAB, DIM, &bytes), malloc(DIM * 4)};
    float *table = malloc(PAGES * 256 * HEAD_DIM * 4);
    if (!t.norm || !table) exit(1);
    for (int i = 0; i < DIM; i++) t.norm[i] = 1.0f;
    for (int i = 0; i < PAGES * 256 * HEAD_DIM; i++) table[i] = i % 2 ? 0.6f : 0.8f;
    build *b = model_plan(type, layers, rows, &t, table);
    ac_weights *w;
    ac_kv_mem *kv;
    session s = {.token = calloc(rows, 4),
                 .pos = calloc(rows, 4),
                 .seq = calloc(rows, 4),
                 .slot = calloc(rows, 4),
                 .logits = b->plan.n_bufs - 1,
                 .out = malloc(VOCAB * 4)};
    for (int i = 0; i < PAGES; i++) s.pages[i] = i;
    double t0 = now();
    must(vk->load(dev, b->weights, b->plan.n_weights, NULL, NULL, &w, &err), "load");
    double t1 = now();
    must(vk->kv_create(dev, layers, PAGES, KV_HEADS, HEAD_DIM, &kv, &err), "kv_create");
    must(vk->prepare(dev, w, kv, &b->plan, &s.p, &err), "prepare");
    printf("  %s, %u layers: %.2f GB loaded in %.2f s, prepared in %.2f s\n", ac_type_describe(type)->name,
           layers, 1e-9 * (double)b->weight_bytes, t1 - t0, now() - t1);
    double best = 1e30, one = 1e30;
    for (int i = 0; i < 4 && rows > 1; i++) {
        double d = run_rows(&s, rows, 0);
        best = d < best ? d : best;
    }
    for (uint32_t i = 0; i < 40; i++) {
        double d = run_rows(&s, 1, rows + i);
        one = i > 3 && d < one ? d : one;
    }
    if (rows > 1)
        printf("    prefill %u: %.2f ms, %.0f tokens/s, %.1f TOPS\n", rows, 1e3 * best, rows / best,
               2e-12 * b->work * rows / best);
    printf("    decode at %u: %.3f ms, %.1f tokens/s, %.0f GB/s of weights\n", rows, 1e3 * one, 1 / one,
           1e-9 * (double)b->moved / one);
    profile(&s, b, 1, rows);
    if (rows > 1) profile(&s, b, rows, 0);
    fflush(stdout);
    vk->release(s.p);
    vk->kv_destroy(kv);
    vk->unload(w);
    free(s.token), free(s.pos), free(s.seq), free(s.slot), free(s.out);
    free(t.square), free(t.narrow), free(t.wide), free(t.down), free(t.vocab), free(t.norm), free(table),
        free(b);
}

/* ---- Command ---- */

static ac_type type_named(const char *name) {
    ac_type t = ac_type_from_name(name);
    if (t == AC_TYPE_COUNT) {
        fprintf(stderr, "vk_bench: no weight type %s\n", name);
        exit(2);
    }
    return t;
}

static int usage(void) {
    fprintf(stderr, "usage: vk_bench [--device N] [--mask WORDS] [--cache DIR] matvec TYPE... | matmul ROWS "
                    "TYPE... | model TYPE LAYERS ROWS\n");
    return 2;
}

int main(int argc, char **argv) {
    options o = {0};
    int i = 1;
    for (; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
        if (!strcmp(argv[i], "--device"))
            o.device = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--mask"))
            o.mask = argv[i + 1];
        else if (!strcmp(argv[i], "--cache"))
            o.cache = argv[i + 1];
        else
            return usage();
    }
    if (i + 1 >= argc) return usage();
    ac_device_info info;
    vk = ac_backend_vk(AC_BACKEND_ABI);
    must(vk->open(&(ac_open_settings){.index = o.device, .mask = o.mask, .cache_dir = o.cache}, &dev, &err),
         "open");
    vk->describe(dev, &info);
    printf("%s, %s: %s%s%s\n", info.name, info.driver, info.detail, o.mask ? "; mask " : "",
           o.mask ? o.mask : "");
    const char *what = argv[i++];
    if (!strcmp(what, "matvec")) {
        for (; i < argc; i++)
            product(type_named(argv[i]), 14336, 4096, 1, false),
                product(type_named(argv[i]), 4096, 14336, 1, false);
    } else if (!strcmp(what, "matmul")) {
        uint32_t rows = (uint32_t)strtoul(argv[i++], NULL, 10);
        for (; i < argc; i++) product(type_named(argv[i]), 4096, 14336, rows, true);
    } else if (!strcmp(what, "model") && i + 2 < argc) {
        model(type_named(argv[i]), (uint32_t)strtoul(argv[i + 1], NULL, 10),
              (uint32_t)strtoul(argv[i + 2], NULL, 10));
    } else {
        return usage();
    }
    vk->close(dev);
    return 0;
}
