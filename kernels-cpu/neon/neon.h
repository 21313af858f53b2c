/* neon.h - what the files of this folder fill in. */
#ifndef AC_NEON_H
#define AC_NEON_H

#include "cpu.h"

void ac__neon_matmul(ac_cpu_table *table);
void ac__neon_rows(ac_cpu_table *table);
void ac__neon_attention(ac_cpu_table *table);
void ac__neondotprod_matmul(ac_cpu_table *table);
void ac__neoni8mm_matmul(ac_cpu_table *table);

#endif
