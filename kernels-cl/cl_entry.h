/* cl_entry.h - the door: the same table as a module (AC_BACKEND_ENTRY) and linked in statically. */
#ifndef AC_CL_ENTRY_H
#define AC_CL_ENTRY_H

#include <anychip/backend.h>

const ac_backend *ac_backend_cl(uint32_t abi);
AC_API const ac_backend *ac_backend_entry(uint32_t abi);

#endif
