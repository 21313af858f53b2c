/* panel.c - the driver of panel.h: which rows and tokens an item has, and the order of the work in it.
 *
 * Chunks are outermost: while a chunk's codes are in the first cache, all tokens of the item pass over them.
 * Few tokens go straight from the file's blocks; the panel after the one at work is fetched ahead as one run
 * of memory, because 16 rows at once are too many streams for the machine to see. */
#include "panel.h"

#include <string.h>

enum {
    LANES = AC_PANEL_LANES,
    BLOCK_PANELS = 4,   /* most panels of an item */
    BLOCK_TOKENS = 256, /* most tokens of an item */
    DIRECT_TOKENS = 4,  /* so many go without packing */
    STAGE_STRIDE = 288, /* the longest chunk: Q8_0, 8 x 34 bytes */
    LINE = 64
};

/* A thread's memory for an item. */
typedef struct scratch {
    uint8_t stage[LANES * STAGE_STRIDE]; /* copy of a chunk whose rows or groups are not all there */
    float total[BLOCK_PANELS][BLOCK_TOKENS][LANES];
    uint8_t packed[]; /* [BLOCK_PANELS][packed_bytes] */
} scratch;

/* Constants of a job. */
typedef struct shape {
    const ac_panel_kernel *kernel;
    uint32_t panels, per_item; /* of all rows; of an item */
    uint32_t chunks, tokens;
    size_t chunk_bytes, block_bytes;
} shape;

static shape shape_of(const ac_cpu_job *job) {
    const ac_cpu_matmul *op = &job->matmul;
    const ac_panel_kernel *kernel = job->slot->with;
    const ac_type_info *type = ac_type_describe(op->w.type);
    shape s = {.kernel = kernel, .tokens = job->rows};
    s.panels = (op->m + kernel->lanes - 1) / kernel->lanes;
    s.per_item = s.panels / 64;
    s.per_item = s.per_item < 1 ? 1 : s.per_item > BLOCK_PANELS ? BLOCK_PANELS : s.per_item;
    s.chunks = (op->n + AC_CHUNK - 1) / AC_CHUNK;
    s.block_bytes = type->block_bytes;
    s.chunk_bytes = s.block_bytes * (AC_CHUNK / type->block_elems);
    return s;
}

/* A chunk of a panel as kernels want it: all lanes and groups readable. */
typedef struct piece {
    const uint8_t *w;
    size_t stride;
    uint32_t groups;
} piece;

static piece piece_of(const ac_cpu_matmul *op, const shape *s, uint32_t panel, uint32_t chunk, scratch *mem) {
    uint32_t lanes = s->kernel->lanes, row = panel * lanes, left = op->n / 32 - chunk * 8;
    piece p = {op->w.p + row * op->w.stride + chunk * s->chunk_bytes, op->w.stride, left < 8 ? left : 8};
    if (op->m - row >= lanes) return p;
    size_t bytes = s->chunk_bytes * p.groups / 8;
    memset(mem->stage, 0, sizeof mem->stage);
    for (uint32_t r = 0; row + r < op->m; r++)
        memcpy(mem->stage + r * STAGE_STRIDE, p.w + r * p.stride, bytes);
    p.w = mem->stage, p.stride = STAGE_STRIDE;
    return p;
}

static void fetch_ahead(const uint8_t *p, size_t bytes) {
    for (size_t at = 0; at < bytes; at += LINE) __builtin_prefetch(p + at, 0, 2);
}

static ac_panel_x tokens_at(const ac_cpu_matmul *op, uint32_t t) {
    return (ac_panel_x){ac_cpu_row(op->x, t), op->x.stride, op->lay};
}

/* Few tokens: 4, 2 and 1 at a time. */
static void direct(const ac_cpu_matmul *op, const shape *s, uint32_t panel, uint32_t first, uint32_t n,
                   scratch *mem) {
    uint32_t lanes = s->kernel->lanes;
    const uint8_t *next = op->w.p + (size_t)(panel + 1) * lanes * op->w.stride;
    for (uint32_t c = 0; c < s->chunks; c++) {
        piece p = piece_of(op, s, panel, c, mem);
        fetch_ahead(next + c * s->chunk_bytes * lanes, s->chunk_bytes * lanes);
        for (uint32_t t = 0; t < n;) {
            uint32_t i = n - t >= 4 ? 2 : n - t >= 2 ? 1 : 0;
            ac_panel_x x = tokens_at(op, first + t);
            s->kernel->direct[i](p.w, p.stride, &x, c, p.groups, mem->total[0][0] + t * lanes);
            t += 1u << i;
        }
    }
}

/* Many tokens, [first, first + n), on a block of panels. */
static void packed(const ac_cpu_matmul *op, const shape *s, uint32_t panel, uint32_t panels, uint32_t first,
                   uint32_t n, scratch *mem) {
    const ac_panel_kernel *k = s->kernel;
    uint32_t tiles = (n + k->tokens - 1) / k->tokens;
    for (uint32_t c = 0; c < s->chunks; c++) {
        uint32_t groups = 8;
        for (uint32_t p = 0; p < panels; p++) {
            piece part = piece_of(op, s, panel + p, c, mem);
            groups = part.groups;
            k->pack(part.w, part.stride, groups, mem->packed + p * (size_t)k->packed_bytes);
        }
        for (uint32_t i = 0; i < tiles; i++) {
            uint32_t t = (uint32_t)((uint64_t)n * i / tiles), end = (uint32_t)((uint64_t)n * (i + 1) / tiles);
            ac_panel_x x = tokens_at(op, first + t);
            for (uint32_t p = 0; p < panels; p++)
                k->tile[end - t - 1](mem->packed + p * (size_t)k->packed_bytes, &x, c, groups,
                                     mem->total[p][0] + t * k->lanes);
        }
    }
}

static void write_out(const ac_cpu_matmul *op, const shape *s, uint32_t panel, uint32_t first, uint32_t n,
                      const float *total) {
    uint32_t lanes = s->kernel->lanes, row = panel * lanes, rows = op->m - row < lanes ? op->m - row : lanes;
    for (uint32_t t = 0; t < n; t++)
        memcpy((float *)ac_cpu_row(op->out, first + t) + row, total + t * lanes, rows * sizeof(float));
}

static void item(const ac_cpu_job *job, const shape *s, uint32_t index, scratch *mem) {
    const ac_cpu_matmul *op = &job->matmul;
    uint32_t blocks = (s->panels + s->per_item - 1) / s->per_item;
    uint32_t panel = index % blocks * s->per_item, first = index / blocks * BLOCK_TOKENS;
    uint32_t panels = s->panels - panel < s->per_item ? s->panels - panel : s->per_item;
    uint32_t n = s->tokens - first < BLOCK_TOKENS ? s->tokens - first : BLOCK_TOKENS;
    if (n > DIRECT_TOKENS) {
        for (uint32_t p = 0; p < panels; p++) memset(mem->total[p], 0, n * s->kernel->lanes * sizeof(float));
        packed(op, s, panel, panels, first, n, mem);
        for (uint32_t p = 0; p < panels; p++) write_out(op, s, panel + p, first, n, mem->total[p][0]);
        return;
    }
    for (uint32_t p = panel; p < panel + panels; p++) {
        memset(mem->total[0], 0, n * s->kernel->lanes * sizeof(float));
        direct(op, s, p, first, n, mem);
        write_out(op, s, p, first, n, mem->total[0][0]);
    }
}

static void work(const ac_cpu_job *job, uint32_t first, uint32_t last, void *memory) {
    shape s = shape_of(job);
    for (uint32_t i = first; i < last; i++) item(job, &s, i, memory);
}

static uint32_t items(const ac_cpu_job *job, uint32_t threads) {
    shape s = shape_of(job);
    (void)threads;
    return (s.panels + s.per_item - 1) / s.per_item * ((s.tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
}

static size_t thread_bytes(const ac_cpu_job *job) {
    const ac_panel_kernel *kernel = job->slot->with;
    return sizeof(scratch) + (size_t)BLOCK_PANELS * kernel->packed_bytes;
}

ac_cpu_slot ac__panel_slot(const char *name, const ac_panel_kernel *kernel) {
    return (ac_cpu_slot){
        .name = name, .stage = {{items, work}}, .grain = 1, .thread_bytes = thread_bytes, .with = kernel};
}
