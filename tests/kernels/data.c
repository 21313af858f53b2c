/* data.c - the data of the kernel tests, all from splitmix64. docs/porting.md describes it, so that a port
 * can make it without this code. */
#include "harness.h"

#include <anychip/blocks.h>

const char *const kc_data_names[KC_DATA_COUNT] = {"normal", "extreme", "zero", "wild", "bits", "subnormal"};

uint32_t kc_below(uint64_t *random, uint32_t end) {
    return (uint32_t)((check_random(random) >> 32) * end >> 32);
}

/* Sum of four uniform numbers: bell-shaped, exact; one in 64 is 16 times as large. */
static float normal(uint64_t *random) {
    uint64_t r = check_random(random);
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) sum += (int32_t)(r >> (15 * i) & 0x7fff) - 0x4000;
    float x = (float)sum * 0x1p-14f;
    return r >> 60 == 0 && (r >> 58 & 3) == 0 ? x * 16.0f : x;
}

float kc_float(uint64_t *random, kc_data data) {
    uint64_t r;
    switch (data) {
    case KC_EXTREME:
        return check_random(random) & 1 ? 3.5f : -3.5f;
    case KC_ZERO:
        return check_random(random) & 1 ? 0.0f : -0.0f;
    case KC_WILD:
        r = check_random(random);
        return ac_from_bits((uint32_t)(r & 0x807fffffu) | (127 - 60 + (uint32_t)(r >> 32) % 121) << 23);
    case KC_BITS:
        return ac_from_bits((uint32_t)check_random(random));
    case KC_SUBNORMAL:
        r = check_random(random);
        return r >> 62 ? ac_from_bits((uint32_t)r & 0x807fffffu) : normal(random);
    default:
        return normal(random);
    }
}

void kc_floats(uint64_t *random, kc_data data, float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = kc_float(random, data);
}

/* A float16 scale. */
static uint16_t half(uint64_t *random, kc_data data) {
    uint64_t r = check_random(random);
    switch (data) {
    case KC_ZERO:
        return (uint16_t)(r & 0x8000);
    case KC_EXTREME:
        return (uint16_t)(0x7bff | (r & 0x8000));
    case KC_WILD:
    case KC_BITS:
        return (uint16_t)r;
    case KC_SUBNORMAL:
        return (uint16_t)(r & 0x83ff);
    default:
        return (uint16_t)(0x1800 + (r & 0x0fff)); /* 2^-9 to 2^-5 */
    }
}

/* Where the float16 fields of a block lie; -1: none. */
static void half_fields(ac_type type, int at[2]) {
    at[0] = at[1] = -1;
    switch (type) {
    case AC_TYPE_F32:
    case AC_TYPE_BF16:
    case AC_TYPE_MXFP4:
        break;
    case AC_TYPE_Q4_1:
    case AC_TYPE_Q5_1:
    case AC_TYPE_Q4_K:
    case AC_TYPE_Q5_K:
        at[0] = 0, at[1] = 2;
        break;
    case AC_TYPE_Q2_K:
        at[0] = offsetof(ac_block_q2_k, d), at[1] = offsetof(ac_block_q2_k, dmin);
        break;
    case AC_TYPE_Q3_K:
        at[0] = offsetof(ac_block_q3_k, d);
        break;
    case AC_TYPE_Q6_K:
        at[0] = offsetof(ac_block_q6_k, d);
        break;
    default:
        at[0] = 0;
        break;
    }
}

/* One block: codes first (random, or all bits equal), then the scales. */
static void block(uint64_t *random, kc_data data, ac_type type, uint8_t *p) {
    size_t bytes = ac_type_describe(type)->block_bytes;
    uint8_t fill = (check_random(random) & 1) ? 0xff : 0x00;
    int at[2];
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t r = data == KC_EXTREME ? 0 : check_random(random);
        for (size_t k = i; k < i + 8 && k < bytes; k++)
            p[k] = data == KC_EXTREME ? fill : (uint8_t)(r >> (8 * (k - i)));
    }
    if (type == AC_TYPE_F32) {
        float x = kc_float(random, data);
        memcpy(p, &x, sizeof x);
    } else if (type == AC_TYPE_BF16) {
        uint32_t u = ac_bits(kc_float(random, data));
        p[0] = (uint8_t)(u >> 16), p[1] = (uint8_t)(u >> 24);
    } else if (type == AC_TYPE_MXFP4 && data != KC_BITS) {
        p[0] = data == KC_ZERO      ? 0
               : data == KC_EXTREME ? 255
               : data == KC_WILD    ? (uint8_t)(70 + kc_below(random, 116))
                                    : (uint8_t)(118 + kc_below(random, 8));
    }
    half_fields(type, at);
    for (int i = 0; i < 2 && at[i] >= 0; i++) {
        uint16_t h = half(random, type == AC_TYPE_F16 && data == KC_WILD ? KC_BITS : data);
        p[at[i]] = (uint8_t)h, p[at[i] + 1] = (uint8_t)(h >> 8);
    }
}

void kc_blocks(uint64_t *random, kc_data data, ac_type type, uint8_t *p, size_t blocks) {
    size_t bytes = ac_type_describe(type)->block_bytes;
    for (size_t i = 0; i < blocks; i++) block(random, data, type, p + i * bytes);
}

/* A scale of activations: what quantize can produce. */
static float scale(uint64_t *random, kc_data data) {
    uint64_t r = check_random(random);
    uint32_t mantissa = (uint32_t)r & 0x7fffffu, range = (uint32_t)(r >> 32);
    switch (data) {
    case KC_ZERO:
        return 0.0f;
    case KC_EXTREME:
        return 0x1p43f;
    case KC_WILD:
    case KC_BITS:
        return ac_from_bits(mantissa | (127 - 55 + range % 95) << 23);
    case KC_SUBNORMAL:
        return ac_from_bits(mantissa | (127 - 56 + range % 4) << 23);
    default:
        return ac_from_bits(mantissa | (127 - 8 + range % 4) << 23);
    }
}

static int8_t code(uint64_t *random, kc_data data, int sign) {
    if (data == KC_ZERO) return 0;
    if (data == KC_EXTREME) return (int8_t)(sign ? 127 : -127);
    return (int8_t)((int)kc_below(random, 255) - 127);
}

/* Codes, scales, factors and sums that belong together, whatever the codes. Extreme rows have one sign in all
 * of a row, so that sums reach their bounds. */
void kc_activation(uint64_t *random, kc_data data, ac_form form, uint32_t n, uint8_t *row) {
    ac_act_layout lay = ac_act_layout_of(form, n);
    float *d = (float *)(void *)(row + lay.d);
    int16_t *s = (int16_t *)(void *)(row + lay.s);
    int8_t *q = (int8_t *)row;
    int sign = (int)(check_random(random) & 1);
    if (form == AC_FORM_F32) {
        float *x = (float *)(void *)row;
        for (uint32_t i = 0; i < n; i++) x[i] = ac_window(kc_float(random, data));
        return;
    }
    for (uint32_t i = 0; i < n; i++) q[i] = code(random, data, sign);
    uint32_t block_n = form == AC_FORM_A32 ? 32 : 256, sum_n = form == AC_FORM_A32 ? 32 : 16;
    for (uint32_t i = 0; i < n / block_n; i++) d[i] = scale(random, data);
    for (uint32_t i = 0; form == AC_FORM_A256 && i < n / 32; i++)
        row[lay.f + i] = data == KC_EXTREME ? 16 : data == KC_ZERO ? 1 : (uint8_t)(1 + kc_below(random, 16));
    for (uint32_t i = 0; i < n / sum_n; i++) {
        int sum = 0;
        for (uint32_t k = 0; k < sum_n; k++) sum += q[i * sum_n + k];
        s[i] = (int16_t)(form == AC_FORM_A256 ? sum * row[lay.f + i / 2] : sum);
    }
}
