/* tuning: the files that `anychip tune` leaves are read only when they are whole, and this device's. */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tuning.h"

#include "check.h"

static char folder[64];
static ac_device_info device = {.name = "A device", .driver = "its driver 1.2"};

static bool words_are(const ac_device_info *d, const char *want) {
    char words[AC_TUNING_WORDS];
    ac_tuning_user user = {.cache_dir = folder, .backend = "cl"};
    if (!ac__tuning_words(&user, d, words, sizeof words)) return want == NULL;
    return want && !strcmp(words, want);
}

static void write_words(const char *words, char *path) {
    ac_error err = {0};
    CHECK_OK(ac__tuning_write(folder, "cl", &device, words, path, 4096, &err));
}

static size_t read_file(const char *path, char *out, size_t cap) {
    FILE *f = fopen(path, "rb");
    CHECK(f, "%s", path);
    size_t n = fread(out, 1, cap, f);
    fclose(f);
    return n;
}

static void write_file(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n && !fclose(f), "%s", path);
}

static void there_and_back(char *path) {
    ac_device_info other = device;
    CHECK(words_are(&device, NULL), "words out of nothing");
    write_words("row_group=4,item_cols=8", path);
    CHECK(words_are(&device, "row_group=4,item_cols=8"), "words do not come back");
    write_words("", path);
    CHECK(words_are(&device, ""), "no words do not come back");
    write_words("item_cols=2", path);
    other.driver[0] = 'I';
    CHECK(words_are(&other, NULL), "another driver's words");
    memcpy(other.driver, device.driver, sizeof other.driver);
    other.name[0] = 'B';
    CHECK(words_are(&other, NULL), "another device's words");
}

/* Every byte changed, every length cut, more behind: all like no file; and it can be written anew. */
static void damaged(char *path) {
    char whole[2048], bad[2048];
    write_words("item_cols=2", path);
    size_t n = read_file(path, whole, sizeof whole - 8);
    for (size_t i = 0; i < n; i++) {
        static const unsigned char masks[] = {1, 0x20, 0x80, 0xff};
        for (size_t k = 0; k < sizeof masks; k++) {
            memcpy(bad, whole, n);
            bad[i] = (char)(bad[i] ^ masks[k]);
            write_file(path, bad, n);
            CHECK(words_are(&device, NULL), "byte %zu changed", i);
        }
        write_file(path, whole, i);
        CHECK(words_are(&device, NULL), "cut after %zu bytes", i);
    }
    memcpy(bad, whole, n);
    memcpy(bad + n, "x\n", 2);
    write_file(path, bad, n + 2);
    CHECK(words_are(&device, NULL), "more behind");
    memset(bad, 'w', sizeof bad);
    write_file(path, bad, sizeof bad);
    CHECK(words_are(&device, NULL), "a long file");
    write_words("item_cols=2", path);
    CHECK(words_are(&device, "item_cols=2"), "a damaged file is not replaced");
}

static void cannot(void) {
    char path[4096], words[2 * AC_TUNING_WORDS];
    ac_error err = {0};
    CHECK(ac__tuning_write("/dev/null/x", "cl", &device, "a=1", path, sizeof path, &err) == AC_ERR_IO, "%s",
          err.detail);
    memset(words, 'a', sizeof words - 1);
    words[sizeof words - 1] = 0;
    CHECK(ac__tuning_write(folder, "cl", &device, words, path, sizeof path, &err) == AC_ERR_ARGUMENT, "%s",
          err.detail);
    CHECK(ac__tuning_write(folder, "cl", &device, "a=1\nb=2", path, sizeof path, &err) == AC_ERR_ARGUMENT,
          "%s", err.detail);
}

/* Four processes write while this one reads: always one or the other. */
static void at_once(char *path) {
    static const char *const words[] = {"item_cols=1", "item_cols=2", "item_cols=4", "item_cols=8"};
    pid_t pids[4];
    write_words(words[0], path);
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0, "fork");
        for (int k = 0; pids[i] == 0 && k < 200; k++) write_words(words[i], path);
        if (pids[i] == 0) _exit(0);
    }
    for (int k = 0; k < 2000; k++) CHECK(!words_are(&device, NULL), "half a file was seen");
    for (int i = 0; i < 4; i++) {
        int state = 0;
        CHECK(waitpid(pids[i], &state, 0) == pids[i] && state == 0, "process %d", i);
    }
}

int main(void) {
    char path[4096], sub[100];
    int files = 0;
    snprintf(folder, sizeof folder, "/tmp/anychip-tuning-XXXXXX");
    CHECK(mkdtemp(folder), "mkdtemp");
    there_and_back(path);
    damaged(path);
    cannot();
    at_once(path);
    snprintf(sub, sizeof sub, "%s/tuning", folder);
    DIR *d = opendir(sub);
    for (struct dirent *e; d && (e = readdir(d));) files += e->d_name[0] != '.';
    if (d) closedir(d);
    CHECK(files == 1, "%d files stay behind, want 1", files);
    unlink(path), rmdir(sub), rmdir(folder);
    return 0;
}
