/* hparams.h - what a model file says of its transformer, checked once. */
#ifndef AC_HPARAMS_H
#define AC_HPARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "gguf.h"

/* How an architecture differs from the others; one row per architecture in hparams.c. */
typedef struct ac_arch {
    const char *name; /* general.architecture */
    bool halves;      /* RoPE pairs (i, i + rot/2) instead of (2i, 2i + 1) */
    bool qk_norm;     /* per-head RMS norm of q and k */
} ac_arch;

typedef enum ac_rope_kind { AC_ROPE_PLAIN, AC_ROPE_LINEAR, AC_ROPE_YARN } ac_rope_kind;

typedef struct ac_rope_params {
    ac_rope_kind kind;
    uint32_t rot;                            /* channels rotated, even */
    double base;                             /* frequency base */
    double factor;                           /* context extension, >= 0.125 (linear, YaRN) */
    double original_context;                 /* YaRN */
    double ext_factor, beta_fast, beta_slow; /* YaRN */
    double attn_factor;                      /* of the table's entries, any kind */
    const uint8_t *divisors; /* float32 [rot/2] of rope_freqs.weight, any alignment, or NULL; checked to be
                                finite and positive */
} ac_rope_params;

typedef struct ac_hparams {
    const ac_arch *arch;
    uint32_t vocab, dim, layers, heads, kv_heads, head_dim, ffn;
    uint32_t context;     /* positions the model was made for */
    uint32_t max_context; /* positions up to which the arithmetic is the model's: its sliding window, else a
                             technical limit */
    bool window;          /* it is the sliding window */
    float eps;
    ac_rope_params rope;
} ac_hparams;

/* Reads and checks the keys of g. AC_ERR_UNSUPPORTED (architecture or feature by name), AC_ERR_FORMAT (key),
 * AC_ERR_LIMIT. */
ac_status ac_hparams_read(const ac_gguf *g, ac_hparams *out, ac_error *err);

#endif
