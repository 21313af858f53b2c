/* embed: out[r] = row token[r] of w, de-quantised. Work is split by rows. */
#include "ref.h"
#include "unpack.h"

static void row_floats(const ref_type *type, const ac_cpu_weight *w, const uint8_t *p, float *out,
                       uint32_t n) {
    size_t bytes = ac_type_describe(w->type)->block_bytes;
    for (uint32_t i = 0; i < n; i++) out[i] = ac_cut(type->element(p + i * bytes));
}

static void row_block32(const ref_type *type, const ac_cpu_weight *w, const uint8_t *p, float *out,
                        uint32_t n) {
    size_t bytes = ac_type_describe(w->type)->block_bytes;
    ref_block32 b;
    for (uint32_t i = 0; i < n; i++) {
        if (i % 32 == 0) type->block32(p + i / 32 * bytes, &b);
        float y = b.d * (float)b.code[i % 32];
        if (type->mins) y = y + b.m;
        out[i] = ac_cut(y);
    }
}

static void row_block256(const ref_type *type, const ac_cpu_weight *w, const uint8_t *p, float *out,
                         uint32_t n) {
    size_t bytes = ac_type_describe(w->type)->block_bytes;
    ref_block256 b;
    for (uint32_t i = 0; i < n; i++) {
        if (i % 256 == 0) type->block256(p + i / 256 * bytes, &b);
        int group = i % 256 / 16;
        float y = (b.d * (float)b.scale[group]) * (float)b.code[i % 256];
        if (type->mins) y = y - b.dmin * (float)b.min[group];
        out[i] = ac_cut(y);
    }
}

static void embed(const ac_cpu_job *job, uint32_t first, uint32_t last, void *scratch) {
    const ac_cpu_embed *op = &job->embed;
    const ref_type *type = &ac__ref_types[op->w.type];
    (void)scratch;
    for (uint32_t r = first; r < last; r++) {
        const uint8_t *p = op->w.p + (size_t)job->run->token[r] * op->w.stride;
        float *out = ac_cpu_row(op->out, r);
        if (type->block256)
            row_block256(type, &op->w, p, out, op->n);
        else if (type->block32)
            row_block32(type, &op->w, p, out, op->n);
        else
            row_floats(type, &op->w, p, out, op->n);
    }
}

void ac__ref_embed(ac_cpu_table *table) {
#define X(TYPE, lower, id, elems, bytes, form)                                                               \
    table->embed[AC_TYPE_##TYPE] = (ac_cpu_slot){.name = "ac_embed_" lower "__ref", .stage = {{NULL, embed}}};
#include <anychip/types.def>
#undef X
}
