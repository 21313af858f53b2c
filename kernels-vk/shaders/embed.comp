// embed.comp - out[r] = row token[r] of W as float (docs/numerics.md, section 5). One invocation per 32 elements.
// A part of a tensor holds rows m0 .. m0 + m - 1; tokens of other parts are left to their dispatch.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "types.glsl"

layout(push_constant) uniform P {
    uint n, units, m0, m, wbase, wrow, yrow, token; // units: lanes per row; wbase, wrow: bytes; yrow, token: words
};

void main() {
    types_begin();
    uint unit = group_x() * 64u + gl_LocalInvocationIndex, r = gl_WorkGroupID.y;
    uint t = uint(IN[token + r]) - m0;
    if (unit >= units || t >= m) return;
    uint row = wbase + t * wrow, out0 = r * yrow;
#ifdef FORM_F32
    for (uint i = 0u; i < 32u && unit * 32u + i < n; i++) {
        uint k = unit * 32u + i;
        Y[out0 + k] = U(cut(weight_at(row, k)));
    }
#else
    uint c = unit >> 3, lane = unit & 7u;
    Lane l;
#ifdef FORM_A256
    unpack(Block(row, c, units >> 3), lane, l);
#else
    unpack(Block(row, unit, units), lane, l);
#endif
    uint k0 = c * 256u + XO0(lane);
    for (uint i = 0u; i < 32u; i++) {
        uint w = l.w[i >> 2] >> ((i & 3u) * 8u) & 0xffu;
#ifdef SIGNED
        int code = int(w << 24) >> 24;
#else
        int code = int(w) - OFF;
#endif
#ifdef FORM_A256
        float y = (l.d * float(i < 16u ? l.sc0 : l.sc1)) * float(code);
#ifdef MINS
        y = y - l.m * float(i < 16u ? l.m0 : l.m1);
#endif
#elif defined(MINS)
        float y = l.d * float(code) + l.m;
#else
        float y = l.d * float(code);
#endif
        Y[out0 + k0 + (i & 15u) + (i < 16u ? 0u : XSTEP)] = U(cut(y));
    }
#endif
}
