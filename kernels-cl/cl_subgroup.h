/* cl_subgroup.h - exchanges between neighbouring work-items by shuffles (subgroup.cl): whether a device has
 * them, and whether kernels got the sub-groups they count on. */
#ifndef AC_CL_SUBGROUP_H
#define AC_CL_SUBGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cl_api.h"

/* Where shuffles come from. The mask's word is "subgroup=" and the name; emulated: local memory and barriers,
 * to try the kernels where there are no shuffles. X(name, capital letters, size): size: the only one, or 0.
 */
#define AC_CL_SHUFFLES(X)                                                                                    \
    X(khr, KHR, 0)                                                                                           \
    X(ext, EXT, 0) /* cl_intel_subgroups */  \
    X(ptx, PTX, 32)                                                                                          \
    X(gcn, GCN, 0)                                                                                           \
    X(emulated, EMULATED, 0)

typedef enum ac_cl_shuffle {
    AC_CL_SHUFFLE_NONE,
#define X(name, capitals, size) AC_CL_SHUFFLE_##capitals,
    AC_CL_SHUFFLES(X)
#undef X
        AC_CL_SHUFFLE_COUNT
} ac_cl_shuffle;

enum { AC_CL_LEAST_SG = 8, AC_CL_MOST_SG = 32 };

struct ac_dev;
struct ac_cl_caps;

/* Fills caps->shuffle and caps->subgroup_sizes; name, version and quirks are there. */
void ac__cl_subgroup_read(cl_device_id id, struct ac_cl_caps *caps);
/* Whether a word of a mask is "subgroup=<name>"; sets caps->shuffle. */
bool ac__cl_subgroup_word(const char *word, struct ac_cl_caps *caps);
/* The size used when `wanted` is asked for and groups have up to `items`: 0 for none, else 8, 16 or 32. */
uint32_t ac__cl_subgroup_limit(const struct ac_cl_caps *caps, uint32_t wanted, uint32_t items);

/* Sets the options of programs with exchanges, after tuning.subgroup_size. */
void ac__cl_subgroup_options(struct ac_dev *dev);
/* Runs witness_subgroup.cl; what fails loses the variant, or gets a smaller size. */
void ac__cl_subgroup_test(struct ac_dev *dev);
/* The variant is given up, for what `why` says. */
void ac__cl_subgroup_drop(struct ac_dev *dev, const char *why);
/* Items of a sub-group of `kernel` in groups of `items`; 0 when nobody says. */
size_t ac__cl_subgroup_size(const struct ac_dev *dev, cl_kernel kernel, size_t items);
/* Whether sub-groups of `kernel` are a multiple of those that its program was made for. */
bool ac__cl_subgroup_suits(const struct ac_dev *dev, cl_kernel kernel, size_t items);

#endif
