/* blocks.cl - the weight type of this program, TYPE_<name>: how 32 codes are unpacked at a time, and the scales.
 * Layouts: loader/include/anychip/blocks.h.
 *
 * A weight row is nb blocks. NATIVE: as in the file, BLOCK bytes each. PLANAR (made when weights are uploaded, repack.cl):
 * the same bytes of a row sorted by field, so that every load is aligned; field offsets then count nb blocks.
 *
 * Block-32 types:  unpack(at, &a, &b)     codes of elements 0..15 and 16..31, one per byte
 * 256 types:       unpack(at, p, &a, &b)  codes of the 16-element pieces PIECE_A(p) and PIECE_B(p), p = 0..7
 *                  sub_scale(at, i), sub_min(at, i): of piece i
 * With WIDE_LOADS:   unpack_wide(at, j, &a, &b)  codes of the groups of 32 GROUP_A(j) and GROUP_B(j), j = 0..3
 *                  piece_scales(at), piece_mins(at): all 16
 * The code meant is the byte minus OFFSET. Bytes are signed for types with a table and q8_0, else 0..63. */

typedef struct place { bytes_in w; uint b, nb; } place; /* block b of a row of nb blocks */

#ifdef PLANAR
#define AT(native, planar, size) (at.w + (at.nb * (uint)(planar) + at.b * (uint)(size)))
#else
#define AT(native, planar, size) (at.w + (at.b * (uint)BLOCK + (uint)(native)))
#endif

#define U16(p) (*(global const ushort *)(p))
#define U32(p) (*(global const uint *)(p))

/* 16 and 4 bytes from an address that is a multiple of the number in the name. */
#ifdef WIDE_LOADS
INLINE uint4 load16_1(bytes_in p) { return as_uint4(vload16(0, p)); }
INLINE uint8 load32(bytes_in p) { return (uint8)(load16_1(p), load16_1(p + 16)); }
#define load16_2 load16_1
#define load16_4 load16_1
#define load16_8 load16_1
#define load16_16 load16_1
#else
INLINE uint4 load16_1(bytes_in p) {
    uint4 v;
    v.x = p[0] | (uint)p[1] << 8 | (uint)p[2] << 16 | (uint)p[3] << 24;
    v.y = p[4] | (uint)p[5] << 8 | (uint)p[6] << 16 | (uint)p[7] << 24;
    v.z = p[8] | (uint)p[9] << 8 | (uint)p[10] << 16 | (uint)p[11] << 24;
    v.w = p[12] | (uint)p[13] << 8 | (uint)p[14] << 16 | (uint)p[15] << 24;
    return v;
}
INLINE uint4 load16_2(bytes_in p) {
    global const ushort *s = (global const ushort *)p;
    return (uint4)(s[0] | (uint)s[1] << 16, s[2] | (uint)s[3] << 16, s[4] | (uint)s[5] << 16, s[6] | (uint)s[7] << 16);
}
INLINE uint4 load16_4(bytes_in p) {
    global const uint *u = (global const uint *)p;
    return (uint4)(u[0], u[1], u[2], u[3]);
}
INLINE uint4 load16_8(bytes_in p) {
    global const uint2 *u = (global const uint2 *)p;
    return (uint4)(u[0], u[1]);
}
INLINE uint4 load16_16(bytes_in p) { return *(global const uint4 *)p; }
#endif
#ifdef PLANAR
#define LOAD16(native_align, p) load16_16(p)
#else
#define LOAD16(native_align, p) load16_##native_align(p)
#endif
INLINE uint load4_2(bytes_in p) { return U16(p) | (uint)U16(p + 2) << 16; }

#define LOW(v) ((v) & 0x0f0f0f0fu)
#define HIGH(v) (((v) >> 4) & 0x0f0f0f0fu)

/* ---- Tables ------------------------------------------------------------------------------------------------------ */

#if defined(TYPE_IQ4_NL) || defined(TYPE_IQ4_XS)
#define TABLE_LOW 0xf6eaddcfbfad9881ul /* codes -127 -104 -83 -65 -49 -35 -22 -10 from the low byte up */
#define TABLE_HIGH 0x7159453526190d01ul /* 1 13 25 38 53 69 89 113 */
#elif defined(TYPE_MXFP4)
#define TABLE_LOW 0x0c08060403020100ul
#define TABLE_HIGH 0xf4f8fafcfdfeff00ul
#endif

#ifdef TABLE_LOW
#ifdef WIDE_LOADS
/* Each byte of v, 0..15, replaced by its entry. */
#ifdef __clang__ /* becomes one instruction where there is one; shuffle() is a function in some libraries */
INLINE uint4 lookup(uint4 v) { return as_uint4(__builtin_shufflevector(as_char16((ulong2)(TABLE_LOW, TABLE_HIGH)), as_char16(v))); }
#else
INLINE uint4 lookup(uint4 v) { return as_uint4(shuffle(as_char16((ulong2)(TABLE_LOW, TABLE_HIGH)), as_uchar16(v))); }
#endif
#else
INLINE uint look(uint c) { return (uint)((c & 8 ? TABLE_HIGH : TABLE_LOW) >> (c & 7) * 8) & 255u; }
INLINE uint look4(uint v) {
    return look(v & 15u) | look(v >> 8 & 15u) << 8 | look(v >> 16 & 15u) << 16 | look(v >> 24 & 15u) << 24;
}
INLINE uint4 lookup(uint4 v) { return (uint4)(look4(v.x), look4(v.y), look4(v.z), look4(v.w)); }
#endif
#endif

/* Bits 0..15 of `bits` to bit 4 of 16 bytes. */
#if defined(TYPE_Q5_0) || defined(TYPE_Q5_1)
INLINE uint4 fifth(uint bits) {
    uint4 n = (uint4)(bits, bits >> 4, bits >> 8, bits >> 12) & 15u;
    return (n * 0x00204081u & 0x01010101u) << 4;
}
#endif

/* ---- Blocks of 32 ------------------------------------------------------------------------------------------------ */

#if defined(TYPE_Q4_0)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 18
#define OFFSET 8
#define SCALE AT(0, 16, 2)
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(2, AT(2, 0, 16));
    *a = LOW(v), *b = HIGH(v);
}
#elif defined(TYPE_Q4_1)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 20
#define OFFSET 0
#define HAS_MIN
#define SCALE AT(0, 16, 4)
#define LEAST (AT(0, 16, 4) + 2)
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(4, AT(4, 0, 16));
    *a = LOW(v), *b = HIGH(v);
}
#elif defined(TYPE_Q5_0)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 22
#define OFFSET 16
#define SCALE AT(0, 20, 2)
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(2, AT(6, 0, 16));
    uint h = load4_2(AT(2, 16, 4));
    *a = LOW(v) | fifth(h), *b = HIGH(v) | fifth(h >> 16);
}
#elif defined(TYPE_Q5_1)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 24
#define OFFSET 0
#define HAS_MIN
#define SCALE AT(0, 16, 4)
#define LEAST (AT(0, 16, 4) + 2)
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(8, AT(8, 0, 16));
    uint h = U32(AT(4, 20, 4));
    *a = LOW(v) | fifth(h), *b = HIGH(v) | fifth(h >> 16);
}
#elif defined(TYPE_Q8_0)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 34
#define OFFSET 0
#define SCALE AT(0, 32, 2)
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    bytes_in q = AT(2, 0, 32);
    *a = LOAD16(2, q), *b = LOAD16(2, q + 16);
}
#elif defined(TYPE_IQ4_NL)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 18
#define OFFSET 0
#define SCALE AT(0, 16, 2)
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(2, AT(2, 0, 16));
    *a = lookup(LOW(v)), *b = lookup(HIGH(v));
}
#elif defined(TYPE_MXFP4)
#define FORM_A32
#define BLOCK_ELEMS 32
#define BLOCK 17
#define OFFSET 0
INLINE float scale_of(place at) {
    uint e = *AT(0, 16, 1);
    return e < 78 ? 0.0f : as_float((min(e, 178u) - 1) << 23);
}
INLINE ushort raw_scale(place at) { return *AT(0, 16, 1); }
INLINE float8 scales_of(ushort8 raw) {
    uint8 e = convert_uint8(raw);
    return as_float8(select((min(e, (uint8)178) - 1) << 23, (uint8)0, e < (uint8)78));
}
INLINE void unpack(place at, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(1, AT(1, 0, 16));
    *a = lookup(LOW(v)), *b = lookup(HIGH(v));
}

/* ---- Blocks of 256 ----------------------------------------------------------------------------------------------- */

#elif defined(TYPE_Q2_K)
#define FORM_A256
#define BLOCK_ELEMS 256
#define BLOCK 84
#define OFFSET 0
#define HAS_MIN
/* p: bit 2 the half of 128, bit 1 which 16 bytes, bit 0 which pair of shifts */
#define PIECE_A(p) (((p) & 4) * 2 + ((p) & 1) * 4 + ((p) >> 1 & 1))
#define PIECE_B(p) (PIECE_A(p) + 2)
#define SCALE AT(80, 80, 4)
#define LEAST (AT(80, 80, 4) + 2)
INLINE int sub_scale(place at, uint i) { return AT(0, 64, 16)[i] & 15; }
INLINE int sub_min(place at, uint i) { return AT(0, 64, 16)[i] >> 4; }
#ifdef WIDE_LOADS
INLINE short16 piece_scales(place at) { return convert_short16(vload16(0, AT(0, 64, 16)) & (uchar)15); }
INLINE short16 piece_mins(place at) { return convert_short16(vload16(0, AT(0, 64, 16)) >> (uchar)4); }
#define GROUP_A(j) (2 * (j))
#define GROUP_B(j) (2 * (j) + 1)
INLINE void unpack_wide(place at, uint j, uint8 *a, uint8 *b) {
    uint8 v = load32(AT(16, 0, 64) + (j >> 1) * 32) >> (j & 1) * 4;
    *a = v & 0x03030303u, *b = (v >> 2) & 0x03030303u;
}
#endif
INLINE void unpack(place at, uint p, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(4, AT(16, 0, 64) + (p >> 1) * 16) >> (p & 1) * 4;
    *a = v & 0x03030303u, *b = (v >> 2) & 0x03030303u;
}
#elif defined(TYPE_Q3_K)
#define FORM_A256
#define BLOCK_ELEMS 256
#define BLOCK 110
#define OFFSET 4
#define PIECE_A(p) (((p) & 4) * 2 + ((p) & 1) * 4 + ((p) >> 1 & 1))
#define PIECE_B(p) (PIECE_A(p) + 2)
#define SCALE AT(108, 108, 2)
INLINE int sub_scale(place at, uint i) {
    bytes_in s = AT(96, 96, 12);
    uint low = s[i & 7] >> (i >> 3) * 4 & 15u, high = s[8 + (i & 3)] >> (i >> 2) * 2 & 3u;
    return (int)(low | high << 4) - 32;
}
#ifdef WIDE_LOADS
INLINE short16 piece_scales(place at) {
    bytes_in s = AT(96, 96, 12);
    uchar8 low = vload8(0, s);
    uchar4 high = vload4(0, s + 8);
    uchar16 l = (uchar16)(low & (uchar)15, low >> (uchar)4);
    uchar16 h = (uchar16)(high & (uchar)3, high >> (uchar)2 & (uchar)3, high >> (uchar)4 & (uchar)3, high >> (uchar)6);
    return convert_short16(l | h << (uchar)4) - (short)32;
}
#define GROUP_A(j) (2 * (j))
#define GROUP_B(j) (2 * (j) + 1)
INLINE void unpack_wide(place at, uint j, uint8 *a, uint8 *b) {
    uint8 v = load32(AT(32, 32, 64) + (j >> 1) * 32) >> (j & 1) * 4, h = load32(AT(0, 0, 32)) >> 2 * j;
    *a = (v & 0x03030303u) | (h & 0x01010101u) << 2;
    *b = ((v >> 2) & 0x03030303u) | ((h >> 1) & 0x01010101u) << 2;
}
#endif
INLINE void unpack(place at, uint p, uint4 *a, uint4 *b) {
    uint n = (p >> 2) * 4 + (p & 1) * 2; /* 32-element group of piece A; that of B is the next */
    uint4 v = LOAD16(2, AT(32, 32, 64) + (p >> 1) * 16) >> (p & 1) * 4;
    uint4 h = LOAD16(2, AT(0, 0, 32) + (p >> 1 & 1) * 16) >> n;
    *a = (v & 0x03030303u) | (h & 0x01010101u) << 2;
    *b = ((v >> 2) & 0x03030303u) | ((h >> 1) & 0x01010101u) << 2;
}
#elif defined(TYPE_Q4_K) || defined(TYPE_Q5_K)
#define FORM_A256
#define BLOCK_ELEMS 256
#define OFFSET 0
#define HAS_MIN
#define PIECE_A(p) (((p) >> 1) * 4 + ((p) & 1))
#define PIECE_B(p) (PIECE_A(p) + 2)
#ifdef TYPE_Q4_K
#define BLOCK 144
#define QS AT(16, 16, 128)
#else
#define BLOCK 176
#define QS AT(48, 48, 128)
#endif
#define SCALE AT(0, 0, 16)
#define LEAST (AT(0, 0, 16) + 2)
INLINE int sub_scale(place at, uint i) {
    bytes_in s = AT(0, 0, 16);
    uint g = i >> 1, shift = (g & 3) * 8, low = U32(s + 4) >> shift;
    uint high = (U32(s + 12) >> shift & 15u) | (low >> 6 & 3u) << 4;
    return (int)(g < 4 ? low & 63u : high);
}
INLINE int sub_min(place at, uint i) {
    bytes_in s = AT(0, 0, 16);
    uint g = i >> 1, shift = (g & 3) * 8, low = U32(s + 8) >> shift;
    uint high = (U32(s + 12) >> shift >> 4 & 15u) | (low >> 6 & 3u) << 4;
    return (int)(g < 4 ? low & 63u : high);
}
#ifdef WIDE_LOADS
INLINE short16 twice(uint low, uint high) {
    short8 v = convert_short8(as_uchar8((uint2)(low, high)));
    return v.s0011223344556677;
}
INLINE short16 piece_scales(place at) {
    bytes_in s = AT(0, 0, 16) + 4;
    uint a = U32(s), c = U32(s + 8);
    return twice(a & 0x3f3f3f3fu, (c & 0x0f0f0f0fu) | (a >> 2 & 0x30303030u));
}
INLINE short16 piece_mins(place at) {
    bytes_in s = AT(0, 0, 16) + 4;
    uint b = U32(s + 4), c = U32(s + 8);
    return twice(b & 0x3f3f3f3fu, (c >> 4 & 0x0f0f0f0fu) | (b >> 2 & 0x30303030u));
}
#define GROUP_A(j) (2 * (j))
#define GROUP_B(j) (2 * (j) + 1)
INLINE void unpack_wide(place at, uint j, uint8 *a, uint8 *b) {
    uint8 v = load32(QS + j * 32);
#ifdef TYPE_Q4_K
    *a = LOW(v), *b = HIGH(v);
#else
    uint8 h = load32(AT(16, 16, 32)) >> 2 * j;
    *a = LOW(v) | (h & 0x01010101u) << 4;
    *b = HIGH(v) | ((h >> 1) & 0x01010101u) << 4;
#endif
}
#endif
INLINE void unpack(place at, uint p, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(16, QS + p * 16);
#ifdef TYPE_Q4_K
    *a = LOW(v), *b = HIGH(v);
#else
    uint4 h = LOAD16(16, AT(16, 16, 32) + (p & 1) * 16) >> (p >> 1) * 2;
    *a = LOW(v) | (h & 0x01010101u) << 4;
    *b = HIGH(v) | ((h >> 1) & 0x01010101u) << 4;
#endif
}
#elif defined(TYPE_Q6_K)
#define FORM_A256
#define BLOCK_ELEMS 256
#define BLOCK 210
#define OFFSET 32
#define PIECE_A(p) (((p) & 4) * 2 + ((p) & 3))
#define PIECE_B(p) (PIECE_A(p) + 4)
#define SCALE AT(208, 208, 2)
INLINE int sub_scale(place at, uint i) { return (char)AT(192, 192, 16)[i]; }
#ifdef WIDE_LOADS
INLINE short16 piece_scales(place at) { return convert_short16(as_char16(vload16(0, AT(192, 192, 16)))); }
#define GROUP_A(j) (((j) & 2) * 2 + ((j) & 1))
#define GROUP_B(j) (GROUP_A(j) + 2)
INLINE void unpack_wide(place at, uint j, uint8 *a, uint8 *b) {
    uint8 v = load32(AT(0, 0, 128) + j * 32), h = load32(AT(128, 128, 64) + (j >> 1) * 32) >> (j & 1) * 2;
    *a = LOW(v) | (h & 0x03030303u) << 4;
    *b = HIGH(v) | ((h >> 4) & 0x03030303u) << 4;
}
#endif
INLINE void unpack(place at, uint p, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(2, AT(0, 0, 128) + p * 16);
    uint4 h = LOAD16(2, AT(128, 128, 64) + (p >> 2) * 32 + (p & 1) * 16) >> (p & 2);
    *a = LOW(v) | (h & 0x03030303u) << 4;
    *b = HIGH(v) | ((h >> 4) & 0x03030303u) << 4;
}
#elif defined(TYPE_IQ4_XS)
#define FORM_A256
#define BLOCK_ELEMS 256
#define BLOCK 136
#define OFFSET 0
#define PIECE_A(p) (2 * (p))
#define PIECE_B(p) (2 * (p) + 1)
#define SCALE AT(0, 128, 8)
INLINE int sub_scale(place at, uint i) {
    bytes_in s = AT(0, 128, 8);
    uint g = i >> 1;
    return (int)((s[4 + (g >> 1)] >> (g & 1) * 4 & 15u) | (U16(s + 2) >> g * 2 & 3u) << 4) - 32;
}
#ifdef WIDE_LOADS
INLINE short16 piece_scales(place at) {
    bytes_in s = AT(0, 128, 8);
    uint8 low = (uint8)U32(s + 4) >> (uint8)(0, 4, 8, 12, 16, 20, 24, 28), high = (uint8)U16(s + 2) >> (uint8)(0, 2, 4, 6, 8, 10, 12, 14);
    short8 v = convert_short8((low & 15u) | (high & 3u) << 4) - (short)32;
    return v.s0011223344556677;
}
INLINE uint8 lookup_32(bytes_in p) {
    uint4 v = load16_1(p);
    return (uint8)(lookup(LOW(v)), lookup(HIGH(v)));
}
#define GROUP_A(j) (2 * (j))
#define GROUP_B(j) (2 * (j) + 1)
INLINE void unpack_wide(place at, uint j, uint8 *a, uint8 *b) {
    bytes_in p = AT(8, 0, 128) + j * 32;
    *a = lookup_32(p), *b = lookup_32(p + 16);
}
#endif
INLINE void unpack(place at, uint p, uint4 *a, uint4 *b) {
    uint4 v = LOAD16(8, AT(8, 0, 128) + p * 16);
    *a = lookup(LOW(v)), *b = lookup(HIGH(v));
}

/* ---- Plain numbers ----------------------------------------------------------------------------------------------- */

#elif defined(TYPE_F32)
#define FORM_F32
#define BLOCK 4
INLINE float number(bytes_in w, uint i) { return window(((global const float *)w)[i]); }
INLINE float8 numbers(bytes_in w, uint i) { return window8(as_uint8(vload8(0, (global const float *)w + i))); }
#elif defined(TYPE_F16)
#define FORM_F32
#define BLOCK 2
INLINE float number(bytes_in w, uint i) { return half_of(U16(w + 2 * i)); }
INLINE float8 numbers(bytes_in w, uint i) { return half_of8(vload8(0, (global const ushort *)w + i)); }
#elif defined(TYPE_BF16)
#define FORM_F32
#define BLOCK 2
INLINE float number(bytes_in w, uint i) { return bf16_of(U16(w + 2 * i)); }
INLINE float8 numbers(bytes_in w, uint i) { return window8(convert_uint8(vload8(0, (global const ushort *)w + i)) << 16); }
#endif

/* ---- Scales: halves, but for mxfp4 ------------------------------------------------------------------------------- */

#ifdef SCALE
INLINE float scale_of(place at) { return half_of(U16(SCALE)); }
INLINE ushort raw_scale(place at) { return U16(SCALE); }
#define scales_of half_of8
#endif
#ifdef LEAST
INLINE float min_of(place at) { return half_of(U16(LEAST)); }
INLINE ushort raw_min(place at) { return U16(LEAST); }
#endif
