/* cl_tune.c - the numbers that only change speed: a row per device class, overridden by a file per device and
 * driver, limited by what the device allows. Bits never depend on them. */
#include "cl_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "cl_tune.h"

typedef struct ac_cl_class {
    const char *name;
    cl_device_type type;
    ac_cl_tuning tuning;
} ac_cl_class;

/* The first row whose type fits. */
static const ac_cl_class classes[] = {
    {"cpu",
     CL_DEVICE_TYPE_CPU,
     {.row_group = 16,
      .item_group = 16,
      .item_cols = 4,
      .use_group = 0,
      .group_size = 64,
      .group_rows = 2,
      .group_cols = 4,
      .tile_from = 16,
      .tile_wide = 48}},
    {"gpu",
     CL_DEVICE_TYPE_GPU,
     {.row_group = 256,
      .item_group = 64,
      .item_cols = 4,
      .use_group = 1,
      .group_size = 128,
      .group_rows = 4,
      .group_cols = 4,
      .tile_from = 9,
      .tile_wide = 33}},
    {"other",
     CL_DEVICE_TYPE_ALL,
     {.row_group = 64,
      .item_group = 64,
      .item_cols = 4,
      .use_group = 1,
      .group_size = 64,
      .group_rows = 2,
      .group_cols = 4,
      .tile_from = 9,
      .tile_wide = 33}},
};

static const struct {
    const char *name;
    size_t at;
    uint32_t low, high;
} numbers[] = {
#define X(name, low, high) {#name, offsetof(ac_cl_tuning, name), low, high},
    AC_CL_TUNING(X)
#undef X
};

/* "name = value"; lines that are not that, or out of range, are left out. */
static void override_line(const char *line, ac_cl_tuning *t) {
    char name[32];
    unsigned long value;
    if (sscanf(line, " %31[a-z_] = %lu", name, &value) != 2) return;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(name, numbers[i].name) && value >= numbers[i].low && value <= numbers[i].high)
            *(uint32_t *)(void *)((char *)t + numbers[i].at) = (uint32_t)value;
}

bool ac__cl_tune_path(const ac_dev *dev, char *path, size_t cap) {
    char key[512];
    if (!dev->cache_dir) return false;
    int n = snprintf(key, sizeof key, "%s\n%s", dev->caps.name, dev->caps.driver);
    n = snprintf(path, cap, "%s/cl/tune-%016llx.txt", dev->cache_dir,
                 (unsigned long long)XXH3_64bits(key, (size_t)n));
    return n > 0 && (size_t)n < cap;
}

static void override_file(ac_dev *dev) {
    char path[4096], line[128];
    if (!ac__cl_tune_path(dev, path, sizeof path)) return;
    FILE *f = fopen(path, "r");
    if (!f) return;
    while (fgets(line, sizeof line, f)) override_line(line, &dev->tuning);
    fclose(f);
    ac__cl_log(dev, 2, "OpenCL: tuning of %s from %s", dev->caps.name, path);
}

bool ac__cl_tune_word(const char *word, ac_cl_tuning *t) {
    char name[32];
    unsigned long value;
    int end = 0;
    if (sscanf(word, "%31[a-z_]=%lu%n", name, &value, &end) != 2 || word[end]) return false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) != 0 || value < numbers[i].low || value > numbers[i].high) continue;
        if (t) *(uint32_t *)(void *)((char *)t + numbers[i].at) = (uint32_t)value;
        return true;
    }
    return false;
}

static void override_words(const char *mask, ac_cl_tuning *t) {
    char word[64];
    while (mask && *mask) {
        size_t n = strcspn(mask, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), mask);
        ac__cl_tune_word(word, t);
        mask += n + (mask[n] == ',');
    }
}

static uint32_t power_below(uint32_t n, uint32_t most) {
    uint32_t p = 1;
    while (p * 2 <= n && p * 2 <= most) p *= 2;
    return p;
}

void ac__cl_tune(ac_dev *dev, const char *mask) {
    ac_cl_tuning *t = &dev->tuning;
    size_t i = 0;
    while (!(classes[i].type & dev->caps.type) && i + 1 < sizeof classes / sizeof *classes) i++;
    *t = classes[i].tuning;
    override_file(dev);
    override_words(mask, t);
    t->row_group = power_below(t->row_group, dev->caps.max_group);
    t->item_group = power_below(t->item_group, dev->caps.max_group);
    t->group_size = power_below(t->group_size, dev->caps.max_group);
    if (dev->caps.max_group < 256) dev->features.tile = false;
    if (t->group_size < 8 || dev->caps.local_bytes < 16384) dev->features.group = false;
    if (!dev->features.group) t->use_group = 0;
}
