// argmax.comp - index of the largest element of a row by integer key; ties to the lowest index. One workgroup per row.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "spec.glsl"
#include "bind.glsl"

layout(push_constant) uniform P { uint n, xrow, yrow; };

shared int best_key[256];
shared uint best_at[256];

void main() {
    uint l = gl_LocalInvocationIndex, x0 = gl_WorkGroupID.y * xrow, at = 0xffffffffu;
    int best = 0x80000000;
    for (uint i = l; i < n; i += 256u) {
        int k = key(X[x0 + i]);
        if (k > best || at == 0xffffffffu) {
            best = k;
            at = i;
        }
    }
    best_key[l] = best;
    best_at[l] = at;
    barrier();
    for (uint step = 128u; step > 0u; step >>= 1) {
        if (l < step) {
            int k = best_key[l + step];
            uint a = best_at[l + step];
            if (k > best_key[l] || (k == best_key[l] && a < best_at[l])) {
                best_key[l] = k;
                best_at[l] = a;
            }
        }
        barrier();
    }
    if (l == 0u) Y[gl_WorkGroupID.y * yrow] = best_at[0];
}
