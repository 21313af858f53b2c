/* kv14.h - values as the 14-bit codes of the cache (docs/numerics.md, section 7). */
#ifndef AC_LANES_KV14_H
#define AC_LANES_KV14_H

#include "functions.h"

/* n values as codes of at most 8191, and the scale that gives them back. code has room for a whole vector
 * more. */
static float v_kv14(const float *x, uint32_t n, int16_t *code) {
    float amax = ac_from_bits((uint32_t)v_amax(x, n));
    if (amax < 0x1p-30f) {
        memset(code, 0, n * sizeof *code);
        return 0.0f;
    }
    vf k = vf_all(8191.0f * ac_rcp(amax));
    for (uint32_t i = 0; i < n; i += LANES) {
        vf v = n - i < LANES ? vf_load_some(x + i, n - i) : vf_load(x + i);
        v_store16(code + i, vi_limit(vi_rne(vf_mul(vf_window(v), k)), 8191));
    }
    return amax * ac_from_bits(0x39000400u);
}

#endif
