/* vk_cache.c - the driver's pipeline cache on disk: a header of ours, then the driver's bytes. One file per
 * device, driver and set of shaders; several processes may use it at once: a file is only ever replaced by a
 * whole one, and one that is not whole is not used. */
#include "vk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct cache_header {
    char magic[8];
    uint64_t bytes, sum;
} cache_header;

static const char cache_magic[8] = "acvkpc1";
enum { MOST_BYTES = 256 << 20 };

static uint64_t checksum(const void *data, size_t n) {
    const uint8_t *p = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* Whether the driver's bytes begin as this device's do: not every driver looks. */
static bool of_device(const vk_caps *c, const void *data, size_t bytes) {
    const uint32_t want[4] = {16 + VK_UUID_SIZE, VK_PIPELINE_CACHE_HEADER_VERSION_ONE, c->vendor, c->device};
    return bytes >= sizeof want + VK_UUID_SIZE && !memcmp(data, want, sizeof want) &&
           !memcmp((const char *)data + sizeof want, c->cache_uuid, VK_UUID_SIZE);
}

/* The verified content of the file, NULL when there is none; the caller frees. */
static void *read_cache(const vk_caps *c, const char *path, size_t *bytes, uint64_t *sum) {
    FILE *f = ac_cache_open(path);
    if (!f) return NULL;
    cache_header h;
    struct stat st;
    void *data = NULL;
    if (!fstat(fileno(f), &st) && fread(&h, sizeof h, 1, f) == 1 &&
        !memcmp(h.magic, cache_magic, sizeof h.magic) && h.bytes == (uint64_t)st.st_size - sizeof h &&
        h.bytes < MOST_BYTES)
        data = malloc(h.bytes ? h.bytes : 1);
    if (data && (fread(data, 1, h.bytes, f) != h.bytes || checksum(data, h.bytes) != h.sum ||
                 !of_device(c, data, h.bytes))) {
        free(data);
        data = NULL;
    }
    fclose(f);
    if (data) *bytes = h.bytes, *sum = h.sum;
    return data;
}

/* Makes a folder and those above it. */
static bool make_folder(const char *dir) {
    char path[4096];
    size_t n = strlen(dir);
    if (n >= sizeof path) return false;
    memcpy(path, dir, n + 1);
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(path, 0777) && errno != EEXIST) return false;
        *p = '/';
    }
    return !mkdir(path, 0777) || errno == EEXIST;
}

static VkPipelineCache create_cache(ac_dev *dev, const void *data, size_t bytes) {
    VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                      .initialDataSize = bytes,
                                      .pInitialData = data};
    VkPipelineCache cache;
    return dev->api.CreatePipelineCache(dev->device, &info, NULL, &cache) == VK_SUCCESS ? cache
                                                                                        : VK_NULL_HANDLE;
}

void vk_cache_open(ac_dev *dev, const char *dir) {
    size_t bytes = 0;
    void *data = NULL;
    if (dir && *dir && strlen(dir) < sizeof dev->cache_path - 80 && make_folder(dir)) {
        const vk_caps *c = &dev->caps;
        struct {
            uint8_t uuid[VK_UUID_SIZE];
            uint32_t id[4];
            uint64_t shaders;
        } key;
        memset(&key, 0, sizeof key);
        memcpy(key.uuid, c->cache_uuid, sizeof key.uuid);
        key.id[0] = c->vendor, key.id[1] = c->device, key.id[2] = c->driver_version, key.id[3] = c->api;
        key.shaders = vk_shader_digest();
        snprintf(dev->cache_path, sizeof dev->cache_path, "%s/vk-%016llx.bin", dir,
                 (unsigned long long)checksum(&key, sizeof key));
        data = read_cache(c, dev->cache_path, &bytes, &dev->cache_sum);
    }
    dev->cache = create_cache(dev, data, bytes);
    if (!dev->cache && data) dev->cache = create_cache(dev, NULL, 0); /* the driver does not want it */
    free(data);
}

/* Adds what other processes have stored since. */
static void merge_file(ac_dev *dev) {
    size_t bytes;
    uint64_t sum;
    void *data = read_cache(&dev->caps, dev->cache_path, &bytes, &sum);
    if (!data) return;
    VkPipelineCache theirs = sum == dev->cache_sum ? VK_NULL_HANDLE : create_cache(dev, data, bytes);
    if (theirs) dev->api.MergePipelineCaches(dev->device, dev->cache, 1, &theirs);
    if (theirs) dev->api.DestroyPipelineCache(dev->device, theirs, NULL);
    free(data);
}

static bool write_cache(const char *to, const void *data, size_t n, uint64_t sum) {
    char path[4160];
    cache_header h = {.bytes = n, .sum = sum};
    memcpy(h.magic, cache_magic, sizeof h.magic);
    snprintf(path, sizeof path, "%s.XXXXXX", to);
    int file = mkstemp(path);
    FILE *f = file < 0 ? NULL : fdopen(file, "wb");
    if (!f) {
        if (file >= 0) close(file), unlink(path);
        return false;
    }
    bool ok = fwrite(&h, sizeof h, 1, f) == 1 && fwrite(data, 1, n, f) == n;
    ok = !fclose(f) && ok && !rename(path, to);
    if (!ok) unlink(path);
    return ok;
}

void vk_cache_save(ac_dev *dev) {
    size_t n = 0;
    if (!dev->cache || !dev->cache_path[0] || dev->lost) return;
    merge_file(dev);
    if (dev->api.GetPipelineCacheData(dev->device, dev->cache, &n, NULL) != VK_SUCCESS || !n ||
        n >= MOST_BYTES)
        return;
    void *data = malloc(n);
    if (data && dev->api.GetPipelineCacheData(dev->device, dev->cache, &n, data) == VK_SUCCESS) {
        uint64_t sum = checksum(data, n);
        if (sum != dev->cache_sum && write_cache(dev->cache_path, data, n, sum)) dev->cache_sum = sum;
    }
    free(data);
}
