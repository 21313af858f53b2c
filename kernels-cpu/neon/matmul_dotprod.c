/* Matrix products with NEON and dotprod, 4 rows in the lanes. */
#define V_ISA "neondotprod"
#define V_TILE 8
#include "lanes/vec_neon.h"

#include "lanes/matmul.h"

#include "neon/neon.h"

void ac__neondotprod_matmul(ac_cpu_table *table) {
    v_matmul_slots(table);
}
