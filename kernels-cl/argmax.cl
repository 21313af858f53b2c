/* argmax: index of the largest element by key, the lowest where several are equal. One work-group of WG items per row. */
kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void argmax(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n) {
    local int keys[WG];
    local uint places[WG];
    uint lid = get_local_id(0), r = get_global_id(1);
    global const float *x = row_f(arena, x_at, r, x_row);
    int best = INT_MIN;
    uint at = 0xffffffffu;
    for (uint i = lid; i < n; i += WG) {
        int k = key_of(x[i]);
        if (k > best || at == 0xffffffffu) best = k, at = i;
    }
    keys[lid] = best;
    places[lid] = at;
    for (uint step = WG / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < step) {
            int k = keys[lid + step];
            uint p = places[lid + step];
            if (k > keys[lid] || (k == keys[lid] && p < places[lid])) keys[lid] = k, places[lid] = p;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lid == 0) *(global int *)row_f(arena, out_at, r, out_row) = (int)places[0];
}
