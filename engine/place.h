/* place.h - which layers go to which device, and bringing them there. */
#ifndef AC_PLACE_H
#define AC_PLACE_H

#include "model.h"

/* Opens the devices of settings->device, shares the layers out and loads their weights. AC_ERR_ARGUMENT,
 * AC_ERR_DEVICE_MEMORY with the numbers, and what backends return. What was opened is the model's in every
 * case. */
ac_status ac__place(ac_model *m, const ac_model_settings *settings, ac_error *err);

/* settings->cache_dir, or $XDG_CACHE_HOME/anychip, or ~/.cache/anychip; "" when there is none. */
void ac__cache_dir(const char *given, char *out, size_t cap);

#endif
