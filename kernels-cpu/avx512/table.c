/* table.c - the slots of AVX-512, without and with VNNI, and whether the machine has them. Compiled for any
 * x86-64. The system must save the wide registers too: the compiler's __builtin_cpu_supports looks at XCR0.
 */
#include "avx512.h"

bool ac__cpu_have_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool ac__cpu_have_avx512vnni(void) {
    return ac__cpu_have_avx512() && __builtin_cpu_supports("avx512vnni");
}

void ac__cpu_overlay_avx512(ac_cpu_table *table) {
    ac__avx512_matmul(table);
    ac__avx512_rows(table);
    ac__avx512_attention(table);
}

void ac__cpu_overlay_avx512vnni(ac_cpu_table *table) {
    ac__avx512vnni_matmul(table);
    ac__avx512vnni_attention(table);
}
