/* synth.h - parts of synth: the shapes and the weights. */
#ifndef AC_SYNTH_H
#define AC_SYNTH_H

#include "tools.h"

typedef struct ac__shape {
    const char *name, *arch;
    uint32_t dim, layers, heads, kv_heads, head_dim, ffn, vocab, context;
    bool tied;
    double rope_base;
    double divisor_factor; /* of llama 3's rope_freqs; 0 = none */
    double eps_millionths;
    const char *text;
} ac__shape;

/* One row of random weights with this root of the mean square; the same bytes for the same seed. */
void ac__synth_row(void *row, ac_type type, uint64_t cols, float size, uint64_t seed);
/* Norm weights and biases: about +- 0.1. */
void ac__synth_vector(float *out, uint64_t n, float about, uint64_t seed);

/* synth_head.c: metadata and a made-up vocabulary. */
void ac__synth_head(ac__writer *w, const ac__shape *s, ac__mix_id mix, uint64_t seed);
/* Llama 3's divisors of the RoPE frequencies, [head_dim / 2]. */
void ac__synth_divisors(const ac__shape *s, float *out);

#endif
