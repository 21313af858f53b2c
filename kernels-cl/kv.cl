/* kv.cl - the layout of a KV sub-block (anychip/backend.h) for heads of HEAD_DIM channels, and kv14 codes. */
#define PAIRS ((HEAD_DIM + 1) / 2)
#define EVEN (PAIRS * 2)
#define GROUPS ((HEAD_DIM + 31) / 32)
#define AT_DK (EVEN * SUB * 2)
#define AT_V (AT_DK + GROUPS * SUB * 4)
#define AT_DV (AT_V + EVEN * SUB * 2)
#define SUB_BYTES ((AT_DV + SUB * 4 + 63) / 64 * 64)

/* Byte offset of a sub-block in the buffer of its layer. */
INLINE ulong sub_at(uint page, uint kv_heads, uint kv_head, uint sub) {
    return (((ulong)page * kv_heads + kv_head) * (PAGE / SUB) + sub) * SUB_BYTES;
}

/* A group whose largest magnitude has the bits `most`: its scale, and the factor of its codes (0 when the group counts as 0). */
INLINE float kv14_scale(uint most) { return most < 0x30800000u ? 0.0f : as_float(most) * as_float(0x39000400u); }
INLINE float kv14_factor(uint most) {
    float amax = as_float(max(most, 0x30800000u));
    return most < 0x30800000u ? 0.0f : 8191.0f * rcp(amax);
}
INLINE int kv14_code(float x, float factor) { return clamp(rne(MUL(x, factor)), -8191, 8191); }

/* Largest magnitudes of 32 values each: bits, in parts of what sub-groups find together. */
#ifdef SG
#define MOST_PARTS (32 / SG)
typedef struct kv_memory { uint most[GROUPS * MOST_PARTS], near[NEAR]; } kv_memory;
#else
#define MOST_PARTS 1
typedef struct kv_memory { uint most[GROUPS], mags[HEAD_DIM]; } kv_memory;
#endif

INLINE uint most_of(local const uint *most, uint g) {
    uint m = most[g * MOST_PARTS];
    for (uint i = 1; i < MOST_PARTS; i++) m = max(m, most[g * MOST_PARTS + i]);
    return m;
}

/* Windowed magnitudes of the groups of 32 channels of x, for most_of. Called by a whole work-group of WG items; ends with a barrier. */
TOGETHER void group_magnitudes(global const float *x, local kv_memory *t) {
#ifdef SG
    for (uint first = 0; first < GROUPS * 32; first += WG) {
        uint c = first + get_local_id(0), m = c < HEAD_DIM ? as_uint(window(x[c])) & 0x7fffffffu : 0;
        m = near_max(m, SG, t->near);
        if (LANE == 0 && c < GROUPS * 32) t->most[c / SG] = m;
    }
#else
    for (uint c = get_local_id(0); c < HEAD_DIM; c += WG) t->mags[c] = as_uint(window(x[c])) & 0x7fffffffu;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint g = get_local_id(0); g < GROUPS; g += WG) {
        uint m = 0;
        for (uint c = g * 32; c < min(g * 32 + 32, (uint)HEAD_DIM); c++) m = max(m, t->mags[c]);
        t->most[g] = m;
    }
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
}
