/* cl_bench - what an OpenCL device gives in products, per weight type and mask: microseconds of the device's
 * own clock, bandwidth of weights, multiply-adds. Enough copies of the weight are used in turn that caches do
 * not hold them.
 *
 *   cl_bench MODULE [--device N] [--cache DIR] TYPE:ROWSxCOLS[:N] ... [--mask WORDS TYPE:ROWSxCOLS[:N] ...]
 * ...
 *
 * N is the rows of x (1). A mask holds for what follows it. Results are not judged; that is kernel_check's
 * business. */
#include <dlfcn.h>
#include <time.h>

#include <anychip/backend.h>

#include "check.h"

enum { COPIES_BYTES = 400 << 20, REPEATS = 10 };

static const ac_backend *cl;
static ac_error err;

typedef struct shape {
    ac_type type;
    uint32_t m, n, rows;
} shape;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool shape_of(const char *text, shape *s) {
    char type[16];
    s->rows = 1;
    if (sscanf(text, "%15[a-z0-9_]:%ux%u:%u", type, &s->m, &s->n, &s->rows) < 3) return false;
    s->type = ac_type_from_name(type);
    return s->type != AC_TYPE_COUNT && s->rows > 0;
}

/* Everything of one measurement. */
typedef struct bench {
    shape s;
    uint32_t copies;
    ac_weight *weights;
    ac_op *ops;
    ac_plan_buf bufs[3];
    ac_plan plan;
} bench;

static void make(bench *b, shape s) {
    const ac_type_info *info = ac_type_describe(s.type);
    uint64_t bytes = ac_type_row_bytes(s.type, s.n) * s.m,
             q_row = ac_act_layout_of(info->form, s.n).row_bytes;
    uint64_t random = 7;
    b->s = s;
    b->copies = (uint32_t)(COPIES_BYTES / bytes);
    if (b->copies < 1 || s.rows > 1) b->copies = 1;
    if (b->copies > 64) b->copies = 64;
    b->weights = calloc(b->copies, sizeof *b->weights);
    b->ops = calloc(b->copies + 1, sizeof *b->ops);
    uint64_t *data = malloc((bytes + 7) / 8 * 8);
    CHECK(b->weights && b->ops && data, "memory");
    for (uint64_t i = 0; i < (bytes + 7) / 8; i++) data[i] = check_random(&random) & 0x3f7f3f7f3f7f3f7full;
    b->ops[0] = (ac_op){.kind = AC_OP_quantize, .quantize = {0, 1, s.n, info->form}};
    for (uint32_t i = 0; i < b->copies; i++) {
        b->weights[i] =
            (ac_weight){.name = "w", .type = s.type, .rows = s.m, .cols = s.n, .data = data, .bytes = bytes};
        b->ops[i + 1] = (ac_op){.kind = AC_OP_matmul, .matmul = {i, 1, 2, s.m, s.n}};
    }
    b->bufs[0] = (ac_plan_buf){"x", AC_BUF_INPUT, 0, s.n * 4ull, s.rows};
    b->bufs[1] = (ac_plan_buf){"q", AC_BUF_SCRATCH, (s.n * 4ull * s.rows + 255) / 256 * 256, q_row, s.rows};
    b->bufs[2] = (ac_plan_buf){"y", AC_BUF_OUTPUT, (b->bufs[1].offset + q_row * s.rows + 255) / 256 * 256,
                               s.m * 4ull, s.rows};
    b->plan = (ac_plan){.ops = b->ops,
                        .n_ops = b->copies + 1,
                        .bufs = b->bufs,
                        .n_bufs = 3,
                        .weights = b->weights,
                        .n_weights = b->copies,
                        .max_rows = s.rows,
                        .max_out = s.rows,
                        .max_seqs = 1,
                        .max_pages = 1};
    b->plan.arena_bytes = b->bufs[2].offset + s.m * 4ull * s.rows;
}

static void drop(bench *b) {
    union {
        const void *c;
        void *p;
    } data = {b->weights[0].data};
    free(data.p);
    free(b->weights);
    free(b->ops);
}

/* Least microseconds per product, by the device's clock (profiled) or the host's. */
static double measure(ac_prog *prog, const bench *b, const ac_run *run, bool profiled) {
    uint64_t *ns = calloc(b->plan.n_ops, sizeof *ns);
    double best = 1e30;
    CHECK(ns, "memory");
    CHECK_OK(cl->profile(prog, profiled, &err));
    for (int i = 0; i < REPEATS; i++) {
        double start = now(), sum = 0;
        CHECK_OK(cl->run(prog, run, &err));
        CHECK_OK(cl->wait(prog, &err));
        double us = (now() - start) * 1e6 / b->copies;
        if (profiled) CHECK_OK(cl->times(prog, ns, &err));
        for (uint32_t k = 1; k <= b->copies; k++) sum += (double)ns[k] * 1e-3;
        if (profiled) us = sum / b->copies;
        if (us < best) best = us;
    }
    free(ns);
    return best;
}

static void one(ac_dev *dev, shape s, const char *mask) {
    bench b;
    ac_weights *weights;
    ac_prog *prog;
    make(&b, s);
    int32_t *zero = calloc(s.rows, sizeof *zero);
    float *x = malloc(s.n * sizeof *x * s.rows);
    uint64_t random = 3;
    CHECK(zero && x, "memory");
    for (uint64_t i = 0; i < (uint64_t)s.n * s.rows; i++)
        x[i] = (float)(check_random(&random) % 2001) * 1e-3f - 1.0f;
    CHECK_OK(cl->load(dev, b.weights, b.copies, NULL, NULL, &weights, &err));
    CHECK_OK(cl->prepare(dev, weights, NULL, &b.plan, &prog, &err));
    CHECK_OK(cl->write(prog, 0, 0, x, s.n * sizeof *x * s.rows, &err));
    ac_run run = {.n_rows = s.rows,
                  .token = zero,
                  .pos = zero,
                  .seq = zero,
                  .slot = zero,
                  .out_row = zero,
                  .pages = zero};
    double device = measure(prog, &b, &run, true), host = measure(prog, &b, &run, false);
    printf("%-7s %6u x %-6u %4u rows %3u copies: %9.1f us, host %9.1f us, %8.1f GB/s %9.1f Gmac/s  %s\n",
           ac_type_describe(s.type)->name, s.m, s.n, s.rows, b.copies, device, host,
           (double)b.weights[0].bytes / device * 1e-3, (double)s.m * s.n * s.rows / device * 1e-3,
           mask ? mask : "");
    cl->release(prog);
    cl->unload(weights);
    free(zero);
    free(x);
    drop(&b);
}

int main(int argc, char **argv) {
    CHECK(argc > 1,
          "usage: cl_bench MODULE [--device N] [--cache DIR] [--mask WORDS] TYPE:ROWSxCOLS[:N] ...");
    void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(module, "%s", dlerror());
    union {
        void *p;
        ac_backend_entry_fn f;
    } entry = {dlsym(module, AC_BACKEND_ENTRY)};
    CHECK(entry.p && (cl = entry.f(AC_BACKEND_ABI)), "not a backend module: %s", argv[1]);
    ac_open_settings how = {0};
    ac_dev *dev = NULL;
    for (int i = 2; i < argc; i++) {
        shape s;
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value && !strcmp(argv[i], "--device"))
            how.index = (uint32_t)atoi(argv[++i]);
        else if (value && !strcmp(argv[i], "--cache"))
            how.cache_dir = argv[++i];
        else if (value && !strcmp(argv[i], "--mask")) {
            how.mask = argv[++i];
            cl->close(dev);
            dev = NULL;
        } else {
            CHECK(shape_of(argv[i], &s), "want TYPE:ROWSxCOLS[:N], have %s", argv[i]);
            if (!dev) CHECK_OK(cl->open(&how, &dev, &err));
            one(dev, s, how.mask);
        }
    }
    cl->close(dev);
    return 0;
}
