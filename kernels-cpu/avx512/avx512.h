/* avx512.h - what the files of this folder fill in. */
#ifndef AC_AVX512_H
#define AC_AVX512_H

#include "cpu.h"

void ac__avx512_matmul(ac_cpu_table *table);
void ac__avx512_rows(ac_cpu_table *table);
void ac__avx512_attention(ac_cpu_table *table);
void ac__avx512vnni_matmul(ac_cpu_table *table);
void ac__avx512vnni_attention(ac_cpu_table *table);

#endif
