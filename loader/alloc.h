/* alloc.h - memory of the loader and the engine. malloc's family with overflow-checked sizes, and a countdown
 * that makes an allocation fail, so that tests can walk through every failure. All functions are thread-safe.
 */
#ifndef AC_ALLOC_H
#define AC_ALLOC_H

#include <stddef.h>

/* As malloc, calloc, realloc, free and strndup; zero bytes give a unique pointer. NULL when memory is short.
 */
void *ac__malloc(size_t bytes);
void *ac__calloc(size_t n, size_t size);
void *ac__realloc(void *p, size_t bytes);
void ac__free(void *p);
char *ac__strndup(const char *s, size_t n);

/* n * size bytes, uninitialised; NULL also when the product does not fit a size_t. */
void *ac__array(size_t n, size_t size);
/* The same for an array that grows; on NULL `p` is still the caller's. */
void *ac__array_grow(void *p, size_t n, size_t size);

/* For tests: the next n allocations succeed, then all of them fail, or just one; n < 0 ends that (the state
 * at start). Both start the counts below afresh. */
void ac__alloc_fail_after(long n);
void ac__alloc_fail_once(long n);
/* For tests: allocations (not counting frees) asked for since then. */
long ac__alloc_count(void);
/* For tests: the largest allocation asked for since then, in bytes. */
size_t ac__alloc_largest(void);

#endif
