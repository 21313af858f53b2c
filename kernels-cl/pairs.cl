/* pairs.cl - products of neighbours added up, 16 or 32 at a time: what the vector units of CPUs are quick at. PAIRS_X86: the compiler
 * is a clang for a processor with AVX2, whose instructions are then asked for by name; what compilers make of the other form
 * is up to them. The same integers either way. */
#ifdef PAIRS_X86
#ifndef __AVX2__
#error "no AVX2"
#endif
typedef char char32 __attribute__((ext_vector_type(32)));

/* Eight sums of two products. */
INLINE int8 pairs16(short16 a, short16 b) { return __builtin_ia32_pmaddwd256(a, b); }

/* Sixteen sums of two products of bytes: a unsigned, b signed. None may leave the range of a short. */
INLINE short16 pairs_u8(uint8 a, uint8 b) {
    return __builtin_ia32_pmaddubsw256(__builtin_astype(a, char32), __builtin_astype(b, char32));
}

/* The same for signed bytes. */
INLINE short16 pairs_s8(uint8 a, uint8 b) {
    char32 x = __builtin_astype(a, char32), y = __builtin_astype(b, char32);
    return __builtin_ia32_pmaddubsw256(__builtin_ia32_psignb256(x, x), __builtin_ia32_psignb256(y, x));
}
#else
INLINE int8 pairs16(short16 a, short16 b) {
    int16 p = convert_int16(a) * convert_int16(b);
    return p.even + p.odd;
}

INLINE short16 pairs_u8(uint8 a, uint8 b) {
    ushort16 x = as_ushort16(a);
    short16 y = as_short16(b);
    return as_short16(x & (ushort)255) * (short16)(y << (short)8 >> (short)8) + as_short16(x >> (ushort)8) * (short16)(y >> (short)8);
}

INLINE short16 pairs_s8(uint8 a, uint8 b) {
    short16 x = as_short16(a), y = as_short16(b);
    return (x << (short)8 >> (short)8) * (y << (short)8 >> (short)8) + (x >> (short)8) * (y >> (short)8);
}
#endif

/* Sums of neighbours of a and b, within each half. */
INLINE int8 neighbours(int8 a, int8 b) {
    return (int8)(a.s0, a.s2, b.s0, b.s2, a.s4, a.s6, b.s4, b.s6) + (int8)(a.s1, a.s3, b.s1, b.s3, a.s5, a.s7, b.s5, b.s7);
}

/* The sum of all of each v[i], in order. */
INLINE int8 sums_of_8(const int8 *v) {
    int8 a = neighbours(neighbours(v[0], v[1]), neighbours(v[2], v[3])), b = neighbours(neighbours(v[4], v[5]), neighbours(v[6], v[7]));
    return (int8)(a.lo, b.lo) + (int8)(a.hi, b.hi);
}

INLINE int sum_of(int8 v) {
    int4 a = v.lo + v.hi;
    int2 b = a.lo + a.hi;
    return b.x + b.y;
}
