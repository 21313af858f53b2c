/* hostile.c - every truncation of small models, 100,000 seeded mutations of them, and every allocation made
 * to fail. Each file is opened from an allocation of its exact size; run it under ASan and UBSan to see more
 * than crashesArguments: [mutations [seed [first]]]; a mutation that
 * fails tells its number. */
#include "alloc.h"
#include "gguf_write.h"
#include "walk.h"

#include <time.h>
#include <unistd.h>

enum { BASES = 4, MUTATIONS = 100000 };

/* An allocation may be this many times the file, which the list of tensors comes near to. */
enum { MEMORY_FACTOR = 16, MEMORY_SMALL = 8192 };

static gw bases[BASES];
static size_t opened, turned_down;
static long current = -1; /* mutation under way */

/* The models that are damaged: all features in two alignments, names without values, one tensor. */
static void make_bases(void) {
    gw_model(&bases[0], 3, 0);
    gw_model(&bases[1], 2, 8);
    gw_head(&bases[2], 3, 0, 20);
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        gw_key(&bases[2], key, AC_KV_U8), gw_u8(&bases[2], 1);
    }
    gw_head(&bases[3], 3, 2, 1);
    gw_key_u32(&bases[3], "split.count", 1);
    gw_tensor(&bases[3], "a", 0, 0, 2, (uint64_t)4, (uint64_t)2);
    gw_tensor(&bases[3], "b", 8, 32, 1, (uint64_t)32);
    gw_pad(&bases[3], 32);
    gw_data(&bases[3], 96);
}

/* Opens a copy of exact size, walks it, and holds the memory it took against the file. */
static ac_status try_file(const uint8_t *p, size_t n) {
    uint8_t *exact = malloc(n ? n : 1);
    CHECK(exact, "memory");
    if (n) memcpy(exact, p, n);
    ac_gguf *g;
    ac_error err = {0};
    ac__alloc_fail_after(-1);
    ac_status status = ac_gguf_open_memory(exact, n, &g, &err);
    CHECK(ac__alloc_largest() <= n * MEMORY_FACTOR + MEMORY_SMALL, "%zu bytes for a file of %zu",
          ac__alloc_largest(), n);
    if (status == AC_OK) {
        opened++;
        walk(g);
        ac_gguf_close(&g);
    } else {
        turned_down++;
        CHECK(!g && err.status == status && err.detail[0], "a refusal says why");
        CHECK(status == AC_ERR_FORMAT || status == AC_ERR_UNSUPPORTED, "%s: %s", ac_status_name(status),
              err.detail);
    }
    free(exact);
    return status;
}

/* Where the last tensor ends; 0 without tensors, which makes every byte of the header needed. */
static size_t needed(const gw *w) {
    ac_gguf *g;
    size_t end = 0;
    CHECK(ac_gguf_open_memory(w->p, w->n, &g, NULL) == AC_OK, "base is good");
    for (size_t i = 0; i < ac_gguf_tensor_count(g); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        if (t->offset + t->bytes > end) end = (size_t)(t->offset + t->bytes);
    }
    ac_gguf_close(&g);
    return end ? end : w->n;
}

static void tell(void) {
    if (current >= 0) printf("in mutation %ld\n", current);
}

static void truncations(void) {
    size_t all = 0;
    for (int b = 0; b < BASES; b++) {
        size_t end = needed(&bases[b]);
        for (size_t n = 0; n <= bases[b].n; n++, all++)
            CHECK((try_file(bases[b].p, n) == AC_OK) == (n >= end), "base %d cut to %zu of %zu bytes", b, n,
                  end);
    }
    printf("%zu truncations\n", all);
}

/* A number that breaks sums, products and comparisons. */
static uint64_t evil(uint64_t *rng, size_t n) {
    static const uint64_t values[] = {
        0,
        1,
        2,
        3,
        7,
        8,
        9,
        12,
        13,
        31,
        32,
        33,
        64,
        65,
        255,
        256,
        257,
        65535,
        65536,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x1249249249249249,
        0x1fffffffffffffff,
        0x2000000000000000,
        0x3fffffffffffffff,
        0x4000000000000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xfffffffffffffff8,
        0xffffffffffffffe0,
        UINT64_MAX,
    };
    uint64_t r = check_random(rng);
    switch (r % 4) {
    case 0:
        return (uint64_t)n + (r >> 8) % 65 - 32;
    case 1:
        return (r >> 8) % (n + 1);
    case 2:
        return check_random(rng) >> (r >> 8) % 64;
    default:
        return values[(r >> 8) % (sizeof values / sizeof *values)];
    }
}

/* One edit of p[0..n); returns the new length, at most n + 16. */
static size_t edit(uint8_t *p, size_t n, const gw *base, uint64_t *rng) {
    uint64_t r = check_random(rng);
    size_t at = (size_t)((r >> 16) % n), some = (size_t)((r >> 8) % 16 + 1);
    switch (r % 8) {
    case 0:
        p[at] ^= (uint8_t)(1u << (r >> 8) % 8);
        break;
    case 1:
        p[at] = (uint8_t)(r >> 8);
        break;
    case 2:
        return at + 1;
    case 3: /* bytes appear */
        memmove(p + at + some, p + at, n - at);
        return n + some;
    case 4: /* bytes vanish */
        if (some > n - at || some >= n) break;
        memmove(p + at, p + at + some, n - at - some);
        return n - some;
    default: { /* a count, size, type or offset says something else */
        size_t f = (size_t)((r >> 8) % base->n_fields);
        uint64_t v = evil(rng, n);
        if (base->field[f].at + base->field[f].bytes <= n)
            memcpy(p + base->field[f].at, &v, base->field[f].bytes);
    }
    }
    return n;
}

static void mutations(long first, long count, uint64_t seed) {
    struct timespec a, b;
    uint64_t start = check_random(&(uint64_t){seed});
    opened = turned_down = 0;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (long i = first; i < first + count; i++) {
        uint64_t rng = start + (uint64_t)i;
        current = i;
        const gw *base = &bases[check_random(&rng) % BASES];
        size_t n = base->n, edits = check_random(&rng) % 4 + 1;
        uint8_t *p = malloc(n + 16 * 4);
        CHECK(p, "memory");
        memcpy(p, base->p, n);
        for (size_t e = 0; e < edits; e++) n = edit(p, n, base, &rng);
        try_file(p, n);
        free(p);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9;
    printf("%ld mutations, seed %llu: %zu opened, %zu refused, %.1f s\n", count, (unsigned long long)seed,
           opened, turned_down, s);
    CHECK(count < MUTATIONS || (opened > 0 && turned_down > 0), "both kinds occur");
}

/* Fails the first allocation, then the second, and so on until opening works; `path` or memory. */
static void failing_memory(const gw *w, const char *path, void (*fail)(long)) {
    for (long n = 0;; n++) {
        ac_gguf *g;
        ac_error err = {0};
        fail(n);
        ac_status status = path ? ac_gguf_open(path, &g, &err) : ac_gguf_open_memory(w->p, w->n, &g, &err);
        long made = ac__alloc_count();
        ac__alloc_fail_after(-1);
        if (status == AC_OK) {
            CHECK(made == n && n > 3, "%ld allocations, %ld allowed", made, n);
            ac_gguf_close(&g);
            printf("%ld allocations failed one by one\n", n);
            return;
        }
        CHECK(status == AC_ERR_MEMORY && !g && err.detail[0], "allocation %ld: %s", n, err.detail);
    }
}

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : MUTATIONS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    make_bases();
    long first = argc > 3 ? atol(argv[3]) : 0;
    alarm(600); /* a hang is a failure */
    atexit(tell);
    truncations();
    mutations(first, count, seed);
    current = -1;
    for (int b = 0; b < BASES; b++)
        failing_memory(&bases[b], NULL, b % 2 ? ac__alloc_fail_once : ac__alloc_fail_after);

    char path[] = "/tmp/anychip-test-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, bases[0].p, bases[0].n) == (ssize_t)bases[0].n && !close(fd), "%s", path);
    failing_memory(NULL, path, ac__alloc_fail_after);
    failing_memory(NULL, path, ac__alloc_fail_once);
    unlink(path);
    for (int b = 0; b < BASES; b++) gw_free(&bases[b]);
    return 0;
}
