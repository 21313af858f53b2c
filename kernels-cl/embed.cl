/* embed: out[r] = row token[r] of w, de-quantised and cut. A work-item makes 32 elements of a row.
 * The weight may be in several segments of rows; a launch makes the rows whose token lies in [first, first + rows). */

#ifdef FORM_F32
INLINE void embed_unit(bytes_in w, uint unit, uint n, global float *out) {
    for (uint i = unit * 32; i < min(n, unit * 32 + 32); i++) out[i] = cut(number(w, i));
}
#else
/* 16 codes of a piece as floats: d * code, and what is added. */
INLINE void embed_piece(uint4 codes, float d, float m, global float *out) {
#if defined(TABLE_LOW) || defined(TYPE_Q8_0)
    float16 c = convert_float16(convert_int16(as_char16(codes)));
#else
    float16 c = convert_float16(convert_int16(as_uchar16(codes)) - OFFSET);
#endif
    float16 y = MUL16((float16)d, c);
#ifdef HAS_MIN
    y = y + m;
#endif
    uint16 small = (as_uint16(y) & 0x7fffffffu) < (uint16)SMALL ? (uint16)0xffffffffu : (uint16)0;
    vstore16(as_float16(as_uint16(y) & ~small), 0, out);
}

INLINE void embed_unit(bytes_in w, uint unit, uint n, global float *out) {
    uint4 a, b;
#ifdef FORM_A32
    place at = {w, unit, n / 32};
    float d = scale_of(at), m = 0.0f;
#ifdef HAS_MIN
    m = min_of(at);
#endif
    unpack(at, &a, &b);
    embed_piece(a, d, m, out + unit * 32);
    embed_piece(b, d, m, out + unit * 32 + 16);
#else
    place at = {w, unit / 8, n / 256};
    uint p = unit % 8, ia = PIECE_A(p), ib = PIECE_B(p);
    float d = scale_of(at), ma = 0.0f, mb = 0.0f;
#ifdef HAS_MIN
    float dmin = min_of(at);
    ma = -MUL(dmin, convert_float(sub_min(at, ia)));
    mb = -MUL(dmin, convert_float(sub_min(at, ib)));
#endif
    unpack(at, p, &a, &b);
    embed_piece(a, d * convert_float(sub_scale(at, ia)), ma, out + unit / 8 * 256 + ia * 16);
    embed_piece(b, d * convert_float(sub_scale(at, ib)), mb, out + unit / 8 * 256 + ib * 16);
#endif
}
#endif

#if defined(ONLY_embed) || !(defined(GROUP) || defined(ONLY_matmul_item_3))
kernel void embed(bytes_in w, ulong w_at, uint w_row, uint first, uint rows, global const int *in, uint token_at, bytes_out arena, ulong out_at,
                  uint out_row, uint n) {
    uint unit = get_global_id(0), r = get_global_id(1);
    uint t = (uint)in[token_at + r] - first;
    if (unit * 32 >= n || t >= rows) return;
    embed_unit(w + w_at + (ulong)t * w_row, unit, n, row_f(arena, out_at, r, out_row));
}
#endif
