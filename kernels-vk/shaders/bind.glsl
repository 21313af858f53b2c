// bind.glsl - the eight storage buffers every shader may use, by role. The host binds a dummy where a shader has no use for one.
#ifndef BIND_GLSL
#define BIND_GLSL

layout(set = 0, binding = 0) readonly buffer BufW { uint W[]; };   // weights, GGUF's blocks
layout(set = 0, binding = 0) readonly buffer BufW4 { uvec4 W4[]; };
layout(set = 0, binding = 1) buffer BufX { uint X[]; };            // first input
layout(set = 0, binding = 1) buffer BufX4 { uvec4 X4[]; };
layout(set = 0, binding = 2) buffer BufY { uint Y[]; };            // output
layout(set = 0, binding = 3) buffer BufB { uint B[]; };            // second input
layout(set = 0, binding = 4) readonly buffer BufIn { int IN[]; };  // what changes from run to run
layout(set = 0, binding = 5) readonly buffer BufC { uint C[]; };   // constants: norm weight, bias, angles
layout(set = 0, binding = 6) buffer BufKV { uint KV[]; };          // one layer of the cache
layout(set = 0, binding = 7) buffer BufZ { uint Z[]; };            // second output, or work space

// A grid wider than the device allows in x continues in z.
uint group_x() { return gl_WorkGroupID.z * gl_NumWorkGroups.x + gl_WorkGroupID.x; }

#endif
