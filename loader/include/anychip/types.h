/* anychip/types.h - weight types of a model file, and the activation forms that go with them. */
#ifndef ANYCHIP_TYPES_H
#define ANYCHIP_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <anychip/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Dense numbering (0 .. AC_TYPE_COUNT-1) for tables; the number in a GGUF file is ac_type_info.gguf_id. */
typedef enum ac_type {
#define X(name, lower, id, elems, bytes, form) AC_TYPE_##name,
#include <anychip/types.def>
#undef X
    AC_TYPE_COUNT
} ac_type;

/* How a row of activations is held for a matrix product; layouts in backend.h, arithmetic in
 * docs/numerics.md. */
typedef enum ac_form { AC_FORM_F32, AC_FORM_A32, AC_FORM_A256, AC_FORM_COUNT } ac_form;

typedef struct ac_type_info {
    const char *name;     /* GGUF's name in lower case, "q4_k" */
    uint32_t gguf_id;     /* number in the file */
    uint32_t block_elems; /* elements per block */
    uint32_t block_bytes; /* bytes per block */
    ac_form form;         /* activation form of a product with this type */
} ac_type_info;

/* The description of a type; NULL when `type` is out of range. Thread-safe. */
AC_API const ac_type_info *ac_type_describe(ac_type type);

/* The type with this GGUF number; AC_TYPE_COUNT when there is none. Thread-safe. */
AC_API ac_type ac_type_from_gguf(uint32_t gguf_id);

/* The type with this name, in any case ("Q4_K", "q4_k"); AC_TYPE_COUNT when there is none. Thread-safe. */
AC_API ac_type ac_type_from_name(const char *name);

/* Bytes of one row of `cols` elements. `cols` must be a multiple of the block's elements. */
AC_API size_t ac_type_row_bytes(ac_type type, size_t cols);

#ifdef __cplusplus
}
#endif
#endif
