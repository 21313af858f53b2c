/* embed: each weight type; tokens at both ends of the table. */
#include "harness.h"

static void one(kc_check *kc, ac_type type, uint32_t vocab, uint32_t n, uint32_t rows, kc_data data) {
    const ac_type_info *info = ac_type_describe(type);
    char name[40];
    if (n % info->block_elems) return;
    snprintf(name, sizeof name, "embed %s", info->name);
    kc_case *c = kc_begin(kc, name, rows, "vocab=%u n=%u rows=%u w=%s", vocab, n, rows, kc_data_names[data]);
    if (!c) return;
    ac_op_embed *op = &kc_op(c, AC_OP_embed, AC_ROWS_ALL)->embed;
    op->w = kc_weight(c, type, vocab, n, data);
    op->out = kc_out(c, "out", KC_CELLS_F32, n);
    for (uint32_t r = 0; r < rows; r++)
        c->token[r] = (int32_t)(r == 0 ? vocab - 1 : r == 1 ? 0 : kc_below(&c->random, vocab));
    kc_end(c);
}

void kc_test_embed(kc_check *kc) {
    static const uint32_t widths[] = {1, 31, 64, 172, 288, 256, 1024, 2048, 4096};
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        ac_type type = (ac_type)t;
        if (kc->bench) {
            one(kc, type, 4096, 4096, 256, KC_NORMAL);
            continue;
        }
        for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, type, 19, 512, 5, (kc_data)d);
        if (kc->level == KC_VECTORS) continue;
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
            for (uint32_t rows = 1; rows <= 33; rows = rows * 2 + 1)
                one(kc, type, 101, widths[i], rows, (kc_data)((i + rows) % KC_DATA_COUNT));
        if (kc->level == KC_FULL) one(kc, type, 50257, 256, 129, KC_BITS);
    }
}
