/* Matrix products with AVX-512 F, BW, DQ, VL, 16 rows in the lanes. */
#define V_ISA "avx512"
#define V_TILE 8
#include "lanes/vec_avx512.h"

#include "lanes/matmul.h"

#include "avx512/avx512.h"

void ac__avx512_matmul(ac_cpu_table *table) {
    v_matmul_slots(table);
}
