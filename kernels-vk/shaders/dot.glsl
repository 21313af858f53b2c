// dot.glsl - a's four signed bytes times b's, summed: plain code, or the packed instruction (DOT).
#ifndef DOT_GLSL
#define DOT_GLSL
#ifdef DOT
#extension GL_EXT_spirv_intrinsics : require
// OpSDot with the packed format; capabilities DotProduct and DotProductInput4x8BitPacked
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018], id = 4450)
int op_sdot(uint a, uint b, spirv_literal int packed_4x8);
int dot4(uint a, uint b) { return op_sdot(a, b, 0); }
#else
int sbyte(uint w, int at) { return bitfieldExtract(int(w), at, 8); }
int dot4(uint a, uint b) {
    return sbyte(a, 0) * sbyte(b, 0) + sbyte(a, 8) * sbyte(b, 8) + sbyte(a, 16) * sbyte(b, 16) + sbyte(a, 24) * sbyte(b, 24);
}
#endif
#endif
