/* table.c - the slots of NEON, without and with the products of dotprod and i8mm, and whether the machine has
 * them. Compiled for any AArch64. */
#include "neon.h"

#ifdef __linux__
#include <sys/auxv.h>

/* Bits of AT_HWCAP and AT_HWCAP2; older headers lack the second. */
enum { ASIMD = 1 << 1, ASIMDDP = 1 << 20, I8MM = 1 << 13 };

static bool has(unsigned long word, unsigned long bit) {
    return (getauxval(word) & bit) != 0;
}
#else
/* Nothing to ask: only what every AArch64 has. */
enum { AT_HWCAP = 16, AT_HWCAP2 = 26, ASIMD = 1, ASIMDDP = 0, I8MM = 0 };

static bool has(unsigned long word, unsigned long bit) {
    (void)word;
    return bit != 0;
}
#endif

bool ac__cpu_have_neon(void) {
    return has(AT_HWCAP, ASIMD);
}

bool ac__cpu_have_neondotprod(void) {
    return ac__cpu_have_neon() && has(AT_HWCAP, ASIMDDP);
}

bool ac__cpu_have_neoni8mm(void) {
    return ac__cpu_have_neondotprod() && has(AT_HWCAP2, I8MM);
}

void ac__cpu_overlay_neon(ac_cpu_table *table) {
    ac__neon_matmul(table);
    ac__neon_rows(table);
    ac__neon_attention(table);
}

void ac__cpu_overlay_neondotprod(ac_cpu_table *table) {
    ac__neondotprod_matmul(table);
}

void ac__cpu_overlay_neoni8mm(ac_cpu_table *table) {
    ac__neoni8mm_matmul(table);
}
