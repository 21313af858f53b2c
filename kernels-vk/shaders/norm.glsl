// norm.glsl - the factor r of rms_norm: 256 partial sums and a binary tree in the order of docs/numerics.md section 5.
// 256 invocations; called from uniform control flow.
#include "spec.glsl"
shared float norm_part[256];

float norm_factor(uint x0, uint n, float inv_n, float eps) {
    uint l = gl_LocalInvocationIndex;
    float p = 0.0;
    for (uint i = l; i < n; i += 256u) {
        float x = window(X[x0 + i]);
        p = p + x * x;
    }
    norm_part[l] = p;
    barrier();
    for (uint step = 128u; step > 0u; step >>= 1) {
        if (l < step) norm_part[l] = norm_part[l] + norm_part[l + step];
        barrier();
    }
    float t = norm_part[0] * inv_n + eps;
    barrier();
    return rsqrt(F(max(U(t), 0x0D800000u))); // not below 2^-100
}

float norm_one(uint bits, float r, uint w) { return cut((window(bits) * r) * window(w)); }
