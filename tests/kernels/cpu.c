/* cpu.c - what the CPU backend promises beside arithmetic: plans and runs that do not fit are refused by
 * name, instruction sets are chosen by name, a host's floating-point settings neither change bits nor are
 * changed, threads do not matter. */
#include <fenv.h>

#include "cpu_entry.h"

#include <anychip/backend.h>

#include "check.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
static uint64_t fpcr(void) {
    uint64_t x;
    __asm__ volatile("mrs %0, fpcr" : "=r"(x));
    return x;
}
static void fpcr_set(uint64_t x) {
    __asm__ volatile("msr fpcr, %0" : : "r"(x) : "memory");
}
#endif

static const ac_backend *cpu;
static ac_error err;

static ac_dev *open_cpu(const char *mask, uint32_t threads) {
    ac_dev *dev = NULL;
    CHECK_OK(cpu->open(&(ac_open_settings){.mask = mask, .threads = threads}, &dev, &err));
    return dev;
}

/* ---- Plans that do not fit ---- */

enum { N = 64, ROWS = 3 };

/* A plan that fits, of one operation of each kind; the tests spoil one thing at a time. */
typedef struct fixture {
    float norm[N], w[N * N], table[5 * N];
    ac_weight weights[2];
    ac_plan_buf bufs[6];
    ac_plan_const consts[1];
    ac_op ops[AC_OP_COUNT];
    ac_plan plan;
    uint32_t kv_heads;
} fixture;

enum { BUF_X, BUF_Y, BUF_Z, BUF_BEST, BUF_K, BUF_V };

static void make(fixture *f) {
    memset(f, 0, sizeof *f);
    f->kv_heads = 2;
    for (int i = 0; i < N * N; i++) f->w[i] = 1.0f;
    for (int i = 0; i < N; i++) f->norm[i] = 1.0f;
    f->weights[0] = (ac_weight){
        .name = "w", .type = AC_TYPE_F32, .rows = N, .cols = N, .data = f->w, .bytes = sizeof f->w};
    f->weights[1] = (ac_weight){
        .name = "norm", .type = AC_TYPE_F32, .rows = 1, .cols = N, .data = f->norm, .bytes = sizeof f->norm};
    f->consts[0] = (ac_plan_const){"rope", f->table, sizeof f->table};
    uint64_t at = 0;
    for (int i = 0; i < 6; i++, at += 1024)
        f->bufs[i] = (ac_plan_buf){"buf", AC_BUF_SCRATCH, at, N * 4, ROWS};
    ac_op ops[AC_OP_COUNT] = {
        [AC_OP_embed] = {.kind = AC_OP_embed, .embed = {0, BUF_X}},
        [AC_OP_rms_norm] = {.kind = AC_OP_rms_norm, .rms_norm = {BUF_X, 1, BUF_Y, N, 1, 1e-5f, 1.0f / N}},
        [AC_OP_quantize] = {.kind = AC_OP_quantize, .quantize = {BUF_Y, BUF_Z, N, AC_FORM_F32}},
        [AC_OP_matmul] = {.kind = AC_OP_matmul, .matmul = {0, BUF_Z, BUF_Y, N, N}},
        [AC_OP_add] = {.kind = AC_OP_add, .add = {BUF_X, BUF_Y, AC_NONE, BUF_X, N}},
        [AC_OP_rope] = {.kind = AC_OP_rope, .rope = {BUF_X, 0, 4, 16, 16, 1}},
        [AC_OP_kv_store] = {.kind = AC_OP_kv_store, .kv_store = {BUF_K, BUF_V, 0, 2, 16}},
        [AC_OP_attention] = {.kind = AC_OP_attention, .attention = {BUF_X, BUF_Y, 0, 4, 2, 16, 0.25f}},
        [AC_OP_glu] = {.kind = AC_OP_glu, .glu = {BUF_X, BUF_Y, BUF_Z, N}},
        [AC_OP_gather] = {.kind = AC_OP_gather, .rows = AC_ROWS_OUT, .gather = {BUF_X, BUF_Z, N}},
        [AC_OP_argmax] = {.kind = AC_OP_argmax, .rows = AC_ROWS_OUT, .argmax = {BUF_Z, BUF_BEST, N}},
    };
    memcpy(f->ops, ops, sizeof ops);
    f->plan = (ac_plan){.ops = f->ops,
                        .n_ops = AC_OP_COUNT,
                        .bufs = f->bufs,
                        .n_bufs = 6,
                        .arena_bytes = at,
                        .consts = f->consts,
                        .n_consts = 1,
                        .weights = f->weights,
                        .n_weights = 2,
                        .max_rows = ROWS,
                        .max_out = ROWS,
                        .max_seqs = 1,
                        .max_pages = 2};
}

/* Prepares the plan and, if that works, runs it; the first failure. */
static ac_status try_plan(fixture *f, const ac_run *run, ac_dev *dev) {
    ac_weights *w = NULL;
    ac_kv_mem *kv = NULL;
    ac_prog *prog = (ac_prog *)f; /* must become NULL on failure */
    ac_status s = cpu->load(dev, f->weights, 2, NULL, NULL, &w, &err);
    if (s == AC_OK) s = cpu->kv_create(dev, 1, 2, f->kv_heads, 16, &kv, &err);
    if (s == AC_OK) {
        s = cpu->prepare(dev, w, kv, &f->plan, &prog, &err);
        CHECK(s == AC_OK || prog == NULL, "a failed prepare leaves a program");
    } else {
        prog = NULL;
    }
    if (s == AC_OK && run) s = cpu->run(prog, run, &err);
    cpu->release(prog);
    cpu->kv_destroy(kv);
    cpu->unload(w);
    return s;
}

/* Spoils one thing and wants a refusal whose detail holds `word`. */
#define REFUSED(word, ...)                                                                                   \
    do {                                                                                                     \
        fixture f;                                                                                           \
        make(&f);                                                                                            \
        __VA_ARGS__;                                                                                         \
        ac_status s = try_plan(&f, NULL, dev);                                                               \
        CHECK(s == AC_ERR_ARGUMENT, "%s: %s", #__VA_ARGS__, ac_status_name(s));                              \
        CHECK(strstr(err.detail, word), "%s: \"%s\" says nothing of %s", #__VA_ARGS__, err.detail, word);    \
        refusals++;                                                                                          \
    } while (0)

static void bad_plans(ac_dev *dev) {
    int refusals = 0;
    REFUSED("embed", f.ops[AC_OP_embed].embed.w = 2);
    REFUSED("embed", f.ops[AC_OP_embed].embed.out = 6);
    REFUSED("embed", f.ops[AC_OP_embed].rows = AC_ROWS_OUT);
    REFUSED("embed", f.ops[AC_OP_embed].rows = (ac_rows)7);
    REFUSED("rms_norm", f.ops[AC_OP_rms_norm].rms_norm.n = 0);
    REFUSED("rms_norm", f.ops[AC_OP_rms_norm].rms_norm.groups = UINT32_MAX);
    REFUSED("eps", f.ops[AC_OP_rms_norm].rms_norm.eps = -1.0f);
    REFUSED("eps", f.ops[AC_OP_rms_norm].rms_norm.eps = 1e-30f);
    REFUSED("eps", f.ops[AC_OP_rms_norm].rms_norm.eps = __builtin_nanf(""));
    REFUSED("inv_n", f.ops[AC_OP_rms_norm].rms_norm.inv_n = 0.5f);
    REFUSED("norm", f.weights[1].type = AC_TYPE_F16);
    REFUSED("norm", f.weights[1].cols = N / 2);
    REFUSED("form", f.ops[AC_OP_quantize].quantize.form = (ac_form)3);
    REFUSED("multiple", f.ops[AC_OP_quantize].quantize.form = AC_FORM_A256);
    REFUSED("quantize", f.ops[AC_OP_quantize].quantize.form = AC_FORM_A32,
            f.ops[AC_OP_quantize].quantize.n = 1 << 25);
    REFUSED("matmul", f.ops[AC_OP_matmul].matmul.m = N + 1);
    REFUSED("matmul", f.ops[AC_OP_matmul].matmul.n = N / 2);
    REFUSED("writes", f.ops[AC_OP_matmul].matmul.x = BUF_X, f.bufs[BUF_X].offset = f.bufs[BUF_Y].offset);
    REFUSED("add", f.ops[AC_OP_add].add.bias = 0);
    REFUSED("add", f.ops[AC_OP_add].add.b = AC_NONE);
    REFUSED("rot", f.ops[AC_OP_rope].rope.rot = 15);
    REFUSED("rot", f.ops[AC_OP_rope].rope.rot = 0);
    REFUSED("rot", f.ops[AC_OP_rope].rope.rot = 18);
    REFUSED("constant", f.ops[AC_OP_rope].rope.table = 1);
    REFUSED("table", f.consts[0].bytes = 8);
    REFUSED("heads", f.ops[AC_OP_rope].rope.heads = UINT32_MAX);
    REFUSED("cache", f.ops[AC_OP_kv_store].kv_store.layer = 1);
    REFUSED("cache", f.ops[AC_OP_kv_store].kv_store.head_dim = 8);
    REFUSED("cache", f.kv_heads = 1);
    REFUSED("attention", f.ops[AC_OP_attention].attention.heads = 3);
    REFUSED("scale", f.ops[AC_OP_attention].attention.scale = 0.0f);
    REFUSED("scale", f.ops[AC_OP_attention].attention.scale = __builtin_inff());
    REFUSED("256 bytes", f.bufs[BUF_Z].row_bytes = 128);
    REFUSED("rows", f.bufs[BUF_X].rows = ROWS - 1);
    REFUSED("gather", f.ops[AC_OP_gather].rows = AC_ROWS_ALL);
    REFUSED("place", f.ops[AC_OP_gather].gather.out = BUF_X);
    REFUSED("place", f.ops[AC_OP_argmax].argmax.out = BUF_Z);
    REFUSED("kind", f.ops[3].kind = AC_OP_COUNT);
    REFUSED("arena", f.plan.arena_bytes = 100);
    REFUSED("arena", f.bufs[1].rows = UINT32_MAX, f.bufs[1].row_bytes = UINT64_MAX / 4 * 4);
    REFUSED("256", f.bufs[1].offset = 4);
    REFUSED("rows", f.plan.max_rows = 0);
    REFUSED("rows", f.plan.max_out = ROWS + 1);
    REFUSED("pages", f.plan.max_pages = UINT32_MAX);
    REFUSED("weights", f.plan.n_weights = 1);
    REFUSED("w", f.weights[0].bytes -= 1);
    REFUSED("w", f.weights[0].rows = UINT64_MAX);
    REFUSED("w", f.weights[0].type = AC_TYPE_COUNT);
    REFUSED("w", f.weights[0].data = NULL);
    printf("%d plans refused\n", refusals);
}

static void bad_runs(ac_dev *dev) {
    static const struct {
        const char *word;
        int32_t token, pos, seq, slot, out_row, page;
        uint32_t rows, out, used;
    } bad[] = {
        {"token", N, 0, 0, 0, 0, 0, 1, 1, 1},        {"token", -1, 0, 0, 0, 0, 0, 1, 1, 1},
        {"pos", 0, 20, 0, 0, 0, 0, 1, 1, 1},         {"pos", 0, -1, 0, 0, 0, 0, 1, 1, 1},
        {"pos", 0, 0, 0, 0, 0, 0, 1, 1, 0},          {"seq", 0, 0, 1, 0, 0, 0, 1, 1, 1},
        {"slot", 0, 0, 0, 512, 0, 0, 1, 1, 1},       {"out_row", 0, 0, 0, 0, 1, 0, 1, 1, 1},
        {"page", 0, 0, 0, 0, 0, 2, 1, 1, 1},         {"page", 0, 0, 0, 0, 0, -1, 1, 1, 1},
        {"rows", 0, 0, 0, 0, 0, 0, 4, 1, 1},         {"outputs", 0, 0, 0, 0, 0, 0, 1, 4, 1},
        {"n_pages_used", 0, 0, 0, 0, 0, 0, 1, 1, 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fixture f;
        make(&f);
        int32_t token[4] = {bad[i].token}, pos[4] = {bad[i].pos}, seq[4] = {bad[i].seq},
                slot[4] = {bad[i].slot};
        int32_t out_row[4] = {bad[i].out_row}, pages[2] = {bad[i].page};
        ac_run run = {bad[i].rows, bad[i].out, token, pos, seq, slot, out_row, pages, bad[i].used};
        ac_status s = try_plan(&f, &run, dev);
        CHECK(s == AC_ERR_ARGUMENT && strstr(err.detail, bad[i].word), "run %zu: %s: %s", i,
              ac_status_name(s), err.detail);
    }
    fixture f;
    make(&f);
    int32_t zero[ROWS] = {0}, pages[2] = {1, 0};
    CHECK_OK(try_plan(&f, &(ac_run){1, 1, zero, zero, zero, zero, zero, pages, 1}, dev));
    CHECK_OK(try_plan(&f, &(ac_run){0}, dev));
    CHECK(try_plan(&f, &(ac_run){.n_rows = 1}, dev) == AC_ERR_ARGUMENT, "a run without lists");
}

/* ---- Settings ---- */

static void settings(void) {
    ac_dev *dev = NULL;
    ac_device_info info;
    CHECK(cpu->open(&(ac_open_settings){.mask = "sse9"}, &dev, &err) == AC_ERR_ARGUMENT && !dev,
          "an unknown instruction set");
    CHECK(strstr(err.detail, "sse9") && strstr(err.detail, "ref"), "detail: %s", err.detail);
    CHECK(cpu->open(&(ac_open_settings){.index = 1}, &dev, &err) == AC_ERR_DEVICE && !dev, "cpu:1");
    CHECK(cpu->open(&(ac_open_settings){.threads = 100000}, &dev, &err) == AC_ERR_ARGUMENT && !dev,
          "100000 threads");
    CHECK(ac_backend_cpu(AC_BACKEND_ABI + 1) == NULL, "another ABI");
    dev = open_cpu("ref", 2);
    cpu->describe(dev, &info);
    CHECK(strstr(info.detail, "ref") && info.name[0] && info.memory_total > 0, "describe: %s", info.detail);
    cpu->close(dev);
}

/* Every instruction set of any build. */
static const char *const isas[] = {"ref",  "avx2",        "avx512",  "avx512vnni",
                                   "neon", "neondotprod", "neoni8mm"};

/* One that is not here is refused by name. */
static bool have_isa(const char *isa) {
    ac_dev *dev = NULL;
    ac_status s = cpu->open(&(ac_open_settings){.mask = isa}, &dev, &err);
    if (s == AC_OK) {
        ac_device_info info;
        cpu->describe(dev, &info);
        CHECK(!strncmp(info.detail, isa, strlen(isa)), "asked for %s: %s", isa, info.detail);
        cpu->close(dev);
        return true;
    }
    CHECK(s == AC_ERR_UNSUPPORTED || s == AC_ERR_ARGUMENT, "%s: %s", isa, ac_status_name(s));
    CHECK(!dev && strstr(err.detail, isa) && strstr(err.detail, "ref"), "%s: %s", isa, err.detail);
    printf("not here: %s\n", err.detail);
    return false;
}

/* ---- Floating-point settings of the host, threads ---- */

/* The fixture's outputs with values whose last bits depend on rounding and on subnormals. */
static void results(ac_dev *dev, float out[2 * ROWS * N]) {
    fixture f;
    make(&f);
    uint64_t random = 7;
    for (int i = 0; i < N * N; i++)
        f.w[i] = (float)((int32_t)(check_random(&random) >> 40) - (1 << 23)) * 0x1p-24f;
    for (int i = 0; i < 5 * N; i++) f.table[i] = (float)(i % 17) * 0x1p-4f;
    ac_weights *w = NULL;
    ac_kv_mem *kv = NULL;
    ac_prog *prog = NULL;
    int32_t token[ROWS] = {3, 60, 9}, pos[ROWS] = {0, 1, 2}, seq[ROWS] = {0}, out_row[ROWS] = {0, 1, 2},
            pages[2] = {0, 1};
    float k[ROWS * N];
    for (int i = 0; i < ROWS * N; i++) k[i] = f.w[i] * 4.0f;
    CHECK_OK(cpu->load(dev, f.weights, 2, NULL, NULL, &w, &err));
    CHECK_OK(cpu->kv_create(dev, 1, 2, 2, 16, &kv, &err));
    CHECK_OK(cpu->prepare(dev, w, kv, &f.plan, &prog, &err));
    CHECK_OK(cpu->write(prog, BUF_K, 0, k, sizeof k, &err));
    CHECK_OK(cpu->write(prog, BUF_V, 0, k, sizeof k, &err));
    CHECK_OK(cpu->run(prog, &(ac_run){ROWS, ROWS, token, pos, seq, pos, out_row, pages, 1}, &err));
    CHECK_OK(cpu->read(prog, BUF_X, 0, out, sizeof k, &err));
    CHECK_OK(cpu->read(prog, BUF_Y, 0, out + ROWS * N, sizeof k, &err));
    cpu->release(prog);
    cpu->kv_destroy(kv);
    cpu->unload(w);
}

static void same_everywhere(const char *mask) {
    static const int modes[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    static float want[2 * ROWS * N], have[2 * ROWS * N];
    ac_dev *one = open_cpu(mask, 1), *four = open_cpu(mask, 4), *many = open_cpu(mask, 13);
    results(one, want);
    results(four, have);
    CHECK(!memcmp(want, have, sizeof want), "4 threads");
    results(many, have);
    CHECK(!memcmp(want, have, sizeof want), "13 threads");
    for (int i = 0; i < 3; i++) {
        fesetround(modes[i]);
        results(four, have);
        int after = fegetround();
        fesetround(FE_TONEAREST);
        CHECK(after == modes[i], "the host's rounding was changed");
        CHECK(!memcmp(want, have, sizeof want), "rounding mode %d of the host", i);
    }
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* flush to zero, subnormals are zero */
    results(four, have);
    unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK((after & 0xffc0) == ((before | 0x8040) & 0xffc0), "the host's flushing was changed");
    CHECK(!memcmp(want, have, sizeof want), "flushing of the host");
#elif defined(__aarch64__)
    /* FIZ, AH, NEP, FZ16, FZ, DN, AHP; a processor keeps those that it has. */
    uint64_t before = fpcr(), set = before | 7 | 1u << 19 | 7u << 24;
    fpcr_set(set);
    uint64_t kept = fpcr();
    results(four, have);
    uint64_t after = fpcr();
    fpcr_set(before);
    CHECK(kept & 1u << 24, "flushing cannot be set");
    CHECK(after == kept, "the host's settings were changed");
    CHECK(!memcmp(want, have, sizeof want), "flushing of the host");
#endif
    cpu->close(one), cpu->close(four), cpu->close(many);
}

int main(void) {
    cpu = ac_backend_cpu(AC_BACKEND_ABI);
    ac_dev *dev = open_cpu(NULL, 0);
    settings();
    bad_plans(dev);
    bad_runs(dev);
    cpu->close(dev);
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if (have_isa(isas[i])) same_everywhere(isas[i]);
    same_everywhere(NULL);
    return 0;
}
