/* gather: some, all, one and none of the rows; bits pass unchanged. */
#include "harness.h"

/* Takes every step-th row from `first` on. */
static void one(kc_check *kc, uint32_t n, uint32_t rows, uint32_t first, uint32_t step, kc_data x) {
    kc_case *c = kc_begin(kc, "gather", rows, "n=%u rows=%u first=%u step=%u x=%s", n, rows, first, step,
                          kc_data_names[x]);
    if (!c) return;
    ac_op_gather *op = &kc_op(c, AC_OP_gather, AC_ROWS_OUT)->gather;
    op->n = n;
    op->x = kc_in(c, "x", KC_CELLS_F32, n, x);
    op->out = kc_out(c, "out", KC_CELLS_F32, n);
    c->run.n_out = 0;
    for (uint32_t r = first; r < rows; r += step) c->out_row[c->run.n_out++] = (int32_t)r;
    c->moved += (uint64_t)c->run.n_out * n * 8;
    kc_end(c);
}

void kc_test_gather(kc_check *kc) {
    static const uint32_t lengths[] = {1, 64, 172, 256, 1023, 4096};
    if (kc->bench) {
        one(kc, 4096, 256, 255, 1, KC_NORMAL);
        return;
    }
    one(kc, 100, 7, 1, 2, KC_NORMAL);
    one(kc, 100, 7, 0, 3, KC_BITS);
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        one(kc, lengths[i], 1, 0, 1, KC_NORMAL);
        one(kc, lengths[i], 33, 32, 1, KC_BITS);
        one(kc, lengths[i], 33, 0, 1, KC_WILD);
        one(kc, lengths[i], 8, 3, 4, KC_SUBNORMAL);
        one(kc, lengths[i], 8, 8, 1, KC_NORMAL); /* none */
    }
    if (kc->level == KC_FULL) one(kc, 30001, 129, 2, 3, KC_BITS);
}
