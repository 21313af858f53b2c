// matmul.comp - y = W x for many rows of x: tiles of BR rows of x times BC rows of W, 128 elements of K at a time through shared
// memory as signed bytes, integer products per group of 32.
//
// A tile is cut into fragments of FRAG_R x FRAG_C elements, each held by one subgroup, EACH elements per invocation: cooperative
// matrices (COOP) of the sizes the device lists, or registers and dot4 (else), with the same staging and the same code for
// everything elementwise. Which element an invocation holds is the implementation's business for COOP: a matrix of element
// numbers, loaded once, tells.
//
// A256: code times the block's integer scale, |v| <= 4096, is staged as 64 * high + low, so that a group's product needs only the
// factor of x: isum += f * (64 * high products + low products). The minima are an integer product of their own, with the sums of x
// cut in two bytes. A32: one float term per group.
// Products are x (rows) times W (columns), so that neighbours in a fragment's row are neighbours in y.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef COOP
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_NV_cooperative_matrix : require
#extension GL_NV_integer_cooperative_matrix : require
#endif
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint BR = 32; // rows of x per workgroup
layout(constant_id = 2) const uint BC = 32; // rows of W per workgroup
layout(constant_id = 3) const uint FR = 1;  // fragments per subgroup, down
layout(constant_id = 4) const uint FC = 1;  // and across
layout(constant_id = 5) const uint SG = 32; // invocations that share a fragment
layout(constant_id = 6) const uint EACH = 32; // = FRAG_R * FRAG_C / SG
layout(constant_id = 7) const uint ADD = 0; // 1: also Z = y + B; 2: only Z
layout(constant_id = 8) const uint EMULATE = 0; // without COOP: as with it, a matrix of numbers tells where elements are
layout(constant_id = 10) const uint FRAG_R = 32;
layout(constant_id = 11) const uint FRAG_C = 32;
layout(constant_id = 12) const uint FRAG_K = 32;
#include "types.glsl"
#include "dot.glsl"

layout(push_constant) uniform P {
    uint m, k, chunks, units;      // as in matvec.comp
    uint wbase, wrow;              // bytes
    uint xrow, xd, xf, xs;         // words
    uint yrow, y0, brow, b0, zrow; // words
    uint rows;
};

const uint STRIDE = 36u; // words of a staged row of 128 bytes; not a multiple of the banks
const uint DEEP = 32u / FRAG_K; // fragments that cover a group
#if defined(FORM_A256) && T != T_Q2_K // there sc * c <= 45
#define TWO
#define PIECES 2u
#else
#define PIECES 1u
#endif

shared uint xq[BR * STRIDE];
shared uint wq[PIECES * BC * STRIDE];
#ifdef FORM_A256
shared uint xfac[BR];  // factors of four groups
shared float xscale[BR];
shared vec2 wscale[BC];
#ifdef MINS
const uint MIN_STRIDE = 12u;
shared uint xsum[BR * MIN_STRIDE];  // 16 low bytes, 16 high bytes of the sums
shared uint wmin[BC * MIN_STRIDE];  // 16 zeros, 16 minima, 16 zeros: from word 4 it is [m | 0], from word 0 [0 | m]
#endif
#else
shared vec4 xscale[BR]; // four groups
shared vec4 wscale[BC];
#ifdef MINS
shared vec4 xsum[BR];
shared vec4 wmin[BC];
#endif
#endif

// ---- Fragments: MAT_X, MAT_W hold staged bytes, ACC holds int32 ---------------------------------------------------------

#ifdef COOP
shared int numbers[FRAG_R * FRAG_C];
#define ACC icoopmatNV<32, gl_ScopeSubgroup, FRAG_R, FRAG_C>
#define ZERO(a) a = ACC(0)
#define MAT_X icoopmatNV<8, gl_ScopeSubgroup, FRAG_R, FRAG_K>
#define MAT_W icoopmatNV<8, gl_ScopeSubgroup, FRAG_K, FRAG_C>
#define LOAD_X(x, array, at, stride) coopMatLoadNV(x, array, at, stride, false)
#define LOAD_W(w, array, at, stride) coopMatLoadNV(w, array, at, stride, true)
#define MUL_ADD(acc, x, w, x_array, x_stride, w_array, w_stride) acc = coopMatMulAddNV(x, w, acc)
#else
shared int numbers[EMULATE != 0u ? FRAG_R * FRAG_C : 1u];
// Lanes as a grid of LR x LC; an invocation holds rows lr, lr + LR, ... and columns lc, lc + LC, ...
const uint LC = 4u, LR = SG / LC, EC = FRAG_C / LC, ER = FRAG_R / LR;
#define ACC Held
struct Held { int at[EACH]; };
#define ZERO(a) for (uint z = 0u; z < EACH; z++) a.at[z] = 0
#define MAT_X uint
#define MAT_W uint
#define LOAD_X(x, array, at, stride) x = at
#define LOAD_W(w, array, at, stride) w = at
#define MUL_ADD(acc, x, w, x_array, x_stride, w_array, w_stride)                                             \
    for (uint word = 0u; word < FRAG_K / 4u; word++) {                                                       \
        uint xs_[ER];                                                                                        \
        for (uint i = 0u; i < ER; i++) xs_[i] = x_array[x + (lane / LC + i * LR) * x_stride + word];         \
        for (uint j = 0u; j < EC; j++) {                                                                     \
            uint ws_ = w_array[w + (lane % LC + j * LC) * w_stride + word];                                  \
            for (uint i = 0u; i < ER; i++) acc.at[i * EC + j] += dot4(xs_[i], ws_);                          \
        }                                                                                                    \
    }
#endif

#ifdef COOP
#define AT(acc, e) acc[e]
#else
#define AT(acc, e) acc.at[e]
#endif

// ---- Staging -----------------------------------------------------------------------------------------------------------

#ifdef FORM_A256
// Four codes times sc as 64 * high + low, two at a time in halves of a word. Signed ones as code + 128, and the products
// moved up by 8192 = 64 * 128, so that no half borrows from the other.
void fold(uint codes, int sc, out uint low, out uint high) {
#ifdef SIGNED
    uint more = uint(8192 - 128 * sc) * 0x00010001u;
    codes ^= 0x80808080u;
#else
    const uint more = 0u;
#endif
    uint even = (codes & 0x00ff00ffu) * uint(sc) + more, odd = (codes >> 8 & 0x00ff00ffu) * uint(sc) + more;
    low = (even & 0x003f003fu) | (odd & 0x003f003fu) << 8;
    high = (even >> 6 & 0x00ff00ffu) | (odd << 2 & 0xff00ff00u);
#ifdef SIGNED
    high ^= 0x80808080u;
#endif
}
#endif

void stage_w(uint t, uint c, uint half_chunk, uint c0) {
    for (uint i = t; i < BC * 4u; i += gl_WorkGroupSize.x) {
        uint col = i >> 2, lane = half_chunk * 4u + (i & 3u), row = wbase + min(c0 + col, m - 1u) * wrow;
        uint at = col * STRIDE + ((XO0(lane) & 127u) >> 2);
        Lane l;
#ifdef FORM_A256
        unpack(Block(row, c, chunks), lane, l);
        [[unroll]] for (uint w = 0u; w < 8u; w++) {
            uint low, high, to = at + (w & 3u) + (w < 4u ? 0u : XSTEP / 4u);
            fold(l.w[w], w < 4u ? l.sc0 : l.sc1, low, high);
            wq[to] = low;
            if (PIECES == 2u) wq[BC * STRIDE + to] = high;
        }
#else
        uint block = min(c * 8u + lane, units - 1u);
        unpack(Block(row, block, units), lane, l);
        [[unroll]] for (uint w = 0u; w < 8u; w++) {
            uint v = l.w[w];
#if OFF > 0
            v = ((v | 0x80808080u) - uint(OFF) * 0x01010101u) ^ 0x80808080u; // codes are below 128
#endif
            wq[at + (w & 3u) + (w < 4u ? 0u : XSTEP / 4u)] = v;
        }
        wscale[col][i & 3u] = l.d;
#ifdef MINS
        wmin[col][i & 3u] = l.m;
#endif
#endif
    }
}

void stage_x(uint t, uint c, uint half_chunk, uint r0) {
    for (uint i = t; i < BR * 8u; i += gl_WorkGroupSize.x) {
        uint r = i >> 3, part = i & 7u, x0 = min(r0 + r, rows - 1u) * xrow, k0 = c * 256u + half_chunk * 128u + part * 16u;
        uvec4 v = k0 < k ? X4[(x0 + (k0 >> 2)) >> 2] : uvec4(0u);
        uint to = r * STRIDE + part * 4u;
        xq[to] = v.x, xq[to + 1u] = v.y, xq[to + 2u] = v.z, xq[to + 3u] = v.w;
    }
}

void stage_scales(uint t, uint c, uint half_chunk, uint r0, uint c0) {
#ifdef FORM_A256
    for (uint r = t; r < BR; r += gl_WorkGroupSize.x) {
        uint x0 = min(r0 + r, rows - 1u) * xrow;
        xfac[r] = X[x0 + xf + c * 2u + half_chunk];
        if (half_chunk == 0u) xscale[r] = F(X[x0 + xd + c]);
    }
    if (half_chunk == 0u) {
        for (uint i = t; i < BC; i += gl_WorkGroupSize.x) wscale[i] = block_scales(Block(wbase + min(c0 + i, m - 1u) * wrow, c, chunks));
#ifdef MINS
        for (uint i = t; i < BC * 4u; i += gl_WorkGroupSize.x) {
            uint at = (i >> 2) * MIN_STRIDE + (i & 3u);
            wmin[at] = 0u;
            wmin[at + 4u] = minima(Block(wbase + min(c0 + (i >> 2), m - 1u) * wrow, c, chunks), i & 3u);
            wmin[at + 8u] = 0u;
        }
        for (uint i = t; i < BR * 4u; i += gl_WorkGroupSize.x) {
            uint x0 = min(r0 + (i >> 2), rows - 1u) * xrow + xs + c * 8u + 2u * (i & 3u), low = 0u, high = 0u;
            for (uint k = 0u; k < 4u; k++) {
                int s = bitfieldExtract(int(X[x0 + (k >> 1)]), int(16u * (k & 1u)), 16), l = bitfieldExtract(s, 0, 8);
                low |= (uint(l) & 0xffu) << (8u * k);
                high |= (uint(s - l >> 8) & 0xffu) << (8u * k); // |s| <= 32512
            }
            uint at = (i >> 2) * MIN_STRIDE + (i & 3u);
            xsum[at] = low;
            xsum[at + 4u] = high;
        }
#endif
    }
#else
    for (uint i = t; i < BR * 4u; i += gl_WorkGroupSize.x) {
        uint x0 = min(r0 + (i >> 2), rows - 1u) * xrow, b = min(c * 8u + half_chunk * 4u + (i & 3u), units - 1u);
        xscale[i >> 2][i & 3u] = F(X[x0 + xd + b]);
#ifdef MINS
        xsum[i >> 2][i & 3u] = float(bitfieldExtract(int(X[x0 + xs + (b >> 1)]), int(16u * (b & 1u)), 16));
#endif
    }
#endif
}

// ---- The tile ----------------------------------------------------------------------------------------------------------

void main() {
    types_begin();
#ifdef COOP
    uint group = gl_SubgroupID, t = gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
#else
    uint t = gl_LocalInvocationIndex, group = t / SG, lane = t % SG;
#endif
    uint c0 = group_x() * BC, r0 = gl_WorkGroupID.y * BR;
    if (c0 >= m) return;
    uint across = BC / (FC * FRAG_C), fr0 = group / across * FR * FRAG_R, fc0 = group % across * FC * FRAG_C; // in the tile

    uint er[EACH], ec[EACH]; // row and column of the invocation's elements in a fragment
#ifdef COOP
    for (uint i = t; i < FRAG_R * FRAG_C; i += gl_WorkGroupSize.x) numbers[i] = int(i);
    barrier();
    ACC number;
    coopMatLoadNV(number, numbers, 0u, FRAG_C, false);
    [[unroll]] for (uint e = 0u; e < EACH; e++) {
        er[e] = uint(number[e]) / FRAG_C;
        ec[e] = uint(number[e]) % FRAG_C;
    }
#else
    if (EMULATE != 0u) {
        for (uint i = t; i < FRAG_R * FRAG_C; i += gl_WorkGroupSize.x) numbers[i] = int(i);
        barrier();
    }
    for (uint e = 0u; e < EACH; e++) {
        uint number = (lane / LC + e / EC * LR) * FRAG_C + lane % LC + e % EC * LC; // of the element that is held
        if (EMULATE != 0u) number = uint(numbers[number]);
        er[e] = number / FRAG_C;
        ec[e] = number % FRAG_C;
    }
#endif

    float y[FR * FC * EACH];
#ifdef FORM_A256
    int isum[FR * FC * EACH];
#else
    float total[FR * FC * EACH];
#endif
    [[unroll]] for (uint i = 0u; i < FR * FC * EACH; i++) y[i] = 0.0;

    for (uint c = 0u; c < chunks; c++) {
        [[unroll]] for (uint i = 0u; i < FR * FC * EACH; i++) {
#ifdef FORM_A256
            isum[i] = 0;
#else
            total[i] = 0.0;
#endif
        }
        for (uint half_chunk = 0u; half_chunk < 2u; half_chunk++) {
            if (c * 8u + half_chunk * 4u >= units) break;
            barrier();
            stage_w(t, c, half_chunk, c0);
            stage_x(t, c, half_chunk, r0);
            stage_scales(t, c, half_chunk, r0, c0);
            barrier();
#ifdef FORM_A256
            uint factors[FR * EACH]; // of four groups, of the invocation's rows
            [[unroll]] for (uint i = 0u; i < FR * EACH; i++) factors[i] = xfac[fr0 + i / EACH * FRAG_R + er[i % EACH]];
#endif
            [[unroll]] for (uint g = 0u; g < 4u; g++) {
                if (c * 8u + half_chunk * 4u + g >= units) break;
                MAT_X x[FR * DEEP];
                MAT_W w[FC * DEEP * PIECES];
                [[unroll]] for (uint q = 0u; q < DEEP; q++) {
                    uint word = (g * 32u + q * FRAG_K) / 4u;
                    [[unroll]] for (uint fr = 0u; fr < FR; fr++) LOAD_X(x[fr * DEEP + q], xq, (fr0 + fr * FRAG_R) * STRIDE + word, STRIDE);
                    [[unroll]] for (uint i = 0u; i < FC * PIECES; i++)
                        LOAD_W(w[i * DEEP + q], wq, (i % PIECES * BC + fc0 + i / PIECES * FRAG_C) * STRIDE + word, STRIDE);
                }
                [[unroll]] for (uint fr = 0u; fr < FR; fr++) {
                    [[unroll]] for (uint fc = 0u; fc < FC; fc++) {
                        uint rr = fr0 + fr * FRAG_R, cc = fc0 + fc * FRAG_C;
                        ACC low;
                        ZERO(low);
#ifdef TWO
                        ACC high;
                        ZERO(high);
#endif
                        [[unroll]] for (uint q = 0u; q < DEEP; q++) {
                            MUL_ADD(low, x[fr * DEEP + q], w[fc * PIECES * DEEP + q], xq, STRIDE, wq, STRIDE);
#ifdef TWO
                            MUL_ADD(high, x[fr * DEEP + q], w[(fc * PIECES + 1u) * DEEP + q], xq, STRIDE, wq, STRIDE);
#endif
                        }
                        [[unroll]] for (uint e = 0u; e < EACH; e++) {
                            uint i = (fr * FC + fc) * EACH + e;
#ifdef FORM_A256
                            int f = int(bitfieldExtract(factors[fr * EACH + e], int(8u * g), 8));
#ifdef TWO
                            isum[i] += f * (AT(high, e) * 64 + AT(low, e));
#else
                            isum[i] += f * AT(low, e);
#endif
#else
                            uint r = rr + er[e], col = cc + ec[e];
#ifdef MINS
                            total[i] = total[i] + ((wscale[col][g] * xscale[r][g]) * float(AT(low, e)) + (wmin[col][g] * xscale[r][g]) * xsum[r][g]);
#else
                            total[i] = total[i] + (wscale[col][g] * xscale[r][g]) * float(AT(low, e));
#endif
#endif
                        }
                    }
                }
            }
        }
        [[unroll]] for (uint fr = 0u; fr < FR; fr++) {
            [[unroll]] for (uint fc = 0u; fc < FC; fc++) {
                uint rr = fr0 + fr * FRAG_R, cc = fc0 + fc * FRAG_C;
#if defined(FORM_A256) && defined(MINS)
                ACC low, high;
                ZERO(low);
                ZERO(high);
                MAT_X x, x2;
                MAT_W w, w2;
                LOAD_X(x, xsum, rr * MIN_STRIDE, MIN_STRIDE);
                LOAD_W(w, wmin, cc * MIN_STRIDE + 4u, MIN_STRIDE);
                MUL_ADD(low, x, w, xsum, MIN_STRIDE, wmin, MIN_STRIDE);
                // the high bytes: with fragments 32 deep they meet the minima of [0 | m], with 16 they are loaded themselves
                LOAD_X(x2, xsum, rr * MIN_STRIDE + (FRAG_K == 32u ? 0u : 4u), MIN_STRIDE);
                LOAD_W(w2, wmin, cc * MIN_STRIDE + (FRAG_K == 32u ? 0u : 4u), MIN_STRIDE);
                MUL_ADD(high, x2, w2, xsum, MIN_STRIDE, wmin, MIN_STRIDE);
#endif
                [[unroll]] for (uint e = 0u; e < EACH; e++) {
                    uint i = (fr * FC + fc) * EACH + e;
#ifdef FORM_A256
                    uint r = rr + er[e], col = cc + ec[e];
#ifdef MINS
                    int msum = AT(high, e) * 256 + AT(low, e);
#else
                    int msum = 0;
#endif
                    y[i] = y[i] + term(wscale[col], xscale[r], isum[i], msum);
#else
                    y[i] = y[i] + total[i];
#endif
                }
            }
        }
    }

    [[unroll]] for (uint fr = 0u; fr < FR; fr++) {
        [[unroll]] for (uint fc = 0u; fc < FC; fc++) {
            [[unroll]] for (uint e = 0u; e < EACH; e++) {
                uint n = r0 + fr0 + fr * FRAG_R + er[e], col = c0 + fc0 + fc * FRAG_C + ec[e];
                float v = y[(fr * FC + fc) * EACH + e];
                if (n >= rows || col >= m) continue;
                if (ADD != 2u) Y[n * yrow + y0 + col] = U(v);
                if (ADD != 0u) Z[n * zrow + y0 + col] = U(window(U(v)) + window(B[b0 + n * brow + y0 + col]));
            }
        }
    }
}
