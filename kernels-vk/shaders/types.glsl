// types.glsl - how the block types of GGUF are read, 32 elements per call, eight calls ("lanes") per chunk of 256.
//
// A lane's 32 elements are two halves of 16: elements XO0(lane) .. +15 and XO0(lane) + XSTEP .. +15 of the chunk, chosen so
// that a lane reads whole words of the file. unpack() gives their codes as 8 packed words and the integer scales of both halves.
// Tensors start at multiples of 16 bytes. As the file has them, blocks need no alignment: words are loaded aligned and shifted.
// PLANAR: the host has taken blocks apart when it uploaded them, a row's fields one kind after the other, the largest first
// (vk_planar.c), so that words are aligned.
//
// T is one of the numbers below (those of GGUF). Defined per type:
//   A256 (chunk = block)   BYTES, XO0, XSTEP, MINS when there is a minimum; FIELD(..) is a field's first byte
//   A32  (lane = block)    BYTES, OFF (what the sum of q is multiplied with and taken away), MINS as above, SIGNED
#ifndef TYPES_GLSL
#define TYPES_GLSL
layout(constant_id = 9) const uint PLANAR = 0;
#include "spec.glsl"
#include "bind.glsl"

#define T_F32 0
#define T_F16 1
#define T_Q4_0 2
#define T_Q4_1 3
#define T_Q5_0 6
#define T_Q5_1 7
#define T_Q8_0 8
#define T_Q2_K 10
#define T_Q3_K 11
#define T_Q4_K 12
#define T_Q5_K 13
#define T_Q6_K 14
#define T_IQ4_NL 20
#define T_IQ4_XS 23
#define T_BF16 30
#define T_MXFP4 39

#if T == T_F32 || T == T_F16 || T == T_BF16
#define FORM_F32
#elif T == T_Q2_K || T == T_Q3_K || T == T_Q4_K || T == T_Q5_K || T == T_Q6_K || T == T_IQ4_XS
#define FORM_A256
#else
#define FORM_A32
#endif

uint byte_at(uint b) { return W[b >> 2] >> ((b & 3u) * 8u) & 0xffu; }

// No branches: loads of several rows are to be under way at once. A shifted load reads the next word only when it needs it.
uint word_at(uint b) {
    uint s = (b & 3u) * 8u, i = b >> 2;
    return W[i] >> s | (W[i + (s == 0u ? 0u : 1u)] << 1) << (31u - s);
}

uint half_at(uint b) { return W[b >> 2] >> ((b & 2u) * 8u) & 0xffffu; } // b is even

// 16 bytes, by two whole loads: words k .. k + 4 of eight, shifted together. Where nothing of the second is needed it is the first
// again, so that no load lies behind the tensor.
uvec4 words_at(uint b) {
    if (PLANAR != 0u) return W4[b >> 4];
    uint s = (b & 3u) * 8u, i = b >> 4;
    uvec4 lo = W4[i], hi = W4[(b & 15u) == 0u ? i : i + 1u];
    if ((b & 8u) != 0u) { // k is 2 or 3
        lo = uvec4(lo.zw, hi.xy);
        hi.xy = hi.zw;
    }
    uvec4 a = (b & 4u) != 0u ? uvec4(lo.yzw, hi.x) : lo;
    uvec4 next = uvec4(a.yzw, (b & 4u) != 0u ? hi.y : hi.x);
    return a >> s | (next << 1) << (31u - s);
}

#ifdef FORM_F32
float weight_at(uint row, uint k) { // row: its first byte
#if T == T_F32
    return window(word_at(row + 4u * k));
#elif T == T_F16
    return half_float(half_at(row + 2u * k));
#else
    return window(half_at(row + 2u * k) << 16);
#endif
}
#else

struct Lane {
    uint w[8];    // packed codes; signed bytes or below 128
    int sc0, sc1; // integer scales of the halves (A256)
    int m0, m1;   // integer minima of the halves (A256 with MINS)
    float d, m;   // scale; minimum or its scale
};

// Block `blk` of `nb` in the row that starts at byte `row`; a field by its place in the file's block, its size, and the bytes of the
// fields before it in PLANAR order.
struct Block { uint row, blk, nb; };
#define FIELD(native, size, before) (PLANAR != 0u ? b.row + b.nb * before + b.blk * size : b.row + b.blk * BYTES + native)

#define NIBBLES(q, lo, hi) uvec4 lo = q & 0x0f0f0f0fu, hi = q >> 4 & 0x0f0f0f0fu

// Bits 0 .. 3 of b to bit `at` of four bytes.
uint spread(uint b, uint at) { return ((b & 1u) | (b & 2u) << 7 | (b & 4u) << 14 | (b & 8u) << 21) << at; }

void put(inout Lane l, uvec4 lo, uvec4 hi) {
    l.w[0] = lo.x; l.w[1] = lo.y; l.w[2] = lo.z; l.w[3] = lo.w;
    l.w[4] = hi.x; l.w[5] = hi.y; l.w[6] = hi.z; l.w[7] = hi.w;
}

#if T == T_IQ4_NL || T == T_IQ4_XS
#define TABLE uint[4](0xBFAD9881u, 0xF6EADDCFu, 0x26190D01u, 0x71594535u)
#elif T == T_MXFP4
#define TABLE uint[4](0x03020100u, 0x0C080604u, 0xFDFEFF00u, 0xF4F8FAFCu)
#endif
#ifdef TABLE
shared uint table[16];
// Before the first unpack, from uniform control flow.
void types_begin() {
    const uint packed[4] = TABLE;
    for (uint t = gl_LocalInvocationIndex; t < 16u; t += gl_WorkGroupSize.x)
        table[t] = packed[t >> 2] >> ((t & 3u) * 8u) & 0xffu;
    barrier();
}
uint look_up(uint nibbles) {
    return table[nibbles & 15u] | table[nibbles >> 8 & 15u] << 8 | table[nibbles >> 16 & 15u] << 16 |
           table[nibbles >> 24] << 24;
}
uvec4 look_up(uvec4 n) { return uvec4(look_up(n.x), look_up(n.y), look_up(n.z), look_up(n.w)); }
#endif

// ---- Blocks of 32: b is the lane's block ------------------------------------------------------------------------------

#ifdef FORM_A32
#define XO0(lane) (32u * (lane))
#define XSTEP 16u

#if T == T_Q8_0
#define BYTES 34u
#define OFF 0
#define SIGNED
void unpack(Block b, uint lane, out Lane l) {
    uint q = FIELD(2u, 32u, 0u);
    l.d = half_float(half_at(FIELD(0u, 2u, 32u)));
    put(l, words_at(q), words_at(q + 16u));
}
#elif T == T_Q4_0
#define BYTES 18u
#define OFF 8
void unpack(Block b, uint lane, out Lane l) {
    l.d = half_float(half_at(FIELD(0u, 2u, 16u)));
    uvec4 q = words_at(FIELD(2u, 16u, 0u));
    NIBBLES(q, lo, hi);
    put(l, lo, hi);
}
#elif T == T_Q4_1
#define BYTES 20u
#define OFF 0
#define MINS
void unpack(Block b, uint lane, out Lane l) {
    uint dm = word_at(FIELD(0u, 4u, 16u));
    l.d = half_float(dm & 0xffffu);
    l.m = half_float(dm >> 16);
    uvec4 q = words_at(FIELD(4u, 16u, 0u));
    NIBBLES(q, lo, hi);
    put(l, lo, hi);
}
#elif T == T_Q5_0 || T == T_Q5_1
uvec4 spread4(uint h) { return uvec4(spread(h, 4u), spread(h >> 4, 4u), spread(h >> 8, 4u), spread(h >> 12, 4u)); }
#if T == T_Q5_0
#define BYTES 22u
#define OFF 16
#define QH 2u
#else
#define BYTES 24u
#define OFF 0
#define MINS
#define QH 4u
#endif
void unpack(Block b, uint lane, out Lane l) {
#ifdef MINS
    uint dm = word_at(FIELD(0u, 4u, 20u));
    l.d = half_float(dm & 0xffffu);
    l.m = half_float(dm >> 16);
#else
    l.d = half_float(half_at(FIELD(0u, 2u, 20u)));
#endif
    uint h = word_at(FIELD(QH, 4u, 16u));
    uvec4 q = words_at(FIELD(QH + 4u, 16u, 0u));
    NIBBLES(q, lo, hi);
    put(l, lo | spread4(h), hi | spread4(h >> 16));
}
#elif T == T_IQ4_NL
#define BYTES 18u
#define OFF 0
#define SIGNED
void unpack(Block b, uint lane, out Lane l) {
    l.d = half_float(half_at(FIELD(0u, 2u, 16u)));
    uvec4 q = words_at(FIELD(2u, 16u, 0u));
    NIBBLES(q, lo, hi);
    put(l, look_up(lo), look_up(hi));
}
#elif T == T_MXFP4
#define BYTES 17u
#define OFF 0
#define SIGNED
void unpack(Block b, uint lane, out Lane l) {
    uint e = byte_at(FIELD(0u, 1u, 16u));
    l.d = e < 78u ? 0.0 : F((min(e, 178u) - 1u) << 23);
    uvec4 q = words_at(FIELD(1u, 16u, 0u));
    NIBBLES(q, lo, hi);
    put(l, look_up(lo), look_up(hi));
}
#endif

// The term of a block (section 4): total = the sum of code times q, s = the sum of q, d = the scale of x.
float term(Lane l, int total, int s, float d) {
#ifdef MINS
    return (l.d * d) * float(total) + (l.m * d) * float(s);
#else
    return (l.d * d) * float(total - OFF * s);
#endif
}
#endif // FORM_A32

// ---- Blocks of 256 ----------------------------------------------------------------------------------------------------

#ifdef FORM_A256
#define OFF 0

#if T == T_Q4_K || T == T_Q5_K
#define MINS
#define XO0(lane) (64u * ((lane) >> 1) + 16u * ((lane) & 1u))
#define XSTEP 32u
#if T == T_Q4_K
#define BYTES 144u
#else
#define BYTES 176u
#endif
// Blocks are multiples of 16 bytes; 16 bytes of one.
uvec4 piece(Block b, uint at) { return W4[(b.row + b.blk * BYTES + at) >> 4]; }
void unpack(Block b, uint lane, out Lane l) {
    uvec4 h = piece(b, 0u); // d, dmin; 12 bytes of scales and minima
    l.d = half_float(h.x & 0xffffu);
    l.m = half_float(h.x >> 16);
    uint p = lane >> 1, at = (p & 1u) * 16u;
    uint s0 = h.y >> at, s1 = h.z >> at, s2 = h.w >> at; // bytes 2p, 2p+1 (mod 4) of each word
    if (p < 2u) {
        l.sc0 = int(s0 & 63u);
        l.sc1 = int(s0 >> 8 & 63u);
        l.m0 = int(s1 & 63u);
        l.m1 = int(s1 >> 8 & 63u);
    } else {
        l.sc0 = int((s2 & 15u) | (s0 >> 6 & 3u) << 4);
        l.sc1 = int((s2 >> 8 & 15u) | (s0 >> 14 & 3u) << 4);
        l.m0 = int((s2 >> 4 & 15u) | (s1 >> 6 & 3u) << 4);
        l.m1 = int((s2 >> 12 & 15u) | (s1 >> 14 & 3u) << 4);
    }
#if T == T_Q4_K
    uvec4 q = piece(b, 16u + 16u * lane);
    NIBBLES(q, lo, hi);
    put(l, lo, hi);
#else
    uvec4 q = piece(b, 48u + 16u * lane), bit = piece(b, 16u + 16u * (lane & 1u)) >> (2u * p);
    NIBBLES(q, lo, hi);
    put(l, lo | (bit & 0x01010101u) << 4, hi | (bit & 0x02020202u) << 3);
#endif
}

#elif T == T_IQ4_XS
#define BYTES 136u
#define XO0(lane) (32u * (lane))
#define XSTEP 16u
#define SIGNED
void unpack(Block b, uint lane, out Lane l) {
    uint at = FIELD(0u, 8u, 128u);
    l.d = half_float(half_at(at));
    uint low = word_at(at + 4u) >> (4u * lane) & 15u, high = half_at(at + 2u) >> (2u * lane) & 3u;
    l.sc0 = l.sc1 = int(low | high << 4) - 32;
    uvec4 q = words_at(FIELD(8u, 128u, 0u) + 16u * lane);
    NIBBLES(q, lo, hi);
    put(l, look_up(lo), look_up(hi));
}

#elif T == T_Q6_K
#define BYTES 210u
#define XO0(lane) (128u * ((lane) >> 2) + 16u * ((lane) & 3u))
#define XSTEP 64u
#define SIGNED
void unpack(Block b, uint lane, out Lane l) {
    uint piece = lane >> 2, t = lane & 3u, shift = (t & 2u), sc = FIELD(192u, 16u, 192u) + 8u * piece + t;
    l.d = half_float(half_at(FIELD(208u, 2u, 208u)));
    l.sc0 = int(byte_at(sc) << 24) >> 24;
    l.sc1 = int(byte_at(sc + 4u) << 24) >> 24;
    uvec4 q = words_at(FIELD(0u, 128u, 0u) + 16u * lane), h = words_at(FIELD(128u, 64u, 128u) + 32u * piece + 16u * (t & 1u)) >> shift;
    NIBBLES(q, lo, hi);
    lo |= (h & 0x03030303u) << 4;
    hi |= (h & 0x30303030u);
    // c - 32 in every byte: 0x80 keeps borrows inside.
    put(l, ((lo | 0x80808080u) - 0x20202020u) ^ 0x80808080u, ((hi | 0x80808080u) - 0x20202020u) ^ 0x80808080u);
}

#elif T == T_Q2_K || T == T_Q3_K
// 16 bytes hold four codes each: lanes 2i and 2i+1 read the same bytes.
#define XO0(lane) (128u * ((lane) >> 2) + 64u * ((lane) & 1u) + 16u * ((lane) >> 1 & 1u))
#define XSTEP 32u
#if T == T_Q2_K
#define BYTES 84u
#define MINS
void unpack(Block b, uint lane, out Lane l) {
    uint piece = lane >> 1, i = 8u * (lane >> 2) + 4u * (lane & 1u) + (piece & 1u), dd = word_at(FIELD(80u, 4u, 80u));
    l.d = half_float(dd & 0xffffu);
    l.m = half_float(dd >> 16);
    uint sc = FIELD(0u, 16u, 0u) + i, s0 = byte_at(sc), s1 = byte_at(sc + 2u);
    l.sc0 = int(s0 & 15u);
    l.sc1 = int(s1 & 15u);
    l.m0 = int(s0 >> 4);
    l.m1 = int(s1 >> 4);
    uvec4 q = words_at(FIELD(16u, 64u, 16u) + 16u * piece) >> (4u * (lane & 1u));
    put(l, q & 0x03030303u, q >> 2 & 0x03030303u);
}
#else
#define BYTES 110u
#define SIGNED
int scale_q3_k(uint at, uint i) {
    uint low = byte_at(at + (i & 7u)) >> (4u * (i >> 3)) & 15u;
    return int(low | (byte_at(at + 8u + (i & 3u)) >> (2u * (i >> 2)) & 3u) << 4) - 32;
}
void unpack(Block b, uint lane, out Lane l) {
    uint piece = lane >> 1, j = 2u * (lane & 1u), i = 8u * (lane >> 2) + 2u * j + (piece & 1u);
    uint sc = FIELD(96u, 12u, 96u);
    l.d = half_float(half_at(FIELD(108u, 2u, 108u)));
    l.sc0 = scale_q3_k(sc, i);
    l.sc1 = scale_q3_k(sc, i + 2u);
    uvec4 q = words_at(FIELD(32u, 64u, 32u) + 16u * piece) >> (2u * j);
    uvec4 h = words_at(FIELD(0u, 32u, 0u) + 16u * (piece & 1u)) >> (4u * (lane >> 2) + j);
    uvec4 lo = (q & 0x03030303u) | (h & 0x01010101u) << 2, hi = (q >> 2 & 0x03030303u) | (h & 0x02020202u) << 1;
    put(l, ((lo | 0x80808080u) - 0x04040404u) ^ 0x80808080u, ((hi | 0x80808080u) - 0x04040404u) ^ 0x80808080u);
}
#endif
#endif

#ifdef MINS
// Minima of halves 4i .. 4i+3 of a chunk, one byte each.
uint minima(Block b, uint i) {
#if T == T_Q2_K
    return word_at(FIELD(0u, 16u, 0u) + 4u * i) >> 4 & 0x0f0f0f0fu;
#else
    uvec4 h = piece(b, 0u);
    uint at = (i & 1u) * 16u, s1 = h.z >> at, s2 = h.w >> at;
    uint m0 = i < 2u ? s1 & 63u : (s2 >> 4 & 15u) | (s1 >> 6 & 3u) << 4;
    uint m1 = i < 2u ? s1 >> 8 & 63u : (s2 >> 12 & 15u) | (s1 >> 14 & 3u) << 4;
    return m0 * 0x0101u | m1 * 0x01010000u;
#endif
}

// All of them.
uvec4 all_minima(Block b) {
#if T == T_Q2_K
    return words_at(FIELD(0u, 16u, 0u)) >> 4 & 0x0f0f0f0fu;
#else
    return uvec4(minima(b, 0u), minima(b, 1u), minima(b, 2u), minima(b, 3u));
#endif
}
#endif

// The float scales of a block alone: d and, with MINS, the minima's.
vec2 block_scales(Block b) {
#if T == T_Q4_K || T == T_Q5_K
    uint dd = piece(b, 0u).x; // minima() loads the same
    return vec2(half_float(dd & 0xffffu), half_float(dd >> 16));
#elif T == T_Q2_K
    uint dd = word_at(FIELD(80u, 4u, 80u));
    return vec2(half_float(dd & 0xffffu), half_float(dd >> 16));
#elif T == T_Q3_K
    return vec2(half_float(half_at(FIELD(108u, 2u, 108u))), 0.0);
#elif T == T_Q6_K
    return vec2(half_float(half_at(FIELD(208u, 2u, 208u))), 0.0);
#else
    return vec2(half_float(half_at(FIELD(0u, 8u, 128u))), 0.0);
#endif
}

// The term of a chunk (section 4).
float term(vec2 dw, float d, int isum, int msum) {
#ifdef MINS
    return (dw.x * d) * wide(isum) - (dw.y * d) * wide(msum);
#else
    return (dw.x * d) * wide(isum);
#endif
}
#endif // FORM_A256
#endif // !FORM_F32

#ifndef TABLE
void types_begin() {}
#endif
#endif
