/* rms_norm: y = x / sqrt(mean(x^2) + eps) * w. One work-group of WG items per row and group of n elements.
 * The 256 partial sums and their tree are those of the definition, whatever WG is. */

#define PARTIALS 256

inline float norm_factor(global const float *x, uint n, float eps, float inv_n, local float *part) {
    uint lid = get_local_id(0);
    for (uint l = lid; l < PARTIALS; l += WG) {
        float s = 0.0f;
        IN_ORDER
        for (uint i = l; i < n; i += PARTIALS) {
            float v = window(x[i]);
            s = s + MUL(v, v);
        }
        part[l] = s;
    }
    for (uint step = PARTIALS / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint l = lid; l < step; l += WG) part[l] = part[l] + part[l + step];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float t = MUL(part[0], inv_n) + eps;
    return rsqrt_of(as_float(max(as_uint(t), 0x0D800000u)));
}

inline void norm_row(global const float *x, global const float *w, global float *out, uint n, float eps, float inv_n, local float *part) {
    float r = norm_factor(x, n, eps, inv_n, part);
    for (uint i = get_local_id(0); i < n; i += WG) out[i] = cut((window(x[i]) * r) * window(w[i]));
}

#ifndef HEAD_DIM /* the program of the cache only takes the functions */
kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void rms_norm(bytes_in w, ulong w_at, bytes_out arena, ulong x_at, uint x_row, ulong out_at, uint out_row, uint n, float eps, float inv_n) {
    local float part[PARTIALS];
    uint group = get_group_id(0) * n, r = get_global_id(1);
    norm_row(row_f(arena, x_at, r, x_row) + group, (global const float *)(w + w_at), row_f(arena, out_at, r, out_row) + group, n, eps, inv_n, part);
}
#endif
