/* cl_record.h - launches recorded once and replayed: cl_khr_command_buffer, where a device has it. */
#ifndef AC_CL_RECORD_H
#define AC_CL_RECORD_H

#include <stdbool.h>

#include "cl_api.h"

struct ac_dev;
struct ac_prog;
struct ac_run;

/* The extension's functions, as of its version 0.9.0; types of our own, since headers differ in theirs. */
typedef struct ac_cl_commands *ac_cl_buffer; /* a cl_command_buffer_khr */
typedef struct ac_cl_record_api {
    ac_cl_buffer(CL_API_CALL *create)(cl_uint, const cl_command_queue *, const cl_ulong *, cl_int *);
    cl_int(CL_API_CALL *finalize)(ac_cl_buffer);
    cl_int(CL_API_CALL *release)(ac_cl_buffer);
    cl_int(CL_API_CALL *launch)(ac_cl_buffer, cl_command_queue, const cl_ulong *, cl_kernel, cl_uint,
                                const size_t *, const size_t *, const size_t *, cl_uint, const cl_uint *,
                                cl_uint *, void **);
    cl_int(CL_API_CALL *enqueue)(cl_uint, cl_command_queue *, ac_cl_buffer, cl_uint, const cl_event *,
                                 cl_event *);
} ac_cl_record_api;

/* Whether the device can record launches of an in-order queue. */
bool ac__cl_record_there(cl_device_id id);
/* Finds the functions; false when one is missing. */
bool ac__cl_record_load(cl_platform_id platform, ac_cl_record_api *out);

/* The recording for runs of this shape: rows, outputs and pages. Made when a shape comes twice in a row, as
 * decoding does; NULL when there is none, and the launches are to be made one by one. */
ac_cl_buffer ac__cl_record_for(struct ac_prog *p, const struct ac_run *run);
void ac__cl_records_release(struct ac_prog *p);

#endif
