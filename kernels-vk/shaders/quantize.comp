// quantize.comp - a row in the activation form of a matrix product; 16 chunks of 256 per workgroup. SOURCE fuses what makes
// the row: 0 nothing, 1 rms_norm (every workgroup computes the whole row's factor for itself), 2 glu, 3 the join of attention's
// pages (attention_join.comp; one chunk per workgroup). The float row is stored as well, as if the operations had run one by one.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
#include "bind.glsl"
#if SOURCE == 3
#define ACT_OUT B
#else
#define ACT_OUT Z
#endif
#include "act.glsl"
#if SOURCE == 1
#include "norm.glsl"
#endif
#if SOURCE == 3
#include "join.glsl"
shared float joined[256];
#endif

layout(push_constant) uniform P {
    uint n, xrow, brow, yrow, zrow, form, q, d, f, s; // rows and offsets in words
    uint w0;                                          // SOURCE 1
    float inv_n, eps;
    uint heads, head_dim, row0, pos, work_pages;      // SOURCE 3
};

#if SOURCE == 3
void main() {
    uint t = gl_LocalInvocationIndex, row = row0 + gl_WorkGroupID.y, ch = gl_WorkGroupID.x * 256u + t;
    joined[t] = 0.0;
    if (ch < n) {
        joined[t] = join(gl_WorkGroupID.y, ch / head_dim, ch % head_dim, uint(IN[pos + row]), heads, head_dim, work_pages);
        Y[row * yrow + ch] = U(joined[t]);
    }
    barrier();
    float v[16];
    for (uint i = 0u; i < 16u; i++) v[i] = t < 16u ? window(U(joined[t * 16u + i])) : 0.0;
    act_store(ActLayout(form, q, d, f, s), row * zrow, t < 16u ? gl_WorkGroupID.x * 256u + t * 16u : n, n, v);
}
#else
void main() {
    uint row = gl_WorkGroupID.y, k0 = group_x() * 4096u + gl_LocalInvocationIndex * 16u;
#if SOURCE == 1
    float r = norm_factor(row * xrow, n, inv_n, eps);
#endif
    float v[16];
    for (uint i = 0u; i < 16u; i++) {
        uint k = k0 + i;
        v[i] = 0.0;
        if (k < n) {
#if SOURCE == 0
            v[i] = window(X[row * xrow + k]);
#else
#if SOURCE == 1
            float y = norm_one(X[row * xrow + k], r, C[w0 + k]);
#else
            float y = cut(silu(window(X[row * xrow + k])) * window(B[row * brow + k]));
#endif
            Y[row * yrow + k] = U(y);
            v[i] = window(U(y));
#endif
        }
    }
    act_store(ActLayout(form, q, d, f, s), row * zrow, k0, n, v);
}
#endif
