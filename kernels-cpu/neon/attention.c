/* Attention with NEON. */
#define V_ISA "neon"
#define V_QUERIES 4
#define V_VALUES 2
#include "lanes/vec_neon.h"

#include "lanes/attention.h"

#include "neon/neon.h"

void ac__neon_attention(ac_cpu_table *table) {
    v_attention_slots(table);
}
