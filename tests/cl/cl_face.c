/* cl_face: what the OpenCL module promises beside arithmetic: missing drivers, masks, too little memory,
 * tensors in pieces, the cache of programs, tuning files, and that a failure leaves nothing behind. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <anychip/backend.h>

#include "work.h"

static char folder[64]; /* of this run, removed at the end */

static ac_dev *open_with(const char *mask, const char *cache) {
    ac_dev *dev;
    ac_error err = {0};
    CHECK_OK(cl->open(&(ac_open_settings){.mask = mask, .cache_dir = cache}, &dev, &err));
    return dev;
}

static uint64_t free_memory(ac_dev *dev) {
    ac_device_info info;
    cl->describe(dev, &info);
    return info.memory_free;
}

/* ---- Tests
 * ------------------------------------------------------------------------------------------------------- */

/* Runs `body` in a process of its own, with one variable of the environment set before libOpenCL is opened.
 */
static void apart(const char *name, const char *value, void (*body)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        setenv(name, value, 1);
        body();
        fflush(stdout);
        _exit(0);
    }
    int state = 0;
    CHECK(waitpid(pid, &state, 0) == pid && WIFEXITED(state) && WEXITSTATUS(state) == 0, "with %s=%s", name,
          value);
}

static void no_driver(void) {
    size_t n = 9;
    ac_error err = {0};
    ac_status status = cl->enumerate(NULL, 0, &n, &err);
    CHECK(status == AC_ERR_DEVICE && n == 0 && strstr(err.detail, "install"), "%s: %s",
          ac_status_name(status), err.detail);
    ac_dev *dev = (ac_dev *)&n;
    CHECK(cl->open(&(ac_open_settings){0}, &dev, &err) == AC_ERR_DEVICE && !dev, "%s", err.detail);
}

/* Calls `each` for every file of <folder>/cl; returns how many there are. */
static int files(void (*each)(const char *path)) {
    char path[400];
    int n = 0;
    snprintf(path, sizeof path, "%s/cl", folder);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/cl/%.200s", folder, e->d_name);
        if (each) each(path);
        n++;
    }
    if (d) closedir(d);
    return n;
}

/* The results without a cache are those with one. */
static void with_cache(void) {
    float want[2 * M], y[2 * M];
    work w;
    ac_error err = {0};
    ac_dev *dev;
    size_t n = 0;
    if (cl->enumerate(NULL, 0, &n, &err) != AC_OK) return;
    make_work(&w);
    for (int i = 0; i < 2; i++) {
        dev = open_with("item_cols=2", i ? folder : NULL);
        CHECK_OK(compute(dev, &w, i ? y : want, &err));
        cl->close(dev);
    }
    CHECK(!memcmp(want, y, sizeof y), "other results with a cache");
    free(w.file);
}

/* PoCL told to compute carelessly: the witness test must notice, and name what is wrong, although the cache
 * has programs of better days. Those made by force are not kept. */
static void careless(void) {
    float y[2 * M];
    work w;
    ac_dev *dev = NULL;
    ac_error err = {0};
    ac_device_info info;
    size_t n = 0;
    if (cl->enumerate(&info, 1, &n, &err) != AC_OK || !strstr(info.driver, "Portable Computing Language"))
        return;
    ac_status status = cl->open(&(ac_open_settings){0}, &dev, &err);
    if (status == AC_OK) { /* this PoCL does not take build flags from the environment */
        printf("careless PoCL: not tested\n");
        cl->close(dev);
        return;
    }
    CHECK(status == AC_ERR_WITNESS && !dev && strstr(err.detail, "witness test"), "%s: %s",
          ac_status_name(status), err.detail);
    printf("careless PoCL: %s\n", err.detail);
    CHECK(cl->open(&(ac_open_settings){.cache_dir = folder}, &dev, &err) == AC_ERR_WITNESS && !dev,
          "a cache of better days: %s", err.detail);
    int before = files(NULL);
    make_work(&w);
    CHECK_OK(
        cl->open(&(ac_open_settings){.mask = "item_cols=1", .force = true, .cache_dir = folder}, &dev, &err));
    CHECK_OK(compute(dev, &w, y, &err));
    cl->close(dev);
    CHECK(files(NULL) == before, "programs made by force are kept");
    free(w.file);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

/* The system has no more memory: a status, and the device is as before. Buffers of PoCL are the host's. */
static void no_memory(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(SANITIZED)
    ac_error err = {0};
    ac_dev *dev;
    ac_kv_mem *kv;
    struct rlimit limit = {0};
    unsigned long pages = 0;
    if (cl->open(&(ac_open_settings){0}, &dev, &err) != AC_OK) return;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &limit) == 0) {
        const rlim_t before = limit.rlim_cur;
        limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (64u << 20);
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
        ac_status status = cl->kv_create(dev, 1, 500, 8, 128, &kv, &err); /* half a GiB */
        CHECK(status == AC_OK || (!kv && err.detail[0]), "%s", ac_status_name(status));
        printf("no memory: %s\n", status == AC_OK ? "enough for this driver" : err.detail);
        limit.rlim_cur = before;
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
        if (status == AC_OK) cl->kv_destroy(kv);
        CHECK_OK(cl->kv_create(dev, 1, 2, 8, 128, &kv, &err));
        cl->kv_destroy(kv);
    }
    if (f) fclose(f);
    cl->close(dev);
#endif
}

/* A PoCL that cannot write its own cache has no device: the driver is named. */
static void no_device(void) {
    size_t n = 0;
    ac_error err = {0};
    if (cl->enumerate(NULL, 0, &n, &err) == AC_OK) return;
    CHECK(n == 0 && strstr(err.detail, "drivers are installed (") && !strstr(err.detail, "()"), "%s",
          err.detail);
}

static void masks(void) {
    ac_error err = {0};
    ac_dev *dev;
    CHECK(cl->open(&(ac_open_settings){.mask = "fuse,nonsense"}, &dev, &err) == AC_ERR_ARGUMENT &&
              strstr(err.detail, "nonsense"),
          "%s", err.detail);
    static const char *const none[] = {"wg=0",   "wg=-1",    "wg= 8",      "wg=+8",
                                       "local=", "alloc=1k", "memory=0x10"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK(cl->open(&(ac_open_settings){.mask = none[i]}, &dev, &err) == AC_ERR_ARGUMENT &&
                  strstr(err.detail, none[i]),
              "%s: %s", none[i], err.detail);
    CHECK(cl->open(&(ac_open_settings){.index = 1000}, &dev, &err) == AC_ERR_DEVICE, "%s", err.detail);
}

/* The same bits whatever the pieces in which tensors lie, and nothing stays behind. */
static void pieces(const work *w) {
    static const char *const list[] = {"",
                                       "zerocopy",
                                       "alloc=65536",
                                       "alloc=65536,zerocopy",
                                       "alloc=65536,use_group=1,zerocopy",
                                       "alloc=65536,use_group=1"};
    float want[2 * M], y[2 * M];
    ac_error err = {0};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        ac_dev *dev = open_with(list[i], NULL);
        uint64_t before = free_memory(dev);
        CHECK_OK(compute(dev, w, i ? y : want, &err));
        CHECK(i == 0 || !memcmp(want, y, sizeof y), "mask %s", list[i]);
        CHECK(free_memory(dev) == before, "mask %s: %llu bytes stay behind", list[i],
              (unsigned long long)(before - free_memory(dev)));
        cl->close(dev);
    }
}

/* A tensor at an odd place, or not in a mapping, is copied. */
static void odd_places(const work *w) {
    work odd = *w;
    float want[2 * M], y[2 * M];
    ac_error err = {0};
    ac_dev *dev = open_with(NULL, NULL);
    uint8_t *copy = malloc(w->weights[1].bytes + 1);
    CHECK(copy, "memory");
    CHECK_OK(compute(dev, w, want, &err));
    memcpy(copy + 1, w->weights[1].data, w->weights[1].bytes);
    odd.weights[1].data = copy + 1;
    odd.weights[1].map = NULL;
    odd.weights[1].map_bytes = 0;
    odd.plan.weights = odd.weights;
    CHECK_OK(compute(dev, &odd, y, &err));
    CHECK(!memcmp(want, y, sizeof y), "a tensor that is not in a mapping");
    free(copy);
    cl->close(dev);
}

static void too_little(const work *w) {
    ac_dev *dev = open_with("memory=60000,zerocopy", NULL);
    ac_weights *weights = (ac_weights *)dev;
    ac_kv_mem *kv = (ac_kv_mem *)dev;
    ac_error err = {0};
    uint64_t before = free_memory(dev);
    CHECK(cl->load(dev, w->weights, 2, NULL, NULL, &weights, &err) == AC_ERR_DEVICE_MEMORY && !weights &&
              strstr(err.detail, "has 58.6 KiB, of these 0 bytes in use"),
          "%s", err.detail);
    CHECK(cl->kv_create(dev, 4, 100, 8, 128, &kv, &err) == AC_ERR_DEVICE_MEMORY && !kv &&
              strstr(err.detail, "25600 positions: want") && strstr(err.detail, "MiB"),
          "%s", err.detail);
    CHECK(free_memory(dev) == before, "memory stays behind");
    CHECK_OK(cl->kv_create(dev, 1, 1, 1, 8, &kv, &err));
    cl->kv_destroy(kv);
    CHECK(free_memory(dev) == before, "memory stays behind");
    cl->close(dev);
}

static bool stop(void *user, uint64_t done, uint64_t all) {
    (void)done;
    (void)all;
    return --*(int *)user > 0;
}

static void cancelled(const work *w) {
    ac_dev *dev = open_with("zerocopy,alloc=65536", NULL);
    ac_error err = {0};
    uint64_t before = free_memory(dev);
    for (int calls = 1; calls < 4; calls++) {
        ac_weights *weights = (ac_weights *)dev;
        int left = calls;
        CHECK(cl->load(dev, w->weights, 2, stop, &left, &weights, &err) == AC_ERR_CANCELLED && !weights, "%s",
              err.detail);
    }
    CHECK(free_memory(dev) == before, "memory stays behind");
    cl->close(dev);
}

static void cut_short(const char *path) {
    struct stat s;
    CHECK(!stat(path, &s) && !truncate(path, s.st_size / 2), "%s", path);
}

static void flip(const char *path) {
    struct stat s;
    uint8_t byte;
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0 && !fstat(fd, &s) && pread(fd, &byte, 1, s.st_size - 9) == 1, "%s", path);
    byte ^= 4;
    CHECK(pwrite(fd, &byte, 1, s.st_size - 9) == 1, "%s", path);
    close(fd);
}

static void garbage(const char *path) {
    FILE *f = fopen(path, "wb");
    CHECK(f && fputs("what is this", f) >= 0 && !fclose(f), "%s", path);
}

static void pipe_instead(const char *path) {
    CHECK(!unlink(path) && !mkfifo(path, 0600), "%s", path);
}

static void drop(const char *path) {
    unlink(path);
}

/* The cache is used, repaired when spoilt, and shared by processes. */
static void cache(const work *w) {
    static void (*const spoil[])(const char *) = {NULL, cut_short, flip, garbage, pipe_instead};
    float want[2 * M], y[2 * M];
    ac_error err = {0};
    for (int i = 0; i < 5; i++) {
        int before = files(spoil[i]);
        ac_dev *dev = open_with("item_cols=2", folder);
        CHECK_OK(compute(dev, w, i ? y : want, &err));
        CHECK(i == 0 || !memcmp(want, y, sizeof y), "spoilt cache %d", i);
        CHECK(i ? files(NULL) == before : before == 0 && files(NULL) > 0, "files of the cache: %d, then %d",
              before, files(NULL));
        cl->close(dev);
    }
    files(drop);
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0, "fork");
        if (pids[i]) continue;
        execl("/proc/self/exe", "cl_face", "--child", folder, (char *)NULL);
        _exit(9);
    }
    for (int i = 0; i < 3; i++) {
        int state = 0;
        CHECK(waitpid(pids[i], &state, 0) == pids[i] && WIFEXITED(state) && WEXITSTATUS(state) == 0,
              "process %d", i);
    }
}

/* A folder that is there, but not to be written. The superuser may write all the same. */
static void read_only(const work *w) {
    float want[2 * M], y[2 * M];
    char path[100];
    ac_error err = {0};
    ac_dev *dev = open_with("item_cols=2", folder);
    CHECK_OK(compute(dev, w, want, &err));
    cl->close(dev);
    snprintf(path, sizeof path, "%s/cl", folder);
    CHECK(!chmod(path, 0555), "%s", path);
    int before = files(NULL);
    dev = open_with("item_cols=1,row_group=8", folder);
    CHECK_OK(compute(dev, w, y, &err));
    cl->close(dev);
    CHECK(!memcmp(want, y, sizeof y), "read-only cache");
    CHECK(geteuid() == 0 || files(NULL) == before, "files in a read-only folder");
    CHECK(!chmod(path, 0777), "%s", path);
}

static void count_warnings(void *user, int level, const char *text) {
    if (level <= 1 && strstr(text, "/dev/null/nowhere cannot be written")) ++*(int *)user;
}

/* A folder that cannot be made only costs time; that is said once. */
static void no_folder(const work *w) {
    float y[2 * M];
    int warnings = 0;
    ac_error err = {0};
    ac_dev *dev;
    CHECK_OK(cl->open(
        &(ac_open_settings){.cache_dir = "/dev/null/nowhere", .log = count_warnings, .log_user = &warnings},
        &dev, &err));
    CHECK_OK(compute(dev, w, y, &err));
    cl->close(dev);
    CHECK(warnings == 1, "%d warnings", warnings);
}

/* Words that were measured: those that make sense are taken, the mask's come after them. */
static bool measured(void *user, const ac_device_info *device, char *words, size_t cap) {
    CHECK(device->name[0] && device->driver[0], "a device without name or driver");
    snprintf(words, cap, "%s", (const char *)user);
    return words[0] != 0;
}

static bool has_groups(const char *words, const char *mask) {
    ac_device_info info;
    ac_dev *dev;
    ac_error err = {0};
    char copy[128];
    snprintf(copy, sizeof copy, "%s", words);
    CHECK_OK(
        cl->open(&(ac_open_settings){.mask = mask, .tuning = measured, .tuning_user = copy}, &dev, &err));
    cl->describe(dev, &info);
    cl->close(dev);
    return strstr(info.detail, "work-group") != NULL;
}

static void tuning(void) {
    bool usual = has_groups("", NULL);
    CHECK(has_groups("use_group=0", NULL) == false, "a measured word is not taken");
    if (!has_groups("", "use_group=1")) return;
    CHECK(has_groups("nonsense,group_size=99999999999,use_group=1,row_group=32,\x01\xff,=,use_group=", NULL),
          "a measured word among others is not taken");
    CHECK(has_groups("use_group=2,use_group=-1,fuse,wg=1", NULL) == usual, "a word that is none is taken");
    CHECK(!has_groups("use_group=1", "use_group=0"), "the mask does not come last");
}

/* Every number it offers takes every value it offers. */
static void tunables(void) {
    ac_tunable t;
    ac_error err = {0};
    for (int groups = 0; groups < 2; groups++) {
        ac_dev *dev = open_with(groups ? "use_group=1" : "use_group=0", NULL), *other;
        uint32_t n = 0;
        for (; cl->tunable(dev, n, &t); n++) {
            CHECK(t.name && t.n_choices > 0 && t.n_choices <= 12, "number %u", n);
            char mask[64];
            snprintf(mask, sizeof mask, "%s=%u", t.name, t.choices[t.n_choices - 1]);
            CHECK_OK(cl->open(&(ac_open_settings){.mask = mask}, &other, &err));
            cl->close(other);
        }
        CHECK(n > 2, "%u numbers", n);
        cl->close(dev);
    }
}

static int child(const char *dir) {
    float y[2 * M];
    work w;
    ac_error err = {0};
    make_work(&w);
    ac_dev *dev = open_with("item_cols=2", dir);
    CHECK_OK(compute(dev, &w, y, &err));
    cl->close(dev);
    return 0;
}

int main(int argc, char **argv) {
    work w;
    size_t n = 0;
    ac_error err = {0};
    void *module = dlopen(CL_MODULE, RTLD_NOW | RTLD_LOCAL);
    CHECK(module, "%s", dlerror());
    union {
        void *p;
        ac_backend_entry_fn f;
    } entry = {dlsym(module, AC_BACKEND_ENTRY)};
    CHECK(entry.p && !entry.f(AC_BACKEND_ABI + 1), "the door");
    cl = entry.f(AC_BACKEND_ABI);
    CHECK(cl && cl->abi == AC_BACKEND_ABI && !strcmp(cl->name, "cl"), "the door");
    if (argc == 3 && !strcmp(argv[1], "--child")) return child(argv[2]);
    apart("OCL_ICD_VENDORS", "/nonexistent", no_driver);
    snprintf(folder, sizeof folder, "/tmp/anychip-cl-XXXXXX");
    CHECK(mkdtemp(folder), "mkdtemp");
    apart("XDG_CACHE_HOME", "/proc/none", no_device);
    apart("OMP_WAIT_POLICY", "passive", no_memory);
    apart("OMP_WAIT_POLICY", "passive", with_cache);
    apart("POCL_EXTRA_BUILD_FLAGS", "-cl-fast-relaxed-math -cl-mad-enable", careless);
    apart("OMP_WAIT_POLICY", "passive", with_cache);
    files(drop);
    if (cl->enumerate(NULL, 0, &n, &err) != AC_OK) {
        printf("skipped: %s\n", err.detail);
        rmdir(folder);
        return AC_SKIP;
    }
    make_work(&w);
    masks();
    pieces(&w);
    odd_places(&w);
    too_little(&w);
    cancelled(&w);
    cache(&w);
    read_only(&w);
    no_folder(&w);
    tuning();
    tunables();
    files(drop);
    char path[100];
    snprintf(path, sizeof path, "%s/cl", folder);
    rmdir(path), rmdir(folder);
    free(w.file);
    return 0;
}
