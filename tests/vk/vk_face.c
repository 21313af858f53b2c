/* vk_face: what the Vulkan backend promises beside arithmetic: masks, missing devices, tensors in parts,
 * cancelled loads, the cache of pipelines on disk, plans it refuses, and that a failure leaves nothing
 * behind. */
#include <dirent.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <anychip/backend.h>

#include "check.h"
#include "vk_entry.h"
#include "vk_prog.h"

extern char **environ;

static const ac_backend *vk;
static ac_error err;
static char folder[64];

static ac_status open_with(const char *mask, const char *dir, ac_dev **dev) {
    return vk->open(&(ac_open_settings){.mask = mask, .cache_dir = dir}, dev, &err);
}

/* ---- A plan of one embed and one product: y = W x, W [rows, cols] of F32
 * -------------------------------------------- */

typedef struct work {
    ac_weight weight;
    ac_plan_buf bufs[3];
    ac_op ops[2];
    ac_plan plan;
} work;

static void make_work(work *w, float *data, uint64_t rows, uint32_t cols) {
    memset(w, 0, sizeof *w);
    w->weight = (ac_weight){.name = "table",
                            .type = AC_TYPE_F32,
                            .rows = rows,
                            .cols = cols,
                            .data = data,
                            .bytes = rows * cols * 4};
    uint64_t row = (cols * 4ull + 255) / 256 * 256;
    w->bufs[0] = (ac_plan_buf){"row", AC_BUF_SCRATCH, 0, row, 1};
    w->bufs[1] = (ac_plan_buf){"x", AC_BUF_SCRATCH, row, row, 1};
    w->bufs[2] = (ac_plan_buf){"y", AC_BUF_OUTPUT, 2 * row, rows * 4, 1};
    w->ops[0] = (ac_op){.kind = AC_OP_embed, .embed = {0, 0}};
    w->ops[1] = (ac_op){.kind = AC_OP_matmul, .matmul = {0, 1, 2, (uint32_t)rows, cols}};
    w->plan = (ac_plan){.ops = w->ops,
                        .n_ops = 2,
                        .bufs = w->bufs,
                        .n_bufs = 3,
                        .arena_bytes = 2 * row + (rows * 4 + 255) / 256 * 256,
                        .weights = &w->weight,
                        .n_weights = 1,
                        .max_rows = 1,
                        .max_out = 1,
                        .max_seqs = 1,
                        .max_pages = 1};
}

/* A tensor of more than a binding holds (128 MiB here) is found in every part: W[r][0] = r, x = (1, 0, ...)
 * gives y[r] = r. */
static void test_parts(void) {
    enum { ROWS = 40000, COLS = 1024 };
    float *data = calloc((size_t)ROWS * COLS, 4), *y = malloc(ROWS * 4), x[COLS] = {1.0f}, row[COLS];
    ac_dev *dev;
    ac_weights *weights;
    ac_prog *prog;
    work w;
    CHECK(data && y, "memory");
    for (uint32_t r = 0; r < ROWS; r++) data[(size_t)r * COLS] = (float)r;
    make_work(&w, data, ROWS, COLS);
    CHECK_OK(open_with(NULL, NULL, &dev));
    CHECK_OK(vk->load(dev, &w.weight, 1, NULL, NULL, &weights, &err));
    CHECK_OK(vk->prepare(dev, weights, NULL, &w.plan, &prog, &err));
    CHECK_OK(vk->write(prog, 1, 0, x, sizeof x, &err));
    for (int32_t token = 0; token < ROWS; token += ROWS - 1) {
        CHECK_OK(vk->run(prog, &(ac_run){.n_rows = 1, .token = &token}, &err));
        CHECK_OK(vk->read(prog, 0, 0, row, sizeof row, &err));
        CHECK_OK(vk->read(prog, 2, 0, y, ROWS * 4, &err));
        CHECK(row[0] == (float)token, "row %d: %g", token, (double)row[0]);
        for (uint32_t r = 0; r < ROWS; r++) CHECK(y[r] == (float)r, "y[%u] is %g", r, (double)y[r]);
    }
    int32_t out = ROWS;
    CHECK(vk->run(prog, &(ac_run){.n_rows = 1, .token = &out}, &err) == AC_ERR_ARGUMENT,
          "a token beyond the table was taken");
    vk->release(prog);
    vk->unload(weights);
    vk->close(dev);
    free(data);
    free(y);
}

/* ---- Slices: a run is as many submissions as its cost asks for ---- */

static void test_slice_size(ac_dev *dev) {
    dev->tune[VK_TUNE_slice] = 0;
    dev->rate = 0;
    uint64_t first = vk_slice(dev);
    CHECK(first > 1000000 && first < 100000000000u, "the first slice is %llu", (unsigned long long)first);
    vk_learn(dev, 1000000, 0.0001); /* too short to tell */
    vk_learn(dev, 0, 10);
    CHECK(dev->rate == 0, "learned %g from nothing", dev->rate);
    vk_learn(dev, first, 0.001);
    uint64_t fast = vk_slice(dev);
    CHECK(fast > first && (double)fast < dev->rate * 0.5, "a fast device gets %llu",
          (unsigned long long)fast);
    for (int i = 0; i < 20; i++) vk_learn(dev, first, 100);
    CHECK(vk_slice(dev) < first && vk_slice(dev) > 0, "a slow device gets %llu",
          (unsigned long long)vk_slice(dev));
}

static void test_slices(void) {
    enum { ROWS = 5000, COLS = 1024, SLICE = 64 << 10 };
    float *data = calloc((size_t)ROWS * COLS, 4), *y = malloc(ROWS * 4), x[COLS] = {1.0f};
    ac_dev *dev;
    ac_weights *weights;
    ac_prog *prog;
    work w;
    CHECK(data && y, "memory");
    for (uint32_t r = 0; r < ROWS; r++) data[(size_t)r * COLS] = (float)r;
    make_work(&w, data, ROWS, COLS);
    CHECK_OK(open_with("slice=64", NULL, &dev));
    CHECK_OK(vk->load(dev, &w.weight, 1, NULL, NULL, &weights, &err));
    CHECK_OK(vk->prepare(dev, weights, NULL, &w.plan, &prog, &err));
    CHECK_OK(vk->write(prog, 1, 0, x, sizeof x, &err));
    uint64_t before = dev->submitted;
    CHECK_OK(vk->run(prog, &(ac_run){.n_rows = 1, .token = &(int32_t){0}}, &err));
    uint64_t submissions = dev->submitted - before;
    CHECK_OK(vk->read(prog, 2, 0, y, ROWS * 4, &err));
    for (uint32_t r = 0; r < ROWS; r++) CHECK(y[r] == (float)r, "y[%u] is %g", r, (double)y[r]);
    CHECK(submissions >= (uint64_t)ROWS * COLS / SLICE, "%llu submissions", (unsigned long long)submissions);
    CHECK(prog->rec[0].largest <= SLICE, "a slice of %llu", (unsigned long long)prog->rec[0].largest);
    dev->tune[VK_TUNE_slice] = 65535; /* all in one: recorded anew */
    before = dev->submitted;
    CHECK_OK(vk->run(prog, &(ac_run){.n_rows = 1, .token = &(int32_t){0}}, &err));
    CHECK_OK(vk->wait(prog, &err));
    CHECK(dev->submitted - before == 1, "%llu submissions", (unsigned long long)(dev->submitted - before));
    test_slice_size(dev);
    vk->release(prog);
    vk->unload(weights);
    vk->close(dev);
    free(data);
    free(y);
}

static void test_masks(void) {
    static const char *const bad[] = {"nonsense", "dot,nonsense", "threads=48", "threads=512",
                                      "rows1=",   "rows1=0",      "rows1=2x"};
    ac_dev *dev;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(open_with(bad[i], NULL, &dev) == AC_ERR_ARGUMENT && !dev, "mask \"%s\" was taken", bad[i]);
    ac_device_info info;
    CHECK_OK(open_with("dot, subgroup,,import", NULL, &dev));
    vk->describe(dev, &info);
    CHECK(!strstr(info.detail, "packed") && !strstr(info.detail, "shuffles"), "%s", info.detail);
    CHECK(strstr(info.detail, "witness passed"), "%s", info.detail);
    vk->close(dev);
    CHECK(vk->open(&(ac_open_settings){.index = 63}, &dev, &err) == AC_ERR_DEVICE && !dev,
          "device 63 was opened");
}

static bool stop(void *user, uint64_t done, uint64_t all) {
    (void)done, (void)all;
    return ++*(int *)user < 2;
}

static void test_load(void) {
    float *data = calloc(4 << 20, 4);
    ac_dev *dev;
    ac_weights *weights;
    int calls = 0;
    work w;
    CHECK(data, "memory");
    make_work(&w, data, 4096, 1024);
    CHECK_OK(open_with("mapped,import", NULL, &dev));
    CHECK(vk->load(dev, &w.weight, 1, stop, &calls, &weights, &err) == AC_ERR_CANCELLED && !weights,
          "not cancelled");
    CHECK(calls == 2, "%d calls", calls);
    w.weight.bytes--;
    CHECK(vk->load(dev, &w.weight, 1, NULL, NULL, &weights, &err) == AC_ERR_ARGUMENT,
          "a short tensor was taken");
    w.weight =
        (ac_weight){.name = "odd", .type = AC_TYPE_Q4_K, .rows = 1, .cols = 200, .data = data, .bytes = 4096};
    CHECK(vk->load(dev, &w.weight, 1, NULL, NULL, &weights, &err) == AC_ERR_ARGUMENT,
          "200 columns of q4_k were taken");
    ac_kv_mem *kv;
    CHECK(vk->kv_create(dev, 2, 1 << 20, 64, 128, &kv, &err) == AC_ERR_DEVICE_MEMORY && !kv &&
              strstr(err.detail, "MiB"),
          "%s", err.detail);
    vk->close(dev);
    free(data);
}

/* A cache whose layers are larger than a binding: pages are what was written to them, also copied ones. */
static void test_cache_parts(void) {
    enum { LAYERS = 3, PAGES = 7 };
    ac_dev *dev;
    ac_kv_mem *kv;
    CHECK_OK(open_with("bind=200", NULL, &dev));
    CHECK_OK(vk->kv_create(dev, LAYERS, PAGES, 1, 64, &kv, &err));
    CHECK(kv->parts > 1 && kv->part_bytes <= 200 << 10, "%u parts of %llu bytes", kv->parts,
          (unsigned long long)kv->part_bytes);
    size_t n = kv->layout.page_bytes * LAYERS;
    uint8_t *page = malloc(n);
    CHECK(page, "memory");
    for (uint32_t p = 0; p + 1 < PAGES; p++) {
        memset(page, (int)p + 1, n);
        CHECK_OK(vk->kv_write(kv, p, page, &err));
    }
    CHECK_OK(vk->kv_copy(kv, 0, PAGES - 1, &err));
    for (uint32_t p = 0; p < PAGES; p++) {
        CHECK_OK(vk->kv_read(kv, p, page, &err));
        for (size_t i = 0; i < n; i++)
            CHECK(page[i] == p % (PAGES - 1) + 1, "page %u, byte %zu: %u", p, i, page[i]);
    }
    vk->kv_destroy(kv);
    CHECK(vk->kv_create(dev, 1, 1, 8, 256, &kv, &err) == AC_ERR_DEVICE_MEMORY && strstr(err.detail, "KiB"),
          "%s", err.detail);
    vk->close(dev);
    free(page);
}

/* y of a run of `w`'s plan with x = (1, 0, ...). */
static float first_y(ac_dev *dev, ac_weights *weights, const work *w) {
    float x[1024] = {1.0f}, y = 0;
    ac_prog *prog;
    CHECK_OK(vk->prepare(dev, weights, NULL, &w->plan, &prog, &err));
    CHECK_OK(vk->write(prog, 1, 0, x, sizeof x, &err));
    CHECK_OK(vk->run(prog, &(ac_run){.n_rows = 1, .token = &(int32_t){0}}, &err));
    CHECK_OK(vk->read(prog, 2, 0, &y, 4, &err));
    vk->release(prog);
    return y;
}

/* Imported weights are the host's own pages, one allocation each; when there may not be so many, they are
 * copied. */
static void test_import(void) {
    float *data = aligned_alloc(65536, 1 << 20);
    ac_dev *dev;
    ac_weights *weights;
    work w;
    CHECK(data, "memory");
    memset(data, 0, 1 << 20);
    make_work(&w, data, 256, 1024);
    w.weight.map = data;
    w.weight.map_bytes = 1 << 20;
    CHECK_OK(open_with(NULL, NULL, &dev));
    uint32_t before = dev->allocs;
    for (int limited = 0; limited < 2 && dev->on[VK_FEATURE_import]; limited++) {
        data[0] = 1;
        if (limited) dev->caps.max_allocs = before + 8;
        CHECK_OK(vk->load(dev, &w.weight, 1, NULL, NULL, &weights, &err));
        data[0] = 2;
        float y = first_y(dev, weights, &w);
        CHECK(y == (limited ? 1 : 2), "%s: y is %g", limited ? "copied" : "imported", (double)y);
        vk->unload(weights);
    }
    CHECK(dev->allocs <= before + VK_STAGES, "%u allocations, %u before", dev->allocs, before);
    vk->close(dev);
    free(data);
}

static void test_plans(void) {
    float *data = calloc(64 * 256, 4);
    ac_dev *dev;
    ac_weights *weights;
    ac_prog *prog;
    work w;
    CHECK(data, "memory");
    make_work(&w, data, 64, 256);
    CHECK_OK(open_with(NULL, NULL, &dev));
    CHECK_OK(vk->load(dev, &w.weight, 1, NULL, NULL, &weights, &err));
    w.ops[1].matmul.m = 65;
    CHECK(vk->prepare(dev, weights, NULL, &w.plan, &prog, &err) == AC_ERR_ARGUMENT && !prog &&
              strstr(err.detail, "table"),
          "%s", err.detail);
    w.ops[1].matmul.m = 64;
    w.ops[1].matmul.out = 1;
    CHECK(vk->prepare(dev, weights, NULL, &w.plan, &prog, &err) == AC_ERR_ARGUMENT,
          "a product over its input was taken");
    w.ops[1].matmul.out = 9;
    CHECK(vk->prepare(dev, weights, NULL, &w.plan, &prog, &err) == AC_ERR_ARGUMENT,
          "a buffer that is not there was taken");
    w.ops[1] = (ac_op){.kind = AC_OP_attention, .attention = {0, 2, 0, 1, 1, 64, 0.1f}};
    CHECK(vk->prepare(dev, weights, NULL, &w.plan, &prog, &err) == AC_ERR_ARGUMENT &&
              strstr(err.detail, "cache"),
          "%s", err.detail);
    vk->unload(weights);
    vk->close(dev);
    free(data);
}

/* ---- The cache on disk
 * ---------------------------------------------------------------------------------------------- */

static char cache[96]; /* below `folder`, not there at first */

static void only_file(char *path, size_t cap) {
    DIR *d = opendir(cache);
    int n = 0;
    CHECK(d, "%s", cache);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, cap, "%.60s/%.80s", cache, e->d_name);
        n++;
    }
    closedir(d);
    CHECK(n == 1, "%d files in the cache", n);
}

static void open_and_close(void) {
    ac_dev *dev;
    CHECK_OK(open_with(NULL, cache, &dev));
    vk->close(dev);
}

/* The file is whole: its header tells its length and the sum of its bytes. */
static void whole(const char *path) {
    struct {
        char magic[8];
        uint64_t bytes, sum;
    } h;
    FILE *f = fopen(path, "rb");
    CHECK(f && fread(&h, sizeof h, 1, f) == 1 && !memcmp(h.magic, "acvkpc1", 8), "%s", path);
    uint64_t sum = 0xcbf29ce484222325u, n = 0;
    for (int c; (c = fgetc(f)) != EOF; n++) sum = (sum ^ (uint64_t)c) * 0x100000001b3u;
    fclose(f);
    CHECK(n == h.bytes && sum == h.sum, "%s: %llu bytes, header %llu", path, (unsigned long long)n,
          (unsigned long long)h.bytes);
}

static off_t size_of(const char *path) {
    struct stat st;
    CHECK(!stat(path, &st), "%s", path);
    return st.st_size;
}

/* What is in a file's place is not used, and a whole one takes its place. */
static void broken_file(const char *path, off_t size, off_t at, int byte, off_t length) {
    FILE *f = fopen(path, "r+b");
    CHECK(f && !fseeko(f, at, SEEK_SET) && fputc(byte, f) == byte && !fclose(f), "%s", path);
    CHECK(!truncate(path, length), "%s", path);
    open_and_close();
    CHECK(size_of(path) == size, "a broken file of %lld bytes is %lld afterwards", (long long)length,
          (long long)size_of(path));
    whole(path);
}

/* A whole file that another device has written: byte `at` of the driver's header is not ours. */
static void foreign_file(const char *path, off_t size, size_t at) {
    uint8_t data[65536], *blob = data + 24;
    uint64_t sum = 0xcbf29ce484222325u;
    FILE *f = fopen(path, "r+b");
    CHECK(f && size <= (off_t)sizeof data && fread(data, 1, (size_t)size, f) == (size_t)size, "%s", path);
    const uint8_t ours = blob[at];
    blob[at] ^= 0x55;
    for (off_t i = 24; i < size; i++) sum = (sum ^ data[i]) * 0x100000001b3u;
    memcpy(data + 16, &sum, sizeof sum);
    rewind(f);
    CHECK(fwrite(data, 1, (size_t)size, f) == (size_t)size && !fclose(f), "%s", path);
    open_and_close();
    f = fopen(path, "rb");
    CHECK(f && fread(data, 1, (size_t)size, f) == (size_t)size && !fclose(f), "%s", path);
    CHECK(blob[at] == ours, "another device's file (byte %zu) was kept", at);
    whole(path);
}

enum { PROCESSES = 6, ROUNDS = 4 };

/* Several processes open and store at once, while one breaks the file again and again. */
static void test_processes(const char *path) {
    pid_t children[PROCESSES];
    char *const args[] = {"vk_face", "churn", cache, NULL};
    int status;
    for (int i = 0; i < PROCESSES; i++)
        CHECK(!posix_spawn(&children[i], "/proc/self/exe", NULL, NULL, args, environ), "spawn");
    for (int i = 0; i < PROCESSES; i++) {
        (void)!truncate(path, 40 + i);
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0, "child %d: %x", i,
              (unsigned)status);
    }
    char again[160];
    open_and_close();
    only_file(again, sizeof again);
    CHECK(!strcmp(again, path), "%s and %s", again, path);
    whole(path);
}

static void churn(const char *dir) {
    snprintf(cache, sizeof cache, "%s", dir);
    for (int i = 0; i < ROUNDS; i++) open_and_close();
}

static void test_cache(void) {
    char path[160];
    ac_dev *dev, *other;
    snprintf(cache, sizeof cache, "%.60s/new/deep", folder);
    open_and_close();
    only_file(path, sizeof path);
    whole(path);
    off_t size = size_of(path);
    CHECK(size > 24, "%lld bytes", (long long)size);
    struct stat before, after;
    CHECK(!stat(path, &before), "%s", path);
    open_and_close();
    CHECK(!stat(path, &after) && after.st_ino == before.st_ino, "written again with nothing new in it");
    broken_file(path, size, 40, 0xa5, size);
    broken_file(path, size, 0, 'x', size);
    broken_file(path, size, 0, 'a', 30);
    broken_file(path, size, 0, 'a', 0);
    broken_file(path, size, 15, 0x7f, size); /* a length beyond all */
    foreign_file(path, size, 8);             /* vendor */
    foreign_file(path, size, 20);            /* identity of the driver */
    CHECK(!unlink(path) && !mkfifo(path, 0600), "%s", path);
    open_and_close(); /* nobody waits for the other end */
    whole(path);
    CHECK_OK(open_with(NULL, cache, &dev));
    CHECK_OK(open_with("dot", cache, &other)); /* two at once in one process */
    vk->close(dev);
    vk->close(other);
    whole(path);
    test_processes(path);
    unlink(path);
    CHECK(!mkdir(path, 0700), "%s", path); /* no file can be there: that is no failure */
    open_and_close();
    CHECK(!rmdir(path), "left something behind");
    CHECK(!rmdir(cache), "%s is not empty", cache);
    *strrchr(cache, '/') = 0;
    rmdir(cache);
    snprintf(cache, sizeof cache, "/proc/none/at/all");
    open_and_close();
}

int main(int argc, char **argv) {
    size_t count = 0;
    vk = ac_backend_vk(AC_BACKEND_ABI);
    if (argc == 3 && !strcmp(argv[1], "churn")) return churn(argv[2]), 0;
    CHECK(vk && !ac_backend_vk(AC_BACKEND_ABI + 1), "ABI");
    ac_status s = vk->enumerate(NULL, 0, &count, &err);
    if (s != AC_OK) {
        CHECK(s == AC_ERR_DEVICE && err.detail[0] && !count, "%s", err.detail);
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    strcpy(folder, "/tmp/anychip-vk-XXXXXX");
    CHECK(mkdtemp(folder), "%s", folder);
    test_masks();
    test_load();
    test_import();
    test_cache_parts();
    test_plans();
    test_cache();
    test_parts();
    test_slices();
    rmdir(folder);
    vk->close(NULL);
    printf("%zu devices\n", count);
    return 0;
}
