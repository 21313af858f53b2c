/* Everything but the matrix products with AVX-512 F, BW, DQ, VL. */
#define V_ISA "avx512"
#include "lanes/vec_avx512.h"

#include "lanes/elementwise.h"
#include "lanes/quantize.h"

#include "avx512/avx512.h"

void ac__avx512_rows(ac_cpu_table *table) {
    v_elementwise_slots(table);
    v_quantize_slots(table);
}
