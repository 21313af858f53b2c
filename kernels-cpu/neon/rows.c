/* Everything but the matrix products with NEON. */
#define V_ISA "neon"
#include "lanes/vec_neon.h"

#include "lanes/elementwise.h"
#include "lanes/quantize.h"

#include "neon/neon.h"

void ac__neon_rows(ac_cpu_table *table) {
    v_elementwise_slots(table);
    v_quantize_slots(table);
}
