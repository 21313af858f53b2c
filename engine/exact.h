/* exact.h - logarithm and exponential in float64 with + - x / only, one IEEE rounding each, so that every
 * host computes the same bits; libm's differ. */
#ifndef AC_EXACT_H
#define AC_EXACT_H

#include <anychip/backend.h>

/* From here to the end of the block floating point is as docs/numerics.md wants it, whatever the host has
 * set; then it is the host's again. */
static inline ac_fpenv ac__fp_entered(void) {
    ac_fpenv saved;
    ac_fp_enter(&saved);
    return saved;
}
#define AC_FP_SCOPE __attribute__((cleanup(ac_fp_leave), unused)) const ac_fpenv fp_scope = ac__fp_entered()

/* Nearest integer, ties to even, |x| < 2^51. */
double ac__nearest(double x);

/* ln(x), x normal and > 0; within 1e-15 of |ln x| + 1e-16. */
double ac__log(double x);

/* e^x, |x| < 700; relative error below 1e-14. */
double ac__exp(double x);

#endif
