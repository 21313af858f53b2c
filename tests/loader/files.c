/* files.c - files that gguf-py wrote or reads as well: every key, value and tensor must be as it sees them.
 * Those in data/ are the project's; the models and vocabularies of a folder named by AC_SHARED take part when
 * there. */
#include "check.h"
#include "gguf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>

static const struct {
    const char *folder, *name;
    uint64_t bytes;
    size_t keys, tensors;
    uint32_t crc;
} expected[] = {
#include "files_expected.h"
};

/* CRC-32 as zlib has it. */
static uint32_t crc32_of(uint32_t crc, const void *data, size_t n) {
    static uint32_t table[256];
    const uint8_t *p = data;
    for (uint32_t i = 0; !table[255] && i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
    crc = ~crc;
    for (size_t i = 0; i < n; i++) crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
    return ~crc;
}

/* The CRC goes on over formatted text. */
static uint32_t __attribute__((format(printf, 2, 3))) text(uint32_t crc, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    CHECK(n >= 0 && (size_t)n < sizeof line, "long line");
    return crc32_of(crc, line, (size_t)n);
}

static uint32_t value(uint32_t crc, const ac_kv *kv, uint64_t i) {
    switch (kv->elem) {
    case AC_KV_F32: {
        float f = (float)ac_kv_float(kv, i);
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        return text(crc, "%08" PRIx32 "\n", bits);
    }
    case AC_KV_F64: {
        double d = ac_kv_float(kv, i);
        uint64_t bits;
        memcpy(&bits, &d, sizeof bits);
        return text(crc, "%016" PRIx64 "\n", bits);
    }
    case AC_KV_U64:
        return text(crc, "%" PRIu64 "\n", (uint64_t)ac_kv_int(kv, i));
    default:
        return text(crc, "%" PRId64 "\n", ac_kv_int(kv, i));
    }
}

static uint32_t key(uint32_t crc, const ac_kv *kv) {
    crc = crc32_of(text(crc, "key "), kv->key.p, kv->key.n);
    crc = text(crc, " %d %d %" PRIu64 "\n", (int)kv->type, (int)kv->elem, kv->count);
    size_t cursor = 0;
    ac_str s;
    while (ac_kv_next_string(kv, &cursor, &s)) crc = text(crc32_of(crc, s.p, s.n), "\n");
    for (uint64_t i = 0; kv->elem != AC_KV_STRING && i < kv->count; i++) crc = value(crc, kv, i);
    return crc;
}

static uint32_t listing(const ac_gguf *g) {
    uint32_t crc = 0;
    for (size_t i = 0; i < ac_gguf_kv_count(g); i++) crc = key(crc, ac_gguf_kv_at(g, i));
    for (size_t i = 0; i < ac_gguf_tensor_count(g); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        crc = crc32_of(text(crc, "tensor "), t->name.p, t->name.n);
        crc = text(crc, " %" PRIu32, ac_type_describe(t->type)->gguf_id);
        for (uint32_t d = 0; d < t->n_dims; d++) crc = text(crc, " %" PRIu64, t->dim[d]);
        crc = text(crc, " %08" PRIx32 "\n", crc32_of(0, t->data, (size_t)t->bytes));
    }
    return crc;
}

int main(void) {
    const char *source = getenv("AC_SOURCE"), *shared = getenv("AC_SHARED");
    char path[4096];
    ac_gguf *g;
    ac_error err;
    size_t seen = 0;
    CHECK(source, "AC_SOURCE must name the source folder");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool own = !strcmp(expected[i].folder, "data");
        struct stat st;
        if (!own && !shared) continue;
        snprintf(path, sizeof path, "%s/%s", own ? source : shared, own ? "tests/loader/data/" : "");
        snprintf(path + strlen(path), sizeof path - strlen(path), "%s", expected[i].name);
        if (!own && (stat(path, &st) || (uint64_t)st.st_size != expected[i].bytes)) {
            printf("%s: not there, or another file of that name\n", expected[i].name);
            continue;
        }
        CHECK_OK(ac_gguf_open(path, &g, &err));
        CHECK(ac_gguf_bytes(g) == expected[i].bytes, "%s: %" PRIu64 " bytes", path, ac_gguf_bytes(g));
        CHECK(ac_gguf_kv_count(g) == expected[i].keys, "%s: %zu keys", path, ac_gguf_kv_count(g));
        CHECK(ac_gguf_tensor_count(g) == expected[i].tensors, "%s: %zu tensors", path,
              ac_gguf_tensor_count(g));
        CHECK(listing(g) == expected[i].crc, "%s: not what gguf-py reads", path);
        ac_gguf_close(&g);
        seen++;
    }
    snprintf(path, sizeof path, "%s/tests/loader/data/big-endian.gguf", source);
    CHECK(ac_gguf_open(path, &g, &err) == AC_ERR_UNSUPPORTED && strstr(err.detail, "big-endian"), "%s",
          err.detail);
    printf("%zu of %zu models compared\n", seen, sizeof expected / sizeof *expected);
    return 0;
}
