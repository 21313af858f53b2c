/* witness: what a device must get right before its results are believed (docs/numerics.md). One work-item per probe row;
 * out[i] must be the expected bits, computed by the host. The operands come from memory so that no compiler folds them. */
kernel void witness_float(global const uint *a, global const uint *b, global const uint *c, global uint *out) {
    uint i = get_global_id(0);
    float x = as_float(a[i]), y = as_float(b[i]), z = as_float(c[i]);
    float product = MUL(x, y);
    out[6 * i] = as_uint(x + y);
    out[6 * i + 1] = as_uint(x - y);
    out[6 * i + 2] = as_uint(product);
    out[6 * i + 3] = as_uint(MUL(x, y) + z);
    out[6 * i + 4] = as_uint(z - MUL(x, y));
    out[6 * i + 5] = as_uint(x * (2.0f - MUL(y, x)));
}

kernel void witness_functions(global const uint *a, global uint *out) {
    uint i = get_global_id(0);
    float x = as_float(a[i]);
    float positive = as_float((a[i] & 0x7fffffffu) % 0x20000000u + 0x30000000u);
    out[8 * i] = as_uint(window(x));
    out[8 * i + 1] = as_uint(cut(x));
    out[8 * i + 2] = as_uint(half_of(a[i] & 0xffffu));
    out[8 * i + 3] = as_uint(wide((int)a[i]));
    out[8 * i + 4] = as_uint(rcp(positive));
    out[8 * i + 5] = as_uint(rsqrt_of(positive));
    out[8 * i + 6] = as_uint(exp_of(-as_float((a[i] & 0x00ffffffu) + 0x41000000u), -40.0f));
    out[8 * i + 7] = (uint)key_of(x);
}

/* Integers, conversions and single bytes. */
kernel void witness_integer(global const uint *a, global uint *out, global uchar *byte) {
    uint i = get_global_id(0);
    int v = (int)a[i];
    out[4 * i] = as_uint(convert_float(v >> 8));
    out[4 * i + 1] = (uint)rne(convert_float(v >> 12) * 0.25f);
    out[4 * i + 2] = (uint)dot4(a[i], a[i] * 2654435761u, v >> 4);
    out[4 * i + 3] = (uint)((v >> 3) + (int)(a[i] >> 29) + (v & 0xfff) * -7);
    byte[i] = (uchar)(a[i] >> 5);
}

/* Sums of products of neighbours (pairs.cl). */
kernel void witness_pairs(global const uint *a, global uint *out) {
    uint i = get_global_id(0);
    uint8 x = (uint8)a[i] * (uint8)(1, 3, 5, 7, 9, 11, 13, 15), y = x * 2654435761u;
    uint8 z = (y & 0x7e7e7e7eu) ^ (uint8)(0, ~0u, 0, ~0u, 0, ~0u, 0, ~0u); /* bytes from -127 to 127 */
    out[3 * i] = (uint)sum_of(pairs16(as_short16(x & 0x1fff1fffu), as_short16(y)));
    out[3 * i + 1] = (uint)sum_of(pairs16(pairs_u8(x & 0x3f3f3f3fu, z), (short16)3));
    out[3 * i + 2] = (uint)sum_of(pairs16(pairs_s8(x, z), (short16)-5));
}

/* Sums of 9 to 63 terms in their order, as a work-item alone and among others has them. */
kernel void witness_sums(global const uint *a, global const uint *b, global uint *out) {
    uint i = get_global_id(0), first = i / 2, n = 9 + i % 55;
    float plain = 0.0f, products = 0.0f, apart = 0.0f;
    IN_ORDER
    for (uint k = 0; k < n; k++) plain = plain + as_float(a[first + k]);
    IN_ORDER
    for (uint k = 0; k < n; k++) products = products + MUL(as_float(a[first + k]), as_float(b[first + k]));
    IN_ORDER
    for (uint k = 0; k < n * 8; k += 8) apart = apart + as_float(b[first + k]);
    out[3 * i] = as_uint(plain);
    out[3 * i + 1] = as_uint(products);
    out[3 * i + 2] = as_uint(apart);
}
