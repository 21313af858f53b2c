/* modules: what is no module, no whole one, or not the one asked for is refused in words, and the process
 * lives. The folder of the wrong ones is the first argument. */
#include <sys/stat.h>
#include <unistd.h>

#include <anychip/anychip.h>

#include "check.h"
#include "registry.h"

static char folder[] = "/tmp/anychip-modules-XXXXXX", file[sizeof folder + 48];

/* A folder for each module: one that is still loaded, as sanitizers have it, is taken for the next by its
 * name. */
static void next_place(void) {
    static int n;
    char place[sizeof folder + 16];
    snprintf(place, sizeof place, "%s/%d", folder, n++);
    CHECK(mkdir(place, 0700) == 0 && setenv("ANYCHIP_MODULE_PATH", place, 1) == 0, "%s", place);
    snprintf(file, sizeof file, "%s/anychip-wrong.so", place);
}

static void copy(const char *from, size_t most) {
    next_place();
    static char data[1 << 22];
    FILE *f = fopen(from, "rb");
    CHECK(f, "%s", from);
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    CHECK(n > 0 && n < sizeof data, "%s", from);
    if (most > n) most = n;
    f = fopen(file, "wb");
    CHECK(f && fwrite(data, 1, most, f) == most && fclose(f) == 0, "%s", file);
}

/* The file in place is refused with these words, however often it is asked for, and listed with them. */
static void refused(ac_status want, const char *words) {
    const ac_backend *b;
    ac_device list[16];
    size_t n = 0, i = 0;
    for (int k = 0; k < 2; k++) {
        ac_error err = {0};
        ac_status status = ac_registry_get("wrong", &b, &err);
        CHECK(status == want && !b && strstr(err.detail, words), "want %s, have %s: %s", words,
              ac_status_name(status), err.detail);
    }
    ac_error err = {0};
    CHECK_OK(ac_devices_list(list, 16, &n, true, &err));
    while (i < n && strcmp(list[i].id, "wrong") != 0) i++;
    CHECK(i < n && !list[i].usable && strstr(list[i].detail, words), "not listed: %s", words);
}

int main(int argc, char **argv) {
    static const char *const words[] = {NULL,
                                        "want ABI 1, the module has 999",
                                        "does not speak ABI 1",
                                        "calls itself \"other\"",
                                        "calls itself \"\"",
                                        "has no `run`"};
    char path[4096];
    const ac_backend *b;
    ac_error err = {0};
    CHECK(argc == 2 && mkdtemp(folder), "folder");
    for (int i = 1; i < 6; i++) {
        snprintf(path, sizeof path, "%s/wrong_%d.so", argv[1], i);
        copy(path, SIZE_MAX);
        refused(AC_ERR_ABI, words[i]);
    }
    snprintf(path, sizeof path, "%s/wrong_0.so", argv[1]);
    copy(path, 5000);
    refused(AC_ERR_DEVICE, "has been cut short");
    copy(path, 40);
    refused(AC_ERR_DEVICE, "wrong.so");
    next_place();
    CHECK(mkfifo(file, 0600) == 0, "fifo");
    refused(AC_ERR_DEVICE, "is no file");
    next_place();
    CHECK(mkdir(file, 0700) == 0, "folder");
    CHECK(ac_registry_get("wrong", &b, &err) == AC_ERR_DEVICE && strstr(err.detail, "is no file"), "%s",
          err.detail);
    copy(path, SIZE_MAX);
    CHECK_OK(ac_registry_get("wrong", &b, &err));
    unlink(file);
    CHECK_OK(ac_registry_get("wrong", &b, &err)); /* loaded once, and stays */
    snprintf(path, sizeof path, "rm -rf %s", folder);
    CHECK(system(path) == 0, "%s", path);
    printf("good\n");
    return 0;
}
