/* cl_program.h - the kernels' sources, and programs made of them, from the disk cache when it has them. */
#ifndef AC_CL_PROGRAM_H
#define AC_CL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "cl_api.h"

/* The text of one .cl file, NUL-terminated; the table ends with a NULL name. */
typedef struct ac_cl_source {
    const char *name, *text;
} ac_cl_source;
extern const ac_cl_source ac__cl_sources[];

/* What a program is made of. */
typedef enum ac_cl_unit {
    AC_CL_UNIT_WITNESS, /* probes of the device */
    AC_CL_UNIT_WITNESS_SUBGROUP,
    AC_CL_UNIT_ROWS,    /* operations on rows */
    AC_CL_UNIT_KV,      /* cache and attention; options name the head's size */
    AC_CL_UNIT_ITEM,    /* embed and matmul by work-items; options name the weight type */
    AC_CL_UNIT_PANEL, /* matmul by work-items, for many rows of x */
    AC_CL_UNIT_GROUP,   /* embed and matmul by work-groups, for few rows of x */
    AC_CL_UNIT_TILE,    /* matmul in tiles, for many */
    AC_CL_UNIT_COUNT
} ac_cl_unit;

struct ac_dev;

/* The program of `unit` with these options on `dev`: made before, or from the cache, or built now. It stays
 * the device's. AC_ERR_BUILD carries the first lines of the compiler's log. */
ac_status ac__cl_program(struct ac_dev *dev, ac_cl_unit unit, const char *options, cl_program *out,
                         ac_error *err);

/* A program that will be asked for. */
typedef struct ac_cl_want {
    ac_cl_unit unit;
    char options[256];
} ac_cl_want;

/* Makes `n` programs at once, in several threads: building takes seconds, and compilers use one core. */
ac_status ac__cl_programs_make(struct ac_dev *dev, const ac_cl_want *wants, uint32_t n, ac_error *err);

/* A kernel object of its own, so that its arguments may be set once and kept. */
ac_status ac__cl_kernel(struct ac_dev *dev, ac_cl_unit unit, const char *options, const char *name,
                        cl_kernel *out, ac_error *err);

/* Whether items of the unit's kernels exchange values (subgroup.cl). */
bool ac__cl_unit_exchanges(ac_cl_unit unit);

/* Releases all programs of a device. */
void ac__cl_programs_release(struct ac_dev *dev);

#endif
