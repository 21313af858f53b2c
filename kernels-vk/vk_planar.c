/* vk_planar.c - blocks taken apart on their way to the device (shaders/types.glsl reads both forms): a row
 * holds the first field of all its blocks, then the second, and so on; rows start at multiples of 16 bytes.
 * Fields are in an order that keeps every word aligned. Types whose blocks are multiples of 16 bytes stay as
 * they are. */
#include "vk.h"

#include <string.h>

typedef struct field {
    uint8_t at, size; /* in the file's block */
} field;

static const field fields[AC_TYPE_COUNT][4] = {
    [AC_TYPE_Q4_0] = {{2, 16}, {0, 2}},
    [AC_TYPE_Q4_1] = {{4, 16}, {0, 4}},
    [AC_TYPE_Q5_0] = {{6, 16}, {2, 4}, {0, 2}},
    [AC_TYPE_Q5_1] = {{8, 16}, {4, 4}, {0, 4}},
    [AC_TYPE_Q8_0] = {{2, 32}, {0, 2}},
    [AC_TYPE_IQ4_NL] = {{2, 16}, {0, 2}},
    [AC_TYPE_MXFP4] = {{1, 16}, {0, 1}},
    [AC_TYPE_Q2_K] = {{0, 16}, {16, 64}, {80, 4}},
    [AC_TYPE_Q3_K] = {{0, 32}, {32, 64}, {96, 12}, {108, 2}},
    [AC_TYPE_Q6_K] = {{0, 128}, {128, 64}, {192, 16}, {208, 2}},
    [AC_TYPE_IQ4_XS] = {{8, 128}, {0, 8}},
};

bool vk_planar_type(ac_type type) {
    return fields[type][0].size != 0;
}

uint64_t vk_planar_row_bytes(ac_type type, uint64_t cols) {
    return (ac_type_row_bytes(type, cols) + 15) / 16 * 16;
}

/* Field by field; a size known to the compiler makes each copy a move or two. */
static uint8_t *take(const uint8_t *in, size_t block, uint64_t n, size_t size, uint8_t *out) {
#define TAKE(bytes)                                                                                          \
    case bytes:                                                                                              \
        for (uint64_t b = 0; b < n; b++) memcpy(out + b * bytes, in + b * block, bytes);                     \
        break
    switch (size) {
        TAKE(1);
        TAKE(2);
        TAKE(4);
        TAKE(8);
        TAKE(12);
        TAKE(16);
        TAKE(32);
        TAKE(64);
        TAKE(128);
    }
#undef TAKE
    return out + n * size;
}

void vk_planar_row(ac_type type, const uint8_t *from, uint64_t cols, uint8_t *to) {
    const ac_type_info *info = ac_type_describe(type);
    uint64_t n = cols / info->block_elems;
    uint8_t *out = to;
    for (int f = 0; f < 4 && fields[type][f].size; f++)
        out = take(from + fields[type][f].at, info->block_bytes, n, fields[type][f].size, out);
    memset(out, 0, vk_planar_row_bytes(type, cols) - (uint64_t)(out - to));
}
