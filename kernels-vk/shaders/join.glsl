// join.glsl - step 4 of docs/numerics.md section 7 for one channel: the pages of a row added up in order. The work space (Z) holds
// per row, head and page: m_c as key, l_c, o_c of all channels.
#include "kv.glsl"

float unkey(int k) { return F(k >= 0 ? uint(k) : uint(-k) | 0x80000000u); }

float join(uint r, uint head, uint ch, uint last, uint heads, uint head_dim, uint work_pages) {
    uint pages = (last >> 8) + 1u, step = head_dim + 2u, in0 = (r * heads + head) * work_pages * step;
    int top = int(Z[in0]);
    for (uint c = 1u; c < pages; c++) top = max(top, int(Z[in0 + c * step]));
    float most = unkey(top), o = 0.0, l = 0.0;
    for (uint c = 0u; c < pages; c++) {
        uint at = in0 + c * step;
        float x = unkey(int(Z[at])) - most, e = x < -24.0 ? 0.0 : expo(x);
        l = l + e * wide(int(Z[at + 1u]));
        o = o + e * F(Z[at + 2u + ch]);
    }
    return cut((o * rcp(l)) * 4194304.0);
}
