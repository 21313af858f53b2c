/* blocks.c - blocks.h against gguf-py: every type's elements from random bytes, bit for bit; and the numbers.
 */
#include <anychip/blocks.h>

#include <math.h>

#include "check.h"
#include "blocks_expected.h"

enum { ELEMS_MAX = 4 * 256 };

/* One weight as embed defines it (docs/numerics.md, section 5), before the cut. */
typedef float (*weight_fn)(const void *block, unsigned i);

#define WEIGHT(type, expr)                                                                                   \
    static float weight_##type(const void *block, unsigned i) {                                              \
        const ac_block_##type *b = block;                                                                    \
        (void)i;                                                                                             \
        return expr;                                                                                         \
    }
#define CODE(type) (float)ac_code_##type(b, i)
#define SCALE(type, per) (float)ac_scale_##type(b, i / (per))
#define MIN(type, per) (float)ac_min_##type(b, i / (per))
#define LESS(type, offset) (float)((int)ac_code_##type(b, i) - (offset))

WEIGHT(f32, ac_window(b->x))
WEIGHT(f16, ac_half(b->x))
WEIGHT(bf16, ac_bf16(b->x))
WEIGHT(q4_0, ac_half(b->d) * LESS(q4_0, 8))
WEIGHT(q4_1, ac_half(b->d) * CODE(q4_1) + ac_half(b->m))
WEIGHT(q5_0, ac_half(b->d) * LESS(q5_0, 16))
WEIGHT(q5_1, ac_half(b->d) * CODE(q5_1) + ac_half(b->m))
WEIGHT(q8_0, ac_half(b->d) * CODE(q8_0))
WEIGHT(iq4_nl, ac_half(b->d) * (float)ac_table_iq4[ac_code_iq4_nl(b, i)])
WEIGHT(mxfp4, ac_mxfp4_scale(b->e) * (float)ac_table_mxfp4[ac_code_mxfp4(b, i)])
WEIGHT(q2_k, (ac_half(b->d) * SCALE(q2_k, 16)) * CODE(q2_k) - ac_half(b->dmin) * MIN(q2_k, 16))
WEIGHT(q3_k, (ac_half(b->d) * (float)((int)ac_scale_q3_k(b, i / 16) - 32)) * LESS(q3_k, 4))
WEIGHT(q4_k, (ac_half(b->d) * SCALE(q4_k, 32)) * CODE(q4_k) - ac_half(b->dmin) * MIN(q4_k, 32))
WEIGHT(q5_k, (ac_half(b->d) * SCALE(q5_k, 32)) * CODE(q5_k) - ac_half(b->dmin) * MIN(q5_k, 32))
WEIGHT(q6_k, (ac_half(b->d) * SCALE(q6_k, 16)) * LESS(q6_k, 32))
WEIGHT(iq4_xs, (ac_half(b->d) * (float)((int)ac_scale_iq4_xs(b, i / 32) - 32)) *
                   (float)ac_table_iq4[ac_code_iq4_xs(b, i)])

#define ROW(type, NAME)                                                                                      \
    [AC_TYPE_##NAME] = {type##_bytes, sizeof type##_bytes, type##_first, type##_folds, weight_##type}

static const struct {
    const uint8_t *bytes;
    size_t n;
    const uint32_t *first;
    const uint64_t *folds;
    weight_fn weight;
} rows[AC_TYPE_COUNT] = {
    ROW(f32, F32),   ROW(f16, F16),       ROW(bf16, BF16),     ROW(q4_0, Q4_0),
    ROW(q4_1, Q4_1), ROW(q5_0, Q5_0),     ROW(q5_1, Q5_1),     ROW(q8_0, Q8_0),
    ROW(q2_k, Q2_K), ROW(q3_k, Q3_K),     ROW(q4_k, Q4_K),     ROW(q5_k, Q5_K),
    ROW(q6_k, Q6_K), ROW(iq4_nl, IQ4_NL), ROW(iq4_xs, IQ4_XS), ROW(mxfp4, MXFP4),
};

/* FNV-1a of 16 floats. */
static uint64_t fold(const uint32_t bits[16]) {
    uint64_t h = 0xCBF29CE484222325ull;
    for (int i = 0; i < 64; i++) h = (h ^ (bits[i / 4] >> (i % 4 * 8) & 0xffu)) * 0x100000001B3ull;
    return h;
}

static void check_type(ac_type t) {
    const ac_type_info *info = ac_type_describe(t);
    CHECK(rows[t].weight, "no row for %s", info->name);
    size_t blocks = rows[t].n / info->block_bytes, elems = blocks * info->block_elems;
    CHECK(blocks * info->block_bytes == rows[t].n && elems <= ELEMS_MAX && elems % 16 == 0, "%s", info->name);
    static uint32_t have[ELEMS_MAX];
    for (size_t i = 0; i < elems; i++) {
        const uint8_t *block = rows[t].bytes + i / info->block_elems * info->block_bytes;
        have[i] = ac_bits(rows[t].weight(block, (unsigned)(i % info->block_elems)) + 0.0f);
    }
    for (int i = 0; i < 16; i++)
        CHECK(have[i] == rows[t].first[i], "%s element %d: want %08x, have %08x", info->name, i,
              rows[t].first[i], have[i]);
    for (size_t i = 0; i < elems; i += 16)
        CHECK(fold(have + i) == rows[t].folds[i / 16], "%s elements %zu to %zu", info->name, i, i + 15);
}

static void check_numbers(void) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        uint32_t m = h & 0x7fff, e = m >> 10;
        double want = e == 31 ? 65504.0 : e ? ldexp(1024 + (m & 1023), (int)e - 25) : ldexp(m, -24);
        float have = ac_half((uint16_t)h);
        CHECK(have == (float)(h >> 15 ? -want : want) && !signbit(have) == !(h >> 15), "half %04x: %a", h,
              have);
    }
    static const struct {
        uint32_t in, window, cut;
    } cases[] = {
        {0x00000000, 0, 0},
        {0x80000000, 0, 0},
        {0x00000001, 0, 0},
        {0x267FFFFF, 0, 0},
        {0xA67FFFFF, 0, 0},
        {0x26800000, 0x26800000, 0x26800000},
        {0xA6800000, 0xA6800000, 0xA6800000},
        {0x3F800000, 0x3F800000, 0x3F800000},
        {0x58800000, 0x58800000, 0x58800000},
        {0x58800001, 0x58800000, 0x58800001},
        {0xD8800001, 0xD8800000, 0xD8800001},
        {0x7F800000, 0x58800000, 0x7F800000},
        {0xFF800000, 0xD8800000, 0xFF800000},
        {0x7FC00000, 0x58800000, 0x7FC00000},
        {0xFFC00001, 0xD8800000, 0xFFC00001},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float x = ac_from_bits(cases[i].in);
        CHECK(ac_bits(ac_window(x)) == cases[i].window, "window of %08x", cases[i].in);
        CHECK(ac_bits(ac_cut(x)) == cases[i].cut, "cut of %08x", cases[i].in);
    }
    for (int e = 0; e < 256; e++) {
        float want = e < 78 ? 0.0f : e > 178 ? 0x1p50f : ldexpf(1.0f, e - 128);
        CHECK(ac_mxfp4_scale((uint8_t)e) == want, "exponent %d", e);
    }
    CHECK(ac_bf16(0x7F80) == 0x1p50f && ac_bf16(0xFFFF) == -0x1p50f && ac_bf16(0xBF80) == -1.0f, "bf16");
}

int main(void) {
    for (unsigned t = 0; t < AC_TYPE_COUNT; t++) check_type((ac_type)t);
    check_numbers();
    return 0;
}
