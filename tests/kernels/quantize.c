/* quantize: the three activation forms. */
#include "harness.h"

static const struct {
    const char *name;
    ac_form form;
    kc_cells cells;
    uint32_t multiple;
} forms[] = {
    {"quantize f32", AC_FORM_F32, KC_CELLS_F32, 1},
    {"quantize a32", AC_FORM_A32, KC_CELLS_A32, 32},
    {"quantize a256", AC_FORM_A256, KC_CELLS_A256, 256},
};

/* spread: groups of 32 get magnitudes far apart, so that every factor of A256 occurs. */
static void one(kc_check *kc, int f, uint32_t n, uint32_t rows, kc_data x, bool spread) {
    if (n % forms[f].multiple) return;
    kc_case *c = kc_begin(kc, forms[f].name, rows, "n=%u rows=%u x=%s%s", n, rows, kc_data_names[x],
                          spread ? " spread" : "");
    if (!c) return;
    ac_op_quantize *op = &kc_op(c, AC_OP_quantize, AC_ROWS_ALL)->quantize;
    *op = (ac_op_quantize){.n = n, .form = forms[f].form};
    op->x = kc_in(c, "x", KC_CELLS_F32, n, x);
    for (uint32_t r = 0; spread && r < rows; r++) {
        float *row = (float *)(void *)(c->info[op->x].init + r * c->bufs[op->x].row_bytes), by = 1.0f;
        for (uint32_t i = 0; i < n; i++) {
            if (i % 32 == 0) by = (float)(1 + kc_below(&c->random, 64)) * 0x1p-6f;
            row[i] = row[i] * by;
        }
    }
    op->out = kc_out(c, "out", forms[f].cells, n);
    c->moved += (uint64_t)rows * (n * 4 + c->bufs[op->out].row_bytes);
    kc_end(c);
}

void kc_test_quantize(kc_check *kc) {
    static const uint32_t lengths[] = {1, 31, 32, 64, 172, 256, 288, 512, 2048, 4096, 5632};
    for (int f = 0; f < 3; f++) {
        if (kc->bench) {
            one(kc, f, 4096, 1, KC_NORMAL, false);
            one(kc, f, 4096, 256, KC_NORMAL, false);
            continue;
        }
        for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, f, 512, 3, (kc_data)d, false);
        one(kc, f, 1024, 4, KC_NORMAL, true);
        if (kc->level == KC_VECTORS) continue;
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int d = 0; d < KC_DATA_COUNT; d++)
                for (uint32_t rows = 1; rows < 9; rows += 6) {
                    one(kc, f, lengths[i], rows, (kc_data)d, false);
                    one(kc, f, lengths[i], rows, (kc_data)d, true);
                }
        if (kc->level < KC_FULL) continue;
        one(kc, f, 65536, 33, KC_NORMAL, true);
        one(kc, f, 65536, 33, KC_BITS, false);
        one(kc, f, 1024, 1000, KC_WILD, false);
    }
}
