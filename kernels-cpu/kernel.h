/* kernel.h - what a kernel gets, and the table it is found in.
 *
 * A plan's operation becomes a job: pointers and dimensions, resolved and checked by `prepare`. A slot of the
 * table says how a job splits into items and computes a range of them. The table starts full of ref/ and each
 * instruction set overwrites the slots it has, weakest first; so no slot is ever empty, and every slot gives
 * the same bits. */
#ifndef AC_CPU_KERNEL_H
#define AC_CPU_KERNEL_H

#include <anychip/backend.h>

/* ---- Jobs: one struct per operation, shapes as in backend.h ---------------------------------- */

/* Rows of a buffer: row r starts at p + r * stride. p is 256-byte aligned, stride a multiple of 4. */
typedef struct ac_cpu_rows {
    uint8_t *p;
    size_t stride;
} ac_cpu_rows;

static inline void *ac_cpu_row(ac_cpu_rows rows, size_t r) {
    return rows.p + r * rows.stride;
}

/* A weight in the file's mapping: [rows, cols], row r at p + r * stride, any alignment, read only. */
typedef struct ac_cpu_weight {
    const uint8_t *p;
    size_t stride;
    uint64_t rows, cols;
    ac_type type;
} ac_cpu_weight;

typedef struct ac_cpu_kv {
    uint8_t *p;
    ac_kv_layout lay;
    uint32_t layers, pages, kv_heads, head_dim;
} ac_cpu_kv;

/* The sub-block of 32 positions (0 .. 7 of its page) of a layer, page and KV head; layout in backend.h. */
static inline uint8_t *ac_cpu_kv_sub(const ac_cpu_kv *kv, uint32_t layer, uint32_t page, uint32_t kv_head,
                                     uint32_t sub) {
    size_t block = (((size_t)layer * kv->pages + page) * kv->kv_heads + kv_head) * (AC_PAGE / AC_SUB) + sub;
    return kv->p + block * kv->lay.sub_bytes;
}

typedef struct ac_cpu_embed {
    ac_cpu_weight w;
    ac_cpu_rows out;
    uint32_t n;
} ac_cpu_embed;
typedef struct ac_cpu_rms_norm {
    ac_cpu_rows x, out;
    const uint8_t *w;
    uint32_t n, groups;
    float eps, inv_n;
} ac_cpu_rms_norm;
typedef struct ac_cpu_quantize {
    ac_cpu_rows x, out;
    uint32_t n;
    ac_act_layout lay;
} ac_cpu_quantize;
typedef struct ac_cpu_matmul {
    ac_cpu_weight w;
    ac_cpu_rows x, out;
    uint32_t m, n;
    ac_act_layout lay;
} ac_cpu_matmul;
/* bias: F32 [n], any alignment, or NULL: then b. */
typedef struct ac_cpu_add {
    ac_cpu_rows a, b, out;
    const uint8_t *bias;
    uint32_t n;
} ac_cpu_add;
typedef struct ac_cpu_rope {
    ac_cpu_rows x;
    const float *table;
    uint32_t positions, heads, head_dim, rot;
    bool halves;
} ac_cpu_rope;
typedef struct ac_cpu_kv_store {
    ac_cpu_rows k, v;
    ac_cpu_kv kv;
    uint32_t layer;
} ac_cpu_kv_store;
typedef struct ac_cpu_attention {
    ac_cpu_rows q, out;
    ac_cpu_kv kv;
    uint32_t layer, heads;
    float scale;
} ac_cpu_attention;
typedef struct ac_cpu_glu {
    ac_cpu_rows gate, up, out;
    uint32_t n;
} ac_cpu_glu;
typedef struct ac_cpu_gather {
    ac_cpu_rows x, out;
    uint32_t n;
} ac_cpu_gather;
typedef struct ac_cpu_argmax {
    ac_cpu_rows x, out;
    uint32_t n;
} ac_cpu_argmax;

typedef struct ac_cpu_slot ac_cpu_slot;

typedef struct ac_cpu_job {
    const ac_cpu_slot *slot;
    ac_op_kind kind;
    ac_rows domain;
    uint32_t rows;      /* of this run: n_rows or n_out */
    uint32_t max_rows;  /* of any run */
    uint32_t max_pages; /* columns of run->pages */
    const ac_run *run;  /* this run's inputs, checked */
    bool joins;         /* it goes on where the job before ends, row by row: cpu_chain.c */
    void *shared; /* slot->shared_bytes bytes, 64-byte aligned; all threads see it, for what one stage leaves
                     to the next */
    union {
#define OP(name, text) ac_cpu_##name name;
#include <anychip/ops.def>
#undef OP
    };
} ac_cpu_job;

/* ---- The table ------------------------------------------------------------------------------- */

#define AC_CPU_STAGES 2

/* One stage of a kernel: items(job, threads) says into how many independent items this run's job splits
 * (NULL: one per row); work computes items first .. last - 1, with slot->thread_bytes bytes of scratch of its
 * own, 64-byte aligned, not cleared. Operations by row (ac_op_by_row) have one stage, and as many items for
 * each row, one row's after the other's. */
typedef struct ac_cpu_stage {
    uint32_t (*items)(const ac_cpu_job *job, uint32_t threads);
    void (*work)(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch);
} ac_cpu_stage;

struct ac_cpu_slot {
    const char *name; /* "ac_matmul_q4_k__ref" */
    ac_cpu_stage
        stage[AC_CPU_STAGES]; /* run one after the other with a barrier between; unused ones have no work */
    /* NULL, or what a thread does before its first items of a stage: it leaves in its scratch what they want
     */
    void (*begin)(const ac_cpu_job *job, void *scratch);
    uint32_t grain; /* items a thread takes at a time, of its share and then of what others left; 0: a part
                       of its share */
    size_t (*thread_bytes)(
        const ac_cpu_job *job); /* NULL: none. Both are asked once, in prepare: job->rows is max_rows */
    size_t (*shared_bytes)(const ac_cpu_job *job);
    const void *with; /* what the functions are specialised with; theirs to know */
};

/* matmul and embed have a slot per weight type, quantize one per form, the others one. */
typedef struct ac_cpu_table {
    ac_cpu_slot op[AC_OP_COUNT];
    ac_cpu_slot matmul[AC_TYPE_COUNT], embed[AC_TYPE_COUNT];
    ac_cpu_slot quantize[AC_FORM_COUNT];
} ac_cpu_table;

/* An instruction set: `have` asks the machine, `overlay` writes the slots it has. */
typedef struct ac_cpu_isa {
    const char *name;
    bool (*have)(void);
    void (*overlay)(ac_cpu_table *table);
} ac_cpu_isa;

/* The slot for an operation; `type` is that of its weight (matmul and embed). */
const ac_cpu_slot *ac__cpu_slot(const ac_cpu_table *table, const ac_op *op, ac_type type);

/* Fills `table` with the best this machine has, at or below the instruction set `limit` (NULL = no limit);
 * *isa is the strongest one used. AC_ERR_ARGUMENT lists the names known in this build when `limit` is none of
 * them, AC_ERR_UNSUPPORTED the best one here when the machine does not have `limit`. */
ac_status ac__cpu_table_fill(ac_cpu_table *table, const char *limit, const char **isa, ac_error *err);

void ac__cpu_overlay_ref(ac_cpu_table *table);
#ifdef __x86_64__
void ac__cpu_overlay_avx2(ac_cpu_table *table);
void ac__cpu_overlay_avx512(ac_cpu_table *table);
void ac__cpu_overlay_avx512vnni(ac_cpu_table *table);
bool ac__cpu_have_avx2(void);
bool ac__cpu_have_avx512(void);
bool ac__cpu_have_avx512vnni(void);
#endif
#ifdef AC_CPU_NEON
void ac__cpu_overlay_neon(ac_cpu_table *table);
void ac__cpu_overlay_neondotprod(ac_cpu_table *table);
void ac__cpu_overlay_neoni8mm(ac_cpu_table *table);
bool ac__cpu_have_neon(void);
bool ac__cpu_have_neondotprod(void);
bool ac__cpu_have_neoni8mm(void);
#endif

#endif
