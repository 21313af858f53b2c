/* functions.h - sections 1 and 2 of docs/numerics.md for all lanes; ref/functions.h has them for one number.
 */
#ifndef AC_LANES_FUNCTIONS_H
#define AC_LANES_FUNCTIONS_H

#include <anychip/blocks.h>

#include "ref/functions.h"

#ifndef V_UNROLL
#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 32")
#endif
#endif

INLINE vf vf_const(uint32_t bits) {
    return vf_bits(vi_all((int32_t)bits));
}
INLINE vi vi_magnitude(vf x) {
    return vi_and(vi_bits(x), vi_all(0x7fffffff));
}

INLINE vf vf_window(vf x) {
    vi m = vi_min(vi_magnitude(x), vi_all(AC_BITS_LARGE));
    vi sign = vi_and(vi_bits(x), vi_all((int32_t)0x80000000u));
    return vf_keep(vm_greater(m, vi_all(AC_BITS_SMALL - 1)), vf_bits(vi_or(m, sign)));
}

INLINE vf vf_cut(vf y) {
    return vf_keep(vm_greater(vi_magnitude(y), vi_all(AC_BITS_SMALL - 1)), y);
}

INLINE vf vf_rcp(vf a) {
    vf x = vf_bits(vi_sub(vi_all(0x7EF311C7), vi_bits(a)));
    V_UNROLL for (int i = 0; i < 3; i++) x = vf_mul(x, vf_sub(vf_all(2.0f), vf_mul(a, x)));
    return x;
}

/* x <= 0 */
INLINE vf vf_exp(vf x) {
    static const uint32_t c[6] = {0x3F800000u, 0x3F800000u, 0x3EFFFFFEu,
                                  0x3E2AAA49u, 0x3D2AAC79u, 0x3C091D10u};
    vi t = vi_rne(vf_mul(x, vf_const(0x3FB8AA3Bu)));
    vf f = vf_of(t),
       r = vf_sub(vf_sub(x, vf_mul(f, vf_const(0x3F318000u))), vf_mul(f, vf_const(0xB95E8083u)));
    vf p = vf_const(0x3AB511E8u);
    V_UNROLL for (int k = 5; k >= 0; k--) p = vf_add(vf_mul(p, r), vf_const(c[k]));
    vf y = vf_bits(vi_add(vi_bits(p), vi_sll(t, 23)));
    return vf_choose(vm_less(x, vf_all(-40.0f)), vf_zero(), y);
}

INLINE vf vf_silu(vf x) {
    vf e = vf_exp(vf_bits(vi_or(vi_bits(x), vi_all((int32_t)0x80000000u))));
    vf r = vf_rcp(vf_add(vf_all(1.0f), e));
    return vf_mul(x, vf_mul(vf_choose(vm_less(x, vf_zero()), e, vf_all(1.0f)), r));
}

/* integers limited to +-most */
INLINE vi vi_limit(vi x, int32_t most) {
    return vi_max(vi_min(x, vi_all(most)), vi_all(-most));
}

/* Up to LANES floats, zeros behind them; and back. */
INLINE vf vf_load_some(const void *p, uint32_t n) {
    float x[LANES] = {0};
    memcpy(x, p, n * sizeof *x);
    return vf_load(x);
}
INLINE void vf_store_some(void *p, vf y, uint32_t n) {
    float x[LANES];
    vf_store(x, y);
    memcpy(p, x, n * sizeof *x);
}

/* The largest magnitude of n windowed floats, as bits. */
INLINE int32_t v_amax(const float *x, uint32_t n) {
    vi most = vi_zero();
    uint32_t i = 0;
    for (; i + LANES <= n; i += LANES) most = vi_max(most, vi_magnitude(vf_window(vf_load(x + i))));
    if (i < n) most = vi_max(most, vi_magnitude(vf_window(vf_load_some(x + i, n - i))));
    return vi_most(most);
}

#endif
