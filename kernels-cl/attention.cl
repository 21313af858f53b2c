/* attention: softmax(q k) v over the cache, in two launches.
 * attention_page: one work-group of WG items per (page, head, row) makes the page's output, largest score and weight sum.
 * attention_merge puts the pages together, an item per channel.
 * Rows are launched in slices that fit `parts`; the slice's first row is the launch's global offset.

 * A return before a barrier, even one that all items of a group take, is miscompiled by PoCL 3.1 (wrong results with several
 * pages, right ones in Oclgrind); EARLY_OUT says that the device is not concerned.
 * parts: float [row of the slice][head][pages][HEAD_DIM + 2]: output, largest score, weight sum (as int bits). */
#define PART (HEAD_DIM + 2)

INLINE global float *part_of(global float *parts, uint row, uint heads, uint head, uint pages, uint page) {
    return parts + (((ulong)row * heads + head) * pages + page) * PART;
}

INLINE float weight_of(float x) { return exp_of(x, -24.0f); }

/* Pairs of q's codes, as they meet the pairs of the cache. Ends with a barrier. */
TOGETHER void query_codes(global const float *q, local short *code, local float *dq, local kv_memory *m) {
    uint lid = get_local_id(0);
    group_magnitudes(q, m);
    for (uint g = lid; g < GROUPS; g += WG) dq[g] = kv14_scale(most_of(m->most, g));
    for (uint c = lid; c < EVEN; c += WG)
        code[c] = c < HEAD_DIM ? (short)kv14_code(window(q[c]), kv14_factor(most_of(m->most, c / 32))) : (short)0;
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* s of position t of a sub-block. */
INLINE float score_of(bytes_in sub, uint t, local const short2 *code, local const float *dq, float scale) {
    global const short2 *k = (global const short2 *)sub + t;
    global const float *dk = (global const float *)(sub + AT_DK) + t;
    float s = 0.0f;
    IN_ORDER
    for (uint g = 0; g < GROUPS; g++) {
        int sum = 0;
        for (uint i = g * 16; i < min(g * 16 + 16, (uint)PAIRS); i++) {
            short2 a = code[i], b = k[i * SUB];
            sum += a.x * b.x + a.y * b.y;
        }
        s = s + MUL(dq[g] * dk[g * SUB], wide(sum));
    }
    return MUL(s, scale);
}

/* Channel c of a sub-block: its 32 positions' values, weighted. A is the largest weight times scale. */
INLINE float value_of(bytes_in sub, uint c, local const short2 *code, float A) {
    global const short2 *v = (global const short2 *)(sub + AT_V) + c;
    int sum = 0;
    for (uint i = 0; i < SUB / 2; i++) {
        short2 a = code[i], b = v[i * EVEN];
        sum += a.x * b.x + a.y * b.y;
    }
    return MUL(A * as_float(0x39000400u), wide(sum));
}

/* What a page's items share. An item has positions lid, lid + WG, ... of score[] and a[]. */
typedef struct page_memory {
    float score[PAGE], a[PAGE];
    uint keys[OVER], counts[OVER], most[PAGE / SUB * MOST_PARTS];
    short2 weights[PAGE / 2];
} page_memory;

/* Scores of the n positions in use; the largest one, for all items. */
TOGETHER float page_scores(bytes_in page, uint n, local const short2 *code, local const float *dq, float scale, local page_memory *m) {
    int most = INT_MIN;
    for (uint t = get_local_id(0); t < n; t += WG) {
        float s = score_of(page + t / SUB * SUB_BYTES, t % SUB, code, dq, scale);
        m->score[t] = s;
        most = max(most, key_of(s));
    }
    return from_key((int)(group_max((uint)most ^ 0x80000000u, m->keys) ^ 0x80000000u));
}

/* The page's weights: a[t] = p_t * dv_t and, as the sum for all items, p_t in 2^-22. Has a barrier after the last a[t]. */
TOGETHER int page_weights(bytes_in page, uint n, float most, local page_memory *m) {
    int count = 0;
    for (uint t = get_local_id(0); t < PAGE; t += WG) {
        float p = t < n ? weight_of(m->score[t] - most) : 0.0f;
        global const float *dv = (global const float *)(page + t / SUB * SUB_BYTES + AT_DV);
        m->a[t] = t < n ? p * dv[t % SUB] : 0.0f;
        count += rne(p * 4194304.0f);
    }
    return (int)group_sum((uint)count, m->counts);
}

/* Largest a of each sub-block for most_of, codes of all to code[]. Ends with a barrier. */
TOGETHER void weight_codes(local page_memory *m, local kv_memory *k, local short *code) {
#ifdef SG
    for (uint first = 0; first < PAGE; first += WG) {
        uint t = first + get_local_id(0), most = near_max(t < PAGE ? as_uint(m->a[t]) : 0, SG, k->near);
        if (LANE == 0 && t < PAGE) m->most[t / SG] = most;
    }
#else
    for (uint b = get_local_id(0); b < PAGE / SUB; b += WG) {
        uint most = 0;
        for (uint t = b * SUB; t < b * SUB + SUB; t++) most = max(most, as_uint(m->a[t]));
        m->most[b] = most;
    }
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint t = get_local_id(0); t < PAGE; t += WG) {
        float A = as_float(most_of(m->most, t / SUB));
        code[t] = A == 0.0f ? (short)0 : (short)min(rne(MUL(m->a[t], 8191.0f * rcp(A))), 8191);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

kernel WORK_GROUP
void attention_page(global const int *in, uint pos_at, uint seq_at, uint pages_at, uint max_pages, bytes_in kv, uint heads,
                    uint kv_heads, bytes_out arena, ulong q_at, uint q_row, global float *parts, uint part_pages, float scale) {
    local short2 codes[PAIRS];
    local float dq[GROUPS];
    local kv_memory t;
    local page_memory m;
    uint page = get_group_id(0), head = get_global_id(1), r = get_global_id(2), lid = get_local_id(0);
    uint last = (uint)in[pos_at + r];
#ifdef EARLY_OUT
    if (page * PAGE > last) return;
#else
    last = max(last, page * PAGE); /* work for nothing: a page that no merge reads */
#endif
    uint n = min(last - page * PAGE + 1, (uint)PAGE), kv_head = head / (heads / kv_heads);
    uint where = (uint)in[pages_at + (uint)in[seq_at + r] * max_pages + page];
    bytes_in mem = kv + sub_at(where, kv_heads, kv_head, 0);

    query_codes(row_f(arena, q_at, r, q_row) + head * HEAD_DIM, (local short *)codes, dq, &t);
    float largest = page_scores(mem, n, codes, dq, scale, &m);
    int count = page_weights(mem, n, largest, &m);
    weight_codes(&m, &t, (local short *)m.weights);
    global float *out = part_of(parts, r - get_global_offset(2), heads, head, part_pages, page);
    for (uint c = lid; c < HEAD_DIM; c += WG) {
        float o = 0.0f;
        IN_ORDER
        for (uint b = 0; b < (n + SUB - 1) / SUB; b++) {
            float A = as_float(most_of(m.most, b));
            if (A != 0.0f) o = o + value_of(mem + b * SUB_BYTES, c, m.weights + b * (SUB / 2), A);
        }
        out[c] = cut(o);
    }
    if (lid == 0) {
        out[HEAD_DIM] = largest;
        ((global int *)out)[HEAD_DIM + 1] = count;
    }
}

/* One channel of the merge: pages in index order. */
INLINE float merge_channel(global const float *part, uint n, uint channel) {
    float largest = part[HEAD_DIM], o = 0.0f, sum = 0.0f;
    for (uint c = 1; c < n; c++) {
        float m = part[c * PART + HEAD_DIM];
        if (key_of(m) > key_of(largest)) largest = m;
    }
    IN_ORDER
    for (uint c = 0; c < n; c++) {
        float e = weight_of(part[c * PART + HEAD_DIM] - largest);
        o = o + MUL(e, part[c * PART + channel]);
        sum = sum + MUL(e, wide(((global const int *)part)[c * PART + HEAD_DIM + 1]));
    }
    return cut((o * rcp(sum)) * 4194304.0f);
}

/* An item has one channel of all heads. */
kernel void attention_merge(global const int *in, uint pos_at, uint heads, global const float *parts, uint part_pages, bytes_out arena,
                            ulong out_at, uint out_row) {
    uint i = get_global_id(0), r = get_global_id(2);
    if (i >= heads * HEAD_DIM) return;
    global const float *part = part_of((global float *)parts, r - get_global_offset(2), heads, i / HEAD_DIM, part_pages, 0);
    row_f(arena, out_at, r, out_row)[i] = merge_channel(part, (uint)in[pos_at + r] / PAGE + 1, i % HEAD_DIM);
}
