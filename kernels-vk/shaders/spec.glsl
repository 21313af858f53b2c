// spec.glsl - the functions of docs/numerics.md sections 1 and 2. Every float operation of the modules gets NoContraction
// from tools/spv_tool.c after compilation; no function here may use what section 1 forbids.
#ifndef SPEC_GLSL
#define SPEC_GLSL

#define F(u) uintBitsToFloat(u)
#define U(f) floatBitsToUint(f)

const uint LOW = 0x26800000u;  // 2^-50
const uint HIGH = 0x58800000u; // 2^50

// Takes bits, not a float: a load must not be able to flush or quiet anything.
float window(uint bits) {
    uint m = bits & 0x7fffffffu;
    return m < LOW ? 0.0 : F((bits & 0x80000000u) | min(m, HIGH));
}

float cut(float y) { return (U(y) & 0x7fffffffu) < LOW ? 0.0 : y; }

// An integer key with the order of the floats, -0 as +0.
int key(uint bits) { return (bits & 0x80000000u) == 0u ? int(bits) : -int(bits & 0x7fffffffu); }

float half_float(uint h) {
    uint m = min(h & 0x7fffu, 0x7bffu);
    float small = float(int(m)) * F(0x33800000u); // subnormal: m * 2^-24
    uint bits = m < 0x400u ? U(small) : (m << 13) + 0x38000000u;
    return F(bits | (h & 0x8000u) << 16);
}

int rne(float x) { return int(U(x + 12582912.0) - 0x4B400000u); }

float wide(int i) { return float(i >> 12) * 4096.0 + float(i & 4095); }

float rcp(float a) {
    float x = F(0x7EF311C7u - U(a));
    x = x * (2.0 - a * x);
    x = x * (2.0 - a * x);
    return x * (2.0 - a * x);
}

float rsqrt(float a) {
    float x = F(0x5F375A86u - (U(a) >> 1)), h = 0.5 * a;
    x = x * (1.5 - (h * x) * x);
    x = x * (1.5 - (h * x) * x);
    return x * (1.5 - (h * x) * x);
}

float expo(float x) {
    if (x < -40.0) return 0.0;
    int t = rne(x * F(0x3FB8AA3Bu));
    float f = float(t);
    float r = (x - f * F(0x3F318000u)) - f * F(0xB95E8083u);
    float p = F(0x3AB511E8u);
    p = p * r + F(0x3C091D10u);
    p = p * r + F(0x3D2AAC79u);
    p = p * r + F(0x3E2AAA49u);
    p = p * r + F(0x3EFFFFFEu);
    p = p * r + 1.0;
    p = p * r + 1.0;
    return F(U(p) + (uint(t) << 23));
}

float silu(float x) {
    float e = expo(F(U(x) | 0x80000000u));
    float r = rcp(1.0 + e);
    return x >= 0.0 ? x * r : x * (e * r);
}

#endif
