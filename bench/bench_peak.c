/* bench_peak.c - 8-bit multiply-adds at full speed, without memory: the upper limit of integer products per
 * instruction set. Sums may overflow; nobody looks at them. */
#include "bench_roof.h"

#include <stdint.h>
#include <string.h>

/* Makes the compiler believe that x changed and is needed. */
#define KEEP(x) __asm__ volatile("" : REGISTER(x))

#if defined(__x86_64__)
#include <immintrin.h>
#define REGISTER(x) "+x"(x)

enum { CHAINS = 8 };

/* ARITHMETIC of one chain is given as an expression of sum, a and b; CHAINS independent sums hide latency. */
#define PEAK(name, isa, vector, zero, macs, expression)                                                      \
    __attribute__((target(isa))) static double name(size_t rounds) {                                         \
        vector sum[CHAINS], a = zero, b = zero;                                                              \
        for (int i = 0; i < CHAINS; i++) sum[i] = zero;                                                      \
        KEEP(a);                                                                                             \
        for (size_t r = 0; r < rounds; r++) {                                                                \
            _Pragma("GCC unroll 8") for (int i = 0; i < CHAINS; i++) {                                       \
                KEEP(b);                                                                                     \
                sum[i] = expression;                                                                         \
            }                                                                                                \
        }                                                                                                    \
        for (int i = 0; i < CHAINS; i++) KEEP(sum[i]);                                                       \
        return (double)rounds * CHAINS * (macs)*2;                                                           \
    }

PEAK(peak_sse, "ssse3", __m128i, _mm_setzero_si128(), 16, _mm_add_epi16(sum[i], _mm_maddubs_epi16(a, b)))
PEAK(peak_avx2, "avx2", __m256i, _mm256_setzero_si256(), 32,
     _mm256_add_epi16(sum[i], _mm256_maddubs_epi16(a, b)))
PEAK(peak_avx512, "avx512bw", __m512i, _mm512_setzero_si512(), 64,
     _mm512_add_epi16(sum[i], _mm512_maddubs_epi16(a, b)))
PEAK(peak_vnni, "avx512vnni", __m512i, _mm512_setzero_si512(), 64, _mm512_dpbusd_epi32(sum[i], a, b))
PEAK(peak_avxvnni, "avxvnni", __m256i, _mm256_setzero_si256(), 32, _mm256_dpbusd_avx_epi32(sum[i], a, b))

static bool have_ssse3(void) {
    return __builtin_cpu_supports("ssse3");
}
static bool have_avx2(void) {
    return __builtin_cpu_supports("avx2");
}
static bool have_avx512(void) {
    return __builtin_cpu_supports("avx512bw");
}
static bool have_vnni(void) {
    return __builtin_cpu_supports("avx512vnni");
}
/* Neither compiler's oldest supported release knows this name: CPUID leaf 7.1, EAX bit 4. */
static bool have_avxvnni(void) {
    unsigned a = 7, b, c = 1, d;
    if (!__builtin_cpu_supports("avx2")) return false;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return a >> 4 & 1u;
}

static const struct {
    const char *isa; /* without '-' and '_' */
    bool (*have)(void);
    bench_peak_fn *run;
} peaks[] = {
    {"sse", have_ssse3, peak_sse},        {"ssse3", have_ssse3, peak_sse},
    {"sse41", have_ssse3, peak_sse},      {"avx2", have_avx2, peak_avx2},
    {"avx512", have_avx512, peak_avx512}, {"avx512bw", have_avx512, peak_avx512},
    {"avx512vnni", have_vnni, peak_vnni}, {"avxvnni", have_avxvnni, peak_avxvnni},
};

#elif defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>
#define REGISTER(x) "+w"(x)

enum { CHAINS = 16 };

#ifdef __clang__
#define WITH(extension) __attribute__((target(extension)))
#else
#define WITH(extension) __attribute__((target("arch=armv8.2-a+" extension)))
#endif

/* The instruction is written out, so that nothing but it is in the loop. */
#define PEAK(name, macs, with, instruction)                                                                  \
    with static double name(size_t rounds) {                                                                 \
        int8x16_t a = vdupq_n_s8(0), b = vdupq_n_s8(0);                                                      \
        int32x4_t sum[CHAINS];                                                                               \
        for (int i = 0; i < CHAINS; i++) sum[i] = vdupq_n_s32(0);                                            \
        for (size_t r = 0; r < rounds; r++) {                                                                \
            _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) __asm__ volatile(                      \
                instruction : "+w"(sum[i]) : "w"(a), "w"(b));                                                \
        }                                                                                                    \
        for (int i = 0; i < CHAINS; i++) KEEP(sum[i]);                                                       \
        return (double)rounds * CHAINS * (macs)*2;                                                           \
    }

PEAK(peak_neon, 8, , "smlal %0.8h, %1.8b, %2.8b")
PEAK(peak_dotprod, 16, WITH("dotprod"), "sdot %0.4s, %1.16b, %2.16b")
PEAK(peak_i8mm, 32, WITH("i8mm"), "smmla %0.4s, %1.16b, %2.16b")

static bool have_neon(void) {
    return true;
}
static bool have_dotprod(void) {
    return getauxval(AT_HWCAP) >> 20 & 1u;
} /* HWCAP_ASIMDDP */
static bool have_i8mm(void) {
    return getauxval(AT_HWCAP2) >> 13 & 1u;
} /* HWCAP2_I8MM */

static const struct {
    const char *isa;
    bool (*have)(void);
    bench_peak_fn *run;
} peaks[] = {
    {"neon", have_neon, peak_neon},
    {"dotprod", have_dotprod, peak_dotprod},
    {"neondotprod", have_dotprod, peak_dotprod},
    {"i8mm", have_i8mm, peak_i8mm},
    {"neoni8mm", have_i8mm, peak_i8mm},
};

#else

static bool have_nothing(void) {
    return false;
}
static const struct {
    const char *isa;
    bool (*have)(void);
    bench_peak_fn *run;
} peaks[] = {{"", have_nothing, NULL}};

#endif

bench_peak_fn *bench_peak_find(const char *isa, const char **why_not) {
    char plain[32];
    size_t n = 0;
    for (; *isa && n + 1 < sizeof plain; isa++)
        if (*isa != '-' && *isa != '_') plain[n++] = *isa;
    plain[n] = '\0';
    *why_not = "the peak of this instruction set is not known";
    for (size_t i = 0; i < sizeof peaks / sizeof *peaks; i++) {
        if (strcmp(peaks[i].isa, plain)) continue;
        if (peaks[i].have()) return peaks[i].run;
        *why_not = "this machine lacks the instruction set";
    }
    if (!strcmp(plain, "ref")) *why_not = "ref is plain C, whose peak depends on the compiler";
    return NULL;
}
