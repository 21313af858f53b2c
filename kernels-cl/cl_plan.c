/* cl_plan.c - prepare and release: buffers of a plan, and the list of launches. */
#include "cl_plan.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Launches
 * ---------------------------------------------------------------------------------------------------- */

static void set_arg(ac_cl_args *a, size_t bytes, const void *p) {
    if (!a->kernel) return; /* collecting */
    cl_int rc = ac__cl.SetKernelArg(a->kernel, a->n++, bytes, p);
    if (a->rc == CL_SUCCESS) a->rc = rc;
}

void ac__cl_arg_mem(ac_cl_args *a, cl_mem mem) {
    set_arg(a, sizeof mem, &mem);
}
void ac__cl_arg_u32(ac_cl_args *a, uint32_t v) {
    set_arg(a, sizeof v, &v);
}
void ac__cl_arg_u64(ac_cl_args *a, uint64_t v) {
    set_arg(a, sizeof v, &v);
}
void ac__cl_arg_f32(ac_cl_args *a, float v) {
    set_arg(a, sizeof v, &v);
}

void ac__cl_arg_buf(ac_cl_args *a, const ac_prog *p, uint32_t buf) {
    ac__cl_arg_u64(a, p->plan->bufs[buf].offset);
    ac__cl_arg_u32(a, (uint32_t)p->plan->bufs[buf].row_bytes);
}

static ac_status want(ac_prog *p, ac_cl_unit unit, const char *options, ac_error *err) {
    for (uint32_t i = 0; i < p->n_wants; i++)
        if (p->wants[i].unit == unit && !strcmp(p->wants[i].options, options)) return AC_OK;
    ac_cl_want *more = realloc(p->wants, (p->n_wants + 1) * sizeof *more);
    if (!more) return ac_fail(err, AC_ERR_MEMORY, "OpenCL plan");
    p->wants = more;
    more[p->n_wants].unit = unit;
    snprintf(more[p->n_wants++].options, sizeof more->options, "%s", options);
    return AC_OK;
}

ac_status ac__cl_launch_new(ac_prog *p, ac_cl_unit unit, const char *options, const char *kernel, uint32_t op,
                            ac_cl_args *args, ac_cl_launch **out, ac_error *err) {
    if (p->collecting) {
        p->spare = (ac_cl_launch){.op = op};
        *args = (ac_cl_args){.kernel = NULL};
        *out = &p->spare;
        return want(p, unit, options, err);
    }
    if (p->n_launches == p->cap_launches) {
        uint32_t cap = p->cap_launches ? p->cap_launches * 2 : 64;
        ac_cl_launch *more = realloc(p->launches, cap * sizeof *more);
        if (!more) return ac_fail(err, AC_ERR_MEMORY, "OpenCL plan");
        p->launches = more;
        p->cap_launches = cap;
    }
    ac_cl_launch *l = &p->launches[p->n_launches];
    *l = (ac_cl_launch){
        .op = op, .rows = p->plan->ops[op].rows, .rows_from = p->rows_from, .rows_to = AC_NONE};
    AC_TRY(ac__cl_kernel(p->dev, unit, options, kernel, &l->kernel, err));
    l->exchanges = ac__cl_unit_exchanges(unit);
    p->n_launches++;
    *args = (ac_cl_args){.kernel = l->kernel};
    *out = l;
    return AC_OK;
}

ac_status ac__cl_launch_done(const ac_prog *p, const ac_cl_args *args, uint32_t op, ac_error *err) {
    return args->rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, args->rc, ac_op_name(p->plan->ops[op].kind));
}

/* ---- Prepare
 * ----------------------------------------------------------------------------------------------------- */

static uint32_t round_up(uint32_t n, uint32_t to) {
    return (n + to - 1) / to * to;
}

static ac_status make_inputs(ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    ac_cl_inputs *in = &p->in;
    uint64_t pages = (uint64_t)plan->max_seqs * plan->max_pages;
    if (plan->max_rows > 1u << 24 || pages > 1u << 28)
        return ac_fail(err, AC_ERR_LIMIT, "OpenCL plan: too many rows or pages");
    uint32_t rows = round_up(plan->max_rows, 16);
    in->n_rows = 0, in->n_out = 1;
    in->token = 16;
    in->pos = in->token + rows;
    in->seq = in->pos + rows;
    in->slot = in->seq + rows;
    in->out_row = in->slot + rows;
    in->pages = in->out_row + rows;
    in->size = in->pages + (uint32_t)pages;
    p->host = calloc(in->size, sizeof *p->host);
    if (!p->host) return ac_fail(err, AC_ERR_MEMORY, "OpenCL plan");
    AC_TRY(
        ac__cl_buffer(p->dev, CL_MEM_READ_ONLY, in->size * 4ull, NULL, "inputs of a run", &p->inputs, err));
    cl_int rc = ac__cl.EnqueueWriteBuffer(p->dev->queue, p->inputs, CL_TRUE, 0, in->size * 4ul, p->host, 0,
                                          NULL, NULL);
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, "inputs of a run");
}

static ac_status make_consts(ac_prog *p, ac_error *err) {
    const ac_plan *plan = p->plan;
    p->consts = calloc(plan->n_consts ? plan->n_consts : 1, sizeof *p->consts);
    if (!p->consts) return ac_fail(err, AC_ERR_MEMORY, "OpenCL plan");
    for (uint32_t i = 0; i < plan->n_consts; i++) {
        const ac_plan_const *c = &plan->consts[i];
        AC_TRY(ac__cl_buffer(p->dev, CL_MEM_READ_ONLY, c->bytes, NULL, c->name, &p->consts[i], err));
        cl_int rc = ac__cl.EnqueueWriteBuffer(p->dev->queue, p->consts[i], CL_TRUE, 0, (size_t)c->bytes,
                                              c->data, 0, NULL, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, c->name);
    }
    return AC_OK;
}

static ac_status make_buffers(ac_prog *p, ac_error *err) {
    uint64_t need = p->plan->arena_bytes;
    for (uint32_t i = 0; i < p->plan->n_consts; i++) need += p->plan->consts[i].bytes;
    char what[48];
    snprintf(what, sizeof what, "buffers for a batch of %u", p->plan->max_rows);
    AC_TRY(ac__cl_room(p->dev, need, what, err));
    AC_TRY(ac__cl_buffer(p->dev, CL_MEM_READ_WRITE, p->plan->arena_bytes, NULL, what, &p->arena, err));
    AC_TRY(make_inputs(p, err));
    return make_consts(p, err);
}

static ac_status lower_all(ac_prog *p, ac_error *err) {
    for (uint32_t i = 0, covered = 1; i < p->plan->n_ops; i += covered)
        AC_TRY(ac__cl_lower(p, i, &covered, err));
    return AC_OK;
}

/* A kernel may take fewer work-items than the device (registers): groups that do not cooperate become
 * smaller. */
static ac_status fit_group(ac_prog *p, ac_cl_launch *l, ac_error *err) {
    size_t most = 0, fixed[3] = {0};
    ac_cl_dim *d = &l->dim[0];
    cl_int rc = ac__cl.GetKernelWorkGroupInfo(l->kernel, p->dev->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most,
                                              &most, NULL);
    if (rc == CL_SUCCESS)
        rc = ac__cl.GetKernelWorkGroupInfo(l->kernel, p->dev->id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                                           sizeof fixed, fixed, NULL);
    if (rc != CL_SUCCESS || most == 0 || d->local <= most) return AC_OK;
    if (fixed[0] == d->local && p->dev->caps.quirks.group_untold) return AC_OK;
    if (fixed[0] || d->count != AC_CL_FIXED) {
        p->most_items = (uint32_t)most;
        return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: a group has %u work-items, %s takes %u",
                       ac_op_name(p->plan->ops[l->op].kind), d->local, p->dev->caps.name, (unsigned)most);
    }
    for (; d->local > most && d->local > 1; d->local /= 2) d->n *= 2;
    return AC_OK;
}

static ac_status fit_groups(ac_prog *p, ac_error *err) {
    for (uint32_t i = 0; i < p->n_launches; i++) AC_TRY(fit_group(p, &p->launches[i], err));
    return AC_OK;
}

/* Whether every kernel got the sub-groups that it counts on. */
static bool subgroups_suit(const ac_prog *p) {
    for (uint32_t i = 0; i < p->n_launches; i++)
        if (p->launches[i].exchanges &&
            !ac__cl_subgroup_suits(p->dev, p->launches[i].kernel, p->launches[i].dim[0].local))
            return false;
    return true;
}

static ac_status make_all(ac_prog *p, ac_error *err) {
    AC_TRY(make_buffers(p, err));
    p->collecting = true;
    AC_TRY(lower_all(p, err));
    AC_TRY(ac__cl_programs_make(p->dev, p->wants, p->n_wants, err));
    p->collecting = false;
    AC_TRY(lower_all(p, err));
    return fit_groups(p, err);
}

ac_status ac__cl_prepare(ac_dev *dev, ac_weights *w, ac_kv_mem *kv, const ac_plan *plan, ac_prog **out,
                         ac_error *err) {
    *out = NULL;
    ac_prog *p = calloc(1, sizeof *p);
    if (!p) return ac_fail(err, AC_ERR_MEMORY, "OpenCL plan");
    *p = (ac_prog){.dev = dev, .weights = w, .kv = kv, .plan = plan};
    ac_error why = {0};
    ac_status status = make_all(p, &why);
    bool suit = status == AC_OK && subgroups_suit(p);
    if (!suit && dev->tuning.subgroup_size && (status == AC_OK || status == AC_ERR_BUILD)) {
        ac__cl_release(p);
        ac__cl_subgroup_drop(dev, status == AC_OK ? "a kernel has smaller ones" : why.detail);
        return ac__cl_prepare(dev, w, kv, plan, out, err);
    }
    if (status != AC_OK) {
        uint32_t most = p->most_items;
        if (err) *err = why;
        ac__cl_release(p);
        if (most == 0 || most >= dev->caps.max_group) return status;
        ac__cl_tune_limit(dev, most); /* less than before: this ends */
        ac__cl_log(dev, 2, "%s: groups of at most %u work-items: %s", dev->caps.name, most, why.detail);
        return ac__cl_prepare(dev, w, kv, plan, out, err);
    }
    uint32_t single = 0;
    for (uint32_t i = 0; i < p->n_launches; i++) single += p->launches[i].rows_from <= 1;
    ac__cl_log(dev, 3, "OpenCL: %u operations, %u launches for one row", plan->n_ops, single);
    *out = p;
    return AC_OK;
}

/* Memory that a device which cannot be waited for may still read: kept for good. */
static void park(int32_t *host) {
    static _Atomic(int32_t *) parked; /* the last one; each begins with the address of the one before */
    int32_t *before = atomic_exchange(&parked, host);
    memcpy(host, &before, sizeof before);
}

/* Whether the device has let go of the host's memory. */
static bool is_idle(const ac_prog *p) {
    if (!p->under_way && !p->unsure) return true;
    if (p->dev->profiling && ac__cl.Finish(p->dev->profiling) != CL_SUCCESS) return false;
    return ac__cl.Finish(p->dev->queue) == CL_SUCCESS;
}

void ac__cl_release(ac_prog *p) {
    if (!p) return;
    bool idle = is_idle(p);
    ac__cl_records_release(p);
    for (uint32_t i = 0; i < p->n_launches; i++)
        if (p->launches[i].kernel) ac__cl.ReleaseKernel(p->launches[i].kernel);
    for (uint32_t i = 0; i < p->n_events; i++) ac__cl.ReleaseEvent(p->events[i]);
    ac__cl_buffer_release(p->dev, &p->arena, p->plan->arena_bytes);
    ac__cl_buffer_release(p->dev, &p->inputs, p->in.size * 4ull);
    ac__cl_buffer_release(p->dev, &p->parts, p->parts_bytes);
    for (uint32_t i = 0; p->consts && i < p->plan->n_consts; i++)
        ac__cl_buffer_release(p->dev, &p->consts[i], p->plan->consts[i].bytes);
    free(p->consts);
    free(p->launches);
    free(p->wants);
    free(p->events);
    free(p->event_op);
    if (!idle && p->host)
        park(p->host);
    else
        free(p->host);
    free(p);
}

uint64_t ac__cl_prog_bytes(const ac_prog *p) {
    uint64_t bytes = p->plan->arena_bytes + p->in.size * 4ull + p->parts_bytes;
    for (uint32_t i = 0; i < p->plan->n_consts; i++) bytes += p->plan->consts[i].bytes;
    return bytes;
}
