/* subgroup.cl - how neighbouring work-items exchange values. With SG (8, 16 or 32): by shuffles, in sub-groups of SG items or of a
 * multiple of it. Without, or where a work-group has fewer items: by local memory and barriers. The same bits either way:
 * integers are added in any order, floats in that of the definition.
 * What is here is called by all items of a work-group together. `memory` has NEAR elements; calls that follow each other without
 * a barrier have different ones. */
#ifdef GROUP
#define ITEMS GROUP
#else
#define ITEMS WG
#endif
#if defined(SG) && ITEMS < SG
#undef SG
#endif

#if defined(SG) && defined(SG_FORCED) /* the compiler takes the size as an attribute */
#define WORK_GROUP __attribute__((reqd_work_group_size(ITEMS, 1, 1))) __attribute__((intel_reqd_sub_group_size(SG)))
#else
#define WORK_GROUP __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
#endif

#ifdef SG
#define LANE (get_local_id(0) & (SG - 1))
#define REACH SG /* neighbours that need no barrier */
#else
#define REACH 8
#endif
#if defined(SG) && !defined(SHUFFLE_EMULATED)
#define NEAR 1
#define OVER (ITEMS / SG)
#else
#define NEAR ITEMS
#define OVER ITEMS
#endif

#ifdef SG
/* v of the item `lane` of the SG that this one belongs to. */
#if defined(SHUFFLE_KHR)
#pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable
#define SHUFFLE(v, lane) sub_group_shuffle(v, (get_sub_group_local_id() & ~(SG - 1u)) | (lane))
#elif defined(SHUFFLE_EXT)
#pragma OPENCL EXTENSION cl_intel_subgroups : enable
#define SHUFFLE(v, lane) intel_sub_group_shuffle(v, (get_sub_group_local_id() & ~(SG - 1u)) | (lane))
#elif defined(SHUFFLE_PTX) /* SG is 32, all of a warp */
INLINE uint SHUFFLE(uint v, uint lane) {
    uint r;
    asm volatile("shfl.sync.idx.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(lane));
    return r;
}
#elif defined(SHUFFLE_GCN)
#define WAVE_LANE __builtin_amdgcn_mbcnt_hi(~0u, __builtin_amdgcn_mbcnt_lo(~0u, 0u))
#define SHUFFLE(v, lane) ((uint)__builtin_amdgcn_ds_bpermute((int)(((WAVE_LANE & ~(SG - 1u)) | (lane)) * 4), (int)(v)))
#endif

#ifdef SHUFFLE_EMULATED
TOGETHER uint from_lane(uint v, uint lane, local uint *memory) {
    uint first = get_local_id(0) & ~(SG - 1);
    memory[get_local_id(0)] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    v = memory[first | lane];
    barrier(CLK_LOCAL_MEM_FENCE);
    return v;
}
#else
TOGETHER uint from_lane(uint v, uint lane, local uint *memory) { return SHUFFLE(v, lane); }
#endif
#endif

/* Largest of the aligned `width` neighbours, and their sum, for each of them. width: a power of 2, not above REACH. */
TOGETHER uint near_max(uint v, uint width, local uint *memory) {
#ifdef SG
    for (uint step = width / 2; step > 0; step /= 2) v = max(v, from_lane(v, LANE ^ step, memory));
#else
    uint first = get_local_id(0) & ~(width - 1);
    memory[get_local_id(0)] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = 0; i < width; i++) v = max(v, memory[first + i]);
#endif
    return v;
}

TOGETHER uint near_sum(uint v, uint width, local uint *memory) {
#ifdef SG
    for (uint step = width / 2; step > 0; step /= 2) v += from_lane(v, LANE ^ step, memory);
    return v;
#else
    uint first = get_local_id(0) & ~(width - 1), sum = 0;
    memory[get_local_id(0)] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = 0; i < width; i++) sum += memory[first + i];
    return sum;
#endif
}

/* The same over the work-group, for all of its items. `memory` has OVER elements. */
#ifdef SG
#define OVER_GROUP(near, op)                                                                                 \
    v = near(v, SG, memory);                                                                                 \
    if (LANE == 0) memory[get_local_id(0) / SG] = v;                                                         \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                            \
    v = memory[0];                                                                                           \
    for (uint i = 1; i < ITEMS / SG; i++) v = op(v, memory[i]);                                              \
    return v;
#else
#define OVER_GROUP(near, op)                                                                                 \
    uint lid = get_local_id(0);                                                                              \
    memory[lid] = v;                                                                                         \
    for (uint step = ITEMS / 2; step > 0; step /= 2) {                                                       \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                        \
        if (lid < step) memory[lid] = op(memory[lid], memory[lid + step]);                                   \
    }                                                                                                        \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                            \
    return memory[0];
#endif
#define PLUS(a, b) ((a) + (b))
TOGETHER uint group_max(uint v, local uint *memory) { OVER_GROUP(near_max, max) }
TOGETHER uint group_sum(uint v, local uint *memory) { OVER_GROUP(near_sum, PLUS) }
