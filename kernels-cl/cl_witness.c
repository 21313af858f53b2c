/* cl_witness.c - asks a device for results that a correct one gives, before anything else is asked of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anychip/blocks.h>

#include "cl_device.h"

enum { ROWS = 1024, FLOATS = 6, FUNCTIONS = 8, INTEGERS = 4, PAIRS = 3, SUMS = 3, SUBGROUP = 4 };

/* ---- What is expected
 * -------------------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static int32_t rne(float x) {
    return (int32_t)(ac_bits(x + 12582912.0f) - 0x4B400000u);
}

/* Arithmetic shift, whatever the compiler makes of >>. */
static int32_t shift(int32_t i, int by) {
    return i < 0 ? ~(~i >> by) : i >> by;
}

static float wide(int32_t i) {
    return (float)shift(i, 12) * 4096.0f + (float)(i & 4095);
}

static float rcp(float a) {
    float x = ac_from_bits(0x7EF311C7u - ac_bits(a));
    for (int i = 0; i < 3; i++) x = x * (2.0f - a * x);
    return x;
}

static float rsqrt_of(float a) {
    float x = ac_from_bits(0x5F375A86u - (ac_bits(a) >> 1)), h = 0.5f * a;
    for (int i = 0; i < 3; i++) x = x * (1.5f - (h * x) * x);
    return x;
}

static float exp_of(float x) {
    static const uint32_t c[] = {0x3AB511E8u, 0x3C091D10u, 0x3D2AAC79u, 0x3E2AAA49u,
                                 0x3EFFFFFEu, 0x3F800000u, 0x3F800000u};
    if (x < -40.0f) return 0.0f;
    int32_t t = rne(x * ac_from_bits(0x3FB8AA3Bu));
    float f = (float)t, r = (x - f * ac_from_bits(0x3F318000u)) - f * ac_from_bits(0xB95E8083u),
          p = ac_from_bits(c[0]);
    for (int k = 1; k < 7; k++) p = p * r + ac_from_bits(c[k]);
    return ac_from_bits(ac_bits(p) + ((uint32_t)t << 23));
}

static uint32_t key_of(uint32_t u) {
    if ((u & 0x7fffffffu) == 0) return 0;
    return u & 0x80000000u ? u ^ 0x7fffffffu : u;
}

static int32_t dot4(uint32_t a, uint32_t b) {
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) sum += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
    return sum;
}

static void expect_floats(const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t *out) {
    for (int i = 0; i < ROWS; i++) {
        float x = ac_from_bits(a[i]), y = ac_from_bits(b[i]), z = ac_from_bits(c[i]), product = x * y;
        float r[FLOATS] = {x + y, x - y, product, product + z, z - product, x * (2.0f - y * x)};
        memcpy(out + FLOATS * i, r, sizeof r);
    }
}

static void expect_functions(const uint32_t *a, uint32_t *out) {
    for (int i = 0; i < ROWS; i++) {
        float x = ac_from_bits(a[i]),
              positive = ac_from_bits((a[i] & 0x7fffffffu) % 0x20000000u + 0x30000000u);
        float e = exp_of(-ac_from_bits((a[i] & 0x00ffffffu) + 0x41000000u));
        uint32_t r[FUNCTIONS] = {ac_bits(ac_window(x)),
                                 ac_bits(ac_cut(x)),
                                 ac_bits(ac_half((uint16_t)a[i])),
                                 ac_bits(wide((int32_t)a[i])),
                                 ac_bits(rcp(positive)),
                                 ac_bits(rsqrt_of(positive)),
                                 ac_bits(e),
                                 key_of(a[i])};
        memcpy(out + FUNCTIONS * i, r, sizeof r);
    }
}

static void expect_integers(const uint32_t *a, uint32_t *out, uint8_t *byte) {
    for (int i = 0; i < ROWS; i++) {
        int32_t v = (int32_t)a[i];
        uint32_t r[INTEGERS] = {ac_bits((float)shift(v, 8)), (uint32_t)rne((float)shift(v, 12) * 0.25f),
                                (uint32_t)dot4(a[i], a[i] * 2654435761u) + (uint32_t)shift(v, 4),
                                (uint32_t)shift(v, 3) + (a[i] >> 29) + (a[i] & 0xfffu) * (uint32_t)-7};
        memcpy(out + INTEGERS * i, r, sizeof r);
        byte[i] = (uint8_t)(a[i] >> 5);
    }
}

static void expect_sums(const uint32_t *a, const uint32_t *b, uint32_t *out) {
    for (uint32_t i = 0; i < ROWS; i++) {
        float r[SUMS] = {0};
        for (uint32_t k = 0; k < 9 + i % 55; k++) {
            float x = ac_from_bits(a[i / 2 + k]), product = x * ac_from_bits(b[i / 2 + k]);
            r[0] = r[0] + x;
            r[1] = r[1] + product;
            r[2] = r[2] + ac_from_bits(b[i / 2 + 8 * k]);
        }
        memcpy(out + SUMS * i, r, sizeof r);
    }
}

static void expect_pairs(const uint32_t *a, uint32_t *out) {
    memset(out, 0, ROWS * PAIRS * sizeof *out);
    for (uint32_t i = 0; i < ROWS; i++, out += PAIRS) {
        for (uint32_t lane = 0; lane < 8; lane++) {
            uint32_t x = a[i] * (2 * lane + 1), y = x * 2654435761u,
                     z = (y & 0x7e7e7e7eu) ^ (lane % 2 ? 0xffffffffu : 0);
            for (int h = 0; h < 32; h += 16)
                out[0] += (uint32_t)((int32_t)(x >> h & 0x1fff) * (int16_t)(y >> h));
            for (int b = 0; b < 32; b += 8) {
                out[1] += (uint32_t)((int32_t)(x >> b & 0x3f) * (int8_t)(z >> b) * 3);
                out[2] += (uint32_t)((int8_t)(x >> b) * (int8_t)(z >> b) * -5);
            }
        }
    }
}

static void expect_subgroup(const uint32_t *a, uint32_t sg, uint32_t items, uint32_t *out) {
    for (uint32_t i = 0; i < ROWS; i++, out += SUBGROUP) {
        const uint32_t *near = a + i / sg * sg, *eight = a + i / 8 * 8, *group = a + i / items * items;
        out[0] = near[0];
        out[1] = near[(i * 5 + 3) % sg];
        out[2] = out[3] = 0;
        for (int k = 0; k < 8; k++) out[2] += eight[k];
        for (uint32_t k = 0; k < items; k++) out[3] = group[k] > out[3] ? group[k] : out[3];
    }
}

/* ---- Asking
 * ------------------------------------------------------------------------------------------------------ */

typedef struct probe {
    ac_dev *dev;
    cl_mem in[3], out, bytes;
    uint32_t a[ROWS], b[ROWS], c[ROWS], want[ROWS * FUNCTIONS], have[ROWS * FUNCTIONS];
    uint8_t want_bytes[ROWS], have_bytes[ROWS];
} probe;

/* Operands of every size the arithmetic meets; every fourth c takes the product away, which a contracted sum
 * shows. */
static void operands(probe *p) {
    uint64_t seed = 1;
    for (int i = 0; i < ROWS; i++) {
        uint64_t r = next_random(&seed), s = next_random(&seed);
        p->a[i] = (uint32_t)(r & 0x807fffffu) | (uint32_t)(107 + r % 41) << 23;
        p->b[i] = (uint32_t)(s & 0x807fffffu) | (uint32_t)(107 + s % 41) << 23;
        float product = ac_from_bits(p->a[i]) * ac_from_bits(p->b[i]);
        uint32_t exponent = (ac_bits(product) >> 23 & 255u) + (uint32_t)(r >> 40) % 9 - 4;
        p->c[i] = i % 4 == 0 ? ac_bits(-product) : (uint32_t)(s >> 32 & 0x807fffffu) | exponent << 23;
    }
}

/* Runs `k`, which it releases. */
static ac_status run_kernel(probe *p, cl_kernel k, const char *name, const cl_mem *mems, cl_uint n_mems,
                            uint32_t per_row, size_t local, ac_error *err) {
    size_t rows = ROWS, bytes = ROWS * per_row * sizeof(uint32_t);
    cl_int rc = CL_SUCCESS;
    for (cl_uint i = 0; i < n_mems && rc == CL_SUCCESS; i++)
        rc = ac__cl.SetKernelArg(k, i, sizeof(cl_mem), &mems[i]);
    if (rc == CL_SUCCESS)
        rc = ac__cl.EnqueueNDRangeKernel(p->dev->queue, k, 1, NULL, &rows, &local, 0, NULL, NULL);
    if (rc == CL_SUCCESS)
        rc = ac__cl.EnqueueReadBuffer(p->dev->queue, p->out, CL_TRUE, 0, bytes, p->have, 0, NULL, NULL);
    ac__cl.ReleaseKernel(k);
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, name);
}

static ac_status run_in_groups(probe *p, const char *name, const cl_mem *mems, cl_uint n_mems,
                               uint32_t per_row, size_t local, ac_error *err) {
    while (ROWS % local) local /= 2;
    cl_kernel k;
    AC_TRY(ac__cl_kernel(p->dev, AC_CL_UNIT_WITNESS, "", name, &k, err));
    return run_kernel(p, k, name, mems, n_mems, per_row, local, err);
}

static ac_status run_probe(probe *p, const char *name, const cl_mem *mems, cl_uint n_mems, uint32_t per_row,
                           ac_error *err) {
    return run_in_groups(p, name, mems, n_mems, per_row, p->dev->tuning.item_group, err);
}

/* names[per_row]: what each result shows. */
static ac_status compare(const probe *p, const char *const *names, uint32_t per_row, ac_error *err) {
    for (uint32_t i = 0; i < ROWS * per_row; i++) {
        uint32_t want = p->want[i] == 0x80000000u ? 0 : p->want[i],
                 have = p->have[i] == 0x80000000u ? 0 : p->have[i];
        if (want == have) continue;
        return ac_fail(err, AC_ERR_WITNESS,
                       "witness test: %s: operands %08x %08x %08x: want %08x, the device gives %08x",
                       names[i % per_row], p->a[i / per_row], p->b[i / per_row], p->c[i / per_row],
                       p->want[i], p->have[i]);
    }
    return AC_OK;
}

static ac_status ask_floats(probe *p, ac_error *err) {
    static const char *const names[FLOATS] = {"rounding of a + b",
                                              "rounding of a - b",
                                              "rounding of a * b",
                                              "a * b + c is contracted or rounded wrongly",
                                              "c - a * b is contracted or rounded wrongly",
                                              "a * (2 - b * a)"};
    cl_mem mems[] = {p->in[0], p->in[1], p->in[2], p->out};
    expect_floats(p->a, p->b, p->c, p->want);
    AC_TRY(run_probe(p, "witness_float", mems, 4, FLOATS, err));
    return compare(p, names, FLOATS, err);
}

static ac_status ask_functions(probe *p, ac_error *err) {
    static const char *const names[FUNCTIONS] = {
        "window", "cut", "float16 conversion", "wide", "rcp", "rsqrt", "exp", "key"};
    cl_mem mems[] = {p->in[0], p->out};
    expect_functions(p->a, p->want);
    AC_TRY(run_probe(p, "witness_functions", mems, 2, FUNCTIONS, err));
    return compare(p, names, FUNCTIONS, err);
}

static ac_status ask_integers(probe *p, ac_error *err) {
    static const char *const names[INTEGERS] = {"int to float", "float to int", "integer dot product",
                                                "shifts and integer products"};
    cl_mem mems[] = {p->in[0], p->out, p->bytes};
    expect_integers(p->a, p->want, p->want_bytes);
    AC_TRY(run_probe(p, "witness_integer", mems, 3, INTEGERS, err));
    AC_TRY(compare(p, names, INTEGERS, err));
    cl_int rc =
        ac__cl.EnqueueReadBuffer(p->dev->queue, p->bytes, CL_TRUE, 0, ROWS, p->have_bytes, 0, NULL, NULL);
    if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "witness test");
    if (memcmp(p->have_bytes, p->want_bytes, ROWS) != 0)
        return ac_fail(err, AC_ERR_WITNESS, "witness test: stores of single bytes");
    return AC_OK;
}

static ac_status ask_pairs(probe *p, ac_error *err) {
    static const char *const names[PAIRS] = {"products of pairs", "products of pairs of unsigned bytes",
                                             "products of pairs of signed bytes"};
    cl_mem mems[] = {p->in[0], p->out};
    expect_pairs(p->a, p->want);
    AC_TRY(run_probe(p, "witness_pairs", mems, 2, PAIRS, err));
    return compare(p, names, PAIRS, err);
}

/* Compilers have one code for items in lanes and another for items alone. */
static ac_status ask_sums(probe *p, ac_error *err) {
    static const char *const names[SUMS] = {"order of a sum", "order of a sum of products",
                                            "order of a sum of numbers apart"};
    cl_mem mems[] = {p->in[0], p->in[1], p->out};
    expect_sums(p->a, p->b, p->want);
    AC_TRY(run_in_groups(p, "witness_sums", mems, 3, SUMS, 1, err));
    AC_TRY(compare(p, names, SUMS, err));
    AC_TRY(run_probe(p, "witness_sums", mems, 3, SUMS, err));
    return compare(p, names, SUMS, err);
}

/* What the device does with results below 2^-126: for the record, nothing depends on it. */
static ac_status ask_subnormals(probe *p, bool *kept, ac_error *err) {
    cl_mem mems[] = {p->in[0], p->in[1], p->in[2], p->out};
    for (int i = 0; i < ROWS; i++) p->a[i] = 0x00c00000u, p->b[i] = 0x3f000000u, p->c[i] = 0;
    for (int i = 0; i < 3; i++) {
        const uint32_t *from[] = {p->a, p->b, p->c};
        cl_int rc = ac__cl.EnqueueWriteBuffer(p->dev->queue, p->in[i], CL_TRUE, 0, sizeof p->a, from[i], 0,
                                              NULL, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "witness test");
    }
    AC_TRY(run_probe(p, "witness_float", mems, 4, FLOATS, err));
    *kept = p->have[2] == 0x00600000u;
    return AC_OK;
}

static ac_status make_buffers(probe *p, ac_error *err) {
    const uint32_t *from[] = {p->a, p->b, p->c};
    operands(p);
    for (int i = 0; i < 3; i++) {
        AC_TRY(ac__cl_buffer(p->dev, CL_MEM_READ_ONLY, sizeof p->a, NULL, "witness test", &p->in[i], err));
        cl_int rc = ac__cl.EnqueueWriteBuffer(p->dev->queue, p->in[i], CL_TRUE, 0, sizeof p->a, from[i], 0,
                                              NULL, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "witness test");
    }
    AC_TRY(ac__cl_buffer(p->dev, CL_MEM_READ_WRITE, sizeof p->have, NULL, "witness test", &p->out, err));
    return ac__cl_buffer(p->dev, CL_MEM_READ_WRITE, sizeof p->have_bytes, NULL, "witness test", &p->bytes,
                         err);
}

static ac_status ask_all(probe *p, ac_error *err) {
    bool kept = false;
    AC_TRY(make_buffers(p, err));
    AC_TRY(ask_floats(p, err));
    AC_TRY(ask_functions(p, err));
    AC_TRY(ask_integers(p, err));
    AC_TRY(ask_pairs(p, err));
    AC_TRY(ask_sums(p, err));
    AC_TRY(ask_subnormals(p, &kept, err));
    snprintf(p->dev->witness, sizeof p->dev->witness, "witness test passed, subnormals %s",
             kept ? "kept" : "flushed");
    return AC_OK;
}

static void release(probe *p) {
    for (int i = 0; i < 3; i++) ac__cl_buffer_release(p->dev, &p->in[i], sizeof p->a);
    ac__cl_buffer_release(p->dev, &p->out, sizeof p->have);
    ac__cl_buffer_release(p->dev, &p->bytes, sizeof p->have_bytes);
    free(p);
}

ac_status ac__cl_witness(ac_dev *dev, ac_error *err) {
    probe *p = calloc(1, sizeof *p);
    if (!p) return ac_fail(err, AC_ERR_MEMORY, "witness test");
    p->dev = dev;
    snprintf(dev->witness, sizeof dev->witness, "witness test failed");
    ac_status status = ask_all(p, err);
    release(p);
    return status;
}

/* ---- Sub-groups
 * -------------------------------------------------------------------------------------------------- */

static ac_status ask_subgroup(probe *p, size_t *size, ac_error *err) {
    static const char *const names[SUBGROUP] = {"shuffle from the first", "shuffle from another",
                                                "sum of eight neighbours", "largest of a work-group"};
    const ac_cl_tuning *u = &p->dev->tuning;
    uint32_t sg = u->subgroup_size, items = u->group_size > u->row_group ? u->group_size : u->row_group;
    char options[32];
    cl_kernel k;
    AC_TRY(make_buffers(p, err));
    cl_mem mems[] = {p->in[0], p->out};
    snprintf(options, sizeof options, "-DGROUP=%u", items);
    AC_TRY(ac__cl_kernel(p->dev, AC_CL_UNIT_WITNESS_SUBGROUP, options, "witness_subgroup", &k, err));
    *size = ac__cl_subgroup_size(p->dev, k, items);
    if (!ac__cl_subgroup_suits(p->dev, k, items)) {
        ac__cl.ReleaseKernel(k);
        return ac_fail(err, AC_ERR_UNSUPPORTED, "sub-groups have %u work-items, not %u", (unsigned)*size, sg);
    }
    AC_TRY(run_kernel(p, k, "witness_subgroup", mems, 2, SUBGROUP, items, err));
    expect_subgroup(p->a, sg, items, p->want);
    return compare(p, names, SUBGROUP, err);
}

ac_status ac__cl_witness_subgroup(ac_dev *dev, size_t *size, ac_error *err) {
    probe *p = calloc(1, sizeof *p);
    *size = 0;
    if (!p) return ac_fail(err, AC_ERR_MEMORY, "witness test");
    p->dev = dev;
    ac_status status = ask_subgroup(p, size, err);
    release(p);
    return status;
}
