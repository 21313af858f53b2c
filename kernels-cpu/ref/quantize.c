/* quantize: a row of floats in the activation form of a matrix product (docs/numerics.md, section 3; layouts
 * in backend.h). Work is split by rows. */
#include "ref.h"

/* The largest magnitude of n elements, windowed. */
static float amax_of(const float *x, uint32_t n) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t m = ac_abs(ac_window(x[i]));
        if (m > most) most = m;
    }
    return ac_from_bits(most);
}

/* n codes q = rne(x * k) and their sum. */
static int codes(const float *x, uint32_t n, float k, int8_t *q) {
    int sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        q[i] = (int8_t)ac_limit(ac_rne(ac_window(x[i]) * k), 127);
        sum += q[i];
    }
    return sum;
}

static void row_f32(const ac_cpu_quantize *op, const float *x, uint8_t *out) {
    float *y = (float *)(void *)out;
    for (uint32_t i = 0; i < op->n; i++) y[i] = ac_window(x[i]);
}

/* 1 / (1 + c / 128) rounded to float32, c = 0 .. 3: the scales that a group of 32 may take above amax / 127.
 */
static const float shrink[4] = {1.0f, 0x1.fc07fp-1f, 0x1.f81f82p-1f, 0x1.f4465ap-1f};

/* The squared rounding error of a group's codes in units of 1/64 of a code, times the squared scale; an
 * integer below 2^30. */
static int32_t error_of(const float *x, float k, int c) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < 32; i++) {
        float t = ac_window(x[i]) * k;
        int32_t u = ac_rne((t - (float)ac_rne(t)) * 64.0f);
        sum += u * u;
    }
    return sum * (128 + c) * (128 + c);
}

/* Which of the four scales leaves the least error; the first of equals. */
static int best_scale(const float *x, float k) {
    int best = 0;
    int32_t least = error_of(x, k, 0);
    for (int c = 1; c < 4; c++) {
        int32_t error = error_of(x, k * shrink[c], c);
        if (error >= least) continue;
        least = error;
        best = c;
    }
    return best;
}

static void row_a32(const ac_cpu_quantize *op, const float *x, uint8_t *out) {
    int8_t *q = (int8_t *)out + op->lay.q;
    float *d = (float *)(void *)(out + op->lay.d);
    int16_t *s = (int16_t *)(void *)(out + op->lay.s);
    for (uint32_t g = 0; g < op->n / 32; g++) {
        float amax = amax_of(x + 32 * g, 32), k = 0.0f;
        d[g] = 0.0f;
        if (amax != 0.0f) {
            k = 127.0f * ac_rcp(amax);
            int c = best_scale(x + 32 * g, k);
            k = k * shrink[c];
            d[g] = (amax * ac_from_bits(0x3C010204u)) * (1.0f + (float)c * 0.0078125f);
        }
        s[g] = (int16_t)codes(x + 32 * g, 32, k, q + 32 * g);
    }
}

/* 1 / f rounded to float32, f = 1 .. 16. */
static const float inverse[17] = {0.0f,      1.0f / 1,  1.0f / 2,  1.0f / 3,  1.0f / 4,  1.0f / 5,
                                  1.0f / 6,  1.0f / 7,  1.0f / 8,  1.0f / 9,  1.0f / 10, 1.0f / 11,
                                  1.0f / 12, 1.0f / 13, 1.0f / 14, 1.0f / 15, 1.0f / 16};

/* A chunk of 256: one scale D, and per 32 an integer factor f. */
static float chunk_a256(const float *x, int8_t *q, uint8_t *f, int16_t *s) {
    float all = amax_of(x, AC_CHUNK);
    if (all == 0.0f) {
        memset(q, 0, AC_CHUNK);
        memset(f, 1, AC_CHUNK / 32);
        memset(s, 0, AC_CHUNK / 16 * sizeof *s);
        return 0.0f;
    }
    float r = ac_rcp(all);
    for (uint32_t g = 0; g < AC_CHUNK / 32; g++) {
        int factor = ac_rne((16.0f * r) * amax_of(x + 32 * g, 32) + 0.5f);
        factor = factor < 1 ? 1 : factor > 16 ? 16 : factor;
        float k = (2032.0f * r) * inverse[factor];
        f[g] = (uint8_t)factor;
        for (uint32_t j = 2 * g; j < 2 * g + 2; j++)
            s[j] = (int16_t)(factor * codes(x + 16 * j, 16, k, q + 16 * j));
    }
    return all * ac_from_bits(0x3A010204u);
}

static void row_a256(const ac_cpu_quantize *op, const float *x, uint8_t *out) {
    int8_t *q = (int8_t *)out + op->lay.q;
    float *d = (float *)(void *)(out + op->lay.d);
    uint8_t *f = out + op->lay.f;
    int16_t *s = (int16_t *)(void *)(out + op->lay.s);
    for (uint32_t c = 0; c < op->n / AC_CHUNK; c++)
        d[c] = chunk_a256(x + AC_CHUNK * c, q + AC_CHUNK * c, f + 8 * c, s + 16 * c);
}

#define ROWS(form)                                                                                           \
    static void quantize_##form(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {       \
        const ac_cpu_quantize *op = &job->quantize;                                                          \
        (void)scratch;                                                                                       \
        for (uint32_t r = first; r < last; r++)                                                              \
            row_##form(op, ac_cpu_row(op->x, r), ac_cpu_row(op->out, r));                                    \
    }
ROWS(f32)
ROWS(a32)
ROWS(a256)

void ac__ref_quantize(ac_cpu_table *table) {
    table->quantize[AC_FORM_F32] =
        (ac_cpu_slot){.name = "ac_quantize_f32__ref", .stage = {{NULL, quantize_f32}}};
    table->quantize[AC_FORM_A32] =
        (ac_cpu_slot){.name = "ac_quantize_a32__ref", .stage = {{NULL, quantize_a32}}};
    table->quantize[AC_FORM_A256] =
        (ac_cpu_slot){.name = "ac_quantize_a256__ref", .stage = {{NULL, quantize_a256}}};
}
