/* repack: weight rows as in the file to rows sorted by field (blocks.cl). A work-item moves one block.
 * A field is (offset in the file's block, offset in the sorted one, bytes, 0); unused ones have no bytes. */
INLINE void move_field(bytes_in from, bytes_out to, uint b, uint nb, uint4 field) {
    bytes_in src = from + field.x;
    bytes_out dst = to + nb * field.y + b * field.z;
    for (uint i = 0; i < field.z; i++) dst[i] = src[i];
}

kernel void repack(bytes_in src, uint src_row, bytes_out dst, ulong dst_at, uint dst_row, uint nb, uint block, uint4 f0, uint4 f1, uint4 f2, uint4 f3) {
    uint b = get_global_id(0), r = get_global_id(1);
    if (b >= nb) return;
    bytes_in from = src + (ulong)r * src_row + b * block;
    bytes_out to = dst + dst_at + (ulong)r * dst_row;
    move_field(from, to, b, nb, f0);
    move_field(from, to, b, nb, f1);
    move_field(from, to, b, nb, f2);
    move_field(from, to, b, nb, f3);
}
