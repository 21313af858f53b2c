// kv.glsl - codes of the kv14 cache (docs/numerics.md, section 7).
#include "spec.glsl"

const uint KV_LOW = 0x30800000u; // 2^-30

// amax: bits of the largest magnitude of the group.
float kv_factor(uint amax) { return amax < KV_LOW ? 0.0 : 8191.0 * rcp(F(amax)); }
float kv_scale(uint amax) { return amax < KV_LOW ? 0.0 : F(amax) * F(0x39000400u); }
int kv_code(float x, float k) { return clamp(rne(x * k), -8191, 8191); }

int low16(uint w) { return int(w << 16) >> 16; }
int high16(uint w) { return int(w) >> 16; }
