/* attention.h - softmax(q k) v over the cache: docs/numerics.md, section 7; its layout in backend.h.
 *
 * Keys: positions in the lanes, a pair of channels per step. Values: channels in the lanes, a pair of
 * positions per step. Query heads that share a KV head, and rows of one sequence, go over a page together in
 * tiles of up to V_QUERIES. What a page gives for a query (m_c, l_c, o_c) is kept until all its pages are
 * there.
 *
 * Many rows: an item is a block of rows and a KV head, with all their pages. Few rows (decode): an item is
 * one page of a row and KV head; the parts lie in shared memory and a second stage puts them together. */
#ifndef AC_LANES_ATTENTION_H
#define AC_LANES_ATTENTION_H

#include "cpu.h"
#include "kv14.h"
#include "pairs.h"

#ifndef V_VALUES
#define V_VALUES 4
#endif

enum {
    FEW_ROWS = 4,       /* so many are split by pages */
    BLOCK_QUERIES = 16, /* most queries of an item */
    KEYS = 2 * LANES,   /* positions that are scored at once */
    LINE = 64,          /* bytes of a line of the caches */
    VALUES = V_VALUES   /* vectors of channels that are summed at once */
};

/* What a page gives for a query; o follows. */
typedef struct part {
    float most;      /* m_c */
    int32_t weights; /* l_c */
    float o[];       /* [channels] */
} part;

/* Sizes of a job. */
typedef struct extent {
    uint32_t dim, pairs, groups; /* channels, pairs of them, groups of 32 */
    uint32_t channels;           /* rounded up to whole vectors */
    uint32_t heads_each;         /* query heads of a KV head */
    uint32_t block_rows;         /* rows of an item when there are many */
    uint32_t query_bytes;        /* of a query's codes, a multiple of 64 */
    size_t part_bytes;
} extent;

static extent extent_of(const ac_cpu_job *job) {
    const ac_cpu_attention *op = &job->attention;
    extent e = {.dim = op->kv.head_dim, .heads_each = op->heads / op->kv.kv_heads};
    e.pairs = (e.dim + 1) / 2;
    e.groups = (e.dim + 31) / 32;
    e.channels = (e.dim + LANES - 1) / LANES * LANES;
    e.block_rows = BLOCK_QUERIES / e.heads_each;
    e.block_rows = e.block_rows < 1 ? 1 : e.block_rows;
    e.query_bytes = (uint32_t)(((e.dim + 2 * LANES) * sizeof(int16_t) + 63) / 64 * 64);
    e.part_bytes = (sizeof(part) + e.channels * sizeof(float) + 63) / 64 * 64;
    return e;
}

/* A query: a head of a row, as codes. */
typedef struct query {
    const int16_t *code; /* [pairs][2] */
    const float *d;      /* [groups] */
    uint32_t pos;
} query;

/* Queries on one KV head of one sequence. */
typedef struct batch {
    const ac_cpu_attention *op;
    extent e;
    const int32_t *pages;
    uint32_t kv_head, n;
    query *q;
    uint8_t *parts; /* part of query i and page c at (i * pages_each + c) * part_bytes */
    uint32_t pages_each;
} batch;

static part *part_of(const batch *b, uint32_t i, uint32_t page) {
    return (part *)(void *)(b->parts + ((size_t)i * b->pages_each + page) * b->e.part_bytes);
}

/* ---- What comes next from memory ------------------------------------------------------------------------
 * A tile reads the keys of a page's sub-blocks, weighs, and reads their values: runs that are shorter than
 * what the hardware needs to see one coming, and pauses in which memory would be idle. So a page's worth of
 * bytes is fetched at an even pace, half a run at a time: one with the keys of a sub-block, eight while it
 * weighs, one while it makes the codes of a sub-block and one with its values. That is LEAD halves ahead at a
 * page's start. */

enum { SUBS = AC_PAGE / AC_SUB, LEAD = 12, WEIGHING = LEAD + SUBS, VALUING = WEIGHING + SUBS };

/* Half h of what is read from this page on: keys of sub-block h / 2, then the values, then the next page. */
static const uint8_t *half_of(const batch *b, const query *q, uint32_t page, uint32_t h) {
    const ac_cpu_kv *kv = &b->op->kv;
    uint32_t run = h / 2;
    if (run >= 2 * SUBS && q->pos / AC_PAGE > page) page++;
    const uint8_t *sub = ac_cpu_kv_sub(kv, b->op->layer, (uint32_t)b->pages[page], b->kv_head, run % SUBS);
    return sub + (run / SUBS == 1 ? kv->lay.v : kv->lay.k) + h % 2 * b->e.pairs * LINE;
}

INLINE void fetch(const uint8_t *p, uint32_t lines) {
    for (uint32_t i = 0; i < lines; i++) __builtin_prefetch(p + LINE * i, 0, 2);
}

/* ---- One page, a tile of queries --------------------------------------------------------------------- */

/* Scores of KEYS positions of a page from `t` on, which lie in the sub-block `sub`, for `n` queries. */
INLINE void scores(const batch *b, const query *q, const uint8_t *sub, const uint8_t *ahead, uint32_t t,
                   float (*score)[AC_PAGE], int n) {
    uint32_t at = t % AC_SUB;
    const uint8_t *k = sub + b->op->kv.lay.k + 4 * at, *dk = sub + b->op->kv.lay.dk + 4 * at;
    vf sum[V_QUERIES][2];
    V_UNROLL for (int i = 0; i < n; i++) sum[i][0] = sum[i][1] = vf_zero();
    for (uint32_t g = 0; g < b->e.groups; g++) {
        uint32_t end = b->e.pairs < 16 * g + 16 ? b->e.pairs : 16 * g + 16;
        va acc[V_QUERIES][2];
        V_UNROLL for (int i = 0; i < n; i++) acc[i][0] = acc[i][1] = va_zero();
        for (uint32_t c = 16 * g; c < end; c++) {
            vi k0 = vi_load(k + 4 * AC_SUB * c), k1 = vi_load(k + 4 * (AC_SUB * c + LANES));
            fetch(ahead + LINE * c, c % (AC_SUB / KEYS) == at / KEYS);
            V_UNROLL for (int i = 0; i < n; i++) {
                vi x = vi_spread(q[i].code + 2 * c);
                acc[i][0] = va_dot16(acc[i][0], k0, x);
                acc[i][1] = va_dot16(acc[i][1], k1, x);
                V_HOLD(acc[i][0]);
                V_HOLD(acc[i][1]);
            }
        }
        vf d0 = vf_load(dk + 4 * AC_SUB * g), d1 = vf_load(dk + 4 * (AC_SUB * g + LANES));
        V_UNROLL for (int i = 0; i < n; i++) {
            vf d = vf_all(q[i].d[g]);
            sum[i][0] = vf_add(sum[i][0], vf_mul(vf_mul(d, d0), vf_of(va_sum(acc[i][0]))));
            sum[i][1] = vf_add(sum[i][1], vf_mul(vf_mul(d, d1), vf_of(va_sum(acc[i][1]))));
        }
    }
    V_UNROLL for (int i = 0; i < n; i++) {
        vf_store(score[i] + t, vf_mul(sum[i][0], vf_all(b->op->scale)));
        vf_store(score[i] + t + LANES, vf_mul(sum[i][1], vf_all(b->op->scale)));
    }
}

/* What is fetched while a query weighs: halves, for `each` vectors of positions one of them, `lines` a time.
 */
typedef struct meanwhile {
    const uint8_t *half[SUBS];
    uint32_t each, lines;
} meanwhile;

static meanwhile meanwhile_of(const batch *b, const query *q, uint32_t page, uint32_t i, uint32_t n) {
    uint32_t halves = SUBS / n, each = AC_PAGE / LANES / halves;
    meanwhile m = {.each = each, .lines = b->e.pairs / each};
    for (uint32_t k = 0; k < halves; k++) m.half[k] = half_of(b, q, page, WEIGHING + halves * i + k);
    return m;
}

/* The weights p_t of a page's first n positions in place of their scores, zeros behind them; m_c and l_c. */
static void weigh(float *score, uint32_t n, part *out, const meanwhile *m) {
    vf most = vf_all(score[0]);
    vi sum = vi_zero(), t = vi_count(), end = vi_all((int32_t)n);
    for (uint32_t i = 0; i < n; i += LANES, t = vi_add(t, vi_all(LANES)))
        most = vf_choose(vm_greater(end, t), vf_max(most, vf_load(score + i)), most);
    out->most = vf_most(most);
    t = vi_count();
    for (uint32_t i = 0; i < AC_PAGE; i += LANES, t = vi_add(t, vi_all(LANES))) {
        fetch(m->half[i / LANES / m->each] + LINE * m->lines * (i / LANES % m->each), m->lines);
        if (i >= n) {
            vf_store(score + i, vf_zero());
            continue;
        }
        vf x = vf_keep(vm_greater(end, t), vf_sub(vf_load(score + i), vf_all(out->most)));
        vf p = vf_choose(vm_less(x, vf_all(-24.0f)), vf_zero(), vf_exp(x));
        p = vf_keep(vm_greater(end, t), p);
        sum = vi_add(sum, vi_rne(vf_mul(p, vf_all(4194304.0f))));
        vf_store(score + i, p);
    }
    out->weights = vi_sum(sum);
}

/* The codes of p_t * dv_t of a sub-block, as pairs; returned: their scale, 0 when all are 0. */
INLINE float value_codes(const float *p, const float *dv, uint32_t n, int16_t *code) {
    vf a[AC_SUB / LANES], most = vf_zero();
    vi t = vi_count();
    V_UNROLL for (int i = 0; i < (int)AC_SUB / LANES; i++, t = vi_add(t, vi_all(LANES))) {
        vf y = vf_mul(vf_load(p + i * LANES), vf_load(dv + i * LANES));
        a[i] = vf_keep(vm_greater(vi_all((int32_t)n), t), y);
        most = vf_max(most, a[i]);
    }
    float top = vf_most(most);
    if (top == 0.0f) return 0.0f;
    vf k = vf_all(8191.0f * ac_rcp(top));
    V_UNROLL for (int i = 0; i < (int)AC_SUB / LANES; i++)
        v_store16(code + i * LANES, vi_min(vi_rne(vf_mul(a[i], k)), vi_all(8191)));
    return top * ac_from_bits(0x39000400u);
}

/* o[channels] += scale * (codes times values) of a sub-block, `vectors` vectors of channels from `at`. */
INLINE void values(const uint8_t *v, const uint8_t *ahead, uint32_t row_bytes, const int16_t (*code)[AC_SUB],
                   const float *scale, part *const *out, uint32_t at, int n, int vectors) {
    va acc[V_QUERIES][VALUES];
    V_UNROLL for (int i = 0; i < n; i++) V_UNROLL for (int j = 0; j < vectors; j++) acc[i][j] = va_zero();
    for (uint32_t t = 0; t < AC_SUB / 2; t++) {
        vi x[VALUES];
        V_UNROLL for (int j = 0; j < vectors; j++) x[j] = vi_load(v + t * row_bytes + 4 * (at + j * LANES));
        fetch(ahead + (t * row_bytes + 4 * at) / 2, (uint32_t)vectors * LANES * 2 / LINE);
        V_UNROLL for (int i = 0; i < n; i++) {
            vi c = vi_spread(code[i] + 2 * t);
            V_UNROLL for (int j = 0; j < vectors; j++) {
                acc[i][j] = va_dot16(acc[i][j], x[j], c);
                V_HOLD(acc[i][j]);
            }
        }
    }
    V_UNROLL for (int i = 0; i < n; i++) {
        V_UNROLL for (int j = 0; j < vectors; j++) {
            float *o = out[i]->o + at + j * LANES;
            vf_store(o, vf_add(vf_load(o), vf_mul(vf_all(scale[i]), vf_of(va_sum(acc[i][j])))));
        }
    }
}

/* Queries q[0 .. n) over a page: the parts they get from it. Positions past a query's own take no part. */
INLINE void page_tile(const batch *b, const query *q, uint32_t page, part *const *out, int n) {
    float score[V_QUERIES][AC_PAGE];
    uint32_t len[V_QUERIES], longest = 0, row_bytes = 8 * b->e.pairs;
    const ac_cpu_kv *kv = &b->op->kv;
    const uint8_t *sub = ac_cpu_kv_sub(kv, b->op->layer, (uint32_t)b->pages[page], b->kv_head, 0);
    for (int i = 0; i < n; i++) {
        uint32_t left = q[i].pos + 1 - page * AC_PAGE;
        len[i] = left < AC_PAGE ? left : AC_PAGE;
        longest = len[i] > longest ? len[i] : longest;
    }
    for (uint32_t t = 0; t < longest; t += KEYS)
        scores(b, q, sub + t / AC_SUB * kv->lay.sub_bytes, half_of(b, q, page, LEAD + t / AC_SUB), t, score,
               n);
    for (int i = 0; i < n; i++) {
        meanwhile m = meanwhile_of(b, q, page, (uint32_t)i, (uint32_t)n);
        weigh(score[i], len[i], out[i], &m);
        memset(out[i]->o, 0, b->e.channels * sizeof(float));
    }
    for (uint32_t t = 0, h = VALUING; t < longest; t += AC_SUB, h += 2, sub += kv->lay.sub_bytes) {
        const float *dv = (const float *)(const void *)(sub + kv->lay.dv);
        const uint8_t *ahead = half_of(b, q, page, h);
        uint32_t lines = b->e.pairs / (uint32_t)n;
        int16_t code[V_QUERIES][AC_SUB] = {{0}};
        float scale[V_QUERIES];
        for (int i = 0; i < n; i++) {
            fetch(ahead + LINE * lines * (uint32_t)i, lines);
            scale[i] = len[i] > t ? value_codes(score[i] + t, dv, len[i] - t, code[i]) : 0.0f;
        }
        ahead = half_of(b, q, page, h + 1);
        uint32_t at = 0;
        for (; at + VALUES * LANES <= b->e.channels; at += VALUES * LANES)
            values(sub + kv->lay.v, ahead, row_bytes, code, scale, out, at, n, VALUES);
        for (; at < b->e.channels; at += LANES)
            values(sub + kv->lay.v, ahead, row_bytes, code, scale, out, at, n, 1);
    }
    for (int i = 0; i < n; i++)
        for (uint32_t c = 0; c < b->e.channels; c += LANES)
            vf_store(out[i]->o + c, vf_cut(vf_load(out[i]->o + c)));
}

static void page_tile_1(const batch *b, const query *q, uint32_t page, part *const *out) {
    page_tile(b, q, page, out, 1);
}
static void page_tile_2(const batch *b, const query *q, uint32_t page, part *const *out) {
    page_tile(b, q, page, out, 2);
}
#if V_QUERIES == 4
static void page_tile_4(const batch *b, const query *q, uint32_t page, part *const *out) {
    page_tile(b, q, page, out, 4);
}
#endif

/* All queries of a batch over a page. Those before it take no part. */
static void page_batch(const batch *b, uint32_t page) {
    static void (*const tile[])(const batch *, const query *, uint32_t, part *const *) = {
        page_tile_1,
        page_tile_2,
#if V_QUERIES == 4
        page_tile_4,
#endif
    };
    query q[V_QUERIES];
    part *out[V_QUERIES];
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->q[i].pos >= page * AC_PAGE) q[n] = b->q[i], out[n++] = part_of(b, i, page);
        if (n == V_QUERIES) tile[V_QUERIES / 2](b, q, page, out), n = 0;
    }
    for (uint32_t at = 0; at < n;) {
        uint32_t k = n - at >= 2 ? 1 : 0;
        tile[k](b, q + at, page, out + at);
        at += 1u << k;
    }
}

/* ---- Putting pages together -------------------------------------------------------------------------- */

/* exp, but nothing below e^-24 */
INLINE float weight_of(float x) {
    return x < -24.0f ? 0.0f : ac_exp(x);
}

INLINE part *nth(uint8_t *parts, const extent *e, uint32_t page) {
    return (part *)(void *)(parts + page * e->part_bytes);
}

/* The parts of one query become its output; their `most` becomes their factor e_c. */
static void merge(uint8_t *parts, uint32_t pages, const extent *e, float *out) {
    float most = nth(parts, e, 0)->most, r = 0.0f;
    for (uint32_t c = 1; c < pages; c++) most = nth(parts, e, c)->most > most ? nth(parts, e, c)->most : most;
    for (uint32_t c = 0; c < pages; c++) {
        part *p = nth(parts, e, c);
        p->most = weight_of(p->most - most);
        r = r + p->most * ac_wide(p->weights);
    }
    vf inverse = vf_all(ac_rcp(r));
    for (uint32_t at = 0; at < e->dim; at += LANES) {
        vf o = vf_zero();
        for (uint32_t c = 0; c < pages; c++)
            o = vf_add(o, vf_mul(vf_all(nth(parts, e, c)->most), vf_load(nth(parts, e, c)->o + at)));
        o = vf_cut(vf_mul(vf_mul(o, inverse), vf_all(4194304.0f)));
        if (e->dim - at >= LANES)
            vf_store(out + at, o);
        else
            vf_store_some(out + at, o, e->dim - at);
    }
}

/* ---- Items ------------------------------------------------------------------------------------------- */

static float *out_of(const ac_cpu_attention *op, uint32_t row, uint32_t head) {
    return (float *)ac_cpu_row(op->out, row) + (size_t)head * op->kv.head_dim;
}

/* Query i of a batch: head `head` of row `row` as codes. memory: codes, then scales, of query i. */
static void take(batch *b, const ac_run *run, uint32_t row, uint32_t head, uint8_t *memory) {
    int16_t *code = (int16_t *)(void *)memory;
    float *d = (float *)(void *)(memory + b->e.query_bytes);
    const float *x = (const float *)ac_cpu_row(b->op->q, row) + (size_t)head * b->e.dim;
    for (uint32_t at = 0; at < b->e.dim; at += 32)
        d[at / 32] = v_kv14(x + at, b->e.dim - at < 32 ? b->e.dim - at : 32, code + at);
    code[b->e.dim] = 0;
    b->q[b->n++] = (query){code, d, (uint32_t)run->pos[row]};
}

static size_t query_memory(const extent *e) {
    return e->query_bytes + (e->groups * sizeof(float) + 63) / 64 * 64;
}

/* A thread's memory: queries, then (when rows are many) their parts. */
typedef struct scratch {
    query q[BLOCK_QUERIES];
    _Alignas(64) uint8_t memory[];
} scratch;

static batch batch_of(const ac_cpu_job *job, const extent *e, uint32_t row, uint32_t kv_head, scratch *s) {
    const int32_t *pages = job->run->pages + (size_t)job->run->seq[row] * job->max_pages;
    return (batch){.op = &job->attention, .e = *e, .pages = pages, .kv_head = kv_head, .q = s->q};
}

/* Rows of one sequence and some heads, all their pages. */
static void few_heads(const ac_cpu_job *job, const extent *e, uint32_t row, uint32_t rows, uint32_t kv_head,
                      uint32_t head, uint32_t heads, scratch *s) {
    batch b = batch_of(job, e, row, kv_head, s);
    uint32_t pages = 0;
    b.parts = s->memory + BLOCK_QUERIES * query_memory(e);
    b.pages_each = job->max_pages;
    for (uint32_t i = 0; i < rows * heads; i++) {
        uint32_t r = row + i / heads, last = (uint32_t)job->run->pos[r] / AC_PAGE + 1;
        take(&b, job->run, r, head + i % heads, s->memory + i * query_memory(e));
        pages = last > pages ? last : pages;
    }
    for (uint32_t c = 0; c < pages; c++) page_batch(&b, c);
    for (uint32_t i = 0; i < b.n; i++)
        merge((uint8_t *)part_of(&b, i, 0), b.q[i].pos / AC_PAGE + 1, e,
              out_of(b.op, row + i / heads, head + i % heads));
}

static uint32_t head_blocks(const extent *e) {
    return (e->heads_each + BLOCK_QUERIES - 1) / BLOCK_QUERIES;
}

/* The heads of block i of a KV head. */
INLINE uint32_t heads_from(const extent *e, uint32_t i, uint32_t *n) {
    uint32_t at = i * BLOCK_QUERIES;
    *n = e->heads_each - at < BLOCK_QUERIES ? e->heads_each - at : BLOCK_QUERIES;
    return at;
}

static void many_rows(const ac_cpu_job *job, const extent *e, uint32_t item, scratch *s) {
    const ac_cpu_attention *op = &job->attention;
    uint32_t each = op->kv.kv_heads * head_blocks(e),
             blocks = (job->rows + e->block_rows - 1) / e->block_rows, heads;
    uint32_t row =
        (blocks - 1 - item / each) * e->block_rows; /* the last ones are the longest: they go first */
    uint32_t end = job->rows - row < e->block_rows ? job->rows : row + e->block_rows;
    uint32_t kv_head = item % each / head_blocks(e),
             head = heads_from(e, item % each % head_blocks(e), &heads);
    head += kv_head * e->heads_each;
    for (uint32_t next; row < end; row = next) {
        for (next = row + 1; next < end && job->run->seq[next] == job->run->seq[row];) next++;
        few_heads(job, e, row, next - row, kv_head, head, heads, s);
    }
}

static uint8_t *shared_part(const ac_cpu_job *job, const extent *e, uint32_t row, uint32_t head) {
    return (uint8_t *)job->shared +
           ((size_t)row * job->attention.heads + head) * job->max_pages * e->part_bytes;
}

static void one_page(const ac_cpu_job *job, const extent *e, uint32_t item, scratch *s) {
    const ac_cpu_attention *op = &job->attention;
    uint32_t page = item % job->run->n_pages_used, rest = item / job->run->n_pages_used, heads;
    uint32_t head = heads_from(e, rest % head_blocks(e), &heads),
             kv_head = rest / head_blocks(e) % op->kv.kv_heads;
    uint32_t row = rest / head_blocks(e) / op->kv.kv_heads;
    if ((uint32_t)job->run->pos[row] < page * AC_PAGE) return;
    batch b = batch_of(job, e, row, kv_head, s);
    head += kv_head * e->heads_each;
    b.parts = shared_part(job, e, row, head);
    b.pages_each = job->max_pages;
    for (uint32_t i = 0; i < heads; i++) take(&b, job->run, row, head + i, s->memory + i * query_memory(e));
    page_batch(&b, page);
}

static bool few(const ac_cpu_job *job) {
    return job->rows <= FEW_ROWS;
}

static uint32_t page_items(const ac_cpu_job *job, uint32_t threads) {
    extent e = extent_of(job);
    uint32_t each = job->attention.kv.kv_heads * head_blocks(&e);
    (void)threads;
    return few(job) ? job->rows * each * job->run->n_pages_used
                    : (job->rows + e.block_rows - 1) / e.block_rows * each;
}

static void page_work(const ac_cpu_job *job, uint32_t first, uint32_t last, void *memory) {
    extent e = extent_of(job);
    for (uint32_t i = first; i < last; i++) (few(job) ? one_page : many_rows)(job, &e, i, memory);
}

static uint32_t merge_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return few(job) ? job->rows * job->attention.heads : 0;
}

static void merge_work(const ac_cpu_job *job, uint32_t first, uint32_t last, void *memory) {
    extent e = extent_of(job);
    (void)memory;
    for (uint32_t i = first; i < last; i++) {
        uint32_t row = i / job->attention.heads, head = i % job->attention.heads;
        merge(shared_part(job, &e, row, head), (uint32_t)job->run->pos[row] / AC_PAGE + 1, &e,
              out_of(&job->attention, row, head));
    }
}

static size_t attention_thread_bytes(const ac_cpu_job *job) {
    extent e = extent_of(job);
    size_t bytes = sizeof(scratch) + BLOCK_QUERIES * query_memory(&e);
    return few(job) ? bytes : bytes + BLOCK_QUERIES * job->max_pages * e.part_bytes;
}

static size_t attention_shared_bytes(const ac_cpu_job *job) {
    extent e = extent_of(job);
    size_t rows = job->max_rows < FEW_ROWS ? job->max_rows : FEW_ROWS;
    return rows * job->attention.heads * job->max_pages * e.part_bytes;
}

static void v_attention_slots(ac_cpu_table *t) {
    t->op[AC_OP_attention] = (ac_cpu_slot){.name = "ac_attention__" V_ISA,
                                           .stage = {{page_items, page_work}, {merge_items, merge_work}},
                                           .grain = 1,
                                           .thread_bytes = attention_thread_bytes,
                                           .shared_bytes = attention_shared_bytes};
}

#endif
