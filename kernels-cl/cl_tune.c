/* cl_tune.c - the numbers that only change speed: a row per device class, overridden by what was measured for
 * device and driver, limited by what the device allows. Bits never depend on them. */
#include "cl_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
      .panel_from = 6,
      .panel_rows = 2,
      .panel_cols = 64,
      .use_group = 0,
      .group_size = 64,
      .group_rows = 2,
      .group_cols = 4,
      .subgroup_size = 0,
      .tile_from = 16,
      .tile_wide = 48,
      .launch_bits = 34,
      .use_record = 0}},
    {"gpu",
     CL_DEVICE_TYPE_GPU,
     {.row_group = 256,
      .item_group = 64,
      .item_cols = 4,
      .panel_from = 4096,
      .panel_rows = 1,
      .panel_cols = 8,
      .use_group = 1,
      .group_size = 128,
      .group_rows = 4,
      .group_cols = 4,
      .subgroup_size = 32,
      .tile_from = 9,
      .tile_wide = 33,
      .launch_bits = 34,
      .use_record = 1}},
    {"other",
     CL_DEVICE_TYPE_ALL,
     {.row_group = 64,
      .item_group = 64,
      .item_cols = 4,
      .panel_from = 4096,
      .panel_rows = 1,
      .panel_cols = 8,
      .use_group = 1,
      .group_size = 64,
      .group_rows = 2,
      .group_cols = 4,
      .subgroup_size = 16,
      .tile_from = 9,
      .tile_wide = 33,
      .launch_bits = 34,
      .use_record = 1}},
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

static void override_measured(ac_dev *dev, const ac_open_settings *how) {
    ac_device_info info = {0};
    char words[512];
    memcpy(info.name, dev->caps.name, sizeof info.name);
    memcpy(info.driver, dev->caps.driver, sizeof info.driver);
    if (how->tuning && how->tuning(how->tuning_user, &info, words, sizeof words))
        override_words(words, &dev->tuning);
}

void ac__cl_tune(ac_dev *dev, const ac_open_settings *how) {
    ac_cl_tuning *t = &dev->tuning;
    size_t i = 0;
    while (!(classes[i].type & dev->caps.type) && i + 1 < sizeof classes / sizeof *classes) i++;
    *t = classes[i].tuning;
    override_measured(dev, how);
    override_words(how->mask, t);
    ac__cl_tune_limit(dev, dev->caps.max_group);
}

void ac__cl_tune_limit(ac_dev *dev, uint32_t max_group) {
    ac_cl_tuning *t = &dev->tuning;
    dev->caps.max_group = max_group;
    t->row_group = power_below(t->row_group, dev->caps.max_group);
    t->item_group = power_below(t->item_group, dev->caps.max_group);
    t->group_size = power_below(t->group_size, dev->caps.max_group);
    if (dev->caps.max_group < 256) dev->features.tile = false;
    if (t->group_size < 8 || dev->caps.local_bytes < 16384) dev->features.group = false;
    if (!dev->features.group) t->use_group = 0;
    if (!dev->features.record) t->use_record = 0;
    uint32_t items = t->use_group && t->group_size > t->row_group ? t->group_size : t->row_group;
    if (!dev->features.subgroup) t->subgroup_size = 0;
    t->subgroup_size = ac__cl_subgroup_limit(&dev->caps, t->subgroup_size, items);
}

/* ---- What is worth a try ---- */

enum { BY_ITEMS = 1, BY_GROUPS = 2, BY_TILES = 4 };

static const struct {
    const char *name;
    uint32_t when, choices[6]; /* when: kernels that it matters to */
} trials[] = {
    {"use_group", BY_ITEMS | BY_GROUPS, {0, 1}},  {"item_cols", BY_ITEMS, {1, 2, 4, 8, 16}},
    {"panel_rows", BY_ITEMS, {1, 2, 4}},          {"panel_cols", BY_ITEMS, {16, 32, 64, 128}},
    {"panel_from", BY_ITEMS, {4, 6, 8, 16}},      {"group_size", BY_GROUPS, {32, 64, 128, 256}},
    {"group_rows", BY_GROUPS, {1, 2, 4, 8}},      {"group_cols", BY_GROUPS, {2, 4, 8}},
    {"tile_from", BY_TILES, {5, 9, 17, 33}},      {"tile_wide", BY_TILES, {17, 33, 65}},
    {"row_group", BY_ITEMS, {1, 4, 16, 64}},      {"row_group", BY_GROUPS, {64, 128, 256, 512}},
    {"item_group", BY_ITEMS, {1, 4, 16, 64}},     {"item_group", BY_GROUPS, {32, 64, 128, 256}},
    {"use_record", BY_ITEMS | BY_GROUPS, {0, 1}}, {"subgroup_size", BY_ITEMS | BY_GROUPS, {0, 8, 16, 32}},
};

static uint32_t value_of(const ac_dev *dev, const char *name) {
    size_t i = 0;
    while (strcmp(numbers[i].name, name) != 0) i++;
    return *(const uint32_t *)(const void *)((const char *)&dev->tuning + numbers[i].at);
}

bool ac__cl_tunable(ac_dev *dev, uint32_t i, ac_tunable *out) {
    uint32_t used = !dev->tuning.use_group ? BY_ITEMS : BY_GROUPS | (dev->features.tile ? BY_TILES : 0);
    for (size_t t = 0; t < sizeof trials / sizeof *trials; t++) {
        if (!(trials[t].when & used) || i-- > 0) continue;
        *out = (ac_tunable){.name = trials[t].name, .value = value_of(dev, trials[t].name)};
        bool group = !strcmp(out->name, "use_group"), size = strstr(out->name, "_group") && !group,
             record = !strcmp(out->name, "use_record"), subgroup = !strcmp(out->name, "subgroup_size");
        for (size_t c = 0; c < 6 && (c == 0 || trials[t].choices[c]); c++) {
            uint32_t v = trials[t].choices[c];
            if ((size && v > dev->caps.max_group) || (group && v && !dev->features.group) ||
                (record && v && !dev->features.record) || (subgroup && v && !dev->features.subgroup))
                continue;
            out->choices[out->n_choices++] = v;
        }
        return true;
    }
    return false;
}
