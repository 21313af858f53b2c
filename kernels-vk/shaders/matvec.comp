// matvec.comp - y = W x for NR rows of x at once: the kernel that reads W once, at the memory's speed.
//
// Eight invocations ("lanes") share a chunk of 256 elements of RPT rows of W; a workgroup has `sets` such row sets times
// `groups` chunks under way. What a lane finds goes to shared memory as entries: integer sums of a chunk (A256: one entry),
// terms of blocks (A32: eight), partial sums (F32: eight). Then one invocation per chunk makes the chunk's total, and one per
// element of y adds the totals in order (docs/numerics.md, section 4). Chunks come in segments of `seg`, for long rows.
// SUBGROUP: integer sums are reduced by shuffles first, else by shared atomics.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SUBGROUP
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint RPT = 1;  // rows of W per lane
layout(constant_id = 2) const uint NR = 1;   // rows of x
layout(constant_id = 3) const uint CAP = 64; // entries of shared memory
layout(constant_id = 4) const uint ADD = 0;  // 1: also Z = y + B; 2: only Z
#include "types.glsl"
#include "dot.glsl"

layout(push_constant) uniform P {
    uint m, k, chunks, units;     // units: lanes of a row that have elements = ceil(k / 32)
    uint wbase, wrow;             // bytes
    uint xrow, xd, xf, xs;        // words
    uint yrow, y0, brow, b0, zrow; // words; y0: first element of this part of W
    uint rows, seg, groups;       // rows of x; groups: chunks under way
};

#ifdef FORM_A256
#define PER 1u
#else
#define PER 8u
#endif
shared int entry[CAP];

uint invocation() {
#ifdef SUBGROUP
    return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
#else
    return gl_LocalInvocationIndex;
#endif
}

#ifdef SUBGROUP
int lanes_sum(int v) {
    v += subgroupShuffleXor(v, 1u);
    v += subgroupShuffleXor(v, 2u);
    return v + subgroupShuffleXor(v, 4u);
}
#endif

// One chunk of one row set: `at` is the entry of (row 0 of the set, row 0 of x), `step` the distance to the next.
#ifdef FORM_F32
void chunk(uint w0, uint last, uint c, uint lane, uint x0, uint n, uint at, uint step) {
    float p[RPT * NR];
    [[unroll]] for (uint i = 0u; i < RPT * NR; i++) p[i] = 0.0;
    for (uint e = c * 256u + lane; e < min(c * 256u + 256u, k); e += 8u) {
        float x[NR];
        [[unroll]] for (uint j = 0u; j < NR; j++) x[j] = F(X[x0 + min(j, n) * xrow + e]);
        [[unroll]] for (uint i = 0u; i < RPT; i++) {
            float w = weight_at(w0 + min(i, last) * wrow, e);
            [[unroll]] for (uint j = 0u; j < NR; j++) p[i * NR + j] = p[i * NR + j] + w * x[j];
        }
    }
    [[unroll]] for (uint i = 0u; i < RPT * NR; i++) entry[at + i * step + lane] = floatBitsToInt(p[i]);
}
#else
void chunk(uint w0, uint last, uint c, uint lane, uint x0, uint n, uint at, uint step) {
    Lane l[RPT];
    [[unroll]] for (uint i = 0u; i < RPT; i++) {
#ifdef FORM_A256
        unpack(Block(w0 + min(i, last) * wrow, c, chunks), lane, l[i]);
#else
        unpack(Block(w0 + min(i, last) * wrow, c * 8u + lane, units), lane, l[i]);
#endif
    }
    uint k0 = c * 256u + XO0(lane);
    [[unroll]] for (uint j = 0u; j < NR; j++) {
        uint row = x0 + min(j, n) * xrow, q = (row + (k0 >> 2)) >> 2;
        uvec4 a = X4[q], b = X4[q + XSTEP / 16u];
#ifdef FORM_A256
        uint f = X[row + xf + (k0 >> 7)]; // factors of four groups; both halves are in the same 128
        int f0 = int(f >> ((k0 >> 2) & 24u) & 0xffu), f1 = int(f >> (((k0 + XSTEP) >> 2) & 24u) & 0xffu);
#else
        uint block = c * 8u + lane;
        float d = F(X[row + xd + block]);
        int s = bitfieldExtract(int(X[row + xs + (block >> 1)]), int(16u * (block & 1u)), 16);
#endif
        [[unroll]] for (uint i = 0u; i < RPT; i++) {
            int lo = dot4(l[i].w[0], a.x) + dot4(l[i].w[1], a.y) + dot4(l[i].w[2], a.z) + dot4(l[i].w[3], a.w);
            int hi = dot4(l[i].w[4], b.x) + dot4(l[i].w[5], b.y) + dot4(l[i].w[6], b.z) + dot4(l[i].w[7], b.w);
            uint slot = at + (i * NR + j) * step;
#ifdef FORM_A256
            int sum = l[i].sc0 * f0 * lo + l[i].sc1 * f1 * hi;
#ifdef SUBGROUP
            sum = lanes_sum(sum);
            if (lane == 0u) entry[slot] = sum;
#else
            atomicAdd(entry[slot], sum);
#endif
#else
            entry[slot + lane] = floatBitsToInt(term(l[i], lo + hi, s, d));
#endif
        }
    }
}
#endif

#ifdef MINS
// Two minima in bytes times two sums in halves.
int two_minima(uint m, uint s) { return int(m & 0xffu) * (int(s << 16) >> 16) + int(m >> 8 & 0xffu) * (int(s) >> 16); }
#endif

// The total of chunk c from its entries.
float chunk_total(uint at, uint c, uint w0, uint x0) {
#ifdef FORM_A256
    int mins = 0;
#ifdef MINS
    uvec4 m = all_minima(Block(w0, c, chunks));
    [[unroll]] for (uint i = 0u; i < 2u; i++) {
        uvec4 sums = X4[((x0 + xs + c * 8u) >> 2) + i];
        uint lo = i == 0u ? m.x : m.z, hi = i == 0u ? m.y : m.w;
        mins += two_minima(lo, sums.x) + two_minima(lo >> 16, sums.y) + two_minima(hi, sums.z) + two_minima(hi >> 16, sums.w);
    }
#endif
    return term(block_scales(Block(w0, c, chunks)), F(X[x0 + xd + c]), entry[at], mins);
#elif defined(FORM_A32)
    float sum = 0.0;
    for (uint i = 0u; i < min(8u, units - c * 8u); i++) sum = sum + intBitsToFloat(entry[at + i]);
    return sum;
#else
    float p[8];
    for (uint i = 0u; i < 8u; i++) p[i] = intBitsToFloat(entry[at + i]);
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
#endif
}

void main() {
    types_begin();
    uint t = invocation(), lane = t & 7u, size = gl_WorkGroupSize.x, all = size >> 3, sets = all / groups;
    uint g = t >> 3, set = g / groups, c_first = g % groups;
    uint first = group_x() * sets * RPT, n0 = gl_WorkGroupID.y * NR;
    if (first >= m) return;
    uint n_last = min(NR, rows - n0) - 1u, step = seg * PER, outs = sets * RPT * NR; // an entry row per element of y
    uint row = first + set * RPT, last = row < m ? min(RPT, m - row) - 1u : 0u;
    uint w0 = wbase + min(row, m - 1u) * wrow, x0 = n0 * xrow;
    float y[4]; // running sums of this invocation's elements of y; the host keeps outs <= 4 * size
    [[unroll]] for (uint i = 0u; i < 4u; i++) y[i] = 0.0;
    for (uint from = 0u; from < chunks; from += seg) {
        uint here = min(seg, chunks - from);
#if defined(FORM_A256) && !defined(SUBGROUP)
        for (uint i = t; i < outs * seg; i += size) entry[i] = 0;
        barrier();
#endif
        for (uint c = c_first; c < here; c += groups) {
#ifndef FORM_A32 // all lanes have elements, or add none; shuffles need all of them
            chunk(w0, last, from + c, lane, x0, n_last, set * RPT * NR * step + c * PER, step);
#else
            if ((from + c) * 8u + lane < units) chunk(w0, last, from + c, lane, x0, n_last, set * RPT * NR * step + c * PER, step);
#endif
        }
        barrier();
        for (uint i = t; i < outs * here; i += size) {
            uint o = i / here, c = i % here, wrow_i = min(first + o / NR, m - 1u), n = min(o % NR, n_last);
            float total = chunk_total(o * step + c * PER, from + c, wbase + wrow_i * wrow, (n0 + n) * xrow);
            entry[o * step + c * PER] = floatBitsToInt(total);
        }
        barrier();
        [[unroll]] for (uint i = 0u; i < 4u; i++) {
            uint o = t + i * size;
            if (o < outs)
                for (uint c = 0u; c < here; c++) y[i] = y[i] + intBitsToFloat(entry[o * step + c * PER]);
        }
        barrier();
    }
    [[unroll]] for (uint i = 0u; i < 4u; i++) {
        uint o = t + i * size, r = first + o / NR, n = n0 + o % NR;
        if (o >= outs || r >= m || n >= rows) continue;
        if (ADD != 2u) Y[n * yrow + y0 + r] = U(y[i]);
        if (ADD != 0u) Z[n * zrow + y0 + r] = U(window(U(y[i])) + window(B[b0 + n * brow + y0 + r]));
    }
}
