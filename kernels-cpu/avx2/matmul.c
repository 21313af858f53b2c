/* Matrix products with AVX2, 8 rows in the lanes. */
#define V_ISA "avx2"
#define V_TILE 6
#include "lanes/vec_avx2.h"

#include "lanes/matmul.h"

#include "avx2/avx2.h"

void ac__avx2_matmul(ac_cpu_table *table) {
    v_matmul_slots(table);
}
