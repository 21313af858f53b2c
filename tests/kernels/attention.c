/* attention: head sizes, groups of query heads, positions up to several pages, several sequences, old codes
 * past the end. */
#include "harness.h"

typedef struct shape {
    uint32_t kv_heads, group, dim;
} shape;

/* Row r is at position last - (r / seqs) * step of sequence r % seqs, not below 0. */
static void one(kc_check *kc, shape s, uint32_t rows, uint32_t seqs, uint32_t last, uint32_t step, kc_data q,
                kc_data kv, float scale) {
    kc_case *c =
        kc_begin(kc, "attention", rows,
                 "kv=%u group=%u dim=%u rows=%u seqs=%u last=%u step=%u q=%s kv=%s scale=%g", s.kv_heads,
                 s.group, s.dim, rows, seqs, last, step, kc_data_names[q], kc_data_names[kv], (double)scale);
    if (!c) return;
    uint32_t heads = s.kv_heads * s.group;
    ac_op_attention *op = &kc_op(c, AC_OP_attention, AC_ROWS_ALL)->attention;
    kc_cache(c, 2, seqs, last / AC_PAGE + 1, s.kv_heads, s.dim);
    kc_cache_fill(c, kv);
    *op = (ac_op_attention){
        .layer = 1, .heads = heads, .kv_heads = s.kv_heads, .head_dim = s.dim, .scale = scale};
    op->q = kc_in(c, "q", KC_CELLS_F32, heads * s.dim, q);
    op->out = kc_out(c, "out", KC_CELLS_F32, heads * s.dim);
    for (uint32_t r = 0; r < rows; r++) {
        uint32_t back = r / seqs * step;
        kc_place(c, r, r % seqs, back < last ? last - back : 0);
        c->work += (uint64_t)(c->pos[r] + 1) * heads * s.dim * 2;
        if (r < seqs) c->moved += (uint64_t)(c->pos[r] + 1) * s.kv_heads * s.dim * 4;
    }
    kc_end(c);
}

static const shape shapes[] = {{1, 1, 8},  {2, 1, 64},  {1, 4, 80}, {2, 8, 64}, {1, 7, 128},
                               {3, 2, 33}, {1, 2, 256}, {4, 1, 32}, {2, 3, 7}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

void kc_test_attention(kc_check *kc) {
    static const uint32_t lasts[] = {0, 1, 7, 31, 32, 33, 63, 255, 256, 257, 300, 511, 700};
    if (kc->bench) {
        one(kc, (shape){8, 4, 128}, 1, 1, 1023, 1, KC_NORMAL, KC_NORMAL, 0.088388f);
        one(kc, (shape){8, 4, 64}, 1, 1, 8191, 1, KC_NORMAL, KC_NORMAL, 0.125f);
        one(kc, (shape){8, 4, 64}, 128, 1, 1023, 1, KC_NORMAL, KC_NORMAL, 0.125f);
        return;
    }
    for (int d = 0; d < KC_DATA_COUNT; d++)
        one(kc, (shape){2, 2, 80}, 3, 2, 290, 41, (kc_data)d, (kc_data)d, 0.111803f);
    if (kc->level == KC_VECTORS) return;
    for (int s = 0; s < SHAPES; s++)
        for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++) {
            uint32_t rows = 1 + (uint32_t)(i * 3) % 8, seqs = 1 + (uint32_t)i % 3;
            kc_data q = (kc_data)(i % 3 ? 0 : (size_t)s % KC_DATA_COUNT),
                    kv = (kc_data)((i + (size_t)s) % 2 ? 0 : i % KC_DATA_COUNT);
            one(kc, shapes[s], rows, seqs, lasts[i], 1 + (uint32_t)i * 5, q, kv, s % 2 ? 0.125f : 0.0883883f);
        }
    one(kc, (shape){1, 1, 64}, 4, 1, 600, 100, KC_WILD, KC_NORMAL, 0x1p10f);
    one(kc, (shape){1, 1, 64}, 4, 1, 600, 100, KC_NORMAL, KC_WILD, 0x1p-20f);
    if (kc->level < KC_FULL) return;
    for (int d = 0; d < KC_DATA_COUNT; d++)
        for (int k = 0; k < KC_DATA_COUNT; k++)
            one(kc, shapes[(d + k) % SHAPES], 9, 3, 700, 97, (kc_data)d, (kc_data)k, 0.125f);
    one(kc, (shape){4, 8, 64}, 300, 1, 299, 1, KC_NORMAL, KC_NORMAL, 0.125f);
    one(kc, (shape){2, 4, 128}, 64, 2, 1300, 1, KC_NORMAL, KC_NORMAL, 0.088388f);
}
