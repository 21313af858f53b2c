/* template.h - chat templates: the subset of Jinja that models' chat templates use, rendered as the
 * transformers library renders it (trim_blocks and lstrip_blocks on, no autoescaping, immutable values, loop
 * controls).
 *
 * Where the subset differs, though what it renders is the same for the templates models have:
 *   - generators (map, select, items ...) are made at once, so an error inside one shows even when nothing
 * reads it;
 *   - a variable given here can be read in an inner block until the template sets one of that name, where
 * Jinja already takes it for undefined when the outer block sets it further down;
 *   - integers have 64 bits: beyond is AC_ERR_UNSUPPORTED, as is all of Jinja that is not here, by name and
 * line.
 *
 * A template comes with a model file and is hostile: steps, depth, memory and output are limited, and nothing
 * but the input below can be reached from it. Rendering needs at most 512 KiB of the caller's stack. */
#ifndef AC_TEMPLATE_H
#define AC_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <anychip/status.h>

/* The same shape as the public ac_chat_message. */
typedef struct ac_template_message {
    const char *role;
    const char *content;
} ac_template_message;

typedef enum ac_template_kind {
    AC_TEMPLATE_NONE,   /* None; `text` is not read */
    AC_TEMPLATE_STRING, /* `text` as it is */
    AC_TEMPLATE_JSON    /* `text` is one JSON value: true, 12, a list of tools ... */
} ac_template_kind;

/* One more variable; also replaces a variable of the same name that the fields below define. */
typedef struct ac_template_var {
    const char *name;
    ac_template_kind kind;
    const char *text;
} ac_template_var;

typedef struct ac_template_input {
    const ac_template_message *messages; /* `messages`, each a mapping with role and content */
    size_t n_messages;
    bool add_generation_prompt;
    const char *bos_token, *eos_token; /* NULL = undefined */
    const struct tm *now;              /* local time for strftime_now; NULL = 1 January 1970 */
    const ac_template_var *vars;       /* `tools` and `documents` are None unless given here */
    size_t n_vars;
} ac_template_input;

enum {
    AC_TEMPLATE_MAX_OUTPUT = 16 << 20, /* bytes of output */
    AC_TEMPLATE_MAX_MEMORY = 256 << 20,
    AC_TEMPLATE_MAX_STEPS = 20000000,
    AC_TEMPLATE_MAX_SOURCE = 4 << 20
};

/* Renders `bytes` bytes of template. *out is NUL-terminated and ac__malloc'ed (loader/alloc.h); NULL on
 * failure. AC_ERR_FORMAT       not a valid template; detail names the line AC_ERR_UNSUPPORTED  a construct
 * outside the subset; detail names it and the line AC_ERR_TEXT         raise_exception (detail ends with its
 * message), or an operation that fails on these values AC_ERR_LIMIT        a limit above, or nesting
 *   AC_ERR_ARGUMENT     a variable's JSON is not valid
 *   AC_ERR_MEMORY
 * Thread-safe. */
ac_status ac_template_render(const char *source, size_t bytes, const ac_template_input *in, char **out,
                             ac_error *err);

#endif
