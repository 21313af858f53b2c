/* decode.c - weights as float32 from every type; for tools, where being plain matters more than being fast.
 */
#include "encode.h"

#include <string.h>

#include <anychip/blocks.h>

typedef void decoder(const void *block, float *out);

/* DECODER(name, elements, weight of element i of block b) */
#define DECODER(name, elems, weight)                                                                         \
    static void name(const void *block, float *out) {                                                        \
        const ac_block_##name *b = block;                                                                    \
        for (unsigned i = 0; i < (elems); i++) out[i] = weight;                                              \
    }

DECODER(q4_0, 32, ac_half(b->d) * (float)((int)ac_code_q4_0(b, i) - 8))
DECODER(q4_1, 32, ac_half(b->d) * (float)ac_code_q4_1(b, i) + ac_half(b->m))
DECODER(q5_0, 32, ac_half(b->d) * (float)((int)ac_code_q5_0(b, i) - 16))
DECODER(q5_1, 32, ac_half(b->d) * (float)ac_code_q5_1(b, i) + ac_half(b->m))
DECODER(q8_0, 32, ac_half(b->d) * (float)ac_code_q8_0(b, i))
DECODER(iq4_nl, 32, ac_half(b->d) * (float)ac_table_iq4[ac_code_iq4_nl(b, i)])
DECODER(mxfp4, 32, ac_mxfp4_scale(b->e) * (float)ac_table_mxfp4[ac_code_mxfp4(b, i)])
DECODER(q2_k, 256,
        ac_half(b->d) * (float)ac_scale_q2_k(b, i / 16) * (float)ac_code_q2_k(b, i) -
            ac_half(b->dmin) * (float)ac_min_q2_k(b, i / 16))
DECODER(q3_k, 256,
        ac_half(b->d) * (float)((int)ac_scale_q3_k(b, i / 16) - 32) * (float)((int)ac_code_q3_k(b, i) - 4))
DECODER(q4_k, 256,
        ac_half(b->d) * (float)ac_scale_q4_k(b, i / 32) * (float)ac_code_q4_k(b, i) -
            ac_half(b->dmin) * (float)ac_min_q4_k(b, i / 32))
DECODER(q5_k, 256,
        ac_half(b->d) * (float)ac_scale_q5_k(b, i / 32) * (float)ac_code_q5_k(b, i) -
            ac_half(b->dmin) * (float)ac_min_q5_k(b, i / 32))
DECODER(q6_k, 256, ac_half(b->d) * (float)ac_scale_q6_k(b, i / 16) * (float)((int)ac_code_q6_k(b, i) - 32))
DECODER(iq4_xs, 256,
        ac_half(b->d) * (float)((int)ac_scale_iq4_xs(b, i / 32) - 32) *
            (float)ac_table_iq4[ac_code_iq4_xs(b, i)])

static decoder *const decoders[AC_TYPE_COUNT] = {
    [AC_TYPE_Q4_0] = q4_0,     [AC_TYPE_Q4_1] = q4_1,     [AC_TYPE_Q5_0] = q5_0,   [AC_TYPE_Q5_1] = q5_1,
    [AC_TYPE_Q8_0] = q8_0,     [AC_TYPE_IQ4_NL] = iq4_nl, [AC_TYPE_MXFP4] = mxfp4, [AC_TYPE_Q2_K] = q2_k,
    [AC_TYPE_Q3_K] = q3_k,     [AC_TYPE_Q4_K] = q4_k,     [AC_TYPE_Q5_K] = q5_k,   [AC_TYPE_Q6_K] = q6_k,
    [AC_TYPE_IQ4_XS] = iq4_xs,
};

/* NaN and Inf stay what they are, so that they can be refused. */
static float plain_half(uint16_t h) {
    if ((h & 0x7c00u) == 0x7c00u)
        return ac_from_bits((uint32_t)(h & 0x8000u) << 16 | 0x7f800000u | (uint32_t)(h & 0x3ffu) << 13);
    return ac_half(h);
}

void ac__decode(ac_type type, const void *blocks, size_t n, float *out) {
    const ac_type_info *info = ac_type_describe(type);
    const uint8_t *from = blocks;
    if (decoders[type]) {
        for (size_t i = 0; i < n; i += info->block_elems, from += info->block_bytes)
            decoders[type](from, out + i);
        return;
    }
    if (type == AC_TYPE_F32) {
        memcpy(out, from, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, from + 2 * i, 2);
        out[i] = type == AC_TYPE_F16 ? plain_half(h) : ac_from_bits((uint32_t)h << 16);
    }
}
