/* vk_prog.h - a plan as steps: what is dispatched, with which bindings, touching which memory. */
#ifndef AC_VK_PROG_H
#define AC_VK_PROG_H

#include "vk.h"

enum { VK_RECORDINGS = 8, VK_USES = 8, VK_VARIANTS = 4 };

/* A range of memory that a step reads or writes, for barriers. */
typedef enum vk_space { VK_SPACE_ARENA, VK_SPACE_KV, VK_SPACE_WORK } vk_space;
typedef struct vk_use {
    uint8_t space;
    bool write;
    uint64_t from, to;
} vk_use;

typedef enum vk_step_kind {
    VK_STEP_ROWS,     /* grid gx x rows */
    VK_STEP_MATVEC,   /* a product: matvec.comp's variant, or matmul.comp, by number of rows */
    VK_STEP_ATTENTION /* two shaders over tiles of rows */
} vk_step_kind;

/* Bindings of a dispatch. */
typedef struct vk_binds {
    VkDescriptorBufferInfo at[VK_BINDINGS];
} vk_binds;

/* How matvec.comp is set up for a number of activation rows. */
typedef struct vk_matvec {
    uint32_t pipe, nr, rpt, seg;
} vk_matvec;

/* How matmul.comp is set up; rows_from: for runs of at least so many rows, 0 = never. */
typedef struct vk_tile {
    uint32_t pipe, rows_from, br, bc;
} vk_tile;

typedef struct vk_step {
    vk_step_kind kind;
    uint32_t op; /* the plan's operation it belongs to (the first, when fused) */
    ac_rows rows;
    uint32_t set; /* descriptor set */
    uint32_t gx;
    uint32_t pipe, pipe_join, pipe_single; /* single: one head per workgroup, for few rows */
    uint32_t push[VK_PUSH];
    vk_use use[VK_USES];
    uint32_t n_use;
    /* matvec */
    vk_matvec variant[VK_VARIANTS];
    vk_tile tile;
    uint32_t n_variants, m, chunks, groups, threads;
    /* attention */
    uint32_t heads, tiles, head_dim;
    uint32_t parts, part_pages; /* of the layer: a set for each, from `set` on */
    uint32_t push_join[VK_PUSH], join_gx, join_row0,
        join_pages; /* which push constants are the first row and the pages */
} vk_step;

/* The shape of a run that commands are recorded for. */
typedef struct vk_shape {
    uint32_t n_rows, n_out, pages;
    bool profile;
} vk_shape;

/* Commands in slices, each a submission of its own. */
typedef struct vk_recording {
    vk_shape shape;
    VkCommandBuffer *cmds;
    uint32_t n_cmds, cap_cmds;
    uint64_t slice, largest, cost; /* multiply-adds: wanted at most, of the largest slice, of all */
    uint64_t used;                 /* for the choice of which to give up */
    bool valid;
} vk_recording;

struct ac_prog {
    ac_dev *dev;
    ac_weights *w;
    ac_kv_mem *kv;
    const ac_plan *plan;
    vk_buf arena, inputs, consts, work, out;
    uint64_t *const_at; /* offsets in consts */
    uint64_t *out_at;   /* per buffer: offset in `out`, UINT64_MAX when it is no output */
    uint32_t in_token, in_pos, in_seq, in_slot, in_out_row, in_pages; /* word offsets in inputs */
    uint64_t work_words;
    vk_step *steps;
    uint32_t n_steps, cap_steps;
    vk_binds *binds; /* per set, until the sets are written */
    uint32_t n_sets, cap_sets;
    VkDescriptorPool pool;
    VkDescriptorSet *sets;
    vk_recording rec[VK_RECORDINGS];
    uint64_t clock;
    uint64_t pending; /* timeline value of the run under way, 0 when none */
    uint64_t cost;    /* multiply-adds of that run */
    double since;     /* when it was submitted */
    bool profile;
    VkQueryPool queries;
    uint32_t last_out; /* n_out and n_rows of the last run: what `out` holds */
    uint32_t last_rows;
    bool has_run;
    struct {
        uint64_t token, pos;
        bool stores, gathers, attends;
    } limit; /* what a run's inputs must stay below */
};

/* vk_plan.c: checks the plan and fills steps, bindings and pipelines wanted. AC_ERR_ARGUMENT, AC_ERR_LIMIT,
 * AC_ERR_MEMORY. */
ac_status vk_plan_steps(ac_prog *p, ac_error *err);

/* vk_record.c: the commands for a shape, recorded now or earlier. */
ac_status vk_record(ac_prog *p, const vk_shape *shape, vk_recording **out, ac_error *err);

/* Bytes of shared memory of a tiled product with tiles of br rows of x and bc rows of a weight; numbers:
 * elements of a fragment that are numbered in it. */
uint32_t vk_tile_bytes(ac_type type, uint32_t br, uint32_t bc, uint32_t numbers);

/* Rows of the work space of attention for runs of `pages` pages. */
uint32_t vk_attention_tile(const ac_prog *p, const vk_step *s, uint32_t pages);

/* vk_run.c */
ac_status vk_prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                     ac_error *err);
void vk_release(ac_prog *p);
uint64_t vk_prog_bytes(const ac_prog *p);
ac_status vk_run(ac_prog *p, const ac_run *run, ac_error *err);
ac_status vk_wait(ac_prog *p, ac_error *err);
ac_status vk_write(ac_prog *p, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                   ac_error *err);
ac_status vk_read(ac_prog *p, uint32_t buf, uint64_t offset, void *host, uint64_t bytes, ac_error *err);
ac_status vk_profile(ac_prog *p, bool on, ac_error *err);
ac_status vk_times(ac_prog *p, uint64_t *ns, ac_error *err);

#endif
