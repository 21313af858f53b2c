/* kv_store: keys and values of a row as kv14 codes, at its slot of the cache (docs/numerics.md, section 7;
 * layout in backend.h). Work is split by rows; different rows write different positions. */
#include "ref.h"

/* Keys: one scale per 32 channels; channels in pairs, the pair's 32 positions side by side. */
static void store_k(const ac_cpu_kv *kv, const float *k, uint8_t *sub, uint32_t t) {
    int16_t *out = (int16_t *)(void *)(sub + kv->lay.k), code[32];
    float *d = (float *)(void *)(sub + kv->lay.dk);
    for (uint32_t at = 0; at < kv->head_dim; at += 32) {
        uint32_t n = kv->head_dim - at < 32 ? kv->head_dim - at : 32;
        d[at / 32 * AC_SUB + t] = ref_kv14(k + at, n, code);
        for (uint32_t i = 0; i < n; i++) out[((at + i) / 2 * AC_SUB + t) * 2 + i % 2] = code[i];
    }
    if (kv->head_dim % 2) out[(kv->head_dim / 2 * AC_SUB + t) * 2 + 1] = 0;
}

/* Values: one scale for all channels; positions in pairs, the pair's channels side by side. */
static void store_v(const ac_cpu_kv *kv, const float *v, uint8_t *sub, uint32_t t, int16_t *code) {
    int16_t *out = (int16_t *)(void *)(sub + kv->lay.v);
    float *d = (float *)(void *)(sub + kv->lay.dv);
    uint32_t channels = (kv->head_dim + 1) / 2 * 2;
    code[channels - 1] = 0;
    d[t] = ref_kv14(v, kv->head_dim, code);
    for (uint32_t c = 0; c < channels; c++) out[(t / 2 * channels + c) * 2 + t % 2] = code[c];
}

static void kv_store(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_kv_store *op = &job->kv_store;
    for (uint32_t r = first; r < last; r++) {
        uint32_t slot = (uint32_t)job->run->slot[r], in_page = slot % AC_PAGE;
        const float *k = ac_cpu_row(op->k, r), *v = ac_cpu_row(op->v, r);
        for (uint32_t h = 0; h < op->kv.kv_heads; h++) {
            uint8_t *sub = ac_cpu_kv_sub(&op->kv, op->layer, slot / AC_PAGE, h, in_page / AC_SUB);
            store_k(&op->kv, k + (size_t)h * op->kv.head_dim, sub, in_page % AC_SUB);
            store_v(&op->kv, v + (size_t)h * op->kv.head_dim, sub, in_page % AC_SUB, scratch);
        }
    }
}

static size_t thread_bytes(const ac_cpu_job *job) {
    return (job->kv_store.kv.head_dim + 1) * sizeof(int16_t);
}

void ac__ref_kv_store(ac_cpu_table *table) {
    table->op[AC_OP_kv_store] =
        (ac_cpu_slot){.name = "ac_kv_store__ref", .stage = {{NULL, kv_store}}, .thread_bytes = thread_bytes};
}
