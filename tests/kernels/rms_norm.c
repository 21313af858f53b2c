/* rms_norm: whole rows and groups (head norms), in place and not. */
#include "harness.h"

static void one(kc_check *kc, uint32_t n, uint32_t groups, uint32_t rows, bool in_place, float eps, kc_data x,
                kc_data w) {
    kc_case *c = kc_begin(kc, "rms_norm", rows, "n=%u groups=%u rows=%u%s eps=%g x=%s w=%s", n, groups, rows,
                          in_place ? " in place" : "", (double)eps, kc_data_names[x], kc_data_names[w]);
    if (!c) return;
    ac_op_rms_norm *op = &kc_op(c, AC_OP_rms_norm, AC_ROWS_ALL)->rms_norm;
    *op = (ac_op_rms_norm){.n = n, .groups = groups, .eps = eps, .inv_n = 1.0f / (float)n};
    op->w = kc_weight(c, AC_TYPE_F32, 1, n, w);
    op->x = in_place ? kc_inout(c, "x", n * groups, x) : kc_in(c, "x", KC_CELLS_F32, n * groups, x);
    op->out = in_place ? op->x : kc_out(c, "out", KC_CELLS_F32, n * groups);
    c->moved += (uint64_t)rows * n * groups * 8;
    kc_end(c);
}

void kc_test_rms_norm(kc_check *kc) {
    static const uint32_t lengths[] = {1, 2, 31, 64, 172, 255, 256, 257, 288, 511, 2048, 4096, 5003};
    static const float eps[] = {1e-5f, 1e-6f, 0.0f};
    if (kc->bench) {
        one(kc, 4096, 1, 1, false, 1e-5f, KC_NORMAL, KC_NORMAL);
        one(kc, 4096, 1, 256, false, 1e-5f, KC_NORMAL, KC_NORMAL);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++) {
        one(kc, 300, 1, 2, false, 1e-5f, (kc_data)d, (kc_data)d);
        one(kc, 64, 6, 2, true, eps[d % 3], (kc_data)d, KC_NORMAL);
    }
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int d = 0; d < KC_DATA_COUNT; d++) {
            one(kc, lengths[i], 1, 1 + (uint32_t)i % 3, i % 2, eps[i % 3], (kc_data)d,
                (kc_data)((d + (int)i) % KC_DATA_COUNT));
            one(kc, lengths[i] % 257 + 1, 3 + (uint32_t)d, 7, d % 2, eps[d % 3], (kc_data)d, KC_NORMAL);
        }
    one(kc, 128, 32, 33, true, 1e-6f, KC_NORMAL, KC_NORMAL);
    if (kc->level < KC_FULL) return;
    for (int d = 0; d < KC_DATA_COUNT; d++) {
        one(kc, 70001, 1, 3, false, 0.0f, (kc_data)d, KC_NORMAL);
        one(kc, 2048, 1, 300, true, 1e-5f, (kc_data)d, (kc_data)d);
    }
}
