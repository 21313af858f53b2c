/* tools.h - what the writers of model files (synth, quantize) share. */
#ifndef AC_TOOLS_H
#define AC_TOOLS_H

#include <anychip/anychip.h>

#include "gguf.h"
#include "gguf_writer.h"

/* ---- mix.c: which tensor gets which type ---- */

typedef enum ac__mix_id {
#define MIX(name, base, number, text) AC__MIX_##name,
#include "mixes.def"
#undef MIX
    AC__MIX_COUNT
} ac__mix_id;

typedef struct ac__mix {
    const char *name;
    ac_type base;
    uint32_t file_type; /* of general.file_type */
    const char *text;
} ac__mix;

extern const ac__mix ac__mixes[AC__MIX_COUNT];

/* The mix with this name in any case, aliases too ("q4_k" is Q4_K_M); AC__MIX_COUNT when there is none. */
ac__mix_id ac__mix_find(const char *name);
/* The same; AC_ERR_ARGUMENT with the names that there are. */
ac_status ac__mix_named(const char *name, ac__mix_id *out, ac_error *err);

/* What the rules look at. */
typedef struct ac__mix_tensor {
    ac_str name;
    uint32_t n_dims;
    const uint64_t *dim;
    ac_type have; /* kept where the rules leave a tensor alone */
    ac_type want; /* the answer */
} ac__mix_tensor;

typedef struct ac__mix_model {
    const char *arch;
    uint32_t layers, heads, kv_heads, experts; /* experts: 0 or 1 = none */
} ac__mix_model;

/* Fills `want` of every tensor; with `pure` every matrix gets the mix's base type. Types that a row's length
 * does not fit are replaced by ones that it does, in the end by F16. AC_ERR_MEMORY. */
ac_status ac__mix_types(ac__mix_id mix, bool pure, const ac__mix_model *m, ac__mix_tensor *t, size_t n,
                        ac_error *err);

/* ---- parallel.c ---- */

/* Runs work(user, i) for every i < n on up to `threads` threads (0: as many as this process may use), in any
 * order, with the default floating-point environment. Fewer threads when the system gives no more. */
void ac__parallel(unsigned threads, size_t n, void (*work)(void *user, size_t i), void *user);

#endif
