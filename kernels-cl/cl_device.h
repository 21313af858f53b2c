/* cl_device.h - an opened OpenCL device: what it can do, what is masked, how it is tuned. */
#ifndef AC_CL_DEVICE_H
#define AC_CL_DEVICE_H

#include <anychip/backend.h>

#include "cl_api.h"
#include "cl_program.h"
#include "cl_quirks.h"
#include "cl_record.h"
#include "cl_subgroup.h"

/* Features that can be masked: X(name, what it is). */
#define AC_CL_FEATURES(X)                                                                                    \
    X(group, "work-group kernels of matmul")                                                                 \
    X(tile, "tiled matmul for many rows")                                                                    \
    X(dot, "integer dot product instructions")                                                               \
    X(subgroup, "exchanges by shuffles in sub-groups")                                                       \
    X(pairs, "multiply-adds of pairs, asked of CPU compilers by name")                                       \
    X(zerocopy, "weights read from the host's mapping")                                                      \
    X(planar, "uploaded weights sorted by field")                                                            \
    X(fuse, "several operations in one launch")                                                              \
    X(record, "launches recorded once (cl_khr_command_buffer)")                                              \
    X(cache, "compiled programs kept on disk")

typedef struct ac_cl_features {
#define X(name, text) bool name;
    AC_CL_FEATURES(X)
#undef X
} ac_cl_features;

typedef struct ac_cl_caps {
    char name[128], driver[128], platform[128], kind[16];
    char refused[160]; /* why it cannot be used at all; "" when it can */
    cl_device_type type;
    bool unified, local_is_fast, dot_khr, record;
    uint64_t memory, max_alloc, local_bytes;
    uint32_t units, max_group, base_align;
    uint32_t version;        /* 12 for OpenCL 1.2 */
    uint32_t shuffles;       /* bits of ac_cl_shuffle: what exchanges in sub-groups may come from */
    ac_cl_shuffle shuffle;   /* the one used */
    uint32_t subgroup_sizes; /* that kernels may ask for, as bits; 0: the driver chooses */
    ac_cl_quirks quirks;
} ac_cl_caps;

/* Numbers that only change speed. X(name, smallest, largest): a device class gives each a value, a file may
 * override them. */
#define AC_CL_TUNING(X)                                                                                      \
    X(row_group, 1, 1024)   /* work-items of kernels that make a row together */                             \
    X(item_group, 1, 1024)  /* work-items per group of kernels without cooperation */                        \
    X(item_cols, 1, 16)     /* rows of x a matmul_item has */                                                \
    X(panel_from, 2, 4096)  /* rows of x from which matmul_panel is used */                                  \
    X(panel_rows, 1, 4)     /* weight rows of a matmul_panel, in eights */                                   \
    X(panel_cols, 1, 256)   /* rows of x of a matmul_panel */                                                \
    X(use_group, 0, 1)      /* matmul by work-groups rather than by items */                                 \
    X(group_size, 8, 1024)  /* work-items of matmul_group */                                                 \
    X(group_rows, 1, 16)    /* weight rows of a matmul_group */                                              \
    X(group_cols, 1, 8)     /* most rows of x of a matmul_group */                                           \
    X(subgroup_size, 0, 32) /* neighbours that exchange by shuffles; below 8: none */                        \
    X(tile_from, 2, 4096)   /* rows of x from which matmul_tile is used */                                   \
    X(tile_wide, 2, 4096)   /* rows of x from which its tiles are 64 wide, not 16 */                         \
    X(launch_bits, 8, 48)   /* multiply-adds of a launch of a product, as a power of 2 */                    \
    X(use_record, 0, 1)     /* launches recorded and replayed */

typedef struct ac_cl_tuning {
#define X(name, low, high) uint32_t name;
    AC_CL_TUNING(X)
#undef X
} ac_cl_tuning;

typedef struct ac_cl_built ac_cl_built; /* a program of this device (cl_program.c) */

struct ac_dev {
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue, profiling; /* the second is made when it is first asked for */
    ac_cl_caps caps;
    ac_cl_features features;
    ac_cl_tuning tuning;
    ac_cl_record_api record;
    ac_cl_built *programs;
    uint64_t used;             /* bytes of buffers made */
    char *cache_dir;           /* NULL: none */
    bool cache_told;           /* that it cannot be written */
    char witness[160];         /* what the probes said */
    char options[96];          /* options of every program */
    char subgroup_options[64]; /* and of those whose items exchange values */
    bool guarded;              /* products are held to their rounding (common.cl) */
    void (*log)(void *user, int level, const char *text);
    void *log_user;
};

/* Lines for the caller's log, when there is one. */
void ac__cl_log(const ac_dev *dev, int level, const char *format, ...) AC_PRINTF(3, 4);

bool ac__cl_has_extension(cl_device_id id, const char *name);
/* What a device is and can do. */
void ac__cl_caps_read(cl_platform_id platform, cl_device_id id, ac_cl_caps *caps);

/* Reads a mask such as "dot,zerocopy,wg=8,local=16384,alloc=1048576" into features and caps. AC_ERR_ARGUMENT
 * names an unknown word. */
ac_status ac__cl_mask(const char *mask, ac_cl_features *features, ac_cl_caps *caps, ac_error *err);

/* The numbers for this device: its class's row, then what was measured (how->tuning), then words "name=N" of
 * the mask, limited to what the caps allow. */
void ac__cl_tune(ac_dev *dev, const ac_open_settings *how);
/* Limits them to groups of at most max_group work-items. */
void ac__cl_tune_limit(ac_dev *dev, uint32_t max_group);
bool ac__cl_tunable(ac_dev *dev, uint32_t i, ac_tunable *out);
/* Whether a word of a mask is a tuning number in its range; sets it in *t (may be NULL). */
bool ac__cl_tune_word(const char *word, ac_cl_tuning *t);

/* Runs the probes of witness.cl; fills dev->witness. AC_ERR_WITNESS names what failed. */
ac_status ac__cl_witness(ac_dev *dev, ac_error *err);

/* Runs the probes of witness_subgroup.cl. *size: of the sub-groups that the driver gives, 0 when unknown. */
ac_status ac__cl_witness_subgroup(ac_dev *dev, size_t *size, ac_error *err);

/* A buffer, counted in dev->used. AC_ERR_DEVICE_MEMORY with the numbers when it does not fit. */
ac_status ac__cl_buffer(ac_dev *dev, cl_mem_flags flags, uint64_t bytes, void *host, const char *what,
                        cl_mem *out, ac_error *err);
void ac__cl_buffer_release(ac_dev *dev, cl_mem *mem, uint64_t bytes);
/* Blocking write of a part of a buffer of `all` bytes. */
cl_int ac__cl_put(ac_dev *dev, cl_mem mem, uint64_t at, const void *host, uint64_t bytes, uint64_t all);
/* Sends what is in the queue on its way, where that is no hindrance to waiting for it. */
cl_int ac__cl_flush(const ac_dev *dev, cl_command_queue q);
/* Whether `bytes` more fit; `what` is for the detail. */
ac_status ac__cl_room(const ac_dev *dev, uint64_t bytes, const char *what, ac_error *err);

/* ---- The functions of ac_backend, by file
 * ----------------------------------------------------------------------- */

ac_status ac__cl_load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                      bool (*progress)(void *, uint64_t, uint64_t), void *user, ac_weights **out,
                      ac_error *err);
void ac__cl_unload(ac_weights *w);
ac_status ac__cl_kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                           ac_kv_mem **out, ac_error *err);
ac_status ac__cl_kv_copy(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err);
ac_status ac__cl_kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err);
ac_status ac__cl_kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err);
void ac__cl_kv_destroy(ac_kv_mem *kv);
ac_status ac__cl_prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                         ac_error *err);
void ac__cl_release(ac_prog *prog);
uint64_t ac__cl_prog_bytes(const ac_prog *prog);
ac_status ac__cl_run(ac_prog *prog, const ac_run *run, ac_error *err);
ac_status ac__cl_wait(ac_prog *prog, ac_error *err);
ac_status ac__cl_write(ac_prog *prog, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                       ac_error *err);
ac_status ac__cl_read(ac_prog *prog, uint32_t buf, uint64_t offset, void *host, uint64_t bytes,
                      ac_error *err);
ac_status ac__cl_profile(ac_prog *prog, bool on, ac_error *err);
ac_status ac__cl_times(ac_prog *prog, uint64_t *ns, ac_error *err);

#endif
