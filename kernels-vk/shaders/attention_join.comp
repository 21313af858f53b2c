// attention_join.comp - step 4 of docs/numerics.md section 7: adds the pages of a row up in order. One workgroup per
// (128 channels of a head, head, row).
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "bind.glsl"
#include "kv.glsl"

layout(push_constant) uniform P { uint heads, head_dim, yrow, row0, pos, work_pages; };

shared int top;
shared float share[128]; // e_c

void main() {
    uint t = gl_LocalInvocationIndex, head = gl_WorkGroupID.y, r = gl_WorkGroupID.z, ch = gl_WorkGroupID.x * 128u + t;
    uint n = (uint(IN[pos + row0 + r]) >> 8) + 1u, step = head_dim + 2u, in0 = (r * heads + head) * work_pages * step;
    if (t == 0u) top = 0x80000000;
    barrier();
    for (uint c = t; c < n; c += 128u) atomicMax(top, int(Z[in0 + c * step]));
    barrier();
    int m = top;
    float most = F(m >= 0 ? uint(m) : uint(-m) | 0x80000000u), o = 0.0, l = 0.0;
    for (uint c0 = 0u; c0 < n; c0 += 128u) {
        if (c0 + t < n) {
            int k = int(Z[in0 + (c0 + t) * step]);
            float x = F(k >= 0 ? uint(k) : uint(-k) | 0x80000000u) - most;
            share[t] = x < -24.0 ? 0.0 : expo(x);
        }
        barrier();
        for (uint c = c0; c < min(c0 + 128u, n); c++) {
            float e = share[c - c0];
            l = l + e * wide(int(Z[in0 + c * step + 1u]));
            if (ch < head_dim) o = o + e * F(Z[in0 + c * step + 2u + ch]);
        }
        barrier();
    }
    if (ch < head_dim) Y[(row0 + r) * yrow + head * head_dim + ch] = U(cut((o * rcp(l)) * 4194304.0));
}
