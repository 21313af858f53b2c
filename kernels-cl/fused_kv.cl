/* fused_kv: what happens to queries, keys and values between products and attention, and what happens to its result. */

/* rope of q and of k, then kv_store; before them, with NORMS, the rms_norm of each head in place. One work-group per
 * KV head and row; the query heads are dealt out evenly. */
kernel WORK_GROUP
void rope_store(global const int *in, uint pos_at, uint slot_at, global const float *table, uint rot, uint halves, bytes_out kv, uint heads,
                uint kv_heads, bytes_out arena, ulong q_at, uint q_row, ulong k_at, uint k_row, ulong v_at, uint v_row, bytes_in qw, ulong qw_at,
                bytes_in kw, ulong kw_at, float eps, float inv_n) {
    local kv_memory t;
#ifdef NORMS
    local norm_memory m;
#endif
    uint head = get_group_id(0), r = get_global_id(1), lid = get_local_id(0), slot = (uint)in[slot_at + r], in_page = slot % PAGE;
    uint each = heads / kv_heads, items = HEAD_DIM - rot / 2;
    global const float *angle = table + (ulong)in[pos_at + r] * rot;
    global float *q = row_f(arena, q_at, r, q_row) + head * each * HEAD_DIM, *k = row_f(arena, k_at, r, k_row) + head * HEAD_DIM;
#ifdef NORMS
    for (uint h = 0; h < each; h++) {
        norm_row(q + h * HEAD_DIM, (global const float *)(qw + qw_at), q + h * HEAD_DIM, HEAD_DIM, eps, inv_n, &m);
        barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    }
    norm_row(k, (global const float *)(kw + kw_at), k, HEAD_DIM, eps, inv_n, &m);
#endif
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (uint i = lid; i < each * items; i += WG) rope_item(q + i / items * HEAD_DIM, angle, HEAD_DIM, rot, halves, i % items);
    for (uint i = lid; i < items; i += WG) rope_item(k, angle, HEAD_DIM, rot, halves, i);
    barrier(CLK_GLOBAL_MEM_FENCE);
    store_head(k, row_f(arena, v_at, r, v_row) + head * HEAD_DIM, kv + sub_at(slot / PAGE, kv_heads, head, in_page / SUB), in_page % SUB, &t);
}

/* The merge of attention, then quantize, SPAN elements per work-group: a multiple of what the form takes together. */
#define SPAN 256

#ifdef FORM
kernel WORK_GROUP
void merge_quantize(global const int *in, uint pos_at, uint heads, global const float *parts, uint part_pages, bytes_out arena, ulong out_at,
                    uint out_row, ulong q_at, uint q_row, uint d, uint f, uint s) {
    local quantize_memory t;
    uint first = get_group_id(0) * SPAN, r = get_global_id(2), n = heads * HEAD_DIM, last = min(first + SPAN, n);
    act lay = {d, f, s};
    global float *out = row_f(arena, out_at, r, out_row);
    for (uint i = first + get_local_id(0); i < last; i += WG) {
        global const float *part = part_of((global float *)parts, r - get_global_offset(2), heads, i / HEAD_DIM, part_pages, 0);
        out[i] = merge_channel(part, (uint)in[pos_at + r] / PAGE + 1, i % HEAD_DIM);
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    quantize_span(out, arena + q_at + (ulong)r * q_row, lay, first / 32, last / 32, &t);
}
#endif
