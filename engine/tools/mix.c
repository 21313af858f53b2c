/* mix.c - which tensor of a model gets which type in a mix such as Q4_K_M. The rules are those by which the
 * files in use were made; here they are rows. */
#include "tools.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

const ac__mix ac__mixes[AC__MIX_COUNT] = {
#define MIX(name, base, number, text) [AC__MIX_##name] = {#name, AC_TYPE_##base, number, text},
#include "mixes.def"
#undef MIX
};

static bool same_word(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if (toupper((unsigned char)*a) != toupper((unsigned char)*b)) return false;
    return *a == *b;
}

ac__mix_id ac__mix_find(const char *name) {
    static const struct {
        const char *name;
        ac__mix_id mix;
    } aliases[] = {{"Q3_K", AC__MIX_Q3_K_M}, {"Q4_K", AC__MIX_Q4_K_M}, {"Q5_K", AC__MIX_Q5_K_M}};
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (same_word(name, aliases[i].name)) return aliases[i].mix;
    for (int i = 0; i < AC__MIX_COUNT; i++)
        if (same_word(name, ac__mixes[i].name)) return (ac__mix_id)i;
    return AC__MIX_COUNT;
}

ac_status ac__mix_named(const char *name, ac__mix_id *out, ac_error *err) {
    char known[400] = "";
    *out = ac__mix_find(name);
    if (*out != AC__MIX_COUNT) return AC_OK;
    for (int i = 0; i < AC__MIX_COUNT; i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", ac__mixes[i].name);
    }
    return ac_fail(err, AC_ERR_ARGUMENT, "type: want one of %s, have \"%.64s\"", known, name);
}

bool ac_mix_at(size_t i, ac_mix *out) {
    if (i >= AC__MIX_COUNT) return false;
    *out = (ac_mix){ac__mixes[i].name, ac__mixes[i].text};
    return true;
}

void ac_tool_defaults(ac_tool_settings *settings) {
    *settings = (ac_tool_settings){.size = sizeof *settings};
}

/* ---- Kinds of tensors, by name ---- */

/* VALUE: the attention's values, also where they share a tensor. */
typedef enum tensor_kind { OTHER, OUTPUT, EMBD, VALUE, KEY, ATTN_OUT, DOWN } tensor_kind;

static bool has(ac_str name, const char *part) {
    return memmem(name.p, name.n, part, strlen(part)) != NULL;
}

static bool is(ac_str name, const char *text) {
    return name.n == strlen(text) && !memcmp(name.p, text, name.n);
}

static tensor_kind kind_of(ac_str name) {
    static const struct {
        const char *part;
        tensor_kind kind;
    } parts[] = {{"attn_qkv.weight", VALUE}, {"attn_kv_b.weight", VALUE},      {"attn_v.weight", VALUE},
                 {"attn_k.weight", KEY},     {"attn_output.weight", ATTN_OUT}, {"ffn_down", DOWN}};
    if (is(name, "output.weight")) return OUTPUT;
    if (is(name, "token_embd.weight") || is(name, "per_layer_token_embd.weight")) return EMBD;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (has(name, parts[i].part)) return parts[i].kind;
    return OTHER;
}

/* Whether a tensor is quantised at all: matrices that are weights, but for small and touchy ones. */
static bool quantisable(const ac__mix_tensor *t) {
    static const char *const left[] = {"_norm.weight",
                                       "ffn_gate_inp.weight",
                                       "ssm_conv1d",
                                       "shortconv.conv.weight",
                                       "attn_rel_b.weight",
                                       "altup",
                                       "laurel",
                                       "per_layer_model_proj",
                                       "position_embd",
                                       "token_types",
                                       "time_mix_",
                                       ".rel_pos",
                                       ".patch_embd",
                                       "indexer."};
    uint32_t n_dims = t->n_dims;
    while (n_dims > 1 && t->dim[n_dims - 1] == 1) n_dims--;
    if (n_dims < 2 || t->name.n < 6 || memcmp(t->name.p + t->name.n - 6, "weight", 6)) return false;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (has(t->name, left[i])) return false;
    return true;
}

/* The layer that a name tells, or -1. */
static long layer_of(ac_str name) {
    if (name.n < 6 || memcmp(name.p, "blk.", 4)) return -1;
    long v = 0;
    size_t i = 4;
    for (; i < name.n && name.p[i] >= '0' && name.p[i] <= '9' && v < 1000000; i++)
        v = v * 10 + (name.p[i] - '0');
    return i > 4 && i < name.n && name.p[i] == '.' ? v : -1;
}

/* ---- The rules ---- */

typedef enum condition {
    ALWAYS,
    MORE_BITS,
    FIRST_2,
    FIRST_4,
    EIGHTH,
    SIXTEENTH,
    GROUPS_4,
    EXPERTS_8
} condition;

typedef struct rule {
    ac__mix_id mix;
    tensor_kind kind;
    condition when;
    ac_type type;
} rule;

#define R(mix, kind, when, type)                                                                             \
    { AC__MIX_##mix, kind, when, AC_TYPE_##type }
/* The first that fits is taken; without one a tensor gets the mix's base type. */
static const rule rules[] = {
    R(Q2_K, VALUE, GROUPS_4, Q4_K),       R(Q2_K, VALUE, ALWAYS, Q3_K),
    R(Q2_K, DOWN, ALWAYS, Q3_K),          R(Q2_K, ATTN_OUT, EXPERTS_8, Q5_K),
    R(Q2_K, ATTN_OUT, ALWAYS, Q3_K),      R(Q2_K_S, VALUE, GROUPS_4, Q4_K),
    R(Q2_K_S, DOWN, EIGHTH, Q4_K),        R(Q3_K_S, ATTN_OUT, EXPERTS_8, Q5_K),
    R(Q3_K_M, VALUE, FIRST_2, Q5_K),      R(Q3_K_M, VALUE, ALWAYS, Q4_K),
    R(Q3_K_M, DOWN, SIXTEENTH, Q5_K),     R(Q3_K_M, DOWN, ALWAYS, Q4_K),
    R(Q3_K_M, ATTN_OUT, EXPERTS_8, Q5_K), R(Q3_K_M, ATTN_OUT, ALWAYS, Q4_K),
    R(Q3_K_L, VALUE, ALWAYS, Q5_K),       R(Q3_K_L, DOWN, ALWAYS, Q5_K),
    R(Q3_K_L, ATTN_OUT, EXPERTS_8, Q3_K), R(Q3_K_L, ATTN_OUT, ALWAYS, Q5_K),
    R(Q4_K_S, VALUE, FIRST_4, Q5_K),      R(Q4_K_S, DOWN, EIGHTH, Q5_K),
    R(Q4_K_S, ATTN_OUT, EXPERTS_8, Q5_K), R(Q4_K_M, VALUE, MORE_BITS, Q6_K),
    R(Q4_K_M, DOWN, MORE_BITS, Q6_K),     R(Q4_K_M, ATTN_OUT, EXPERTS_8, Q5_K),
    R(Q5_K_M, VALUE, MORE_BITS, Q6_K),    R(Q5_K_M, DOWN, MORE_BITS, Q6_K),
    R(IQ4_NL, VALUE, GROUPS_4, Q5_K),     R(IQ4_NL, DOWN, EIGHTH, Q5_K),
    R(IQ4_NL, ATTN_OUT, EXPERTS_8, Q5_K), R(IQ4_XS, VALUE, GROUPS_4, Q5_K),
    R(IQ4_XS, DOWN, EIGHTH, Q5_K),        R(IQ4_XS, ATTN_OUT, EXPERTS_8, Q5_K),
};
#undef R

/* `i` of `n`: which of its kind the tensor is, counted by layer. */
static bool applies(condition when, const ac__mix_model *m, long i, long n) {
    switch (when) {
    case ALWAYS:
        return true;
    case MORE_BITS:
        return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
    case FIRST_2:
        return i < 2;
    case FIRST_4:
        return i < 4;
    case EIGHTH:
        return i < n / 8;
    case SIXTEENTH:
        return i < n / 16;
    case GROUPS_4:
        return m->kv_heads && m->heads / m->kv_heads >= 4;
    case EXPERTS_8:
        return m->experts == 8;
    }
    return false;
}

static ac_type by_rules(ac__mix_id mix, tensor_kind kind, const ac__mix_model *m, long i, long n) {
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        if (rules[r].mix == mix && rules[r].kind == kind && applies(rules[r].when, m, i, n))
            return rules[r].type;
    return ac__mixes[mix].base;
}

static bool fits(const ac__mix_tensor *t, ac_type type) {
    return t->dim[0] % ac_type_describe(type)->block_elems == 0;
}

/* A type for a row whose length is no multiple of `type`'s block. */
static ac_type fallback(const ac__mix_tensor *t, ac_type type) {
    static const ac_type smaller[AC_TYPE_COUNT] = {
        [AC_TYPE_Q2_K] = AC_TYPE_Q4_0, [AC_TYPE_Q3_K] = AC_TYPE_Q4_0, [AC_TYPE_Q4_K] = AC_TYPE_Q5_0,
        [AC_TYPE_Q5_K] = AC_TYPE_Q5_1, [AC_TYPE_Q6_K] = AC_TYPE_Q8_0, [AC_TYPE_IQ4_XS] = AC_TYPE_IQ4_NL,
    };
    if (fits(t, type)) return type;
    if (smaller[type] && fits(t, smaller[type])) return smaller[type];
    return AC_TYPE_F16;
}

/* `embd` of a model without output.weight is its output too. */
static ac_type output_type(ac__mix_id mix, const ac__mix_tensor *t) {
    ac_type base = ac__mixes[mix].base;
    if (mix == AC__MIX_MXFP4_MOE || base == AC_TYPE_Q8_0 || !fits(t, base)) return AC_TYPE_Q8_0;
    return AC_TYPE_Q6_K;
}

/* The 70-billion shapes, where values are mostly an eighth of the queries. */
static bool is_70b(const ac__mix_model *m) {
    if (m->layers != 80) return false;
    return !strcmp(m->arch, "qwen2") || (!strcmp(m->arch, "llama") && m->heads != m->kv_heads);
}

static ac_type choose(ac__mix_id mix, const ac__mix_model *m, const ac__mix_tensor *t, bool tied, long i,
                      long n) {
    tensor_kind kind = kind_of(t->name);
    if (kind == OUTPUT || (kind == EMBD && tied)) return output_type(mix, t);
    if (mix == AC__MIX_MXFP4_MOE) return t->n_dims > 2 && t->dim[2] > 1 ? AC_TYPE_MXFP4 : AC_TYPE_Q8_0;
    if (m->experts == 8 && (kind == VALUE || kind == KEY)) return AC_TYPE_Q8_0;
    ac_type type = by_rules(mix, kind, m, i, n);
    if (kind == VALUE && is_70b(m) && (type == AC_TYPE_Q3_K || type == AC_TYPE_Q4_K)) type = AC_TYPE_Q5_K;
    return type;
}

/* ---- All tensors ---- */

typedef struct place {
    long layer;
    ac_str name;
    size_t index;
} place;

static int by_layer(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int c = memcmp(x->name.p, y->name.p, n);
    if (c) return c;
    return (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

ac_status ac__mix_types(ac__mix_id mix, bool pure, const ac__mix_model *m, ac__mix_tensor *t, size_t n,
                        ac_error *err) {
    place *order = ac__array(n ? n : 1, sizeof *order);
    if (!order) return ac_fail(err, AC_ERR_MEMORY, "types of %zu tensors", n);
    ac_type base = ac__mixes[mix].base;
    bool tied = true, plain = ac_type_describe(base)->block_elems == 1;
    long values = 0, seen_values = 0, seen_down = 0;
    for (size_t i = 0; i < n; i++) {
        tensor_kind kind = kind_of(t[i].name);
        order[i] = (place){layer_of(t[i].name), t[i].name, i};
        if (kind == OUTPUT) tied = false;
        if (kind == VALUE) values++;
    }
    qsort(order, n, sizeof *order, by_layer);
    for (size_t i = 0; i < n; i++) {
        ac__mix_tensor *at = &t[order[i].index];
        at->want = at->have;
        if (!quantisable(at)) continue;
        bool value = kind_of(at->name) == VALUE;
        long rank = value ? seen_values++ : 0, of = value ? values : (long)m->layers;
        if (kind_of(at->name) == DOWN) rank = m->experts > 1 ? order[i].layer : seen_down++;
        at->want = fallback(at, pure || plain ? base : choose(mix, m, at, tied, rank, of));
    }
    ac__free(order);
    return AC_OK;
}
