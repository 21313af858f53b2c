// glu.comp - y = silu(gate) * up.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "spec.glsl"
#include "bind.glsl"

layout(push_constant) uniform P { uint n, xrow, brow, yrow; };

void main() {
    uint i = group_x() * 256u + gl_LocalInvocationIndex, r = gl_WorkGroupID.y;
    if (i < n) Y[r * yrow + i] = U(cut(silu(window(X[r * xrow + i])) * window(B[r * brow + i])));
}
