/* Weights into blocks and back: how near they come, that nothing odd is too odd, and that the bytes are those
 * of every other machine. */
#include <math.h>
#include <stdbool.h>

#include "check.h"
#include "encode.h"
#include "pack.h"

enum { N = 256 * 256 };

/* About normally distributed: the sum of twelve uniform numbers, exact in float32. */
static float normal(uint64_t *random) {
    int32_t sum = 0;
    for (int i = 0; i < 12; i++) sum += (int32_t)(check_random(random) >> 46) - (1 << 17);
    return (float)sum * 0x1p-18f;
}

static float *numbers(float size) {
    float *x = malloc(N * sizeof *x);
    uint64_t random = 7;
    CHECK(x, "memory");
    for (int i = 0; i < N; i++) x[i] = normal(&random) * size;
    return x;
}

static size_t bytes_of(ac_type t, size_t n) {
    return ac_type_row_bytes(t, n);
}

/* sqrt(sum (x - y)^2 / sum x^2) after a way through blocks. */
static double loss(ac_type t, const float *x, size_t n) {
    uint8_t *blocks = malloc(bytes_of(t, n));
    float *y = malloc(n * sizeof *y);
    double wrong = 0, all = 0;
    CHECK(blocks && y, "memory");
    ac__encode(t, x, n, blocks);
    ac__decode(t, blocks, n, y);
    for (size_t i = 0; i < n; i++) {
        wrong += pow((double)x[i] - (double)y[i], 2);
        all += pow((double)x[i], 2);
    }
    free(blocks);
    free(y);
    return all > 0 ? sqrt(wrong / all) : sqrt(wrong);
}

/* Relative error on normally distributed weights, and a checksum of the blocks. For types that search, the
 * bound is what llama.cpp's quantiser (llama-cpp-python 0.3.36, without importance matrix) has on such
 * weights; the others give its very bytes. */
static const struct {
    double bound;
    uint64_t sum;
} expected[AC_TYPE_COUNT] = {
    [AC_TYPE_F32] = {0, 0x47d35408f308834c},         [AC_TYPE_F16] = {0.0003, 0xa8d7e8365bf72202},
    [AC_TYPE_BF16] = {0.002, 0x71ad2f620bcf7638},    [AC_TYPE_Q4_0] = {0.0861, 0x3f14e5774e5272ef},
    [AC_TYPE_Q4_1] = {0.0784, 0xbaf5e1c2bc0f39fa},   [AC_TYPE_Q5_0] = {0.0428, 0x39ba28f9d426185f},
    [AC_TYPE_Q5_1] = {0.0380, 0x2551ef338483902a},   [AC_TYPE_Q8_0] = {0.00537, 0x5e076974f379b9fa},
    [AC_TYPE_IQ4_NL] = {0.0761, 0x5bcea1ead06117fb}, [AC_TYPE_MXFP4] = {0.1145, 0xb24ecf1c6d1cac8e},
    [AC_TYPE_Q2_K] = {0.2966, 0x642931fefb7aece7},   [AC_TYPE_Q3_K] = {0.1509, 0x2719ccddd1074f97},
    [AC_TYPE_Q4_K] = {0.0713, 0xabbfeb8c9576fb03},   [AC_TYPE_Q5_K] = {0.0361, 0xb83afeab29b84208},
    [AC_TYPE_Q6_K] = {0.0177, 0xbd900ada0b5e072f},   [AC_TYPE_IQ4_XS] = {0.0767, 0xe5e922a6e2b35598},
};

static uint64_t checksum(ac_type t, const float *x) {
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    uint8_t *blocks = malloc(bytes_of(t, N));
    CHECK(blocks, "memory");
    ac__encode(t, x, N, blocks);
    for (size_t i = 0; i < bytes_of(t, N); i++) h = (h ^ blocks[i]) * 1099511628211u;
    free(blocks);
    return h;
}

static void near_and_same(void) {
    float *x = numbers(0.02f);
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        const char *name = ac_type_describe((ac_type)t)->name;
        double d = loss((ac_type)t, x, N);
        CHECK(d <= expected[t].bound, "%s: error %.6f, want at most %.6f", name, d, expected[t].bound);
        uint64_t h = checksum((ac_type)t, x);
        CHECK(h == expected[t].sum, "%s: checksum 0x%016llx, want 0x%016llx", name, (unsigned long long)h,
              (unsigned long long)expected[t].sum);
    }
    free(x);
}

/* A power of two changes nothing but the scales, as long as float16 holds them. */
static void any_size(void) {
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        float *x = numbers(1), *y = numbers(0x1p-4f);
        double a = loss((ac_type)t, x, N), b = loss((ac_type)t, y, N);
        CHECK(fabs(a - b) <= 0.02 * a, "%s: error %.6f, of small weights %.6f",
              ac_type_describe((ac_type)t)->name, a, b);
        free(x);
        free(y);
    }
}

static void odd_blocks(void) {
    static const float odd[][4] = {
        {0, 0, 0, 0},          {1, 1, 1, 1},         {-1, -1, -1, -1},     {1e-30f, -1e-30f, 0, 0},
        {0, 0, 0, 3},          {5, 0, 0, 0},         {-3, 0, 0, 0},        {1, -1, 1, -1},
        {3e38f, -3e38f, 0, 1}, {1e30f, 1, 0, -1},    {1e-45f, 0, 0, 0},    {65504, -65504, 65504, 1},
        {1e-7f, 2e-7f, 0, 0},  {1e15f, 1e15f, 0, 0}, {-0.0f, 0, -0.0f, 0}, {1, 1.0000001f, 1, 1},
    };
    float x[256], y[256];
    uint8_t block[1024];
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            for (int i = 0; i < 256; i++) x[i] = odd[k][i % 4];
            ac__encode((ac_type)t, x, 256, block);
            ac__decode((ac_type)t, block, 256, y);
            for (int i = 0; i < 256; i++) {
                CHECK(isfinite(y[i]), "%s, block %zu: element %d is %g", ac_type_describe((ac_type)t)->name,
                      k, i, (double)y[i]);
                bool modest = fabsf(x[i]) < 60000 && fabsf(odd[k][0]) < 60000;
                if (modest)
                    CHECK(fabsf(x[i] - y[i]) <= 0.6f * 5, "%s, block %zu: %g became %g",
                          ac_type_describe((ac_type)t)->name, k, (double)x[i], (double)y[i]);
                if (k == 0)
                    CHECK(y[i] == 0, "%s: zero became %g", ac_type_describe((ac_type)t)->name, (double)y[i]);
            }
        }
    }
}

/* One element alone, at every place: it must come back at its place. */
static void places(void) {
    float x[256], y[256];
    uint8_t block[1024];
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        for (int at = 0; at < 256; at++) {
            memset(x, 0, sizeof x);
            x[at] = at % 2 ? -1.0f : 1.0f;
            ac__encode((ac_type)t, x, 256, block);
            ac__decode((ac_type)t, block, 256, y);
            for (int i = 0; i < 256; i++)
                CHECK(fabsf(x[i] - y[i]) < 0.26f, "%s: element %d alone: element %d is %g",
                      ac_type_describe((ac_type)t)->name, at, i, (double)y[i]);
        }
    }
}

static void halves(void) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        if ((h & 0x7fff) > 0x7bff) continue;
        CHECK(ac__to_half(ac_half((uint16_t)h)) == h, "half %04x", h);
    }
    uint64_t random = 3;
    for (int i = 0; i < 1000000; i++) {
        float x = ac_from_bits((uint32_t)check_random(&random) % 0x47800000u);
        uint16_t h = ac__to_half(x);
        double d = fabs((double)ac_half(h) - (double)x);
        for (int k = -1; k <= 1; k += 2) {
            uint16_t other = (uint16_t)(h + k);
            if (other > 0x7bff) continue;
            double e = fabs((double)ac_half(other) - (double)x);
            CHECK(d < e || (d == e && !(h & 1)), "%a: half %04x, but %04x is nearer", (double)x, h, other);
        }
    }
    CHECK(ac__to_half(1e30f) == 0x7bff && ac__to_half(-65520.0f) == 0xfbff && ac__to_half(65519.0f) == 0x7bff,
          "large");
    CHECK(ac__to_half(-0.0f) == 0x8000 && ac__to_half(NAN) == 0, "zero and NaN");
    CHECK(ac__to_bf16(1.00390625f) == 0x3f80 && ac__to_bf16(1.01171875f) == 0x3f82, "bfloat16 to even");
    CHECK(ac__to_bf16(NAN) >> 6 == 0x1ff, "bfloat16 NaN");
}

/* Codes and scales packed read back by the functions of blocks.h. */
static void packing(void) {
    uint64_t random = 11;
    uint8_t c[256], sc[16], m[16];
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 256; i++) c[i] = (uint8_t)(check_random(&random) >> 40);
        for (int i = 0; i < 16; i++) sc[i] = c[i] & 63, m[i] = c[i + 16] & 63;
        ac_block_q5_k q5 = {0};
        ac_block_q3_k q3 = {0};
        ac_block_q6_k q6 = {0};
        ac_block_iq4_xs q4 = {0};
        ac__pack_6bit(q5.scales, sc, m);
        ac__pack_4bit(q5.qs, c);
        ac__pack_bit(q5.qh, c, 4);
        ac__pack_q3_scales(q3.scales, sc);
        ac__pack_2bit(q3.qs, c);
        ac__pack_bit(q3.hmask, c, 2);
        ac__pack_iq4_scales(&q4, sc);
        for (int i = 0; i < 256; i++) c[i] &= 63;
        ac__pack_q6(&q6, c);
        ac__pack_iq4_xs(q4.qs, c);
        for (unsigned i = 0; i < 256; i++) {
            CHECK(ac_code_q5_k(&q5, i) == (c[i] & 31u), "q5_k %u", i);
            CHECK(ac_code_q3_k(&q3, i) == (c[i] & 7u), "q3_k %u", i);
            CHECK(ac_code_q6_k(&q6, i) == c[i], "q6_k %u", i);
            CHECK(ac_code_iq4_xs(&q4, i) == (c[i] & 15u), "iq4_xs %u", i);
        }
        for (unsigned g = 0; g < 8; g++)
            CHECK(ac_scale_q5_k(&q5, g) == sc[g] && ac_min_q5_k(&q5, g) == m[g] &&
                      ac_scale_iq4_xs(&q4, g) == sc[g],
                  "scale %u", g);
        for (unsigned g = 0; g < 16; g++) CHECK(ac_scale_q3_k(&q3, g) == sc[g], "q3_k scale %u", g);
    }
}

int main(void) {
    near_and_same();
    any_size();
    odd_blocks();
    places();
    halves();
    packing();
    return 0;
}
