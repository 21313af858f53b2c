/* common.cl - what every kernel shares: the numbers of docs/numerics.md, and how buffers are reached.
 * OpenCL C 1.2 without extensions. Float operations are + - x only, each rounded once: contraction is off and
 * no relaxing build option is ever given; the device is probed for it when it is opened (witness.cl). */
#pragma OPENCL FP_CONTRACT OFF

#define CHUNK 256
#define PAGE 256
#define SUB 32

#define SMALL 0x26800000u /* 2^-50 */
#define LARGE 0x58800000u /* 2^50 */

/* How every function but kernels is declared. Those called once per block of weights must not become calls; and in C99 an inline
 * function that is not static has no body to call: where clang does not inline it, the program does not link. TOGETHER is for
 * functions with barriers: static ones give sums that change from run to run in PoCL 3.1, calls of them are wrong in Oclgrind 21.10. */
#ifdef __clang__
#define INLINE static inline __attribute__((always_inline))
#define TOGETHER inline __attribute__((always_inline))
#else
#define INLINE static inline
#define TOGETHER static inline
#endif

/* Before every loop that adds floats up: there are vectorizers that take such sums apart without being allowed to. */
#ifdef __clang__
#define IN_ORDER _Pragma("clang loop vectorize(disable)")
#else
#define IN_ORDER
#endif

typedef global const uchar *bytes_in;
typedef global uchar *bytes_out;

/* Offsets of the arrays in a row of an activation form, in bytes (ac_act_layout). */
typedef struct act { uint d, f, s; } act;

/* Lists of a run, at fixed places of the inputs buffer (cl_run.c). */
#define IN_ROWS 0
#define IN_OUT 1

/* A product that a sum or difference follows, rounded by itself. Where the compiler is known to contract in spite of the pragma
 * (cl_quirks.c), its own instruction says so. */
#ifdef GUARD_PTX
INLINE float MUL(float a, float b) {
    float r;
    asm("mul.rn.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
}
INLINE float2 MUL2(float2 a, float2 b) { return (float2)(MUL(a.x, b.x), MUL(a.y, b.y)); }
INLINE float4 MUL4(float4 a, float4 b) { return (float4)(MUL2(a.lo, b.lo), MUL2(a.hi, b.hi)); }
INLINE float8 MUL8(float8 a, float8 b) { return (float8)(MUL4(a.lo, b.lo), MUL4(a.hi, b.hi)); }
INLINE float16 MUL16(float16 a, float16 b) { return (float16)(MUL8(a.lo, b.lo), MUL8(a.hi, b.hi)); }
#else
#define MUL(a, b) ((a) * (b))
#define MUL8(a, b) ((a) * (b))
#define MUL16(a, b) ((a) * (b))
#endif

INLINE int rne(float x) { return as_int(x + 12582912.0f) - 0x4B400000; }

INLINE float wide(int i) { return convert_float(i >> 12) * 4096.0f + convert_float(i & 4095); }

INLINE float8 wide8(int8 i) { return MUL8(convert_float8(i >> 12), (float8)4096.0f) + convert_float8(i & 4095); }

INLINE float window(float x) {
    uint u = as_uint(x), m = u & 0x7fffffffu;
    float y = m > LARGE ? as_float((u & 0x80000000u) | LARGE) : x;
    return m < SMALL ? 0.0f : y;
}

INLINE float cut(float y) { return (as_uint(y) & 0x7fffffffu) < SMALL ? 0.0f : y; }

INLINE float half_of(uint h) {
    uint m = min(h & 0x7fffu, 0x7bffu), sign = (h & 0x8000u) << 16;
    uint tiny = as_uint(convert_float((int)m) * 5.9604644775390625e-8f);
    uint u = m < 0x400u ? tiny : (m << 13) + 0x38000000u;
    return as_float(u | sign);
}

INLINE float bf16_of(uint b) { return window(as_float(b << 16)); }

/* The same for eight at once. */
INLINE float8 window8(uint8 u) {
    uint8 m = u & 0x7fffffffu;
    u = select(u, (u & 0x80000000u) | LARGE, m > (uint8)LARGE);
    return as_float8(select(u, (uint8)0, m < (uint8)SMALL));
}

INLINE float8 half_of8(ushort8 h) {
    uint8 v = convert_uint8(h), m = min(v & 0x7fffu, (uint8)0x7bff);
    uint8 tiny = as_uint8(convert_float8(convert_int8(m)) * 5.9604644775390625e-8f);
    return as_float8(select((m << 13) + 0x38000000u, tiny, m < (uint8)0x400) | (v & 0x8000u) << 16);
}

/* 2^-100 <= a <= 2^100 */
INLINE float rcp(float a) {
    float x = as_float(0x7EF311C7u - as_uint(a));
    x = x * (2.0f - MUL(a, x));
    x = x * (2.0f - MUL(a, x));
    return x * (2.0f - MUL(a, x));
}

/* 2^-100 <= a <= 2^110 */
INLINE float rsqrt_of(float a) {
    float x = as_float(0x5F375A86u - (as_uint(a) >> 1)), h = 0.5f * a;
    x = x * (1.5f - MUL(h * x, x));
    x = x * (1.5f - MUL(h * x, x));
    return x * (1.5f - MUL(h * x, x));
}

/* e^x for x <= 0, but 0 below `lowest`. */
INLINE float exp_of(float x, float lowest) {
    int t = rne(MUL(x, as_float(0x3FB8AA3Bu)));
    float f = convert_float(t);
    float r = (x - MUL(f, as_float(0x3F318000u))) - MUL(f, as_float(0xB95E8083u));
    float p = as_float(0x3AB511E8u);
    p = MUL(p, r) + as_float(0x3C091D10u);
    p = MUL(p, r) + as_float(0x3D2AAC79u);
    p = MUL(p, r) + as_float(0x3E2AAA49u);
    p = MUL(p, r) + as_float(0x3EFFFFFEu);
    p = MUL(p, r) + 1.0f;
    p = MUL(p, r) + 1.0f;
    return x < lowest ? 0.0f : as_float(as_uint(p) + ((uint)t << 23));
}

INLINE float silu(float x) {
    float e = exp_of(-fabs(x), -40.0f), r = rcp(1.0f + e);
    return x >= 0.0f ? x * r : x * (e * r);
}

/* Order of floats as order of integers; -0 and +0 are one. */
INLINE int key_of(float x) {
    int u = as_int(x);
    u = (u & 0x7fffffff) == 0 ? 0 : u;
    return u ^ ((u >> 31) & 0x7fffffff);
}
INLINE float from_key(int k) { return as_float(k ^ ((k >> 31) & 0x7fffffff)); }

INLINE global float *row_f(bytes_out arena, ulong at, uint row, uint row_bytes) {
    return (global float *)(arena + at + (ulong)row * row_bytes);
}
