/* cl_quirks.c - the table of quirks. Every row says where it comes from; the witness test decides whether
 * what it turns on works. */
#include "cl_quirks.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *platform; /* part of its name */
    ac_cl_quirks quirks;
} table[] = {
    /* No cl_khr_integer_dot_product and no char4 pattern that becomes dp4a; PTX ISA 9.7.1 (dp4a, sm_61 and
     * later). PTX lets the assembler fuse mul and add that have no rounding modifier, but never mul.rn (PTX
     * ISA 9.7.3). */
    {"NVIDIA", {.takes_ptx = true}},
    /* cl_khr_subgroups without shuffles; the compiler is clang for amdgcn, which has ds_bpermute by name (its
     * AMDGPUBuiltins document; intel/llvm, libclc/amdgcn-amdhsa/libspirv/misc/sub_group_shuffle.cl does the
     * same). From gfx10 on it stays within 32 lanes, as all exchanges here do. */
    {"AMD Accelerated Parallel Processing", {.shuffle_gcn = true}},
    /* PoCL 3.1, LLVM 15: attention over several pages gave wrong sums when a group returned before its first
     * barrier; the same kernel is right in Oclgrind, and in PoCL without the return. Its pocl_util.c asserts
     * that memory for a buffer was found when the first command with it is enqueued. */
    {"Portable Computing Language", {.late_out = true, .late_alloc = true}},
    /* Mesa 22.3.6: clFinish after clFlush returns at once, since nothing is pending; the host's memory was
     * then read after it had been freed. Later versions keep the last event. CL_KERNEL_WORK_GROUP_SIZE is 32
     * whatever the kernel, reqd_work_group_size(256) included; such groups run and are right. */
    {"rusticl", {.finish_forgets = true, .group_untold = true}},
    /* Oclgrind 21.10: two clBuildProgram at once crash in its compiler; after a write to a part of a buffer,
     * --uninitialized calls the rest of it uninitialised, written or not. */
    {"Oclgrind", {.whole_writes = true, .one_compiler = true}},
};

ac_cl_quirks ac__cl_quirks_of(const char *platform) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strstr(platform, table[i].platform)) return table[i].quirks;
    return (ac_cl_quirks){0};
}
