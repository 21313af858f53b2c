/* cl_faults: every call into libOpenCL fails once, and from then on, at every place where the module makes
 * it. The module must say so (or do without, with the right bits), release all that it made, and work
 * afterwards. */
#include <pthread.h>

#include "cl_api.h"
#include "cl_entry.h"

#include "work.h"

/* ---- Calls that can be made to fail ---- */

#define FALLIBLE(X)                                                                                          \
    X(CreateContext)                                                                                         \
    X(CreateCommandQueue)                                                                                    \
    X(CreateBuffer)                                                                                          \
    X(CreateProgramWithSource)                                                                               \
    X(CreateProgramWithBinary) X(BuildProgram) X(GetProgramInfo) X(CreateKernel) X(SetKernelArg)             \
        X(EnqueueNDRangeKernel) X(EnqueueReadBuffer) X(EnqueueWriteBuffer) X(EnqueueCopyBuffer)              \
            X(EnqueueFillBuffer) X(EnqueueMapBuffer) X(WaitForEvents) X(GetEventProfilingInfo) X(Flush)      \
                X(Finish)

typedef enum call {
#define X(name) CALL_##name,
    FALLIBLE(X)
#undef X
        CALL_COUNT
} call;

static const char *const names[CALL_COUNT] = {
#define X(name) #name,
    FALLIBLE(X)
#undef X
};

static ac_cl_api real;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* programs are built by several threads */
static struct {
    uint32_t made[CALL_COUNT];
    call which;
    uint32_t at; /* the at-th call of `which` fails; 0 = none */
    bool lasts;  /* and everything after it */
    bool fired;
    cl_int code;
    bool no_host;              /* no buffer over the host's memory */
    size_t few;                /* not 0: work-items that a kernel takes */
    int live;                  /* objects made and not released */
    cl_command_queue queue[4]; /* there now */
} faults;

/* What was under way when a device is lost ends somehow. */
static void all_end(void) {
    for (int i = 0; i < 4; i++)
        if (faults.queue[i]) real.Finish(faults.queue[i]);
}

static bool fails(call c) {
    pthread_mutex_lock(&lock);
    bool now = ++faults.made[c] == faults.at && c == faults.which && faults.at;
    if (now && faults.lasts) all_end();
    if (now) faults.fired = true;
    bool result = now || (faults.lasts && faults.fired);
    pthread_mutex_unlock(&lock);
    return result;
}

static void count(int objects) {
    pthread_mutex_lock(&lock);
    faults.live += objects;
    pthread_mutex_unlock(&lock);
}

/* Something that makes an object, with the error's code as last argument. */
#define MAKES(type, name, params, args)                                                                      \
    static type CL_API_CALL fake_##name params {                                                             \
        if (fails(CALL_##name)) {                                                                            \
            if (rc) *rc = faults.code;                                                                       \
            return NULL;                                                                                     \
        }                                                                                                    \
        type made = real.name args;                                                                          \
        if (made) count(1);                                                                                  \
        return made;                                                                                         \
    }
/* Something that returns the code. */
#define RETURNS(name, params, args)                                                                          \
    static cl_int CL_API_CALL fake_##name params {                                                           \
        return fails(CALL_##name) ? faults.code : real.name args;                                            \
    }
/* The same, making an event when one is wanted. */
#define ENQUEUES(name, params, args)                                                                         \
    static cl_int CL_API_CALL fake_##name params {                                                           \
        if (fails(CALL_##name)) return faults.code;                                                          \
        cl_int rc = real.name args;                                                                          \
        if (rc == CL_SUCCESS && event) count(1);                                                             \
        return rc;                                                                                           \
    }
#define RELEASES(name, type)                                                                                 \
    static cl_int CL_API_CALL fake_##name(type object) {                                                     \
        count(-1);                                                                                           \
        return real.name(object);                                                                            \
    }

typedef void(CL_CALLBACK *context_told)(const char *, const void *, size_t, void *);
typedef void(CL_CALLBACK *build_told)(cl_program, void *);

MAKES(cl_context, CreateContext,
      (const cl_context_properties *p, cl_uint n, const cl_device_id *ids, context_told told, void *user,
       cl_int *rc),
      (p, n, ids, told, user, rc))

static void exchange(cl_command_queue from, cl_command_queue to) {
    int i = 0;
    while (i < 4 && faults.queue[i] != from) i++;
    CHECK(i < 4, "many queues");
    faults.queue[i] = to;
}

static cl_command_queue CL_API_CALL fake_CreateCommandQueue(cl_context c, cl_device_id id,
                                                            cl_command_queue_properties p, cl_int *rc) {
    if (fails(CALL_CreateCommandQueue)) return *rc = faults.code, NULL;
    cl_command_queue made = real.CreateCommandQueue(c, id, p, rc);
    if (made) count(1), exchange(NULL, made);
    return made;
}

static cl_int CL_API_CALL fake_ReleaseCommandQueue(cl_command_queue q) {
    count(-1), exchange(q, NULL);
    return real.ReleaseCommandQueue(q);
}

static cl_mem CL_API_CALL fake_CreateBuffer(cl_context c, cl_mem_flags flags, size_t bytes, void *host,
                                            cl_int *rc) {
    bool refused = faults.no_host && flags & CL_MEM_USE_HOST_PTR;
    if (fails(CALL_CreateBuffer) || refused) return *rc = refused ? CL_INVALID_HOST_PTR : faults.code, NULL;
    cl_mem made = real.CreateBuffer(c, flags, bytes, host, rc);
    if (made) count(1);
    return made;
}

static cl_int CL_API_CALL fake_group_info(cl_kernel k, cl_device_id id, cl_kernel_work_group_info what,
                                          size_t cap, void *out, size_t *size) {
    cl_int rc = real.GetKernelWorkGroupInfo(k, id, what, cap, out, size);
    if (faults.few && what == CL_KERNEL_WORK_GROUP_SIZE) *(size_t *)out = faults.few;
    return rc;
}

/* A kernel that takes few work-items is not launched with more. */
static cl_int CL_API_CALL fake_EnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint dims,
                                                    const size_t *offset, const size_t *global,
                                                    const size_t *local, cl_uint n, const cl_event *list,
                                                    cl_event *event) {
    if (fails(CALL_EnqueueNDRangeKernel)) return faults.code;
    if (faults.few && dims > 1 && local[0] > faults.few) return CL_INVALID_WORK_GROUP_SIZE;
    cl_int rc = real.EnqueueNDRangeKernel(q, k, dims, offset, global, local, n, list, event);
    if (rc == CL_SUCCESS && event) count(1);
    return rc;
}
MAKES(cl_program, CreateProgramWithSource,
      (cl_context c, cl_uint n, const char **texts, const size_t *lengths, cl_int *rc),
      (c, n, texts, lengths, rc))
MAKES(cl_program, CreateProgramWithBinary,
      (cl_context c, cl_uint n, const cl_device_id *ids, const size_t *lengths,
       const unsigned char **binaries, cl_int *state, cl_int *rc),
      (c, n, ids, lengths, binaries, state, rc))
MAKES(cl_kernel, CreateKernel, (cl_program p, const char *name, cl_int *rc), (p, name, rc))
MAKES(void *, EnqueueMapBuffer,
      (cl_command_queue q, cl_mem m, cl_bool wait, cl_map_flags flags, size_t at, size_t bytes, cl_uint n,
       const cl_event *list, cl_event *event, cl_int *rc),
      (q, m, wait, flags, at, bytes, n, list, event, rc))
RETURNS(BuildProgram,
        (cl_program p, cl_uint n, const cl_device_id *ids, const char *options, build_told told, void *user),
        (p, n, ids, options, told, user))
RETURNS(GetProgramInfo, (cl_program p, cl_program_info what, size_t cap, void *out, size_t *size),
        (p, what, cap, out, size))
RETURNS(SetKernelArg, (cl_kernel k, cl_uint i, size_t bytes, const void *p), (k, i, bytes, p))
RETURNS(WaitForEvents, (cl_uint n, const cl_event *list), (n, list))
RETURNS(GetEventProfilingInfo, (cl_event e, cl_profiling_info what, size_t cap, void *out, size_t *size),
        (e, what, cap, out, size))
RETURNS(Flush, (cl_command_queue q), (q))
RETURNS(Finish, (cl_command_queue q), (q))
ENQUEUES(EnqueueReadBuffer,
         (cl_command_queue q, cl_mem m, cl_bool wait, size_t at, size_t bytes, void *p, cl_uint n,
          const cl_event *list, cl_event *event),
         (q, m, wait, at, bytes, p, n, list, event))
ENQUEUES(EnqueueWriteBuffer,
         (cl_command_queue q, cl_mem m, cl_bool wait, size_t at, size_t bytes, const void *p, cl_uint n,
          const cl_event *list, cl_event *event),
         (q, m, wait, at, bytes, p, n, list, event))
ENQUEUES(EnqueueCopyBuffer,
         (cl_command_queue q, cl_mem from, cl_mem to, size_t a, size_t b, size_t bytes, cl_uint n,
          const cl_event *list, cl_event *event),
         (q, from, to, a, b, bytes, n, list, event))
ENQUEUES(EnqueueFillBuffer,
         (cl_command_queue q, cl_mem m, const void *p, size_t k, size_t at, size_t bytes, cl_uint n,
          const cl_event *list, cl_event *event),
         (q, m, p, k, at, bytes, n, list, event))
RELEASES(ReleaseContext, cl_context)
RELEASES(ReleaseMemObject, cl_mem)
RELEASES(ReleaseProgram, cl_program)
RELEASES(ReleaseKernel, cl_kernel)
RELEASES(ReleaseEvent, cl_event)

static cl_int CL_API_CALL fake_unmap(cl_command_queue q, cl_mem m, void *p, cl_uint n, const cl_event *list,
                                     cl_event *event) {
    count(-1);
    return real.EnqueueUnmapMemObject(q, m, p, n, list, event);
}

static void put_in_between(void) {
    real = ac__cl;
#define X(name) ac__cl.name = fake_##name;
    FALLIBLE(X)
    X(ReleaseContext)
    X(ReleaseCommandQueue)
    X(ReleaseMemObject)
    X(ReleaseProgram)
    X(ReleaseKernel) X(ReleaseEvent)
#undef X
        ac__cl.EnqueueUnmapMemObject = fake_unmap;
    ac__cl.GetKernelWorkGroupInfo = fake_group_info;
}

/* ---- The work: all of the face, once ---- */

typedef struct answer {
    float y[2 * M], again[2 * M];
    uint8_t page[4 * 4096];
    uint64_t ns[3];
} answer;

static ac_status use_cache(ac_dev *dev, answer *a, ac_error *err) {
    ac_kv_mem *kv = NULL;
    ac_status status = cl->kv_create(dev, 2, 2, 1, 4, &kv, err);
    CHECK((status == AC_OK) == (kv != NULL), "a cache and a failure");
    size_t bytes = 2 * ac_kv_layout_of(1, 4).page_bytes;
    CHECK(bytes <= sizeof a->page, "%zu bytes", bytes);
    memset(a->page, 7, bytes);
    if (status == AC_OK) status = cl->kv_write(kv, 0, a->page, err);
    if (status == AC_OK) status = cl->kv_copy(kv, 0, 1, err);
    memset(a->page, 0, bytes);
    if (status == AC_OK) status = cl->kv_read(kv, 1, a->page, err);
    cl->kv_destroy(kv);
    return status;
}

static ac_status run_again(ac_prog *prog, const ac_run *run, float *y, ac_error *err) {
    AC_TRY(cl->run(prog, run, err));
    AC_TRY(cl->wait(prog, err));
    return cl->read(prog, 2, 0, y, 2 * M * sizeof *y, err);
}

static ac_status use_plan(ac_dev *dev, const work *w, answer *a, ac_error *err) {
    static const int32_t token[2] = {VOCAB_ROW, M - 1}, zero[2] = {0, 0};
    ac_run run = {
        .n_rows = 2, .token = token, .pos = zero, .seq = zero, .slot = zero, .out_row = zero, .pages = zero};
    ac_weights *weights = NULL;
    ac_prog *prog = NULL;
    ac_status status = cl->load(dev, w->weights, 2, NULL, NULL, &weights, err);
    if (status == AC_OK) status = cl->prepare(dev, weights, NULL, &w->plan, &prog, err);
    CHECK((status == AC_OK) == (prog != NULL), "a program and a failure");
    if (status == AC_OK) status = run_again(prog, &run, a->y, err);
    if (status == AC_OK) status = run_again(prog, &run, a->again, err); /* recorded, where that is on */
    if (status == AC_OK) status = cl->profile(prog, true, err);
    if (status == AC_OK) status = run_again(prog, &run, a->again, err);
    if (status == AC_OK) status = cl->times(prog, a->ns, err);
    cl->release(prog);
    cl->unload(weights);
    return status;
}

static ac_status all_of_it(const work *w, const char *mask, const char *cache, answer *a, ac_error *err) {
    ac_dev *dev = NULL;
    memset(a, 0, sizeof *a);
    ac_status status = cl->open(&(ac_open_settings){.mask = mask, .cache_dir = cache}, &dev, err);
    CHECK((status == AC_OK) == (dev != NULL), "a device and a failure");
    if (status != AC_OK) return status;
    status = use_cache(dev, a, err);
    if (status == AC_OK) status = use_plan(dev, w, a, err);
    cl->close(dev);
    return status;
}

/* ---- The faults ---- */

static bool same(const answer *a, const answer *b) {
    return !memcmp(a->y, b->y, sizeof a->y) && !memcmp(a->again, b->again, sizeof a->again) &&
           !memcmp(a->page, b->page, sizeof a->page);
}

/* What a driver would say: memory for what is made, the build for builds, a lost device for the rest. */
static cl_int code_for(call c, bool lasts) {
    if (lasts) return CL_DEVICE_NOT_AVAILABLE;
    switch (c) {
    case CALL_BuildProgram:
        return CL_BUILD_PROGRAM_FAILURE;
    case CALL_CreateBuffer: /* fall through */
    case CALL_EnqueueMapBuffer:
        return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    case CALL_Finish: /* fall through */
    case CALL_Flush:
    case CALL_WaitForEvents:
        return CL_DEVICE_NOT_AVAILABLE;
    default:
        return CL_OUT_OF_RESOURCES;
    }
}

static void fault_at(const work *w, const char *mask, const char *cache, const answer *want, call c,
                     uint32_t at, bool lasts) {
    static answer have;
    ac_error err = {0};
    memset(faults.made, 0, sizeof faults.made);
    faults.which = c, faults.at = at, faults.lasts = lasts, faults.fired = false;
    faults.code = code_for(c, lasts);
    ac_status status = all_of_it(w, mask, cache, &have, &err);
    faults.at = 0, faults.lasts = false;
    if (status == AC_OK) CHECK(same(want, &have), "%s %u (%s): other bits", names[c], at, mask);
    if (status != AC_OK) CHECK(err.detail[0], "%s %u (%s): no reason", names[c], at, mask);
    if (lasts && faults.fired)
        CHECK(status == AC_ERR_DEVICE_LOST || status == AC_ERR_BUILD || status == AC_ERR_DEVICE,
              "%s %u (%s): a lost device gives %s: %s", names[c], at, mask, ac_status_name(status),
              err.detail);
    CHECK(faults.live == 0, "%s %u (%s): %d objects are not released", names[c], at, mask, faults.live);
}

/* Every call of the clean run fails in turn; of many alike, some. */
static uint32_t all_faults(const work *w, const char *mask, const char *cache) {
    static answer want;
    uint32_t calls[CALL_COUNT], tried = 0;
    ac_error err = {0};
    CHECK_OK(all_of_it(w, mask, cache, &want, &err)); /* fills the cache, when there is one */
    memset(faults.made, 0, sizeof faults.made);
    CHECK_OK(all_of_it(w, mask, cache, &want, &err));
    CHECK(faults.live == 0, "%d objects are not released", faults.live);
    memcpy(calls, faults.made, sizeof calls);
    for (call c = 0; c < CALL_COUNT; c++) {
        uint32_t step = calls[c] / 12 + 1;
        for (uint32_t at = 1; at <= calls[c]; at += step, tried++) {
            fault_at(w, mask, cache, &want, c, at, false);
            fault_at(w, mask, cache, &want, c, at, true);
        }
    }
    fault_at(w, mask, cache, &want, CALL_Finish, 0, false); /* and after all that: none */
    return tried;
}

/* A driver that does not take the file's mapping, and one whose kernels take few work-items: the same bits.
 */
static void reluctant(const work *w) {
    static answer want, have;
    ac_error err = {0};
    CHECK_OK(all_of_it(w, "", NULL, &want, &err));
    faults.no_host = true;
    CHECK_OK(all_of_it(w, "", NULL, &have, &err));
    CHECK(same(&want, &have), "weights that are uploaded after all");
    faults.no_host = false, faults.few = 4;
    CHECK_OK(all_of_it(w, "", NULL, &have, &err));
    CHECK(same(&want, &have), "small groups");
    ac_device_info info = {0};
    size_t n;
    CHECK_OK(cl->enumerate(&info, 1, &n, &err));
    for (faults.few = 4; faults.few <= 16 && !strstr(info.driver, "rusticl"); faults.few *= 4) {
        CHECK_OK(all_of_it(w, "use_group=1", NULL, &have, &err)); /* rusticl is not asked (cl_quirks.c) */
        CHECK(same(&want, &have), "groups that cooperate of %zu", faults.few);
    }
    faults.few = 0;
    CHECK(faults.live == 0, "%d objects are not released", faults.live);
}

/* Writes to the device that a run makes whose wait fails, or does not. */
static uint32_t writes_of_run(ac_prog *prog, const ac_run *run, bool lost) {
    ac_error err = {0};
    memset(faults.made, 0, sizeof faults.made);
    faults.which = CALL_Finish, faults.code = CL_OUT_OF_RESOURCES, faults.at = lost ? 1 : 0;
    ac_status status = cl->run(prog, run, &err);
    if (status == AC_OK) status = cl->wait(prog, &err);
    faults.at = 0;
    CHECK((status == AC_OK) == !lost, "%s", err.detail);
    return faults.made[CALL_EnqueueWriteBuffer];
}

/* The page table is sent when it changes, and again when a run has failed. */
static void page_table(const work *w) {
    static const int32_t token[2] = {VOCAB_ROW, M - 1}, zero[2] = {0, 0}, page[1] = {3};
    ac_run run = {.n_rows = 2,
                  .token = token,
                  .pos = zero,
                  .seq = zero,
                  .slot = zero,
                  .out_row = zero,
                  .pages = page,
                  .n_pages_used = 1};
    ac_error err = {0};
    ac_dev *dev;
    ac_weights *weights;
    ac_prog *prog;
    CHECK_OK(cl->open(&(ac_open_settings){0}, &dev, &err));
    CHECK_OK(cl->load(dev, w->weights, 2, NULL, NULL, &weights, &err));
    CHECK_OK(cl->prepare(dev, weights, NULL, &w->plan, &prog, &err));
    uint32_t first = writes_of_run(prog, &run, false), again = writes_of_run(prog, &run, false);
    CHECK(first == 2 && again == 1, "writes: %u, then %u", first, again);
    CHECK(writes_of_run(prog, &run, true) == 1, "writes of a run that fails");
    CHECK(writes_of_run(prog, &run, false) == 2, "the page table is not sent again");
    cl->release(prog);
    cl->unload(weights);
    cl->close(dev);
}

int main(void) {
    static const char *const masks[] = {"", "zerocopy,use_record=1", "zerocopy,use_group=1,wg=16",
                                        "subgroup=emulated,subgroup_size=8"};
    char folder[] = "/tmp/anychip-faults-XXXXXX", command[64];
    work w;
    ac_error err = {0};
    if (ac__cl_api_load(&err) != AC_OK) {
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    cl = ac_backend_cl(AC_BACKEND_ABI);
    size_t n = 0;
    if (cl->enumerate(NULL, 0, &n, &err) != AC_OK) {
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    CHECK(mkdtemp(folder), "mkdtemp");
    make_work(&w);
    put_in_between();
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        printf("mask \"%s\": %u faults\n", masks[i], all_faults(&w, masks[i], folder));
    reluctant(&w);
    page_table(&w);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0, "%s", command);
    free(w.file);
    return 0;
}
