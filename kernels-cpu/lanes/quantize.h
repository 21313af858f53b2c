/* quantize.h - activations in the forms of matrix products (docs/numerics.md, section 3) and in the codes of
 * the cache (section 7). */
#ifndef AC_LANES_QUANTIZE_H
#define AC_LANES_QUANTIZE_H

#include "cpu.h"
#include "functions.h"
#include "kv14.h"

enum { QUANTIZE_PIECE = 2048, VECTORS_32 = 32 / LANES }; /* elements of an item, a multiple of 256 */

/* 1 / (1 + c / 128) rounded to float32, and 1 / f */
static const float shrink[4] = {1.0f, 0x1.fc07fp-1f, 0x1.f81f82p-1f, 0x1.f4465ap-1f};
static const float inverse[17] = {0.0f,      1.0f / 1,  1.0f / 2,  1.0f / 3,  1.0f / 4,  1.0f / 5,
                                  1.0f / 6,  1.0f / 7,  1.0f / 8,  1.0f / 9,  1.0f / 10, 1.0f / 11,
                                  1.0f / 12, 1.0f / 13, 1.0f / 14, 1.0f / 15, 1.0f / 16};

/* 32 windowed floats */
INLINE void v_group_of(const float *x, vf v[VECTORS_32]) {
    V_UNROLL for (int i = 0; i < VECTORS_32; i++) v[i] = vf_window(vf_load(x + i * LANES));
}

INLINE float v_group_amax(const vf v[VECTORS_32]) {
    vi most = vi_magnitude(v[0]);
    V_UNROLL for (int i = 1; i < VECTORS_32; i++) most = vi_max(most, vi_magnitude(v[i]));
    return ac_from_bits((uint32_t)vi_most(most));
}

/* The group's squared rounding errors with scale c. */
INLINE int32_t v_error(const vf v[VECTORS_32], float k, int c) {
    vi sum = vi_zero();
    V_UNROLL for (int i = 0; i < VECTORS_32; i++) {
        vf t = vf_mul(v[i], vf_all(k));
        vi u = vi_rne(vf_mul(vf_sub(t, vf_of(vi_rne(t))), vf_all(64.0f)));
        sum = vi_add(sum, vi_mul(u, u));
    }
    return vi_sum(sum) * (128 + c) * (128 + c);
}

/* The codes of one vector, stored; returned as they are. */
INLINE vi v_put_codes(vf v, float k, int8_t *q) {
    vi code = vi_limit(vi_rne(vf_mul(v, vf_all(k))), 127);
    v_store8(q, code);
    return code;
}

INLINE void group_a32(const float *x, int8_t *q, float *d, int16_t *s) {
    vf v[VECTORS_32];
    v_group_of(x, v);
    float amax = v_group_amax(v), k = 0.0f;
    *d = 0.0f;
    if (amax != 0.0f) {
        k = 127.0f * ac_rcp(amax);
        int best = 0;
        int32_t least = v_error(v, k, 0);
        V_UNROLL for (int c = 1; c < 4; c++) {
            int32_t error = v_error(v, k * shrink[c], c);
            best = error < least ? c : best;
            least = error < least ? error : least;
        }
        k = k * shrink[best];
        *d = (amax * ac_from_bits(0x3C010204u)) * (1.0f + (float)best * 0.0078125f);
    }
    vi sum = vi_zero();
    V_UNROLL for (int i = 0; i < VECTORS_32; i++) sum = vi_add(sum, v_put_codes(v[i], k, q + i * LANES));
    *s = (int16_t)vi_sum(sum);
}

/* A group of a chunk whose largest magnitude has the reciprocal r. */
INLINE void group_a256(const float *x, float amax, float r, int8_t *q, uint8_t *f, int16_t *s) {
    int factor = ac_rne((16.0f * r) * amax + 0.5f);
    factor = factor < 1 ? 1 : factor > 16 ? 16 : factor;
    float k = (2032.0f * r) * inverse[factor];
    *f = (uint8_t)factor;
    for (int half = 0; half < 2; half++) {
        vi sum = vi_zero();
        V_UNROLL for (int i = 0; i < 16; i += LANES) {
            int at = 16 * half + i;
            sum = vi_add(sum, v_put_codes(vf_window(vf_load(x + at)), k, q + at));
        }
        s[half] = (int16_t)(factor * vi_sum(sum));
    }
}

static float chunk_a256(const float *x, int8_t *q, uint8_t *f, int16_t *s) {
    float amax[AC_CHUNK / 32], all = 0.0f;
    for (uint32_t g = 0; g < AC_CHUNK / 32; g++) {
        vf v[VECTORS_32];
        v_group_of(x + 32 * g, v);
        amax[g] = v_group_amax(v);
        all = amax[g] > all ? amax[g] : all;
    }
    if (all == 0.0f) {
        memset(q, 0, AC_CHUNK);
        memset(f, 1, AC_CHUNK / 32);
        memset(s, 0, AC_CHUNK / 16 * sizeof *s);
        return 0.0f;
    }
    float r = ac_rcp(all);
    for (uint32_t g = 0; g < AC_CHUNK / 32; g++)
        group_a256(x + 32 * g, amax[g], r, q + 32 * g, f + g, s + 2 * g);
    return all * ac_from_bits(0x3A010204u);
}

/* ---- Rows -------------------------------------------------------------------------------------------- */

static void part_f32(const ac_cpu_quantize *op, const float *x, uint8_t *out, uint32_t at, uint32_t end) {
    float *y = (float *)(void *)out;
    (void)op;
    for (; at + LANES <= end; at += LANES) vf_store(y + at, vf_window(vf_load(x + at)));
    vf_store_some(y + at, vf_window(vf_load_some(x + at, end - at)), end - at);
}

static void part_a32(const ac_cpu_quantize *op, const float *x, uint8_t *out, uint32_t at, uint32_t end) {
    float *d = (float *)(void *)(out + op->lay.d);
    int16_t *s = (int16_t *)(void *)(out + op->lay.s);
    for (; at < end; at += 32) group_a32(x + at, (int8_t *)out + op->lay.q + at, d + at / 32, s + at / 32);
}

static void part_a256(const ac_cpu_quantize *op, const float *x, uint8_t *out, uint32_t at, uint32_t end) {
    float *d = (float *)(void *)(out + op->lay.d);
    int16_t *s = (int16_t *)(void *)(out + op->lay.s);
    for (; at < end; at += AC_CHUNK)
        d[at / AC_CHUNK] =
            chunk_a256(x + at, (int8_t *)out + op->lay.q + at, out + op->lay.f + at / 32, s + at / 16);
}

static uint32_t quantize_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * ((job->quantize.n + QUANTIZE_PIECE - 1) / QUANTIZE_PIECE);
}

#define V_QUANTIZE(form)                                                                                     \
    static void quantize_##form(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {       \
        const ac_cpu_quantize *op = &job->quantize;                                                          \
        uint32_t pieces = (op->n + QUANTIZE_PIECE - 1) / QUANTIZE_PIECE;                                     \
        (void)scratch;                                                                                       \
        for (uint32_t i = first; i < last; i++) {                                                            \
            uint32_t row = i / pieces, at = i % pieces * QUANTIZE_PIECE;                                     \
            uint32_t end = op->n - at < QUANTIZE_PIECE ? op->n : at + QUANTIZE_PIECE;                        \
            part_##form(op, ac_cpu_row(op->x, row), ac_cpu_row(op->out, row), at, end);                      \
        }                                                                                                    \
    }
V_QUANTIZE(f32)
V_QUANTIZE(a32)
V_QUANTIZE(a256)

/* ---- The cache --------------------------------------------------------------------------------------- */

static void store_k(const ac_cpu_kv *kv, const float *k, uint8_t *sub, uint32_t t) {
    uint8_t *out = sub + kv->lay.k + 4 * t;
    float *d = (float *)(void *)(sub + kv->lay.dk);
    for (uint32_t at = 0; at < kv->head_dim; at += 32) {
        int16_t code[32 + LANES] = {0};
        uint32_t n = kv->head_dim - at < 32 ? kv->head_dim - at : 32;
        d[at / 32 * AC_SUB + t] = v_kv14(k + at, n, code);
        for (uint32_t i = 0; i < n; i += 2) memcpy(out + (at + i) / 2 * AC_SUB * 4, code + i, 4);
    }
}

static void store_v(const ac_cpu_kv *kv, const float *v, uint8_t *sub, uint32_t t, int16_t *code) {
    uint32_t channels = (kv->head_dim + 1) / 2 * 2;
    int16_t *out = (int16_t *)(void *)(sub + kv->lay.v) + (size_t)(t / 2) * channels * 2 + t % 2;
    float *d = (float *)(void *)(sub + kv->lay.dv);
    d[t] = v_kv14(v, kv->head_dim, code);
    code[kv->head_dim] = 0;
    for (uint32_t c = 0; c < channels; c++) out[2 * c] = code[c];
}

static void kv_store(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_kv_store *op = &job->kv_store;
    for (uint32_t i = first; i < last; i++) {
        uint32_t r = i / op->kv.kv_heads, h = i % op->kv.kv_heads;
        uint32_t slot = (uint32_t)job->run->slot[r], in_page = slot % AC_PAGE;
        size_t at = (size_t)h * op->kv.head_dim;
        uint8_t *sub = ac_cpu_kv_sub(&op->kv, op->layer, slot / AC_PAGE, h, in_page / AC_SUB);
        store_k(&op->kv, (const float *)ac_cpu_row(op->k, r) + at, sub, in_page % AC_SUB);
        store_v(&op->kv, (const float *)ac_cpu_row(op->v, r) + at, sub, in_page % AC_SUB, scratch);
    }
}

static uint32_t kv_store_items(const ac_cpu_job *job, uint32_t threads) {
    (void)threads;
    return job->rows * job->kv_store.kv.kv_heads;
}

static size_t kv_store_bytes(const ac_cpu_job *job) {
    return (job->kv_store.kv.head_dim + LANES + 1) * sizeof(int16_t);
}

static void v_quantize_slots(ac_cpu_table *t) {
#define SLOT(FORM, form)                                                                                     \
    t->quantize[AC_FORM_##FORM] = (ac_cpu_slot){.name = "ac_quantize_" #form "__" V_ISA,                     \
                                                .stage = {{quantize_items, quantize_##form}}};
    SLOT(F32, f32)
    SLOT(A32, a32)
    SLOT(A256, a256)
#undef SLOT
    t->op[AC_OP_kv_store] = (ac_cpu_slot){
        .name = "ac_kv_store__" V_ISA, .stage = {{kv_store_items, kv_store}}, .thread_bytes = kv_store_bytes};
}

#endif
