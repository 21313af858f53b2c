/* cl_record.c - launches recorded once and replayed. */
#include "cl_record.h"

#include <string.h>

#include "cl_plan.h"

#define REQUIRED_QUEUE_PROPERTIES 0x12A9 /* CL_DEVICE_COMMAND_BUFFER_REQUIRED_QUEUE_PROPERTIES_KHR */

bool ac__cl_record_there(cl_device_id id) {
    cl_command_queue_properties wanted = 0;
    if (!ac__cl_has_extension(id, "cl_khr_command_buffer")) return false;
    return ac__cl.GetDeviceInfo(id, REQUIRED_QUEUE_PROPERTIES, sizeof wanted, &wanted, NULL) == CL_SUCCESS &&
           wanted == 0;
}

bool ac__cl_record_load(cl_platform_id platform, ac_cl_record_api *out) {
    static const char *const names[] = {"clCreateCommandBufferKHR", "clFinalizeCommandBufferKHR",
                                        "clReleaseCommandBufferKHR", "clCommandNDRangeKernelKHR",
                                        "clEnqueueCommandBufferKHR"};
    void *found[5];
    _Static_assert(sizeof found == sizeof *out, "a function without a name");
    for (size_t i = 0; i < 5; i++)
        if (!(found[i] = ac__cl.GetExtensionFunctionAddressForPlatform(platform, names[i]))) return false;
    memcpy(out, found, sizeof *out);
    return true;
}

static ac_cl_buffer record(ac_prog *p, const ac_run *run) {
    const ac_cl_record_api *api = &p->dev->record;
    cl_int rc;
    ac_cl_buffer b = api->create(1, &p->dev->queue, NULL, &rc);
    if (!b) return NULL;
    p->recording = b;
    uint32_t op;
    rc = ac__cl_launch_all(p, p->dev->queue, run, &op);
    p->recording = NULL;
    if (rc == CL_SUCCESS) rc = api->finalize(b);
    if (rc == CL_SUCCESS) return b;
    api->release(b);
    return NULL;
}

ac_cl_buffer ac__cl_record_for(ac_prog *p, const ac_run *run) {
    const ac_cl_record shape = {NULL, run->n_rows, run->n_out, run->n_pages_used};
    if (!p->dev->tuning.use_record || p->profiling) return NULL;
    for (uint32_t i = 0; i < AC_CL_RECORDS; i++) {
        const ac_cl_record *r = &p->records[i];
        if (r->buffer && r->rows == shape.rows && r->out == shape.out && r->pages == shape.pages)
            return r->buffer;
    }
    bool again = p->before.rows == shape.rows && p->before.out == shape.out && p->before.pages == shape.pages;
    p->before = shape;
    if (!again) return NULL;
    ac_cl_record *r = &p->records[p->next_record++ % AC_CL_RECORDS];
    if (r->buffer) p->dev->record.release(r->buffer);
    *r = shape;
    r->buffer = record(p, run);
    if (r->buffer) return r->buffer;
    p->dev->tuning.use_record = 0; /* what fails once would fail at every token */
    ac__cl_log(p->dev, 1, "%s: launches cannot be recorded after all", p->dev->caps.name);
    return NULL;
}

void ac__cl_records_release(ac_prog *p) {
    for (uint32_t i = 0; i < AC_CL_RECORDS; i++)
        if (p->records[i].buffer) p->dev->record.release(p->records[i].buffer);
}
