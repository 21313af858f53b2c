/* cl_cache.c - compiled programs on disk. */
#include "cl_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include <anychip/backend.h>

enum { MOST_BYTES = 1 << 28 };

typedef struct header {
    char magic[8];
    uint64_t bytes;
    uint8_t key[16], hash[16];
} header;

static const char magic[8] = {'A', 'C', '-', 'C', 'L', '-', '0', '1'};

ac_cl_key ac__cl_cache_key(const char *const *texts, size_t n) {
    ac_cl_key key;
    XXH128_canonical_t canonical;
    XXH3_state_t *state = XXH3_createState();
    memset(&key, 0, sizeof key);
    if (!state) return key;
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < n; i++) XXH3_128bits_update(state, texts[i], strlen(texts[i]) + 1);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    memcpy(key.hash, canonical.digest, sizeof key.hash);
    return key;
}

static void hash_of(const void *data, size_t bytes, uint8_t out[16]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, bytes));
    memcpy(out, canonical.digest, 16);
}

static bool path_of(const char *dir, ac_cl_key key, char *path, size_t cap) {
    char hex[33];
    for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", key.hash[i]);
    int n = snprintf(path, cap, "%s/cl/%s.bin", dir, hex);
    return n > 0 && (size_t)n < cap;
}

static unsigned char *read_checked(FILE *f, ac_cl_key key, size_t *bytes) {
    header h;
    uint8_t hash[16];
    if (fread(&h, sizeof h, 1, f) != 1 || memcmp(h.magic, magic, sizeof magic) != 0 ||
        memcmp(h.key, key.hash, 16) != 0)
        return NULL;
    if (h.bytes == 0 || h.bytes > MOST_BYTES) return NULL;
    unsigned char *data = malloc((size_t)h.bytes);
    if (!data) return NULL;
    bool whole = fread(data, 1, (size_t)h.bytes, f) == h.bytes && fgetc(f) == EOF;
    hash_of(data, whole ? (size_t)h.bytes : 0, hash);
    if (!whole || memcmp(hash, h.hash, 16) != 0) {
        free(data);
        return NULL;
    }
    *bytes = (size_t)h.bytes;
    return data;
}

unsigned char *ac__cl_cache_read(const char *dir, ac_cl_key key, size_t *bytes) {
    char path[4096];
    if (!path_of(dir, key, path, sizeof path)) return NULL;
    FILE *f = ac_cache_open(path);
    if (!f) return NULL;
    unsigned char *data = read_checked(f, key, bytes);
    fclose(f);
    return data;
}

/* Makes the folder and those above it. */
static bool make_folder(char *path) {
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        int rc = mkdir(path, 0777);
        *p = '/';
        if (rc != 0 && errno != EEXIST) return false;
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

bool ac__cl_cache_write(const char *dir, ac_cl_key key, const unsigned char *binary, size_t bytes) {
    char path[4096], part[4160], folder[4096];
    header h = {.bytes = bytes};
    int n = snprintf(folder, sizeof folder, "%s/cl", dir);
    if (bytes == 0 || bytes > MOST_BYTES || n < 0 || (size_t)n >= sizeof folder || !make_folder(folder) ||
        !path_of(dir, key, path, sizeof path))
        return false;
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.key, key.hash, 16);
    hash_of(binary, bytes, h.hash);
    snprintf(part, sizeof part, "%s.XXXXXX", path);
    int fd = mkstemp(part);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f) {
        if (fd >= 0) close(fd), unlink(part);
        return false;
    }
    bool ok = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(binary, 1, bytes, f) == bytes;
    ok = fclose(f) == 0 && ok && rename(part, path) == 0;
    if (!ok) unlink(part);
    return ok;
}
