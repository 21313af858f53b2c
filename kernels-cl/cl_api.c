/* cl_api.c - opening libOpenCL, and the names of its errors. */
#include "cl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

ac_cl_api ac__cl;
__typeof__(clGetKernelSubGroupInfo) *ac__cl_kernel_subgroup_info;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[400];
static pid_t user;

static const struct {
    const char *name;
    size_t at;
} calls[] = {
#define X(name) {"cl" #name, offsetof(ac_cl_api, name)},
    AC_CL_CALLS(X)
#undef X
};

/* The library stays open: drivers do not survive being unloaded. */
static void load(void) {
    user = getpid();
    void *lib = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!lib) lib = dlopen("libOpenCL.so", RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        snprintf(failure, sizeof failure,
                 "libOpenCL.so.1 is not there: install the loader (Debian, Ubuntu: ocl-icd-libopencl1; "
                 "Fedora: ocl-icd) and a driver, "
                 "such as pocl-opencl-icd for the CPU or the GPU maker's");
        return;
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        void *p = dlsym(lib, calls[i].name);
        if (!p) {
            snprintf(failure, sizeof failure, "libOpenCL.so.1 has no %s: want OpenCL 1.2 or later",
                     calls[i].name);
            return;
        }
        *(void **)(void *)((char *)&ac__cl + calls[i].at) = p;
    }
    *(void **)(void *)&ac__cl_kernel_subgroup_info = dlsym(lib, "clGetKernelSubGroupInfo");
}

ac_status ac__cl_api_load(ac_error *err) {
    pthread_once(&once, load);
    if (failure[0]) return ac_fail(err, AC_ERR_DEVICE, "%s", failure);
    return user == getpid()
               ? AC_OK
               : ac_fail(err, AC_ERR_DEVICE,
                         "process %ld used OpenCL before it made this one, and drivers do not survive a "
                         "fork: a process that has not used it can make any number that do",
                         (long)user);
}

#define ERRORS(X)                                                                                            \
    X(CL_DEVICE_NOT_FOUND)                                                                                   \
    X(CL_DEVICE_NOT_AVAILABLE)                                                                               \
    X(CL_COMPILER_NOT_AVAILABLE) X(CL_MEM_OBJECT_ALLOCATION_FAILURE) X(CL_OUT_OF_RESOURCES)                  \
        X(CL_OUT_OF_HOST_MEMORY) X(CL_BUILD_PROGRAM_FAILURE) X(CL_MAP_FAILURE)                               \
            X(CL_MISALIGNED_SUB_BUFFER_OFFSET) X(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)               \
                X(CL_INVALID_VALUE) X(CL_INVALID_DEVICE) X(CL_INVALID_CONTEXT)                               \
                    X(CL_INVALID_QUEUE_PROPERTIES) X(CL_INVALID_COMMAND_QUEUE) X(CL_INVALID_HOST_PTR)        \
                        X(CL_INVALID_MEM_OBJECT) X(CL_INVALID_BINARY) X(CL_INVALID_BUILD_OPTIONS)            \
                            X(CL_INVALID_PROGRAM) X(CL_INVALID_PROGRAM_EXECUTABLE) X(CL_INVALID_KERNEL_NAME) \
                                X(CL_INVALID_KERNEL_DEFINITION) X(CL_INVALID_KERNEL) X(CL_INVALID_ARG_INDEX) \
                                    X(CL_INVALID_ARG_VALUE) X(CL_INVALID_ARG_SIZE) X(CL_INVALID_KERNEL_ARGS) \
                                        X(CL_INVALID_WORK_DIMENSION) X(CL_INVALID_WORK_GROUP_SIZE)           \
                                            X(CL_INVALID_WORK_ITEM_SIZE) X(CL_INVALID_GLOBAL_OFFSET)         \
                                                X(CL_INVALID_EVENT_WAIT_LIST) X(CL_INVALID_EVENT)            \
                                                    X(CL_INVALID_OPERATION) X(CL_INVALID_BUFFER_SIZE)        \
                                                        X(CL_INVALID_GLOBAL_WORK_SIZE)                       \
                                                            X(CL_INVALID_PROPERTY)                           \
                                                                X(CL_PLATFORM_NOT_FOUND_KHR)

const char *ac__cl_error_name(cl_int code) {
    static const struct {
        cl_int code;
        const char *name;
    } names[] = {
#define X(name) {name, #name},
        ERRORS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return names[i].name;
    return code == CL_SUCCESS ? "CL_SUCCESS" : "an error unknown to OpenCL 1.2";
}

ac_status ac__cl_fail(ac_error *err, cl_int code, const char *what) {
    ac_status status = AC_ERR_DEVICE;
    switch (code) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE: /* fall through */
    case CL_OUT_OF_RESOURCES:
        status = AC_ERR_DEVICE_MEMORY;
        break;
    case CL_OUT_OF_HOST_MEMORY:
        status = AC_ERR_MEMORY;
        break;
    case CL_DEVICE_NOT_AVAILABLE: /* fall through */
    case CL_INVALID_CONTEXT:
    case CL_INVALID_COMMAND_QUEUE:
    case CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST:
        status = AC_ERR_DEVICE_LOST;
        break;
    default:
        break;
    }
    return ac_fail(err, status, "OpenCL: %s: %s (%d)", what, ac__cl_error_name(code), (int)code);
}
