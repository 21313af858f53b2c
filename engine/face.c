/* face.c - the parts of the porting face that are code: operation names, buffers an operation uses, layouts,
 * cache files. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <anychip/backend.h>

static const char *const op_names[AC_OP_COUNT] = {
#define OP(name, text) [AC_OP_##name] = #name,
#include <anychip/ops.def>
#undef OP
};

static const char *const op_texts[AC_OP_COUNT] = {
#define OP(name, text) [AC_OP_##name] = text,
#include <anychip/ops.def>
#undef OP
};

const char *ac_op_name(ac_op_kind kind) {
    return (unsigned)kind < AC_OP_COUNT ? op_names[kind] : NULL;
}
const char *ac_op_text(ac_op_kind kind) {
    return (unsigned)kind < AC_OP_COUNT ? op_texts[kind] : NULL;
}

ac_op_uses ac_op_buffers(const ac_op *op) {
#define USES(r0, r1, r2, w)                                                                                  \
    (ac_op_uses) {                                                                                           \
        {r0, r1, r2}, {                                                                                      \
            w                                                                                                \
        }                                                                                                    \
    }
    switch (op->kind) {
    case AC_OP_embed:
        return USES(AC_NONE, AC_NONE, AC_NONE, op->embed.out);
    case AC_OP_rms_norm:
        return USES(op->rms_norm.x, AC_NONE, AC_NONE, op->rms_norm.out);
    case AC_OP_quantize:
        return USES(op->quantize.x, AC_NONE, AC_NONE, op->quantize.out);
    case AC_OP_matmul:
        return USES(op->matmul.x, AC_NONE, AC_NONE, op->matmul.out);
    case AC_OP_add:
        return USES(op->add.a, op->add.bias == AC_NONE ? op->add.b : AC_NONE, AC_NONE, op->add.out);
    case AC_OP_rope:
        return USES(op->rope.x, AC_NONE, AC_NONE, op->rope.x);
    case AC_OP_kv_store:
        return USES(op->kv_store.k, op->kv_store.v, AC_NONE, AC_NONE);
    case AC_OP_attention:
        return USES(op->attention.q, AC_NONE, AC_NONE, op->attention.out);
    case AC_OP_glu:
        return USES(op->glu.gate, op->glu.up, AC_NONE, op->glu.out);
    case AC_OP_gather:
        return USES(op->gather.x, AC_NONE, AC_NONE, op->gather.out);
    case AC_OP_argmax:
        return USES(op->argmax.x, AC_NONE, AC_NONE, op->argmax.out);
    case AC_OP_COUNT:
        break;
    }
    return USES(AC_NONE, AC_NONE, AC_NONE, AC_NONE);
#undef USES
}

bool ac_op_by_row(ac_op_kind kind) {
    static const bool by_row[AC_OP_COUNT] = {
        [AC_OP_embed] = true, [AC_OP_rms_norm] = true, [AC_OP_quantize] = true, [AC_OP_add] = true,
        [AC_OP_rope] = true,  [AC_OP_kv_store] = true, [AC_OP_glu] = true,
    };
    return (unsigned)kind < AC_OP_COUNT && by_row[kind];
}

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

ac_act_layout ac_act_layout_of(ac_form form, size_t n) {
    ac_act_layout a = {0};
    size_t end = n * sizeof(float);
    if (form == AC_FORM_A32) {
        a.d = round_up(n, 16);
        a.s = round_up(a.d + n / 32 * sizeof(float), 16);
        end = a.s + n / 32 * sizeof(int16_t);
    } else if (form == AC_FORM_A256) {
        a.d = round_up(n, 16);
        a.f = round_up(a.d + n / 256 * sizeof(float), 16);
        a.s = round_up(a.f + n / 32, 16);
        end = a.s + n / 16 * sizeof(int16_t);
    }
    a.row_bytes = round_up(end, 64);
    return a;
}

ac_kv_layout ac_kv_layout_of(uint32_t kv_heads, uint32_t head_dim) {
    size_t channels = round_up(head_dim, 2);
    ac_kv_layout l = {0};
    l.dk = channels * AC_SUB * sizeof(int16_t);
    l.v = l.dk + round_up(head_dim, 32) / 32 * AC_SUB * sizeof(float);
    l.dv = l.v + channels * AC_SUB * sizeof(int16_t);
    l.sub_bytes = round_up(l.dv + AC_SUB * sizeof(float), 64);
    l.page_bytes = l.sub_bytes * (AC_PAGE / AC_SUB) * kv_heads;
    return l;
}

FILE *ac_cache_open(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* of a pipe nobody waits for the other end */
    FILE *f = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "rb") : NULL;
    if (!f && fd >= 0) close(fd);
    return f;
}
