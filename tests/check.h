/* check.h - what the tests share: CHECK, a seeded generator, paths. No framework. */
#ifndef AC_TESTS_CHECK_H
#define AC_TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AC_SKIP 77

/* Ends the test with the place and a reason when `cond` is false. */
#define CHECK(cond, ...)                                                                                     \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            printf("%s:%d: not true: %s: ", __FILE__, __LINE__, #cond);                                      \
            printf(__VA_ARGS__);                                                                             \
            printf("\n");                                                                                    \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* Ends the test unless `expr` gives AC_OK; needs an ac_error called `err` in scope. */
#define CHECK_OK(expr)                                                                                       \
    do {                                                                                                     \
        ac_status check_status = (expr);                                                                     \
        CHECK(check_status == AC_OK, "%s: %s", ac_status_name(check_status), err.detail);                    \
    } while (0)

/* splitmix64: the stated generator of all test data (S. Vigna, public domain algorithm). */
static inline uint64_t check_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* <shared>/<name> when the folder is there, else NULL: the caller skips. The result is static. */
static inline const char *check_shared(const char *name) {
    static char path[4096];
    const char *dir = getenv("AC_SHARED");
    if (!dir) return NULL;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fclose(f);
    return path;
}

#endif
