/* cl_quirks.h - the one place that knows makers by name: what their drivers do that no capability tells. */
#ifndef AC_CL_QUIRKS_H
#define AC_CL_QUIRKS_H

#include <stdbool.h>

typedef struct ac_cl_quirks {
    bool dot_ptx;   /* the compiler takes PTX, and the chip may have dp4a */
    bool guard_ptx; /* the compiler takes PTX, and is held to rounding products where the witness test finds
                       it does not */
    bool late_out;  /* a return before a barrier is miscompiled */
    bool whole_writes; /* a buffer written in parts counts as not written (a checker, not a chip) */
    bool one_compiler; /* programs must not be built in several threads */
} ac_cl_quirks;

/* What is known of this platform (CL_PLATFORM_NAME). */
ac_cl_quirks ac__cl_quirks_of(const char *platform);

#endif
