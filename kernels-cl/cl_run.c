/* cl_run.c - running a prepared plan: one small write, all launches, one flush; and moving data in and out.
 */
#include "cl_plan.h"

#include <stdlib.h>
#include <string.h>

/* ---- Inputs
 * ------------------------------------------------------------------------------------------------------ */

static cl_int send(ac_prog *p, cl_command_queue q, uint32_t at, uint32_t n) {
    if (p->dev->caps.quirks.whole_writes) at = 0, n = p->in.size;
    return ac__cl.EnqueueWriteBuffer(q, p->inputs, CL_FALSE, at * 4ul, n * 4ul, p->host + at, 0, NULL, NULL);
}

/* Columns of the page table in use are sent only when they have changed. */
static cl_int send_pages(ac_prog *p, cl_command_queue q, const ac_run *run) {
    uint32_t cols = p->plan->max_pages, used = run->n_pages_used < cols ? run->n_pages_used : cols;
    for (uint32_t s = 0; s < p->plan->max_seqs; s++) {
        int32_t *have = p->host + p->in.pages + (size_t)s * cols;
        const int32_t *want = run->pages + (size_t)s * cols;
        if (!memcmp(have, want, used * sizeof *have)) continue;
        memcpy(have, want, used * sizeof *have);
        cl_int rc = send(p, q, p->in.pages + s * cols, used);
        if (rc != CL_SUCCESS) return rc;
    }
    return CL_SUCCESS;
}

static cl_int send_inputs(ac_prog *p, cl_command_queue q, const ac_run *run) {
    int32_t *h = p->host;
    size_t n = run->n_rows * sizeof *h;
    h[p->in.n_rows] = (int32_t)run->n_rows;
    h[p->in.n_out] = (int32_t)run->n_out;
    if (run->token) memcpy(h + p->in.token, run->token, n);
    if (run->pos) memcpy(h + p->in.pos, run->pos, n);
    if (run->seq) memcpy(h + p->in.seq, run->seq, n);
    if (run->slot) memcpy(h + p->in.slot, run->slot, n);
    if (run->out_row) memcpy(h + p->in.out_row, run->out_row, run->n_out * sizeof *h);
    if (run->pages) {
        cl_int rc = send_pages(p, q, run);
        if (rc != CL_SUCCESS) return rc;
    }
    return send(p, q, 0, p->in.pages);
}

/* ---- Launches
 * ---------------------------------------------------------------------------------------------------- */

static cl_event *next_event(ac_prog *p, uint32_t op) {
    if (!p->profiling) return NULL;
    if (p->n_events == p->cap_events) {
        uint32_t cap = p->cap_events ? p->cap_events * 2 : 256;
        cl_event *events = realloc(p->events, cap * sizeof *events);
        if (events) p->events = events;
        uint32_t *ops = realloc(p->event_op, cap * sizeof *ops);
        if (ops) p->event_op = ops;
        if (!events || !ops) return NULL;
        p->cap_events = cap;
    }
    p->event_op[p->n_events] = op;
    p->events[p->n_events] = NULL;
    return &p->events[p->n_events];
}

/* A launch for `rows` rows; its work-items count from `first` on in dimension `dim`. */
static cl_int enqueue(ac_prog *p, cl_command_queue q, const ac_cl_launch *l, uint32_t dim, uint32_t first,
                      uint32_t rows, uint32_t pages) {
    size_t global[3], local[3], offset[3] = {0};
    offset[dim] = first;
    for (uint32_t d = 0; d < l->n_dims; d++) {
        uint32_t n = l->dim[d].n;
        if (l->dim[d].count == AC_CL_ROWS) n = (rows + n - 1) / n;
        if (l->dim[d].count == AC_CL_PAGES) n = pages;
        if (n == 0) return CL_SUCCESS;
        local[d] = l->dim[d].local;
        global[d] = n * local[d];
    }
    if (p->recording)
        return p->dev->record.launch(p->recording, NULL, NULL, l->kernel, l->n_dims, first ? offset : NULL,
                                     global, local, 0, NULL, NULL, NULL);
    cl_event *event = next_event(p, l->op);
    cl_int rc = ac__cl.EnqueueNDRangeKernel(q, l->kernel, l->n_dims, first ? offset : NULL, global, local, 0,
                                            NULL, event);
    if (event && rc == CL_SUCCESS) p->n_events++;
    return rc;
}

/* A launch in slices of rows, each followed by its merge. */
static cl_int enqueue_sliced(ac_prog *p, cl_command_queue q, const ac_cl_launch *l, uint32_t rows,
                             uint32_t pages) {
    cl_int rc = CL_SUCCESS;
    for (uint32_t first = 0; first < rows && rc == CL_SUCCESS; first += l->slice) {
        uint32_t n = rows - first < l->slice ? rows - first : l->slice;
        rc = enqueue(p, q, l, 2, first, n, pages);
        if (rc == CL_SUCCESS) rc = enqueue(p, q, l + 1, 2, first, n, pages);
    }
    return rc;
}

/* A product in as many launches as keep each one short. */
static cl_int enqueue_product(ac_prog *p, cl_command_queue q, const ac_cl_launch *l, uint32_t rows) {
    cl_int rc = CL_SUCCESS;
    uint32_t each = l->dim[1].n, step = l->most_groups;
    for (uint32_t group = 0; (uint64_t)group * each < rows && rc == CL_SUCCESS; group += step) {
        uint32_t left = rows - group * each;
        rc = enqueue(p, q, l, 1, group, (uint64_t)step * each < left ? step * each : left, 0);
    }
    return rc;
}

static ac_status queue_of(ac_prog *p, cl_command_queue *out, ac_error *err) {
    ac_dev *dev = p->dev;
    cl_int rc;
    *out = dev->queue;
    if (!p->profiling) return AC_OK;
    if (!dev->profiling)
        dev->profiling = ac__cl.CreateCommandQueue(dev->context, dev->id, CL_QUEUE_PROFILING_ENABLE, &rc);
    if (!dev->profiling) return ac__cl_fail(err, rc, "profiling queue");
    rc = ac__cl.Finish(dev->queue);
    *out = dev->profiling;
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, "profiling queue");
}

cl_int ac__cl_launch_all(ac_prog *p, cl_command_queue q, const ac_run *run, uint32_t *op) {
    cl_int rc = CL_SUCCESS;
    for (uint32_t i = 0; i < p->n_launches && rc == CL_SUCCESS; i++) {
        const ac_cl_launch *l = &p->launches[i];
        uint32_t rows = l->rows == AC_ROWS_OUT ? run->n_out : run->n_rows;
        *op = l->op;
        if (l->slice)
            rc = enqueue_sliced(p, q, l, rows, run->n_pages_used);
        else if (rows < l->rows_from || rows >= l->rows_to)
            continue;
        else if (l->most_groups)
            rc = enqueue_product(p, q, l, rows);
        else
            rc = enqueue(p, q, l, 0, 0, rows, run->n_pages_used);
        if (l->slice) i++;
    }
    return rc;
}

/* After a failure nobody knows which pages the device holds: they are all sent again. */
static void forget_pages(ac_prog *p) {
    memset(p->host + p->in.pages, 0xff, (p->in.size - p->in.pages) * sizeof *p->host);
}

ac_status ac__cl_run(ac_prog *p, const ac_run *run, ac_error *err) {
    cl_command_queue q;
    const ac_plan *plan = p->plan;
    if (p->under_way) AC_TRY(ac__cl_wait(p, err));
    if (run->n_rows > plan->max_rows || run->n_out > plan->max_out)
        return ac_fail(err, AC_ERR_ARGUMENT, "run: %u rows of %u, %u out of %u", run->n_rows, plan->max_rows,
                       run->n_out, plan->max_out);
    if (run->n_rows == 0) return AC_OK;
    AC_TRY(queue_of(p, &q, err));
    for (uint32_t i = 0; i < p->n_events; i++) ac__cl.ReleaseEvent(p->events[i]);
    p->n_events = 0;
    p->under_way = true;
    cl_int rc = send_inputs(p, q, run);
    uint32_t op = 0;
    ac_cl_buffer recorded = rc == CL_SUCCESS ? ac__cl_record_for(p, run) : NULL;
    if (recorded)
        rc = p->dev->record.enqueue(0, NULL, recorded, 0, NULL, NULL);
    else if (rc == CL_SUCCESS)
        rc = ac__cl_launch_all(p, q, run, &op);
    if (rc == CL_SUCCESS) rc = ac__cl_flush(p->dev, q);
    if (rc == CL_SUCCESS) return AC_OK;
    p->unsure = ac__cl.Finish(q) != CL_SUCCESS;
    p->under_way = false;
    forget_pages(p);
    return ac__cl_fail(err, rc, ac_op_name(plan->ops[op].kind));
}

ac_status ac__cl_wait(ac_prog *p, ac_error *err) {
    if (!p->under_way) return AC_OK;
    p->under_way = false;
    cl_int rc = ac__cl.Finish(p->profiling && p->dev->profiling ? p->dev->profiling : p->dev->queue);
    p->unsure = rc != CL_SUCCESS;
    if (rc == CL_SUCCESS) return AC_OK;
    forget_pages(p);
    return ac__cl_fail(err, rc, "waiting for a run");
}

/* ---- Data
 * -------------------------------------------------------------------------------------------------------- */

static ac_status check_range(const ac_prog *p, uint32_t buf, uint64_t offset, uint64_t bytes, ac_error *err) {
    if (buf >= p->plan->n_bufs) return ac_fail(err, AC_ERR_ARGUMENT, "buffer %u of %u", buf, p->plan->n_bufs);
    const ac_plan_buf *b = &p->plan->bufs[buf];
    uint64_t all = b->row_bytes * b->rows;
    if (offset > all || bytes > all - offset)
        return ac_fail(err, AC_ERR_ARGUMENT, "buffer %s: bytes %llu to %llu of %llu", b->name,
                       (unsigned long long)offset, (unsigned long long)(offset + bytes),
                       (unsigned long long)all);
    return AC_OK;
}

ac_status ac__cl_write(ac_prog *p, uint32_t buf, uint64_t offset, const void *host, uint64_t bytes,
                       ac_error *err) {
    AC_TRY(check_range(p, buf, offset, bytes, err));
    if (bytes == 0) return AC_OK;
    cl_int rc =
        ac__cl_put(p->dev, p->arena, p->plan->bufs[buf].offset + offset, host, bytes, p->plan->arena_bytes);
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, p->plan->bufs[buf].name);
}

ac_status ac__cl_read(ac_prog *p, uint32_t buf, uint64_t offset, void *host, uint64_t bytes, ac_error *err) {
    AC_TRY(check_range(p, buf, offset, bytes, err));
    if (bytes == 0) return AC_OK;
    size_t at = (size_t)(p->plan->bufs[buf].offset + offset);
    cl_int rc =
        ac__cl.EnqueueReadBuffer(p->dev->queue, p->arena, CL_TRUE, at, (size_t)bytes, host, 0, NULL, NULL);
    return rc == CL_SUCCESS ? AC_OK : ac__cl_fail(err, rc, p->plan->bufs[buf].name);
}

/* ---- Profile
 * ----------------------------------------------------------------------------------------------------- */

ac_status ac__cl_profile(ac_prog *p, bool on, ac_error *err) {
    AC_TRY(ac__cl_wait(p, err));
    p->profiling = on;
    return AC_OK;
}

ac_status ac__cl_times(ac_prog *p, uint64_t *ns, ac_error *err) {
    memset(ns, 0, p->plan->n_ops * sizeof *ns);
    for (uint32_t i = 0; i < p->n_events; i++) {
        cl_ulong start = 0, end = 0;
        cl_int rc = ac__cl.GetEventProfilingInfo(p->events[i], CL_PROFILING_COMMAND_START, sizeof start,
                                                 &start, NULL);
        if (rc == CL_SUCCESS)
            rc = ac__cl.GetEventProfilingInfo(p->events[i], CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        if (rc != CL_SUCCESS) return ac__cl_fail(err, rc, "profile");
        ns[p->event_op[i]] += end > start ? end - start : 0;
    }
    return AC_OK;
}
