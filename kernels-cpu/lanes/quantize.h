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

/* n groups of x, windowed, to y; returned: their largest magnitudes, as bits, zeros behind them. */
INLINE vi v_group_amax(const float *x, int n, float *y) {
    vi most[LANES];
    V_UNROLL for (int g = 0; g < LANES; g++) {
        most[g] = vi_zero();
        if (g >= n) continue;
        V_UNROLL for (int i = 0; i < VECTORS_32; i++) {
            vf v = vf_window(vf_load(x + 32 * g + i * LANES));
            vf_store(y + 32 * g + i * LANES, v);
            most[g] = vi_max(most[g], vi_magnitude(v));
        }
    }
    return v_mosts(most);
}

/* Vector i of group g */
INLINE vf v_group(const float *y, int g, int i) {
    return vf_load(y + 32 * g + i * LANES);
}

/* The squared rounding errors of n groups with the scales c; k: [LANES] */
INLINE vi v_errors(const float *y, int n, const float *k, int c) {
    vi sum[LANES];
    V_UNROLL for (int g = 0; g < LANES; g++) {
        sum[g] = vi_zero();
        if (g >= n) continue;
        V_UNROLL for (int i = 0; i < VECTORS_32; i++) {
            vf t = vf_mul(v_group(y, g, i), vf_all(k[g]));
            vi u = vi_rne(vf_mul(vf_sub(t, vf_of(vi_rne(t))), vf_all(64.0f)));
            sum[g] = vi_add(sum[g], vi_mul(u, u));
        }
    }
    return vi_mul(v_sums(sum), vi_all((128 + c) * (128 + c)));
}

/* The codes of one vector, stored; returned as they are. */
INLINE vi v_put_codes(vf v, float k, int8_t *q) {
    vi code = vi_limit(vi_rne(vf_mul(v, vf_all(k))), 127);
    v_store8(q, code);
    return code;
}

/* n groups, LANES at most: a group to a lane wherever there is one number of each. */
INLINE void groups_a32(const float *x, int n, int8_t *q, float *d, int16_t *s) {
    float y[32 * LANES], k[LANES], scale[LANES];
    int16_t sum[LANES];
    vi most = v_group_amax(x, n, y), codes[LANES];
    vm none = vm_greater(vi_all(1), most);
    vf k0 = vf_choose(none, vf_zero(), vf_mul(vf_all(127.0f), vf_rcp(vf_bits(most)))), best = k0,
       times = vf_all(1.0f);
    vf_store(k, k0);
    vi least = v_errors(y, n, k, 0);
    V_UNROLL for (int c = 1; c < 4; c++) {
        vf kc = vf_mul(k0, vf_all(shrink[c]));
        vf_store(k, kc);
        vi error = v_errors(y, n, k, c);
        vm less = vm_greater(least, error);
        least = vi_choose(less, error, least);
        best = vf_choose(less, kc, best);
        times = vf_choose(less, vf_all(1.0f + (float)c * 0.0078125f), times);
    }
    vf_store(k, best);
    vf_store(scale, vf_mul(vf_mul(vf_bits(most), vf_const(0x3C010204u)), times));
    V_UNROLL for (int g = 0; g < LANES; g++) {
        codes[g] = vi_zero();
        if (g >= n) continue;
        V_UNROLL for (int i = 0; i < VECTORS_32; i++) codes[g] =
            vi_add(codes[g], v_put_codes(v_group(y, g, i), k[g], q + 32 * g + i * LANES));
    }
    v_store16(sum, v_sums(codes));
    memcpy(d, scale, (size_t)n * sizeof *d);
    memcpy(s, sum, (size_t)n * sizeof *s);
}

/* A chunk: halves of groups, LANES of them, from `half` on. factor: [LANES], theirs. */
INLINE void halves_a256(const float *y, int half, const float *k, const int32_t *factor, int8_t *q,
                        int16_t *s) {
    vi codes[LANES];
    V_UNROLL for (int h = 0; h < LANES; h++) {
        codes[h] = vi_zero();
        V_UNROLL for (int i = 0; i < 16; i += LANES) {
            int at = 16 * (half + h) + i;
            codes[h] = vi_add(codes[h], v_put_codes(vf_load(y + at), k[(half + h) / 2], q + at));
        }
    }
    v_store16(s + half, vi_mul(vi_load(factor + half), v_sums(codes)));
}

static float chunk_a256(const float *x, int8_t *q, uint8_t *f, int16_t *s) {
    enum { GROUPS = AC_CHUNK / 32, ROUNDED = GROUPS < LANES ? LANES : GROUPS };
    int32_t amax[ROUNDED], factor[ROUNDED], both[2 * GROUPS];
    float y[AC_CHUNK], k[GROUPS];
    vi most = vi_zero();
    for (int g = 0; g < GROUPS; g += LANES) {
        vi here = v_group_amax(x + 32 * g, GROUPS - g < LANES ? GROUPS - g : LANES, y + 32 * g);
        vi_store(amax + g, here);
        most = vi_max(most, here);
    }
    float all = ac_from_bits((uint32_t)vi_most(most));
    if (all == 0.0f) {
        memset(q, 0, AC_CHUNK);
        memset(f, 1, GROUPS);
        memset(s, 0, 2 * GROUPS * sizeof *s);
        return 0.0f;
    }
    float r = ac_rcp(all);
    for (int g = 0; g < GROUPS; g += LANES) {
        vf share = vf_add(vf_mul(vf_all(16.0f * r), vf_load(amax + g)), vf_all(0.5f));
        vi_store(factor + g, vi_min(vi_max(vi_rne(share), vi_all(1)), vi_all(16)));
    }
    V_UNROLL for (int g = 0; g < GROUPS; g++) {
        k[g] = (2032.0f * r) * inverse[factor[g]];
        f[g] = (uint8_t)factor[g];
        both[2 * g] = both[2 * g + 1] = factor[g];
    }
    for (int half = 0; half < 2 * GROUPS; half += LANES) halves_a256(y, half, k, both, q, s);
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
    int8_t *q = (int8_t *)out + op->lay.q;
    for (; at + 32 * LANES <= end; at += 32 * LANES)
        groups_a32(x + at, LANES, q + at, d + at / 32, s + at / 32);
    for (; at < end; at += 32) groups_a32(x + at, 1, q + at, d + at / 32, s + at / 32);
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
