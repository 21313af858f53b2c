/* encode.h - weights from float32 into blocks and back. */
#ifndef AC_ENCODE_H
#define AC_ENCODE_H

#include <anychip/types.h>

/* n elements (a multiple of the type's block), all finite. The same bytes on every machine. Types of 32
 * elements but IQ4_NL are rounded to the nearest code of a scale that the largest element gives; IQ4_NL and
 * the types of 256 elements search for the scales with the least error, large weights counting more. */
void ac__encode(ac_type type, const float *x, size_t n, void *out);

/* The weights as docs/numerics.md reads them, but for float types, which are exact: also beyond its window.
 */
void ac__decode(ac_type type, const void *blocks, size_t n, float *out);

/* ---- encode_min.c, encode_scale.c: one block of 256 (IQ4_NL: 32) ---- */
void ac__encode_q2_k(const float *x, void *out);
void ac__encode_q3_k(const float *x, void *out);
void ac__encode_q4_k(const float *x, void *out);
void ac__encode_q5_k(const float *x, void *out);
void ac__encode_q6_k(const float *x, void *out);
void ac__encode_iq4_xs(const float *x, void *out);
void ac__encode_iq4_nl(const float *x, void *out);

#endif
