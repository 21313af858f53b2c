/* tuning.c - the tuning files: <cache>/tuning/<backend>-<hash of device and driver>.txt. Four lines of text
 * and one with their hash, so that a damaged file is known. */
#include "tuning.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

enum { MOST_BYTES = 2048, PATH = 4096 };

/* All but the words and the last line. */
static int head_text(const char *backend, const ac_device_info *d, char *out, size_t cap) {
    int n = snprintf(out, cap, "anychip tuning 1\nbackend %s\ndevice %s\ndriver %s\n", backend, d->name,
                     d->driver);
    return n > 0 && (size_t)n < cap ? n : -1;
}

static unsigned long long hash_of(const char *text, size_t n) {
    return (unsigned long long)XXH3_64bits(text, n);
}

static bool path_of(const char *cache_dir, const char *backend, const ac_device_info *d, char *out,
                    size_t cap) {
    char head[MOST_BYTES];
    int n = head_text(backend, d, head, sizeof head);
    if (n < 0) return false;
    int used = snprintf(out, cap, "%s/tuning/%s-%016llx.txt", cache_dir, backend, hash_of(head, (size_t)n));
    return used > 0 && (size_t)used < cap;
}

/* The whole file as it must be, with these words. */
static int file_text(const char *head, const char *words, char *out, size_t cap) {
    int n = snprintf(out, cap, "%swords %s\n", head, words);
    if (n < 0 || (size_t)n >= cap) return -1;
    int more = snprintf(out + n, cap - (size_t)n, "hash %016llx\n", hash_of(out, (size_t)n));
    return more > 0 && (size_t)(n + more) < cap ? n + more : -1;
}

/* Takes the words out of a file, and checks that they make the same file. */
static bool take_words(const char *text, const char *head, char *words, size_t cap) {
    char again[MOST_BYTES];
    size_t h = strlen(head);
    if (strncmp(text, head, h) != 0 || strncmp(text + h, "words ", 6) != 0) return false;
    const char *from = text + h + 6;
    size_t n = strcspn(from, "\n");
    if (n >= cap) return false;
    memcpy(words, from, n);
    words[n] = 0;
    return file_text(head, words, again, sizeof again) > 0 && !strcmp(again, text);
}

static bool read_text(const char *path, char *out, size_t cap) {
    FILE *f = ac_cache_open(path);
    if (!f) return false;
    size_t n = fread(out, 1, cap - 1, f);
    bool ok = !ferror(f) && fgetc(f) == EOF;
    fclose(f);
    out[n] = 0;
    return ok && strlen(out) == n;
}

bool ac__tuning_words(void *user, const ac_device_info *device, char *words, size_t cap) {
    const ac_tuning_user *u = user;
    char path[PATH], head[MOST_BYTES], text[MOST_BYTES], line[PATH + 64];
    if (head_text(u->backend, device, head, sizeof head) < 0 ||
        !path_of(u->cache_dir, u->backend, device, path, sizeof path) || access(path, F_OK) != 0)
        return false;
    bool ok = read_text(path, text, sizeof text) && take_words(text, head, words, cap);
    if (u->log) {
        snprintf(line, sizeof line, ok ? "tuning from %s" : "the tuning file %s is damaged and not used",
                 path);
        u->log(u->log_user, ok ? 2 : 1, line);
    }
    return ok;
}

/* Makes the folders above the file. */
static bool make_folders(char *path) {
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        bool ok = mkdir(path, 0777) == 0 || errno == EEXIST;
        *p = '/';
        if (!ok) return false;
    }
    return true;
}

/* A new file beside `path`, to be renamed; -1 with errno. */
static int open_part(char *path, char part[PATH + 8]) {
    snprintf(part, PATH + 8, "%s.XXXXXX", path);
    return make_folders(path) ? mkstemp(part) : -1;
}

static bool write_whole(char *path, const char *text, size_t n) {
    char part[PATH + 8];
    int fd = open_part(path, part);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f) {
        if (fd >= 0) close(fd), unlink(part);
        return false;
    }
    bool ok = fwrite(text, 1, n, f) == n;
    ok = fclose(f) == 0 && ok && rename(part, path) == 0;
    if (!ok) unlink(part);
    return ok;
}

ac_status ac__tuning_writable(const char *cache_dir, const char *backend, const ac_device_info *device,
                              ac_error *err) {
    char path[PATH], part[PATH + 8];
    struct stat st;
    if (!path_of(cache_dir, backend, device, path, sizeof path))
        return ac_fail(err, AC_ERR_ARGUMENT, "tuning file: names are too long");
    int fd = open_part(path, part);
    if (fd >= 0) close(fd), unlink(part);
    bool folder = fd >= 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (fd >= 0 && !folder) return AC_OK;
    return ac_fail(err, AC_ERR_IO, "%s: what is found could not be stored: %s", path,
                   strerror(folder ? EISDIR : errno));
}

ac_status ac__tuning_write(const char *cache_dir, const char *backend, const ac_device_info *device,
                           const char *words, char *path, size_t cap, ac_error *err) {
    char head[MOST_BYTES], text[MOST_BYTES];
    int n = -1;
    if (strlen(words) < AC_TUNING_WORDS && !strchr(words, '\n') &&
        head_text(backend, device, head, sizeof head) > 0)
        n = file_text(head, words, text, sizeof text);
    if (n < 0 || cap > PATH || !path_of(cache_dir, backend, device, path, cap))
        return ac_fail(err, AC_ERR_ARGUMENT, "tuning file: names or words are too long");
    if (!write_whole(path, text, (size_t)n))
        return ac_fail(err, AC_ERR_IO, "%s: %s", path, strerror(errno));
    return AC_OK;
}
