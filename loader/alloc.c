#include "alloc.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Atomic long made;
static _Atomic long fail_from = LONG_MAX, fail_to = LONG_MAX;
static _Atomic size_t largest;

/* Counts one allocation; false when a test wants it to fail. */
static int allow(size_t bytes) {
    long n = atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    size_t most = atomic_load_explicit(&largest, memory_order_relaxed);
    while (bytes > most && !atomic_compare_exchange_weak(&largest, &most, bytes)) {
    }
    return n < atomic_load_explicit(&fail_from, memory_order_relaxed) ||
           n >= atomic_load_explicit(&fail_to, memory_order_relaxed);
}

void *ac__malloc(size_t bytes) {
    return allow(bytes) ? malloc(bytes ? bytes : 1) : NULL;
}

void *ac__calloc(size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
    return allow(bytes) ? calloc(1, bytes ? bytes : 1) : NULL;
}

void *ac__realloc(void *p, size_t bytes) {
    return allow(bytes) ? realloc(p, bytes ? bytes : 1) : NULL;
}

void ac__free(void *p) {
    free(p);
}

char *ac__strndup(const char *s, size_t n) {
    size_t length = strnlen(s, n);
    char *copy = length < SIZE_MAX ? ac__malloc(length + 1) : NULL;
    if (!copy) return NULL;
    memcpy(copy, s, length);
    copy[length] = 0;
    return copy;
}

void *ac__array(size_t n, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : ac__malloc(bytes);
}

void *ac__array_grow(void *p, size_t n, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : ac__realloc(p, bytes);
}

static void fail_between(long from, long to) {
    atomic_store(&fail_from, LONG_MAX);
    atomic_store(&made, 0);
    atomic_store(&largest, 0);
    atomic_store(&fail_to, to);
    atomic_store(&fail_from, from < 0 ? LONG_MAX : from);
}

void ac__alloc_fail_after(long n) {
    fail_between(n, LONG_MAX);
}

void ac__alloc_fail_once(long n) {
    fail_between(n, n + 1);
}

long ac__alloc_count(void) {
    return atomic_load(&made);
}

size_t ac__alloc_largest(void) {
    return atomic_load(&largest);
}
