/* glu: out = silu(gate) * up. */
INLINE float glu_of(float gate, float up) { return cut(silu(window(gate)) * window(up)); }

kernel void glu(bytes_out arena, ulong gate_at, uint gate_row, ulong up_at, uint up_row, ulong out_at, uint out_row, uint n) {
    uint i = get_global_id(0), r = get_global_id(1);
    if (i >= n) return;
    row_f(arena, out_at, r, out_row)[i] = glu_of(row_f(arena, gate_at, r, gate_row)[i], row_f(arena, up_at, r, up_row)[i]);
}
