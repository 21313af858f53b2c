/* Every allocation of the engine fails once: each failure must come back as a status, with nothing leaked
 * (ASan watches) and the next try working. */
#include "alloc.h"
#include "support.h"
#include "synth.h"

static ac_status whole_life(const gw *file, ac_error *err) {
    ac_model *m = NULL;
    ac_session *s = NULL;
    ac_digest *d = NULL;
    ac_session_settings set;
    ac_session_defaults(&set);
    set.sequences = 2;
    set.batch = 16;
    ac_status status = ac_model_open_memory(file->p, file->n, NULL, &m, err);
    if (status == AC_OK) status = ac_session_open(m, &set, &s, err);
    int32_t ids[] = {1, 2, 3, 4, 5};
    if (status == AC_OK) status = ac_session_feed(s, ids, 5, err);
    if (status == AC_OK) status = ac_session_fork(s, 0, 1, 3, err);
    if (status == AC_OK) status = ac_digest_open(m, &d, err);
    ac_digest_close(&d);
    ac_session_close(&s);
    ac_model_close(&m);
    return status;
}

int main(void) {
    synth m = {.arch = "qwen2",
               .type = AC_TYPE_Q4_0,
               .dim = 64,
               .layers = 2,
               .heads = 2,
               .kv_heads = 1,
               .head_dim = 32,
               .ffn = 64,
               .vocab = 40,
               .context = 64};
    gw file = synth_model(&m);
    ac_error err = {0};
    CHECK_OK(whole_life(&file, &err));
    ac__alloc_fail_after(-1);
    CHECK_OK(whole_life(&file, &err));
    long all = ac__alloc_count();
    CHECK(all > 20, "only %ld allocations are counted", all);
    for (long n = 0; n < all; n++) {
        ac__alloc_fail_after(n);
        ac_status status = whole_life(&file, &err);
        ac__alloc_fail_after(-1);
        CHECK(status == AC_ERR_MEMORY || status == AC_ERR_DEVICE_MEMORY, "allocation %ld of %ld: %s: %s", n,
              all, ac_status_name(status), err.detail);
        CHECK(err.detail[0], "allocation %ld: no detail", n);
    }
    CHECK_OK(whole_life(&file, &err));
    printf("%ld failing allocations survived\n", all);
    gw_free(&file);
    return 0;
}
