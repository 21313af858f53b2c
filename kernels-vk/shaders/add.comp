// add.comp - y = a + b, or a + bias (the bias comes through binding 3 with row stride 0).
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "spec.glsl"
#include "bind.glsl"

layout(push_constant) uniform P { uint n, xrow, brow, yrow, b0; };

void main() {
    uint i = group_x() * 256u + gl_LocalInvocationIndex, r = gl_WorkGroupID.y;
    if (i < n) Y[r * yrow + i] = U(window(X[r * xrow + i]) + window(B[b0 + r * brow + i]));
}
