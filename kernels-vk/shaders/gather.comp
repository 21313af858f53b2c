// gather.comp - out[i] = x[out_row[i]].
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "bind.glsl"

layout(push_constant) uniform P { uint n, xrow, yrow, out_row; };

void main() {
    uint i = group_x() * 256u + gl_LocalInvocationIndex, r = gl_WorkGroupID.y;
    if (i < n) Y[r * yrow + i] = X[uint(IN[out_row + r]) * xrow + i];
}
