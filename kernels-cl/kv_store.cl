/* kv_store: keys and values of a row as kv14 codes, at its slot of the cache. One work-group of WG items per row and KV head.
 * Keys have a scale per 32 channels, values one for all channels. */
TOGETHER void store_head(global const float *k, global const float *v, bytes_out sub, uint t, local kv_memory *m) {
    uint lid = get_local_id(0);
    global short *codes = (global short *)sub;
    group_magnitudes(k, m);
    for (uint g = lid; g < GROUPS; g += WG) ((global float *)(sub + AT_DK))[g * SUB + t] = kv14_scale(most_of(m->most, g));
    for (uint c = lid; c < EVEN; c += WG) {
        int code = c < HEAD_DIM ? kv14_code(window(k[c]), kv14_factor(most_of(m->most, c / 32))) : 0;
        codes[(c / 2 * SUB + t) * 2 + c % 2] = (short)code;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    group_magnitudes(v, m);
    uint all = 0;
    for (uint g = 0; g < GROUPS; g++) all = max(all, most_of(m->most, g));
    float factor = kv14_factor(all);
    if (lid == 0) ((global float *)(sub + AT_DV))[t] = kv14_scale(all);
    codes = (global short *)(sub + AT_V);
    for (uint c = lid; c < EVEN; c += WG) {
        int code = c < HEAD_DIM ? kv14_code(window(v[c]), factor) : 0;
        codes[(t / 2 * EVEN + c) * 2 + t % 2] = (short)code;
    }
}

kernel WORK_GROUP
void kv_store(global const int *in, uint slot_at, bytes_out kv, uint kv_heads, bytes_out arena, ulong k_at, uint k_row, ulong v_at, uint v_row) {
    local kv_memory m;
    uint head = get_group_id(0), r = get_global_id(1), s = (uint)in[slot_at + r], in_page = s % PAGE;
    store_head(row_f(arena, k_at, r, k_row) + head * HEAD_DIM, row_f(arena, v_at, r, v_row) + head * HEAD_DIM,
               kv + sub_at(s / PAGE, kv_heads, head, in_page / SUB), in_page % SUB, &m);
}
