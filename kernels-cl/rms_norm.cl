/* rms_norm: y = x / sqrt(mean(x^2) + eps) * w. One work-group of WG items per row and group of n elements.
 * The 256 partial sums and their tree are those of the definition, whatever WG is. */

#define PARTIALS 256

typedef struct norm_memory {
    float part[PARTIALS];
#ifdef SG
    uint near[NEAR];
#endif
} norm_memory;

/* The tree over the partials, for all items. */
#ifdef SG
TOGETHER float tree(local norm_memory *t) {
    float v[PARTIALS / SG];
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (uint i = 0; i < PARTIALS / SG; i++) v[i] = t->part[i * SG + LANE];
#pragma unroll
    for (uint step = PARTIALS / SG / 2; step > 0; step /= 2)
#pragma unroll
        for (uint i = 0; i < step; i++) v[i] = v[i] + v[i + step];
    float sum = v[0];
    for (uint step = SG / 2; step > 0; step /= 2) sum = sum + as_float(from_lane(as_uint(sum), LANE ^ step, t->near));
    return sum;
}
#else
TOGETHER float tree(local norm_memory *t) {
    for (uint step = PARTIALS / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint l = get_local_id(0); l < step; l += WG) t->part[l] = t->part[l] + t->part[l + step];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return t->part[0];
}
#endif

TOGETHER float norm_factor(global const float *x, uint n, float eps, float inv_n, local norm_memory *t) {
    for (uint l = get_local_id(0); l < PARTIALS; l += WG) {
        float s = 0.0f;
        IN_ORDER
        for (uint i = l; i < n; i += PARTIALS) {
            float v = window(x[i]);
            s = s + MUL(v, v);
        }
        t->part[l] = s;
    }
    float mean = MUL(tree(t), inv_n) + eps;
    return rsqrt_of(as_float(max(as_uint(mean), 0x0D800000u)));
}

TOGETHER void norm_row(global const float *x, global const float *w, global float *out, uint n, float eps, float inv_n, local norm_memory *t) {
    float r = norm_factor(x, n, eps, inv_n, t);
    for (uint i = get_local_id(0); i < n; i += WG) out[i] = cut((window(x[i]) * r) * window(w[i]));
}

#ifndef HEAD_DIM /* the program of the cache only takes the functions */
kernel WORK_GROUP
void rms_norm(bytes_in w, ulong w_at, bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, float eps, float inv_n) {
    local norm_memory t;
    uint group = get_group_id(0) * n, r = get_global_id(1);
    norm_row(row_f(arena, x_at, r, x_row) + group, (global const float *)(w + w_at), row_f(arena, out_at, r, out_row) + group, n, eps, inv_n, &t);
}
#endif
