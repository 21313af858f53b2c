/* dot.cl - sums of four products of signed bytes packed in words, by instruction where the device has one. */
#ifdef DOT_KHR
#pragma OPENCL EXTENSION cl_khr_integer_dot_product : enable
INLINE int dot4(uint a, uint b, int sum) { return sum + dot_4x8packed_ss_int(a, b); }
#elif defined(DOT_PTX)
INLINE int dot4(uint a, uint b, int sum) {
    int r;
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}
#else
INLINE int dot4(uint a, uint b, int sum) {
    char4 x = as_char4(a), y = as_char4(b);
    return sum + x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
}
#endif
