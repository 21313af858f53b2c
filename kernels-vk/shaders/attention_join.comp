// attention_join.comp - adds the pages of a row up in order. One invocation per channel; workgroups of 128 channels of a row's heads.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "bind.glsl"
#include "join.glsl"

layout(push_constant) uniform P { uint heads, head_dim, yrow, row0, pos, work_pages; };

void main() {
    uint r = gl_WorkGroupID.y, ch = gl_WorkGroupID.x * 128u + gl_LocalInvocationIndex, row = row0 + r;
    if (ch >= heads * head_dim) return;
    float o = join(r, ch / head_dim, ch % head_dim, uint(IN[pos + row]), heads, head_dim, work_pages);
    Y[row * yrow + ch] = U(o);
}
