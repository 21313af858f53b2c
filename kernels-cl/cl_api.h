/* cl_api.h - libOpenCL, opened at run time: its functions without the "cl" in front. */
#ifndef AC_CL_API_H
#define AC_CL_API_H

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include <anychip/status.h>

/* All of OpenCL 1.2; what is newer is asked for by name where it is used. */
#define AC_CL_CALLS(X)                                                                                       \
    X(GetPlatformIDs)                                                                                        \
    X(GetPlatformInfo) X(GetDeviceIDs) X(GetDeviceInfo) X(CreateContext) X(ReleaseContext)                   \
        X(CreateCommandQueue) X(ReleaseCommandQueue) X(CreateBuffer) X(ReleaseMemObject)                     \
            X(CreateProgramWithSource) X(CreateProgramWithBinary) X(BuildProgram) X(GetProgramInfo)          \
                X(GetProgramBuildInfo) X(ReleaseProgram) X(CreateKernel) X(ReleaseKernel) X(SetKernelArg)    \
                    X(GetKernelWorkGroupInfo) X(EnqueueNDRangeKernel) X(EnqueueReadBuffer)                   \
                        X(EnqueueWriteBuffer) X(GetExtensionFunctionAddressForPlatform) X(EnqueueCopyBuffer) \
                            X(EnqueueFillBuffer) X(EnqueueMapBuffer) X(EnqueueUnmapMemObject)                \
                                X(WaitForEvents) X(GetEventProfilingInfo) X(ReleaseEvent) X(Flush) X(Finish)

typedef struct ac_cl_api {
#define AC_CL_MEMBER(name) __typeof__(cl##name) *name;
    AC_CL_CALLS(AC_CL_MEMBER)
#undef AC_CL_MEMBER
} ac_cl_api;

/* Filled by ac__cl_api_load. */
extern ac_cl_api ac__cl;
/* OpenCL 2.1's clGetKernelSubGroupInfo, NULL where libOpenCL is older. For devices of that version only. */
extern __typeof__(clGetKernelSubGroupInfo) *ac__cl_kernel_subgroup_info;

/* Opens libOpenCL once. AC_ERR_DEVICE: the detail says what is missing and what brings it, or that a parent
 * of this process has used it, since drivers do not survive a fork. Thread-safe. */
ac_status ac__cl_api_load(ac_error *err);

/* "CL_OUT_OF_RESOURCES"; never NULL. */
const char *ac__cl_error_name(cl_int code);

/* Fills *err for a failed call: `what` says what was tried. Memory and device errors get their own status. */
ac_status ac__cl_fail(ac_error *err, cl_int code, const char *what);

#endif
