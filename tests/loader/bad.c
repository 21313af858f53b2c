/* bad.c - bad files, one fault each, with the status and the words that name the guilty thing. */
#include "gguf_write.h"

static const uint64_t HUGE_COUNT = UINT64_MAX;

/* Opens what was written from an allocation of its exact size, wants it refused, and starts afresh. */
static void refused(gw *w, ac_status status, const char *detail) {
    uint8_t *exact = malloc(w->n ? w->n : 1);
    CHECK(exact, "memory");
    if (w->n) memcpy(exact, w->p, w->n);
    ac_gguf *g = (ac_gguf *)exact;
    ac_error err = {0};
    ac_status have = ac_gguf_open_memory(exact, w->n, &g, &err);
    CHECK(have == status && err.status == status, "want %s \"%s\", have %s \"%s\"", ac_status_name(status),
          detail, ac_status_name(have), err.detail);
    CHECK(!g, "%s: no result on failure", detail);
    CHECK(strstr(err.detail, detail), "want \"%s\", have \"%s\"", detail, err.detail);
    CHECK(ac_gguf_open_memory(exact, w->n, &g, NULL) == status, "%s: err may be NULL", detail);
    free(exact);
    gw_free(w);
}

static void accepted(gw *w, const char *what) {
    ac_gguf *g;
    ac_error err = {0};
    CHECK(ac_gguf_open_memory(w->p, w->n, &g, &err) == AC_OK, "%s: %s", what, err.detail);
    ac_gguf_close(&g);
    gw_free(w);
}

static void heads(gw *w) {
    refused(w, AC_ERR_FORMAT, "not a GGUF file");
    gw_bytes(w, "GGU", 3);
    refused(w, AC_ERR_FORMAT, "not a GGUF file");
    gw_bytes(w, "GGML\3\0\0\0", 8);
    refused(w, AC_ERR_FORMAT, "not a GGUF file");
    gw_bytes(w, "FUGG\0\0\0\3", 8);
    refused(w, AC_ERR_FORMAT, "not a GGUF file");
    static const uint32_t versions[] = {0, 1, 4, 0x00010003, UINT32_MAX};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        gw_head(w, versions[i], 0, 0);
        refused(w, AC_ERR_UNSUPPORTED, "version: want GGUF 2 or 3, have ");
    }
    gw_head(w, 0x03000000u, 0, 0);
    refused(w, AC_ERR_UNSUPPORTED, "big-endian");
    gw_head(w, 0x02000000u, 0, 0);
    refused(w, AC_ERR_UNSUPPORTED, "big-endian");
    gw_bytes(w, "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19);
    refused(w, AC_ERR_FORMAT, "header: the file ends inside");
    gw_head(w, 3, 0, HUGE_COUNT);
    refused(w, AC_ERR_FORMAT, "key count 18446744073709551615: more than the file can hold");
    gw_head(w, 3, HUGE_COUNT, 0);
    refused(w, AC_ERR_FORMAT, "tensor count 18446744073709551615: more than the file can hold");
    gw_head(w, 3, 1, 0);
    refused(w, AC_ERR_FORMAT, "tensor count 1: more");
    gw_head(w, 3, 0, 1);
    refused(w, AC_ERR_FORMAT, "key count 1: more");
    gw_head(w, 3, 0, 0x1249249249249249ull); /* times the size of an entry it wraps to little */
    gw_key_u32(w, "a", 1);
    refused(w, AC_ERR_FORMAT, "key count");
}

/* The smallest entries there are: as many as fit are taken, one more is refused by its count. */
static void counts(gw *w) {
    gw_head(w, 3, 0, 1), gw_key(w, "a", AC_KV_U8), gw_u8(w, 1);
    accepted(w, "a key of 14 bytes");
    gw_head(w, 3, 0, 2), gw_key(w, "a", AC_KV_U8), gw_u8(w, 1), gw_data(w, 13);
    refused(w, AC_ERR_FORMAT, "key count 2: more than the file can hold");
    gw_head(w, 3, 1, 0), gw_tensor(w, "t", 0, 0, 1, (uint64_t)1);
    refused(w, AC_ERR_FORMAT, "tensor t: want 4 bytes at offset 0");
    gw_head(w, 3, 2, 0), gw_tensor(w, "t", 0, 0, 1, (uint64_t)1), gw_data(w, 32);
    refused(w, AC_ERR_FORMAT, "tensor count 2: more than the file can hold");
}

static void keys(gw *w) {
    char name[65536];
    memset(name, '~', sizeof name);
    gw_head(w, 3, 0, 1), gw_lstr(w, name, 65535), gw_u32(w, AC_KV_U8), gw_u8(w, 1);
    accepted(w, "the longest key");
    name[0] = ' ';
    for (size_t n = 64; n <= 65; n++) { /* what a message shows of it */
        char detail[128];
        snprintf(detail, sizeof detail, "key %.64s%s: no value type 13", name, n > 64 ? "..." : "");
        gw_head(w, 3, 0, 1), gw_lstr(w, name, n), gw_u32(w, 13), gw_u8(w, 1);
        refused(w, AC_ERR_FORMAT, detail);
    }

    gw_head(w, 3, 0, 1), gw_u64(w, 0), gw_u32(w, AC_KV_U32), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key number 0: want 1 to 65535 bytes of name, have 0");
    gw_head(w, 3, 0, 1), gw_u64(w, 65536), gw_data(w, 65536 + 12);
    refused(w, AC_ERR_FORMAT, "key number 0: want 1 to 65535 bytes of name, have 65536");
    gw_head(w, 3, 0, 1), gw_u64(w, HUGE_COUNT), gw_u32(w, AC_KV_U32), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key number 0: the file ends inside");
    gw_head(w, 3, 0, 2), gw_key_u32(w, "first", 1), gw_u64(w, 20), gw_u32(w, 0), gw_u16(w, 0);
    refused(w, AC_ERR_FORMAT, "key number 1: the file ends inside");
    gw_head(w, 3, 0, 2), gw_key_u32(w, "same.key", 1), gw_key_str(w, "same.key", "x");
    refused(w, AC_ERR_FORMAT, "key same.key: is there twice");
    gw_head(w, 3, 0, 1), gw_key(w, "odd", 13), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key odd: no value type 13");
    gw_head(w, 3, 0, 1), gw_key(w, "odd", UINT32_MAX), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key odd: no value type 4294967295");
    gw_head(w, 3, 0, 1), gw_key(w, "flag", AC_KV_BOOL), gw_u8(w, 2);
    refused(w, AC_ERR_FORMAT, "key flag: want a bool of 0 or 1, have 2");
    gw_head(w, 3, 0, 1), gw_key(w, "text", AC_KV_STRING), gw_u64(w, HUGE_COUNT);
    refused(w, AC_ERR_FORMAT, "key text: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key(w, "text", AC_KV_STRING), gw_u64(w, 3), gw_u16(w, 0);
    refused(w, AC_ERR_FORMAT, "key text: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key(w, "number", AC_KV_F64), gw_u32(w, 0);
    refused(w, AC_ERR_FORMAT, "key number: the file ends inside");
    gw_head(w, 3, 0, 1), gw_str(w, "number"), gw_u16(w, 0);
    refused(w, AC_ERR_FORMAT, "key number: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key(w, "esc\x1b[2J\x7f\xff", 99), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key esc?[2J??: no value type");
}

static void arrays(gw *w) {
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", 13, 0);
    refused(w, AC_ERR_FORMAT, "key list: no value type 13");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_U64, (UINT64_MAX >> 3) + 2), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_U8, HUGE_COUNT), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_STRING, HUGE_COUNT), gw_str(w, "x");
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_STRING, 2), gw_str(w, "01234567"), gw_u32(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_STRING, 1), gw_u64(w, HUGE_COUNT - 7), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_BOOL, 2), gw_u8(w, 1), gw_u8(w, 255);
    refused(w, AC_ERR_FORMAT, "key list: want a bool of 0 or 1, have 255");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_ARRAY, HUGE_COUNT), gw_u32(w, 0), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_ARRAY, 1), gw_u32(w, 77), gw_u64(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: no value type 77");
    gw_head(w, 3, 0, 1), gw_key(w, "list", AC_KV_ARRAY), gw_u32(w, 0), gw_u32(w, 0);
    refused(w, AC_ERR_FORMAT, "key list: the file ends inside");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_ARRAY, 1);
    for (int i = 0; i < 100000; i++) gw_u32(w, AC_KV_ARRAY), gw_u64(w, 1);
    refused(w, AC_ERR_FORMAT, "key list: arrays nested deeper than 8");
    gw_head(w, 3, 0, 1), gw_key_array(w, "list", AC_KV_ARRAY, 1);
    for (int i = 0; i < 6; i++) gw_u32(w, AC_KV_ARRAY), gw_u64(w, 1);
    gw_u32(w, AC_KV_U8), gw_u64(w, 0);
    accepted(w, "eight levels");
}

static void alignments(gw *w) {
    static const uint32_t bad[] = {0, 1, 2, 4, 7, 12, 24, 33, 0x80000001u};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gw_head(w, 3, 0, 1), gw_key_u32(w, "general.alignment", bad[i]);
        refused(w, AC_ERR_FORMAT, "key general.alignment: want a power of two from 8, have");
    }
    gw_head(w, 3, 0, 1), gw_key(w, "general.alignment", AC_KV_U64), gw_u64(w, 1ull << 40);
    refused(w, AC_ERR_FORMAT, "key general.alignment: want a power of two");
    gw_head(w, 3, 0, 1), gw_key_str(w, "general.alignment", "32");
    refused(w, AC_ERR_FORMAT, "key general.alignment: want u64, the file has string");
    gw_head(w, 3, 0, 1), gw_key_u32(w, "general.alignment", 0x80000000u);
    accepted(w, "no tensors, no data section");
    gw_head(w, 3, 1, 1), gw_key_u32(w, "general.alignment", 0x80000000u);
    gw_tensor(w, "far", 0, 0, 1, (uint64_t)1), gw_pad(w, 32), gw_data(w, 64);
    refused(w, AC_ERR_FORMAT, "tensor far: want 4 bytes at offset 0, the file has 0 bytes of data");
}

/* A file with one F32 tensor of these dimensions and 64 bytes of data. */
static void one_tensor(gw *w, const char *name, uint32_t type, uint64_t offset, unsigned n_dims, uint64_t a,
                       uint64_t b, uint64_t c, uint64_t d) {
    gw_head(w, 3, 1, 0);
    gw_tensor(w, name, type, offset, n_dims, a, b, c, d);
    gw_pad(w, 32);
    gw_data(w, 64);
}

static void tensors(gw *w) {
    one_tensor(w, "ok", 0, 0, 1, 16, 0, 0, 0);
    accepted(w, "16 floats");
    one_tensor(w, "", 0, 0, 1, 16, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor number 0: want 1 to 64 bytes of name, have 0");
    one_tensor(w, "a name of sixty-five bytes exactly, one more than there may be ..", 0, 0, 1, 16, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor number 0: want 1 to 64 bytes of name, have 65");
    gw_head(w, 3, 1, 0), gw_u64(w, HUGE_COUNT), gw_data(w, 64);
    refused(w, AC_ERR_FORMAT, "tensor number 0: the file ends inside");
    one_tensor(w, "t", 0, 0, 0, 0, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want 1 to 4 dimensions, have 0");
    gw_head(w, 3, 1, 0), gw_str(w, "t"), gw_u32(w, 5), gw_data(w, 256);
    refused(w, AC_ERR_FORMAT, "tensor t: want 1 to 4 dimensions, have 5");
    gw_head(w, 3, 1, 0), gw_str(w, "t"), gw_u32(w, UINT32_MAX), gw_data(w, 256);
    refused(w, AC_ERR_FORMAT, "tensor t: want 1 to 4 dimensions, have 4294967295");
    one_tensor(w, "t", 0, 0, 2, 16, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: dimension 1 is 0");
    one_tensor(w, "t", 0, 0, 3, 0, 1ull << 40, 1ull << 40, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: dimension 0 is 0");
    one_tensor(w, "t", 0, 0, 2, 1ull << 32, 1ull << 32, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: more than 2^63 elements");
    one_tensor(w, "t", 0, 0, 4, 1ull << 31, 1ull << 31, 2, 1);
    refused(w, AC_ERR_FORMAT, "tensor t: more than 2^63 elements");
    one_tensor(w, "t", 0, 0, 1, UINT64_MAX, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: more than 2^63 elements");
    one_tensor(w, "t", 0, 0, 1, 1ull << 62, 0, 0, 0); /* times 4 bytes it wraps to 0 */
    refused(w, AC_ERR_FORMAT, "tensor t: more than 2^63 bytes");
    one_tensor(w, "t", 0, 0, 1, 0x7fffffffffffffffull, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: more than 2^63 bytes");
    one_tensor(w, "t", 0, 0, 1, 1ull << 60, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want 4611686018427387904 bytes at offset 0, the file has 64");
    one_tensor(w, "t", 2, 0, 1, 33, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want q4_0 columns in blocks of 32, have 33");
    one_tensor(w, "t", 12, 0, 2, 128, 2, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want q4_k columns in blocks of 256, have 128");
    one_tensor(w, "t", 0, 0, 1, 17, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want 68 bytes at offset 0, the file has 64");
    one_tensor(w, "t", 0, 32, 1, 9, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want 36 bytes at offset 32, the file has 64");
    one_tensor(w, "t", 0, 96, 1, 1, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want 4 bytes at offset 96");
    one_tensor(w, "t", 0, 8, 1, 1, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: offset 8 is not a multiple of 32");
    one_tensor(w, "t", 0, UINT64_MAX - 31, 1, 16, 0, 0, 0);
    refused(w, AC_ERR_FORMAT, "tensor t: want 64 bytes at offset 18446744073709551584");
}

/* Every type number there is, was, or might be. */
static void types(gw *w) {
    for (uint32_t id = 0; id < 300; id++) {
        ac_type type = ac_type_from_gguf(id);
        char detail[64];
        one_tensor(w, "weights", id, 0, 1, 256, 0, 0, 0);
        gw_data(w, 1024);
        snprintf(detail, sizeof detail, "tensor weights: type number %u is not known", id);
        if (type == AC_TYPE_COUNT)
            refused(w, AC_ERR_UNSUPPORTED, detail);
        else
            accepted(w, ac_type_describe(type)->name);
    }
    one_tensor(w, "weights", UINT32_MAX, 0, 1, 256, 0, 0, 0);
    refused(w, AC_ERR_UNSUPPORTED, "type number 4294967295");
}

static void pairs(gw *w) {
    gw_head(w, 3, 2, 0);
    gw_tensor(w, "twin", 0, 0, 1, (uint64_t)4), gw_tensor(w, "twin", 0, 32, 1, (uint64_t)4);
    gw_pad(w, 32), gw_data(w, 64);
    refused(w, AC_ERR_FORMAT, "tensor twin: is there twice");
    gw_head(w, 3, 2, 0);
    gw_tensor(w, "under", 0, 0, 1, (uint64_t)9), gw_tensor(w, "over", 0, 32, 1, (uint64_t)4);
    gw_pad(w, 32), gw_data(w, 64);
    refused(w, AC_ERR_FORMAT, "tensor over: its data overlaps that of under");
    gw_head(w, 3, 2, 0);
    gw_tensor(w, "later", 0, 32, 1, (uint64_t)8), gw_tensor(w, "first", 0, 0, 1, (uint64_t)8);
    gw_pad(w, 32), gw_data(w, 64);
    accepted(w, "tensors in another order than their data");
    gw_head(w, 3, 3, 0);
    gw_tensor(w, "a", 0, 0, 1, (uint64_t)8), gw_tensor(w, "b", 0, 64, 1, (uint64_t)8);
    gw_tensor(w, "c", 0, 64, 1, (uint64_t)1), gw_pad(w, 32), gw_data(w, 96);
    refused(w, AC_ERR_FORMAT, "overlaps");
    gw_head(w, 3, 2, 0);
    gw_tensor(w, "whole", 0, 0, 1, (uint64_t)8), gw_str(w, "half"), gw_u32(w, 3);
    gw_data(w, 20); /* the second info is the smallest that could be, but wants more */
    refused(w, AC_ERR_FORMAT, "the file ends inside");
}

static void splits(gw *w) {
    gw_head(w, 3, 0, 2), gw_key(w, "split.count", AC_KV_U16), gw_u16(w, 3), gw_key(w, "split.no", AC_KV_U16),
        gw_u16(w, 0);
    refused(w, AC_ERR_UNSUPPORTED, "key split.count: a model in 3 parts must be opened by path");
    gw_head(w, 3, 0, 2), gw_key_u32(w, "split.count", 3), gw_key_u32(w, "split.no", 3);
    refused(w, AC_ERR_FORMAT, "key split.no: want less than split.count 3, have 3");
    gw_head(w, 3, 0, 1), gw_key_u32(w, "split.count", 65536);
    refused(w, AC_ERR_FORMAT, "key split.count: want at most 65535, have 65536");
    gw_head(w, 3, 0, 1), gw_key(w, "split.count", AC_KV_I32), gw_u32(w, UINT32_MAX);
    refused(w, AC_ERR_FORMAT, "key split.count: want u64, have -1");
    gw_head(w, 3, 0, 1), gw_key_u32(w, "split.count", 1);
    accepted(w, "one part");
    gw_head(w, 3, 0, 1), gw_key_u32(w, "split.count", 0);
    accepted(w, "no parts is one part");
}

static void arguments(void) {
    ac_gguf *g;
    ac_error err;
    CHECK(ac_gguf_open(NULL, &g, &err) == AC_ERR_ARGUMENT && ac_gguf_open("x", NULL, &err) == AC_ERR_ARGUMENT,
          "open");
    CHECK(ac_gguf_open_memory(NULL, 8, &g, &err) == AC_ERR_ARGUMENT, "memory");
    CHECK(ac_gguf_open_memory("", 0, NULL, &err) == AC_ERR_ARGUMENT, "memory");
    CHECK(ac_gguf_open_memory(NULL, 0, &g, &err) == AC_ERR_FORMAT && !g, "nothing");
    CHECK(ac_gguf_open("/", &g, &err) == AC_ERR_IO && strstr(err.detail, "/: not a regular file"), "%s",
          err.detail);
    CHECK(ac_gguf_open("/no/such", &g, &err) == AC_ERR_IO && strstr(err.detail, "/no/such: cannot open"),
          "%s", err.detail);
    CHECK(ac_gguf_open("/dev/null", &g, &err) == AC_ERR_IO && strstr(err.detail, "not a regular"), "%s",
          err.detail);
    ac_gguf_close(NULL);
}

int main(void) {
    gw w = {0};
    heads(&w);
    counts(&w);
    keys(&w);
    arrays(&w);
    alignments(&w);
    tensors(&w);
    types(&w);
    pairs(&w);
    splits(&w);
    arguments();
    return 0;
}
