/* types.c - the table of weight types, made from types.def. */
#include <anychip/types.h>

#include <strings.h>

static const ac_type_info infos[AC_TYPE_COUNT] = {
#define X(name, lower, id, elems, bytes, form) [AC_TYPE_##name] = {lower, id, elems, bytes, AC_FORM_##form},
#include <anychip/types.def>
#undef X
};

const ac_type_info *ac_type_describe(ac_type type) {
    return (unsigned)type < AC_TYPE_COUNT ? &infos[type] : NULL;
}

ac_type ac_type_from_gguf(uint32_t gguf_id) {
    for (unsigned t = 0; t < AC_TYPE_COUNT; t++)
        if (infos[t].gguf_id == gguf_id) return (ac_type)t;
    return AC_TYPE_COUNT;
}

ac_type ac_type_from_name(const char *name) {
    for (unsigned t = 0; name && t < AC_TYPE_COUNT; t++)
        if (!strcasecmp(infos[t].name, name)) return (ac_type)t;
    return AC_TYPE_COUNT;
}

size_t ac_type_row_bytes(ac_type type, size_t cols) {
    return cols / infos[type].block_elems * infos[type].block_bytes;
}
