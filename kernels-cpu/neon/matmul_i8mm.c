/* Matrix products with NEON, dotprod and i8mm, 4 rows in the lanes. */
#define V_ISA "neoni8mm"
#define V_TILE 8
#include "lanes/vec_neon.h"

#include "lanes/matmul.h"

#include "neon/neon.h"

void ac__neoni8mm_matmul(ac_cpu_table *table) {
    v_matmul_slots(table);
}
