// act.glsl - quantize: 16 elements per invocation, 16 invocations per chunk of 256, as docs/numerics.md section 3 says.
// The including shader runs 256 invocations per workgroup and calls act_store from uniform control flow.
#include "spec.glsl"

const uint INV[17] = uint[17](0u, 0x3F800000u, 0x3F000000u, 0x3EAAAAABu, 0x3E800000u, 0x3E4CCCCDu, 0x3E2AAAABu, 0x3E124925u,
                              0x3E000000u, 0x3DE38E39u, 0x3DCCCCCDu, 0x3DBA2E8Cu, 0x3DAAAAABu, 0x3D9D89D9u, 0x3D924925u,
                              0x3D888889u, 0x3D800000u);

// 1 / (1 + c / 128): the scales a group of 32 may take above amax / 127 (A32).
const uint SHRINK[4] = uint[4](0x3F800000u, 0x3F7E03F8u, 0x3F7C0FC1u, 0x3F7A232Du);

shared uint act_max[256];
shared int act_sum[256];
shared ivec4 act_error[256];

struct ActLayout { uint form, q, d, f, s; }; // word offsets in a row; form: 0 F32, 1 A32, 2 A256

// The squared rounding error of 16 codes in units of 1/64 of a code.
int act_error_of(float v[16], float k) {
    int sum = 0;
    for (uint i = 0u; i < 16u; i++) {
        float t = v[i] * k;
        int u = rne((t - float(rne(t))) * 64.0);
        sum += u * u;
    }
    return sum;
}

// The best of the four scales for the group of this invocation and its neighbour; the first of equals.
int act_best(float v[16], float k) {
    uint t = gl_LocalInvocationIndex;
    ivec4 e;
    for (int c = 0; c < 4; c++) e[c] = act_error_of(v, k * F(SHRINK[c]));
    act_error[t] = e;
    barrier();
    e = act_error[t & ~1u] + act_error[t | 1u];
    int best = 0, least = e[0] * (128 * 128);
    for (int c = 1; c < 4; c++) {
        int error = e[c] * (128 + c) * (128 + c);
        if (error < least) {
            least = error;
            best = c;
        }
    }
    return best;
}

// v: 16 windowed elements k0 .. k0+15 of a row that starts at word `row` of the output; elements at or beyond n are 0 and not
// stored. Which output is a macro: ACT_OUT(word index) = value.
void act_store(ActLayout a, uint row, uint k0, uint n, float v[16]) {
    uint t = gl_LocalInvocationIndex;
    if (a.form == 0u) {
        for (uint i = 0u; i < 16u; i++)
            if (k0 + i < n) ACT_OUT[row + k0 + i] = U(v[i]);
        return;
    }
    uint m = 0u;
    for (uint i = 0u; i < 16u; i++) m = max(m, U(v[i]) & 0x7fffffffu);
    act_max[t] = m;
    barrier();
    uint ga = max(act_max[t & ~1u], act_max[t | 1u]), top = ga;
    if (a.form == 2u)
        for (uint i = 0u; i < 16u; i++) top = max(top, act_max[(t & ~15u) + i]);
    bool live = top >= LOW;
    float big = live ? F(top) : 1.0; // 1: keeps rcp inside its range, unused otherwise
    float r = rcp(big), k;
    int f = 1, c = 0;
    if (a.form == 2u) {
        f = clamp(rne((16.0 * r) * F(ga) + 0.5), 1, 16);
        k = (2032.0 * r) * F(INV[f]);
    } else {
        k = 127.0 * r;
        c = act_best(v, k);
        k = k * F(SHRINK[c]);
    }
    int sum = 0;
    uint words[4];
    for (uint w = 0u; w < 4u; w++) {
        words[w] = 0u;
        for (uint i = 0u; i < 4u; i++) {
            int q = live ? clamp(rne(v[4u * w + i] * k), -127, 127) : 0;
            sum += q;
            words[w] |= (uint(q) & 0xffu) << (8u * i);
        }
    }
    if (!live) f = 1;
    act_sum[t] = sum * f;
    barrier();
    act_max[t] = uint(f);
    barrier();
    if (k0 < n) {
        for (uint w = 0u; w < 4u; w++) ACT_OUT[row + a.q + k0 / 4u + w] = words[w];
        if (a.form == 2u) {
            if ((t & 15u) == 0u) ACT_OUT[row + a.d + k0 / 256u] = U(live ? big * F(0x3A010204u) : 0.0);
            if ((t & 7u) == 0u)
                ACT_OUT[row + a.f + k0 / 128u] = act_max[t] | act_max[t + 2u] << 8 | act_max[t + 4u] << 16 | act_max[t + 6u] << 24;
            if ((t & 1u) == 0u) ACT_OUT[row + a.s + k0 / 32u] = (uint(act_sum[t]) & 0xffffu) | uint(act_sum[t + 1u]) << 16;
        } else {
            if ((t & 1u) == 0u) ACT_OUT[row + a.d + k0 / 32u] = U(live ? (big * F(0x3C010204u)) * (1.0 + float(c) * 0.0078125) : 0.0);
            if ((t & 3u) == 0u) {
                uint w = row + a.s + k0 / 64u, s = uint(act_sum[t] + act_sum[t + 1u]) & 0xffffu;
                // an odd last group leaves the other half of its word alone
                uint other = k0 + 32u < n ? uint(act_sum[t + 2u] + act_sum[t + 3u]) << 16 : ACT_OUT[w] & 0xffff0000u;
                ACT_OUT[w] = s | other;
            }
        }
    }
    barrier(); // the arrays may be used again
}
