/* exact.c - see exact.h. */
#include "exact.h"

#include <stdint.h>
#include <string.h>

static uint64_t bits_of(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double from_bits(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static const double LN2 = 0.693147180559945309417;

double ac__nearest(double x) {
    return (x + 6755399441055744.0) - 6755399441055744.0;
}

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m - 1) / (m + 1)). */
double ac__log(double x) {
    uint64_t u = bits_of(x);
    int e = (int)(u >> 52) - 1023;
    double m = from_bits((u & 0xfffffffffffffull) | 0x3ff0000000000000ull);
    if (m > 1.41421356237309504880) {
        m = m * 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), q = s * s, sum = 0.0;
    for (int k = 23; k >= 1; k -= 2) sum = sum * q + 1.0 / k;
    return (double)e * LN2 + 2.0 * (s * sum);
}

double ac__exp(double x) {
    double n = ac__nearest(x * 1.44269504088896340736), r = x - n * LN2, sum = 1.0;
    for (int k = 18; k >= 1; k--) sum = 1.0 + sum * (r / k);
    return sum * from_bits((uint64_t)(1023 + (int)n) << 52);
}
