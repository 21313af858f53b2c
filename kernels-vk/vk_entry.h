/* vk_entry.h - the backend's door when it is linked in. */
#ifndef AC_VK_ENTRY_H
#define AC_VK_ENTRY_H

#include <anychip/backend.h>

const ac_backend *ac_backend_vk(uint32_t abi);

#endif
