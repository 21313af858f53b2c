/* cl_tune.h - where a device's tuning file is. */
#ifndef AC_CL_TUNE_H
#define AC_CL_TUNE_H

#include <stdbool.h>
#include <stddef.h>

struct ac_dev;

/* <cache>/cl/tune-<key>.txt with lines "name = value"; key: device and driver. False without a cache folder.
 */
bool ac__cl_tune_path(const struct ac_dev *dev, char *path, size_t cap);

#endif
