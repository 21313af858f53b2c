/* rope.h - RoPE tables, computed once on the host (docs/numerics.md, section 6). */
#ifndef AC_ROPE_H
#define AC_ROPE_H

#include "hparams.h"

/* Fills table [positions][rot / 2][2] (cosine, sine) for positions 0 .. positions - 1. Any thread; the same
 * bits on every machine. Sources: RoPE, Su et al. 2021 (arXiv 2104.09864); YaRN, Peng et al. 2023 (arXiv
 * 2309.00071). */
void ac_rope_fill(const ac_rope_params *p, uint32_t positions, float *table);

#endif
