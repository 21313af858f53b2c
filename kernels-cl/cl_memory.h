/* cl_memory.h - weights and KV caches on a device. */
#ifndef AC_CL_MEMORY_H
#define AC_CL_MEMORY_H

#include "cl_device.h"

/* Rows [first, first + rows) of a tensor: row r at byte `at` + (r - first) * row_bytes of `mem`. */
typedef struct ac_cl_segment {
    cl_mem mem;
    uint64_t at;
    uint32_t first, rows;
} ac_cl_segment;

typedef struct ac_cl_tensor {
    ac_type type;
    bool planar; /* sorted by field (blocks.cl) */
    uint32_t rows, cols, row_bytes;
    ac_cl_segment *segments;
    uint32_t n_segments;
} ac_cl_tensor;

/* A buffer that weights own: `bytes` are counted; `host` is set when it is a window of the host's mapping,
 * which is not. */
typedef struct ac_cl_mem {
    cl_mem mem;
    uint64_t bytes;
    const void *host;
} ac_cl_mem;

struct ac_weights {
    ac_dev *dev;
    ac_cl_tensor *tensors;
    uint32_t n;
    ac_cl_mem *mems;
    uint32_t n_mems;
};

struct ac_kv_mem {
    ac_dev *dev;
    cl_mem *layers; /* one buffer each */
    uint64_t layer_bytes, page_bytes;
    uint32_t n_layers, pages, kv_heads, head_dim;
};

#endif
