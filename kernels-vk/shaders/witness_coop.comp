// witness_coop.comp - one integer cooperative product per subgroup, and where an invocation finds its elements. W: FRAG_R rows, then
// FRAG_C columns, of FRAG_K bytes. Y: the product, row by row, written by element numbers; then how often each was written.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_NV_cooperative_matrix : require
#extension GL_NV_integer_cooperative_matrix : require
layout(local_size_x_id = 0) in;
layout(constant_id = 6) const uint EACH = 8;
layout(constant_id = 10) const uint FRAG_R = 16;
layout(constant_id = 11) const uint FRAG_C = 16;
layout(constant_id = 12) const uint FRAG_K = 32;
#include "bind.glsl"

const uint STRIDE = 12u;
shared uint rows[FRAG_R * STRIDE];
shared uint cols[FRAG_C * STRIDE];
shared int numbers[FRAG_R * FRAG_C];
shared uint hits[FRAG_R * FRAG_C];

void main() {
    uint t = gl_SubgroupInvocationID, words = FRAG_K / 4u; // the workgroup is one subgroup
    for (uint i = t; i < FRAG_R * words; i += gl_SubgroupSize) rows[i / words * STRIDE + i % words] = W[i];
    for (uint i = t; i < FRAG_C * words; i += gl_SubgroupSize) cols[i / words * STRIDE + i % words] = W[FRAG_R * words + i];
    for (uint i = t; i < FRAG_R * FRAG_C; i += gl_SubgroupSize) {
        numbers[i] = int(i);
        hits[i] = 0u;
    }
    barrier();
    icoopmatNV<8, gl_ScopeSubgroup, FRAG_R, FRAG_K> x;
    icoopmatNV<8, gl_ScopeSubgroup, FRAG_K, FRAG_C> w;
    icoopmatNV<32, gl_ScopeSubgroup, FRAG_R, FRAG_C> sum = icoopmatNV<32, gl_ScopeSubgroup, FRAG_R, FRAG_C>(0), number;
    coopMatLoadNV(x, rows, 0u, STRIDE, false);
    coopMatLoadNV(w, cols, 0u, STRIDE, true);
    coopMatLoadNV(number, numbers, 0u, FRAG_C, false);
    sum = coopMatMulAddNV(x, w, sum);
    sum = coopMatMulAddNV(x, w, sum);
    [[unroll]] for (uint e = 0u; e < EACH; e++) {
        uint at = uint(number[e]);
        if (at >= FRAG_R * FRAG_C) continue;
        Y[at] = uint(sum[e]);
        atomicAdd(hits[at], 1u);
    }
    barrier();
    for (uint i = t; i < FRAG_R * FRAG_C; i += gl_SubgroupSize) Y[FRAG_R * FRAG_C + i] = hits[i];
}
