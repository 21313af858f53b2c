/* glu: gate and up of all kinds, in place on either side. */
#include "harness.h"

static void one(kc_check *kc, uint32_t n, uint32_t rows, int place, kc_data g, kc_data u) {
    static const char *const places[] = {"", " into gate", " into up"};
    kc_case *c = kc_begin(kc, "glu", rows, "n=%u rows=%u%s gate=%s up=%s", n, rows, places[place],
                          kc_data_names[g], kc_data_names[u]);
    if (!c) return;
    ac_op_glu *op = &kc_op(c, AC_OP_glu, AC_ROWS_ALL)->glu;
    op->n = n;
    op->gate = place == 1 ? kc_inout(c, "gate", n, g) : kc_in(c, "gate", KC_CELLS_F32, n, g);
    op->up = place == 2 ? kc_inout(c, "up", n, u) : kc_in(c, "up", KC_CELLS_F32, n, u);
    op->out = place == 1 ? op->gate : place == 2 ? op->up : kc_out(c, "out", KC_CELLS_F32, n);
    c->moved += (uint64_t)rows * n * 12;
    kc_end(c);
}

void kc_test_glu(kc_check *kc) {
    static const uint32_t lengths[] = {1, 5, 64, 172, 256, 768, 1023, 5632};
    if (kc->bench) {
        one(kc, 8192, 1, 1, KC_NORMAL, KC_NORMAL);
        one(kc, 8192, 256, 1, KC_NORMAL, KC_NORMAL);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 400, 2, d % 3, (kc_data)d, (kc_data)d);
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int d = 0; d < KC_DATA_COUNT; d++)
            one(kc, lengths[i], (i % 2) ? 1 : 9, (int)(i + (size_t)d) % 3, (kc_data)d,
                (kc_data)(i % KC_DATA_COUNT));
    if (kc->level < KC_FULL) return;
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 100003, 7, d % 3, (kc_data)d, KC_NORMAL);
}
