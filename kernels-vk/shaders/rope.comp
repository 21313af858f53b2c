// rope.comp - rotates the first rot channels of each head in place; the others are windowed. One invocation per pair, then
// one per two of the remaining channels (an odd last one alone).
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "spec.glsl"
#include "bind.glsl"

layout(push_constant) uniform P { uint heads, head_dim, rot, halves, yrow, pos, table; };

void main() {
    uint pairs = (head_dim + 1u) / 2u, id = group_x() * 64u + gl_LocalInvocationIndex, r = gl_WorkGroupID.y;
    if (id >= heads * pairs) return;
    uint i = id % pairs, x0 = r * yrow + id / pairs * head_dim, half_rot = rot / 2u;
    if (i < half_rot) {
        uint a = halves != 0u ? i : 2u * i, b = halves != 0u ? i + half_rot : 2u * i + 1u;
        uint t = table + 2u * (uint(IN[pos + r]) * half_rot + i);
        float c = F(C[t]), s = F(C[t + 1u]), u = window(Y[x0 + a]), v = window(Y[x0 + b]);
        Y[x0 + a] = U(cut(u * c - v * s));
        Y[x0 + b] = U(cut(u * s + v * c));
    } else {
        uint a = 2u * i;
        Y[x0 + a] = U(window(Y[x0 + a]));
        if (a + 1u < head_dim) Y[x0 + a + 1u] = U(window(Y[x0 + a + 1u]));
    }
}
