// divide.comp - the SPIR-V checker must refuse this.
#version 460
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer B { float x[]; };
void main() {
    uint i = gl_GlobalInvocationID.x;
    float a = x[i], b = x[i + 1u], c = x[i + 2u], f;
    f = a / b;
    x[i] = f;
}
