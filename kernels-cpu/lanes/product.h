/* product.h - integer products of a group of codes with the activations of a few tokens. Tokens are counted
 * by a constant everywhere, so that all loops over them unroll. */
#ifndef AC_LANES_PRODUCT_H
#define AC_LANES_PRODUCT_H

#include "pairs.h"
#include "panel.h"
#include "unpack.h"

enum { V_TOKENS = V_TILE };

/* Keeps the compiler from computing sums in another order: it would need more registers than there are. */
#ifndef V_HOLD
#define V_HOLD(x) (void)(x)
#endif

/* x is computed by here. Compilers else gather a chunk's fetches before its work, and of a burst of fetches a
 * core drops what its queue cannot hold. */
#ifdef __aarch64__
#define V_HERE(x) __asm__ volatile("" : "+w"(x))
#else
#define V_HERE(x) __asm__ volatile("" : "+v"(x))
#endif

/* Fetches what group g of a chunk takes of the panel ahead, where a block has `block` bytes for `groups`. */
INLINE void v_fetch(const uint8_t *ahead, uint32_t g, size_t block, size_t groups) {
    size_t bytes = LANES * block / groups;
    V_UNROLL for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(ahead + g * bytes + at, 0, 2);
}

#ifdef V_NEON

#include "dots_neon.h"

#elif defined(VI_DOT8)

/* s[t] += codes times activations, `steps` vectors of 4 codes; q: the first token's, others `stride` apart.
 */
INLINE void v_dots(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits) {
    (void)bits;
    V_UNROLL for (int i = 0; i < steps; i++) {
        vi wi = w[i];
        V_UNROLL for (int t = 0; t < tokens; t++) s[t] = v_dot_step(s[t], wi, q + t * stride, i);
    }
}

/* The same for codes that are not packed. */
INLINE void v_dots_rows(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps,
                        int bits) {
    v_dots(s, w, q, stride, tokens, steps, bits);
}

#else

/* How many vectors of codes may be summed in int16: 2 * 127 * (largest code) * run < 32768. */
INLINE int v_run(int bits) {
    return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1;
}

/* s[t] += times * (codes times activations); times: `scale`, or where there is an f that times the int32 at
 * f + t * stride; both as int16 in both halves of a lane. 8-bit codes are signed: their magnitudes are
 * multiplied with activations that take over their signs. */
INLINE void v_dots_times(vi *s, const vi *w, const uint8_t *q, size_t stride, int tokens, int steps, int bits,
                         vi scale, const void *f) {
    int run = v_run(bits) < steps ? v_run(bits) : steps;
    V_UNROLL for (int at = 0; at < steps; at += run) {
        vi sum[V_TOKENS];
        V_UNROLL for (int i = 0; i < run; i++) {
            vi wi = w[at + i], size = bits == 8 ? vi_abs8(wi) : wi;
            V_UNROLL for (int t = 0; t < tokens; t++) {
                vi x = vi_spread(q + t * stride + 4 * (at + i));
                vi p = vi_maddu8(size, bits == 8 ? vi_sign8(x, wi) : x);
                sum[t] = i ? vi_add16(sum[t], p) : p;
                V_HOLD(sum[t]);
            }
        }
        V_UNROLL for (int t = 0; t < tokens; t++) {
            vi times = f ? vi_mul16(scale, vi_spread((const uint8_t *)f + t * stride)) : scale;
            s[t] = vi_add(s[t], vi_madd16(sum[t], times));
            V_HOLD(s[t]);
        }
    }
}

#endif

#ifndef V_NEON
/* What packing changes in a group's codes */
INLINE void v_arrange(vi w[8]) {
    (void)w;
}
#endif

#ifndef V_PAIR_TOKENS
#define V_PAIR_TOKENS NULL
#endif

#endif
