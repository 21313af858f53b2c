/* avx2.h - what the files of this folder fill in. */
#ifndef AC_AVX2_H
#define AC_AVX2_H

#include "cpu.h"

void ac__avx2_matmul(ac_cpu_table *table);
void ac__avx2_rows(ac_cpu_table *table);
void ac__avx2_attention(ac_cpu_table *table);

#endif
