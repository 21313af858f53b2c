/* cl_quirks.h - the one place that knows makers by name: what their drivers do that no capability tells. */
#ifndef AC_CL_QUIRKS_H
#define AC_CL_QUIRKS_H

#include <stdbool.h>

typedef struct ac_cl_quirks {
    bool takes_ptx;   /* the compiler takes PTX: dp4a, shuffles, and products held to their rounding where the
                         witness test finds that they are not */
    bool shuffle_gcn; /* the compiler is LLVM's for AMD, whose shuffles have no OpenCL name */
    bool late_out;    /* a return before a barrier is miscompiled */
    bool late_alloc;  /* a buffer gets its memory when it is used first, and the process ends when there is
                         none; one that the host could map gets it at once */
    bool finish_forgets; /* clFinish does not wait for what clFlush has sent before */
    bool group_untold;   /* CL_KERNEL_WORK_GROUP_SIZE says less than what kernels with a required size take */
    bool whole_writes;   /* a buffer written in parts counts as not written (a checker, not a chip) */
    bool one_compiler;   /* programs must not be built in several threads */
} ac_cl_quirks;

/* What is known of this platform (CL_PLATFORM_NAME). */
ac_cl_quirks ac__cl_quirks_of(const char *platform);

#endif
