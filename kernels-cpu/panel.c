/* panel.c - the driver of panel.h: which rows and tokens an item has, and the order of the work in it.
 *
 * Many tokens: a first stage prepares all of them in shared memory. Then chunks are outermost: while a
 * chunk's codes are in the first cache, all tokens of the item pass over them. Few tokens go straight from
 * the file's blocks; the panel after the one at work is fetched ahead as one run of memory, because 16 rows
 * at once are too many streams for the machine to see. */
#include "panel.h"

#include <string.h>

enum {
    LANES = AC_PANEL_LANES,
    BLOCK_ROWS = 64,    /* most rows of an item */
    BLOCK_TOKENS = 256, /* most tokens of an item */
    TABLE_TOKENS = 48,  /* so many are worth a kernel's tables; tiles are then full or lack one */
    DIRECT_WIDEST = 4,  /* most tokens of a direct kernel */
    PREPARE_TOKENS = 4, /* tokens of an item of the first stage */
    STAGE_STRIDE = 288, /* the longest chunk: Q8_0, 8 x 34 bytes */
    LINE = 64           /* bytes of a line of the caches */
};

/* A thread's memory for an item. */
typedef struct scratch {
    uint8_t stage[LANES * STAGE_STRIDE];    /* copy of a chunk whose rows are not all there */
    float total[BLOCK_ROWS * BLOCK_TOKENS]; /* [panels][BLOCK_TOKENS][lanes] */
    uint8_t more[]; /* [panels][packed_bytes], or the few tokens: [chunks][direct_done][x_bytes] */
} scratch;

/* Constants of a job. */
typedef struct shape {
    const ac_cpu_matmul *op;
    const ac_panel_kernel *kernel;
    uint32_t panels, per_item; /* of all rows; of an item */
    uint32_t chunks, tokens;
    size_t chunk_bytes;
    uint8_t *shared; /* prepared tokens: [chunks][tokens][x_bytes] */
} shape;

static shape shape_of(const ac_cpu_job *job) {
    const ac_cpu_matmul *op = &job->matmul;
    const ac_panel_kernel *kernel = job->slot->with;
    const ac_type_info *type = ac_type_describe(op->w.type);
    shape s = {.op = op, .kernel = kernel, .tokens = job->rows, .shared = job->shared};
    s.panels = (op->m + kernel->lanes - 1) / kernel->lanes;
    s.per_item = s.panels / 64;
    uint32_t most = BLOCK_ROWS / kernel->lanes;
    s.per_item = s.per_item < 1 ? 1 : s.per_item > most ? most : s.per_item;
    s.chunks = (op->n + AC_CHUNK - 1) / AC_CHUNK;
    s.chunk_bytes = (size_t)type->block_bytes * (AC_CHUNK / type->block_elems);
    return s;
}

static uint32_t groups_of(const shape *s, uint32_t chunk) {
    uint32_t left = s->op->n / 32 - chunk * 8;
    return left < 8 ? left : 8;
}

static uint8_t *prepared(const shape *s, uint32_t chunk, uint32_t token) {
    return s->shared + ((size_t)chunk * s->tokens + token) * s->kernel->x_bytes;
}

/* A chunk of a panel as kernels want it: all lanes readable. */
typedef struct piece {
    const uint8_t *w;
    size_t stride;
} piece;

static piece piece_of(const shape *s, uint32_t panel, uint32_t chunk, scratch *mem) {
    const ac_cpu_matmul *op = s->op;
    uint32_t lanes = s->kernel->lanes, row = panel * lanes;
    piece p = {op->w.p + row * op->w.stride + chunk * s->chunk_bytes, op->w.stride};
    if (op->m - row >= lanes) return p;
    size_t bytes = s->chunk_bytes * groups_of(s, chunk) / 8;
    memset(mem->stage, 0, sizeof mem->stage);
    for (uint32_t r = 0; row + r < op->m; r++)
        memcpy(mem->stage + r * STAGE_STRIDE, p.w + r * p.stride, bytes);
    return (piece){mem->stage, STAGE_STRIDE};
}

/* The tokens that direct kernels do where there are n: 4 at a time, and at the end 4, 2 or 1. One that is not
 * there costs less than another pass over the blocks. */
static uint32_t direct_done(uint32_t n) {
    uint32_t left = n % DIRECT_WIDEST;
    return left > 2 ? n - left + DIRECT_WIDEST : n;
}

/* Few tokens, prepared in mem->more */
static void direct(const shape *s, uint32_t panel, uint32_t n, scratch *mem) {
    const ac_panel_kernel *k = s->kernel;
    uint32_t lanes = k->lanes;
    const uint8_t *next = s->op->w.p + (size_t)(panel + 1) * lanes * s->op->w.stride;
    for (uint32_t c = 0; c < s->chunks; c++) {
        piece p = piece_of(s, panel, c, mem);
        const uint8_t *ahead = next + c * s->chunk_bytes * lanes;
        for (uint32_t t = 0; t < n; t += DIRECT_WIDEST) {
            uint32_t i = n - t > 2 ? 2 : n - t - 1;
            const uint8_t *x = mem->more + ((size_t)c * direct_done(n) + t) * k->x_bytes;
            k->direct[i](p.w, p.stride, x, groups_of(s, c), mem->total + t * lanes, ahead);
        }
    }
}

/* The totals of an item's panel p */
static float *total_of(const ac_panel_kernel *k, scratch *mem, uint32_t p) {
    return mem->total + (size_t)p * BLOCK_TOKENS * k->lanes;
}

/* The first token of tile i of `tiles` that share n; with pairs an even one. */
static uint32_t tile_start(const ac_panel_kernel *k, uint32_t n, uint32_t i, uint32_t tiles) {
    uint32_t t = (uint32_t)((uint64_t)n * i / tiles);
    return k->pair && i < tiles ? (t + 1) / 2 * 2 : t;
}

/* A chunk of a block: [panel, panel + panels) and [first, first + n), in `tiles` tiles. */
typedef struct part {
    uint32_t chunk, panel, panels, first, n, tiles;
} part;

static void pack(const shape *s, const part *b, uint32_t p, scratch *mem, uint8_t *to) {
    piece w = piece_of(s, b->panel + p, b->chunk, mem);
    s->kernel->pack(w.w, w.stride, groups_of(s, b->chunk), to);
}

/* ---- What comes next from memory: a chunk's blocks lie in as many places as a panel has rows, and the lines
 * of the results in as many as there are tokens. Both are fetched a few at a time, between tiles. */

/* Lines of a chunk: the first of every row, then the second ... */
typedef struct fetches {
    const uint8_t *w;
    size_t stride;
    uint32_t row, rows, left, each; /* left: lines; each: at a time */
} fetches;

/* The chunk after b's of `panels` panels from p on, counted from b's first; in `calls` times. After the last
 * one comes the first of the next item's rows. */
static fetches fetches_of(const shape *s, const part *b, uint32_t p, uint32_t panels, uint32_t calls) {
    uint32_t chunk = b->chunk, panel = b->panel + p, lanes = s->kernel->lanes;
    if (p + panels > b->panels) panel = b->panel, chunk++;
    if (chunk == s->chunks) panel += b->panels, chunk = 0;
    size_t row = (size_t)panel * lanes;
    if (row + (size_t)panels * lanes > s->op->m) return (fetches){.left = 0};
    fetches f = {.w = s->op->w.p + row * s->op->w.stride + chunk * s->chunk_bytes,
                 .stride = s->op->w.stride,
                 .rows = panels * lanes};
    f.left = f.rows * (uint32_t)(s->chunk_bytes / LINE + 1);
    f.each = (f.left + calls - 1) / calls;
    return f;
}

static void fetch_some(fetches *f) {
    for (uint32_t i = 0; i < f->each && f->left > 0; i++, f->left--) {
        __builtin_prefetch(f->w + f->row * f->stride, 0, 2);
        if (++f->row == f->rows) f->row = 0, f->w += LINE;
    }
}

/* Where the results of tokens t .. t + n - 1 go */
static void fetch_results(const shape *s, const part *b, uint32_t p, uint32_t t, uint32_t n) {
    if (b->chunk + 1 < s->chunks) return;
    for (uint32_t i = 0; i < n; i++) {
        __builtin_prefetch((float *)ac_cpu_row(s->op->out, b->first + t + i) +
                               (size_t)(b->panel + p) * s->kernel->lanes,
                           1, 2);
        __asm__ volatile(""); /* gcc drops calls that do nothing but fetch */
    }
}

/* ---- Blocks ------------------------------------------------------------------------------------------ */

/* Tiles outermost: all panels pass over a few tokens. */
static void part_plain(const shape *s, const part *b, scratch *mem) {
    const ac_panel_kernel *k = s->kernel;
    uint32_t groups = groups_of(s, b->chunk);
    fetches next = fetches_of(s, b, b->panels, b->panels, (b->tiles + 1) * b->panels);
    for (uint32_t p = 0; p < b->panels; p++) {
        fetch_some(&next);
        pack(s, b, p, mem, mem->more + (size_t)p * k->packed_bytes);
    }
    for (uint32_t i = 0, t = 0, size; i < b->tiles; i++, t += size) {
        size = tile_start(k, b->n, i + 1, b->tiles) - t;
        const uint8_t *x = prepared(s, b->chunk, b->first + t);
        for (uint32_t p = 0; p < b->panels; p++) {
            fetch_some(&next);
            fetch_results(s, b, p, t, size);
            k->tile[size - 1](mem->more + (size_t)p * k->packed_bytes, x, groups,
                              total_of(k, mem, p) + t * k->lanes);
        }
    }
}

/* Panels outermost: all tokens pass over one panel and its tables. */
static void part_tabled(const shape *s, const part *b, scratch *mem) {
    const ac_panel_kernel *k = s->kernel;
    for (uint32_t p = 0; p < b->panels; p++) {
        pack(s, b, p, mem, mem->more);
        k->tabulate(mem->more);
        fetches next = fetches_of(s, b, p + 1, 1, b->tiles);
        for (uint32_t i = 0, t = 0, size; i < b->tiles; i++, t += size) {
            size = tile_start(k, b->n, i + 1, b->tiles) - t;
            fetch_some(&next);
            fetch_results(s, b, p, t, size);
            k->tabled[size + 1 - k->tokens](mem->more, prepared(s, b->chunk, b->first + t),
                                            groups_of(s, b->chunk), total_of(k, mem, p) + t * k->lanes);
        }
    }
}

/* Many tokens, [first, first + n), on a block of panels. */
static void packed(const shape *s, uint32_t panel, uint32_t panels, uint32_t first, uint32_t n,
                   scratch *mem) {
    const ac_panel_kernel *k = s->kernel;
    part b = {
        .panel = panel, .panels = panels, .first = first, .n = n, .tiles = (n + k->tokens - 1) / k->tokens};
    for (; b.chunk < s->chunks; b.chunk++)
        (k->tabulate && n >= TABLE_TOKENS ? part_tabled : part_plain)(s, &b, mem);
}

/* The totals of a panel's token, `left` rows or all lanes */
static inline void write_lanes(float *out, const float *total, uint32_t lanes, uint32_t left) {
    enum { STEP = 4 }; /* lanes come in fours */
    if (left < lanes)
        memcpy(out, total, left * sizeof *out);
    else
        for (uint32_t r = 0; r < lanes; r += STEP) memcpy(out + r, total + r, STEP * sizeof *out);
}

/* The totals of a block of panels, `apart` floats apart, token by token: a token's row is a page of memory.
 */
static void write_out(const shape *s, uint32_t panel, uint32_t panels, uint32_t first, uint32_t n,
                      const float *total, size_t apart) {
    uint32_t lanes = s->kernel->lanes, row = panel * lanes;
    for (uint32_t t = 0; t < n; t++, total += lanes) {
        float *out = (float *)ac_cpu_row(s->op->out, first + t) + row;
        for (uint32_t p = 0; p < panels; p++)
            write_lanes(out + p * lanes, total + p * apart, lanes, s->op->m - row - p * lanes);
    }
}

/* ---- Stages ---------------------------------------------------------------------------------- */

static bool few(const ac_cpu_job *job) {
    const ac_panel_kernel *kernel = job->slot->with;
    return job->rows <= kernel->direct_most;
}

static uint32_t prepare_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return few(job) ? 0 : (job->rows + PREPARE_TOKENS - 1) / PREPARE_TOKENS;
}

static void prepare_work(const ac_cpu_job *job, uint32_t first, uint32_t last, void *memory) {
    shape s = shape_of(job);
    uint32_t end = last * PREPARE_TOKENS < s.tokens ? last * PREPARE_TOKENS : s.tokens;
    (void)memory;
    for (uint32_t t = first * PREPARE_TOKENS; t < end; t++)
        for (uint32_t c = 0; c < s.chunks; c++) {
            s.kernel->prepare(ac_cpu_row(s.op->x, t), &s.op->lay, c, groups_of(&s, c), prepared(&s, c, t));
            if (s.kernel->pair && t % 2) s.kernel->pair(prepared(&s, c, t - 1), prepared(&s, c, t));
        }
}

/* An item: a block of panels and of tokens. */
static void item(const shape *s, uint32_t index, scratch *mem) {
    uint32_t blocks = (s->panels + s->per_item - 1) / s->per_item;
    uint32_t panel = index % blocks * s->per_item, first = index / blocks * BLOCK_TOKENS;
    uint32_t panels = s->panels - panel < s->per_item ? s->panels - panel : s->per_item;
    uint32_t n = s->tokens - first < BLOCK_TOKENS ? s->tokens - first : BLOCK_TOKENS;
    for (uint32_t p = 0; p < panels; p++)
        memset(total_of(s->kernel, mem, p), 0, n * s->kernel->lanes * sizeof(float));
    packed(s, panel, panels, first, n, mem);
    write_out(s, panel, panels, first, n, mem->total, (size_t)BLOCK_TOKENS * s->kernel->lanes);
}

/* Prepares few tokens, each thread for itself: that takes less than waiting for the others. */
static void begin(const ac_cpu_job *job, void *memory) {
    shape s = shape_of(job);
    scratch *mem = memory;
    size_t x_bytes = s.kernel->x_bytes, done = direct_done(s.tokens);
    for (uint32_t c = 0; few(job) && c < s.chunks; c++) {
        uint8_t *to = mem->more + c * done * x_bytes;
        for (uint32_t t = 0; t < s.tokens; t++)
            s.kernel->prepare(ac_cpu_row(s.op->x, t), &s.op->lay, c, groups_of(&s, c), to + t * x_bytes);
        memset(to + s.tokens * x_bytes, 0, (done - s.tokens) * x_bytes);
    }
}

static void item_of_few(const shape *s, uint32_t index, scratch *mem) {
    uint32_t panel = index * s->per_item,
             end = panel + s->per_item < s->panels ? panel + s->per_item : s->panels;
    for (; panel < end; panel++) {
        memset(mem->total, 0, direct_done(s->tokens) * s->kernel->lanes * sizeof(float));
        direct(s, panel, s->tokens, mem);
        write_out(s, panel, 1, 0, s->tokens, mem->total, 0);
    }
}

static void work(const ac_cpu_job *job, uint32_t first, uint32_t last, void *memory) {
    shape s = shape_of(job);
    for (uint32_t i = first; i < last; i++) (few(job) ? item_of_few : item)(&s, i, memory);
}

static uint32_t items(const ac_cpu_job *job, uint32_t threads) {
    shape s = shape_of(job);
    (void)threads;
    return (s.panels + s.per_item - 1) / s.per_item * ((s.tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS);
}

static size_t thread_bytes(const ac_cpu_job *job) {
    shape s = shape_of(job);
    size_t many = (size_t)(BLOCK_ROWS / s.kernel->lanes) * s.kernel->packed_bytes;
    size_t direct_bytes = (size_t)s.chunks * direct_done(s.kernel->direct_most) * s.kernel->x_bytes;
    return sizeof(scratch) + (many > direct_bytes ? many : direct_bytes);
}

static size_t shared_bytes(const ac_cpu_job *job) {
    shape s = shape_of(job);
    return few(job) ? 0 : (size_t)s.chunks * s.tokens * s.kernel->x_bytes;
}

ac_cpu_slot ac__panel_slot(const char *name, const ac_panel_kernel *kernel) {
    return (ac_cpu_slot){.name = name,
                         .stage = {{prepare_items, prepare_work}, {items, work}},
                         .begin = begin,
                         .grain = 1,
                         .thread_bytes = thread_bytes,
                         .shared_bytes = shared_bytes,
                         .with = kernel};
}
