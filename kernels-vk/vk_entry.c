/* vk_entry.c - the one symbol of the loadable module. */
#include "vk_entry.h"

AC_API const ac_backend *ac_backend_entry(uint32_t abi);

const ac_backend *ac_backend_entry(uint32_t abi) {
    return ac_backend_vk(abi);
}
