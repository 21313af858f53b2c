/* unpack.c - each type's block (layout and codes: anychip/blocks.h) in the shape its family shares. */
#include "unpack.h"

#include "functions.h"

/* ---- Blocks of 32 ---------------------------------------------------------------------------- */

static void unpack_q4_0(const uint8_t *p, ref_block32 *out) {
    const ac_block_q4_0 *b = (const void *)p;
    out->d = ac_half(b->d);
    out->m = 0.0f;
    for (unsigned i = 0; i < 32; i++) out->code[i] = (int8_t)((int)ac_code_q4_0(b, i) - 8);
}

static void unpack_q4_1(const uint8_t *p, ref_block32 *out) {
    const ac_block_q4_1 *b = (const void *)p;
    out->d = ac_half(b->d);
    out->m = ac_half(b->m);
    for (unsigned i = 0; i < 32; i++) out->code[i] = (int8_t)ac_code_q4_1(b, i);
}

static void unpack_q5_0(const uint8_t *p, ref_block32 *out) {
    const ac_block_q5_0 *b = (const void *)p;
    out->d = ac_half(b->d);
    out->m = 0.0f;
    for (unsigned i = 0; i < 32; i++) out->code[i] = (int8_t)((int)ac_code_q5_0(b, i) - 16);
}

static void unpack_q5_1(const uint8_t *p, ref_block32 *out) {
    const ac_block_q5_1 *b = (const void *)p;
    out->d = ac_half(b->d);
    out->m = ac_half(b->m);
    for (unsigned i = 0; i < 32; i++) out->code[i] = (int8_t)ac_code_q5_1(b, i);
}

static void unpack_q8_0(const uint8_t *p, ref_block32 *out) {
    const ac_block_q8_0 *b = (const void *)p;
    out->d = ac_half(b->d);
    out->m = 0.0f;
    for (unsigned i = 0; i < 32; i++) out->code[i] = (int8_t)ac_code_q8_0(b, i);
}

static void unpack_iq4_nl(const uint8_t *p, ref_block32 *out) {
    const ac_block_iq4_nl *b = (const void *)p;
    out->d = ac_half(b->d);
    out->m = 0.0f;
    for (unsigned i = 0; i < 32; i++) out->code[i] = ac_table_iq4[ac_code_iq4_nl(b, i)];
}

static void unpack_mxfp4(const uint8_t *p, ref_block32 *out) {
    const ac_block_mxfp4 *b = (const void *)p;
    out->d = ac_mxfp4_scale(b->e);
    out->m = 0.0f;
    for (unsigned i = 0; i < 32; i++) out->code[i] = ac_table_mxfp4[ac_code_mxfp4(b, i)];
}

/* ---- Blocks of 256: scale and minimum of group g of 16; types with 8 of them have each one twice  */

static void unpack_q2_k(const uint8_t *p, ref_block256 *out) {
    const ac_block_q2_k *b = (const void *)p;
    out->d = ac_half(b->d);
    out->dmin = ac_half(b->dmin);
    for (unsigned g = 0; g < 16; g++) {
        out->scale[g] = (int16_t)ac_scale_q2_k(b, g);
        out->min[g] = (int16_t)ac_min_q2_k(b, g);
    }
    for (unsigned i = 0; i < 256; i++) out->code[i] = (int8_t)ac_code_q2_k(b, i);
}

static void unpack_q3_k(const uint8_t *p, ref_block256 *out) {
    const ac_block_q3_k *b = (const void *)p;
    out->d = ac_half(b->d);
    out->dmin = 0.0f;
    for (unsigned g = 0; g < 16; g++) {
        out->scale[g] = (int16_t)((int)ac_scale_q3_k(b, g) - 32);
        out->min[g] = 0;
    }
    for (unsigned i = 0; i < 256; i++) out->code[i] = (int8_t)((int)ac_code_q3_k(b, i) - 4);
}

static void unpack_q4_k(const uint8_t *p, ref_block256 *out) {
    const ac_block_q4_k *b = (const void *)p;
    out->d = ac_half(b->d);
    out->dmin = ac_half(b->dmin);
    for (unsigned g = 0; g < 16; g++) {
        out->scale[g] = (int16_t)ac_scale_q4_k(b, g / 2);
        out->min[g] = (int16_t)ac_min_q4_k(b, g / 2);
    }
    for (unsigned i = 0; i < 256; i++) out->code[i] = (int8_t)ac_code_q4_k(b, i);
}

static void unpack_q5_k(const uint8_t *p, ref_block256 *out) {
    const ac_block_q5_k *b = (const void *)p;
    out->d = ac_half(b->d);
    out->dmin = ac_half(b->dmin);
    for (unsigned g = 0; g < 16; g++) {
        out->scale[g] = (int16_t)ac_scale_q5_k(b, g / 2);
        out->min[g] = (int16_t)ac_min_q5_k(b, g / 2);
    }
    for (unsigned i = 0; i < 256; i++) out->code[i] = (int8_t)ac_code_q5_k(b, i);
}

static void unpack_q6_k(const uint8_t *p, ref_block256 *out) {
    const ac_block_q6_k *b = (const void *)p;
    out->d = ac_half(b->d);
    out->dmin = 0.0f;
    for (unsigned g = 0; g < 16; g++) {
        out->scale[g] = (int16_t)ac_scale_q6_k(b, g);
        out->min[g] = 0;
    }
    for (unsigned i = 0; i < 256; i++) out->code[i] = (int8_t)((int)ac_code_q6_k(b, i) - 32);
}

static void unpack_iq4_xs(const uint8_t *p, ref_block256 *out) {
    const ac_block_iq4_xs *b = (const void *)p;
    out->d = ac_half(b->d);
    out->dmin = 0.0f;
    for (unsigned g = 0; g < 16; g++) {
        out->scale[g] = (int16_t)((int)ac_scale_iq4_xs(b, g / 2) - 32);
        out->min[g] = 0;
    }
    for (unsigned i = 0; i < 256; i++) out->code[i] = ac_table_iq4[ac_code_iq4_xs(b, i)];
}

/* ---- Floats ---------------------------------------------------------------------------------- */

static float element_f32(const uint8_t *p) {
    return ac_window(((const ac_block_f32 *)(const void *)p)->x);
}
static float element_f16(const uint8_t *p) {
    return ac_half(((const ac_block_f16 *)(const void *)p)->x);
}
static float element_bf16(const uint8_t *p) {
    return ac_bf16(((const ac_block_bf16 *)(const void *)p)->x);
}

const ref_type ac__ref_types[AC_TYPE_COUNT] = {
    [AC_TYPE_F32] = {.element = element_f32},
    [AC_TYPE_F16] = {.element = element_f16},
    [AC_TYPE_BF16] = {.element = element_bf16},
    [AC_TYPE_Q4_0] = {.block32 = unpack_q4_0},
    [AC_TYPE_Q4_1] = {.block32 = unpack_q4_1, .mins = true},
    [AC_TYPE_Q5_0] = {.block32 = unpack_q5_0},
    [AC_TYPE_Q5_1] = {.block32 = unpack_q5_1, .mins = true},
    [AC_TYPE_Q8_0] = {.block32 = unpack_q8_0},
    [AC_TYPE_IQ4_NL] = {.block32 = unpack_iq4_nl},
    [AC_TYPE_MXFP4] = {.block32 = unpack_mxfp4},
    [AC_TYPE_Q2_K] = {.block256 = unpack_q2_k, .mins = true},
    [AC_TYPE_Q3_K] = {.block256 = unpack_q3_k},
    [AC_TYPE_Q4_K] = {.block256 = unpack_q4_k, .mins = true},
    [AC_TYPE_Q5_K] = {.block256 = unpack_q5_k, .mins = true},
    [AC_TYPE_Q6_K] = {.block256 = unpack_q6_k},
    [AC_TYPE_IQ4_XS] = {.block256 = unpack_iq4_xs},
};
