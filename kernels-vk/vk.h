/* vk.h - what the files of the Vulkan backend share. */
#ifndef AC_VK_H
#define AC_VK_H

#include "vk_api.h"

/* ---- Features that a mask can switch off, and what they are called in words ---- */
#define AC_VK_FEATURES(X)                                                                                    \
    X(dot, "packed 8-bit dot")                                                                               \
    X(subgroup, "subgroup shuffles")                                                                         \
    X(tile, "tiled products")                                                                                \
    X(coopmat, "integer cooperative matrices")                                                               \
    X(import, "host memory import")                                                                          \
    X(mapped, "host-visible device memory")                                                                  \
    X(planar, "planar weights")                                                                              \
    X(modes, "float modes")                                                                                  \
    X(fuse, "fused operations")

typedef enum vk_feature {
#define X(name, text) VK_FEATURE_##name,
    AC_VK_FEATURES(X)
#undef X
        VK_FEATURE_COUNT
} vk_feature;

/* ---- Numbers a mask can set ("rows1=2"): name, default, least, most, whether powers of two only, and
 * whether tuning tries them ---- */
#define AC_VK_TUNABLES(X)                                                                                    \
    X(threads, 64, 8, 256, true, true) /* invocations of matvec.comp */                                      \
    X(rows1, 4, 1, 8, true, true)      /* rows of W per lane for 1, 2, 4, 8 rows of x */                     \
    X(rows2, 2, 1, 8, true, true)                                                                            \
    X(rows4, 2, 1, 8, true, true)                                                                            \
    X(rows8, 1, 1, 8, true, true)                                                                            \
    X(tile_from, 17, 1, 65535, false, true) /* rows of x from which matmul.comp is taken */                  \
    X(tile_rows, 128, 32, 128, true, true)  /* its largest tile */                                           \
    X(tile_cols, 64, 32, 128, true, true)                                                                    \
    X(lanes, 0, 0, 64, true, true) /* of subgroups, where the device lets pipelines choose; 0 = its own */   \
    /* fragments as integer cooperative matrices have them, without those: for tests of the indexing */      \
    X(frag_m, 32, 8, 32, true, false)                                                                        \
    X(frag_n, 32, 8, 32, true, false)                                                                        \
    X(frag_k, 32, 16, 32, true, false)                                                                       \
    X(frag_lanes, 32, 8, 64, true, false)                                                                    \
    X(slice, 0, 0, 65535, false, false) /* 1024 multiply-adds of a submission; 0 = by the measured speed */  \
    X(bind, 0, 0, 65535, false, false) /* KiB of the largest binding, to try small ones; 0 = the device's */ \
    X(lose, 0, 0, 65535, false,                                                                              \
      false) /* the N-th run finds the device lost: to try what follows; 0 = never */

typedef enum vk_tunable {
#define X(name, value, least, most, power, tried) VK_TUNE_##name,
    AC_VK_TUNABLES(X)
#undef X
        VK_TUNE_COUNT
} vk_tunable;

enum { VK_BINDINGS = 8, VK_PUSH = 24, VK_SPEC = 13, VK_STAGE_BYTES = 16 << 20, VK_STAGES = 2, VK_COOPS = 8 };

typedef enum vk_role {
    VK_W,
    VK_X,
    VK_Y,
    VK_B,
    VK_IN,
    VK_C,
    VK_KV,
    VK_Z
} vk_role; /* bindings of shaders/bind.glsl */

/* ---- Device ---- */

typedef struct vk_buf {
    VkBuffer buf;
    VkDeviceMemory mem;
    uint64_t bytes;
    void *host; /* mapped, or NULL */
} vk_buf;

/* A size of integer cooperative matrices [m, k] x [k, n], and the lanes that share one. */
typedef struct vk_coop {
    uint32_t m, n, k, lanes;
} vk_coop;

typedef struct vk_caps {
    char name[128], driver[128], kind[16];
    uint32_t api;
    bool has[VK_FEATURE_COUNT];
    bool integrated;                  /* shares the host's memory */
    bool rte32, preserve32, denorm32; /* float modes the device offers for 32 bits */
    bool ext_dot, ext_subgroup_size;  /* reached by extension, not by core 1.3 */
    bool has_budget, portability;
    bool full_subgroups, size_control; /* size_control: a pipeline can require a size of subgroups */
    uint32_t subgroup; /* the size in use: the device's own, or the nearest that the shaders take */
    uint32_t subgroup_least, subgroup_most, subgroups_most; /* with size_control; the last: per workgroup */
    vk_coop coops[VK_COOPS];                                /* sizes listed, the largest first */
    uint32_t n_coops;
    vk_coop coop;  /* the one in use; m is 0: none */
    bool dot_fast; /* packed dots are instructions, not sequences made by the driver */
    uint64_t max_range, max_alloc, import_align;
    uint32_t max_allocs; /* how many there may be at once */
    uint32_t max_groups[3], shared_bytes, invocations, offset_align, bindings;
    uint32_t family;
    float ns_per_tick;  /* 0 = no timestamps */
    uint64_t tick_mask; /* bits of a timestamp that count */
    uint64_t memory_total, memory_free;
    VkPhysicalDeviceMemoryProperties memory;
    uint8_t cache_uuid[VK_UUID_SIZE];
    uint32_t vendor, device, driver_version;
} vk_caps;

/* A pipeline is a shader and the values of its specialisation constants (by id). */
typedef struct vk_key {
    uint32_t shader;
    uint32_t lanes; /* of subgroups, which then are all whole; 0 = it does not matter */
    uint32_t spec[VK_SPEC];
} vk_key;

typedef struct vk_pipe {
    vk_key key;
    VkPipeline pipe; /* NULL until vk_pipes_build */
} vk_pipe;

struct ac_dev {
    vk_api api;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    vk_caps caps;
    bool on[VK_FEATURE_COUNT];
    uint32_t tune[VK_TUNE_COUNT];
    char witness[160];
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipelineCache cache;
    char cache_path[4096];
    uint64_t cache_sum; /* of what the file was known to hold, 0 = nothing */
    VkCommandPool pool;
    VkSemaphore timeline;
    uint64_t submitted; /* last value of the timeline that was asked for */
    vk_pipe *pipes;
    uint32_t n_pipes, cap_pipes;
    vk_buf stage[VK_STAGES];
    VkCommandBuffer stage_cmd[VK_STAGES];
    uint64_t stage_value[VK_STAGES]; /* timeline value after which the stage is free */
    uint32_t next_stage;
    vk_buf dummy;
    uint32_t allocs; /* of device memory, at present */
    bool lost;
    bool no_import; /* it was lost when it read imported memory */
    uint32_t runs;  /* since the device was opened */
    double rate;    /* multiply-adds per second, as runs have shown; 0 = not yet */
    void (*log)(void *user, int level, const char *text);
    void *log_user;
};

/* The queue family to compute on: one without graphics, whose long dispatches hold up no screen, before one
 * with; AC_NONE when none computes. */
uint32_t vk_pick_family(const VkQueueFamilyProperties *list, uint32_t n);
/* The size of subgroups to use of those from `least` to `most`: `own` when the shaders take it (8 to 64),
 * else the nearest; 0 when there is none. */
uint32_t vk_pick_subgroup(uint32_t own, uint32_t least, uint32_t most);

/* Fills caps of a physical device; false (with the reason) when the backend cannot run on it. */
bool vk_probe(vk_api *api, VkPhysicalDevice physical, vk_caps *caps, char *why, size_t cap);
/* What memory there is, and how much of it is free now. */
void vk_probe_memory(vk_api *api, VkPhysicalDevice p, bool budget, vk_caps *c);
ac_status vk_instance_create(vk_api *api, VkInstance *out, ac_error *err);
ac_status vk_enumerate(ac_device_info *list, size_t cap, size_t *count, ac_error *err);
ac_status vk_open(const ac_open_settings *how, ac_dev **out, ac_error *err);
void vk_close(ac_dev *dev);
void vk_describe(ac_dev *dev, ac_device_info *out);
bool vk_tunable_at(ac_dev *dev, uint32_t i, ac_tunable *out);
void vk_log(ac_dev *dev, int level, const char *format, ...) AC_PRINTF(3, 4);

/* Fails for a result and remembers a lost device. */
ac_status vk_dev_fail(ac_dev *dev, ac_error *err, VkResult r, const char *what);
#define VK_TRY(dev, err, what, call)                                                                         \
    do {                                                                                                     \
        VkResult vk_result = (call);                                                                         \
        if (vk_result != VK_SUCCESS) return vk_dev_fail(dev, err, vk_result, what);                          \
    } while (0)

/* Multiply-adds that one submission should not exceed, so that no watchdog takes it for a hang. */
uint64_t vk_slice(const ac_dev *dev);
/* Learns from a run of so many that took so long. */
void vk_learn(ac_dev *dev, uint64_t cost, double seconds);
double vk_now(void); /* seconds of a monotonic clock */

/* Submits one command buffer; *value is what vk_wait waits for. */
ac_status vk_submit(ac_dev *dev, const VkCommandBuffer *cmds, uint32_t n, uint64_t *value, ac_error *err);
ac_status vk_wait_value(ac_dev *dev, uint64_t value, ac_error *err);

/* ---- Memory ---- */

typedef enum vk_place { VK_PLACE_DEVICE, VK_PLACE_UPLOAD, VK_PLACE_READBACK, VK_PLACE_SHARED } vk_place;

/* A buffer with its own memory. SHARED: device memory the host sees, where has[mapped], else as DEVICE.
 * AC_ERR_DEVICE_MEMORY has the numbers. `what` names it in messages. */
ac_status vk_buf_create(ac_dev *dev, uint64_t bytes, vk_place place, const char *what, vk_buf *out,
                        ac_error *err);
/* The same over host memory [p, p + bytes), both multiples of import_align. */
ac_status vk_buf_import(ac_dev *dev, const void *p, uint64_t bytes, vk_buf *out, ac_error *err);
void vk_buf_destroy(ac_dev *dev, vk_buf *b);

/* Host bytes to and from a buffer (any size; offset and size multiples of 4 unless mapped), by mapping or
 * through the staging ring. vk_upload returns before the copy is done; vk_flush waits. */
ac_status vk_upload(ac_dev *dev, const vk_buf *b, uint64_t offset, const void *host, uint64_t bytes,
                    ac_error *err);
ac_status vk_download(ac_dev *dev, const vk_buf *b, uint64_t offset, void *host, uint64_t bytes,
                      ac_error *err);
ac_status vk_flush(ac_dev *dev, ac_error *err);
ac_status vk_zero(ac_dev *dev, const vk_buf *b, ac_error *err);
ac_status vk_copy(ac_dev *dev, const vk_buf *from, uint64_t from_offset, const vk_buf *to, uint64_t to_offset,
                  uint64_t bytes, ac_error *err);

/* ---- Shaders and pipelines ---- */

typedef struct vk_shader {
    const char *name;
    const uint32_t *words;
    size_t bytes;
} vk_shader;
extern const vk_shader vk_shaders[];
extern const uint32_t vk_n_shaders;
/* Index of a shader; AC_NONE when there is none. */
uint32_t vk_shader_find(const char *name);
uint64_t vk_shader_digest(void);

/* The pipeline with this key, noted for vk_pipes_build; AC_NONE when memory is short. */
uint32_t vk_pipe_want(ac_dev *dev, const vk_key *key);
/* Builds every pipeline noted and not built yet, in parallel, and stores the cache. AC_ERR_BUILD names the
 * shader. */
ac_status vk_pipes_build(ac_dev *dev, ac_error *err);
/* The cache in folder `dir` (made when it is not there; NULL or "": none on disk). No failure is one. */
void vk_cache_open(ac_dev *dev, const char *dir);
void vk_cache_save(ac_dev *dev);

/* ---- Weights and cache ---- */

/* Consecutive rows of a tensor inside one buffer. `offset` is a multiple of 16 when the tensor was uploaded.
 */
typedef struct vk_part {
    const vk_buf *buf;
    uint64_t offset, bytes;
    uint64_t row0;
    uint32_t rows;
    uint64_t row_bytes; /* distance of rows */
    bool planar;        /* vk_planar.c */
} vk_part;

/* Types whose blocks are taken apart on upload, the distance of their rows, and one row. */
bool vk_planar_type(ac_type type);
uint64_t vk_planar_row_bytes(ac_type type, uint64_t cols);
void vk_planar_row(ac_type type, const uint8_t *from, uint64_t cols, uint8_t *to);

struct ac_weights {
    ac_dev *dev;
    uint32_t n;
    uint32_t *first; /* [n + 1]: parts of tensor i are first[i] .. first[i + 1] - 1 */
    vk_part *parts;
    uint32_t n_parts;
    vk_buf *bufs;
    uint32_t n_bufs;
};

ac_status vk_load(ac_dev *dev, const ac_weight *weights, uint32_t n,
                  bool (*progress)(void *user, uint64_t done, uint64_t all), void *user, ac_weights **out,
                  ac_error *err);
void vk_unload(ac_weights *w);

struct ac_kv_mem {
    ac_dev *dev;
    uint32_t layers, pages, kv_heads, head_dim;
    ac_kv_layout layout;
    uint32_t parts, part_pages; /* a layer that is larger than a binding is cut by pages */
    uint64_t part_bytes;        /* distance of parts inside a buffer */
    uint32_t parts_per_buf, n_bufs;
    vk_buf *bufs;
};

ac_status vk_kv_create(ac_dev *dev, uint32_t layers, uint32_t pages, uint32_t kv_heads, uint32_t head_dim,
                       ac_kv_mem **out, ac_error *err);
/* The buffer and the offset of a part of a layer. */
const vk_buf *vk_kv_part(const ac_kv_mem *kv, uint32_t layer, uint32_t part, uint64_t *offset);
ac_status vk_kv_copy(ac_kv_mem *kv, uint32_t from_page, uint32_t to_page, ac_error *err);
ac_status vk_kv_read(ac_kv_mem *kv, uint32_t page, void *host, ac_error *err);
ac_status vk_kv_write(ac_kv_mem *kv, uint32_t page, const void *host, ac_error *err);
void vk_kv_destroy(ac_kv_mem *kv);

/* Forgets the pipeline that was wanted last and could not be built. */
void vk_pipes_drop(ac_dev *dev, uint32_t pipe);

/* ---- Witness ---- */
ac_status vk_witness(ac_dev *dev, bool force, ac_error *err);
/* Whether the device reads the pages of a file mapped read-only as they are; switches `import` off when not.
 * AC_ERR_DEVICE_LOST: it was lost over that. */
ac_status vk_witness_import(ac_dev *dev, ac_error *err);

#endif
