/* split.c - models in several files: any part may be named, every fault names its file; and a file larger
 * than memory. */
#include "alloc.h"
#include "gguf_write.h"
#include "walk.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static char folder[] = "/tmp/anychip-test-XXXXXX";

static const char *path_of(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void save(gw *w, const char *name) {
    FILE *f = fopen(path_of(name), "wb");
    CHECK(f && fwrite(w->p, 1, w->n, f) == w->n && !fclose(f), "%s", name);
    gw_free(w);
}

/* What to change in a part; zeros leave the good model: part `no` holds F32 tensors "t<no>" [4] and, but for
 * the last, "u<no>" [4]. */
typedef struct fault {
    uint64_t no_plus_one, count; /* of split.no and split.count */
    int32_t tensors;             /* split.tensors.count */
    const char *name;            /* of the first tensor */
    bool garbage, no_keys;
} fault;

static void write_part(const char *file, uint64_t no, uint64_t count, fault f) {
    gw w = {0};
    char name[32];
    unsigned n = no + 1 < count ? 2 : 1;
    if (f.garbage) {
        gw_data(&w, 100);
        save(&w, file);
        return;
    }
    gw_head(&w, 3, n, (f.no_keys ? 0 : 3) + (no == 0));
    if (no == 0) gw_key_str(&w, "general.name", "split");
    if (!f.no_keys) {
        gw_key(&w, "split.no", AC_KV_U16), gw_u16(&w, (uint16_t)(f.no_plus_one ? f.no_plus_one - 1 : no));
        gw_key(&w, "split.count", AC_KV_U16), gw_u16(&w, (uint16_t)(f.count ? f.count : count));
        gw_key(&w, "split.tensors.count", AC_KV_I32),
            gw_u32(&w, f.tensors ? (uint32_t)f.tensors : (uint32_t)count * 2 - 1);
    }
    snprintf(name, sizeof name, "t%u", (unsigned)no);
    gw_tensor(&w, f.name ? f.name : name, 0, 0, 1, (uint64_t)4);
    snprintf(name, sizeof name, "u%u", (unsigned)no);
    if (n == 2) gw_tensor(&w, name, 0, 32, 1, (uint64_t)4);
    gw_pad(&w, 32);
    for (unsigned i = 0; i < n * 8; i++) gw_f32(&w, (float)no);
    save(&w, file);
}

static void write_model(uint64_t count) {
    for (uint64_t no = 0; no < count; no++) {
        char name[64];
        snprintf(name, sizeof name, "m-%05u-of-%05u.gguf", (unsigned)no + 1, (unsigned)count);
        write_part(name, no, count, (fault){0});
    }
}

static void check_good(uint64_t count) {
    uint8_t first[16], hash[16];
    write_model(count);
    for (uint64_t named = 0; named < count; named++) {
        char name[64];
        ac_gguf *g;
        ac_error err;
        snprintf(name, sizeof name, "m-%05u-of-%05u.gguf", (unsigned)named + 1, (unsigned)count);
        CHECK_OK(ac_gguf_open(path_of(name), &g, &err));
        CHECK(ac_gguf_parts(g) == count && ac_gguf_tensor_count(g) == count * 2 - 1, "%s", name);
        CHECK(ac_gguf_find(g, "general.name"), "%s: keys are the first part's", name);
        for (uint64_t no = 0; no < count; no++) {
            const void *data;
            size_t bytes;
            snprintf(name, sizeof name, "t%u", (unsigned)no);
            const ac_gguf_tensor *t = ac_gguf_tensor_find(g, name);
            CHECK(t && t->part == no, "%s", name);
            float x;
            memcpy(&x, t->data + 12, sizeof x);
            CHECK(x == (float)no, "%s", name);
            ac_gguf_part_mapping(g, no, &data, &bytes);
            CHECK(t->data == (const uint8_t *)data + t->offset && t->offset + t->bytes <= bytes, "%s", name);
            snprintf(name, sizeof name, "m-%05u-of-%05u.gguf", (unsigned)no + 1, (unsigned)count);
            CHECK(!strcmp(ac_gguf_part_path(g, no), path_of(name)), "%s", ac_gguf_part_path(g, no));
        }
        walk(g);
        ac_gguf_prefetch(g);
        ac_gguf_header_hash(g, named ? hash : first);
        CHECK(!named || !memcmp(first, hash, 16), "one hash whichever part is named");
        ac_gguf_close(&g);
    }
}

static void refused(const char *name, ac_status status, const char *who, const char *detail) {
    ac_gguf *g;
    ac_error err = {0};
    ac_status have = ac_gguf_open(path_of(name), &g, &err);
    CHECK(have == status && err.status == status && !g, "want %s \"%s\", have %s \"%s\"",
          ac_status_name(status), detail, ac_status_name(have), err.detail);
    CHECK(strstr(err.detail, who) && strstr(err.detail, detail), "want \"%s\" \"%s\", have \"%s\"", who,
          detail, err.detail);
    CHECK(ac_gguf_open(path_of(name), &g, NULL) == status, "err may be NULL");
}

/* Part 2 of 3 with a fault; wants part 1 refused with a detail that names part 2. */
static void bad_second(fault f, ac_status status, const char *detail) {
    write_part("m-00002-of-00003.gguf", 1, 3, f);
    refused("m-00001-of-00003.gguf", status, "m-00002-of-00003.gguf", detail);
    ac_gguf *g;
    ac_error err;
    ac_gguf_open(path_of("m-00001-of-00003.gguf"), &g, &err);
    const char *path = path_of("m-00002-of-00003.gguf");
    size_t n = strlen(path);
    CHECK(!strncmp(err.detail, path, n) && !strncmp(err.detail + n, ": ", 2), "%s", err.detail);
    CHECK(!strstr(err.detail + n, ".gguf: "), "named twice: %s", err.detail);
    write_part("m-00002-of-00003.gguf", 1, 3, (fault){0});
}

static void check_bad(void) {
    write_model(3);
    bad_second((fault){.garbage = true}, AC_ERR_FORMAT, "not a GGUF file");
    bad_second((fault){.no_plus_one = 3}, AC_ERR_FORMAT,
               "key split.no: want part 2 of 3, the file is part 3 of 3");
    bad_second((fault){.count = 4}, AC_ERR_FORMAT, "key split.no: want part 2 of 3, the file is part 2 of 4");
    bad_second((fault){.no_keys = true}, AC_ERR_FORMAT,
               "key split.no: want part 2 of 3, the file is part 1 of 1");
    unlink(path_of("m-00002-of-00003.gguf"));
    refused("m-00001-of-00003.gguf", AC_ERR_IO, "m-00002-of-00003.gguf", "cannot open");
    refused("m-00003-of-00003.gguf", AC_ERR_IO, "m-00002-of-00003.gguf", "cannot open");
    write_part("m-00002-of-00003.gguf", 1, 3, (fault){.name = "t0"});
    refused("m-00001-of-00003.gguf", AC_ERR_FORMAT, "tensor t0", "is there twice");

    write_model(3);
    write_part("m-00001-of-00003.gguf", 0, 3, (fault){.tensors = 6});
    refused("m-00002-of-00003.gguf", AC_ERR_FORMAT, "key split.tensors.count",
            "want 6 tensors, the files have 5");
    write_part("m-00001-of-00003.gguf", 0, 3, (fault){.tensors = -5});
    refused("m-00001-of-00003.gguf", AC_ERR_FORMAT, "key split.tensors.count", "have -5");
    write_part("m-00001-of-00003.gguf", 0, 3, (fault){.no_plus_one = 2});
    refused("m-00002-of-00003.gguf", AC_ERR_FORMAT, "m-00001-of-00003.gguf", "not the first of 3 parts");
    refused("m-00001-of-00003.gguf", AC_ERR_FORMAT, "m-00001-of-00003.gguf",
            "want a name ending in -00002-of-00003.gguf");
    unlink(path_of("m-00001-of-00003.gguf"));
    refused("m-00002-of-00003.gguf", AC_ERR_IO, "m-00001-of-00003.gguf", "cannot open");
    write_part("other.gguf", 0, 3, (fault){0});
    refused("other.gguf", AC_ERR_FORMAT, "other.gguf",
            "part 1 of 3: want a name ending in -00001-of-00003.gguf");
    write_part("other.gguf", 2, 3, (fault){0});
    refused("other.gguf", AC_ERR_FORMAT, "other.gguf",
            "part 3 of 3: want a name ending in -00003-of-00003.gguf");
    FILE *f = fopen(path_of("empty.gguf"), "wb");
    CHECK(f && !fclose(f), "empty.gguf");
    refused("empty.gguf", AC_ERR_FORMAT, "empty.gguf", "empty file");
}

/* A name shorter than the end it should have; as many parts as there may be. */
static void check_names(void) {
    CHECK(!chdir(folder), "%s", folder);
    ac_gguf *g;
    ac_error err;
    write_part("s.gguf", 1, 3, (fault){0});
    CHECK(ac_gguf_open("s.gguf", &g, &err) == AC_ERR_FORMAT &&
              strstr(err.detail, "s.gguf: part 2 of 3: want a name"),
          "%s", err.detail);
    CHECK(!unlink("s.gguf") && !chdir("/"), "s.gguf");
    write_part("m-00001-of-65535.gguf", 0, 65535, (fault){0});
    refused("m-00001-of-65535.gguf", AC_ERR_IO, "m-00002-of-65535.gguf", "cannot open");
    unlink(path_of("m-00001-of-65535.gguf"));
}

/* Every allocation of a split model made to fail in turn. */
static void check_memory(void (*fail)(long)) {
    write_model(3);
    for (long n = 0;; n++) {
        ac_gguf *g;
        ac_error err = {0};
        fail(n);
        ac_status status = ac_gguf_open(path_of("m-00002-of-00003.gguf"), &g, &err);
        ac__alloc_fail_after(-1);
        ac_gguf_close(&g);
        if (status == AC_OK) break;
        CHECK(status == AC_ERR_MEMORY && n < 1000, "allocation %ld: %s: %s", n, ac_status_name(status),
              err.detail);
    }
}

/* A sparse file, eight times the memory: opening it and reading its end must take next to nothing. */
static void check_large(void) {
    uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES), page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t elems = pages * page * 8 / 4 / 32 * 32;
    if (elems > 1ull << 42) elems = 1ull << 42;
    gw w = {0};
    gw_head(&w, 3, 2, 0);
    gw_tensor(&w, "vast", 0, 0, 2, (uint64_t)32, elems / 32);
    gw_tensor(&w, "end", 0, elems * 4, 1, (uint64_t)1);
    gw_pad(&w, 32);
    off_t end = (off_t)(w.n + elems * 4);
    save(&w, "large.gguf");
    int fd = open(path_of("large.gguf"), O_WRONLY);
    float x = 42.0f;
    if (fd < 0 || pwrite(fd, &x, sizeof x, end) != (ssize_t)sizeof x) {
        printf("no room for a sparse file of %llu bytes, part left out\n", (unsigned long long)end);
        close(fd);
        return;
    }
    close(fd);
    ac_gguf *g;
    ac_error err = {0};
    ac_status status = ac_gguf_open(path_of("large.gguf"), &g, &err);
    unlink(path_of("large.gguf"));
    if (status == AC_ERR_MEMORY || sizeof(size_t) < 8) {
        printf("%s, part left out\n", err.detail);
        return;
    }
    CHECK(status == AC_OK, "%s", err.detail);
    memcpy(&x, ac_gguf_tensor_find(g, "end")->data, sizeof x);
    CHECK(x == 42.0f && ac_gguf_tensor_find(g, "vast")->data[elems * 2] == 0, "the end is read");
    ac_gguf_prefetch(g);
    walk(g);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    CHECK((uint64_t)use.ru_maxrss * 1024 < pages * page / 4, "%ld KiB resident", use.ru_maxrss);
    printf("opened %llu bytes with %llu bytes of memory, %ld KiB resident\n",
           (unsigned long long)ac_gguf_bytes(g), (unsigned long long)(pages * page), use.ru_maxrss);
    ac_gguf_close(&g);
}

/* A file larger than the address space, which tmpfs can have. */
static void check_vast(void) {
    ac_gguf *g;
    ac_error err = {0};
    char path[] = "/dev/shm/anychip-test-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, (off_t)1 << 58)) {
        printf("no file of 2^58 bytes can be made here, part left out\n");
    } else {
        ac_status status = ac_gguf_open(path, &g, &err);
        CHECK(status == AC_ERR_MEMORY && !g && strstr(err.detail, ": cannot map: "), "%s", err.detail);
    }
    if (fd >= 0) unlink(path);
    close(fd);
}

int main(void) {
    CHECK(mkdtemp(folder), "%s", folder);
    check_good(1);
    check_good(2);
    check_good(12);
    check_bad();
    check_memory(ac__alloc_fail_after);
    check_memory(ac__alloc_fail_once);
    check_names();
    check_large();
    check_vast();
    for (uint64_t count = 1; count <= 12; count++)
        for (uint64_t no = 0; no < count; no++) {
            char name[64];
            snprintf(name, sizeof name, "m-%05u-of-%05u.gguf", (unsigned)no + 1, (unsigned)count);
            unlink(path_of(name));
        }
    unlink(path_of("other.gguf"));
    unlink(path_of("empty.gguf"));
    rmdir(folder);
    return 0;
}
