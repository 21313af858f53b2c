/* witness: whether neighbours are where shuffles look for them. One work-item per probe row. */
#ifndef SG
#error "work-groups are too small"
#endif
kernel WORK_GROUP
void witness_subgroup(global const uint *a, global uint *out) {
    local uint near[NEAR], over[OVER];
    uint i = get_global_id(0), v = a[i];
    out[4 * i] = from_lane(v, 0, near);
    out[4 * i + 1] = from_lane(v, (LANE * 5 + 3) & (SG - 1), near);
    out[4 * i + 2] = near_sum(v, 8, near);
    out[4 * i + 3] = group_max(v, over);
}
