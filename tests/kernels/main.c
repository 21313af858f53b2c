/* kernel_check - every operation of a device against the reference, bit for bit. Also what a porter runs:
 * docs/porting.md.
 *
 *   kernel_check [--device cpu|cl:0|vk:1] [--module FILE] [--mask WORDS] [--threads N] [--op OP] [--type T]
 *                [--level vectors|quick|full] [--seed N] [--vectors FILE | --write-vectors FILE] [--bench]
 * [--verbose] [--list]
 *
 * Exit status: 0 all bits equal, 1 not, or nothing was tested, 2 usage, 77 there is no such device here. */
#include "harness.h"

#include <dlfcn.h>
#include <time.h>

#include "cpu_entry.h"

typedef struct options {
    const char *device, *module, *mask, *op, *vectors, *write_vectors;
    uint32_t threads;
    bool list;
} options;

static const struct {
    const char *name;
    void (*run)(kc_check *);
} tests[] = {
#define OP(name, text) {#name, kc_test_##name},
#include <anychip/ops.def>
#undef OP
    {"chain", kc_test_chain},
    {"face", kc_test_face},
};
enum { TESTS = sizeof tests / sizeof *tests };

static int usage(const char *what) {
    fprintf(stderr,
            "kernel_check: %s\n"
            "usage: kernel_check [--device NAME[:N]] [--module FILE] [--mask WORDS] [--threads N] [--op OP] "
            "[--type T]\n"
            "                    [--level vectors|quick|full] [--seed N] [--vectors FILE | --write-vectors "
            "FILE]\n"
            "                    [--bench] [--verbose] [--list]\n",
            what);
    return 2;
}

static bool level_of(const char *text, kc_level *out) {
    static const char *const names[] = {[KC_VECTORS] = "vectors", [KC_QUICK] = "quick", [KC_FULL] = "full"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *out = (kc_level)i;
        return true;
    }
    return false;
}

/* 0, or what to exit with. */
static int parse(int argc, char **argv, options *o, kc_check *kc) {
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        struct {
            const char *name;
            const char **to;
        } texts[] = {
            {"--device", &o->device},
            {"--module", &o->module},
            {"--mask", &o->mask},
            {"--isa", &o->mask},
            {"--op", &o->op},
            {"--vectors", &o->vectors},
            {"--write-vectors", &o->write_vectors},
            {"--type", &kc->type},
        };
        bool found = true;
        if (!strcmp(a, "--bench"))
            kc->bench = true;
        else if (!strcmp(a, "--verbose"))
            kc->verbose = true;
        else if (!strcmp(a, "--list"))
            o->list = true;
        else
            found = false;
        for (size_t k = 0; !found && k < sizeof texts / sizeof *texts; k++) {
            if (strcmp(a, texts[k].name) != 0) continue;
            if (!value) return usage("an option needs a value");
            *texts[k].to = argv[++i];
            found = true;
        }
        if (found) continue;
        if (!value) return usage(a);
        if (!strcmp(a, "--level") && level_of(value, &kc->level))
            i++;
        else if (!strcmp(a, "--seed"))
            kc->seed = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(a, "--threads"))
            o->threads = (uint32_t)strtoul(argv[++i], NULL, 0);
        else
            return usage(a);
    }
    return 0;
}

static const ac_backend *find_backend(const options *o) {
    if (!o->module) return !strncmp(o->device, "cpu", 3) ? ac_backend_cpu(AC_BACKEND_ABI) : NULL;
    void *handle = dlopen(o->module, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        fprintf(stderr, "kernel_check: %s\n", dlerror());
        return NULL;
    }
    ac_backend_entry_fn entry = NULL;
    *(void **)&entry = dlsym(handle, AC_BACKEND_ENTRY);
    return entry ? entry(AC_BACKEND_ABI) : NULL;
}

/* 0, or what to exit with. */
static int open_devices(const options *o, kc_check *kc) {
    ac_error err = {0};
    ac_open_settings how = {.threads = o->threads, .mask = o->mask, .cache_dir = NULL};
    const char *colon = strchr(o->device, ':');
    size_t count = 0;
    if (colon) how.index = (uint32_t)strtoul(colon + 1, NULL, 10);
    kc->device.backend = find_backend(o);
    if (!kc->device.backend) {
        fprintf(stderr, "kernel_check: no backend for \"%s\" (a device other than cpu needs --module)\n",
                o->device);
        return 1;
    }
    ac_status s = kc->device.backend->enumerate(NULL, 0, &count, &err);
    if (s != AC_OK || how.index >= count) {
        printf("skipped: %s: %s\n", o->device, s != AC_OK ? err.detail : "no such device");
        return AC_SKIP;
    }
    s = kc->device.backend->open(&how, &kc->device.dev, &err);
    if (s == AC_ERR_UNSUPPORTED) {
        printf("skipped: %s: %s\n", o->device, err.detail);
        return AC_SKIP;
    }
    if (s != AC_OK) {
        fprintf(stderr, "kernel_check: %s: %s: %s\n", o->device, ac_status_name(s), err.detail);
        return 1;
    }
    kc->ref.backend = ac_backend_cpu(AC_BACKEND_ABI);
    s = kc->ref.backend->open(&(ac_open_settings){.mask = "ref"}, &kc->ref.dev, &err);
    CHECK(s == AC_OK, "%s", err.detail);
    return 0;
}

static void read_vectors(kc_check *kc, const char *path) {
    FILE *f = fopen(path, "r");
    char line[33 + sizeof kc->vector->label] = "";
    size_t cap = 0;
    CHECK(f, "cannot open %s", path);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#' || line[0] == '\n') continue;
        if (kc->n_vectors == cap) {
            cap = cap * 2 + 64;
            kc->vector = realloc(kc->vector, cap * sizeof *kc->vector);
            CHECK(kc->vector, "no memory");
        }
        kc_vector *v = &kc->vector[kc->n_vectors++];
        line[strcspn(line, "\n")] = 0;
        CHECK(strlen(line) > 33 && line[32] == ' ', "%s: not a digest and a label: %s", path, line);
        snprintf(v->digest, sizeof v->digest, "%.32s", line);
        memcpy(v->label, line + 33, sizeof v->label - 1);
    }
    fclose(f);
}

static void write_head(kc_check *kc, const char *path) {
    kc->write_vectors = fopen(path, "w");
    CHECK(kc->write_vectors, "cannot write %s", path);
    fprintf(kc->write_vectors,
            "# Arithmetic %u: digest (XXH3-128) of what each case of `kernel_check --level vectors` gives. "
            "Written by --write-vectors.\n"
            "# How the inputs are made and what the digest covers: docs/porting.md.\n",
            AC_SPEC_VERSION);
}

static int summary(const kc_check *kc, double seconds) {
    unsigned cases = 0, failed = 0;
    if (!kc->bench) printf("%-24s %8s %8s\n", "operation", "cases", "failed");
    for (unsigned i = 0; i < kc->n_rows; i++) {
        const kc_row *r = &kc->rows[i];
        if (!kc->bench) printf("%-24s %8u %8u\n", r->name, r->cases, r->failed);
        if (r->failed) printf("    first: %s\n", r->first);
        cases += r->cases;
        failed += r->failed;
    }
    printf("%u cases, %u failed, seed %llu, %.1f s\n", cases, failed, (unsigned long long)kc->seed, seconds);
    if (cases == 0) printf("nothing was tested\n");
    return cases == 0 || failed > 0;
}

int main(int argc, char **argv) {
    options o = {.device = "cpu"};
    kc_check kc = {.level = KC_QUICK, .seed = 1, .bench_ns = 200000000u};
    ac_device_info info;
    struct timespec start, end;
    int status = parse(argc, argv, &o, &kc);
    if (status) return status;
    if (o.list) {
        for (int i = 0; i < TESTS; i++) printf("%s\n", tests[i].name);
        return 0;
    }
    status = open_devices(&o, &kc);
    if (status) return status;
    if (o.vectors || o.write_vectors) kc.level = KC_VECTORS;
    if (o.vectors) read_vectors(&kc, o.vectors);
    if (o.write_vectors) write_head(&kc, o.write_vectors);
    kc.device.backend->describe(kc.device.dev, &info);
    printf("device: %s (%s): %s\n", info.name, info.driver, info.detail);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < TESTS; i++)
        if (!o.op || !strcmp(o.op, tests[i].name)) tests[i].run(&kc);
    clock_gettime(CLOCK_MONOTONIC, &end);
    status = summary(&kc, (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    if (kc.write_vectors) status |= fclose(kc.write_vectors) != 0;
    free(kc.vector);
    kc.device.backend->close(kc.device.dev);
    kc.ref.backend->close(kc.ref.dev);
    return status;
}
