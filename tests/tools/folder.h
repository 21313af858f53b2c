/* folder.h - a folder of its own for a test, and looking into it. */
#ifndef AC_TESTS_TOOLS_FOLDER_H
#define AC_TESTS_TOOLS_FOLDER_H

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char folder[512];

/* <folder>/<name>; two results live at a time. */
static inline const char *in_folder(const char *name) {
    static char paths[2][1024];
    static unsigned turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

/* How many entries there are. */
static inline size_t folder_count(void) {
    size_t n = 0;
    DIR *d = opendir(folder);
    CHECK(d, "%s", folder);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) n++;
    closedir(d);
    return n;
}

static inline void folder_empty(void) {
    DIR *d = opendir(folder);
    CHECK(d, "%s", folder);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove(in_folder(e->d_name));
    closedir(d);
}

static inline void folder_remove(void) {
    folder_empty();
    rmdir(folder);
}

static inline void folder_make(void) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/anychip-tools-XXXXXX", base ? base : "/tmp");
    CHECK(mkdtemp(folder), "%s", folder);
    atexit(folder_remove);
}

/* A whole file; free it. */
static inline uint8_t *file_read(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    CHECK(f && !fseek(f, 0, SEEK_END), "%s", path);
    long n = ftell(f);
    uint8_t *p = malloc((size_t)n + 1);
    CHECK(p && n >= 0, "memory");
    rewind(f);
    CHECK(fread(p, 1, (size_t)n, f) == (size_t)n, "%s", path);
    fclose(f);
    *bytes = (size_t)n;
    return p;
}

static inline void file_write(const char *path, const void *p, size_t n) {
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(p, 1, n, f) == n && !fclose(f), "%s", path);
}

static inline void same_files(const char *a, const char *b) {
    size_t na, nb;
    uint8_t *pa = file_read(a, &na), *pb = file_read(b, &nb);
    CHECK(na == nb && !memcmp(pa, pb, na), "%s and %s differ", a, b);
    free(pa);
    free(pb);
}

#endif
