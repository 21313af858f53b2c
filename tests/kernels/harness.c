/* harness.c - builds the plan of a case, runs it on a device and on the judge, compares. */
#include "harness.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include <anychip/blocks.h>

enum { GUARD = 256, SPARE_ROWS = 2 };

/* ---- Counting -------------------------------------------------------------------------------- */

kc_row *kc_line(kc_check *kc, const char *name) {
    const char *space = strchr(name, ' ');
    if (kc->type && (!space || strcmp(space + 1, kc->type) != 0)) return NULL;
    for (unsigned i = 0; i < kc->n_rows; i++)
        if (!strcmp(kc->rows[i].name, name)) return &kc->rows[i];
    CHECK(kc->n_rows < sizeof kc->rows / sizeof *kc->rows, "too many lines");
    kc_row *row = &kc->rows[kc->n_rows++];
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

void kc_fail(kc_check *kc, kc_row *row, const char *format, ...) {
    char text[sizeof row->first];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (row->failed++ == 0) memcpy(row->first, text, sizeof text);
    if (kc->verbose) printf("  FAILED %s: %s\n", row->name, text);
}

/* ---- Building -------------------------------------------------------------------------------- */

static void *room(size_t bytes) {
    void *p = calloc(1, bytes ? bytes : 1);
    CHECK(p, "no memory for %zu bytes", bytes);
    return p;
}

/* What no kernel may change. */
static void pattern(uint8_t *p, size_t bytes, unsigned salt) {
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)(0xa5 ^ (i * 31 + salt * 7));
}

kc_case *kc_begin(kc_check *kc, const char *name, uint32_t rows, const char *label, ...) {
    kc_row *row = kc_line(kc, name);
    if (!row) return NULL;
    kc_case *c = room(sizeof *c);
    va_list args;
    int at = snprintf(c->label, sizeof c->label, "%s ", name);
    va_start(args, label);
    at += vsnprintf(c->label + at, sizeof c->label - (size_t)at, label, args);
    va_end(args);
    CHECK(at < (int)sizeof c->label, "label too long");
    c->kc = kc;
    c->row = row;
    c->random = kc->seed ^ XXH3_64bits(c->label, strlen(c->label));
    c->plan = (ac_plan){.ops = c->ops, .bufs = c->bufs, .consts = c->consts, .weights = c->weights};
    c->plan.max_rows = rows + SPARE_ROWS;
    c->plan.max_out = rows;
    c->plan.max_seqs = 1;
    c->run.n_rows = c->run.n_out = rows;
    int32_t **lists[] = {&c->token, &c->pos, &c->seq, &c->slot, &c->out_row};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) *lists[i] = room(rows * sizeof(int32_t));
    for (uint32_t r = 0; r < rows; r++) c->out_row[r] = (int32_t)r;
    return c;
}

ac_form kc_form(kc_cells cells) {
    return cells == KC_CELLS_A32 ? AC_FORM_A32 : cells == KC_CELLS_A256 ? AC_FORM_A256 : AC_FORM_F32;
}

uint64_t kc_row_bytes(kc_cells cells, uint32_t n) {
    return cells == KC_CELLS_A32 || cells == KC_CELLS_A256 ? ac_act_layout_of(kc_form(cells), n).row_bytes
                                                           : n * sizeof(float);
}

static uint32_t raw_buf(kc_case *c, const char *name, uint64_t row_bytes, uint32_t rows) {
    uint32_t i = c->plan.n_bufs++;
    CHECK(i < KC_MAX, "too many buffers");
    c->bufs[i] = (ac_plan_buf){.name = name,
                               .kind = AC_BUF_SCRATCH,
                               .offset = c->plan.arena_bytes,
                               .row_bytes = row_bytes,
                               .rows = rows};
    c->plan.arena_bytes += (row_bytes * rows + 255) / 256 * 256;
    c->info[i].init = room(row_bytes * rows);
    pattern(c->info[i].init, row_bytes * rows, i);
    return i;
}

/* A buffer between two guards; rows of floats have some bytes to spare, rows in a form are as the layout
 * says. */
static uint32_t add_buf(kc_case *c, const char *name, kc_cells cells, uint32_t n) {
    uint64_t bytes = kc_row_bytes(cells, n);
    if (c->plan.n_bufs == 0) raw_buf(c, "guard", GUARD, 1);
    if (cells == KC_CELLS_F32 || cells == KC_CELLS_I32)
        bytes = (bytes + 63) / 64 * 64 + 64 * (c->plan.n_bufs / 2 % 2);
    uint32_t i = raw_buf(c, name, bytes, c->plan.max_rows);
    c->info[i].cells = cells;
    c->info[i].n = n;
    raw_buf(c, "guard", GUARD, 1);
    return i;
}

uint32_t kc_in(kc_case *c, const char *name, kc_cells cells, uint32_t n, kc_data data) {
    uint32_t i = add_buf(c, name, cells, n);
    c->info[i].input = true;
    for (uint32_t r = 0; r < c->run.n_rows; r++) {
        uint8_t *row = c->info[i].init + r * c->bufs[i].row_bytes;
        if (cells == KC_CELLS_F32)
            kc_floats(&c->random, data, (float *)(void *)row, n);
        else
            kc_activation(&c->random, data, kc_form(cells), n, row);
    }
    return i;
}

uint32_t kc_out(kc_case *c, const char *name, kc_cells cells, uint32_t n) {
    uint32_t i = add_buf(c, name, cells, n);
    c->info[i].output = true;
    return i;
}

uint32_t kc_inout(kc_case *c, const char *name, uint32_t n, kc_data data) {
    uint32_t i = kc_in(c, name, KC_CELLS_F32, n, data);
    c->info[i].output = true;
    return i;
}

/* Every other weight lies in a mapping of its own, at 32 bytes; the others in plain memory of exactly their
 * size, at odd addresses. */
static uint8_t *weight_room(kc_case *c, uint32_t i, uint64_t bytes, ac_weight *w) {
    if (check_random(&c->random) & 1) {
        uint8_t *p = room(bytes + 1);
        c->weight_memory[i] = p;
        return p + 1;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE), all = (bytes + 32 + page - 1) / page * page;
    void *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED, "no memory for %zu bytes", all);
    c->weight_memory[i] = p;
    c->weight_map[i] = all;
    w->map = p;
    w->map_bytes = all;
    return (uint8_t *)p + 32;
}

uint32_t kc_weight(kc_case *c, ac_type type, uint64_t rows, uint64_t cols, kc_data data) {
    uint32_t i = c->plan.n_weights++;
    CHECK(i < KC_MAX, "too many weights");
    ac_weight *w = &c->weights[i];
    *w = (ac_weight){
        .name = "w", .type = type, .rows = rows, .cols = cols, .bytes = rows * ac_type_row_bytes(type, cols)};
    uint8_t *p = weight_room(c, i, w->bytes, w);
    kc_blocks(&c->random, data, type, p, rows * (cols / ac_type_describe(type)->block_elems));
    w->data = p;
    c->moved += w->bytes;
    return i;
}

uint32_t kc_const(kc_case *c, void *data, uint64_t bytes) {
    uint32_t i = c->plan.n_consts++;
    CHECK(i < sizeof c->consts / sizeof *c->consts, "too many constants");
    c->consts[i] = (ac_plan_const){"const", data, bytes};
    return i;
}

ac_op *kc_op(kc_case *c, ac_op_kind kind, ac_rows rows) {
    uint32_t i = c->plan.n_ops++;
    CHECK(i < KC_MAX, "too many operations");
    c->ops[i] = (ac_op){.kind = kind, .rows = rows};
    return &c->ops[i];
}

void kc_cache(kc_case *c, uint32_t layers, uint32_t seqs, uint32_t pages_each, uint32_t kv_heads,
              uint32_t head_dim) {
    uint32_t pages = seqs * pages_each + 1;
    c->kv.layers = layers, c->kv.pages = pages, c->kv.kv_heads = kv_heads, c->kv.head_dim = head_dim;
    c->kv.init = room((size_t)pages * layers * ac_kv_layout_of(kv_heads, head_dim).page_bytes);
    c->pages = room((size_t)seqs * pages_each * sizeof *c->pages);
    c->plan.max_seqs = seqs;
    c->plan.max_pages = pages_each;
    int32_t *list = room(pages * sizeof *list);
    for (uint32_t i = 0; i < pages; i++) list[i] = (int32_t)i;
    for (uint32_t i = pages - 1; i > 0; i--) {
        uint32_t j = kc_below(&c->random, i + 1);
        int32_t swap = list[i];
        list[i] = list[j];
        list[j] = swap;
    }
    memcpy(c->pages, list, (size_t)seqs * pages_each * sizeof *list);
    free(list);
}

void kc_place(kc_case *c, uint32_t r, uint32_t seq, uint32_t pos) {
    int32_t page = c->pages ? c->pages[seq * c->plan.max_pages + pos / AC_PAGE] : 0;
    c->seq[r] = (int32_t)seq;
    c->pos[r] = (int32_t)pos;
    c->slot[r] = page * (int32_t)AC_PAGE + (int32_t)(pos % AC_PAGE);
    if (pos / AC_PAGE + 1 > c->run.n_pages_used) c->run.n_pages_used = pos / AC_PAGE + 1;
}

/* A stored scale: 0, or what a group's largest magnitude between 2^-30 and 2^50 gives. */
static float kv_scale(uint64_t *random, kc_data data) {
    if (data == KC_ZERO) return 0.0f;
    if (data == KC_EXTREME) return 0x1p10f;
    uint64_t r = check_random(random);
    uint32_t exponent =
        data == KC_NORMAL ? 127 - 14 + (uint32_t)(r >> 32) % 4 : 127 - 43 + (uint32_t)(r >> 32) % 80;
    if (data == KC_SUBNORMAL && (r >> 63)) return 0.0f;
    return ac_from_bits(((uint32_t)r & 0x7fffffu) | exponent << 23);
}

static int16_t kv_code(uint64_t *random, kc_data data) {
    if (data == KC_ZERO) return 0;
    if (data == KC_EXTREME) return 8191;
    return (int16_t)((int)kc_below(random, 2 * 8191 + 1) - 8191);
}

static void fill_sub(kc_case *c, const ac_kv_layout *lay, uint8_t *sub, kc_data data) {
    int16_t *k = (int16_t *)(void *)(sub + lay->k), *v = (int16_t *)(void *)(sub + lay->v);
    float *dk = (float *)(void *)(sub + lay->dk), *dv = (float *)(void *)(sub + lay->dv);
    uint32_t dim = c->kv.head_dim, even = (dim + 1) / 2 * 2;
    for (uint32_t ch = 0; ch < even; ch++)
        for (uint32_t t = 0; t < AC_SUB; t++) {
            k[(ch / 2 * AC_SUB + t) * 2 + ch % 2] = ch < dim ? kv_code(&c->random, data) : 0;
            v[(t / 2 * even + ch) * 2 + t % 2] = ch < dim ? kv_code(&c->random, data) : 0;
        }
    for (uint32_t i = 0; i < (dim + 31) / 32 * AC_SUB; i++) dk[i] = kv_scale(&c->random, data);
    for (uint32_t i = 0; i < AC_SUB; i++) dv[i] = kv_scale(&c->random, data);
}

void kc_cache_fill(kc_case *c, kc_data data) {
    ac_kv_layout lay = ac_kv_layout_of(c->kv.kv_heads, c->kv.head_dim);
    size_t subs = (size_t)c->kv.pages * c->kv.layers * c->kv.kv_heads * (AC_PAGE / AC_SUB);
    for (size_t i = 0; i < subs; i++) fill_sub(c, &lay, c->kv.init + i * lay.sub_bytes, data);
}

/* ---- Running --------------------------------------------------------------------------------- */

/* What is left of a run: every buffer, every page. */
typedef struct image {
    uint8_t *bufs[KC_MAX], *kv;
    uint64_t ns;
} image;

typedef struct objects {
    ac_weights *weights;
    ac_kv_mem *kv;
    ac_prog *prog;
} objects;

static void destroy(const ac_backend *b, objects *o) {
    b->release(o->prog);
    b->kv_destroy(o->kv);
    b->unload(o->weights);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static ac_status create(const kc_case *c, const kc_device *d, objects *o, ac_error *err) {
    const ac_backend *b = d->backend;
    AC_TRY(b->load(d->dev, c->weights, c->plan.n_weights, NULL, NULL, &o->weights, err));
    if (c->kv.layers)
        AC_TRY(b->kv_create(d->dev, c->kv.layers, c->kv.pages, c->kv.kv_heads, c->kv.head_dim, &o->kv, err));
    return b->prepare(d->dev, o->weights, o->kv, &c->plan, &o->prog, err);
}

static size_t page_bytes(const kc_case *c) {
    return c->kv.layers * ac_kv_layout_of(c->kv.kv_heads, c->kv.head_dim).page_bytes;
}

static ac_status put(const kc_case *c, const kc_device *d, objects *o, ac_error *err) {
    for (uint32_t i = 0; i < c->plan.n_bufs; i++)
        AC_TRY(
            d->backend->write(o->prog, i, 0, c->info[i].init, c->bufs[i].row_bytes * c->bufs[i].rows, err));
    for (uint32_t p = 0; c->kv.layers && p < c->kv.pages; p++)
        AC_TRY(d->backend->kv_write(o->kv, p, c->kv.init + p * page_bytes(c), err));
    return AC_OK;
}

static ac_status run_once(const kc_case *c, const kc_device *d, objects *o, ac_error *err) {
    AC_TRY(d->backend->run(o->prog, &c->run, err));
    return d->backend->wait(o->prog, err);
}

static ac_status get(const kc_case *c, const kc_device *d, objects *o, image *img, ac_error *err) {
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) {
        uint64_t bytes = c->bufs[i].row_bytes * c->bufs[i].rows;
        img->bufs[i] = room(bytes);
        AC_TRY(d->backend->read(o->prog, i, 0, img->bufs[i], bytes, err));
    }
    if (!c->kv.layers) return AC_OK;
    img->kv = room(page_bytes(c) * c->kv.pages);
    for (uint32_t p = 0; p < c->kv.pages; p++)
        AC_TRY(d->backend->kv_read(o->kv, p, img->kv + p * page_bytes(c), err));
    return AC_OK;
}

/* The least time of repeated runs. */
static ac_status measure(const kc_case *c, const kc_device *d, objects *o, image *img, ac_error *err) {
    uint64_t start = now(), spent = 0;
    img->ns = UINT64_MAX;
    do {
        uint64_t before = now();
        AC_TRY(run_once(c, d, o, err));
        uint64_t after = now();
        if (after - before < img->ns) img->ns = after - before;
        spent = after - start;
    } while (spent < c->kc->bench_ns);
    return AC_OK;
}

static ac_status execute(const kc_case *c, const kc_device *d, image *img, ac_error *err) {
    objects o = {0};
    ac_status s = create(c, d, &o, err);
    if (s == AC_OK) s = put(c, d, &o, err);
    if (s == AC_OK) s = run_once(c, d, &o, err);
    if (s == AC_OK && (c->random & 1)) { /* every other case again: a recorded run must be repeatable */
        s = put(c, d, &o, err);
        if (s == AC_OK) s = run_once(c, d, &o, err);
    }
    if (s == AC_OK) s = get(c, d, &o, img, err);
    if (s == AC_OK && c->kc->bench && d == &c->kc->device) s = measure(c, d, &o, img, err);
    destroy(d->backend, &o);
    return s;
}

static void drop(const kc_case *c, image *img) {
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) free(img->bufs[i]);
    free(img->kv);
}

/* ---- Judging --------------------------------------------------------------------------------- */

static uint32_t rows_of(const kc_case *c, uint32_t buf) {
    for (uint32_t i = 0; i < c->plan.n_ops; i++)
        if (ac_op_buffers(&c->ops[i]).write[0] == buf)
            return c->ops[i].rows == AC_ROWS_OUT ? c->run.n_out : c->run.n_rows;
    return c->run.n_rows;
}

/* Calls see(user, offset, bytes, floats) for each stretch of a row that the operation writes. */
typedef struct stretch {
    size_t at, bytes;
    bool floats;
} stretch;

static int stretches(kc_cells cells, uint32_t n, stretch out[4]) {
    ac_act_layout lay = ac_act_layout_of(kc_form(cells), n);
    switch (cells) {
    case KC_CELLS_F32:
        out[0] = (stretch){0, n * 4u, true};
        return 1;
    case KC_CELLS_I32:
        out[0] = (stretch){0, n * 4u, false};
        return 1;
    case KC_CELLS_A32:
        out[0] = (stretch){lay.q, n, false};
        out[1] = (stretch){lay.d, n / 32 * 4, true};
        out[2] = (stretch){lay.s, n / 32 * 2, false};
        return 3;
    case KC_CELLS_A256:
        out[0] = (stretch){lay.q, n, false};
        out[1] = (stretch){lay.d, n / 256 * 4, true};
        out[2] = (stretch){lay.f, n / 32, false};
        out[3] = (stretch){lay.s, n / 16 * 2, false};
        return 4;
    }
    return 0;
}

/* -0 becomes +0, and what an activation form leaves between its arrays becomes 0. */
static void canonical(const kc_case *c, image *img) {
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) {
        if (!c->info[i].output) continue;
        uint64_t row_bytes = c->bufs[i].row_bytes;
        uint8_t *clean = room(row_bytes);
        for (uint32_t r = 0; r < rows_of(c, i); r++) {
            uint8_t *row = img->bufs[i] + r * row_bytes;
            stretch list[4];
            int n = stretches(c->info[i].cells, c->info[i].n, list);
            bool form = c->info[i].cells == KC_CELLS_A32 || c->info[i].cells == KC_CELLS_A256;
            memset(clean, 0, row_bytes);
            if (!form) memcpy(clean, row, row_bytes);
            for (int k = 0; k < n; k++) {
                memcpy(clean + list[k].at, row + list[k].at, list[k].bytes);
                for (size_t at = list[k].at; list[k].floats && at < list[k].at + list[k].bytes; at += 4)
                    if (!memcmp(clean + at, "\0\0\0\x80", 4)) clean[at + 3] = 0;
            }
            memcpy(row, clean, row_bytes);
        }
        free(clean);
    }
}

/* The first byte from `from` on that is not as it was; row_bytes when there is none. */
static uint64_t changed(const uint8_t *have, const uint8_t *was, uint64_t from, uint64_t row_bytes) {
    if (from >= row_bytes || !memcmp(have + from, was + from, row_bytes - from)) return row_bytes;
    while (have[from] == was[from]) from++;
    return from;
}

/* Everything that is not an output's element must be as it was. */
static bool untouched(kc_case *c, const image *img) {
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) {
        const ac_plan_buf *b = &c->bufs[i];
        const kc_buf *info = &c->info[i];
        bool form = info->cells == KC_CELLS_A32 || info->cells == KC_CELLS_A256;
        for (uint32_t r = 0; r < b->rows; r++) {
            bool written = info->output && r < rows_of(c, i);
            uint64_t own = !written ? 0 : form ? b->row_bytes : kc_row_bytes(info->cells, info->n);
            uint64_t at =
                changed(img->bufs[i] + r * b->row_bytes, info->init + r * b->row_bytes, own, b->row_bytes);
            if (at == b->row_bytes) continue;
            kc_fail(c->kc, c->row,
                    "%s: the device wrote to %s, row %u, byte %llu, where nothing is to be written", c->label,
                    info->n ? b->name : "the guard before or after a buffer", r, (unsigned long long)at);
            return false;
        }
    }
    return true;
}

static bool same(kc_case *c, const image *have, const image *want) {
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) {
        const ac_plan_buf *b = &c->bufs[i];
        if (!memcmp(have->bufs[i], want->bufs[i], b->row_bytes * b->rows)) continue;
        for (uint64_t at = 0; at < b->row_bytes * b->rows; at += 4) {
            uint32_t h, w;
            memcpy(&h, have->bufs[i] + at, 4);
            memcpy(&w, want->bufs[i] + at, 4);
            if (h == w) continue;
            kc_fail(c->kc, c->row, "%s: %s row %llu byte %llu: want %08x (%.9g), have %08x (%.9g)", c->label,
                    b->name, (unsigned long long)(at / b->row_bytes), (unsigned long long)(at % b->row_bytes),
                    w, (double)ac_from_bits(w), h, (double)ac_from_bits(h));
            return false;
        }
    }
    size_t bytes = c->kv.layers ? page_bytes(c) * c->kv.pages : 0;
    for (size_t at = 0; at < bytes; at++) {
        if (have->kv[at] == want->kv[at]) continue;
        kc_fail(c->kc, c->row, "%s: cache, page %zu byte %zu: want %02x, have %02x", c->label,
                at / page_bytes(c), at % page_bytes(c), want->kv[at], have->kv[at]);
        return false;
    }
    return true;
}

/* The digest of a case: its outputs' elements row by row, then the cache's pages. */
static void digest(const kc_case *c, const image *img, char out[33]) {
    XXH3_state_t *state = XXH3_createState();
    CHECK(state, "no memory");
    XXH3_128bits_reset(state);
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) {
        stretch list[4];
        int n = stretches(c->info[i].cells, c->info[i].n, list);
        for (uint32_t r = 0; c->info[i].output && r < rows_of(c, i); r++)
            for (int k = 0; k < n; k++)
                XXH3_128bits_update(state, img->bufs[i] + r * c->bufs[i].row_bytes + list[k].at,
                                    list[k].bytes);
    }
    if (c->kv.layers && c->ops[0].kind != AC_OP_attention)
        XXH3_128bits_update(state, img->kv, page_bytes(c) * c->kv.pages);
    XXH128_hash_t h = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

static void judge_by_file(kc_case *c, const image *have) {
    char hex[33];
    digest(c, have, hex);
    if (c->kc->write_vectors) {
        fprintf(c->kc->write_vectors, "%s %s\n", hex, c->label);
        return;
    }
    for (size_t i = 0; i < c->kc->n_vectors; i++) {
        if (strcmp(c->kc->vector[i].label, c->label) != 0) continue;
        if (strcmp(c->kc->vector[i].digest, hex) != 0)
            kc_fail(c->kc, c->row, "%s: want digest %s, have %s", c->label, c->kc->vector[i].digest, hex);
        return;
    }
    kc_fail(c->kc, c->row, "%s: no digest in the file", c->label);
}

static void report(const kc_case *c, const image *have) {
    double us = (double)have->ns / 1e3;
    printf("%-60s %12.1f us %9.2f GB/s %9.2f Gmac/s\n", c->label, us, (double)c->moved / (double)have->ns,
           (double)c->work / (double)have->ns);
}

static void judge(kc_case *c) {
    ac_error err = {0};
    image have = {0}, want = {0};
    bool by_file = c->kc->vector || c->kc->write_vectors;
    c->row->cases++;
    if (execute(c, &c->kc->device, &have, &err) != AC_OK)
        kc_fail(c->kc, c->row, "%s: device: %s: %s", c->label, ac_status_name(err.status), err.detail);
    else if (!by_file && execute(c, &c->kc->ref, &want, &err) != AC_OK)
        kc_fail(c->kc, c->row, "%s: reference: %s: %s", c->label, ac_status_name(err.status), err.detail);
    else if (untouched(c, &have)) {
        canonical(c, &have);
        if (by_file)
            judge_by_file(c, &have);
        else {
            canonical(c, &want);
            same(c, &have, &want);
        }
        if (c->kc->bench) report(c, &have);
    }
    drop(c, &have);
    drop(c, &want);
}

void kc_end(kc_case *c) {
    c->run.token = c->token, c->run.pos = c->pos, c->run.seq = c->seq;
    c->run.slot = c->slot, c->run.out_row = c->out_row, c->run.pages = c->pages;
    judge(c);
    for (uint32_t i = 0; i < c->plan.n_weights; i++) {
        if (c->weight_map[i])
            munmap(c->weight_memory[i], c->weight_map[i]);
        else
            free(c->weight_memory[i]);
    }
    for (uint32_t i = 0; i < c->plan.n_bufs; i++) free(c->info[i].init);
    for (uint32_t i = 0; i < c->plan.n_consts; i++) free((void *)(uintptr_t)c->consts[i].data);
    free(c->token), free(c->pos), free(c->seq), free(c->slot), free(c->out_row), free(c->pages),
        free(c->kv.init);
    free(c);
}
