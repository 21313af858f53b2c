/* cl_cache.h - compiled programs on disk. A file is a header (magic, length, hash of what follows) and the
 * binary; it is written under another name and renamed, so that processes may share the folder. Whatever does
 * not verify counts as absent. */
#ifndef AC_CL_CACHE_H
#define AC_CL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ac_cl_key {
    uint8_t hash[16];
} ac_cl_key;

/* Key of a program: everything its binary depends on. */
ac_cl_key ac__cl_cache_key(const char *const *texts, size_t n);

/* The binary with this key in <dir>/cl, to be freed; NULL when there is none that verifies. */
unsigned char *ac__cl_cache_read(const char *dir, ac_cl_key key, size_t *bytes);

/* Stores a binary; false when it could not, which only costs time later. */
bool ac__cl_cache_write(const char *dir, ac_cl_key key, const unsigned char *binary, size_t bytes);

#endif
