/* rows.c - operations by row that follow each other: the CPU backend does them row by row where nothing is in
 * the way, and one after the other where a result lies on what another row still needs. */
#include "cpu_entry.h"

#include <anychip/backend.h>

#include "check.h"

enum { ROWS = 67, N = 4096, HEADS = 4, POSITIONS = 80 };
enum { A, B, C, D, E, F, BUFS };
enum { ROW = N * 4 };

static const ac_backend *cpu;
static ac_error err;
static float norm[N], table[POSITIONS * (N / HEADS)];

/* c = a + b; d = norm(c); d turns; e = codes of d; f = silu(d) * c; f turns */
static const ac_op ops[] = {
    {.kind = AC_OP_add, .add = {A, B, AC_NONE, C, N}},
    {.kind = AC_OP_rms_norm, .rms_norm = {C, 0, D, N, 1, 1e-5f, 1.0f / N}},
    {.kind = AC_OP_rope, .rope = {D, 0, HEADS, N / HEADS, N / HEADS, 1}},
    {.kind = AC_OP_quantize, .quantize = {D, E, N, AC_FORM_A256}},
    {.kind = AC_OP_glu, .glu = {D, C, F, N}},
    {.kind = AC_OP_rope, .rope = {F, 0, HEADS, N / HEADS, N / HEADS, 0}},
};

/* Where buffers lie, in rows of ROW bytes. */
typedef struct layout {
    const char *name;
    uint32_t at[BUFS];
} layout;

enum { NEXT = ROWS + 1 };
static const layout layouts[] = {
    {"apart", {0, NEXT, 2 * NEXT, 3 * NEXT, 4 * NEXT, 5 * NEXT}},
    {"norm on the sum's terms", {1, 1 + NEXT, 2 * NEXT + 1, 0, 4 * NEXT, 5 * NEXT}},
    {"codes on the sum's terms", {3, NEXT + 3, 2 * NEXT + 3, 3 * NEXT + 3, 0, 5 * NEXT}},
    {"glu on the sum's terms, codes behind", {1, 1 + NEXT, 2 * NEXT + 1, 3 * NEXT + 1, 1 + NEXT, 0}},
};

static float value(uint32_t i) {
    return (float)((int32_t)(i * 2654435761u) >> 8) * 0x1p-22f;
}

/* Digest of E and F after a run of `rows` rows. */
static uint64_t run_of(ac_dev *dev, const layout *l, uint32_t rows) {
    ac_weight weight = {
        .name = "norm", .type = AC_TYPE_F32, .rows = 1, .cols = N, .data = norm, .bytes = sizeof norm};
    ac_plan_const rope = {"rope", table, sizeof table};
    ac_plan_buf bufs[BUFS];
    int32_t list[ROWS];
    for (uint32_t i = 0; i < BUFS; i++)
        bufs[i] =
            (ac_plan_buf){"buf", i <= B ? AC_BUF_INPUT : AC_BUF_SCRATCH, (uint64_t)l->at[i] * ROW, ROW, ROWS};
    bufs[E].row_bytes = ac_act_layout_of(AC_FORM_A256, N).row_bytes;
    bufs[E].kind = bufs[F].kind = AC_BUF_OUTPUT;
    ac_plan plan = {
        .ops = ops, .n_ops = sizeof ops / sizeof *ops, .bufs = bufs, .n_bufs = BUFS, .consts = &rope};
    plan.arena_bytes = 6ull * NEXT * ROW;
    plan.n_consts = plan.n_weights = plan.max_seqs = plan.max_pages = 1;
    plan.weights = &weight;
    plan.max_rows = plan.max_out = ROWS;
    ac_weights *w = NULL;
    ac_prog *prog = NULL;
    CHECK_OK(cpu->load(dev, &weight, 1, NULL, NULL, &w, &err));
    CHECK_OK(cpu->prepare(dev, w, NULL, &plan, &prog, &err));
    float *x = calloc(ROWS, ROW);
    uint64_t digest = 0xcbf29ce484222325u;
    for (uint32_t b = A; b <= B; b++) {
        for (uint32_t i = 0; i < ROWS * N; i++) x[i] = value(i + b * 77);
        CHECK_OK(cpu->write(prog, b, 0, x, rows * (uint64_t)ROW, &err));
    }
    for (uint32_t r = 0; r < rows; r++) list[r] = (int32_t)r;
    CHECK_OK(cpu->run(prog, &(ac_run){.n_rows = rows, .n_out = rows, .pos = list}, &err));
    for (uint32_t b = E; b <= F; b++) {
        const uint8_t *p = (const uint8_t *)x;
        uint64_t bytes = rows * bufs[b].row_bytes;
        CHECK_OK(cpu->read(prog, b, 0, x, bytes, &err));
        for (uint64_t i = 0; i < bytes; i++) digest = (digest ^ p[i]) * 0x100000001b3u;
    }
    free(x);
    cpu->release(prog);
    cpu->unload(w);
    return digest;
}

int main(void) {
    static const uint32_t rows[] = {1, 2, 5, 16, ROWS};
    cpu = ac_backend_cpu(AC_BACKEND_ABI);
    for (uint32_t i = 0; i < N; i++) norm[i] = 1.0f + value(i) * 0x1p-12f;
    for (uint32_t i = 0; i < sizeof table / sizeof *table; i++) table[i] = i % 2 ? 0.6f : 0.8f;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        uint64_t want = 0;
        for (uint32_t threads = 1; threads <= 4; threads++) {
            ac_dev *dev = NULL;
            ac_open_settings set = {.mask = threads == 1 ? "ref" : NULL, .threads = threads};
            CHECK_OK(cpu->open(&set, &dev, &err));
            for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
                uint64_t got = run_of(dev, &layouts[l], rows[r]);
                if (!want) want = got;
                CHECK(got == want, "%u rows, %u threads: %s changes the results", rows[r], threads,
                      layouts[l].name);
            }
            cpu->close(dev);
        }
    }
    return 0;
}
