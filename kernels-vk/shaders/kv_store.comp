// kv_store.comp - row r of k and v as codes into the cache. One workgroup per (KV head, row). Offsets in words; the layout
// is drawn in anychip/backend.h. Two positions share a word of v, so those are written with atomics. ROPE: k is rotated first, in
// place (rope.comp), for heads of up to 1024.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "bind.glsl"
#include "kv.glsl"

layout(push_constant) uniform P {
    uint kv_heads, head_dim, krow, vrow, slot;
    uint dk, v, dv, sub; // offsets in a sub-block, and its size
    uint first_page, n_pages; // of the cache, those that are bound
    uint rot, halves, pos, table; // ROPE
};

#ifdef ROPE
shared float rotated[1024];

void rotate(uint t, uint k0, uint r) {
    uint half_rot = rot / 2u;
    for (uint i = t; i < half_rot; i += 128u) {
        uint a = halves != 0u ? i : 2u * i, b = halves != 0u ? i + half_rot : 2u * i + 1u;
        uint at = table + 2u * (uint(IN[pos + r]) * half_rot + i);
        float c = F(C[at]), s = F(C[at + 1u]), u = window(Y[k0 + a]), w = window(Y[k0 + b]);
        rotated[a] = cut(u * c - w * s);
        rotated[b] = cut(u * s + w * c);
    }
    for (uint i = rot + t; i < head_dim; i += 128u) rotated[i] = window(Y[k0 + i]);
    barrier();
    for (uint i = t; i < head_dim; i += 128u) Y[k0 + i] = U(rotated[i]);
}
#define KEY(k0, c) window(U(rotated[c]))
#else
#define KEY(k0, c) window(X[(k0) + (c)])
#endif

shared uint kmax[128]; // groups of 32 channels, head_dim <= 4096
shared uint vmax;

void main() {
    uint t = gl_LocalInvocationIndex, h = gl_WorkGroupID.x, r = gl_WorkGroupID.y;
    uint k0 = r * krow + h * head_dim, v0 = r * vrow + h * head_dim;
    uint at = uint(IN[slot + r]), position = at & 31u;
    uint page = (at >> 8) - first_page, base = ((page * kv_heads + h) * 8u + (at >> 5 & 7u)) * sub;
    if (page >= n_pages) return;
#ifdef ROPE
    rotate(t, k0, r);
#endif
    kmax[t] = 0u;
    if (t == 0u) vmax = 0u;
    barrier();
    for (uint c = t; c < head_dim; c += 128u) {
        atomicMax(kmax[c >> 5], U(KEY(k0, c)) & 0x7fffffffu);
        atomicMax(vmax, U(window(B[v0 + c])) & 0x7fffffffu);
    }
    barrier();
    uint even = (head_dim + 1u) & ~1u;
    float vk = kv_factor(vmax);
    for (uint p = t; 2u * p < head_dim; p += 128u) {
        uint c = 2u * p;
        float kk = kv_factor(kmax[c >> 5]);
        int a = kv_code(KEY(k0, c), kk), b = 0;
        if (c + 1u < head_dim) b = kv_code(KEY(k0, c + 1u), kk);
        KV[base + p * 32u + position] = (uint(a) & 0xffffu) | uint(b) << 16;
    }
    for (uint c = t; c < even; c += 128u) {
        int code = c < head_dim ? kv_code(window(B[v0 + c]), vk) : 0;
        uint word = base + v + (position >> 1) * even + c, shift = (position & 1u) * 16u;
        atomicAnd(KV[word], ~(0xffffu << shift));
        atomicOr(KV[word], (uint(code) & 0xffffu) << shift);
    }
    for (uint g = t; g * 32u < head_dim; g += 128u) KV[base + dk + g * 32u + position] = U(kv_scale(kmax[g]));
    if (t == 0u) KV[base + dv + position] = U(kv_scale(vmax));
}
