/* cl_backend.c - the backend's table, and opening and closing devices. */
#include "cl_device.h"
#include "cl_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct device_list {
    struct {
        cl_platform_id platform;
        cl_device_id id;
    } at[64];
    size_t n;
} device_list;

/* All devices of all platforms in the loader's order. */
static ac_status list_devices(device_list *l, ac_error *err) {
    cl_platform_id platforms[32];
    cl_uint n = 0;
    l->n = 0;
    AC_TRY(ac__cl_api_load(err));
    cl_int rc = ac__cl.GetPlatformIDs(32, platforms, &n);
    if (rc != CL_SUCCESS || n == 0)
        return ac_fail(err, AC_ERR_DEVICE,
                       "libOpenCL.so.1 finds no driver: install one, such as pocl-opencl-icd for the CPU or "
                       "the GPU maker's (%s)",
                       ac__cl_error_name(rc));
    for (cl_uint p = 0; p < n && p < 32; p++) {
        cl_device_id ids[64];
        cl_uint m = 0;
        if (ac__cl.GetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 64, ids, &m) != CL_SUCCESS) continue;
        for (cl_uint i = 0; i < m && i < 64 && l->n < 64; i++) {
            l->at[l->n].platform = platforms[p];
            l->at[l->n++].id = ids[i];
        }
    }
    if (l->n) return AC_OK;
    char name[64] = "";
    ac__cl.GetPlatformInfo(platforms[0], CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    return ac_fail(err, AC_ERR_DEVICE, "OpenCL drivers are installed (%s%s), but none of them has a device",
                   name, n > 1 ? " and others" : "");
}

static void fill_info(const ac_cl_caps *c, const char *detail, uint64_t used, ac_device_info *out) {
    memset(out, 0, sizeof *out);
    memcpy(out->name, c->name, sizeof out->name);
    memcpy(out->driver, c->driver, sizeof out->driver);
    memcpy(out->kind, c->kind, sizeof out->kind);
    snprintf(out->detail, sizeof out->detail, "%s", c->refused[0] ? c->refused : detail);
    out->memory_total = c->memory;
    out->memory_free = used < c->memory ? c->memory - used : 0;
    out->shares_host_memory = c->unified;
    out->usable = c->refused[0] == 0;
}

static ac_status enumerate(ac_device_info *list, size_t cap, size_t *count, ac_error *err) {
    device_list l;
    *count = 0;
    AC_TRY(list_devices(&l, err));
    *count = l.n;
    for (size_t i = 0; list && i < l.n && i < cap; i++) {
        ac_cl_caps c;
        char detail[128];
        ac__cl_caps_read(l.at[i].platform, l.at[i].id, &c);
        snprintf(detail, sizeof detail, "%u compute units, groups of %u, %u KiB local%s%s", c.units,
                 c.max_group, (unsigned)(c.local_bytes / 1024), c.dot_khr ? ", integer dot" : "",
                 c.shuffle ? ", sub-groups" : "");
        fill_info(&c, detail, 0, &list[i]);
    }
    return AC_OK;
}

static void close_device(ac_dev *dev) {
    if (!dev) return;
    ac__cl_programs_release(dev);
    if (dev->profiling) ac__cl.ReleaseCommandQueue(dev->profiling);
    if (dev->queue) ac__cl.ReleaseCommandQueue(dev->queue);
    if (dev->context) ac__cl.ReleaseContext(dev->context);
    free(dev->cache_dir);
    free(dev);
}

static void set_options(ac_dev *dev) {
    bool khr = dev->features.dot && dev->caps.dot_khr,
         ptx = dev->features.dot && !khr && dev->caps.quirks.takes_ptx;
    bool newer = dev->features.subgroup && dev->caps.shuffle == AC_CL_SHUFFLE_KHR;
    const char *version = newer && dev->caps.version < 30 ? "2.0" : khr || newer ? "3.0" : "1.2";
    snprintf(dev->options, sizeof dev->options, "-cl-std=CL%s%s%s%s%s%s", version, khr ? " -DDOT_KHR" : "",
             ptx ? " -DDOT_PTX" : "", dev->guarded ? " -DGUARD_PTX" : "",
             dev->features.pairs ? " -DPAIRS_X86" : "", dev->caps.quirks.late_out ? "" : " -DEARLY_OUT");
}

/* The witness test; instructions that do not build are done without, and contracted products are guarded
 * where that is known to help. */
static ac_status test(ac_dev *dev, ac_error *err) {
    set_options(dev);
    ac_status status = ac__cl_witness(dev, err);
    if (dev->features.pairs && (status == AC_ERR_BUILD || status == AC_ERR_WITNESS)) {
        ac__cl_log(dev, 2, "%s: without multiply-adds by name: %s", dev->caps.name, err->detail);
        dev->features.pairs = false;
        set_options(dev);
        status = ac__cl_witness(dev, err);
    }
    if (status == AC_ERR_BUILD && dev->features.dot) {
        ac__cl_log(dev, 1, "%s: without integer dot product: %s", dev->caps.name, err->detail);
        dev->features.dot = false;
        set_options(dev);
        status = ac__cl_witness(dev, err);
    }
    if (status == AC_ERR_WITNESS && dev->caps.quirks.takes_ptx) {
        ac__cl_log(dev, 1, "%s: products are guarded: %s", dev->caps.name, err->detail);
        dev->guarded = true;
        set_options(dev);
        status = ac__cl_witness(dev, err);
    }
    if (status == AC_OK) ac__cl_subgroup_test(dev);
    return status;
}

static ac_status start(ac_dev *dev, const ac_open_settings *how, ac_error *err) {
    cl_int rc;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)dev->platform, 0};
    dev->log = how->log;
    dev->log_user = how->log_user;
    if (how->cache_dir && how->cache_dir[0] && !(dev->cache_dir = strdup(how->cache_dir)))
        return ac_fail(err, AC_ERR_MEMORY, "OpenCL device");
    ac__cl_caps_read(dev->platform, dev->id, &dev->caps);
    if (dev->caps.refused[0] && !how->force)
        return ac_fail(err, AC_ERR_DEVICE, "%s: %s", dev->caps.name, dev->caps.refused);
    AC_TRY(ac__cl_mask(how->mask, &dev->features, &dev->caps, err));
    if (!ac__cl_record_load(dev->platform, &dev->record)) dev->features.record = false;
    ac__cl_tune(dev, how);
    dev->context = ac__cl.CreateContext(properties, 1, &dev->id, NULL, NULL, &rc);
    if (!dev->context) return ac__cl_fail(err, rc, "context");
    dev->queue = ac__cl.CreateCommandQueue(dev->context, dev->id, 0, &rc);
    if (!dev->queue) return ac__cl_fail(err, rc, "command queue");
    ac_error why = {0};
    ac_status status = test(dev, &why);
    if (status == AC_ERR_WITNESS && how->force) {
        ac__cl_log(dev, 1, "%s: %s; used all the same, because forced", dev->caps.name, why.detail);
        dev->features.cache = false; /* such programs are nobody else's */
        return AC_OK;
    }
    return status == AC_OK ? AC_OK : ac_fail(err, status, "%s: %s", dev->caps.name, why.detail);
}

static ac_status open_device(const ac_open_settings *how, ac_dev **out, ac_error *err) {
    device_list l;
    *out = NULL;
    AC_TRY(list_devices(&l, err));
    if (how->index >= l.n)
        return ac_fail(err, AC_ERR_DEVICE, "cl:%u: there are %u OpenCL devices", how->index, (unsigned)l.n);
    ac_dev *dev = calloc(1, sizeof *dev);
    if (!dev) return ac_fail(err, AC_ERR_MEMORY, "OpenCL device");
    dev->platform = l.at[how->index].platform;
    dev->id = l.at[how->index].id;
    ac_status status = start(dev, how, err);
    if (status != AC_OK) {
        close_device(dev);
        return status;
    }
    *out = dev;
    return AC_OK;
}

static void describe(ac_dev *dev, ac_device_info *out) {
    char detail[256], subgroups[32] = "";
    const ac_cl_features *f = &dev->features;
    if (dev->tuning.subgroup_size)
        snprintf(subgroups, sizeof subgroups, ", sub-groups of %u", dev->tuning.subgroup_size);
    snprintf(detail, sizeof detail, "%s%s%s%s%s%s; %s",
             dev->tuning.use_group ? "work-group kernels" : "work-item kernels",
             f->dot ? ", integer dot" : "", subgroups,
             f->zerocopy ? ", weights in place" : ", weights uploaded",
             dev->tuning.use_record ? ", recorded launches" : "", dev->guarded ? ", products guarded" : "",
             dev->witness);
    fill_info(&dev->caps, detail, dev->used, out);
}

static const ac_backend backend = {
    .abi = AC_BACKEND_ABI,
    .name = "cl",
    .title = "OpenCL",
    .enumerate = enumerate,
    .open = open_device,
    .close = close_device,
    .describe = describe,
    .load = ac__cl_load,
    .unload = ac__cl_unload,
    .kv_create = ac__cl_kv_create,
    .kv_copy = ac__cl_kv_copy,
    .kv_read = ac__cl_kv_read,
    .kv_write = ac__cl_kv_write,
    .kv_destroy = ac__cl_kv_destroy,
    .prepare = ac__cl_prepare,
    .release = ac__cl_release,
    .prog_bytes = ac__cl_prog_bytes,
    .run = ac__cl_run,
    .wait = ac__cl_wait,
    .write = ac__cl_write,
    .read = ac__cl_read,
    .profile = ac__cl_profile,
    .times = ac__cl_times,
    .tunable = ac__cl_tunable,
};

const ac_backend *ac_backend_cl(uint32_t abi) {
    return abi == AC_BACKEND_ABI ? &backend : NULL;
}
