/* Matrix products with NEON, 4 rows in the lanes. */
#define V_ISA "neon"
#define V_TILE 4
#include "lanes/vec_neon.h"

#include "lanes/matmul.h"

#include "neon/neon.h"

void ac__neon_matmul(ac_cpu_table *table) {
    v_matmul_slots(table);
}
