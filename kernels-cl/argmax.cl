/* argmax: index of the largest element by key, the lowest where several are equal. One work-group of WG items per row. */
typedef struct candidate { int key; uint at; } candidate;

INLINE candidate better(candidate a, candidate b) {
    candidate best = a;
    if (b.key > a.key || (b.key == a.key && b.at < a.at)) best = b;
    return best;
}

kernel WORK_GROUP
void argmax(bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n) {
    local candidate found[OVER];
    uint lid = get_local_id(0), r = get_global_id(1);
    global const float *x = row_f(arena, x_at, r, x_row);
    candidate best = {INT_MIN, 0xffffffffu};
    for (uint i = lid; i < n; i += WG) {
        candidate c = {key_of(x[i]), i};
        best = better(best, c);
    }
#ifdef SG
    local uint near[NEAR];
    for (uint step = SG / 2; step > 0; step /= 2) {
        candidate other;
        other.key = as_int(from_lane(as_uint(best.key), LANE ^ step, near));
        other.at = from_lane(best.at, LANE ^ step, near);
        best = better(best, other);
    }
    if (LANE == 0) found[lid / SG] = best;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = 0; i < ITEMS / SG; i++) best = better(best, found[i]);
#else
    found[lid] = best;
    for (uint step = ITEMS / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < step) found[lid] = better(found[lid], found[lid + step]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    best = found[0];
#endif
    if (lid == 0) *(global int *)row_f(arena, out_at, r, out_row) = (int)best.at;
}
