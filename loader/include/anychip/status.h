/* anychip/status.h - the one list of statuses, and the detail that goes with one.
 *
 * Every function that can fail returns an ac_status (0 or negative) and takes, as its last argument, an
 * optional ac_error that receives the status and a sentence naming the guilty thing (a tensor, a key, a file,
 * a device). Nothing in the library prints, exits or aborts. */
#ifndef ANYCHIP_STATUS_H
#define ANYCHIP_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define AC_API __attribute__((visibility("default")))
#else
#define AC_PRINTF(fmt, args)
#define AC_API
#endif

/* name, number, text. Numbers are pinned: they are part of the ABI. Gaps are left per group. */
#define AC_STATUS_MAP(X)                                                                                     \
    X(OK, 0, "success")                                                                                      \
    X(ERR_ARGUMENT, -1, "invalid argument")                                                                  \
    X(ERR_MEMORY, -2, "out of memory")                                                                       \
    X(ERR_IO, -3, "input or output failed")                                                                  \
    X(ERR_CANCELLED, -4, "cancelled by the caller")                                                          \
    X(ERR_INTERNAL, -5, "internal error")                                                                    \
    X(ERR_FORMAT, -10, "not a valid model file")                                                             \
    X(ERR_UNSUPPORTED, -11, "valid, but not supported")                                                      \
    X(ERR_NOT_FOUND, -12, "not found")                                                                       \
    X(ERR_LIMIT, -13, "a limit was exceeded")                                                                \
    X(ERR_CONTEXT_FULL, -20, "the context is full")                                                          \
    X(ERR_TEXT, -21, "invalid text or token")                                                                \
    X(ERR_DEVICE, -30, "device not available")                                                               \
    X(ERR_DEVICE_MEMORY, -31, "out of device memory")                                                        \
    X(ERR_DEVICE_LOST, -32, "device lost")                                                                   \
    X(ERR_BUILD, -33, "kernel build failed")                                                                 \
    X(ERR_WITNESS, -34, "the device failed its witness test")                                                \
    X(ERR_ABI, -35, "backend has another ABI")

typedef enum ac_status {
#define AC_STATUS_ENUM(name, number, text) AC_##name = number,
    AC_STATUS_MAP(AC_STATUS_ENUM)
#undef AC_STATUS_ENUM
} ac_status;

/* Why a call failed. `detail` is always NUL-terminated, UTF-8, without a final newline. */
typedef struct ac_error {
    ac_status status;
    char detail[508];
} ac_error;

/* The text of a status; never NULL. Thread-safe. */
AC_API const char *ac_status_text(ac_status status);

/* The name of a status, such as "AC_ERR_FORMAT"; never NULL. Thread-safe. */
AC_API const char *ac_status_name(ac_status status);

/* Fills *err (may be NULL) and returns `status`, so that a failing function ends in `return ac_fail(...)`.
 * Non-printable bytes of the formatted text become '?': names come from hostile files. Thread-safe. */
AC_API ac_status ac_fail(ac_error *err, ac_status status, const char *format, ...) AC_PRINTF(3, 4);

/* Leaves the function with the failing status of `expr`. For functions that own nothing yet. */
#define AC_TRY(expr)                                                                                         \
    do {                                                                                                     \
        ac_status ac_try_status = (expr);                                                                    \
        if (ac_try_status != AC_OK) return ac_try_status;                                                    \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
