/* cpu_quota.c - how much processor time the control group leaves this process: versions 1 and 2, the group
 * itself and all those above it. In a container the path of the group may be the host's while the files shown
 * are the container's own, so each level up to the root is tried. */
#include "cpu_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_CAP = 4096 };

static bool read_text(const char *path, char *text, size_t cap) {
    FILE *f = fopen(path, "r");
    if (!f) return false;
    size_t n = fread(text, 1, cap - 1, f);
    fclose(f);
    text[n] = 0;
    return n > 0;
}

static uint32_t whole(long long part, long long period) {
    if (part <= 0 || period <= 0) return 0;
    long long n = part / period + (part % period != 0);
    return n < UINT32_MAX ? (uint32_t)n : 0;
}

/* Version 2: "200000 100000" or "max 100000". */
static uint32_t quota_v2(const char *folder) {
    char path[PATH_CAP + 32], text[128];
    long long part, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lld %lld", &part, &period) != 2) return 0;
    return whole(part, period);
}

/* Version 1: two files; -1 is no quota. */
static uint32_t quota_v1(const char *folder) {
    char path[PATH_CAP + 32], text[2][64];
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_text(path, text[0], sizeof text[0])) return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_text(path, text[1], sizeof text[1])) return 0;
    return whole(strtoll(text[0], NULL, 10), strtoll(text[1], NULL, 10));
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return !a ? b : !b || a < b ? a : b;
}

/* The least quota of `group` and those above it, below the folder `mount`. */
static uint32_t least(const char *mount, const char *group, uint32_t (*quota)(const char *folder)) {
    char folder[PATH_CAP];
    int n = snprintf(folder, sizeof folder, "%s%s", mount, group);
    size_t top = strlen(mount);
    uint32_t found = 0;
    if (n < 0 || (size_t)n >= sizeof folder) return 0;
    for (;;) {
        found = smaller(found, quota(folder));
        char *slash = strrchr(folder + top, '/');
        if (!slash) return found;
        *slash = 0;
    }
}

/* Whether the list of controllers "cpu,cpuacct" has `cpu`. */
static bool has_cpu(const char *list) {
    for (size_t n; *list; list += n + (list[n] == ',')) {
        n = strcspn(list, ",");
        if (n == 3 && !memcmp(list, "cpu", 3)) return true;
    }
    return false;
}

/* A line of /proc/self/cgroup: "0::/group" or "4:cpu,cpuacct:/group". */
static uint32_t quota_of_line(const char *root, char *line) {
    static const char *const mounts[] = {"cpu", "cpu,cpuacct", "cpuacct,cpu"};
    char mount[PATH_CAP];
    uint32_t found = 0;
    char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;
    if (!group) return 0;
    *names++ = 0, *group++ = 0;
    if (!*names) {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
        return least(mount, group, quota_v2);
    }
    for (size_t i = 0; has_cpu(names) && i < sizeof mounts / sizeof *mounts; i++) {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, mounts[i]);
        found = smaller(found, least(mount, group, quota_v1));
    }
    return found;
}

uint32_t ac__cpu_quota(const char *root) {
    char path[PATH_CAP], line[PATH_CAP];
    uint32_t found = 0;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        found = smaller(found, quota_of_line(root, line));
    }
    fclose(f);
    return found;
}
