// attention.comp - steps 1 to 3 of docs/numerics.md section 7 for one page of the cache: one workgroup per (page, HT heads
// that share a KV head, row). Writes m_c, l_c and o_c to the work space; attention_join.comp adds the pages up.
// Invocation t has position t of the page for the scores; for the values the invocations are SPLIT parts of the page times
// 256 / SPLIT channels.
#version 460
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 256) in;
layout(constant_id = 1) const uint HT = 1;     // heads per workgroup
layout(constant_id = 2) const uint PAIRS = 64; // of channels
layout(constant_id = 3) const uint SPLIT = 1;  // 1, 2, 4 or 8
#include "bind.glsl"
#include "join.glsl"

layout(push_constant) uniform P {
    uint heads, kv_heads, head_dim, qrow, row0;  // row0: first row of this dispatch
    uint pos, seq, pages, max_pages, work_pages; // offsets in the inputs; pages per row of the work space
    uint dk, v, dv, sub;
    float scale;
    uint first_page, n_pages; // of the cache, those that are bound
};

const uint GROUPS = (PAIRS + 15u) / 16u;
const uint PART = 8u / SPLIT; // sub-blocks per part

shared uint q_max[HT * GROUPS];
shared uint q_code[HT * PAIRS];
shared uint score[HT * 256u]; // s, then codes of p
shared int top[HT];           // m_c as key
shared int total[HT];         // l_c
shared uint sub_max[HT * 8u]; // A
shared float part[SPLIT > 1u ? 16u * PAIRS : 1u];

void load_q(uint t, uint q0) {
    for (uint i = t; i < HT * GROUPS; i += 256u) q_max[i] = 0u;
    if (t < HT) {
        top[t] = 0x80000000;
        total[t] = 0;
    }
    if (t < HT * 8u) sub_max[t] = 0u;
    barrier();
    for (uint i = t; i < HT * head_dim; i += 256u)
        atomicMax(q_max[i / head_dim * GROUPS + (i % head_dim >> 5)], U(window(X[q0 + i])) & 0x7fffffffu);
    barrier();
    for (uint i = t; i < HT * PAIRS; i += 256u) {
        uint h = i / PAIRS, c = 2u * (i % PAIRS);
        float k = kv_factor(q_max[h * GROUPS + (c >> 5)]);
        int a = kv_code(window(X[q0 + h * head_dim + c]), k), b = 0;
        if (c + 1u < head_dim) b = kv_code(window(X[q0 + h * head_dim + c + 1u]), k);
        q_code[i] = (uint(a) & 0xffffu) | uint(b) << 16;
    }
    barrier();
}

// Step 1 for position t: s of all heads.
void scores(uint t, uint base, out float s[HT]) {
    for (uint h = 0u; h < HT; h++) s[h] = 0.0;
    for (uint g = 0u; g < GROUPS; g++) {
        int dot[HT];
        for (uint h = 0u; h < HT; h++) dot[h] = 0;
        for (uint p = g * 16u; p < min(g * 16u + 16u, PAIRS); p++) {
            uint k = KV[base + p * 32u + (t & 31u)];
            for (uint h = 0u; h < HT; h++) {
                uint q = q_code[h * PAIRS + p];
                dot[h] += low16(q) * low16(k) + high16(q) * high16(k);
            }
        }
        float d = F(KV[base + dk + g * 32u + (t & 31u)]);
        for (uint h = 0u; h < HT; h++) s[h] = s[h] + (kv_scale(q_max[h * GROUPS + g]) * d) * wide(dot[h]);
    }
    for (uint h = 0u; h < HT; h++) s[h] = s[h] * scale;
}

// Step 2, and the codes of step 3.
void weights(uint t, uint base, bool live) {
    float dv_t = live ? F(KV[base + dv + (t & 31u)]) : 0.0, a[HT];
    for (uint h = 0u; h < HT; h++) {
        float x = live ? F(score[h * 256u + t]) - unkey(top[h]) : -100.0;
        float p = x < -24.0 ? 0.0 : expo(x);
        if (live) atomicAdd(total[h], rne(p * 4194304.0));
        a[h] = p * dv_t;
        if (live) atomicMax(sub_max[h * 8u + (t >> 5)], U(a[h]));
    }
    barrier();
    for (uint h = 0u; h < HT; h++) {
        uint big = sub_max[h * 8u + (t >> 5)];
        score[h * 256u + t] = big == 0u ? 0u : uint(min(rne(a[h] * (8191.0 * rcp(F(big)))), 8191));
    }
    barrier();
}

// o_b of sub-block b and channel c for all heads; 0 where A is 0.
void values(uint b, uint c, uint page0, out float o[HT]) {
    int sum[HT];
    for (uint h = 0u; h < HT; h++) sum[h] = 0;
    for (uint p = 0u; p < 16u; p++) {
        uint w = KV[page0 + b * sub + v + p * 2u * PAIRS + c];
        for (uint h = 0u; h < HT; h++) {
            uint i = h * 256u + b * 32u + 2u * p;
            sum[h] += int(score[i]) * low16(w) + int(score[i + 1u]) * high16(w);
        }
    }
    for (uint h = 0u; h < HT; h++) o[h] = (F(sub_max[h * 8u + b]) * F(0x39000400u)) * wide(sum[h]);
}

void main() {
    uint t = gl_LocalInvocationIndex, c = gl_WorkGroupID.x, tile = gl_WorkGroupID.y, r = gl_WorkGroupID.z;
    uint row = row0 + r, last = uint(IN[pos + row]);
    if (c * 256u > last) return;
    uint head = tile * HT, kv_head = head / (heads / kv_heads);
    uint page = uint(IN[pages + uint(IN[seq + row]) * max_pages + c]) - first_page;
    if (page >= n_pages) return;
    uint page0 = (page * kv_heads + kv_head) * 8u * sub, base = page0 + (t >> 5) * sub;
    bool live = c * 256u + t <= last;
    load_q(t, row * qrow + head * head_dim);
    if (live) {
        float s[HT];
        scores(t, base, s);
        for (uint h = 0u; h < HT; h++) {
            score[h * 256u + t] = U(s[h]);
            atomicMax(top[h], key(U(s[h])));
        }
    }
    barrier();
    weights(t, base, live);

    uint out0 = ((r * heads + head) * work_pages + c) * (head_dim + 2u), step = work_pages * (head_dim + 2u);
    if (t < HT) {
        Z[out0 + t * step] = uint(top[t]);
        Z[out0 + t * step + 1u] = uint(total[t]);
    }
    uint blocks = min((last - c * 256u) / 32u + 1u, 8u); // later ones hold nothing for this row
    uint lanes = 256u / SPLIT, first = t / lanes * PART;
    if (SPLIT == 1u) {
        for (uint ch = t; ch < head_dim; ch += 256u) {
            float sum[HT], o[HT];
            for (uint h = 0u; h < HT; h++) sum[h] = 0.0;
            for (uint b = 0u; b < blocks; b++) {
                values(b, ch, page0, o);
                for (uint h = 0u; h < HT; h++) sum[h] = sum[h] + o[h];
            }
            for (uint h = 0u; h < HT; h++) Z[out0 + h * step + 2u + ch] = U(cut(sum[h]));
        }
        return;
    }
    uint ch = t % lanes;
    float o[PART * HT];
    for (uint b = 0u; b < PART; b++) {
        float one[HT];
        for (uint h = 0u; h < HT; h++) one[h] = 0.0;
        if (ch < head_dim && first + b < blocks) values(first + b, ch, page0, one);
        for (uint h = 0u; h < HT; h++) o[b * HT + h] = one[h];
    }
    for (uint h = 0u; h < HT; h++) {
        if (ch < head_dim)
            for (uint b = 0u; b < PART; b++) part[(first + b) * head_dim + ch] = o[b * HT + h];
        barrier();
        if (t < head_dim) {
            float sum = 0.0;
            for (uint b = 0u; b < 8u; b++) sum = sum + part[b * head_dim + t];
            Z[out0 + h * step + 2u + t] = U(cut(sum));
        }
        barrier();
    }
}
