/* truth.c - does the reference compute what the operations mean? Every operation against double arithmetic
 * and libm, within the error that its number formats allow. What kernel_check compares devices with is judged
 * here. */
#include <math.h>

#include <anychip/blocks.h>

#include "cpu_entry.h"
#include "harness.h"

/* ---- A plan of one or two operations on the reference
 * ----------------------------------------------------------- */

typedef struct setup {
    ac_op ops[2];
    uint32_t n_ops;
    ac_plan_buf bufs[4];
    uint32_t n_bufs, rows, pages, kv_heads, head_dim;
    uint64_t arena;
    ac_weight weights[1];
    uint32_t n_weights;
    ac_plan_const table;
    const int32_t *token, *pos;
} setup;

static ac_dev *device;
static ac_error err;

static uint32_t buffer(setup *s, uint64_t row_bytes) {
    s->bufs[s->n_bufs] = (ac_plan_buf){"buf", AC_BUF_SCRATCH, s->arena, row_bytes, s->rows};
    s->arena += (row_bytes * s->rows + 255) / 256 * 256;
    return s->n_bufs++;
}

/* Writes the inputs [rows, bytes] to buffers 0 .. n_in - 1, runs, reads buffer `out`. */
static void compute(const setup *s, const void *const *in, uint32_t n_in, uint32_t out, void *result) {
    const ac_backend *b = ac_backend_cpu(AC_BACKEND_ABI);
    ac_plan plan = {.ops = s->ops,
                    .n_ops = s->n_ops,
                    .bufs = s->bufs,
                    .n_bufs = s->n_bufs,
                    .arena_bytes = s->arena,
                    .weights = s->weights,
                    .n_weights = s->n_weights,
                    .consts = &s->table,
                    .n_consts = s->table.data ? 1 : 0,
                    .max_rows = s->rows,
                    .max_out = s->rows,
                    .max_seqs = 1,
                    .max_pages = s->pages};
    int32_t *zero = calloc(s->rows + s->pages, sizeof *zero), *pages = calloc(s->pages + 1, sizeof *pages);
    CHECK(zero && pages, "no memory");
    for (uint32_t i = 0; i < s->pages; i++) pages[i] = (int32_t)i;
    ac_run run = {.n_rows = s->rows,
                  .n_out = s->rows,
                  .token = s->token ? s->token : zero,
                  .pos = s->pos ? s->pos : zero,
                  .seq = zero,
                  .slot = s->pos ? s->pos : zero,
                  .out_row = zero,
                  .pages = pages,
                  .n_pages_used = s->pages};
    ac_weights *w = NULL;
    ac_kv_mem *kv = NULL;
    ac_prog *prog = NULL;
    CHECK_OK(b->load(device, s->weights, s->n_weights, NULL, NULL, &w, &err));
    if (s->pages) CHECK_OK(b->kv_create(device, 1, s->pages, s->kv_heads, s->head_dim, &kv, &err));
    CHECK_OK(b->prepare(device, w, kv, &plan, &prog, &err));
    for (uint32_t i = 0; i < n_in; i++)
        CHECK_OK(b->write(prog, i, 0, in[i], s->bufs[i].row_bytes * s->rows, &err));
    CHECK_OK(b->run(prog, &run, &err));
    CHECK_OK(b->wait(prog, &err));
    CHECK_OK(b->read(prog, out, 0, result, s->bufs[out].row_bytes * s->rows, &err));
    b->release(prog);
    b->kv_destroy(kv);
    b->unload(w);
    free(zero);
    free(pages);
}

static void *room(size_t bytes) {
    void *p = calloc(1, bytes);
    CHECK(p, "no memory");
    return p;
}

static float *random_floats(uint64_t *random, size_t n, kc_data data) {
    float *x = room(n * sizeof *x);
    kc_floats(random, data, x, n);
    return x;
}

static void report(const char *what, double worst, double allowed, const char *unit) {
    printf("%-28s largest error %-10.4g allowed %-10.4g %s\n", what, worst, allowed, unit);
    CHECK(worst <= allowed, "%s", what);
}

/* ---- Weights
 * ----------------------------------------------------------------------------------------------------- */

static double half_at(const uint8_t *p) {
    return (double)ac_half((uint16_t)(p[0] | p[1] << 8));
}

/* The weight at column i of a row, as the formats define it. Codes come from blocks.h, which is checked
 * against gguf-py. */
static double weight_at(ac_type type, const uint8_t *row, uint64_t i) {
    const ac_type_info *info = ac_type_describe(type);
    const uint8_t *p = row + i / info->block_elems * info->block_bytes;
    const void *b = p;
    unsigned k = (unsigned)(i % info->block_elems);
    float f32;
    switch (type) {
    case AC_TYPE_F32:
        return (double)*(const float *)memcpy(&f32, p, sizeof f32);
    case AC_TYPE_F16:
        return half_at(p);
    case AC_TYPE_BF16:
        return (double)ac_from_bits((uint32_t)(p[0] | p[1] << 8) << 16);
    case AC_TYPE_Q4_0:
        return half_at(p) * ((int)ac_code_q4_0(b, k) - 8);
    case AC_TYPE_Q4_1:
        return half_at(p) * ac_code_q4_1(b, k) + half_at(p + 2);
    case AC_TYPE_Q5_0:
        return half_at(p) * ((int)ac_code_q5_0(b, k) - 16);
    case AC_TYPE_Q5_1:
        return half_at(p) * ac_code_q5_1(b, k) + half_at(p + 2);
    case AC_TYPE_Q8_0:
        return half_at(p) * ac_code_q8_0(b, k);
    case AC_TYPE_IQ4_NL:
        return half_at(p) * ac_table_iq4[ac_code_iq4_nl(b, k)];
    case AC_TYPE_MXFP4:
        return ldexp(ac_table_mxfp4[ac_code_mxfp4(b, k)], p[0] - 128);
    case AC_TYPE_Q2_K:
        return half_at(p + 80) * ac_scale_q2_k(b, k / 16) * ac_code_q2_k(b, k) -
               half_at(p + 82) * ac_min_q2_k(b, k / 16);
    case AC_TYPE_Q3_K:
        return half_at(p + 108) * ((int)ac_scale_q3_k(b, k / 16) - 32) * ((int)ac_code_q3_k(b, k) - 4);
    case AC_TYPE_Q4_K:
        return half_at(p) * ac_scale_q4_k(b, k / 32) * ac_code_q4_k(b, k) -
               half_at(p + 2) * ac_min_q4_k(b, k / 32);
    case AC_TYPE_Q5_K:
        return half_at(p) * ac_scale_q5_k(b, k / 32) * ac_code_q5_k(b, k) -
               half_at(p + 2) * ac_min_q5_k(b, k / 32);
    case AC_TYPE_Q6_K:
        return half_at(p + 208) * ac_scale_q6_k(b, k / 16) * ((int)ac_code_q6_k(b, k) - 32);
    case AC_TYPE_IQ4_XS:
        return half_at(p) * ((int)ac_scale_iq4_xs(b, k / 32) - 32) * ac_table_iq4[ac_code_iq4_xs(b, k)];
    case AC_TYPE_COUNT:
        break;
    }
    return 0;
}

/* embed: at most one rounding of the weight, two where there is a minimum. */
static void check_embed(ac_type type, uint64_t *random) {
    enum { VOCAB = 6, N = 1024 };
    setup s = {.rows = VOCAB, .n_ops = 1};
    size_t row_bytes = ac_type_row_bytes(type, N);
    uint8_t *w = room(VOCAB * row_bytes);
    float *y = room(VOCAB * N * sizeof *y);
    int32_t token[VOCAB] = {3, 0, 5, 1, 4, 2};
    double worst = 0;
    kc_blocks(random, KC_NORMAL, type, w, VOCAB * (N / ac_type_describe(type)->block_elems));
    s.weights[s.n_weights++] = (ac_weight){
        .name = "w", .type = type, .rows = VOCAB, .cols = N, .data = w, .bytes = VOCAB * row_bytes};
    s.token = token;
    uint32_t out = buffer(&s, N * sizeof(float));
    s.ops[0] = (ac_op){.kind = AC_OP_embed, .embed = {.w = 0, .out = out}};
    compute(&s, NULL, 0, out, y);
    for (uint32_t r = 0; r < VOCAB; r++)
        for (uint32_t i = 0; i < N; i++) {
            double want = weight_at(type, w + (size_t)token[r] * row_bytes, i), most = fabs(want);
            if (ac_type_describe(type)->block_elems > 1)
                most += 0.05; /* a minimum may cancel: error is relative to the parts */
            double error = fabs((double)y[r * N + i] - want) / (most + 1e-30) * 0x1p24;
            if (error > worst) worst = error;
        }
    char what[40];
    snprintf(what, sizeof what, "embed %s", ac_type_describe(type)->name);
    report(what, worst, ac_type_describe(type)->block_elems > 1 ? 1 : 0, "x 2^-24 of its parts");
    free(w);
    free(y);
}

/* ---- matmul
 * ------------------------------------------------------------------------------------------------------ */

/* Half a step of the activation form at element i: the largest error quantize may make there. */
static double half_step(ac_form form, const float *x, uint32_t i) {
    double group = 0, chunk = 0;
    if (form == AC_FORM_F32) return 0;
    for (uint32_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++) group = fmax(group, fabs((double)x[k]));
    if (form == AC_FORM_A32) return group / 254 * 131 / 128; /* the widest of its four scales */
    for (uint32_t k = i / 256 * 256; k < i / 256 * 256 + 256; k++) chunk = fmax(chunk, fabs((double)x[k]));
    double f = fmin(16, floor(16 * group / chunk + 1.0001)); /* rne(16 a / A + 0.5), ties upward */
    return f * chunk / 4064;
}

/* The product in double stays within the sum of what each activation may be off; and, being made of many
 * independent errors, is on the average as near as uniform errors give. */
static void check_matmul(ac_type type, uint64_t *random) {
    enum { M = 64, N = 1024, ROWS = 5 };
    const ac_type_info *info = ac_type_describe(type);
    setup s = {.rows = ROWS, .n_ops = 2};
    size_t row_bytes = ac_type_row_bytes(type, N);
    uint8_t *w = room(M * row_bytes);
    float *x = random_floats(random, ROWS * N, KC_NORMAL), *y = room(ROWS * M * sizeof *y);
    double worst = 0, error2 = 0, expect2 = 0, signal2 = 0;
    kc_blocks(random, KC_NORMAL, type, w, M * (N / info->block_elems));
    s.weights[s.n_weights++] =
        (ac_weight){.name = "w", .type = type, .rows = M, .cols = N, .data = w, .bytes = M * row_bytes};
    uint32_t bx = buffer(&s, N * sizeof(float)), bq = buffer(&s, ac_act_layout_of(info->form, N).row_bytes),
             by = buffer(&s, M * sizeof(float));
    s.ops[0] = (ac_op){.kind = AC_OP_quantize, .quantize = {.x = bx, .out = bq, .n = N, .form = info->form}};
    s.ops[1] = (ac_op){.kind = AC_OP_matmul, .matmul = {.w = 0, .x = bq, .out = by, .m = M, .n = N}};
    compute(&s, (const void *const[]){x}, 1, by, y);
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t m = 0; m < M; m++) {
            double sum = 0, bound = 0, parts = 0;
            for (uint32_t i = 0; i < N; i++) {
                double wi = weight_at(type, w + m * row_bytes, i), step = half_step(info->form, x + r * N, i);
                sum += wi * (double)x[r * N + i];
                bound += fabs(wi) * step;
                parts += fabs(wi * (double)x[r * N + i]);
                expect2 += wi * wi * step * step / 3;
            }
            double error = fabs((double)y[r * M + m] - sum);
            worst = fmax(worst, error / (bound * 1.001 + parts * 1e-6));
            error2 += error * error;
            signal2 += sum * sum;
        }
    char what[40];
    snprintf(what, sizeof what, "matmul %s", info->name);
    report(what, worst, 1.0, "of the bound");
    printf("%-28s nmse %.3g, expected of uniform errors %.3g\n", "", error2 / signal2, expect2 / signal2);
    CHECK(error2 <= expect2 * 1.35 + signal2 * 1e-12, "%s: the mean error is too large", what);
    free(w), free(x), free(y);
}

/* ---- rms_norm, add, rope, glu
 * ------------------------------------------------------------------------------------ */

static void check_rms_norm(uint64_t *random) {
    enum { N = 1536, ROWS = 40 };
    float *x = random_floats(random, ROWS * N, KC_NORMAL), *w = random_floats(random, N, KC_NORMAL),
          *y = room(ROWS * N * sizeof *y);
    setup s = {.rows = ROWS, .n_ops = 1};
    double worst = 0;
    s.weights[s.n_weights++] = (ac_weight){
        .name = "w", .type = AC_TYPE_F32, .rows = 1, .cols = N, .data = w, .bytes = N * sizeof *w};
    uint32_t bx = buffer(&s, N * sizeof *x), by = buffer(&s, N * sizeof *y);
    s.ops[0] = (ac_op){.kind = AC_OP_rms_norm, .rms_norm = {bx, 0, by, N, 1, 1e-5f, 1.0f / N}};
    compute(&s, (const void *const[]){x}, 1, by, y);
    for (uint32_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (uint32_t i = 0; i < N; i++) sum += (double)x[r * N + i] * (double)x[r * N + i];
        double scale = 1 / sqrt(sum / N + (double)1e-5f);
        for (uint32_t i = 0; i < N; i++) {
            double want = (double)x[r * N + i] * scale * (double)w[i];
            if (want != 0) worst = fmax(worst, fabs((double)y[r * N + i] / want - 1) * 0x1p24);
        }
    }
    report("rms_norm", worst, 5, "x 2^-24, relative");
    free(x), free(w), free(y);
}

static void check_add(uint64_t *random) {
    enum { N = 4096 };
    float *a = random_floats(random, N, KC_NORMAL), *b = random_floats(random, N, KC_NORMAL), y[N];
    setup s = {.rows = 1, .n_ops = 1};
    uint32_t ba = buffer(&s, sizeof y), bb = buffer(&s, sizeof y), by = buffer(&s, sizeof y);
    s.ops[0] = (ac_op){.kind = AC_OP_add, .add = {ba, bb, AC_NONE, by, N}};
    compute(&s, (const void *const[]){a, b}, 2, by, y);
    for (int i = 0; i < N; i++)
        CHECK(y[i] == (float)((double)a[i] + (double)b[i]), "add: %a + %a", (double)a[i], (double)b[i]);
    free(a), free(b);
}

static void check_rope(uint64_t *random, bool halves) {
    enum { HEADS = 4, DIM = 64, ROT = 48, ROWS = 50 };
    float *x = random_floats(random, ROWS * HEADS * DIM, KC_NORMAL),
          *y = room(ROWS * HEADS * DIM * sizeof *y), table[ROWS * ROT];
    int32_t pos[ROWS];
    setup s = {.rows = ROWS, .n_ops = 1};
    double worst = 0;
    for (int p = 0; p < ROWS; p++) {
        pos[p] = ROWS - 1 - p;
        for (int i = 0; i < ROT / 2; i++) {
            double angle = p * pow(10000, -2.0 * i / ROT);
            table[p * ROT + 2 * i] = (float)cos(angle), table[p * ROT + 2 * i + 1] = (float)sin(angle);
        }
    }
    s.pos = pos;
    s.table = (ac_plan_const){"table", table, sizeof table};
    uint32_t b = buffer(&s, HEADS * DIM * sizeof *x);
    s.ops[0] = (ac_op){.kind = AC_OP_rope, .rope = {b, 0, HEADS, DIM, ROT, halves}};
    compute(&s, (const void *const[]){x}, 1, b, y);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < HEADS * DIM; c++) {
            int in = c % DIM, base = r * HEADS * DIM + c - in, half = ROT / 2;
            int i = halves ? in % half : in / 2, second = halves ? in / half : in % 2;
            double want = (double)x[base + in], size = 1;
            if (in < ROT) {
                double x0 = (double)x[base + (halves ? i : 2 * i)],
                       x1 = (double)x[base + (halves ? i + half : 2 * i + 1)];
                double angle = pos[r] * pow(10000, -2.0 * i / ROT);
                want = second ? x0 * sin(angle) + x1 * cos(angle) : x0 * cos(angle) - x1 * sin(angle);
                size = hypot(x0, x1) + 1e-9;
            }
            worst = fmax(worst, fabs((double)y[base + in] - want) / size * 0x1p24);
        }
    report(halves ? "rope, halves" : "rope, pairs", worst, 2.5, "x 2^-24 of the pair's length");
    free(x), free(y);
}

static void check_glu(uint64_t *random) {
    enum { N = 100000 };
    float *g = random_floats(random, N, KC_NORMAL), *u = random_floats(random, N, KC_NORMAL),
          *y = room(N * sizeof *y);
    setup s = {.rows = 1, .n_ops = 1};
    double worst = 0;
    uint32_t bg = buffer(&s, N * sizeof *g), bu = buffer(&s, N * sizeof *u), by = buffer(&s, N * sizeof *y);
    s.ops[0] = (ac_op){.kind = AC_OP_glu, .glu = {bg, bu, by, N}};
    compute(&s, (const void *const[]){g, u}, 2, by, y);
    for (int i = 0; i < N; i++) {
        double want = (double)g[i] / (1 + exp(-(double)g[i])) * (double)u[i];
        if (fabs(want) > 0x1p-50) worst = fmax(worst, fabs((double)y[i] / want - 1) * 0x1p24);
    }
    report("glu", worst, 5.5, "x 2^-24, relative");
    free(g), free(u), free(y);
}

/* ---- attention: keys and values go through the cache
 * ------------------------------------------------------------- */

typedef struct heads {
    uint32_t heads, kv_heads, dim, rows;
    double q_size; /* larger: sharper softmax */
} heads;

static void softmax_row(const heads *h, const float *q, const float *k, const float *v, uint32_t r,
                        uint32_t head, double *out) {
    uint32_t kv = head / (h->heads / h->kv_heads), kn = h->kv_heads * h->dim;
    double *p = room((r + 1) * sizeof *p), most = -INFINITY, sum = 0;
    for (uint32_t t = 0; t <= r; t++) {
        p[t] = 0;
        for (uint32_t c = 0; c < h->dim; c++)
            p[t] += (double)q[(r * h->heads + head) * h->dim + c] * (double)k[t * kn + kv * h->dim + c];
        p[t] /= sqrt(h->dim);
        most = fmax(most, p[t]);
    }
    for (uint32_t c = 0; c < h->dim; c++) out[c] = 0;
    for (uint32_t t = 0; t <= r; t++) sum += p[t] = exp(p[t] - most);
    for (uint32_t t = 0; t <= r; t++)
        for (uint32_t c = 0; c < h->dim; c++) out[c] += p[t] / sum * (double)v[t * kn + kv * h->dim + c];
    free(p);
}

/* Two operations in one plan: store all rows, then attend. */
static void check_attention(heads h, uint64_t *random, double allowed) {
    uint32_t qn = h.heads * h.dim, kn = h.kv_heads * h.dim;
    float *q = random_floats(random, h.rows * qn, KC_NORMAL),
          *k = random_floats(random, h.rows * kn, KC_NORMAL);
    float *v = random_floats(random, h.rows * kn, KC_NORMAL), *y = room(h.rows * qn * sizeof *y);
    double *want = room(h.dim * sizeof *want), error2 = 0, signal2 = 0;
    int32_t *pos = room(h.rows * sizeof *pos);
    for (uint32_t r = 0; r < h.rows; r++) pos[r] = (int32_t)r;
    for (uint32_t i = 0; i < h.rows * qn; i++) q[i] = (float)((double)q[i] * h.q_size);
    setup s = {.rows = h.rows,
               .n_ops = 2,
               .pages = (h.rows + 255) / 256,
               .kv_heads = h.kv_heads,
               .head_dim = h.dim,
               .pos = pos};
    uint32_t bq = buffer(&s, qn * 4), bk = buffer(&s, kn * 4), bv = buffer(&s, kn * 4),
             by = buffer(&s, qn * 4);
    s.ops[0] = (ac_op){.kind = AC_OP_kv_store, .kv_store = {bk, bv, 0, h.kv_heads, h.dim}};
    s.ops[1] = (ac_op){.kind = AC_OP_attention,
                       .attention = {bq, by, 0, h.heads, h.kv_heads, h.dim, (float)(1 / sqrt(h.dim))}};
    compute(&s, (const void *const[]){q, k, v}, 3, by, y);
    for (uint32_t r = 0; r < h.rows; r++)
        for (uint32_t head = 0; head < h.heads; head++) {
            softmax_row(&h, q, k, v, r, head, want);
            for (uint32_t c = 0; c < h.dim; c++) {
                double error = (double)y[(r * h.heads + head) * h.dim + c] - want[c];
                error2 += error * error;
                signal2 += want[c] * want[c];
            }
        }
    char what[60];
    snprintf(what, sizeof what, "attention %ux%u q x%g, %u rows", h.heads, h.dim, h.q_size, h.rows);
    report(what, error2 / signal2, allowed, "nmse");
    free(q), free(k), free(v), free(y), free(want), free(pos);
}

int main(void) {
    uint64_t random = 2024;
    CHECK_OK(ac_backend_cpu(AC_BACKEND_ABI)->open(&(ac_open_settings){.mask = "ref"}, &device, &err));
    for (int t = 0; t < AC_TYPE_COUNT; t++) check_embed((ac_type)t, &random);
    for (int t = 0; t < AC_TYPE_COUNT; t++) check_matmul((ac_type)t, &random);
    check_rms_norm(&random);
    check_add(&random);
    check_rope(&random, false);
    check_rope(&random, true);
    check_glu(&random);
    check_attention((heads){4, 2, 64, 300, 1}, &random, 4e-7);
    check_attention((heads){4, 4, 80, 300, 4}, &random, 7e-7);
    check_attention((heads){2, 1, 128, 600, 0.1}, &random, 3e-7);
    ac_backend_cpu(AC_BACKEND_ABI)->close(device);
    return 0;
}
