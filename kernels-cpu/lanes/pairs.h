/* pairs.h - sums of products of int16 pairs. An instruction set may keep what it adds up in another form than
 * a vector (V_PAIRS); the others add to the vector itself. Include a vec_*.h first. */
#ifndef AC_LANES_PAIRS_H
#define AC_LANES_PAIRS_H

/* Keeps the compiler from computing sums in another order: it would need more registers than there are. */
#ifndef V_HOLD
#define V_HOLD(x) (void)(x)
#endif

#ifndef V_PAIRS
typedef vi va;
INLINE va va_zero(void) {
    return vi_zero();
}
/* acc + the products of the int16 pairs of each lane */
INLINE va va_dot16(va acc, vi a, vi b) {
    return vi_dot16(acc, a, b);
}
INLINE vi va_sum(va acc) {
    return acc;
}
#endif

#endif
