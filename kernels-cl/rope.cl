/* rope: rotates pairs of channels by the position's angles, in place; the other channels are windowed.
 * A work-item has one pair, or one of the other channels, of one head: rot / 2 + head_dim - rot items a head. */
INLINE void rope_item(global float *x, global const float *angle, uint head_dim, uint rot, uint halves, uint i) {
    uint pairs = rot / 2;
    if (i >= pairs) {
        x[i + pairs] = window(x[i + pairs]);
        return;
    }
    uint i0 = halves ? i : 2 * i, i1 = halves ? i + pairs : 2 * i + 1;
    float c = angle[2 * i], s = angle[2 * i + 1], x0 = window(x[i0]), x1 = window(x[i1]);
    x[i0] = cut(MUL(x0, c) - MUL(x1, s));
    x[i1] = cut(MUL(x0, s) + MUL(x1, c));
}

#ifndef HEAD_DIM /* the program of the cache only takes the functions */
kernel void rope(global const int *in, uint pos_at, global const float *table, bytes_out arena, ulong x_at, uint x_row, uint heads, uint head_dim,
                 uint rot, uint halves) {
    uint id = get_global_id(0), r = get_global_id(1), items = head_dim - rot / 2;
    uint head = id / items;
    if (head >= heads) return;
    rope_item(row_f(arena, x_at, r, x_row) + head * head_dim, table + (ulong)in[pos_at + r] * rot, head_dim, rot, halves, id % items);
}
#endif
