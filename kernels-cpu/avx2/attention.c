/* Attention with AVX2. */
#define V_ISA "avx2"
#define V_QUERIES 4
#include "lanes/vec_avx2.h"

#include "lanes/attention.h"

#include "avx2/avx2.h"

void ac__avx2_attention(ac_cpu_table *table) {
    v_attention_slots(table);
}
