/* cl_module.c - the one exported symbol of the loadable module. Not in static builds: there every backend has
 * its own name. */
#include "cl_entry.h"

const ac_backend *ac_backend_entry(uint32_t abi) {
    return ac_backend_cl(abi);
}
