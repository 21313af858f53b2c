/* cpu_fpenv.c - a host program may have set another rounding or flush-to-zero on its threads; results must
 * not depend on it, and it must find its settings again. */
#include "cpu.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

/* MXCSR: round to nearest, subnormals kept, exceptions masked. */
void ac__cpu_fp_enter(ac_cpu_fpenv *saved) {
    saved->word[0] = _mm_getcsr();
    _mm_setcsr(0x1f80);
}

void ac__cpu_fp_leave(const ac_cpu_fpenv *saved) {
    _mm_setcsr((unsigned)saved->word[0]);
}

#elif defined(__aarch64__)

/* FPCR 0: round to nearest, no flushing (FZ, FZ16, FIZ), no default NaN (DN), IEEE halves (AHP), none of the
 * other ways of FEAT_AFP (AH, NEP), no traps. */
void ac__cpu_fp_enter(ac_cpu_fpenv *saved) {
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    saved->word[0] = fpcr;
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
}

void ac__cpu_fp_leave(const ac_cpu_fpenv *saved) {
    __asm__ volatile("msr fpcr, %0" : : "r"(saved->word[0]) : "memory");
}

#else
#include <fenv.h>
#include <string.h>

_Static_assert(sizeof(fenv_t) <= sizeof(ac_cpu_fpenv), "the saved environment must fit");

void ac__cpu_fp_enter(ac_cpu_fpenv *saved) {
    fenv_t env;
    fegetenv(&env);
    memcpy(saved, &env, sizeof env);
    fesetenv(FE_DFL_ENV);
}

void ac__cpu_fp_leave(const ac_cpu_fpenv *saved) {
    fenv_t env;
    memcpy(&env, saved, sizeof env);
    fesetenv(&env);
}
#endif
