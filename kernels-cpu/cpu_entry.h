/* cpu_entry.h - the door of the CPU backend, which is always linked in. */
#ifndef AC_CPU_ENTRY_H
#define AC_CPU_ENTRY_H

#include <anychip/backend.h>

/* The backend's table, or NULL when it does not speak ABI `abi`. Thread-safe. */
const ac_backend *ac_backend_cpu(uint32_t abi);

#endif
