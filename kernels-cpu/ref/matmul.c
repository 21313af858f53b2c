/* matmul: out[r] = W x[r], docs/numerics.md section 4. A weight block is unpacked once and used for all rows
 * of x. Terms are added per chunk of 256 and the chunk totals per row, both in index order. Work is split by
 * rows of W. */
#include "ref.h"
#include "unpack.h"

/* Accumulators of one row of x: the chunk under way and the chunks before. */
typedef struct sums {
    float chunk, total;
} sums;

static int32_t dot(const int8_t *code, const int8_t *q, int n) {
    int32_t sum = 0;
    for (int i = 0; i < n; i++) sum += code[i] * q[i];
    return sum;
}

static float term32(const ref_type *type, const ref_block32 *b, const int8_t *q, float d, int s) {
    float t = (b->d * d) * (float)dot(b->code, q, 32);
    return type->mins ? t + (b->m * d) * (float)s : t;
}

static void product32(const ac_cpu_job *job, const ref_type *type, const uint8_t *w, sums *sum) {
    const ac_cpu_matmul *op = &job->matmul;
    size_t bytes = ac_type_describe(op->w.type)->block_bytes;
    uint32_t blocks = op->n / 32;
    ref_block32 b;
    for (uint32_t g = 0; g < blocks; g++) {
        type->block32(w + g * bytes, &b);
        bool ends = g % 8 == 7 || g + 1 == blocks;
        for (uint32_t r = 0; r < job->rows; r++) {
            const uint8_t *x = ac_cpu_row(op->x, r);
            const float *d = (const float *)(const void *)(x + op->lay.d);
            const int16_t *s = (const int16_t *)(const void *)(x + op->lay.s);
            sum[r].chunk =
                sum[r].chunk + term32(type, &b, (const int8_t *)x + op->lay.q + 32 * g, d[g], s[g]);
            if (!ends) continue;
            sum[r].total = sum[r].total + sum[r].chunk;
            sum[r].chunk = 0.0f;
        }
    }
}

/* Integers may wrap on the way (unsigned arithmetic); the results fit. */
static float term256(const ref_type *type, const ref_block256 *b, const int8_t *q, float d, const uint8_t *f,
                     const int16_t *s) {
    uint32_t isum = 0, msum = 0;
    for (int i = 0; i < 16; i++) {
        isum += (uint32_t)(b->scale[i] * f[i / 2]) * (uint32_t)dot(b->code + 16 * i, q + 16 * i, 16);
        msum += (uint32_t)(b->min[i] * s[i]);
    }
    float t = (b->d * d) * ac_wide((int32_t)isum);
    return type->mins ? t - (b->dmin * d) * ac_wide((int32_t)msum) : t;
}

static void product256(const ac_cpu_job *job, const ref_type *type, const uint8_t *w, sums *sum) {
    const ac_cpu_matmul *op = &job->matmul;
    size_t bytes = ac_type_describe(op->w.type)->block_bytes;
    ref_block256 b;
    for (uint32_t c = 0; c < op->n / 256; c++) {
        type->block256(w + c * bytes, &b);
        for (uint32_t r = 0; r < job->rows; r++) {
            const uint8_t *x = ac_cpu_row(op->x, r);
            const float *d = (const float *)(const void *)(x + op->lay.d);
            const int16_t *s = (const int16_t *)(const void *)(x + op->lay.s);
            float t = term256(type, &b, (const int8_t *)x + op->lay.q + 256 * c, d[c], x + op->lay.f + 8 * c,
                              s + 16 * c);
            sum[r].total = sum[r].total + (0.0f + t);
        }
    }
}

/* The chunk's 8 partial sums: element k goes to partial k % 8. */
static float chunk_floats(const float *w, const float *x, uint32_t n) {
    float p[8] = {0};
    for (uint32_t k = 0; k < n; k++) p[k % 8] = p[k % 8] + w[k] * x[k];
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

static void product_floats(const ac_cpu_job *job, const ref_type *type, const uint8_t *w, sums *sum) {
    const ac_cpu_matmul *op = &job->matmul;
    size_t bytes = ac_type_describe(op->w.type)->block_bytes;
    float chunk[AC_CHUNK];
    for (uint32_t at = 0; at < op->n; at += AC_CHUNK) {
        uint32_t n = op->n - at < AC_CHUNK ? op->n - at : AC_CHUNK;
        for (uint32_t k = 0; k < n; k++) chunk[k] = type->element(w + (at + k) * bytes);
        for (uint32_t r = 0; r < job->rows; r++) {
            const float *x = ac_cpu_row(op->x, r);
            sum[r].total = sum[r].total + chunk_floats(chunk, x + at, n);
        }
    }
}

static void matmul(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_matmul *op = &job->matmul;
    const ref_type *type = &ac__ref_types[op->w.type];
    sums *sum = scratch;
    for (uint32_t i = first; i < last; i++) {
        const uint8_t *w = op->w.p + i * op->w.stride;
        memset(sum, 0, job->rows * sizeof *sum);
        if (type->block256)
            product256(job, type, w, sum);
        else if (type->block32)
            product32(job, type, w, sum);
        else
            product_floats(job, type, w, sum);
        for (uint32_t r = 0; r < job->rows; r++) ((float *)ac_cpu_row(op->out, r))[i] = sum[r].total;
    }
}

static uint32_t items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->matmul.m;
}

static size_t thread_bytes(const ac_cpu_job *job) {
    return job->rows * sizeof(sums);
}

void ac__ref_matmul(ac_cpu_table *table) {
#define X(TYPE, lower, id, elems, bytes, form)                                                               \
    table->matmul[AC_TYPE_##TYPE] = (ac_cpu_slot){                                                           \
        .name = "ac_matmul_" lower "__ref", .stage = {{items, matmul}}, .thread_bytes = thread_bytes};
#include <anychip/types.def>
#undef X
}
