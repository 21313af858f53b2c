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

#endif
