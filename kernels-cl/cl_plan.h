/* cl_plan.h - a prepared plan: a list of launches whose arguments are set once. */
#ifndef AC_CL_PLAN_H
#define AC_CL_PLAN_H

#include "cl_memory.h"

/* How many work-groups a launch has along one dimension. */
typedef enum ac_cl_count {
    AC_CL_FIXED, /* n */
    AC_CL_ROWS,  /* rows of the run / n, rounded up */
    AC_CL_PAGES  /* pages in use */
} ac_cl_count;

typedef struct ac_cl_dim {
    ac_cl_count count;
    uint32_t n, local;
} ac_cl_dim;

typedef struct ac_cl_launch {
    cl_kernel kernel;
    uint32_t op;                 /* of the plan, for the profile */
    ac_rows rows;                /* of the run */
    uint32_t rows_from, rows_to; /* launched when rows_from <= rows < rows_to */
    uint32_t n_dims;
    bool exchanges; /* its program may count on sub-groups */
    ac_cl_dim dim[3];
    uint32_t group_rows;  /* matmul: weight rows of a work-group */
    uint32_t most_groups; /* matmul: not 0: so many along dimension 1, the rows, in one launch */
    uint32_t slice; /* not 0: dimension 2 is the rows, launched in slices of this many together with the next
                       launch */
} ac_cl_launch;

/* Where the lists of a run lie in the inputs buffer, in int32. */
typedef struct ac_cl_inputs {
    uint32_t n_rows, n_out, token, pos, seq, slot, out_row, pages, size;
} ac_cl_inputs;

/* Launches of all operations for runs of one shape (cl_record.c). */
typedef struct ac_cl_record {
    ac_cl_buffer buffer;
    uint32_t rows, out, pages;
} ac_cl_record;

enum { AC_CL_RECORDS = 4 };

struct ac_prog {
    ac_dev *dev;
    const ac_weights *weights;
    const ac_kv_mem *kv;
    const ac_plan *plan;
    cl_mem arena, inputs, parts; /* parts: attention's partial results */
    uint64_t parts_bytes;
    cl_mem *consts;
    ac_cl_inputs in;
    int32_t *host; /* what the inputs buffer holds, or will when the queue gets there */
    ac_cl_launch *launches;
    uint32_t n_launches, cap_launches;
    bool profiling;
    ac_cl_record records[AC_CL_RECORDS], before; /* before: the last run's shape */
    uint32_t next_record;
    ac_cl_buffer recording; /* launches go there instead of the queue */
    cl_event *events;       /* per launch and slice of the last profiled run */
    uint32_t *event_op;
    uint32_t n_events, cap_events;
    bool under_way, unsure; /* unsure: waiting failed, so the device may still read `host` */
    /* while lowering */
    uint32_t rows_from; /* launches are for runs of so many rows and more */
    ac_cl_want *wants;  /* programs asked for, when `collecting`: then no launch is made */
    uint32_t n_wants;
    bool collecting;
    ac_cl_launch spare;
    uint32_t covering; /* operations that the launch in hand covers */
    uint32_t most_items; /* work-items a kernel takes that was refused for its group's size */
};

/* Setting arguments one after the other; the first failure stays. */
typedef struct ac_cl_args {
    cl_kernel kernel;
    cl_uint n;
    cl_int rc;
} ac_cl_args;

void ac__cl_arg_mem(ac_cl_args *a, cl_mem mem);
void ac__cl_arg_u32(ac_cl_args *a, uint32_t v);
void ac__cl_arg_u64(ac_cl_args *a, uint64_t v);
void ac__cl_arg_f32(ac_cl_args *a, float v);
/* A buffer of the plan: byte offset in the arena, then the bytes of a row. */
void ac__cl_arg_buf(ac_cl_args *a, const ac_prog *p, uint32_t buf);

/* Makes a kernel and a launch of it with `rows` and `op` set; its arguments start at *args. The launch is the
 * last of the list. */
ac_status ac__cl_launch_new(ac_prog *p, ac_cl_unit unit, const char *options, const char *kernel, uint32_t op,
                            ac_cl_args *args, ac_cl_launch **out, ac_error *err);
/* Checks that all arguments were taken. */
ac_status ac__cl_launch_done(const ac_prog *p, const ac_cl_args *args, uint32_t op, ac_error *err);

/* The tensor of a weight that is one row in one piece, such as a norm's: buffer and byte offset. */
void ac__cl_arg_vector(ac_cl_args *a, const ac_prog *p, uint32_t weight);

/* Adds the launches of operation `op` of the plan, and says how many operations they cover (fusion). */
ac_status ac__cl_lower(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err);
/* The same for this operation alone. */
ac_status ac__cl_lower_one(ac_prog *p, uint32_t op, ac_error *err);
ac_status ac__cl_lower_matmul(ac_prog *p, uint32_t op, ac_error *err);
ac_status ac__cl_lower_attention(ac_prog *p, uint32_t op, ac_error *err);
/* attention with the quantize of its result, NULL for none. */
ac_status ac__cl_lower_attention_with(ac_prog *p, uint32_t op, const ac_op_quantize *q, ac_error *err);
/* Launches for several operations from `op` on, when a pattern fits: *covered is how many, else 0. */
ac_status ac__cl_fuse(ac_prog *p, uint32_t op, uint32_t *covered, ac_error *err);

/* Enqueues (or records) the launches of a run; *op is the last one tried. */
cl_int ac__cl_launch_all(ac_prog *p, cl_command_queue q, const ac_run *run, uint32_t *op);

/* A launch of a matmul kernel for runs of `from` <= rows < `to`; its arguments up to those that all matmul
 * kernels share are set. kernel NULL: the one for that many rows. */
ac_status ac__cl_matmul_launch(ac_prog *p, uint32_t op, const ac_cl_segment *s, const char *kernel,
                               uint32_t from, uint32_t to, ac_cl_args *a, ac_cl_launch **l, ac_error *err);
/* The first number of rows for which products with this tensor do not share launches. */
uint32_t ac__cl_fused_end(const ac_dev *dev, const ac_cl_tensor *t);

/* The program with `kernel`, embed or one for products with a tensor and this many rows of x: its unit, and
 * options such as "-DTYPE_Q4_K -DCOLS=1". */
ac_cl_unit ac__cl_matmul_unit(const ac_dev *dev, const ac_cl_tensor *t, uint32_t rows, const char *kernel,
                              char *options, size_t cap);

#endif
