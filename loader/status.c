/* status.c - texts of the statuses, and the one way to fail. */
#include <anychip/status.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

const char *ac_status_text(ac_status status) {
    switch (status) {
#define X(name, number, text)                                                                                \
    case AC_##name:                                                                                          \
        return text;
        AC_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

const char *ac_status_name(ac_status status) {
    switch (status) {
#define X(name, number, text)                                                                                \
    case AC_##name:                                                                                          \
        return "AC_" #name;
        AC_STATUS_MAP(X)
#undef X
    }
    return "AC_UNKNOWN";
}

/* Length of the UTF-8 character at s, 0 when there is none (stray, overlong, surrogate, cut off). */
static int utf8_length(const unsigned char *s) {
    static const struct {
        unsigned char lead_from, lead_to, second_from, second_to, length;
    } forms[] = {
        {0x20, 0x7e, 0, 0xff, 1},    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (s[0] < forms[i].lead_from || s[0] > forms[i].lead_to) continue;
        if (forms[i].length > 1 && (s[1] < forms[i].second_from || s[1] > forms[i].second_to)) return 0;
        for (int k = 2; k < forms[i].length; k++)
            if (s[k] < 0x80 || s[k] > 0xbf) return 0;
        return forms[i].length;
    }
    return 0;
}

/* Control bytes could steer a terminal, and names from files need not be UTF-8: both become '?'. C1 controls
 * too. */
static void make_printable(char *text) {
    unsigned char *s = (unsigned char *)text;
    while (*s) {
        int length = utf8_length(s);
        if (length == 2 && s[0] == 0xc2 && s[1] < 0xa0) length = 0;
        if (length == 0)
            *s++ = '?';
        else
            s += length;
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
