/* table.c - the slots of AVX2, and whether the machine has it. Compiled for any x86-64. */
#include "avx2.h"

#include <cpuid.h>

/* Halves are converted with F16C, which __builtin_cpu_supports does not know in every compiler. */
static bool have_f16c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

/* avx2 includes that the system saves the wide registers: the compiler's __builtin_cpu_supports looks at
 * XCR0. */
bool ac__cpu_have_avx2(void) {
    return __builtin_cpu_supports("avx2") && have_f16c();
}

void ac__cpu_overlay_avx2(ac_cpu_table *table) {
    ac__avx2_matmul(table);
    ac__avx2_rows(table);
    ac__avx2_attention(table);
}
