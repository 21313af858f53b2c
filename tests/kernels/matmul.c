/* matmul: each weight type, over sizes around tiles, chunk ends, real shapes, and all kinds of data. */
#include "harness.h"

typedef struct shape {
    uint32_t m, n, rows;
} shape;

/* n is used where it is a multiple of the type's block. */
static const shape vectors[] = {{5, 64, 2}, {5, 172, 2}, {7, 288, 2}, {9, 512, 3}};
static const shape quick[] = {
    {1, 1, 1},     {3, 31, 2},   {8, 33, 1},    {16, 172, 7},  {1, 32, 1},   {7, 32, 8},    {5, 64, 3},
    {31, 96, 2},   {33, 256, 1}, {64, 288, 2},  {17, 512, 33}, {65, 768, 1}, {127, 512, 7}, {130, 256, 8},
    {15, 2048, 1}, {9, 4096, 3}, {35, 512, 48}, {66, 256, 97}, {19, 512, 4}, {18, 768, 5},  {34, 512, 6},
};
static const shape full[] = {
    {2053, 64, 33},  {1031, 172, 1}, {509, 224, 65}, {1021, 288, 8}, {2048, 2048, 1},
    {512, 2048, 33}, {3001, 256, 2}, {251, 4096, 8}, {96, 5632, 16}, {256, 512, 512},
    {67, 1024, 129}, {4096, 512, 1}, {5, 16384, 2},  {1, 65536, 1},
};
static const shape bench[] = {
    {2048, 2048, 1},  {2048, 2048, 2},   {2048, 2048, 4}, {2048, 2048, 8},
    {2048, 2048, 16}, {2048, 2048, 256}, {8192, 2048, 1}, {2048, 8192, 1},
};

static void one(kc_check *kc, ac_type type, shape s, kc_data w, kc_data x) {
    static const kc_cells cells[] = {
        [AC_FORM_F32] = KC_CELLS_F32, [AC_FORM_A32] = KC_CELLS_A32, [AC_FORM_A256] = KC_CELLS_A256};
    const ac_type_info *info = ac_type_describe(type);
    char name[40];
    if (s.n % info->block_elems) return;
    snprintf(name, sizeof name, "matmul %s", info->name);
    kc_case *c = kc_begin(kc, name, s.rows, "m=%u n=%u rows=%u w=%s x=%s", s.m, s.n, s.rows, kc_data_names[w],
                          kc_data_names[x]);
    if (!c) return;
    ac_op_matmul *op = &kc_op(c, AC_OP_matmul, AC_ROWS_ALL)->matmul;
    *op = (ac_op_matmul){.m = s.m, .n = s.n};
    op->w = kc_weight(c, type, s.m, s.n, w);
    if (info->form == AC_FORM_F32) {
        /* what quantize gives: windowed floats */
        op->x = kc_in(c, "x", KC_CELLS_F32, s.n, KC_ZERO);
        for (uint32_t r = 0; r < s.rows; r++)
            kc_activation(&c->random, x, AC_FORM_F32, s.n,
                          c->info[op->x].init + r * c->bufs[op->x].row_bytes);
    } else {
        op->x = kc_in(c, "x", cells[info->form], s.n, x);
    }
    op->out = kc_out(c, "out", KC_CELLS_F32, s.m);
    c->work = (uint64_t)s.m * s.n * s.rows;
    kc_end(c);
}

static void shapes(kc_check *kc, ac_type type, const shape *list, size_t n, bool all_data) {
    for (size_t i = 0; i < n; i++) {
        one(kc, type, list[i], KC_NORMAL, KC_NORMAL);
        if (!all_data) continue;
        one(kc, type, list[i], (kc_data)(1 + i % (KC_DATA_COUNT - 1)),
            (kc_data)(1 + i / 2 % (KC_DATA_COUNT - 1)));
        one(kc, type, list[i], KC_EXTREME, KC_EXTREME);
    }
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

void kc_test_matmul(kc_check *kc) {
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        ac_type type = (ac_type)t;
        if (kc->bench) {
            shapes(kc, type, bench, COUNT(bench), false);
            continue;
        }
        shapes(kc, type, vectors, COUNT(vectors), true);
        if (kc->level == KC_VECTORS) continue;
        shapes(kc, type, quick, COUNT(quick), true);
        for (int w = 0; w < KC_DATA_COUNT; w++)
            for (int x = 0; x < KC_DATA_COUNT; x++)
                one(kc, type, (shape){11, 1024, 4}, (kc_data)w, (kc_data)x);
        if (kc->level == KC_FULL) shapes(kc, type, full, COUNT(full), true);
    }
}
