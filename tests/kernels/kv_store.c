/* kv_store: rows of several sequences into their pages; what was there before stays where nothing is stored.
 */
#include "harness.h"

static void one(kc_check *kc, uint32_t kv_heads, uint32_t dim, uint32_t rows, uint32_t seqs, kc_data x,
                bool filled) {
    enum { PAGES = 2 };
    kc_case *c = kc_begin(kc, "kv_store", rows, "heads=%u dim=%u rows=%u seqs=%u x=%s%s", kv_heads, dim, rows,
                          seqs, kc_data_names[x], filled ? " over old" : "");
    if (!c) return;
    ac_op_kv_store *op = &kc_op(c, AC_OP_kv_store, AC_ROWS_ALL)->kv_store;
    kc_cache(c, 2, seqs, PAGES, kv_heads, dim);
    if (filled) kc_cache_fill(c, KC_NORMAL);
    *op = (ac_op_kv_store){.layer = 1, .kv_heads = kv_heads, .head_dim = dim};
    op->k = kc_in(c, "k", KC_CELLS_F32, kv_heads * dim, x);
    op->v = kc_in(c, "v", KC_CELLS_F32, kv_heads * dim, x);
    uint32_t start = rows < AC_PAGE ? AC_PAGE - rows / seqs / 2 - 1 : 0;
    for (uint32_t r = 0; r < rows; r++) kc_place(c, r, r % seqs, start + r / seqs);
    c->moved += (uint64_t)rows * kv_heads * dim * 12;
    kc_end(c);
}

void kc_test_kv_store(kc_check *kc) {
    static const uint32_t dims[] = {1, 7, 8, 31, 32, 33, 64, 80, 128, 256};
    if (kc->bench) {
        one(kc, 8, 128, 1, 1, KC_NORMAL, false);
        one(kc, 8, 128, 256, 1, KC_NORMAL, false);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++) one(kc, 2, 80, 5, 2, (kc_data)d, d % 2);
    if (kc->level == KC_VECTORS) return;
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        for (uint32_t rows = 1; rows <= 33; rows = rows * 4 + 1)
            for (uint32_t seqs = 1; seqs < 4; seqs += 2)
                one(kc, 1 + (uint32_t)i % 5, dims[i], rows, seqs, (kc_data)((i + rows) % KC_DATA_COUNT),
                    seqs == 3);
    if (kc->level < KC_FULL) return;
    one(kc, 8, 128, 512, 1, KC_NORMAL, false);
    one(kc, 8, 64, 333, 3, KC_BITS, true);
}
