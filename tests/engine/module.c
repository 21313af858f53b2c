/* module.c - a backend module of which CMakeLists.txt makes wrong ones: WRONG says what is wrong with it. */
#include <stdlib.h>

#include <anychip/backend.h>

enum { NOTHING, OTHER_ABI, NO_TABLE, OTHER_NAME, NO_NAME, NO_RUN };

/* Stands for every function: a test that looks at the table calls none. */
static void never(void) {
    abort();
}
#define NEVER(function) (__typeof__(((ac_backend *)0)->function))never

static const ac_backend table = {
    .abi = WRONG == OTHER_ABI ? 999 : AC_BACKEND_ABI,
    .name = WRONG == NO_NAME      ? NULL
            : WRONG == OTHER_NAME ? "other"
                                  : "wrong",
    .title = "wrong",
    .enumerate = NEVER(enumerate),
    .open = NEVER(open),
    .close = NEVER(close),
    .describe = NEVER(describe),
    .load = NEVER(load),
    .unload = NEVER(unload),
    .kv_create = NEVER(kv_create),
    .kv_copy = NEVER(kv_copy),
    .kv_read = NEVER(kv_read),
    .kv_write = NEVER(kv_write),
    .kv_destroy = NEVER(kv_destroy),
    .prepare = NEVER(prepare),
    .release = NEVER(release),
    .prog_bytes = NEVER(prog_bytes),
    .run = WRONG == NO_RUN ? NULL : NEVER(run),
    .wait = NEVER(wait),
    .write = NEVER(write),
    .read = NEVER(read),
};

AC_API const ac_backend *ac_backend_entry(uint32_t abi);
const ac_backend *ac_backend_entry(uint32_t abi) {
    (void)abi;
    return WRONG == NO_TABLE ? NULL : &table;
}
