/* registry.h - which backends there are: the CPU always, others from modules looked up by name. */
#ifndef AC_REGISTRY_H
#define AC_REGISTRY_H

#include <anychip/backend.h>

/* The backend called `name` ("cpu", "cl", ...). Modules are loaded once and stay. AC_ERR_NOT_FOUND says where
 * it was looked for, AC_ERR_ABI. Thread-safe. */
ac_status ac_registry_get(const char *name, const ac_backend **out, ac_error *err);

/* The name of the i-th backend worth listing; NULL past the end. */
const char *ac_registry_name(size_t i);

/* Splits "cl:1" (or "cl", index 0) into a backend name and an index. AC_ERR_ARGUMENT. */
ac_status ac_registry_parse(const char *device, size_t length, char name[16], uint32_t *index, ac_error *err);

/* What ac_model_settings.device_mask says to the devices of backend `name`: its sections without a name and
 * those with this one, separated by commas. AC_ERR_LIMIT when `cap` is too small. */
ac_status ac_registry_mask(const char *mask, const char *name, char *out, size_t cap, ac_error *err);

#endif
