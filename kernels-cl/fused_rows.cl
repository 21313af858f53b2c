/* fused_rows: operations that follow each other, in one launch. Every operation's result is written as it would be alone, so
 * that nothing depends on whether they were fused. */

/* Groups [first, last) of 32 elements of a row in form FORM (0 F32, 1 A32, 2 A256), by the whole work-group. */
#ifdef FORM
TOGETHER void quantize_span(global const float *x, bytes_out out, act lay, uint first, uint last, local quantize_memory *t) {
#if FORM == 2 && defined(SPREAD_ON)
    spread_a256(x, out, lay, first, last, t);
#elif FORM == 1 && defined(SPREAD_ON)
    spread_a32(x, out, lay, first, last, t);
#elif FORM == 2
    quantize_rows_a256(x, out, lay, first, last, t->most);
#elif FORM == 1
    for (uint g = first + get_local_id(0); g < last; g += WG) group_a32(x, out, lay, g);
#else
    for (uint i = first * 32 + get_local_id(0); i < last * 32; i += WG) ((global float *)out)[i] = window(x[i]);
#endif
}
#endif

#if defined(FORM) && !defined(HEAD_DIM)
/* rms_norm of whole rows, then quantize; before them, when a_row is not 0, the sum x = a + b. One work-group per row. */
kernel WORK_GROUP
void norm_quantize(bytes_in w, ulong w_at, bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, float eps, float inv_n,
                   ulong q_at, uint q_row, uint d, uint f, uint s, ulong a_at, uint a_row, ulong b_at, uint b_row) {
    local norm_memory m;
    local quantize_memory t;
    uint r = get_global_id(1);
    act lay = {d, f, s};
    global float *x = row_f(arena, x_at, r, x_row), *out = row_f(arena, out_at, r, out_row);
    if (a_row) {
        global const float *a = row_f(arena, a_at, r, a_row), *b = row_f(arena, b_at, r, b_row);
        for (uint i = get_local_id(0); i < n; i += WG) x[i] = window(a[i]) + window(b[i]);
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    norm_row(x, (global const float *)(w + w_at), out, n, eps, inv_n, &m);
    barrier(CLK_GLOBAL_MEM_FENCE);
    quantize_span(out, arena + q_at + (ulong)r * q_row, lay, 0, n / 32, &t);
}

/* glu, then quantize, SPAN groups of 32 elements per work-group. */
#define SPAN (WG < 8 ? 8 : WG > 32 ? 32 : WG)

kernel WORK_GROUP
void glu_quantize(bytes_out arena, ulong gate_at, uint gate_row, ulong up_at, uint up_row, ulong out_at, uint out_row, uint n, ulong q_at,
                  uint q_row, uint d, uint f, uint s) {
    local quantize_memory t;
    uint r = get_global_id(1), first = get_group_id(0) * SPAN, last = min(first + SPAN, n / 32);
    act lay = {d, f, s};
    global const float *gate = row_f(arena, gate_at, r, gate_row), *up = row_f(arena, up_at, r, up_row);
    global float *out = row_f(arena, out_at, r, out_row);
    for (uint i = first * 32 + get_local_id(0); i < last * 32; i += WG) out[i] = glu_of(gate[i], up[i]);
    barrier(CLK_GLOBAL_MEM_FENCE);
    quantize_span(out, arena + q_at + (ulong)r * q_row, lay, first, last, &t);
}
#endif
