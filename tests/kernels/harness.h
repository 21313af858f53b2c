/* harness.h - one case of kernel_check: a small plan with its data, run on a device and judged bit for bit.
 *
 * A test file builds cases: kc_begin, then inputs, outputs, weights, the operation, then kc_end, which runs
 * it. The judge is the reference (the CPU backend held at "ref") or, with --vectors, a file of digests.
 * Whatever a device may not write keeps a pattern that is looked at afterwards: rows past the run's, bytes
 * past a row's elements, guard buffers between all buffers. */
#ifndef AC_KERNELS_HARNESS_H
#define AC_KERNELS_HARNESS_H

#include <anychip/backend.h>

#include "check.h"

enum { KC_MAX = 48 }; /* buffers, weights or operations of a case */

typedef enum kc_level { KC_VECTORS, KC_QUICK, KC_FULL } kc_level;

/* What the data of a row or a block looks like. */
typedef enum kc_data {
    KC_NORMAL,    /* like activations or weights of a model, a few outliers */
    KC_EXTREME,   /* every code or value at the end of its range */
    KC_ZERO,      /* zeros, or codes with zero scales */
    KC_WILD,      /* any exponent between 2^-60 and 2^60 */
    KC_BITS,      /* any bits: NaN, Inf, subnormals */
    KC_SUBNORMAL, /* subnormal floats and halves among normal ones */
    KC_DATA_COUNT
} kc_data;

extern const char *const kc_data_names[KC_DATA_COUNT];

/* How a buffer's rows are compared. */
typedef enum kc_cells { KC_CELLS_F32, KC_CELLS_I32, KC_CELLS_A32, KC_CELLS_A256 } kc_cells;

typedef struct kc_device {
    const ac_backend *backend;
    ac_dev *dev;
} kc_device;

/* What has been counted for one operation and type. */
typedef struct kc_row {
    char name[40];
    unsigned cases, failed;
    char first[400]; /* the first failure */
} kc_row;

typedef struct kc_check {
    kc_device device, ref;
    kc_level level;
    uint64_t seed;
    const char *type; /* only this weight type or form; NULL = all */
    bool verbose, bench;
    uint64_t bench_ns;        /* at least so long per case */
    FILE *write_vectors;      /* digests go here */
    struct kc_vector *vector; /* digests to compare with; NULL: compare with ref */
    size_t n_vectors;
    kc_row rows[96];
    unsigned n_rows;
} kc_check;

typedef struct kc_vector {
    char label[128], digest[33];
} kc_vector;

typedef struct kc_buf {
    kc_cells cells;
    uint32_t n;         /* elements of a row */
    bool input, output; /* both: in place */
    uint8_t *init;      /* rows * row_bytes */
} kc_buf;

typedef struct kc_case {
    kc_check *kc;
    kc_row *row;
    char label[128];
    uint64_t random;
    ac_plan plan;
    ac_op ops[KC_MAX];
    ac_plan_buf bufs[KC_MAX];
    kc_buf info[KC_MAX];
    ac_weight weights[KC_MAX];
    void *weight_memory[KC_MAX];
    size_t weight_map[KC_MAX];
    ac_plan_const consts[4];
    ac_run run;
    int32_t *token, *pos, *seq, *slot, *out_row, *pages;
    struct {
        uint32_t layers, pages, kv_heads, head_dim;
        uint8_t *init;
    } kv;
    uint64_t moved; /* bytes that must move at least, for --bench */
    uint64_t work;  /* multiply-adds */
} kc_case;

/* Starts a case of `rows` rows, counted in the line `name` of the table. label: what makes it different from
 * others. NULL when the command line leaves this line out. */
kc_case *kc_begin(kc_check *kc, const char *name, uint32_t rows, const char *label, ...) AC_PRINTF(4, 5);
/* Runs it everywhere, judges, frees it. */
void kc_end(kc_case *c);

/* Buffers: n elements a row. inout: an input that the operation writes in place. */
uint32_t kc_in(kc_case *c, const char *name, kc_cells cells, uint32_t n, kc_data data);
uint32_t kc_out(kc_case *c, const char *name, kc_cells cells, uint32_t n);
uint32_t kc_inout(kc_case *c, const char *name, uint32_t n, kc_data data);

uint32_t kc_weight(kc_case *c, ac_type type, uint64_t rows, uint64_t cols, kc_data data);
/* Takes over `data` (malloc). */
uint32_t kc_const(kc_case *c, void *data, uint64_t bytes);
ac_op *kc_op(kc_case *c, ac_op_kind kind, ac_rows rows);
/* Gives the case a cache; sequences take pages from a shuffled list. */
void kc_cache(kc_case *c, uint32_t layers, uint32_t seqs, uint32_t pages_each, uint32_t kv_heads,
              uint32_t head_dim);
/* Fills the cache as if positions had been stored. */
void kc_cache_fill(kc_case *c, kc_data data);
/* Row r is position pos of sequence seq. */
void kc_place(kc_case *c, uint32_t r, uint32_t seq, uint32_t pos);

/* The bytes of a row in an activation form. */
ac_form kc_form(kc_cells cells);
uint64_t kc_row_bytes(kc_cells cells, uint32_t n);

/* Data. Everything comes from splitmix64 (check.h), in the order of the calls. */
uint32_t kc_below(uint64_t *random, uint32_t end);
float kc_float(uint64_t *random, kc_data data);
void kc_floats(uint64_t *random, kc_data data, float *x, size_t n);
void kc_blocks(uint64_t *random, kc_data data, ac_type type, uint8_t *p, size_t blocks);
void kc_activation(uint64_t *random, kc_data data, ac_form form, uint32_t n, uint8_t *row);

/* One per operation, and two that check a backend as a whole. A missing one does not link. */
#define OP(name, text) void kc_test_##name(kc_check *kc);
#include <anychip/ops.def>
#undef OP
void kc_test_chain(kc_check *kc);
void kc_test_face(kc_check *kc);

/* Records a failure that is not a comparison. */
void kc_fail(kc_check *kc, kc_row *row, const char *format, ...) AC_PRINTF(3, 4);
/* The table's line `name`; NULL when the command line leaves it out. */
kc_row *kc_line(kc_check *kc, const char *name);

#endif
