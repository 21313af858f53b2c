/* anychip/backend.h - the porting face: the smallest thing that can run a plan.
 *
 * A backend is a set of functions (ac_backend) reached through one exported symbol, `ac_backend_entry`. The
 * engine turns a model into a plan, a flat list of operations over planned buffers, and hands it over once
 * (`prepare`); after that a run changes only the inputs in ac_run, so that a backend may record its commands
 * once and replay them. A backend knows nothing of transformers; the engine knows nothing of chips.
 *
 * Every result must have the bits that docs/numerics.md defines; `tests/kernels` compares with
 * kernels-cpu/ref. Threads: calls for one ac_dev come from one thread at a time; different devices may be
 * used at the same time. Ownership: what a function creates is destroyed by its counterpart; on failure *out
 * is NULL and nothing is left behind. No function prints, exits or aborts. docs/porting.md leads through a
 * port. */
#ifndef ANYCHIP_BACKEND_H
#define ANYCHIP_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <anychip/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AC_BACKEND_ABI 1u
#define AC_SPEC_VERSION 1u /* of docs/numerics.md */
#define AC_CHUNK 256u      /* elements of a chunk of K */
#define AC_PAGE 256u       /* positions of a KV page = of an attention chunk */
#define AC_SUB 32u         /* positions of a sub-block of a page */
#define AC_NONE 0xffffffffu

/* ---- 1. Operations ---- */

typedef enum ac_op_kind {
#define OP(name, text) AC_OP_##name,
#include <anychip/ops.def>
#undef OP
    AC_OP_COUNT
} ac_op_kind;

/* The name and the one-line description of an operation; NULL when out of range. Thread-safe. */
AC_API const char *ac_op_name(ac_op_kind kind);
AC_API const char *ac_op_text(ac_op_kind kind);

/* Buffers are named by their index in ac_plan.bufs, weights by their index in ac_plan.weights.
 * A buffer holds `rows` rows of `row_bytes`; float32 rows unless said otherwise. Row r of every buffer
 * belongs to row r of the run. */

/* out[r][0..n) = row token[r] of w [vocab, n]. Reads ac_run.token. Out-of-range tokens never reach a backend.
 */
typedef struct ac_op_embed {
    uint32_t w, out;
} ac_op_embed;

/* For each of `groups` consecutive groups of n elements of a row: out = norm(x) * w[0..n). In place allowed
 * (out == x). w is F32 [1, n]. */
typedef struct ac_op_rms_norm {
    uint32_t x, w, out, n, groups;
    float eps, inv_n;
} ac_op_rms_norm;

/* out[r] = x[r][0..n) in `form`, laid out as ac_act_layout says. */
typedef struct ac_op_quantize {
    uint32_t x, out, n;
    ac_form form;
} ac_op_quantize;

/* out[r][0..m) = w [m, n] times x[r][0..n), x in the form of w's type. */
typedef struct ac_op_matmul {
    uint32_t w, x, out, m, n;
} ac_op_matmul;

/* out[r] = a[r] + b[r] when bias == AC_NONE, else a[r] + weight `bias` (F32 [1, n]; b unused). In place
 * allowed (out == a or b). */
typedef struct ac_op_add {
    uint32_t a, b, bias, out, n;
} ac_op_add;

/* Rotates the first `rot` channels of each head of x in place; angles are row pos[r] of constant `table`:
 * float32 [position][rot / 2][2], cosine then sine. halves: pairs (i, i + rot/2), else (2i, 2i + 1). */
typedef struct ac_op_rope {
    uint32_t x, table, heads, head_dim, rot, halves;
} ac_op_rope;

/* Stores row r of k and v [kv_heads, head_dim] as codes at ac_run.slot[r] of KV layer `layer`. */
typedef struct ac_op_kv_store {
    uint32_t k, v, layer, kv_heads, head_dim;
} ac_op_kv_store;

/* out[r] [heads, head_dim] = attention of q[r] [heads, head_dim] over positions 0 .. pos[r] of sequence
 * seq[r]; head h uses KV head h / (heads / kv_heads). */
typedef struct ac_op_attention {
    uint32_t q, out, layer, heads, kv_heads, head_dim;
    float scale;
} ac_op_attention;

/* out = silu(gate) * up, n elements. In place allowed. */
typedef struct ac_op_glu {
    uint32_t gate, up, out, n;
} ac_op_glu;

/* out[i] = x[out_row[i]], i < ac_run.n_out, n float32 elements. */
typedef struct ac_op_gather {
    uint32_t x, out, n;
} ac_op_gather;

/* out[i] = int32 index of the largest of x[i][0..n). */
typedef struct ac_op_argmax {
    uint32_t x, out, n;
} ac_op_argmax;

/* Whether an operation runs over all rows of a run (n_rows) or over the gathered ones (n_out). gather itself:
 * AC_ROWS_OUT. */
typedef enum ac_rows { AC_ROWS_ALL, AC_ROWS_OUT } ac_rows;

typedef struct ac_op {
    ac_op_kind kind;
    ac_rows rows;
    union {
#define OP(name, text) ac_op_##name name;
#include <anychip/ops.def>
#undef OP
    };
} ac_op;

/* Which buffers an operation reads and writes (AC_NONE fills unused places), for barriers. KV is not a
 * buffer: kv_store writes it, attention reads it. In-place operations list the buffer in both. Thread-safe.
 */
typedef struct ac_op_uses {
    uint32_t read[3], write[1];
} ac_op_uses;
AC_API ac_op_uses ac_op_buffers(const ac_op *op);

/* Whether an operation is a little work on each row by itself: embed, rms_norm, quantize, add, rope, kv_store
 * and glu. Such operations that follow each other in a plan, over the same rows, may be done as one, all of
 * them on a row before the next: the engine keeps apart the buffers that they use. Thread-safe. */
AC_API bool ac_op_by_row(ac_op_kind kind);

/* ---- 2. Layouts ---- */

/* A row in an activation form, byte offsets from the row's start; `n` elements (a multiple of 32 for A32, of
 * 256 for A256).
 *
 *   F32:  float x[n]
 *   A32:  int8 q[n]; float d[n/32]; int16 s[n/32]
 *   A256: int8 q[n]; float D[n/256]; uint8 f[n/32]; int16 s[n/16]
 *
 * Each array starts at the offset given (multiples of 16); row_bytes is a multiple of 64. Unused ones: 0. */
typedef struct ac_act_layout {
    size_t q, d, f, s, row_bytes;
} ac_act_layout;
AC_API ac_act_layout ac_act_layout_of(ac_form form, size_t n);

/* The KV cache is paged: a page holds AC_PAGE positions of one sequence, for all layers. Position t of a
 * sequence lies in its page t / 256; slot = page * 256 + t % 256. Inside a layer and page, per KV head, eight
 * sub-blocks of 32 positions:
 *
 *   int16 k[even / 2][32 positions][2 channels]   even: head_dim rounded up to even, the rest is 0
 *   float dk[groups][32 positions]                groups = ceil(head_dim / 32)
 *   int16 v[16 position pairs][even][2 positions]
 *   float dv[32]
 *
 * Offsets in bytes from the sub-block's start; a sub-block is a multiple of 64 bytes, at
 *   (((layer * pages + page) * kv_heads + kv_head) * 8 + sub) * sub_bytes.
 * The layout is the same on every device, so a cache can move from one to another. */
typedef struct ac_kv_layout {
    size_t k, dk, v, dv, sub_bytes, page_bytes /* one layer, all heads */;
} ac_kv_layout;
AC_API ac_kv_layout ac_kv_layout_of(uint32_t kv_heads, uint32_t head_dim);

/* ---- 3. The plan ---- */

/* A tensor of the file, [rows, cols], in GGUF's block layout. */
typedef struct ac_weight {
    const char *name; /* for messages; lives as long as the weights */
    ac_type type;
    uint64_t rows, cols;
    const void *data; /* read-only host mapping, valid until `unload`; alignment: 32 bytes normally, never
                         assume more than 1 */
    uint64_t bytes;
    const void *map; /* start of the (page-aligned) mapping that holds data, NULL when it is plain memory */
    uint64_t map_bytes; /* size of that mapping */
} ac_weight;

typedef enum ac_buf_kind {
    AC_BUF_SCRATCH, /* lives inside a run */
    AC_BUF_INPUT,   /* written by the host before a run (`write`), float32 rows */
    AC_BUF_OUTPUT   /* read by the host after a run (`read`) */
} ac_buf_kind;

/* Buffers share one arena: those whose offsets overlap are never alive at the same time, a run of operations
 * by row (ac_op_by_row) being one time. */
typedef struct ac_plan_buf {
    const char *name;
    ac_buf_kind kind;
    uint64_t offset;    /* in the arena, a multiple of 256 */
    uint64_t row_bytes; /* a multiple of 4 */
    uint32_t rows;
} ac_plan_buf;

/* Read-only data made by the engine, such as RoPE tables. Copied or uploaded by `prepare`. */
typedef struct ac_plan_const {
    const char *name;
    const void *data;
    uint64_t bytes;
} ac_plan_const;

typedef struct ac_plan {
    const ac_op *ops;
    uint32_t n_ops;
    const ac_plan_buf *bufs;
    uint32_t n_bufs;
    uint64_t arena_bytes;
    const ac_plan_const *consts;
    uint32_t n_consts;
    const ac_weight *weights; /* what `load` was given, in the same order */
    uint32_t n_weights;
    uint32_t max_rows, max_out; /* largest n_rows and n_out of a run; max_out <= max_rows */
    uint32_t max_seqs;          /* rows of ac_run.pages */
    uint32_t max_pages;         /* pages per sequence = columns of ac_run.pages */
} ac_plan;

/* What changes from run to run. All arrays are the caller's and are only read until `run` returns. */
typedef struct ac_run {
    uint32_t n_rows, n_out;
    const int32_t *token;   /* [n_rows]; in [0, vocab) */
    const int32_t *pos;     /* [n_rows]; position in its sequence */
    const int32_t *seq;     /* [n_rows]; row of `pages` */
    const int32_t *slot;    /* [n_rows]; where kv_store puts it */
    const int32_t *out_row; /* [n_out]; strictly increasing rows, for gather */
    const int32_t *pages;   /* [max_seqs][max_pages]; entries beyond a sequence's length are 0 */
    uint32_t n_pages_used;  /* no row reads a column of `pages` at or beyond this */
} ac_run;

/* ---- 4. The backend ---- */

typedef struct ac_dev ac_dev;         /* an opened device */
typedef struct ac_weights ac_weights; /* weights on a device */
typedef struct ac_kv_mem ac_kv_mem;   /* a KV cache on a device */
typedef struct ac_prog ac_prog;       /* a prepared plan */

/* One device as `enumerate` sees it; `open` may refuse it yet. */
typedef struct ac_device_info {
    char name[128];                     /* as its driver calls it */
    char driver[128];                   /* name and version */
    char kind[16];                      /* "cpu", "gpu", "accelerator", "other" */
    char detail[256];                   /* rungs and features in words, or why it cannot be used */
    uint64_t memory_total, memory_free; /* bytes; 0 = not known */
    bool shares_host_memory;
    bool usable;
} ac_device_info;

typedef struct ac_open_settings {
    uint32_t index;   /* of enumerate's list */
    uint32_t threads; /* CPU: 0 = as many as there are physical cores allowed */
    const char *mask; /* features to switch off or an instruction set to stay at or below; NULL = none. Words
                         are the backend's own */
    bool force;       /* use the device although its witness test failed */
    const char *cache_dir;                                /* for compiled kernels; NULL = none */
    void (*log)(void *user, int level, const char *text); /* may be NULL */
    void *log_user;
    /* Asked, when not NULL, as soon as name and driver are known: the numbers measured for this device, as
     * words "name=N,name=N" of a mask. Words that are unknown or out of range are to be left out; those of
     * `mask` come after them. False when there are none. */
    bool (*tuning)(void *user, const ac_device_info *device, char *words, size_t cap);
    void *tuning_user;
} ac_open_settings;

/* A number that changes how fast an open device is and nothing else, settable by the word "name=N" of a mask.
 */
typedef struct ac_tunable {
    const char *name;
    uint32_t value, choices[12], n_choices; /* choices: values worth a try, `value` among them or not */
} ac_tunable;

typedef struct ac_backend {
    uint32_t abi;      /* AC_BACKEND_ABI */
    const char *name;  /* "cpu", "cl", "vk"; the word before ':' in a device's name: 1 to 9 of a-z and 0-9.
                          The module's file is anychip-NAME.so */
    const char *title; /* "OpenCL" */

    /* Lists devices: fills up to `cap` of `list` (may be NULL), sets *count to how many there are. With none,
     * AC_ERR_DEVICE and a detail that says what is missing and what brings it. */
    ac_status (*enumerate)(ac_device_info *list, size_t cap, size_t *count, ac_error *err);

    /* Opens a device and runs its witness test (AC_ERR_WITNESS names what failed). */
    ac_status (*open)(const ac_open_settings *how, ac_dev **out, ac_error *err);
    void (*close)(ac_dev *dev); /* after everything made from it is gone; NULL-safe, like all that destroy */
    void (*describe)(ac_dev *dev, ac_device_info *out);

    /* Brings weights to the device: by reference where it can compute from the mapping, else by upload.
     * `progress` (may be NULL) is called with bytes done and in all, and cancels with AC_ERR_CANCELLED when
     * it returns false. */
    ac_status (*load)(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *user, uint64_t done, uint64_t all), void *user, ac_weights **out,
                      ac_error *err);
    void (*unload)(ac_weights *w);

    /* A zeroed cache of layers x pages (see ac_kv_layout). copy/read/write move whole pages of all layers:
     * layers * page_bytes. */
    ac_status (*kv_create)(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                           ac_kv_mem **out, ac_error *err);
    ac_status (*kv_copy)(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err);
    ac_status (*kv_read)(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err);
    ac_status (*kv_write)(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err);
    void (*kv_destroy)(ac_kv_mem *kv);

    /* Makes a plan runnable; `plan` and what it points to (consts excepted) stay valid until `release`. kv
     * may be NULL when no operation uses it. Several programs may share weights and cache. */
    ac_status (*prepare)(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                         ac_error *err);
    void (*release)(ac_prog *prog);
    uint64_t (*prog_bytes)(const ac_prog *prog); /* device memory it holds */

    /* Starts a run (may return before it is done); `wait` returns when it is done. At most one run of a
     * program is under way. */
    ac_status (*run)(ac_prog *prog, const ac_run *run, ac_error *err);
    ac_status (*wait)(ac_prog *prog, ac_error *err);

    /* Bytes [offset, offset + bytes) of a buffer; not while a run is under way. Any buffer may be read and
     * written (tests do). */
    ac_status (*write)(ac_prog *prog, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                       ac_error *err);
    ac_status (*read)(ac_prog *prog, uint32_t buf, uint64_t offset, void *host, uint64_t bytes,
                      ac_error *err);

    /* Time per operation of the last run in nanoseconds, ns[n_ops]; NULL when it cannot. profile(on) before
     * the run. */
    ac_status (*profile)(ac_prog *prog, bool on, ac_error *err);
    ac_status (*times)(ac_prog *prog, uint64_t *ns, ac_error *err);

    /* The i-th number worth tuning, as the device is set now, most important first; false past the end. May
     * be NULL: none. */
    bool (*tunable)(ac_dev *dev, uint32_t i, ac_tunable *out);
} ac_backend;

/* ---- 5. Floating point on the host ---- */

/* For what a backend computes on the host. `enter` saves the calling thread's floating-point settings and
 * sets what docs/numerics.md wants: round to nearest, subnormals kept, no traps. `leave` brings them back,
 * with the flags that were raised. Calls nest. The engine does this around every call of a backend. */
typedef struct ac_fpenv {
    uint64_t word[8];
} ac_fpenv;
AC_API void ac_fp_enter(ac_fpenv *saved);
AC_API void ac_fp_leave(const ac_fpenv *saved);

/* ---- 6. A cache on disk ---- */

/* A file of a backend's cache, for reading; the caller closes it. NULL when it cannot be opened or is no
 * regular file: of a pipe nobody waits for the other end. Thread-safe. */
AC_API FILE *ac_cache_open(const char *path);

/* The one symbol of a backend module: returns its table, or NULL when it does not speak ABI `abi`. */
typedef const ac_backend *(*ac_backend_entry_fn)(uint32_t abi);
#define AC_BACKEND_ENTRY "ac_backend_entry"

#ifdef __cplusplus
}
#endif
#endif
