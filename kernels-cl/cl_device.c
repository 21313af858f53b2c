/* cl_device.c - what devices there are and what each can do. */
#include "cl_device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ac__cl_log(const ac_dev *dev, int level, const char *format, ...) {
    char line[600];
    if (!dev->log) return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    dev->log(dev->log_user, level, line);
}

/* ---- Capabilities
 * ------------------------------------------------------------------------------------------------ */

static void text_of(cl_device_id id, cl_device_info what, char *out, size_t cap) {
    size_t n = 0;
    char *all = NULL;
    out[0] = 0;
    if (ac__cl.GetDeviceInfo(id, what, 0, NULL, &n) == CL_SUCCESS && n > 0) all = calloc(1, n + 1);
    if (all && ac__cl.GetDeviceInfo(id, what, n, all, NULL) == CL_SUCCESS) snprintf(out, cap, "%s", all);
    free(all);
}

static uint64_t number_of(cl_device_id id, cl_device_info what, size_t bytes) {
    uint64_t v = 0; /* little-endian hosts only: the low bytes are filled */
    return ac__cl.GetDeviceInfo(id, what, bytes, &v, NULL) == CL_SUCCESS ? v : 0;
}

#define UINT_OF(id, what) ((uint32_t)number_of(id, what, sizeof(cl_uint)))
#define BOOL_OF(id, what) (number_of(id, what, sizeof(cl_bool)) != 0)

bool ac__cl_has_extension(cl_device_id id, const char *name) {
    size_t n = 0, length = strlen(name);
    if (ac__cl.GetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &n) != CL_SUCCESS) return false;
    char *all = calloc(1, n + 1);
    bool found = false;
    if (all && ac__cl.GetDeviceInfo(id, CL_DEVICE_EXTENSIONS, n, all, NULL) == CL_SUCCESS)
        for (char *p = strstr(all, name); p && !found; p = strstr(p + 1, name))
            found = (p == all || p[-1] == ' ') && (p[length] == ' ' || p[length] == 0);
    free(all);
    return found;
}

/* Whether bytes packed in words can be multiplied and added by an instruction. */
static bool has_dot(cl_device_id id) {
    if (!ac__cl_has_extension(id, "cl_khr_integer_dot_product")) return false;
    cl_bitfield what = 0;
    ac__cl.GetDeviceInfo(id, CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR, sizeof what, &what, NULL);
    return (what & CL_DEVICE_INTEGER_DOT_PRODUCT_INPUT_4x8BIT_PACKED_KHR) != 0;
}

static const char *kind_of(cl_device_type type) {
    if (type & CL_DEVICE_TYPE_GPU) return "gpu";
    if (type & CL_DEVICE_TYPE_CPU) return "cpu";
    return type & CL_DEVICE_TYPE_ACCELERATOR ? "accelerator" : "other";
}

/* What every kernel takes for granted; the arithmetic is the witness test's business. */
static void refuse(cl_device_id id, ac_cl_caps *c) {
    char profile[32], version[64];
    text_of(id, CL_DEVICE_PROFILE, profile, sizeof profile);
    text_of(id, CL_DEVICE_VERSION, version, sizeof version);
    const char *why = NULL;
    if (c->version < 12)
        why = "it has less than OpenCL 1.2";
    else if (!BOOL_OF(id, CL_DEVICE_AVAILABLE))
        why = "its driver says it is not available";
    else if (!BOOL_OF(id, CL_DEVICE_COMPILER_AVAILABLE))
        why = "it has no compiler";
    else if (strcmp(profile, "FULL_PROFILE") != 0)
        why = "it has the embedded profile only, which need not round to nearest even";
    else if (!BOOL_OF(id, CL_DEVICE_ENDIAN_LITTLE))
        why = "it is big-endian";
    if (why) snprintf(c->refused, sizeof c->refused, "%s (%s)", why, version);
}

void ac__cl_caps_read(cl_platform_id platform, cl_device_id id, ac_cl_caps *c) {
    char driver[64], version[64];
    memset(c, 0, sizeof *c);
    text_of(id, CL_DEVICE_NAME, c->name, sizeof c->name);
    text_of(id, CL_DRIVER_VERSION, driver, sizeof driver);
    text_of(id, CL_DEVICE_VERSION, version, sizeof version);
    uint32_t major = 0, minor = 0;
    if (sscanf(version, "OpenCL %u.%u", &major, &minor) == 2 && major < 100 && minor < 10)
        c->version = major * 10 + minor;
    ac__cl.GetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof c->platform - 1, c->platform, NULL);
    snprintf(c->driver, sizeof c->driver, "%.40s %s", c->platform, driver);
    c->type = number_of(id, CL_DEVICE_TYPE, sizeof(cl_device_type));
    snprintf(c->kind, sizeof c->kind, "%s", kind_of(c->type));
    c->quirks = ac__cl_quirks_of(c->platform);
    c->unified = BOOL_OF(id, CL_DEVICE_HOST_UNIFIED_MEMORY);
    c->local_is_fast = UINT_OF(id, CL_DEVICE_LOCAL_MEM_TYPE) == CL_LOCAL;
    c->dot_khr = has_dot(id);
    c->record = ac__cl_record_there(id);
    ac__cl_subgroup_read(id, c);
    c->memory = number_of(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    c->max_alloc = number_of(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    c->local_bytes = number_of(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    c->units = UINT_OF(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    c->max_group = (uint32_t)number_of(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    size_t sizes[16] = {0};
    if (ac__cl.GetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sizes, sizes, NULL) == CL_SUCCESS &&
        sizes[0] && sizes[0] < c->max_group)
        c->max_group = (uint32_t)sizes[0];
    if (c->max_group == 0) c->max_group = 1;
    c->base_align = UINT_OF(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
    refuse(id, c);
}

/* ---- The mask
 * ---------------------------------------------------------------------------------------------------- */

static bool mask_number(const char *word, const char *name, uint64_t *out) {
    size_t n = strlen(name);
    if (strncmp(word, name, n) != 0 || word[n] != '=') return false;
    char *end;
    if (word[n + 1] < '0' || word[n + 1] > '9') return false;
    unsigned long long v = strtoull(word + n + 1, &end, 10);
    if (*end || v == 0) return false;
    *out = v;
    return true;
}

static bool mask_word(const char *word, ac_cl_features *f, ac_cl_caps *c) {
    uint64_t v;
#define X(name, text)                                                                                        \
    if (!strcmp(word, #name)) return f->name = false, true;
    AC_CL_FEATURES(X)
#undef X
    if (ac__cl_subgroup_word(word, c)) return f->subgroup = true;
    if (mask_number(word, "wg", &v))
        return c->max_group = v < c->max_group ? (uint32_t)v : c->max_group, true;
    if (mask_number(word, "local", &v)) return c->local_bytes = v < c->local_bytes ? v : c->local_bytes, true;
    if (mask_number(word, "alloc", &v)) return c->max_alloc = v < c->max_alloc ? v : c->max_alloc, true;
    if (mask_number(word, "memory", &v)) return c->memory = v < c->memory ? v : c->memory, true;
    return ac__cl_tune_word(word, NULL);
}

ac_status ac__cl_mask(const char *mask, ac_cl_features *f, ac_cl_caps *c, ac_error *err) {
    char word[64];
#define X(name, text) f->name = true;
    AC_CL_FEATURES(X)
#undef X
    f->dot = c->dot_khr || c->quirks.takes_ptx;
    f->pairs = (c->type & CL_DEVICE_TYPE_CPU) && !(c->type & CL_DEVICE_TYPE_GPU); /* Oclgrind says both */
    f->zerocopy = c->unified;
    f->subgroup = c->shuffle != AC_CL_SHUFFLE_NONE;
    f->record = c->record;
    while (mask && *mask) {
        size_t n = strcspn(mask, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), mask);
        if (word[0] && !mask_word(word, f, c))
            return ac_fail(err, AC_ERR_ARGUMENT,
                           "OpenCL mask: \"%s\": want some of "
#define X(name, text) #name ","
                           AC_CL_FEATURES(X)
#undef X
                               "subgroup=NAME,wg=N,local=N,alloc=N,memory=N, or a tuning number",
                           word);
        mask += n + (mask[n] == ',');
    }
    if (c->shuffle && !(c->shuffles & 1u << c->shuffle))
        return ac_fail(err, AC_ERR_UNSUPPORTED, "OpenCL mask: %s has no such shuffles in sub-groups",
                       c->name);
    return AC_OK;
}

/* ---- Memory
 * ------------------------------------------------------------------------------------------------------ */

typedef struct size_text {
    char text[32];
} size_text;

/* A size in words: "1.5 MiB", "58.6 KiB", "4096 bytes". */
static size_text size_of(uint64_t bytes) {
    size_text t;
    if (bytes < 10240)
        snprintf(t.text, sizeof t.text, "%u bytes", (unsigned)bytes);
    else if (bytes < 1u << 20)
        snprintf(t.text, sizeof t.text, "%.1f KiB", (double)bytes / 1024.0);
    else
        snprintf(t.text, sizeof t.text, "%.1f MiB", (double)bytes / 1048576.0);
    return t;
}

ac_status ac__cl_room(const ac_dev *dev, uint64_t bytes, const char *what, ac_error *err) {
    if (bytes <= dev->caps.memory && dev->used <= dev->caps.memory - bytes) return AC_OK;
    return ac_fail(err, AC_ERR_DEVICE_MEMORY, "%s: want %s on %s, which has %s, of these %s in use", what,
                   size_of(bytes).text, dev->caps.name, size_of(dev->caps.memory).text,
                   size_of(dev->used).text);
}

ac_status ac__cl_buffer(ac_dev *dev, cl_mem_flags flags, uint64_t bytes, void *host, const char *what,
                        cl_mem *out, ac_error *err) {
    cl_int rc;
    *out = NULL;
    if (bytes == 0) bytes = 4;
    if (bytes > dev->caps.max_alloc)
        return ac_fail(err, AC_ERR_DEVICE_MEMORY, "%s: want %s in one piece, %s allows %s", what,
                       size_of(bytes).text, dev->caps.name, size_of(dev->caps.max_alloc).text);
    if (!host) AC_TRY(ac__cl_room(dev, bytes, what, err));
    if (!host && dev->caps.quirks.late_alloc) flags |= CL_MEM_ALLOC_HOST_PTR;
    *out = ac__cl.CreateBuffer(dev->context, flags, (size_t)bytes, host, &rc);
    if (!*out) return ac__cl_fail(err, rc, what);
    if (!host) dev->used += bytes;
    return AC_OK;
}

static cl_int put_whole(ac_dev *dev, cl_mem mem, uint64_t at, const void *host, uint64_t bytes,
                        uint64_t all) {
    uint8_t *copy = malloc((size_t)all);
    if (!copy) return CL_OUT_OF_HOST_MEMORY;
    cl_int rc = ac__cl.EnqueueReadBuffer(dev->queue, mem, CL_TRUE, 0, (size_t)all, copy, 0, NULL, NULL);
    memcpy(copy + at, host, (size_t)bytes);
    if (rc == CL_SUCCESS)
        rc = ac__cl.EnqueueWriteBuffer(dev->queue, mem, CL_TRUE, 0, (size_t)all, copy, 0, NULL, NULL);
    free(copy);
    return rc;
}

cl_int ac__cl_put(ac_dev *dev, cl_mem mem, uint64_t at, const void *host, uint64_t bytes, uint64_t all) {
    if (dev->caps.quirks.whole_writes) return put_whole(dev, mem, at, host, bytes, all);
    return ac__cl.EnqueueWriteBuffer(dev->queue, mem, CL_TRUE, (size_t)at, (size_t)bytes, host, 0, NULL,
                                     NULL);
}

cl_int ac__cl_flush(const ac_dev *dev, cl_command_queue q) {
    return dev->caps.quirks.finish_forgets ? CL_SUCCESS : ac__cl.Flush(q);
}

void ac__cl_buffer_release(ac_dev *dev, cl_mem *mem, uint64_t bytes) {
    if (!*mem) return;
    ac__cl.ReleaseMemObject(*mem);
    *mem = NULL;
    dev->used -= bytes == 0 ? 4 : bytes;
}
