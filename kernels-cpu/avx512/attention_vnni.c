/* Attention with AVX-512 F, BW, DQ, VL and VNNI. */
#define V_ISA "avx512vnni"
#define V_QUERIES 4
#include "lanes/vec_avx512.h"

#include "lanes/attention.h"

#include "avx512/avx512.h"

void ac__avx512vnni_attention(ac_cpu_table *table) {
    v_attention_slots(table);
}
