/* registry.c - finding and loading backends, and the list of all devices. */
#include "registry.h"
#include "exact.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __ELF__
#include <link.h>
#endif

#include <anychip/anychip.h>

const ac_backend *ac_backend_cpu(uint32_t abi);
#ifdef AC_STATIC_CL
const ac_backend *ac_backend_cl(uint32_t abi);
#endif
#ifdef AC_STATIC_VK
const ac_backend *ac_backend_vk(uint32_t abi);
#endif

enum { MAX_BACKENDS = 16 };

typedef struct entry {
    char name[16];
    const ac_backend *backend;
} entry;

static const struct {
    const char *name;
    ac_backend_entry_fn get;
} linked[] = {
    {"cpu", ac_backend_cpu},
#ifdef AC_STATIC_CL
    {"cl", ac_backend_cl},
#endif
#ifdef AC_STATIC_VK
    {"vk", ac_backend_vk},
#endif
};

static const char *const listed[] = {"cpu", "cl", "vk"};

static entry loaded[MAX_BACKENDS];
static size_t n_loaded;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const char *ac_registry_name(size_t i) {
    return i < sizeof listed / sizeof *listed ? listed[i] : NULL;
}

ac_status ac_registry_parse(const char *device, size_t length, char name[16], uint32_t *index,
                            ac_error *err) {
    size_t n = 0;
    while (n < length && device[n] != ':') n++;
    bool ok = n > 0 && n < 16;
    for (size_t i = 0; ok && i < n; i++)
        ok = (device[i] >= 'a' && device[i] <= 'z') || (device[i] >= '0' && device[i] <= '9');
    uint64_t v = 0;
    if (ok && n < length) {
        ok = length - n > 1 && length - n < 8;
        for (size_t i = n + 1; ok && i < length; i++) {
            ok = device[i] >= '0' && device[i] <= '9';
            v = v * 10 + (uint64_t)(device[i] - '0');
        }
    }
    if (!ok)
        return ac_fail(err, AC_ERR_ARGUMENT, "device \"%.*s\": want a name such as cpu, cl:0 or vk:1",
                       (int)(length < 64 ? length : 64), device);
    memcpy(name, device, n);
    name[n] = 0;
    *index = (uint32_t)v;
    return AC_OK;
}

/* The words of a section for backend `name`; NULL when it is another's. */
static const char *section_words(const char *section, size_t length, const char *name) {
    size_t n = strcspn(section, ":,=;");
    if (n >= length || section[n] != ':') return section;
    return strlen(name) == n && !memcmp(section, name, n) ? section + n + 1 : NULL;
}

ac_status ac_registry_mask(const char *mask, const char *name, char *out, size_t cap, ac_error *err) {
    size_t used = 0;
    out[0] = 0;
    for (const char *p = mask; p && *p;) {
        size_t length = strcspn(p, ";");
        const char *words = section_words(p, length, name);
        size_t n = words ? (size_t)(p + length - words) : 0;
        if (used + n + 2 > cap)
            return ac_fail(err, AC_ERR_LIMIT, "device mask: more than %zu characters", cap - 2);
        if (n && used) out[used++] = ',';
        if (n) memcpy(out + used, words, n);
        used += n;
        out[used] = 0;
        p += length + (p[length] == ';');
    }
    return AC_OK;
}

/* The folder of the library or program that holds this very function; "" when not known. */
static void own_folder(char *out, size_t cap) {
    Dl_info info;
    union {
        ac_status (*f)(const char *, const ac_backend **, ac_error *);
        void *p;
    } self = {ac_registry_get};
    out[0] = 0;
    if (!dladdr(self.p, &info) || !info.dli_fname) return;
    char *real = realpath(info.dli_fname, NULL);
    if (!real) return;
    char *slash = strrchr(real, '/');
    if (slash) *slash = 0;
    if (strlen(real) < cap) strcpy(out, real);
    free(real);
}

/* Modules are looked for in $ANYCHIP_MODULE_PATH (alone, when set), else where they are installed, then
 * around the library in an install tree and in a build tree. %1 is the library's folder, %2 the backend's
 * name. */
static const char *const places[] = {"%1$s/anychip/anychip-%2$s.so", "%1$s/../lib/anychip/anychip-%2$s.so",
                                     "%1$s/../kernels-%2$s/anychip-%2$s.so",
                                     "%1$s/../../kernels-%2$s/anychip-%2$s.so"};
enum { INSTALLED = 2 }; /* the first ones are folders for modules of any name */

/* Whether an open file is the beginning of a library: section headers are at the end of one. */
static bool is_cut(int fd, uint64_t bytes) {
#ifdef __ELF__
    ElfW(Ehdr) head;
    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    uint64_t sections = (uint64_t)head.e_shnum * head.e_shentsize;
    return head.e_shoff > bytes || sections > bytes - head.e_shoff;
#else
    (void)fd, (void)bytes;
    return false;
#endif
}

/* What dlopen would wait for or die of, in words; NULL when there is nothing to say against the file. */
static const char *not_loadable(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const char *wrong = NULL;
    if (fd < 0) return "cannot be read";
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        wrong = "is no file";
    else if (is_cut(fd, (uint64_t)st.st_size))
        wrong = "has been cut short";
    close(fd);
    return wrong;
}

/* NULL when there is no such file; a file that does not load says why in `why`. */
static void *try_module(const char *path, char *why, size_t cap) {
    if (access(path, F_OK)) return NULL;
    const char *wrong = not_loadable(path);
    void *module = wrong ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (wrong)
        snprintf(why, cap, "%s %s", path, wrong);
    else if (!module)
        snprintf(why, cap, "%s", dlerror());
    return module;
}

static void *open_module(const char *name, char *why, size_t cap) {
    char folder[3072], path[4096];
    const char *only = getenv("ANYCHIP_MODULE_PATH");
    why[0] = 0;
    snprintf(path, sizeof path, "%s/anychip-%s.so", only ? only : AC_MODULE_DIR, name);
    void *module = try_module(path, why, cap);
    if (module || only) return module;
    own_folder(folder, sizeof folder);
    for (size_t i = 0; i < sizeof places / sizeof *places && !module; i++) {
        snprintf(path, sizeof path, places[i], folder, name);
        module = try_module(path, why, cap);
    }
    return module;
}

/* Functions that no backend can do without. */
static const struct {
    const char *name;
    size_t at;
} needed[] = {
#define F(name)                                                                                              \
    { #name, offsetof(ac_backend, name) }
    F(enumerate), F(open),       F(close),   F(describe), F(load),       F(unload),
    F(kv_create), F(kv_copy),    F(kv_read), F(kv_write), F(kv_destroy), F(prepare),
    F(release),   F(prog_bytes), F(run),     F(wait),     F(write),      F(read),
#undef F
};

/* Whether a module's table is this version's, the one that was asked for, and whole. */
static ac_status check_table(const ac_backend *b, const char *name, ac_error *err) {
    if (!b)
        return ac_fail(err, AC_ERR_ABI, "backend %s: the module does not speak ABI %u", name, AC_BACKEND_ABI);
    if (b->abi != AC_BACKEND_ABI)
        return ac_fail(err, AC_ERR_ABI, "backend %s: want ABI %u, the module has %u", name, AC_BACKEND_ABI,
                       b->abi);
    if (!b->name || !b->title || strcmp(b->name, name) != 0)
        return ac_fail(err, AC_ERR_ABI, "backend %s: the module calls itself \"%.16s\"", name,
                       b->name ? b->name : "");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        void (*function)(void);
        memcpy(&function, (const char *)b + needed[i].at, sizeof function);
        if (!function)
            return ac_fail(err, AC_ERR_ABI, "backend %s: the module has no `%s`", name, needed[i].name);
    }
    return AC_OK;
}

static ac_status load_module(const char *name, const ac_backend **out, ac_error *err) {
    char tried[400];
    void *module = open_module(name, tried, sizeof tried);
    if (!module) {
        if (tried[0]) return ac_fail(err, AC_ERR_DEVICE, "backend %s: %s", name, tried);
        return ac_fail(err, AC_ERR_NOT_FOUND, "backend %s: module anychip-%s.so is not installed", name,
                       name);
    }
    union {
        void *p;
        ac_backend_entry_fn f;
    } entry_point = {dlsym(module, AC_BACKEND_ENTRY)};
    const ac_backend *b = entry_point.p ? entry_point.f(AC_BACKEND_ABI) : NULL;
    ac_status status = entry_point.p ? check_table(b, name, err)
                                     : ac_fail(err, AC_ERR_ABI, "backend %s: the module has no symbol %s",
                                               name, AC_BACKEND_ENTRY);
    if (status != AC_OK)
        dlclose(module);
    else
        *out = b;
    return status;
}

static ac_status get_locked(const char *name, const ac_backend **out, ac_error *err) {
    for (size_t i = 0; i < sizeof linked / sizeof *linked; i++) {
        if (!strcmp(linked[i].name, name)) {
            *out = linked[i].get(AC_BACKEND_ABI);
            return *out ? AC_OK : ac_fail(err, AC_ERR_ABI, "backend %s", name);
        }
    }
    for (size_t i = 0; i < n_loaded; i++) {
        if (!strcmp(loaded[i].name, name)) {
            *out = loaded[i].backend;
            return AC_OK;
        }
    }
    if (n_loaded == MAX_BACKENDS)
        return ac_fail(err, AC_ERR_LIMIT, "backend %s: more than %d modules", name, MAX_BACKENDS);
    AC_TRY(load_module(name, out, err));
    snprintf(loaded[n_loaded].name, sizeof loaded[0].name, "%s", name);
    loaded[n_loaded++].backend = *out;
    return AC_OK;
}

ac_status ac_registry_get(const char *name, const ac_backend **out, ac_error *err) {
    *out = NULL;
    pthread_mutex_lock(&lock);
    ac_status status = get_locked(name, out, err);
    pthread_mutex_unlock(&lock);
    return status;
}

/* ---- The list of all devices. ---- */

typedef struct lister {
    ac_device *list;
    size_t cap, count;
} lister;

static ac_device *next_row(lister *l, ac_device *spare) {
    ac_device *d = l->count < l->cap && l->list ? &l->list[l->count] : spare;
    l->count++;
    memset(d, 0, sizeof *d);
    return d;
}

static void copy_info(ac_device *d, const ac_device_info *info) {
    memcpy(d->name, info->name, sizeof d->name);
    memcpy(d->driver, info->driver, sizeof d->driver);
    memcpy(d->kind, info->kind, sizeof d->kind);
    memcpy(d->detail, info->detail, sizeof d->detail);
    d->memory_total = info->memory_total;
    d->memory_free = info->memory_free;
    d->shares_host_memory = info->shares_host_memory;
    d->usable = info->usable;
}

static void missing_row(lister *l, const char *name, const ac_error *why) {
    ac_device spare, *d = next_row(l, &spare);
    snprintf(d->id, sizeof d->id, "%.14s", name);
    snprintf(d->kind, sizeof d->kind, "none");
    snprintf(d->detail, sizeof d->detail, "%.255s", why->detail);
}

/* Opens the device once: its witness test decides. */
static void check_row(const ac_backend *b, uint32_t index, ac_device *d) {
    ac_error err = {0};
    ac_dev *dev = NULL;
    ac_open_settings how = {.index = index};
    if (b->open(&how, &dev, &err) != AC_OK) {
        d->usable = false;
        snprintf(d->detail, sizeof d->detail, "%.255s", err.detail);
        return;
    }
    ac_device_info info = {0};
    b->describe(dev, &info);
    copy_info(d, &info);
    b->close(dev);
}

static ac_status list_backend(lister *l, const char *name, bool check, ac_error *err) {
    const ac_backend *b;
    ac_error why = {0};
    size_t n = 0;
    if (ac_registry_get(name, &b, &why) != AC_OK || b->enumerate(NULL, 0, &n, &why) != AC_OK) {
        missing_row(l, name, &why);
        return AC_OK;
    }
    ac_device_info *infos = calloc(n ? n : 1, sizeof *infos);
    if (!infos) return ac_fail(err, AC_ERR_MEMORY, "device list");
    size_t found = n;
    if (b->enumerate(infos, n, &found, &why) != AC_OK) found = 0;
    for (size_t i = 0; i < found && i < n; i++) {
        ac_device spare, *d = next_row(l, &spare);
        copy_info(d, &infos[i]);
        if (n == 1 && !strcmp(name, "cpu"))
            snprintf(d->id, sizeof d->id, "cpu");
        else
            snprintf(d->id, sizeof d->id, "%.9s:%u", name, (unsigned)i % 100000u);
        if (check && d->usable) check_row(b, (uint32_t)i, d);
    }
    free(infos);
    return AC_OK;
}

/* Ports from elsewhere: modules that lie where modules are looked for, with names of at most 9 letters and
 * digits, so that a device's name fits ac_device.id. */
static bool port_name(const char *file, char out[16]) {
    size_t n = strlen(file), head = strlen("anychip-"), tail = strlen(".so");
    if (n <= head + tail || n - head - tail > 9 || strncmp(file, "anychip-", head) != 0 ||
        strcmp(file + n - tail, ".so") != 0)
        return false;
    memcpy(out, file + head, n - head - tail);
    out[n - head - tail] = 0;
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (!strcmp(out, listed[i])) return false;
    char name[16];
    uint32_t index;
    return ac_registry_parse(out, strlen(out), name, &index, NULL) == AC_OK && !strchr(out, ':');
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

static size_t add_ports(const char *folder, char names[][16], size_t n) {
    struct dirent *e;
    DIR *d = opendir(folder);
    while (d && n < MAX_BACKENDS && (e = readdir(d))) {
        bool known = !port_name(e->d_name, names[n]);
        for (size_t i = 0; i < n && !known; i++) known = !strcmp(names[i], names[n]);
        n += !known;
    }
    if (d) closedir(d);
    return n;
}

static size_t find_ports(char names[MAX_BACKENDS][16]) {
    char folder[3072], path[4096];
    const char *only = getenv("ANYCHIP_MODULE_PATH");
    size_t n = add_ports(only ? only : AC_MODULE_DIR, names, 0);
    own_folder(folder, sizeof folder);
    for (size_t i = 0; i < INSTALLED && !only; i++) {
        snprintf(path, sizeof path, places[i], folder, "");
        path[strlen(path) - strlen("/anychip-.so")] = 0;
        n = add_ports(path, names, n);
    }
    qsort(names, n, sizeof names[0], by_name);
    return n;
}

ac_status ac_devices_list(ac_device *list, size_t cap, size_t *count, bool check, ac_error *err) {
    AC_FP_SCOPE;
    lister l = {list, cap, 0};
    *count = 0;
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        AC_TRY(list_backend(&l, listed[i], check, err));
    char names[MAX_BACKENDS][16];
    size_t n = find_ports(names);
    for (size_t i = 0; i < n; i++) AC_TRY(list_backend(&l, names[i], check, err));
    *count = l.count;
    return AC_OK;
}
