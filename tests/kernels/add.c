/* add: two rows, and a row and a bias; in place on either side. */
#include "harness.h"

/* place: 0 none, 1 out is a, 2 out is b. */
static void one(kc_check *kc, uint32_t n, uint32_t rows, bool bias, int place, kc_data x, kc_data y) {
    static const char *const places[] = {"", " into a", " into b"};
    if (bias && place == 2) return;
    kc_case *c = kc_begin(kc, "add", rows, "n=%u rows=%u%s%s a=%s b=%s", n, rows, bias ? " bias" : "",
                          places[place], kc_data_names[x], kc_data_names[y]);
    if (!c) return;
    ac_op_add *op = &kc_op(c, AC_OP_add, AC_ROWS_ALL)->add;
    *op = (ac_op_add){.n = n, .bias = AC_NONE, .b = AC_NONE};
    op->a = place == 1 ? kc_inout(c, "a", n, x) : kc_in(c, "a", KC_CELLS_F32, n, x);
    if (bias)
        op->bias = kc_weight(c, AC_TYPE_F32, 1, n, y);
    else
        op->b = place == 2 ? kc_inout(c, "b", n, y) : kc_in(c, "b", KC_CELLS_F32, n, y);
    op->out = place == 1 ? op->a : place == 2 ? op->b : kc_out(c, "out", KC_CELLS_F32, n);
    c->moved += (uint64_t)rows * n * 12;
    kc_end(c);
}

void kc_test_add(kc_check *kc) {
    static const uint32_t lengths[] = {1, 3, 64, 172, 256, 288, 1023, 2048, 4096};
    if (kc->bench) {
        one(kc, 4096, 1, false, 1, KC_NORMAL, KC_NORMAL);
        one(kc, 4096, 256, false, 1, KC_NORMAL, KC_NORMAL);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++)
        for (int bias = 0; bias < 2; bias++) one(kc, 200, 3, bias, d % 3, (kc_data)d, (kc_data)d);
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int place = 0; place < 3; place++)
            for (int bias = 0; bias < 2; bias++)
                one(kc, lengths[i], (i % 2) ? 1 : 33, bias, place,
                    (kc_data)((i + (size_t)place) % KC_DATA_COUNT), (kc_data)(i % KC_DATA_COUNT));
    if (kc->level < KC_FULL) return;
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 30011, 65, d % 2, d % 2, KC_BITS, (kc_data)d);
}
