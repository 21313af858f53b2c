// rms_norm.comp - one workgroup per group of n elements of a row.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "bind.glsl"
#include "norm.glsl"

layout(push_constant) uniform P { uint n, xrow, yrow, w0; float inv_n, eps; };

void main() {
    uint x0 = gl_WorkGroupID.y * xrow + gl_WorkGroupID.x * n, y0 = gl_WorkGroupID.y * yrow + gl_WorkGroupID.x * n;
    float r = norm_factor(x0, n, inv_n, eps);
    for (uint i = gl_LocalInvocationIndex; i < n; i += 256u) Y[y0 + i] = U(norm_one(X[x0 + i], r, C[w0 + i]));
}
