/* module.c - a backend module of which CMakeLists.txt makes wrong ones: WRONG says what is wrong with it. */
#include <stddef.h>

#include <anychip/backend.h>

enum { NOTHING, OTHER_ABI, NO_TABLE, OTHER_NAME, NO_NAME, NO_RUN };

static ac_status refuse(ac_error *err) {
    return ac_fail(err, AC_ERR_DEVICE, "there is nothing behind this module");
}

static ac_status enumerate(ac_device_info *list, size_t cap, size_t *count, ac_error *err) {
    (void)list, (void)cap;
    *count = 0;
    return refuse(err);
}
static ac_status open_device(const ac_open_settings *how, ac_dev **out, ac_error *err) {
    (void)how;
    *out = NULL;
    return refuse(err);
}
static void close_device(ac_dev *dev) {
    (void)dev;
}
static void describe(ac_dev *dev, ac_device_info *out) {
    (void)dev;
    *out = (ac_device_info){0};
}
static ac_status load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *, uint64_t, uint64_t), void *user, ac_weights **out,
                      ac_error *err) {
    (void)dev, (void)weights, (void)n, (void)progress, (void)user, (void)out;
    return refuse(err);
}
static void unload(ac_weights *w) {
    (void)w;
}
static ac_status kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t heads, uint32_t dim,
                           ac_kv_mem **out, ac_error *err) {
    (void)dev, (void)layers, (void)pages, (void)heads, (void)dim, (void)out;
    return refuse(err);
}
static ac_status kv_copy(ac_kv_mem *kv, uint32_t from, uint32_t to, ac_error *err) {
    (void)kv, (void)from, (void)to;
    return refuse(err);
}
static ac_status kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err) {
    (void)kv, (void)page, (void)host;
    return refuse(err);
}
static ac_status kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err) {
    (void)kv, (void)page, (void)host;
    return refuse(err);
}
static void kv_destroy(ac_kv_mem *kv) {
    (void)kv;
}
static ac_status prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                         ac_error *err) {
    (void)dev, (void)w, (void)kv, (void)plan, (void)out;
    return refuse(err);
}
static void release(ac_prog *prog) {
    (void)prog;
}
static uint64_t prog_bytes(const ac_prog *prog) {
    (void)prog;
    return 0;
}
static ac_status run(ac_prog *prog, const ac_run *r, ac_error *err) {
    (void)prog, (void)r;
    return refuse(err);
}
static ac_status wait(ac_prog *prog, ac_error *err) {
    (void)prog;
    return refuse(err);
}
static ac_status write_buf(ac_prog *prog, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                           ac_error *err) {
    (void)prog, (void)buf, (void)offset, (void)host, (void)bytes;
    return refuse(err);
}
static ac_status read_buf(ac_prog *prog, uint32_t buf, uint64_t offset, void *host, uint64_t bytes,
                          ac_error *err) {
    (void)prog, (void)buf, (void)offset, (void)host, (void)bytes;
    return refuse(err);
}

static const ac_backend table = {
    .abi = WRONG == OTHER_ABI ? 999 : AC_BACKEND_ABI,
    .name = WRONG == NO_NAME      ? NULL
            : WRONG == OTHER_NAME ? "other"
                                  : "wrong",
    .title = "wrong",
    .enumerate = enumerate,
    .open = open_device,
    .close = close_device,
    .describe = describe,
    .load = load,
    .unload = unload,
    .kv_create = kv_create,
    .kv_copy = kv_copy,
    .kv_read = kv_read,
    .kv_write = kv_write,
    .kv_destroy = kv_destroy,
    .prepare = prepare,
    .release = release,
    .prog_bytes = prog_bytes,
    .run = WRONG == NO_RUN ? NULL : run,
    .wait = wait,
    .write = write_buf,
    .read = read_buf,
};

AC_API const ac_backend *ac_backend_entry(uint32_t abi);
const ac_backend *ac_backend_entry(uint32_t abi) {
    (void)abi;
    return WRONG == NO_TABLE ? NULL : &table;
}
