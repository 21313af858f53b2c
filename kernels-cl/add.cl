/* add: out = a + b, or a + bias. */
kernel void add(bytes_out arena, ulong a_at, uint a_row, ulong b_at, uint b_row, ulong out_at, uint out_row, uint n) {
    uint i = get_global_id(0), r = get_global_id(1);
    if (i >= n) return;
    row_f(arena, out_at, r, out_row)[i] = window(row_f(arena, a_at, r, a_row)[i]) + window(row_f(arena, b_at, r, b_row)[i]);
}

kernel void add_bias(bytes_in w, ulong w_at, bytes_out arena, ulong a_at, uint a_row, ulong out_at, uint out_row, uint n) {
    uint i = get_global_id(0), r = get_global_id(1);
    if (i >= n) return;
    row_f(arena, out_at, r, out_row)[i] = window(row_f(arena, a_at, r, a_row)[i]) + window(((global const float *)(w + w_at))[i]);
}
