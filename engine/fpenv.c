/* fpenv.c - part of the porting face: a host program may have set another rounding or flush-to-zero on its
 * threads, or unmasked exceptions; results must not depend on it, and it must find its settings again. */
#include <anychip/backend.h>

#if defined(__aarch64__)

/* FPCR 0: round to nearest, no flushing (FZ, FZ16, FIZ), no default NaN (DN), IEEE halves (AHP), none of the
 * other ways of FEAT_AFP (AH, NEP), no traps. C's default environment would leave some of that as it is. */
void ac_fp_enter(ac_fpenv *saved) {
    uint64_t fpcr, fpsr;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(fpcr), "=r"(fpsr));
    saved->word[0] = fpcr;
    saved->word[1] = fpsr;
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
}

void ac_fp_leave(const ac_fpenv *saved) {
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(saved->word[0]), "r"(saved->word[1]) : "memory");
}

#else
#include <fenv.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

_Static_assert(sizeof(fenv_t) <= sizeof(ac_fpenv), "the saved environment must fit");

void ac_fp_enter(ac_fpenv *saved) {
    fenv_t env;
    fegetenv(&env);
    memcpy(saved, &env, sizeof env);
    fesetenv(FE_DFL_ENV);
#if defined(__x86_64__)
    _mm_setcsr(0x1f80); /* C says nothing of flushing subnormals */
#endif
}

void ac_fp_leave(const ac_fpenv *saved) {
    fenv_t env;
    memcpy(&env, saved, sizeof env);
    fesetenv(&env);
}
#endif
