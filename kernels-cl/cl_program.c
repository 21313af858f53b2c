/* cl_program.c - programs of a device: found in memory, or on disk, or built. */
#include "cl_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
static const struct { const char *name, *files[MOST_SOURCES]; } units[AC_CL_UNIT_COUNT] = {
    [AC_CL_UNIT_WITNESS] = {"witness", {"common", "dot", "witness"}},
    [AC_CL_UNIT_ROWS] = {"rows", {"common", "rms_norm", "quantize", "add", "glu", "gather", "argmax", "rope", "repack", "fused_rows"}},
    [AC_CL_UNIT_KV] = {"kv", {"common", "rms_norm", "quantize", "rope", "kv", "kv_store", "attention", "fused_rows", "fused_kv"}},
    [AC_CL_UNIT_ITEM] = {"item", {"common", "blocks", "embed", "matmul_item"}},
    [AC_CL_UNIT_GROUP] = {"group", {"common", "dot", "blocks", "embed", "matmul_group"}},
    [AC_CL_UNIT_TILE] = {"tile", {"common", "dot", "blocks", "matmul_tile"}},
};

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

/* ---- Building ---------------------------------------------------------------------------------------------------- */

/* The first lines of the log that say anything, on one line. */
static ac_status build_failed(const ac_dev *dev, cl_program program, const char *name, const char *options, cl_int rc, ac_error *err) {
    size_t n = 0;
    char text[320] = "no log", *log = NULL;
    ac__cl.GetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    if (n > 1 && n < (1u << 26)) log = calloc(1, n + 1);
    if (log && ac__cl.GetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, n, log, NULL) == CL_SUCCESS) {
        char *from = strstr(log, "error");
        while (from && from > log && from[-1] != '\n') from--;
        snprintf(text, sizeof text, "%s", from ? from : log);
        for (char *p = text; *p; p++)
            if (*p == '\n' || *p == '\r') *p = ' ';
    }
    free(log);
    return ac_fail(err, AC_ERR_BUILD, "OpenCL program %s (%s) on %s: %s: %s", name, options, dev->caps.name, ac__cl_error_name(rc), text);
}

static ac_status build_source(ac_dev *dev, ac_cl_unit unit, const char *options, cl_program *out, ac_error *err) {
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
    cl_program program = ac__cl.CreateProgramWithBinary(dev->context, 1, &dev->id, &bytes, &binary, &state, &rc);
    if (!program) return NULL;
    if (rc == CL_SUCCESS && state == CL_SUCCESS && ac__cl.BuildProgram(program, 1, &dev->id, options, NULL, NULL) == CL_SUCCESS) return program;
    ac__cl.ReleaseProgram(program);
    return NULL;
}

static void store_binary(ac_dev *dev, cl_program program, ac_cl_key key) {
    size_t bytes = 0;
    if (ac__cl.GetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0) return;
    unsigned char *binary = malloc(bytes);
    if (binary && ac__cl.GetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS &&
        !ac__cl_cache_write(dev->cache_dir, key, binary, bytes))
        ac__cl_log(dev, 1, "OpenCL: the cache folder %s cannot be written", dev->cache_dir);
    free(binary);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static ac_status make_program(ac_dev *dev, ac_cl_unit unit, const char *options, cl_program *out, ac_error *err) {
    bool cached = dev->cache_dir && dev->features.cache;
    double start = now();
    ac_cl_key key;
    size_t bytes;
    *out = NULL;
    if (cached) {
        key = key_of(dev, unit, options);
        unsigned char *binary = ac__cl_cache_read(dev->cache_dir, key, &bytes);
        if (binary) *out = build_binary(dev, binary, bytes, options);
        free(binary);
    }
    bool found = *out != NULL;
    if (!found) AC_TRY(build_source(dev, unit, options, out, err));
    if (!found && cached) store_binary(dev, *out, key);
    ac__cl_log(dev, 3, "OpenCL: program %s (%s) %s in %.3f s", units[unit].name, options, found ? "from the cache" : "built", now() - start);
    return AC_OK;
}

ac_status ac__cl_program(ac_dev *dev, ac_cl_unit unit, const char *options, cl_program *out, ac_error *err) {
    char all[sizeof ((ac_cl_built *)0)->options];
    int n = snprintf(all, sizeof all, "%s -DWG=%u%s%s", dev->options, dev->tuning.row_group, *options ? " " : "", options);
    if (n < 0 || (size_t)n >= sizeof all) return ac_fail(err, AC_ERR_INTERNAL, "OpenCL options too long");
    for (ac_cl_built *b = dev->programs; b; b = b->next) {
        if (b->unit == unit && !strcmp(b->options, all)) {
            *out = b->program;
            return AC_OK;
        }
    }
    ac_cl_built *b = calloc(1, sizeof *b);
    if (!b) return ac_fail(err, AC_ERR_MEMORY, "OpenCL program");
    ac_status status = make_program(dev, unit, all, &b->program, err);
    if (status != AC_OK) {
        free(b);
        return status;
    }
    b->unit = unit;
    memcpy(b->options, all, sizeof all);
    b->next = dev->programs;
    dev->programs = b;
    *out = b->program;
    return AC_OK;
}

ac_status ac__cl_kernel(ac_dev *dev, ac_cl_unit unit, const char *options, const char *name, cl_kernel *out, ac_error *err) {
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
