// witness.comp - what a device must get right, on operands from the host: W holds four words per item. The host computes the
// same in C and compares. Y: 8 words per item.
#version 460
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUP
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
layout(local_size_x = 64) in;
#include "spec.glsl"
#include "bind.glsl"
#include "dot.glsl"

layout(push_constant) uniform P { uint n; };

void main() {
#ifdef SUBGROUP
    uint i = gl_WorkGroupID.x * 64u + gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
#else
    uint i = gl_WorkGroupID.x * 64u + gl_LocalInvocationIndex;
#endif
    if (i >= n) return; // n is a multiple of 64
    uvec4 u = W4[i];
    float a = F(u.x), b = F(u.y), c = F(u.z);
    float product = a * b, sum = product + c; // one rounding each
    Y[8u * i] = U(product);
    Y[8u * i + 1u] = U(sum);
    Y[8u * i + 2u] = U(a - b * c);
    Y[8u * i + 3u] = U(wide(int(u.w)));
    Y[8u * i + 4u] = U(rcp(F((u.x & 0x007fffffu) | 0x3f800000u)));
    Y[8u * i + 5u] = U(rsqrt(F((u.y & 0x00ffffffu) | 0x3f000000u)));
    Y[8u * i + 6u] = U(expo(-F((u.z & 0x01ffffffu) | 0x40000000u)));
    int d = dot4(u.x, u.w);
#ifdef SUBGROUP
    d += subgroupShuffleXor(d, 1u);
    d += subgroupShuffleXor(d, 2u);
    d += subgroupShuffleXor(d, 4u);
#endif
    Y[8u * i + 7u] = uint(d);
}
