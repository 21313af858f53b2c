/* attention: softmax(q k) v over the cache, docs/numerics.md section 7. Positions go in chunks of 256 (a
 * page) and sub-blocks of 32. An item is one row and one head; items differ much in length, so threads fetch
 * them one by one. */
#include "ref.h"

/* One query head, and where its keys and values are. */
typedef struct query {
    const ac_cpu_job *job;
    const int32_t *pages; /* of its sequence */
    uint32_t kv_head, positions;
    const int16_t *code; /* [head_dim], pairs padded with 0 */
    const float *d;      /* [groups of 32 channels] */
    const float *score;  /* [positions] */
} query;

typedef struct scratch {
    float *score, *out, *chunk, *dq;
    int16_t *code;
} scratch;

static const uint8_t *sub_of(const query *q, uint32_t t) {
    const ac_cpu_attention *op = &q->job->attention;
    return ac_cpu_kv_sub(&op->kv, op->layer, (uint32_t)q->pages[t / AC_PAGE], q->kv_head,
                         t % AC_PAGE / AC_SUB);
}

/* s_t: the integer products of each group of 32 channels, scaled and added in index order. */
static float score(const query *q, uint32_t t) {
    const ac_cpu_attention *op = &q->job->attention;
    const uint8_t *sub = sub_of(q, t);
    const int16_t *k = (const int16_t *)(const void *)(sub + op->kv.lay.k);
    const float *dk = (const float *)(const void *)(sub + op->kv.lay.dk);
    uint32_t in_sub = t % AC_SUB, dim = op->kv.head_dim;
    float sum = 0.0f;
    for (uint32_t at = 0; at < dim; at += 32) {
        int32_t isum = 0;
        for (uint32_t c = at; c < dim && c < at + 32; c++)
            isum += q->code[c] * k[(c / 2 * AC_SUB + in_sub) * 2 + c % 2];
        sum = sum + (q->d[at / 32] * dk[at / 32 * AC_SUB + in_sub]) * ac_wide(isum);
    }
    return sum * op->scale;
}

static float max_of(const float *x, uint32_t n) {
    float most = x[0];
    for (uint32_t i = 1; i < n; i++)
        if (ac_key(x[i]) > ac_key(most)) most = x[i];
    return most;
}

/* exp, but nothing below e^-24. */
static float weight(float x) {
    return x < -24.0f ? 0.0f : ac_exp(x);
}

/* o += one sub-block's values, weighted by a[n] = p_t * dv_t, of which the largest is not 0. */
static void add_sub_block(const query *q, const uint8_t *sub, const float *a, uint32_t n, float *o) {
    const ac_cpu_attention *op = &q->job->attention;
    const int16_t *v = (const int16_t *)(const void *)(sub + op->kv.lay.v);
    uint32_t dim = op->kv.head_dim, channels = (dim + 1) / 2 * 2;
    float most = max_of(a, n), k = 8191.0f * ac_rcp(most), d = most * ac_from_bits(0x39000400u);
    int32_t code[AC_SUB];
    for (uint32_t t = 0; t < n; t++) code[t] = ac_limit(ac_rne(a[t] * k), 8191);
    for (uint32_t c = 0; c < dim; c++) {
        int32_t isum = 0;
        for (uint32_t t = 0; t < n; t++) isum += code[t] * v[(t / 2 * channels + c) * 2 + t % 2];
        o[c] = o[c] + d * ac_wide(isum);
    }
}

/* A chunk's weighted values o[head_dim] and, returned, l: its weights counted in 2^-22. `most` is the chunk's
 * largest score. */
static int32_t chunk_output(const query *q, uint32_t first, uint32_t n, float most, float *o) {
    const ac_cpu_attention *op = &q->job->attention;
    int32_t l = 0;
    memset(o, 0, op->kv.head_dim * sizeof *o);
    for (uint32_t at = 0; at < n; at += AC_SUB) {
        uint32_t m = n - at < AC_SUB ? n - at : AC_SUB;
        const uint8_t *sub = sub_of(q, first + at);
        const float *dv = (const float *)(const void *)(sub + op->kv.lay.dv);
        float a[AC_SUB];
        for (uint32_t t = 0; t < m; t++) {
            float p = weight(q->score[first + at + t] - most);
            l += ac_rne(p * 4194304.0f);
            a[t] = p * dv[t];
        }
        if (max_of(a, m) != 0.0f) add_sub_block(q, sub, a, m, o);
    }
    for (uint32_t c = 0; c < op->kv.head_dim; c++) o[c] = ac_cut(o[c]);
    return l;
}

/* All chunks put together. */
static void output(const query *q, const scratch *s, float *out) {
    uint32_t dim = q->job->attention.kv.head_dim, n = q->positions;
    float most = max_of(s->score, n), r = 0.0f;
    memset(s->out, 0, dim * sizeof *s->out);
    for (uint32_t first = 0; first < n; first += AC_PAGE) {
        uint32_t m = n - first < AC_PAGE ? n - first : AC_PAGE;
        float most_here = max_of(s->score + first, m), e = weight(most_here - most);
        int32_t l = chunk_output(q, first, m, most_here, s->chunk);
        for (uint32_t c = 0; c < dim; c++) s->out[c] = s->out[c] + e * s->chunk[c];
        r = r + e * ac_wide(l);
    }
    float inverse = ac_rcp(r);
    for (uint32_t c = 0; c < dim; c++) out[c] = ac_cut((s->out[c] * inverse) * 4194304.0f);
}

/* Thread scratch, divided. */
static scratch divide(const ac_cpu_job *job, float *base) {
    size_t dim = job->attention.kv.head_dim, positions = (size_t)job->max_pages * AC_PAGE;
    scratch s;
    s.score = base;
    s.out = s.score + positions;
    s.chunk = s.out + dim;
    s.dq = s.chunk + dim;
    s.code = (int16_t *)(void *)(s.dq + (dim + 31) / 32);
    return s;
}

static size_t thread_bytes(const ac_cpu_job *job) {
    size_t dim = job->attention.kv.head_dim, positions = (size_t)job->max_pages * AC_PAGE;
    return (positions + 2 * dim + (dim + 31) / 32) * sizeof(float) + dim * sizeof(int16_t);
}

static void attention(const ac_cpu_job *job, uint32_t first, uint32_t last, void *memory) {
    const ac_cpu_attention *op = &job->attention;
    uint32_t dim = op->kv.head_dim;
    scratch s = divide(job, memory);
    for (uint32_t i = first; i < last; i++) {
        uint32_t r = i / op->heads, h = i % op->heads;
        const float *x = (const float *)ac_cpu_row(op->q, r) + (size_t)h * dim;
        for (uint32_t at = 0; at < dim; at += 32)
            s.dq[at / 32] = ref_kv14(x + at, dim - at < 32 ? dim - at : 32, s.code + at);
        query q = {.job = job,
                   .pages = job->run->pages + (size_t)job->run->seq[r] * job->max_pages,
                   .kv_head = h / (op->heads / op->kv.kv_heads),
                   .positions = (uint32_t)job->run->pos[r] + 1,
                   .code = s.code,
                   .d = s.dq,
                   .score = s.score};
        for (uint32_t t = 0; t < q.positions; t++) s.score[t] = score(&q, t);
        output(&q, &s, (float *)ac_cpu_row(op->out, r) + (size_t)h * dim);
    }
}

static uint32_t items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * job->attention.heads;
}

void ac__ref_attention(ac_cpu_table *table) {
    table->op[AC_OP_attention] = (ac_cpu_slot){
        .name = "ac_attention__ref", .stage = {{items, attention}}, .grain = 1, .thread_bytes = thread_bytes};
}
