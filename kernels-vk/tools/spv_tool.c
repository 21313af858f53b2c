/* spv_tool.c - what happens to a shader between glslc and the library.
 *
 *   spv_tool fix IN OUT          NoContraction on every float operation; NV cooperative matrices become KHR
 * ones spv_tool exact IN OUT        only the first half of that (what spirv-val of 2023 can still read)
 *   spv_tool check IN...         refuses what docs/numerics.md section 1 does not allow; exit 1 names the
 * first offence spv_tool embed IN OUT        the words as C numbers
 *
 * glslc of 2023 cannot write SPV_KHR_cooperative_matrix, but its older NV twin, which differs in numbers and
 * in one operand
 * ("use"). Shaders name their sizes by specialisation constants 10 (M), 11 (N) and 12 (K), from which the use
 * follows: [M, K] is A, [K, N] is B, [M, N] the accumulator. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0x07230203, HEADER = 5, MAX_WORDS = 1 << 22 };

enum { /* opcodes, SPIR-V unified1 */
       OP_EXTENSION = 10,
       OP_EXT_IMPORT = 11,
       OP_EXT_INST = 12,
       OP_MEMORY_MODEL = 14,
       OP_EXEC_MODE = 16,
       OP_CAPABILITY = 17,
       OP_TYPE_FLOAT = 22,
       OP_TYPE_VECTOR = 23,
       OP_SPEC_CONSTANT_OP = 52,
       OP_DECORATE = 71,
       OP_F_ADD = 129,
       OP_F_SUB = 131,
       OP_F_MUL = 133,
       OP_NV_TYPE = 5358,
       OP_NV_LOAD = 5359,
       OP_NV_STORE = 5360,
       OP_NV_MUL_ADD = 5361,
       OP_NV_LENGTH = 5362,
       OP_KHR_TYPE = 4456,
       OP_KHR_LOAD = 4457,
       OP_KHR_STORE = 4458,
       OP_KHR_MUL_ADD = 4459,
       CAP_NV = 5357,
       CAP_KHR = 6022,
       DEC_SPEC_ID = 1,
       DEC_NO_CONTRACTION = 42,
       SPEC_M = 10,
       SPEC_N = 11,
       SPEC_K = 12
};

typedef struct module {
    uint32_t *w;
    size_t n;
    const char *name;
} module;

static void die(const char *name, const char *what) {
    fprintf(stderr, "spv_tool: %s: %s\n", name, what);
    exit(1);
}

static module load(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path, "cannot be opened");
    module m = {malloc(MAX_WORDS * sizeof(uint32_t)), 0, path};
    if (!m.w) die(path, "out of memory");
    m.n = fread(m.w, sizeof(uint32_t), MAX_WORDS, f);
    fclose(f);
    if (m.n < HEADER || m.w[0] != MAGIC) die(path, "not SPIR-V");
    for (size_t i = HEADER; i < m.n;) {
        size_t len = m.w[i] >> 16;
        if (!len || len > m.n - i) die(path, "broken instruction");
        i += len;
    }
    return m;
}

static void save(const module *m, const char *path) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(m->w, sizeof(uint32_t), m->n, f) != m->n || fclose(f)) die(path, "cannot be written");
}

#define EACH(m, at) for (size_t at = HEADER; at < (m)->n; at += (m)->w[at] >> 16)
static uint32_t op_of(const module *m, size_t at) {
    return m->w[at] & 0xffff;
}

static bool is_float_op(uint32_t op) {
    return op == OP_F_ADD || op == OP_F_SUB || op == OP_F_MUL;
}

static bool *marked(const module *m) {
    bool *has = calloc(m->w[3], 1);
    if (!has) die(m->name, "out of memory");
    EACH(m, at)
    if (op_of(m, at) == OP_DECORATE && m->w[at + 2] == DEC_NO_CONTRACTION && m->w[at + 1] < m->w[3])
        has[m->w[at + 1]] = true;
    return has;
}

/* ---- fix ---- */

static void put(module *out, uint32_t word) {
    if (out->n == MAX_WORDS) die(out->name, "too large");
    out->w[out->n++] = word;
}

/* The id that carries SpecId `spec`, 0 when there is none. */
static uint32_t spec_id(const module *m, uint32_t spec) {
    EACH(m, at)
    if (op_of(m, at) == OP_DECORATE && m->w[at + 2] == DEC_SPEC_ID && m->w[at + 3] == spec)
        return m->w[at + 1];
    return 0;
}

static uint32_t use_of(const module *m, uint32_t rows, uint32_t cols) {
    uint32_t M = spec_id(m, SPEC_M), N = spec_id(m, SPEC_N), K = spec_id(m, SPEC_K);
    if (rows == M && cols == K) return 0;
    if (rows == K && cols == N) return 1;
    if (rows == M && cols == N) return 2;
    die(m->name, "a cooperative matrix is neither [M, K], [K, N] nor [M, N]");
    return 0;
}

/* Ids of constants the KHR form needs, made on the way: uint 0, 1 and 2. */
typedef struct khr {
    uint32_t uint_type, constant[3];
    bool made;
} khr;

static bool is_true(const module *m, uint32_t id) {
    EACH(m, at)
    if (op_of(m, at) == 41 && m->w[at + 2] == id) return true; /* OpConstantTrue */
    return false;
}

static void make_constants(const module *m, module *out, khr *k) {
    EACH(m, at)
    if (op_of(m, at) == 21 && m->w[at + 2] == 32 && !m->w[at + 3]) k->uint_type = m->w[at + 1];
    for (uint32_t i = 0; i < 3; i++) {
        k->constant[i] = out->w[3]++;
        put(out, 4u << 16 | 43);
        put(out, k->uint_type);
        put(out, k->constant[i]);
        put(out, i);
    }
    k->made = true;
}

static void put_extension(module *out, const char *name) {
    uint32_t words[16] = {0};
    size_t n = strlen(name) / 4 + 1;
    memcpy(words, name, strlen(name));
    put(out, (uint32_t)(n + 1) << 16 | OP_EXTENSION);
    for (size_t i = 0; i < n; i++) put(out, words[i]);
}

/* One instruction of NV's extension in KHR's numbers; false when it is another. */
static bool translate(const module *m, size_t at, module *out, khr *k) {
    const uint32_t *w = m->w + at;
    size_t len = w[0] >> 16;
    switch (op_of(m, at)) {
    case OP_CAPABILITY:
        if (w[1] != CAP_NV) return false;
        put(out, w[0]), put(out, CAP_KHR);
        return true;
    case OP_EXTENSION:
        if (strcmp((const char *)(w + 1), "SPV_NV_cooperative_matrix")) return false;
        put_extension(out, "SPV_KHR_cooperative_matrix");
        return true;
    case OP_NV_TYPE: /* result, component, scope, rows, columns */
        if (!k->made) make_constants(m, out, k);
        put(out, 7u << 16 | OP_KHR_TYPE);
        for (int i = 1; i < 6; i++) put(out, w[i]);
        put(out, k->constant[use_of(m, w[4], w[5])]);
        return true;
    case OP_NV_LOAD: /* type, result, pointer, stride, column major, memory operands */
        put(out, w[0] - OP_NV_LOAD + OP_KHR_LOAD);
        put(out, w[1]), put(out, w[2]), put(out, w[3]), put(out, k->constant[is_true(m, w[5])]),
            put(out, w[4]);
        for (size_t i = 6; i < len; i++) put(out, w[i]);
        return true;
    case OP_NV_STORE: /* pointer, object, stride, column major, memory operands */
        put(out, w[0] - OP_NV_STORE + OP_KHR_STORE);
        put(out, w[1]), put(out, w[2]), put(out, k->constant[is_true(m, w[4])]), put(out, w[3]);
        for (size_t i = 5; i < len; i++) put(out, w[i]);
        return true;
    case OP_NV_MUL_ADD: /* type, result, a, b, c; KHR adds which components are signed: all */
        put(out, 7u << 16 | OP_KHR_MUL_ADD);
        for (int i = 1; i < 6; i++) put(out, w[i]);
        put(out, 15);
        return true;
    case OP_NV_LENGTH:
        die(m->name, "length() of a cooperative matrix is not translated");
        return true;
    case OP_SPEC_CONSTANT_OP:
        if (w[3] == OP_NV_LENGTH) die(m->name, "length() of a cooperative matrix is not translated");
        return false;
    default:
        return false;
    }
}

static module fix(const module *m, bool to_khr) {
    module out = {malloc(MAX_WORDS * sizeof(uint32_t)), 0, m->name};
    if (!out.w) die(m->name, "out of memory");
    bool *has = marked(m), decorated = false;
    khr k = {0};
    memcpy(out.w, m->w, HEADER * sizeof(uint32_t));
    out.n = HEADER;
    EACH(m, at) {
        uint32_t op = op_of(m, at);
        if (op == OP_DECORATE && !decorated) { /* decorations are one block: ours go first */
            EACH(m, i) {
                if (!is_float_op(op_of(m, i)) || has[m->w[i + 2]]) continue;
                put(&out, 3u << 16 | OP_DECORATE);
                put(&out, m->w[i + 2]);
                put(&out, DEC_NO_CONTRACTION);
            }
            decorated = true;
        }
        if (to_khr && translate(m, at, &out, &k)) continue;
        for (size_t i = 0; i < m->w[at] >> 16; i++) put(&out, m->w[at + i]);
    }
    free(has);
    return out;
}

/* ---- check ---- */

/* Ranges of opcodes that may occur. Left out on purpose: OpFDiv, OpFRem, OpFMod, OpDot, matrix products,
 * extended instructions, conversions float to int, float to float and unsigned to float, image and atomic
 * float operations. */
static const struct {
    uint16_t first, last;
} allowed[] = {
    {0, 8},                                 /* nop .. line, source, names */
    {10, 11},                               /* extensions; an import is harmless, OpExtInst is looked at */
    {14, 17},                               /* memory model, entry point, execution modes, capabilities */
    {19, 24},     {28, 33},                 /* types */
    {41, 44},     {46, 46},     {48, 52},   /* constants */
    {54, 57},                               /* functions */
    {59, 65},     {68, 68},                 /* variables, loads, stores, access chains */
    {71, 72},     {74, 75},     {79, 83},   /* decorations, composites, shuffles, copies */
    {111, 111},                             /* OpConvertSToF: exact below 2^24, which the shaders see to */
    {114, 114},                             /* OpSConvert */
    {124, 124},   {126, 127},               /* bitcast, negations */
    {128, 128},   {129, 129},   {130, 133}, /* add, sub, mul */
    {134, 135},   {137, 139},               /* integer division and remainders */
    {164, 191},                             /* logic, select, integer and float comparisons */
    {194, 205},                             /* bits */
    {224, 225},   {227, 229},   {234, 242}, /* barriers, integer atomics */
    {245, 255},                             /* phi, control flow */
    {331, 331},                             /* execution mode by id */
    {345, 346},   {400, 400},               /* subgroup shuffle, shuffle xor; copy logical */
    {4450, 4450},                           /* OpSDot */
    {4456, 4459}, {5358, 5361},             /* cooperative matrices, checked to be integer */
};

static const uint16_t allowed_ext[] = {38, 39, 41, 42,
                                       44, 45}; /* UMin, SMin, UMax, SMax, UClamp, SClamp of GLSL.std.450 */

static bool op_allowed(uint32_t op) {
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (op >= allowed[i].first && op <= allowed[i].last) return true;
    return false;
}

static int offence(const module *m, const char *what, uint32_t number) {
    fprintf(stderr, "spv_tool: %s: %s %u\n", m->name, what, number);
    return 1;
}

static bool is_float_type(const module *m, uint32_t id) {
    EACH(m, at)
    if (op_of(m, at) == OP_TYPE_FLOAT && m->w[at + 1] == id) return true;
    return false;
}

static int check_one(const module *m, size_t at, const bool *has) {
    const uint32_t *w = m->w + at;
    uint32_t op = op_of(m, at);
    if (!op_allowed(op) && op != OP_EXT_INST) return offence(m, "opcode is not allowed:", op);
    if (is_float_op(op) && !has[w[2]])
        return offence(m, "float operation without NoContraction, result id", w[2]);
    if (op == OP_SPEC_CONSTANT_OP && (is_float_op(w[3]) || !op_allowed(w[3])))
        return offence(m, "constant operation is not allowed:", w[3]);
    if (op == OP_TYPE_FLOAT && w[2] != 32) return offence(m, "float type of bits", w[2]);
    if (op == OP_EXT_INST) {
        for (size_t i = 0; i < sizeof allowed_ext / sizeof *allowed_ext; i++)
            if (w[4] == allowed_ext[i]) return 0;
        return offence(m, "extended instruction is not allowed:", w[4]);
    }
    if ((op == OP_KHR_TYPE || op == OP_NV_TYPE) && is_float_type(m, w[2]))
        return offence(m, "cooperative matrix of floats, type", w[1]);
    if (op == OP_KHR_MUL_ADD && (w[0] >> 16 != 7 || w[6] != 15))
        return offence(m, "cooperative product is unsigned or saturates, result id", w[2]);
    if ((op == 345 || op == 346) && is_float_type(m, w[1]))
        return offence(m, "subgroup operation on floats, result id", w[2]);
    /* rounding and subnormal modes are the host's to add, by what the device offers */
    if (op == OP_EXEC_MODE && w[2] != 17 && w[2] != 18)
        return offence(m, "execution mode is not allowed:", w[2]);
    return 0;
}

static int check(const char *path) {
    module m = load(path);
    bool *has = marked(&m);
    int bad = 0;
    EACH(&m, at) bad |= check_one(&m, at, has);
    free(has);
    free(m.w);
    return bad;
}

/* ---- embed ---- */

static void embed(const module *m, const char *path) {
    FILE *f = fopen(path, "w");
    if (!f) die(path, "cannot be written");
    for (size_t i = 0; i < m->n; i++) fprintf(f, "0x%x%s", m->w[i], i % 12 == 11 ? ",\n" : ",");
    fprintf(f, "\n");
    if (fclose(f)) die(path, "cannot be written");
}

int main(int argc, char **argv) {
    if (argc >= 3 && !strcmp(argv[1], "check")) {
        int bad = 0;
        for (int i = 2; i < argc; i++) bad |= check(argv[i]);
        return bad;
    }
    if (argc != 4) {
        fprintf(stderr, "usage: spv_tool fix|exact|embed IN OUT, or check IN...\n");
        return 2;
    }
    module in = load(argv[2]);
    if (!strcmp(argv[1], "embed")) {
        embed(&in, argv[3]);
    } else if (!strcmp(argv[1], "fix") || !strcmp(argv[1], "exact")) {
        module out = fix(&in, argv[1][0] == 'f');
        save(&out, argv[3]);
        free(out.w);
    } else {
        die(argv[1], "no such action");
    }
    free(in.w);
    return 0;
}
