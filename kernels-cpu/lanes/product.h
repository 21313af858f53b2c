/* product.h - integer products of a group of codes with the activations of a few tokens. Tokens are counted
 * by a constant everywhere, so that all loops over them unroll. */
#ifndef AC_LANES_PRODUCT_H
#define AC_LANES_PRODUCT_H

#include "pairs.h"
#include "panel.h"
#include "unpack.h"

enum { V_TOKENS = V_TILE };

/* Codes of 8 bits and their activations may take two vectors for one (dots16.h). */
#ifdef VI_DOT8
enum { V_WIDE = 1 };
#else
enum { V_WIDE = 2 };
#endif
INLINE int v_wide(int bits) {
    return bits == 8 ? V_WIDE : 1;
}

/* x is computed by here. Compilers else gather a chunk's fetches before its work, and of a burst of fetches a
 * core drops what its queue cannot hold. */
#ifdef __aarch64__
#define V_HERE(x) __asm__ volatile("" : "+w"(x))
#else
#define V_HERE(x) __asm__ volatile("" : "+v"(x))
#endif

/* Activations as the products want them. */
INLINE void v_copy_q(uint8_t *to, const uint8_t *from, uint32_t n, int bits) {
#ifndef VI_DOT8
    if (v_wide(bits) == 2) {
        v_copy_halves16(to, from, n);
        return;
    }
#endif
    (void)bits;
    v_copy(to, from, n);
}

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

#include "dots16.h"

#endif

/* What packing changes in a group's codes */
#ifndef V_NEON
INLINE void v_arrange(vi w[8]) {
    (void)w;
}
#endif

/* The codes of a group as v_group32 and v_group256 want packed ones. */
INLINE void v_put_codes(vi *to, vi code[8], int bits) {
#ifndef VI_DOT8
    if (v_wide(bits) == 2) {
        V_UNROLL for (int i = 0; i < 16; i++) to[i] = v_half16(code[i / 2], i % 2);
        return;
    }
#endif
    (void)bits;
    v_arrange(code);
    V_UNROLL for (int i = 0; i < 8; i++) to[i] = code[i];
}

#ifndef V_PAIR_TOKENS
#define V_PAIR_TOKENS NULL
#endif

#endif
