/* Everything but the matrix products and attention with AVX2. */
#define V_ISA "avx2"
#include "lanes/vec_avx2.h"

#include "lanes/elementwise.h"
#include "lanes/quantize.h"

#include "avx2/avx2.h"

void ac__avx2_rows(ac_cpu_table *table) {
    v_elementwise_slots(table);
    v_quantize_slots(table);
}
