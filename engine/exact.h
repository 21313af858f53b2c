/* exact.h - logarithm and exponential in float64 with + - x / only, one IEEE rounding each, so that every
 * host computes the same bits; libm's differ. */
#ifndef AC_EXACT_H
#define AC_EXACT_H

/* Nearest integer, ties to even, |x| < 2^51. */
double ac__nearest(double x);

/* ln(x), x normal and > 0; within 1e-15 of |ln x| + 1e-16. */
double ac__log(double x);

/* e^x, |x| < 700; relative error below 1e-14. */
double ac__exp(double x);

#endif
