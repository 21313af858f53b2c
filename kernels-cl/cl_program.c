/* cl_program.c - programs of a device: found in memory, or on disk, or built. */
#include "cl_program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cl_cache.h"
#include "cl_device.h"

struct ac_cl_built {
    ac_cl_unit unit;
    char options[256];
    cl_program program;
    ac_cl_built *next;
};

enum { MOST_SOURCES = 12 };

/* Which .cl files a unit is made of, in order. */
static const struct {
    const char *name, *files[MOST_SOURCES];
} units[AC_CL_UNIT_COUNT] = {
    [AC_CL_UNIT_WITNESS] = {"witness", {"common", "dot", "pairs", "witness"}},
    [AC_CL_UNIT_WITNESS_SUBGROUP] = {"witness_subgroup", {"common", "subgroup", "witness_subgroup"}},
    [AC_CL_UNIT_ROWS] = {"rows",
                         {"common", "subgroup", "rms_norm", "quantize", "add", "glu", "gather", "argmax",
                          "rope", "repack", "fused_rows"}},
    [AC_CL_UNIT_KV] = {"kv",
                       {"common", "subgroup", "rms_norm", "quantize", "rope", "kv", "kv_store", "attention",
                        "fused_rows", "fused_kv"}},
    [AC_CL_UNIT_ITEM] = {"item", {"common", "pairs", "blocks", "embed", "matmul_item"}},
    [AC_CL_UNIT_PANEL] = {"panel", {"common", "pairs", "blocks", "matmul_panel"}},
    [AC_CL_UNIT_GROUP] = {"group", {"common", "subgroup", "dot", "blocks", "embed", "matmul_group"}},
    [AC_CL_UNIT_TILE] = {"tile", {"common", "dot", "blocks", "matmul_tile"}},
};

bool ac__cl_unit_exchanges(ac_cl_unit unit) {
    return !strcmp(units[unit].files[1], "subgroup");
}

static const char *source_text(const char *name) {
    for (const ac_cl_source *s = ac__cl_sources; s->name; s++)
        if (!strcmp(s->name, name)) return s->text;
    return "#error \"a source is missing\"\n";
}

static cl_uint unit_texts(ac_cl_unit unit, const char *texts[MOST_SOURCES]) {
    cl_uint n = 0;
    while (n < MOST_SOURCES && units[unit].files[n]) {
        texts[n] = source_text(units[unit].files[n]);
        n++;
    }
    return n;
}

static ac_cl_key key_of(const ac_dev *dev, ac_cl_unit unit, const char *options) {
    const char *texts[MOST_SOURCES + 8];
    cl_uint n = unit_texts(unit, texts);
    texts[n++] = options;
    texts[n++] = dev->caps.name;
    texts[n++] = dev->caps.driver;
    texts[n++] = dev->caps.platform;
    return ac__cl_cache_key(texts, n);
}

/* ---- Building
 * ---------------------------------------------------------------------------------------------------- */

/* The first lines of the log that say anything, on one line. */
static ac_status build_failed(const ac_dev *dev, cl_program program, const char *name, const char *options,
                              cl_int rc, ac_error *err) {
    size_t n = 0;
    char text[320] = "no log", *log = NULL;
    ac__cl.GetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    if (n > 1 && n < (1u << 26)) log = calloc(1, n + 1);
    if (log &&
        ac__cl.GetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, n, log, NULL) == CL_SUCCESS) {
        char *from = strstr(log, "error");
        while (from && from > log && from[-1] != '\n') from--;
        snprintf(text, sizeof text, "%s", from ? from : log);
        for (char *p = text; *p; p++)
            if (*p == '\n' || *p == '\r') *p = ' ';
    }
    free(log);
    return ac_fail(err, AC_ERR_BUILD, "OpenCL program %s (%s) on %s: %s: %s", name, options, dev->caps.name,
                   ac__cl_error_name(rc), text);
}

static ac_status build_source(ac_dev *dev, ac_cl_unit unit, const char *options, cl_program *out,
                              ac_error *err) {
    const char *texts[MOST_SOURCES];
    cl_int rc;
    cl_uint n = unit_texts(unit, texts);
    cl_program program = ac__cl.CreateProgramWithSource(dev->context, n, texts, NULL, &rc);
    if (!program) return ac__cl_fail(err, rc, "program");
    rc = ac__cl.BuildProgram(program, 1, &dev->id, options, NULL, NULL);
    if (rc != CL_SUCCESS) {
        ac_status status = build_failed(dev, program, units[unit].name, options, rc, err);
        ac__cl.ReleaseProgram(program);
        return status;
    }
    *out = program;
    return AC_OK;
}

static cl_program build_binary(ac_dev *dev, const unsigned char *binary, size_t bytes, const char *options) {
    cl_int rc, state = CL_SUCCESS;
    cl_program program =
        ac__cl.CreateProgramWithBinary(dev->context, 1, &dev->id, &bytes, &binary, &state, &rc);
    if (!program) return NULL;
    if (rc == CL_SUCCESS && state == CL_SUCCESS &&
        ac__cl.BuildProgram(program, 1, &dev->id, options, NULL, NULL) == CL_SUCCESS)
        return program;
    ac__cl.ReleaseProgram(program);
    return NULL;
}

/* False when the cache folder cannot be written; a program without a binary is not an error. */
static bool store_binary(ac_dev *dev, cl_program program, ac_cl_key key) {
    size_t bytes = 0;
    bool stored = true;
    if (ac__cl.GetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS ||
        bytes == 0)
        return true;
    unsigned char *binary = malloc(bytes);
    if (binary &&
        ac__cl.GetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        stored = ac__cl_cache_write(dev->cache_dir, key, binary, bytes);
    free(binary);
    return stored;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One program being made; threads share nothing but the device's constant parts. */
typedef struct job {
    ac_dev *dev;
    ac_cl_built *built;
    ac_error err;
    ac_status status;
    bool cached, found, stored;
    double seconds;
} job;

static void make_program(job *j) {
    ac_dev *dev = j->dev;
    ac_cl_built *b = j->built;
    double start = now();
    ac_cl_key key;
    size_t bytes;
    /* probes of the compiler as it is set up now are worth nothing when it was asked another day */
    bool probe = b->unit == AC_CL_UNIT_WITNESS || b->unit == AC_CL_UNIT_WITNESS_SUBGROUP;
    j->cached = dev->cache_dir && dev->features.cache && !probe;
    j->stored = true;
    if (j->cached) {
        key = key_of(dev, b->unit, b->options);
        unsigned char *binary = ac__cl_cache_read(dev->cache_dir, key, &bytes);
        if (binary) b->program = build_binary(dev, binary, bytes, b->options);
        free(binary);
    }
    j->found = b->program != NULL;
    j->status = j->found ? AC_OK : build_source(dev, b->unit, b->options, &b->program, &j->err);
    if (j->status == AC_OK && !j->found && j->cached) j->stored = store_binary(dev, b->program, key);
    j->seconds = now() - start;
}

/* Takes over the program of a finished job, or says why there is none. */
static ac_status finish_job(job *j, ac_error *err) {
    ac_cl_built *b = j->built;
    if (j->status != AC_OK) {
        free(b);
        if (err) *err = j->err;
        return j->status;
    }
    b->next = j->dev->programs;
    j->dev->programs = b;
    if (!j->stored && !j->dev->cache_told)
        ac__cl_log(j->dev, 1, "OpenCL: the cache folder %s cannot be written", j->dev->cache_dir);
    j->dev->cache_told = j->dev->cache_told || !j->stored;
    ac__cl_log(j->dev, 3, "OpenCL: program %s (%s) %s in %.3f s", units[b->unit].name, b->options,
               j->found ? "from the cache" : "built", j->seconds);
    return AC_OK;
}

static ac_cl_built *find_program(const ac_dev *dev, ac_cl_unit unit, const char *options) {
    ac_cl_built *b = dev->programs;
    while (b && (b->unit != unit || strcmp(b->options, options) != 0)) b = b->next;
    return b;
}

/* Starts a job, unless the program is there: then *out has no `built`. */
static ac_status new_job(ac_dev *dev, ac_cl_unit unit, const char *options, job *out, ac_cl_built **there,
                         ac_error *err) {
    char all[sizeof((ac_cl_built *)0)->options];
    int n = snprintf(all, sizeof all, "%s -DWG=%u%s%s%s%s", dev->options, dev->tuning.row_group,
                     dev->tuning.use_group ? " -DSPREAD" : "",
                     ac__cl_unit_exchanges(unit) ? dev->subgroup_options : "", *options ? " " : "", options);
    *out = (job){.dev = dev};
    if (n < 0 || (size_t)n >= sizeof all) return ac_fail(err, AC_ERR_INTERNAL, "OpenCL options too long");
    if ((*there = find_program(dev, unit, all))) return AC_OK;
    out->built = calloc(1, sizeof *out->built);
    if (!out->built) return ac_fail(err, AC_ERR_MEMORY, "OpenCL program");
    out->built->unit = unit;
    memcpy(out->built->options, all, sizeof all);
    return AC_OK;
}

ac_status ac__cl_program(ac_dev *dev, ac_cl_unit unit, const char *options, cl_program *out, ac_error *err) {
    job j;
    ac_cl_built *b;
    *out = NULL;
    AC_TRY(new_job(dev, unit, options, &j, &b, err));
    if (!b) {
        make_program(&j);
        b = j.built;
        AC_TRY(finish_job(&j, err));
    }
    *out = b->program;
    return AC_OK;
}

/* ---- Several at once
 * --------------------------------------------------------------------------------------------- */

typedef struct queue {
    job *jobs;
    uint32_t n;
    atomic_uint next;
} queue;

static void *work(void *p) {
    queue *q = p;
    for (uint32_t i; (i = atomic_fetch_add(&q->next, 1)) < q->n;) make_program(&q->jobs[i]);
    return NULL;
}

ac_status ac__cl_programs_make(ac_dev *dev, const ac_cl_want *wants, uint32_t n, ac_error *err) {
    enum { THREADS = 16 };
    pthread_t threads[THREADS];
    queue q = {.jobs = calloc(n ? n : 1, sizeof *q.jobs)};
    ac_status status = q.jobs ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "OpenCL programs");
    for (uint32_t i = 0; i < n && status == AC_OK; i++) {
        ac_cl_built *there;
        status = new_job(dev, wants[i].unit, wants[i].options, &q.jobs[q.n], &there, err);
        if (status == AC_OK && !there) q.n++;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (dev->caps.quirks.one_compiler) cores = 1;
    uint32_t started = 0, most = cores < 1 ? 1 : cores > THREADS ? THREADS : (uint32_t)cores;
    for (; status == AC_OK && started + 1 < q.n && started + 1 < most; started++)
        if (pthread_create(&threads[started], NULL, work, &q) != 0) break;
    if (status == AC_OK) work(&q);
    for (uint32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < q.n; i++) {
        if (status != AC_OK && !q.jobs[i].built->program) {
            free(q.jobs[i].built);
            continue;
        }
        ac_status one = finish_job(&q.jobs[i], status == AC_OK ? err : NULL);
        if (status == AC_OK) status = one;
    }
    free(q.jobs);
    return status;
}

ac_status ac__cl_kernel(ac_dev *dev, ac_cl_unit unit, const char *options, const char *name, cl_kernel *out,
                        ac_error *err) {
    cl_program program;
    cl_int rc;
    *out = NULL;
    AC_TRY(ac__cl_program(dev, unit, options, &program, err));
    *out = ac__cl.CreateKernel(program, name, &rc);
    return *out ? AC_OK : ac__cl_fail(err, rc, name);
}

void ac__cl_programs_release(ac_dev *dev) {
    while (dev->programs) {
        ac_cl_built *next = dev->programs->next;
        ac__cl.ReleaseProgram(dev->programs->program);
        free(dev->programs);
        dev->programs = next;
    }
}
