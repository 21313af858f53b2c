/* session_stages.c - what a session holds on devices: made, given back, and brought back after
 * ac_model_reopen by feeding the tokens again. */
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "exact.h"
#include "rope.h"
#include "session.h"

/* ---- Stages ---- */

static ac_status open_stage(ac_session *s, uint32_t i, ac_error *err) {
    AC_FP_SCOPE;
    ac_model *m = s->model;
    ac_stage *stage = &m->stages[i];
    stage_state *st = &s->stages[i];
    const ac_session_settings *set = &s->set;
    uint32_t max_out = set->max_outputs < set->batch ? set->max_outputs : set->batch;
    ac_plan_settings plan = {set->batch, max_out, set->sequences, s->pages.max_pages, &s->rope_const};
    AC_TRY(ac__plan_build(m, stage, &plan, &st->built, err));
    uint32_t layers = stage->last - stage->first;
    AC_TRY(stage->backend->kv_create(stage->dev, layers, set->cache_pages, m->hp.kv_heads, m->hp.head_dim,
                                     &st->kv, err));
    AC_TRY(stage->backend->prepare(stage->dev, stage->on_device, st->kv, &st->built.plan, &st->prog, err));
    s->info.kv_bytes +=
        ac_kv_layout_of(m->hp.kv_heads, m->hp.head_dim).page_bytes * (uint64_t)layers * set->cache_pages;
    s->info.scratch_bytes += stage->backend->prog_bytes(st->prog);
    return AC_OK;
}

/* The RoPE table, of which each device has its own once a plan is prepared: freed then. */
static ac_status make_rope(ac_session *s, float **table, ac_error *err) {
    AC_FP_SCOPE;
    const ac_rope_params *rope = &s->model->hp.rope;
    size_t entries = s->set.context * (size_t)(rope->rot / 2);
    *table = ac__array(entries, 2 * sizeof **table);
    if (!*table) return ac_fail(err, AC_ERR_MEMORY, "session: RoPE table for %u positions", s->set.context);
    ac_rope_fill(rope, s->set.context, *table);
    s->rope_const = (ac_plan_const){"rope", *table, entries * 2 * sizeof **table};
    return AC_OK;
}

ac_status ac__session_open_stages(ac_session *s, ac_error *err) {
    float *rope;
    AC_TRY(ac__model_ready(s->model, err));
    s->info.kv_bytes = s->info.scratch_bytes = 0;
    if (s->model->n_stages > 1 && !s->hidden) {
        s->hidden = ac__array((size_t)s->set.batch * s->model->hp.dim, sizeof *s->hidden);
        if (!s->hidden) return ac_fail(err, AC_ERR_MEMORY, "session: batch %u", s->set.batch);
    }
    ac_status status = make_rope(s, &rope, err);
    s->on_device = status == AC_OK;
    for (uint32_t i = 0; i < s->model->n_stages && status == AC_OK; i++) {
        pthread_mutex_lock(&s->model->stages[i].lock);
        status = open_stage(s, i, err);
        pthread_mutex_unlock(&s->model->stages[i].lock);
    }
    ac__free(rope);
    s->rope_const.data = NULL;
    if (status != AC_OK) ac__session_release(s);
    return status;
}

void ac__session_release(ac_session *s) {
    for (uint32_t i = 0; s->on_device && i < s->model->n_stages; i++) {
        ac_stage *stage = &s->model->stages[i];
        stage_state *st = &s->stages[i];
        pthread_mutex_lock(&stage->lock);
        bool here = ac__stage_here(stage);
        if (here && st->prog) stage->backend->release(st->prog);
        if (here && st->kv) stage->backend->kv_destroy(st->kv);
        pthread_mutex_unlock(&stage->lock);
        ac__plan_free(&st->built);
        ac__free(st->ns);
        ac__free(st->last);
        memset(st, 0, sizeof *st);
    }
    s->on_device = s->profiling = false;
    s->stale = true;
}

/* ---- Runs ---- */

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Adds the times of the run that has just ended. */
static ac_status add_times(ac_session *s, uint32_t i, uint64_t start, ac_error *err) {
    stage_state *st = &s->stages[i];
    s->profile.ns += now() - start;
    AC_TRY(s->model->stages[i].backend->times(st->prog, st->last, err));
    for (uint32_t k = 0; k < st->built.plan.n_ops; k++) st->ns[k] += st->last[k];
    return AC_OK;
}

static ac_status run_stage(ac_session *s, uint32_t i, const ac_run *run, float *logits, ac_error *err) {
    AC_FP_SCOPE;
    ac_stage *stage = &s->model->stages[i];
    stage_state *st = &s->stages[i];
    uint64_t hidden = (uint64_t)run->n_rows * s->model->hp.dim * sizeof(float);
    if (!stage->embeds) AC_TRY(stage->backend->write(st->prog, st->built.in, 0, s->hidden, hidden, err));
    uint64_t start = s->profiling ? now() : 0;
    AC_TRY(stage->backend->run(st->prog, run, err));
    AC_TRY(stage->backend->wait(st->prog, err));
    if (s->profiling) AC_TRY(add_times(s, i, start, err));
    if (!stage->heads) return stage->backend->read(st->prog, st->built.out, 0, s->hidden, hidden, err);
    if (!run->n_out) return AC_OK;
    return stage->backend->read(st->prog, st->built.out, 0, logits,
                                (uint64_t)run->n_out * s->model->hp.vocab * sizeof(float), err);
}

ac_status ac__session_run(ac_session *s, const ac_run *run, float *logits, ac_error *err) {
    if (s->set.cancel && s->set.cancel(s->set.cancel_user))
        return ac_fail(err, AC_ERR_CANCELLED, "by the session's cancel callback");
    for (uint32_t i = 0; i < s->model->n_stages; i++) {
        ac_stage *stage = &s->model->stages[i];
        pthread_mutex_lock(&stage->lock);
        ac_status status = run_stage(s, i, run, logits, err);
        pthread_mutex_unlock(&stage->lock);
        AC_TRY(status);
    }
    return AC_OK;
}

/* ---- Replay ---- */

typedef struct replay {
    ac_session *s;
    ac_run run;
    int32_t *token, *pos, *seq, *slot; /* of s->inputs */
    uint16_t *filled;                  /* [n_pages] positions of a page that are computed again */
} replay;

static ac_status flush(replay *r, ac_error *err) {
    if (!r->run.n_rows) return AC_OK;
    AC_TRY(ac__session_run(r->s, &r->run, NULL, err));
    r->run.n_rows = r->run.n_pages_used = 0;
    return AC_OK;
}

/* Position `at` of sequence `q`, unless a sequence that shares the page had it already. */
static ac_status add(replay *r, uint32_t q, uint32_t at, ac_error *err) {
    const ac_sequence *seq = &r->s->pages.seqs[q];
    int32_t page = seq->pages[at / AC_PAGE];
    uint32_t in_page = at % AC_PAGE, n = r->run.n_rows;
    if (in_page < r->filled[page]) return AC_OK;
    r->filled[page] = (uint16_t)(in_page + 1);
    r->token[n] = seq->tokens[at];
    r->pos[n] = (int32_t)at;
    r->seq[n] = (int32_t)q;
    r->slot[n] = page * (int32_t)AC_PAGE + (int32_t)in_page;
    r->run.n_rows++;
    if (at / AC_PAGE + 1 > r->run.n_pages_used) r->run.n_pages_used = at / AC_PAGE + 1;
    return r->run.n_rows == r->s->set.batch ? flush(r, err) : AC_OK;
}

static ac_status replay_all(replay *r, ac_error *err) {
    const ac_pages *p = &r->s->pages;
    for (uint32_t q = 0; q < p->n_seqs; q++)
        for (uint32_t at = 0; at < p->seqs[q].length; at++) AC_TRY(add(r, q, at, err));
    return flush(r, err);
}

ac_status ac__session_revive(ac_session *s, ac_error *err) {
    uint32_t batch = s->set.batch;
    AC_TRY(s->on_device ? ac__model_ready(s->model, err) : ac__session_open_stages(s, err));
    if (!s->stale) return AC_OK;
    replay r = {.s = s,
                .token = s->inputs,
                .pos = s->inputs + batch,
                .seq = s->inputs + 2 * (size_t)batch,
                .slot = s->inputs + 3 * (size_t)batch,
                .filled = ac__calloc(s->pages.n_pages, sizeof *r.filled)};
    r.run = (ac_run){.token = r.token,
                     .pos = r.pos,
                     .seq = r.seq,
                     .slot = r.slot,
                     .out_row = s->inputs + 4 * (size_t)batch,
                     .pages = s->pages.table};
    if (!r.filled) return ac_fail(err, AC_ERR_MEMORY, "session: %u pages", s->pages.n_pages);
    ac_status status = replay_all(&r, err);
    ac__free(r.filled);
    if (status == AC_OK) s->stale = false;
    return status;
}
