/* encode.c - the types without a search, and the way to all of them. */
#include "encode.h"

#include <math.h>

#include "pack.h"

/* The element with the largest magnitude, the first of equals, with its sign. */
static float largest(const float *x) {
    float most = 0;
    for (int i = 0; i < 32; i++)
        if (fabsf(x[i]) > fabsf(most)) most = x[i];
    return most;
}

/* Codes around `middle`, the largest element being -middle. */
static uint16_t around(const float *x, int middle, uint8_t c[32]) {
    float d = largest(x) / (float)-middle, inv = d != 0 ? 1 / d : 0;
    for (int i = 0; i < 32; i++) {
        int v = (int)(x[i] * inv + ((float)middle + 0.5f));
        c[i] = (uint8_t)(v > 2 * middle - 1 ? 2 * middle - 1 : v);
    }
    return ac__to_half(d);
}

/* Codes 0 .. top from the least to the largest element. */
static uint16_t above(const float *x, int top, uint8_t c[32], uint16_t *min) {
    float least = x[0], most = x[0];
    for (int i = 1; i < 32; i++) {
        if (x[i] < least) least = x[i];
        if (x[i] > most) most = x[i];
    }
    float d = (most - least) / (float)top, inv = d != 0 ? 1 / d : 0;
    for (int i = 0; i < 32; i++) {
        int v = (int)((x[i] - least) * inv + 0.5f);
        c[i] = (uint8_t)(v > top ? top : v);
    }
    *min = ac__to_half(least);
    return ac__to_half(d);
}

static void q4_0(const float *x, void *out) {
    ac_block_q4_0 *b = out;
    uint8_t c[32];
    b->d = around(x, 8, c);
    ac__pack_nibbles(b->qs, c);
}

static void q4_1(const float *x, void *out) {
    ac_block_q4_1 *b = out;
    uint8_t c[32];
    uint16_t m;
    b->d = above(x, 15, c, &m);
    b->m = m;
    ac__pack_nibbles(b->qs, c);
}

static void q5_0(const float *x, void *out) {
    ac_block_q5_0 *b = out;
    uint8_t c[32];
    b->d = around(x, 16, c);
    ac__pack_nibbles(b->qs, c);
    ac__pack_high(b->qh, c);
}

static void q5_1(const float *x, void *out) {
    ac_block_q5_1 *b = out;
    uint8_t c[32];
    uint16_t m;
    b->d = above(x, 31, c, &m);
    b->m = m;
    ac__pack_nibbles(b->qs, c);
    ac__pack_high(b->qh, c);
}

static void q8_0(const float *x, void *out) {
    ac_block_q8_0 *b = out;
    float d = fabsf(largest(x)) / 127, inv = d != 0 ? 1 / d : 0;
    for (int i = 0; i < 32; i++) b->qs[i] = (int8_t)roundf(x[i] * inv);
    b->d = ac__to_half(d);
}

/* 2^e with the largest element below 8 of it, 6 being the largest value there is; the nearest value each. */
static void mxfp4(const float *x, void *out) {
    ac_block_mxfp4 *b = out;
    uint8_t c[32];
    uint32_t top = ac_bits(largest(x)) >> 23 & 255u;
    b->e = (uint8_t)(top > 2 ? top - 2 : 0);
    float d = ac_mxfp4_scale(b->e);
    for (int i = 0; i < 32; i++) {
        float least = INFINITY;
        for (unsigned v = 0; v < 16; v++) {
            float e = fabsf((float)ac_table_mxfp4[v] * d - x[i]);
            if (e < least) {
                least = e;
                c[i] = (uint8_t)v;
            }
        }
    }
    ac__pack_nibbles(b->qs, c);
}

typedef void encoder(const float *x, void *out);
static encoder *const encoders[AC_TYPE_COUNT] = {
    [AC_TYPE_Q4_0] = q4_0,
    [AC_TYPE_Q4_1] = q4_1,
    [AC_TYPE_Q5_0] = q5_0,
    [AC_TYPE_Q5_1] = q5_1,
    [AC_TYPE_Q8_0] = q8_0,
    [AC_TYPE_MXFP4] = mxfp4,
    [AC_TYPE_IQ4_NL] = ac__encode_iq4_nl,
    [AC_TYPE_Q2_K] = ac__encode_q2_k,
    [AC_TYPE_Q3_K] = ac__encode_q3_k,
    [AC_TYPE_Q4_K] = ac__encode_q4_k,
    [AC_TYPE_Q5_K] = ac__encode_q5_k,
    [AC_TYPE_Q6_K] = ac__encode_q6_k,
    [AC_TYPE_IQ4_XS] = ac__encode_iq4_xs,
};

static void floats(ac_type type, const float *x, size_t n, void *out) {
    if (type == AC_TYPE_F32) {
        memcpy(out, x, n * sizeof *x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t h = type == AC_TYPE_F16 ? ac__to_half(x[i]) : ac__to_bf16(x[i]);
        memcpy((uint8_t *)out + 2 * i, &h, 2);
    }
}

void ac__encode(ac_type type, const float *x, size_t n, void *out) {
    const ac_type_info *info = ac_type_describe(type);
    float windowed[256];
    uint8_t *to = out;
    if (!encoders[type]) {
        floats(type, x, n, out);
        return;
    }
    for (size_t i = 0; i < n; i += info->block_elems, to += info->block_bytes) {
        for (size_t k = 0; k < info->block_elems; k++) windowed[k] = ac_window(x[i + k]);
        encoders[type](windowed, to);
    }
}
