/* cl_subgroup.c - sub-groups: where shuffles come from, and checks that they do what kernels count on. */
#include "cl_subgroup.h"

#include <stdio.h>
#include <string.h>

#include "cl_device.h"

static const struct {
    const char *name, *option;
    uint32_t size;
} shuffles[AC_CL_SHUFFLE_COUNT] = {
#define X(name, capitals, size) [AC_CL_SHUFFLE_##capitals] = {#name, " -DSHUFFLE_" #capitals, size},
    AC_CL_SHUFFLES(X)
#undef X
};

/* ---- What there is
 * ----------------------------------------------------------------------------------------------- */

/* All sizes that may be asked for, as bits: they are powers of 2. */
static uint32_t required_sizes(cl_device_id id) {
    size_t sizes[16], bytes = 0;
    uint32_t all = 0;
    if (!ac__cl_has_extension(id, "cl_intel_required_subgroup_size") ||
        ac__cl.GetDeviceInfo(id, CL_DEVICE_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) != CL_SUCCESS)
        return 0;
    for (size_t i = 0; i < bytes / sizeof *sizes && i < 16; i++)
        if (sizes[i] && (sizes[i] & (sizes[i] - 1)) == 0 && sizes[i] <= 1024) all |= (uint32_t)sizes[i];
    return all;
}

void ac__cl_subgroup_read(cl_device_id id, ac_cl_caps *c) {
    bool khr = ac__cl_has_extension(id, "cl_khr_subgroups");
    const bool there[AC_CL_SHUFFLE_COUNT] = {
        [AC_CL_SHUFFLE_KHR] = (c->version >= 30 || (c->version >= 20 && khr)) &&
                              ac__cl_has_extension(id, "cl_khr_subgroup_shuffle"),
        [AC_CL_SHUFFLE_EXT] = ac__cl_has_extension(id, "cl_intel_subgroups"),
        [AC_CL_SHUFFLE_PTX] = c->quirks.takes_ptx,
        [AC_CL_SHUFFLE_GCN] = khr && c->quirks.shuffle_gcn,
    };
    for (int i = AC_CL_SHUFFLE_COUNT - 1; i > 0; i--)
        if (there[i]) c->shuffle = (ac_cl_shuffle)i, c->shuffles |= 1u << i;
    c->shuffles |= 1u << AC_CL_SHUFFLE_EMULATED;
    c->subgroup_sizes = required_sizes(id);
}

bool ac__cl_subgroup_word(const char *word, ac_cl_caps *c) {
    if (strncmp(word, "subgroup=", 9) != 0) return false;
    for (int i = 1; i < AC_CL_SHUFFLE_COUNT; i++)
        if (!strcmp(word + 9, shuffles[i].name)) return c->shuffle = (ac_cl_shuffle)i, true;
    return false;
}

uint32_t ac__cl_subgroup_limit(const ac_cl_caps *c, uint32_t wanted, uint32_t items) {
    uint32_t size = AC_CL_MOST_SG, only = shuffles[c->shuffle].size;
    if (!c->shuffle || wanted < AC_CL_LEAST_SG || items < AC_CL_LEAST_SG) return 0;
    if (only) return items < only ? 0 : only;
    while (size > wanted || size > items) size /= 2;
    if (c->shuffle == AC_CL_SHUFFLE_EMULATED || !c->subgroup_sizes) return size;
    for (uint32_t s = size; s >= AC_CL_LEAST_SG; s /= 2)
        if (c->subgroup_sizes & s) return s;
    return size; /* larger ones may do */
}

void ac__cl_subgroup_options(ac_dev *dev) {
    uint32_t size = dev->tuning.subgroup_size;
    bool forced = dev->caps.shuffle != AC_CL_SHUFFLE_EMULATED && (dev->caps.subgroup_sizes & size);
    dev->subgroup_options[0] = 0;
    if (size)
        snprintf(dev->subgroup_options, sizeof dev->subgroup_options, " -DSG=%u%s%s", size,
                 shuffles[dev->caps.shuffle].option, forced ? " -DSG_FORCED" : "");
}

/* ---- What kernels got
 * -------------------------------------------------------------------------------------------- */

typedef cl_int(CL_API_CALL *info_function)(cl_kernel, cl_device_id, cl_uint, size_t, const void *, size_t,
                                           void *, size_t *);

static info_function info_of(const ac_dev *dev) {
    info_function f = NULL;
    void *p = ac__cl.GetExtensionFunctionAddressForPlatform(dev->platform, "clGetKernelSubGroupInfoKHR");
    memcpy(&f, &p, sizeof f);
    return f || dev->caps.version < 21 ? f : ac__cl_kernel_subgroup_info;
}

size_t ac__cl_subgroup_size(const ac_dev *dev, cl_kernel kernel, size_t items) {
    info_function info = info_of(dev);
    size_t size = 0;
    if (dev->caps.shuffle == AC_CL_SHUFFLE_EMULATED) return dev->tuning.subgroup_size;
    if (info &&
        info(kernel, dev->id, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, sizeof items, &items, sizeof size,
             &size, NULL) == CL_SUCCESS &&
        size)
        return size;
    return shuffles[dev->caps.shuffle].size;
}

bool ac__cl_subgroup_suits(const ac_dev *dev, cl_kernel kernel, size_t items) {
    size_t fixed[3] = {0}, sg = dev->tuning.subgroup_size;
    if (sg == 0 || items < sg) return true;
    cl_int rc = ac__cl.GetKernelWorkGroupInfo(kernel, dev->id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                                              sizeof fixed, fixed, NULL);
    if (rc == CL_SUCCESS && fixed[0] == 0) return true; /* its items work alone */
    size_t size = ac__cl_subgroup_size(dev, kernel, items);
    return size >= sg && size % sg == 0;
}

void ac__cl_subgroup_drop(ac_dev *dev, const char *why) {
    ac__cl_log(dev, 2, "%s: without sub-groups: %s", dev->caps.name, why);
    dev->features.subgroup = false;
    dev->tuning.subgroup_size = 0;
    ac__cl_subgroup_options(dev);
}

void ac__cl_subgroup_test(ac_dev *dev) {
    ac_error why = {0};
    while (dev->tuning.subgroup_size) {
        size_t size = 0;
        ac__cl_subgroup_options(dev);
        if (ac__cl_witness_subgroup(dev, &size, &why) == AC_OK) return;
        uint32_t next = dev->tuning.subgroup_size / 2;
        if (size < AC_CL_LEAST_SG || size > next || shuffles[dev->caps.shuffle].size) break;
        dev->tuning.subgroup_size = next;
    }
    if (dev->tuning.subgroup_size) ac__cl_subgroup_drop(dev, why.detail);
}
