/* session.h - a session inside the engine: what its two files share. */
#ifndef AC_SESSION_H
#define AC_SESSION_H

#include "model.h"
#include "pages.h"
#include "plan.h"

/* What a session holds on one stage's device. */
typedef struct stage_state {
    ac_built_plan built;
    ac_kv_mem *kv;
    ac_prog *prog;
    uint64_t *ns, *last; /* per operation: of all profiled runs, of the last one; NULL until profiled */
} stage_state;

struct ac_session {
    ac_model *model;
    ac_session_settings set;
    ac_session_info info;
    ac_pages pages;
    stage_state stages[AC_MAX_STAGES];
    ac_plan_const rope_const;
    int32_t *inputs; /* token, pos, seq, slot, out_row: [5][batch] */
    float *hidden;   /* [batch][dim], between stages */
    float *logits;   /* [max_outputs][vocab] */
    uint32_t n_logits;
    uint32_t *old_lengths; /* [sequences] before the eval under way, for rollback */
    uint32_t *adds;        /* [sequences] tokens the eval under way appends */
    bool profiling;
    ac_profile_info profile;
    bool on_device;   /* stages are there */
    bool stale;       /* the caches on them lack tokens that the page table has */
    ac_session *next; /* of the model's sessions */
};

/* Sizes caches and programs on the model's devices. The caller holds model->devices for reading, as for all
 * that follows. Leaves nothing behind on failure. */
ac_status ac__session_open_stages(ac_session *s, ac_error *err);
/* Gives them back; the tokens stay, and the next eval brings the rest back. */
void ac__session_release(ac_session *s);
/* Ready for a run: after ac_model_reopen, opens stages and feeds the tokens of all sequences again. */
ac_status ac__session_revive(ac_session *s, ac_error *err);
/* One run through all stages; logits [n_out][vocab]. */
ac_status ac__session_run(ac_session *s, const ac_run *run, float *logits, ac_error *err);

#endif
