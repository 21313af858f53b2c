/* rope: both pairings, whole and part of a head, positions in any order. */
#include "harness.h"

#include <anychip/blocks.h>

static void one(kc_check *kc, uint32_t heads, uint32_t dim, uint32_t rot, bool halves, uint32_t rows,
                kc_data x) {
    enum { POSITIONS = 97 };
    kc_case *c = kc_begin(kc, "rope", rows, "heads=%u dim=%u rot=%u %s rows=%u x=%s", heads, dim, rot,
                          halves ? "halves" : "pairs", rows, kc_data_names[x]);
    if (!c) return;
    ac_op_rope *op = &kc_op(c, AC_OP_rope, AC_ROWS_ALL)->rope;
    *op = (ac_op_rope){.heads = heads, .head_dim = dim, .rot = rot, .halves = halves};
    float *table = malloc(POSITIONS * rot * sizeof *table);
    CHECK(table, "no memory");
    for (uint32_t i = 0; i < POSITIONS * rot; i++) {
        float v = kc_float(&c->random, KC_NORMAL);
        table[i] = i < rot ? (float)(1 - i % 2) : v < 1.5f && v > -1.5f ? ac_cut(v) : 1.0f;
    }
    op->table = kc_const(c, table, POSITIONS * rot * sizeof *table);
    op->x = kc_inout(c, "x", heads * dim, x);
    for (uint32_t r = 0; r < rows; r++)
        kc_place(c, r, 0, r == 0 ? POSITIONS - 1 : kc_below(&c->random, POSITIONS));
    c->moved += (uint64_t)rows * heads * dim * 8;
    kc_end(c);
}

void kc_test_rope(kc_check *kc) {
    static const struct {
        uint32_t heads, dim, rot;
    } shapes[] = {{1, 2, 2},   {3, 8, 8},      {8, 8, 4},    {5, 64, 64},  {2, 80, 32}, {7, 80, 80},
                  {8, 96, 96}, {16, 128, 128}, {3, 256, 64}, {32, 64, 64}, {1, 7, 6}};
    if (kc->bench) {
        one(kc, 32, 128, 128, true, 1, KC_NORMAL);
        one(kc, 32, 128, 128, true, 256, KC_NORMAL);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++) {
        one(kc, 4, 64, 64, false, 3, (kc_data)d);
        one(kc, 3, 80, 32, true, 3, (kc_data)d);
    }
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int halves = 0; halves < 2; halves++)
            for (uint32_t rows = 1; rows <= 33; rows = rows * 5 + 3)
                one(kc, shapes[i].heads, shapes[i].dim, shapes[i].rot, halves, rows,
                    (kc_data)((i + rows) % KC_DATA_COUNT));
    if (kc->level < KC_FULL) return;
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 32, 128, 128, d % 2, 257, (kc_data)d);
}
