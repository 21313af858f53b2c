/* memory.c - what this process has in memory, as the kernel counts it. */
#include <string.h>

#include "cli.h"

bool cli_memory_now(cli_memory *out) {
    struct {
        const char *name;
        uint64_t *to;
    } fields[] = {{"VmHWM:", &out->peak}, {"RssAnon:", &out->anonymous}, {"RssFile:", &out->file}};
    char line[256];
    size_t found = 0, n = sizeof fields / sizeof *fields;
    memset(out, 0, sizeof *out);
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return false;
    while (fgets(line, sizeof line, f)) {
        for (size_t i = 0; i < n; i++) {
            unsigned long long kib;
            size_t at = strlen(fields[i].name);
            if (strncmp(line, fields[i].name, at) || sscanf(line + at, "%llu kB", &kib) != 1) continue;
            *fields[i].to = (uint64_t)kib * 1024;
            found++;
        }
    }
    fclose(f);
    return found == n;
}
