/* status.c - texts of the statuses, and the one way to fail. */
#include <anychip/status.h>

#include <stdarg.h>
#include <stdio.h>

const char *ac_status_text(ac_status status) {
    switch (status) {
#define X(name, number, text)                                                                                \
    case AC_##name: return text;
        AC_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

const char *ac_status_name(ac_status status) {
    switch (status) {
#define X(name, number, text)                                                                                \
    case AC_##name: return "AC_" #name;
        AC_STATUS_MAP(X)
#undef X
    }
    return "AC_UNKNOWN";
}

/* Control bytes and DEL could steer a terminal; UTF-8 above ASCII stays. */
static void make_printable(char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20 || c == 0x7f) *s = '?';
    }
}

ac_status ac_fail(ac_error *err, ac_status status, const char *format, ...) {
    if (!err) return status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->detail, sizeof err->detail, format, args);
    va_end(args);
    make_printable(err->detail);
    err->status = status;
    return status;
}
