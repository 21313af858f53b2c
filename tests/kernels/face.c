/* face: the promises of backend.h that are not arithmetic: cache pages, spans of buffers, runs of different
 * sizes of one program, two programs on the same weights, and errors that leave nothing behind. */
#include "harness.h"

#define TRY_OR_FAIL(expr)                                                                                    \
    do {                                                                                                     \
        if ((expr) == AC_OK) break;                                                                          \
        kc_fail(kc, row, "%s: %s", #expr, err.detail);                                                       \
        goto done;                                                                                           \
    } while (0)

#define WANT(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond)) kc_fail(kc, row, "not true: %s", #cond);                                                \
    } while (0)

static void describe(kc_check *kc, kc_row *row) {
    const ac_backend *b = kc->device.backend;
    ac_device_info info, list[8];
    size_t count = 0;
    ac_error err = {0};
    row->cases++;
    WANT(b->abi == AC_BACKEND_ABI && b->name && *b->name && b->title);
    WANT(b->enumerate(list, 8, &count, &err) == AC_OK && count > 0);
    b->describe(kc->device.dev, &info);
    WANT(info.name[0] && info.kind[0] && info.usable);
    ac_dev *dev = kc->device.dev;
    WANT(b->open(&(ac_open_settings){.index = 4095}, &dev, &err) != AC_OK && dev == NULL && err.detail[0]);
    b->close(NULL), b->unload(NULL), b->kv_destroy(NULL), b->release(NULL);
}

static void cache(kc_check *kc, kc_row *row) {
    const ac_backend *b = kc->device.backend;
    enum { LAYERS = 3, PAGES = 5, HEADS = 2, DIM = 80 };
    size_t bytes = LAYERS * ac_kv_layout_of(HEADS, DIM).page_bytes;
    uint8_t *page = malloc(bytes), *back = malloc(bytes);
    ac_error err = {0};
    ac_kv_mem *kv = NULL;
    uint64_t random = kc->seed;
    row->cases++;
    CHECK(page && back, "no memory");
    TRY_OR_FAIL(b->kv_create(kc->device.dev, LAYERS, PAGES, HEADS, DIM, &kv, &err));
    for (size_t i = 0; i < bytes; i++) page[i] = (uint8_t)check_random(&random);
    TRY_OR_FAIL(b->kv_read(kv, 4, back, &err));
    for (size_t i = 0; i < bytes; i++)
        if (back[i]) {
            kc_fail(kc, row, "a new cache is not zero");
            break;
        }
    TRY_OR_FAIL(b->kv_write(kv, 3, page, &err));
    TRY_OR_FAIL(b->kv_copy(kv, 3, 1, &err));
    TRY_OR_FAIL(b->kv_copy(kv, 1, 1, &err));
    for (uint32_t p = 0; p < PAGES; p++) {
        TRY_OR_FAIL(b->kv_read(kv, p, back, &err));
        bool equal = !memcmp(page, back, bytes);
        WANT(equal == (p == 3 || p == 1));
    }
    WANT(b->kv_read(kv, PAGES, back, &err) != AC_OK);
    WANT(b->kv_copy(kv, 0, PAGES, &err) != AC_OK);
done:
    b->kv_destroy(kv);
    free(page);
    free(back);
}

/* One program, runs of 5, 1, 0 and 3 rows; another program on the same weights at the same time; spans of
 * buffers. */
static void runs(kc_check *kc, kc_row *row) {
    const ac_backend *b = kc->device.backend;
    enum { N = 96, ROWS = 5 };
    float x[ROWS * N], y[ROWS * N], bias[N];
    ac_weight w = {
        .name = "bias", .type = AC_TYPE_F32, .rows = 1, .cols = N, .data = bias, .bytes = sizeof bias};
    ac_plan_buf bufs[] = {{"x", AC_BUF_INPUT, 0, N * 4, ROWS}, {"y", AC_BUF_OUTPUT, 2048, N * 4, ROWS}};
    ac_op op = {
        .kind = AC_OP_add, .rows = AC_ROWS_ALL, .add = {.a = 0, .b = AC_NONE, .bias = 0, .out = 1, .n = N}};
    ac_plan plan = {.ops = &op,
                    .n_ops = 1,
                    .bufs = bufs,
                    .n_bufs = 2,
                    .arena_bytes = 4096,
                    .weights = &w,
                    .n_weights = 1,
                    .max_rows = ROWS,
                    .max_out = ROWS};
    static const uint32_t sizes[] = {5, 1, 0, 3};
    int32_t zero[ROWS] = {0};
    ac_weights *weights = NULL;
    ac_prog *one = NULL, *two = NULL;
    ac_error err = {0};
    row->cases++;
    for (int i = 0; i < N; i++) bias[i] = (float)i;
    TRY_OR_FAIL(b->load(kc->device.dev, &w, 1, NULL, NULL, &weights, &err));
    TRY_OR_FAIL(b->prepare(kc->device.dev, weights, NULL, &plan, &one, &err));
    TRY_OR_FAIL(b->prepare(kc->device.dev, weights, NULL, &plan, &two, &err));
    WANT(b->prog_bytes(one) >= plan.arena_bytes);
    TRY_OR_FAIL(b->write(two, 1, 0, memset(y, 0, sizeof y), sizeof y, &err));
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < ROWS * N; i++) x[i] = (float)(i * (k + 1)), y[i] = -1.0f;
        TRY_OR_FAIL(b->write(one, 0, 0, x, sizeof x, &err));
        TRY_OR_FAIL(b->write(one, 1, 0, y, sizeof y, &err));
        ac_run run = {.n_rows = sizes[k],
                      .n_out = sizes[k],
                      .token = zero,
                      .pos = zero,
                      .seq = zero,
                      .slot = zero,
                      .out_row = zero,
                      .pages = zero};
        TRY_OR_FAIL(b->run(one, &run, &err));
        TRY_OR_FAIL(b->wait(one, &err));
        TRY_OR_FAIL(b->read(one, 1, 4, y, sizeof y - 4, &err));
        bool good = true;
        for (int i = 1; i < ROWS * N; i++)
            good = good && y[i - 1] == ((uint32_t)i < sizes[k] * N ? x[i] + bias[i % N] : -1.0f);
        if (!good) kc_fail(kc, row, "a run of %u rows after others gives something else", sizes[k]);
    }
    TRY_OR_FAIL(b->read(two, 1, 0, y, sizeof y, &err));
    for (int i = 0; i < ROWS * N; i++)
        if (y[i] != 0.0f) {
            kc_fail(kc, row, "a program's run changed another program's buffer");
            break;
        }
    WANT(b->read(one, 1, 4, y, sizeof y, &err) != AC_OK);
    WANT(b->write(one, 2, 0, y, 4, &err) != AC_OK);
done:
    b->release(one);
    b->release(two);
    b->unload(weights);
}

void kc_test_face(kc_check *kc) {
    kc_row *row = kc->bench || kc->level == KC_VECTORS ? NULL : kc_line(kc, "face");
    if (!row) return;
    describe(kc, row);
    cache(kc, row);
    runs(kc, row);
}
