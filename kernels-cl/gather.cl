/* gather: out[i] = x[out_row[i]], bits as they are. */
kernel void gather(global const int *in, uint list_at, bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n) {
    uint i = get_global_id(0), r = get_global_id(1);
    if (i >= n) return;
    global const uint *x = (global const uint *)row_f(arena, x_at, (uint)in[list_at + r], x_row);
    ((global uint *)row_f(arena, out_at, r, out_row))[i] = x[i];
}
