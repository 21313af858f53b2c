/* The RoPE table against libm's float64: one float32 rounding apart at most, for plain, linear, YaRN and
 * divided frequencies. */
#include "rope.h"

#include <math.h>
#include <stdbool.h>

#include "check.h"

static double yarn_keep(const ac_rope_params *p, uint32_t i) {
    double scale = 2 * log(p->base);
    double low = floor(p->rot * log(p->original_context / (p->beta_fast * 2 * M_PI)) / scale);
    double high = ceil(p->rot * log(p->original_context / (p->beta_slow * 2 * M_PI)) / scale);
    low = fmax(low, 0), high = fmin(high, p->rot - 1.0);
    double y = (i - low) / fmax(0.001, high - low);
    return (1 - fmin(1, fmax(0, y))) * p->ext_factor;
}

static double want_frequency(const ac_rope_params *p, uint32_t i) {
    double f = pow(p->base, -2.0 * i / p->rot);
    if (p->divisors) f /= ((const float *)(const void *)p->divisors)[i];
    if (p->kind == AC_ROPE_LINEAR) f /= p->factor;
    if (p->kind == AC_ROPE_YARN) {
        double keep = yarn_keep(p, i);
        f = f / p->factor * (1 - keep) + f * keep;
    }
    return f;
}

static void compare(const char *what, const ac_rope_params *p, uint32_t positions) {
    uint32_t pairs = p->rot / 2;
    float *table = malloc((size_t)positions * pairs * 2 * sizeof *table);
    CHECK(table, "memory");
    ac_rope_fill(p, positions, table);
    bool grows = p->kind == AC_ROPE_YARN && p->ext_factor != 0;
    double magnitude = p->attn_factor * (grows ? 1 + 0.1 * log(p->factor) : 1), worst = 0;
    for (uint32_t t = 0; t < positions; t++) {
        for (uint32_t i = 0; i < pairs; i++) {
            double angle = t * want_frequency(p, i);
            const float *got = table + ((size_t)t * pairs + i) * 2;
            worst = fmax(worst, fabs(got[0] - cos(angle) * magnitude));
            worst = fmax(worst, fabs(got[1] - sin(angle) * magnitude));
        }
    }
    printf("%s: largest distance from libm %.3g\n", what, worst);
    CHECK(worst < 1.3e-7 * magnitude, "%s", what);
    free(table);
}

int main(void) {
    float divisors[32];
    for (int i = 0; i < 32; i++) divisors[i] = 1.0f + 0.25f * (float)i;
    ac_rope_params plain = {AC_ROPE_PLAIN, 128, 10000, 1, 4096, 1, 32, 1, 1, NULL};
    ac_rope_params far = {AC_ROPE_PLAIN, 64, 1e6, 1, 4096, 1, 32, 1, 1, NULL};
    ac_rope_params small = {AC_ROPE_PLAIN, 2, 10000, 1, 4096, 1, 32, 1, 1, NULL};
    ac_rope_params linear = {AC_ROPE_LINEAR, 96, 10000, 4, 4096, 1, 32, 1, 1, NULL};
    ac_rope_params yarn = {AC_ROPE_YARN, 128, 1e6, 4, 32768, 1, 32, 1, 1, NULL};
    ac_rope_params llama3 = {AC_ROPE_PLAIN, 64, 500000, 1, 8192, 1, 32, 1, 1, (const uint8_t *)divisors};
    compare("plain", &plain, 4096);
    compare("far", &far, 131072);
    compare("two channels", &small, 4096);
    compare("linear", &linear, 16384);
    compare("yarn", &yarn, 40000);
    ac_rope_params sized = {AC_ROPE_LINEAR, 96, 10000, 4, 4096, 1, 32, 1, 1.5, NULL};
    ac_rope_params even = {AC_ROPE_YARN, 128, 1e6, 4, 32768, 0, 32, 1, 0.75, NULL};
    compare("linear with a factor of its own", &sized, 4096);
    compare("yarn without extrapolation", &even, 4096);
    compare("llama3", &llama3, 8192);
    return 0;
}
