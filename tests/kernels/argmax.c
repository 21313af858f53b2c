/* argmax: the largest anywhere in the row, equal ones, all equal, -0 beside +0, any bits. */
#include "harness.h"

static void one(kc_check *kc, uint32_t n, uint32_t rows, kc_data x, bool ties) {
    kc_case *c =
        kc_begin(kc, "argmax", rows, "n=%u rows=%u x=%s%s", n, rows, kc_data_names[x], ties ? " ties" : "");
    if (!c) return;
    ac_op_argmax *op = &kc_op(c, AC_OP_argmax, AC_ROWS_OUT)->argmax;
    op->n = n;
    op->x = kc_in(c, "x", KC_CELLS_F32, n, x);
    for (uint32_t r = 0; ties && r < rows; r++) {
        float *row = (float *)(void *)(c->info[op->x].init + r * c->bufs[op->x].row_bytes);
        float most = r % 3 == 2 ? 0.0f : 100.0f;
        for (uint32_t i = 0; r % 3 == 2 && i < n; i++) row[i] = row[i] > 0.0f ? -row[i] : -0.0f;
        for (int k = 0; k < 3; k++) row[kc_below(&c->random, n)] = most;
    }
    op->out = kc_out(c, "out", KC_CELLS_I32, 1);
    c->moved += (uint64_t)rows * n * 4;
    kc_end(c);
}

void kc_test_argmax(kc_check *kc) {
    static const uint32_t lengths[] = {1, 2, 31, 64, 255, 256, 257, 512, 1023, 4099};
    if (kc->bench) {
        one(kc, 128256, 1, KC_NORMAL, false);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 700, 3, (kc_data)d, d % 2);
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int d = 0; d < KC_DATA_COUNT; d++)
            for (int ties = 0; ties < 2; ties++) one(kc, lengths[i], (i % 2) ? 1 : 9, (kc_data)d, ties);
    if (kc->level < KC_FULL) return;
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 151936, 3, (kc_data)d, d % 2);
}
