/* read.c - good files: every metadata type, every tensor type, conversions, lookups, hashes. */
#include "gguf_write.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static ac_gguf *open_memory(const gw *w) {
    ac_gguf *g;
    ac_error err;
    CHECK_OK(ac_gguf_open_memory(w->p, w->n, &g, &err));
    return g;
}

static bool same(ac_str s, const char *text, size_t n) {
    return s.n == n && !memcmp(s.p, text, n);
}

static void check_scalars(const ac_gguf *g) {
    static const struct {
        const char *key;
        ac_kv_type type;
        int64_t value;
    } ints[] = {
        {"s.u8", AC_KV_U8, 255},      {"s.i8", AC_KV_I8, -128},         {"s.u16", AC_KV_U16, 65535},
        {"s.i16", AC_KV_I16, -32768}, {"s.u32", AC_KV_U32, 4294967295}, {"s.i32", AC_KV_I32, -2147483648ll},
        {"s.u64", AC_KV_U64, -1},     {"s.i64", AC_KV_I64, INT64_MIN},  {"s.bool", AC_KV_BOOL, 1},
        {"s.f32", AC_KV_F32, -1},     {"s.f64", AC_KV_F64, 0},          {"s.string", AC_KV_STRING, 0},
    };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        const ac_kv *kv = ac_gguf_find(g, ints[i].key);
        CHECK(kv, "%s", ints[i].key);
        CHECK(kv->type == ints[i].type && kv->elem == kv->type && kv->count == 1, "%s", ints[i].key);
        CHECK(ac_kv_int(kv, 0) == ints[i].value, "%s: %lld", ints[i].key, (long long)ac_kv_int(kv, 0));
    }
    CHECK(ac_kv_float(ac_gguf_find(g, "s.u64"), 0) == 0x1p64, "u64 as float");
    CHECK(ac_kv_float(ac_gguf_find(g, "s.f32"), 0) == -1.5, "f32");
    CHECK(ac_kv_float(ac_gguf_find(g, "s.f64"), 0) == 1e-3, "f64");
    CHECK(!ac_gguf_find(g, "s.u") && !ac_gguf_find(g, "s.u88") && !ac_gguf_find(g, ""), "absent keys");
}

/* What the typed reads give and refuse. */
static void check_typed(const ac_gguf *g) {
    ac_error err;
    uint32_t u = 7;
    uint64_t v = 7;
    float f = 7;
    bool b = false;
    ac_str s = {0};
    CHECK_OK(ac_gguf_u32(g, "s.u8", &u, &err));
    CHECK(u == 255, "%u", u);
    CHECK_OK(ac_gguf_u32(g, "s.u32", &u, &err));
    CHECK(u == UINT32_MAX, "%u", u);
    CHECK_OK(ac_gguf_u64(g, "s.u64", &v, &err));
    CHECK(v == UINT64_MAX, "u64");
    CHECK_OK(ac_gguf_f32(g, "s.f64", &f, &err));
    CHECK(f == 1e-3f, "%g", f);
    CHECK_OK(ac_gguf_bool(g, "s.bool", &b, &err));
    CHECK(b, "bool");
    CHECK_OK(ac_gguf_string(g, "s.string", &s, &err));
    CHECK(same(s, "caf\xc3\xa9", 5), "string");
    CHECK_OK(ac_gguf_string(g, "s.empty", &s, &err));
    CHECK(s.n == 0, "empty");

    u = 7;
    f = 7;
    const ac_kv *kv = NULL;
#define REFUSED(call, code, text)                                                                            \
    CHECK((call) == (code) && err.status == (code) && strstr(err.detail, text), "%s", err.detail)
    REFUSED(ac_gguf_u32(g, "s.none", &u, &err), AC_ERR_NOT_FOUND, "s.none");
    REFUSED(ac_gguf_u32(g, "s.u64", &u, &err), AC_ERR_FORMAT,
            "key s.u64: want u32, have 18446744073709551615");
    REFUSED(ac_gguf_u32(g, "s.i8", &u, &err), AC_ERR_FORMAT, "key s.i8: want u32, have -128");
    REFUSED(ac_gguf_u64(g, "s.i64", &v, &err), AC_ERR_FORMAT, "want u64, have -9223372036854775808");
    REFUSED(ac_gguf_u32(g, "s.string", &u, &err), AC_ERR_FORMAT,
            "key s.string: want u32, the file has string");
    REFUSED(ac_gguf_u32(g, "a.u32", &u, &err), AC_ERR_FORMAT, "want u32, the file has array of u32");
    REFUSED(ac_gguf_f32(g, "s.u32", &f, &err), AC_ERR_FORMAT, "want f32, the file has u32");
    REFUSED(ac_gguf_f32(g, "s.none", &f, &err), AC_ERR_NOT_FOUND, "s.none");
    REFUSED(ac_gguf_bool(g, "s.u8", &b, &err), AC_ERR_FORMAT, "want bool, the file has u8");
    REFUSED(ac_gguf_string(g, "a.string", &s, &err), AC_ERR_FORMAT,
            "want string, the file has array of string");
    REFUSED(ac_gguf_array(g, "s.u8", AC_KV_U8, &kv, &err), AC_ERR_FORMAT,
            "want array of u8, the file has u8");
    REFUSED(ac_gguf_array(g, "a.string", AC_KV_F32, &kv, &err), AC_ERR_FORMAT, "want array of f32");
    REFUSED(ac_gguf_array(g, "a.f64", AC_KV_F32, &kv, &err), AC_ERR_FORMAT, "the file has array of f64");
    REFUSED(ac_gguf_array(g, "a.f32", AC_KV_U8, &kv, &err), AC_ERR_FORMAT,
            "want array of u8, the file has array of f32");
    REFUSED(ac_gguf_array(g, "a.u8", AC_KV_STRING, &kv, &err), AC_ERR_FORMAT, "the file has array of u8");
    REFUSED(ac_gguf_array(g, "a.none", AC_KV_U8, &kv, &err), AC_ERR_NOT_FOUND, "a.none");
    CHECK(u == 7 && f == 7 && !kv, "out is untouched on failure");
    CHECK(ac_gguf_u32(g, "s.none", &u, NULL) == AC_ERR_NOT_FOUND, "err may be NULL");
}

static void check_arrays(const ac_gguf *g) {
    static const struct {
        const char *key;
        ac_kv_type elem;
        uint64_t count;
        int64_t first;
    } rows[] = {
        {"a.u8", AC_KV_I64, 3, 1},   {"a.i8", AC_KV_U8, 2, -1},    {"a.u16", AC_KV_U16, 2, 1},
        {"a.i16", AC_KV_I16, 2, -1}, {"a.u32", AC_KV_I32, 2, 1},   {"a.i32", AC_KV_I32, 2, -1},
        {"a.f32", AC_KV_F32, 2, 0},  {"a.bool", AC_KV_BOOL, 3, 1}, {"a.u64", AC_KV_U64, 1, -1},
        {"a.i64", AC_KV_I32, 2, -1}, {"a.f64", AC_KV_F64, 1, 0},   {"a.empty", AC_KV_U32, 0, 0},
    };
    ac_error err;
    const ac_kv *kv;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_OK(ac_gguf_array(g, rows[i].key, rows[i].elem, &kv, &err));
        CHECK(kv->count == rows[i].count && kv->type == AC_KV_ARRAY, "%s", rows[i].key);
        if (kv->count) CHECK(ac_kv_int(kv, 0) == rows[i].first, "%s", rows[i].key);
    }
    CHECK(ac_kv_int(ac_gguf_find(g, "a.u8"), 2) == 255, "third of a.u8");
    CHECK(ac_kv_int(ac_gguf_find(g, "a.u32"), 1) == 0xffffffffll, "second of a.u32");
    CHECK(ac_kv_float(ac_gguf_find(g, "a.f32"), 1) == -2.0, "second of a.f32");
    CHECK(ac_kv_float(ac_gguf_find(g, "a.i16"), 0) == -1.0, "i16 as float");

    CHECK_OK(ac_gguf_array(g, "a.string", AC_KV_STRING, &kv, &err));
    size_t cursor = 0;
    ac_str s;
    CHECK(ac_kv_next_string(kv, &cursor, &s) && same(s, "one", 3), "first string");
    CHECK(ac_kv_next_string(kv, &cursor, &s) && same(s, "", 0), "second string");
    CHECK(ac_kv_next_string(kv, &cursor, &s) && same(s, "t\0o", 3), "third string");
    CHECK(!ac_kv_next_string(kv, &cursor, &s), "end of strings");
    cursor = 0;
    CHECK(!ac_kv_next_string(ac_gguf_find(g, "a.u8"), &cursor, &s), "strings of an integer array");
    CHECK_OK(ac_gguf_array(g, "a.array", AC_KV_ARRAY, &kv, &err));
    CHECK(kv->count == 2 && kv->bytes == 12 + 4 + 12 + 12, "array of arrays");
}

static void check_tensors(const ac_gguf *g, const gw *w, uint64_t alignment) {
    CHECK(ac_gguf_tensor_count(g) == AC_TYPE_COUNT, "%zu", ac_gguf_tensor_count(g));
    uint64_t place = UINT64_MAX;
    for (unsigned i = 0; i < AC_TYPE_COUNT; i++) {
        const ac_type_info *info = ac_type_describe((ac_type)i);
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        char name[32];
        snprintf(name, sizeof name, "t.%s", info->name);
        CHECK(ac_gguf_tensor_find(g, name) == t && !strcmp(t->label, name), "%s", name);
        CHECK(t->type == (ac_type)i && t->n_dims == 2 && t->part == 0, "%s", name);
        CHECK(t->dim[0] == 2 * info->block_elems && t->dim[1] == 3 && t->dim[2] == 1 && t->dim[3] == 1, "%s",
              name);
        CHECK(t->bytes == 6 * info->block_bytes && t->bytes == 3 * ac_type_row_bytes(t->type, t->dim[0]),
              "%s", name);
        CHECK(t->data == w->p + t->offset && t->offset % alignment == 0, "%s", name);
        if (i == 0) place = t->offset;
        CHECK(t->data[0] == (uint8_t)((t->offset - place) * 7 + 1), "%s: data", name);
    }
    CHECK(!ac_gguf_tensor_at(g, AC_TYPE_COUNT) && !ac_gguf_tensor_find(g, "t."), "absent tensors");
}

static void check_model(uint32_t version, uint32_t alignment) {
    gw w = {0};
    gw_model(&w, version, alignment);
    ac_gguf *g = open_memory(&w);
    CHECK(ac_gguf_version(g) == version && ac_gguf_parts(g) == 1 && ac_gguf_bytes(g) == w.n, "facts");
    CHECK(!strcmp(ac_gguf_part_path(g, 0), "(memory)"), "path");
    const void *data;
    size_t bytes;
    ac_gguf_part_mapping(g, 0, &data, &bytes);
    CHECK(!data && !bytes, "memory is no mapping");
    CHECK(ac_gguf_kv_count(g) == 28u + (alignment != 0), "%zu keys", ac_gguf_kv_count(g));
    CHECK(same(ac_gguf_kv_at(g, 0)->key, "s.u8", 4) && !ac_gguf_kv_at(g, ac_gguf_kv_count(g)),
          "order of keys");
    check_scalars(g);
    check_typed(g);
    check_arrays(g);
    check_tensors(g, &w, alignment ? alignment : 32);
    ac_gguf_close(&g);
    CHECK(!g, "closed");
    ac_gguf_close(&g);
    gw_free(&w);
}

/* The hash covers header and size, not tensor data. */
static void check_hash(void) {
    gw w = {0};
    uint8_t a[16], b[16];
    gw_model(&w, 3, 0);
    ac_gguf *g = open_memory(&w);
    ac_gguf_header_hash(g, a);
    uint64_t header = ac_gguf_tensor_at(g, 0)->offset;
    ac_gguf_close(&g);
    w.p[w.n - 1] ^= 1;
    g = open_memory(&w);
    ac_gguf_header_hash(g, b);
    ac_gguf_close(&g);
    CHECK(!memcmp(a, b, 16), "tensor data is not in the hash");
    w.p[header - 1] ^= 1;
    g = open_memory(&w);
    ac_gguf_header_hash(g, b);
    ac_gguf_close(&g);
    CHECK(memcmp(a, b, 16), "the header is in the hash");
    w.p[header - 1] ^= 1;
    gw_u8(&w, 0);
    g = open_memory(&w);
    ac_gguf_header_hash(g, b);
    ac_gguf_close(&g);
    CHECK(memcmp(a, b, 16), "the size is in the hash");
    gw_free(&w);
}

/* Values that floats and integers cannot share. */
static void check_conversions(void) {
    gw w = {0};
    gw_head(&w, 3, 0, 8);
    gw_key(&w, "zero", AC_KV_I32), gw_u32(&w, 0);
    gw_key(&w, "most", AC_KV_F32), gw_u32(&w, 0x7f7fffffu);
    gw_key(&w, "inf", AC_KV_F64), gw_u64(&w, 0x7ff0000000000000ull);
    gw_key(&w, "nan", AC_KV_F32), gw_u32(&w, 0x7fc00000u);
    gw_key(&w, "big", AC_KV_F64), gw_f64(&w, 1e300);
    gw_key(&w, "low", AC_KV_F64), gw_f64(&w, -1e300);
    gw_key(&w, "small", AC_KV_F64), gw_f64(&w, 1e-300);
    gw_key(&w, "edge", AC_KV_F64), gw_f64(&w, -0x1p63);
    ac_gguf *g = open_memory(&w);
    float f = 7;
    CHECK(ac_gguf_f32(g, "inf", &f, NULL) == AC_ERR_FORMAT &&
              ac_gguf_f32(g, "nan", &f, NULL) == AC_ERR_FORMAT &&
              ac_gguf_f32(g, "big", &f, NULL) == AC_ERR_FORMAT && f == 7,
          "not finite as f32");
    uint32_t u = 7;
    CHECK(ac_gguf_u32(g, "zero", &u, NULL) == AC_OK && u == 0, "a signed 0");
    CHECK(ac_gguf_f32(g, "most", &f, NULL) == AC_OK && f == 0x1.fffffep127f, "the largest");
    CHECK(ac_gguf_f32(g, "small", &f, NULL) == AC_OK && f == 0, "too small becomes 0");
    CHECK(ac_kv_int(ac_gguf_find(g, "inf"), 0) == INT64_MAX &&
              ac_kv_int(ac_gguf_find(g, "big"), 0) == INT64_MAX &&
              ac_kv_int(ac_gguf_find(g, "low"), 0) == INT64_MIN &&
              ac_kv_int(ac_gguf_find(g, "nan"), 0) == 0 && ac_kv_int(ac_gguf_find(g, "edge"), 0) == INT64_MIN,
          "floats as integers saturate");
    ac_gguf_close(&g);
    gw_free(&w);
}

/* A header alone is a file: vocabularies have no tensors, and then nothing has to follow the header. */
static void check_small(void) {
    gw w = {0};
    gw_head(&w, 3, 0, 0);
    ac_gguf *g = open_memory(&w);
    CHECK(ac_gguf_kv_count(g) == 0 && ac_gguf_tensor_count(g) == 0 && !ac_gguf_find(g, "a"), "empty model");
    ac_gguf_close(&g);
    gw_free(&w);
    gw_head(&w, 3, 1, 0);
    gw_tensor(&w, "a name of \x1b\x7f\xffty-four bytes exactly, which is the longest allowed", 0, 0, 4,
              (uint64_t)1, (uint64_t)2, (uint64_t)1, (uint64_t)3);
    gw_pad(&w, 32);
    gw_data(&w, 24);
    g = open_memory(&w);
    const ac_gguf_tensor *t = ac_gguf_tensor_at(g, 0);
    CHECK(!strcmp(t->label, "a name of \x3f\x3f\x3fty-four bytes exactly, which is the longest allowed"),
          "%s", t->label);
    CHECK(t->n_dims == 4 && t->bytes == 24 && t->dim[3] == 3, "four dimensions");
    ac_gguf_close(&g);
    gw_free(&w);
}

/* The same from a file; an odd address in memory. */
static void check_file(void) {
    gw w = {0};
    ac_error err;
    char path[] = "/tmp/anychip-test-XXXXXX";
    gw_model(&w, 3, 0);
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, w.p, w.n) == (ssize_t)w.n && !close(fd), "%s", path);
    ac_gguf *g;
    CHECK_OK(ac_gguf_open(path, &g, &err));
    unlink(path);
    CHECK(!strcmp(ac_gguf_part_path(g, 0), path) && ac_gguf_bytes(g) == w.n, "file");
    uint8_t a[16], b[16];
    ac_gguf_header_hash(g, a);
    ac_gguf_prefetch(g);
    check_scalars(g);
    const void *map;
    size_t bytes;
    ac_gguf_part_mapping(g, 0, &map, &bytes);
    const ac_gguf_tensor *t = ac_gguf_tensor_at(g, 0);
    CHECK(bytes == w.n && (uintptr_t)map % 4096 == 0 && t->data == (const uint8_t *)map + t->offset,
          "mapping");
    ac_gguf_close(&g);
    unsigned char core;
    CHECK(mincore((void *)(uintptr_t)map, 1, &core) && errno == ENOMEM, "closing unmaps");

    uint8_t *odd = malloc(w.n + 1);
    CHECK(odd, "memory");
    memcpy(odd + 1, w.p, w.n);
    CHECK_OK(ac_gguf_open_memory(odd + 1, w.n, &g, &err));
    ac_gguf_header_hash(g, b);
    CHECK(!memcmp(a, b, 16), "same header");
    check_scalars(g);
    check_arrays(g);
    ac_gguf_prefetch(g);
    ac_gguf_close(&g);
    free(odd);
    gw_free(&w);
}

int main(void) {
    check_model(3, 0);
    check_model(2, 0);
    check_model(3, 8);
    check_model(3, 4096);
    check_hash();
    check_conversions();
    check_small();
    check_file();
    return 0;
}
