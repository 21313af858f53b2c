/* cpu_machine.c - facts about the machine: cores this process may use, the processor's name. */
#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>

/* The lowest CPU that shares a core with `cpu`, from a list such as "0,4" or "0-1"; cpu itself when not
 * known. */
static int first_sibling(int cpu) {
    char path[96];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *f = fopen(path, "r");
    if (!f) return cpu;
    if (fscanf(f, "%d", &first) != 1 || first < 0) first = cpu;
    fclose(f);
    return first;
}

static uint32_t allowed_cores(void) {
    cpu_set_t set, cores;
    CPU_ZERO(&set);
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set)) continue;
        int core = first_sibling(cpu);
        CPU_SET(core < CPU_SETSIZE ? core : cpu, &cores);
    }
    return (uint32_t)CPU_COUNT(&cores);
}

/* The control group's processor quota in whole processors, rounded up; 0 when there is none. */
static uint32_t quota(void) {
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    unsigned long long part = 0, whole = 0;
    if (!f) return 0;
    int n = fscanf(f, "%llu %llu", &part, &whole);
    fclose(f);
    return n == 2 && whole > 0 && part > 0 ? (uint32_t)((part + whole - 1) / whole) : 0;
}
#else
static uint32_t allowed_cores(void) {
    return 0;
}
static uint32_t quota(void) {
    return 0;
}
#endif

uint32_t ac__cpu_cores(void) {
    uint32_t cores = allowed_cores(), most = quota();
    if (cores == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        cores = online > 0 ? (uint32_t)online : 1;
    }
    return most > 0 && most < cores ? most : cores;
}

void ac__cpu_name(char *name, size_t cap) {
    char line[256];
    snprintf(name, cap, "CPU");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(name, cap, "%s", value);
        break;
    }
    fclose(f);
}

/* The block that malloc gave lies just before the aligned address. */
void *ac__cpu_alloc(uint64_t bytes) {
    enum { ALIGN = 256 };
    if (bytes > SIZE_MAX - 2 * ALIGN) return NULL;
    uint8_t *block = calloc(1, (size_t)bytes + 2 * ALIGN);
    if (!block) return NULL;
    uint8_t *p = block + (2 * ALIGN - (uintptr_t)block % ALIGN);
    memcpy(p - sizeof block, &block, sizeof block);
    return p;
}

void ac__cpu_free(void *p) {
    if (!p) return;
    uint8_t *block;
    memcpy(&block, (uint8_t *)p - sizeof block, sizeof block);
    free(block);
}
