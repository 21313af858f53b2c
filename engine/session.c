/* session.c - sequences, their KV pages, and runs over the stages of a model. */
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "exact.h"
#include "session.h"

enum {
    DEFAULT_CONTEXT = 4096,
    DEFAULT_BATCH = 512,
    MAX_SEQUENCES = 4096,
    MAX_BATCH = 1 << 16,
    MAX_OUTPUTS = 1 << 20
};

void ac_session_defaults(ac_session_settings *s) {
    memset(s, 0, sizeof *s);
    s->size = sizeof *s;
    s->sequences = 1;
    s->batch = DEFAULT_BATCH;
    s->max_outputs = 1;
}

/* ---- Open and close ---- */

static ac_status check_range(const char *what, uint32_t value, uint32_t most, ac_error *err) {
    if (value >= 1 && value <= most) return AC_OK;
    return ac_fail(err, AC_ERR_ARGUMENT, "session: %s is %u, want 1 to %u", what, value, most);
}

static ac_status check_context(const ac_session *s, ac_error *err) {
    uint32_t context = s->set.context, most = s->model->hp.max_context;
    if (context <= most || !s->model->hp.window) return check_range("context", context, most, err);
    return ac_fail(
        err, AC_ERR_ARGUMENT,
        "session: context is %u, want 1 to %u: longer than the sliding window of the model's attention, "
        "which is not supported",
        context, most);
}

static ac_status check_settings(ac_session *s, ac_error *err) {
    ac_session_settings *set = &s->set;
    uint32_t own = s->model->hp.context;
    if (set->size != sizeof *set)
        return ac_fail(err, AC_ERR_ARGUMENT, "settings: not from ac_session_defaults of this version");
    if (!set->context) set->context = own < DEFAULT_CONTEXT ? own : DEFAULT_CONTEXT;
    AC_TRY(check_context(s, err));
    AC_TRY(check_range("sequences", set->sequences, MAX_SEQUENCES, err));
    AC_TRY(check_range("batch", set->batch, MAX_BATCH, err));
    AC_TRY(check_range("max_outputs", set->max_outputs, MAX_OUTPUTS, err));
    uint64_t positions = (uint64_t)set->context * set->sequences;
    if (set->batch > positions) set->batch = (uint32_t)positions;
    uint64_t full = (uint64_t)set->sequences * ((set->context + AC_PAGE - 1) / AC_PAGE);
    if (!set->cache_pages) set->cache_pages = full > INT32_MAX / AC_PAGE ? UINT32_MAX : (uint32_t)full;
    return check_range("cache_pages", set->cache_pages, INT32_MAX / AC_PAGE, err);
}

static ac_status host_memory(ac_session *s, ac_error *err) {
    const ac_session_settings *set = &s->set;
    const ac_hparams *h = &s->model->hp;
    AC_TRY(ac__pages_init(&s->pages, set->cache_pages, set->sequences, set->context, err));
    s->inputs = ac__array(set->batch, 5 * sizeof *s->inputs);
    s->logits = ac__array((size_t)set->max_outputs * h->vocab, sizeof *s->logits);
    s->old_lengths = ac__array(set->sequences, sizeof *s->old_lengths);
    s->adds = ac__array(set->sequences, sizeof *s->adds);
    if (!s->inputs || !s->logits || !s->old_lengths || !s->adds)
        return ac_fail(err, AC_ERR_MEMORY, "session: context %u, batch %u, %u outputs of %u logits",
                       set->context, set->batch, set->max_outputs, h->vocab);
    return AC_OK;
}

/* The model's list of sessions is for ac_model_reopen, which takes their devices away. */
static ac_status bring_to_devices(ac_session *s, ac_error *err) {
    ac_model *m = s->model;
    pthread_rwlock_rdlock(&m->devices);
    ac_status status = ac__session_open_stages(s, err);
    if (status == AC_OK) {
        pthread_mutex_lock(&m->list);
        s->next = m->sessions;
        m->sessions = s;
        pthread_mutex_unlock(&m->list);
    }
    pthread_rwlock_unlock(&m->devices);
    return status;
}

static void leave_devices(ac_session *s) {
    ac_model *m = s->model;
    pthread_rwlock_rdlock(&m->devices);
    ac__session_release(s);
    pthread_mutex_lock(&m->list);
    ac_session **at = &m->sessions;
    while (*at && *at != s) at = &(*at)->next;
    if (*at) *at = s->next;
    pthread_mutex_unlock(&m->list);
    pthread_rwlock_unlock(&m->devices);
}

ac_status ac_session_open(ac_model *model, const ac_session_settings *settings, ac_session **out,
                          ac_error *err) {
    AC_FP_SCOPE;
    *out = NULL;
    if (!model->hp.arch)
        return ac_fail(err, AC_ERR_ARGUMENT, "session: the model was opened with vocab_only");
    ac_session *s = ac__calloc(1, sizeof *s);
    if (!s) return ac_fail(err, AC_ERR_MEMORY, "session");
    s->model = model;
    if (settings)
        s->set = *settings;
    else
        ac_session_defaults(&s->set);
    ac_status status = check_settings(s, err);
    if (status == AC_OK) status = host_memory(s, err);
    if (status == AC_OK) status = bring_to_devices(s, err);
    if (status != AC_OK) {
        ac_session_close(&s);
        return status;
    }
    s->info.context = s->set.context, s->info.sequences = s->set.sequences, s->info.batch = s->set.batch;
    s->info.max_outputs = s->set.max_outputs, s->info.cache_pages = s->set.cache_pages;
    *out = s;
    return AC_OK;
}

void ac_session_close(ac_session **session) {
    if (!session || !*session) return;
    ac_session *s = *session;
    leave_devices(s);
    ac__pages_free(&s->pages);
    ac__free(s->inputs);
    ac__free(s->hidden);
    ac__free(s->logits);
    ac__free(s->old_lengths);
    ac__free(s->adds);
    ac__free(s);
    *session = NULL;
}

void ac_session_describe(const ac_session *s, ac_session_info *out) {
    *out = s->info;
}

/* ---- Eval ---- */

/* Checks rows against limits before anything changes. */
static ac_status check_rows(ac_session *s, const ac_row *rows, size_t n, ac_error *err) {
    size_t outputs = 0;
    uint64_t pages = 0;
    memset(s->adds, 0, s->set.sequences * sizeof *s->adds);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].token < 0 || (uint32_t)rows[i].token >= s->model->hp.vocab)
            return ac_fail(err, AC_ERR_TEXT, "row %zu: token %d is not in 0 .. %u", i, rows[i].token,
                           s->model->hp.vocab - 1);
        if (rows[i].seq >= s->set.sequences)
            return ac_fail(err, AC_ERR_ARGUMENT, "row %zu: sequence %u of %u", i, rows[i].seq,
                           s->set.sequences);
        if (s->pages.seqs[rows[i].seq].length + s->adds[rows[i].seq] >= s->set.context)
            return ac_fail(err, AC_ERR_CONTEXT_FULL,
                           "row %zu: sequence %u would be longer than the context of %u tokens", i,
                           rows[i].seq, s->set.context);
        s->adds[rows[i].seq]++;
        outputs += rows[i].want_logits;
    }
    if (outputs > s->set.max_outputs)
        return ac_fail(err, AC_ERR_ARGUMENT, "%zu rows want logits, max_outputs is %u", outputs,
                       s->set.max_outputs);
    for (uint32_t q = 0; q < s->set.sequences; q++) pages += ac__pages_needed(&s->pages, q, s->adds[q]);
    if (pages > s->pages.n_free)
        return ac_fail(err, AC_ERR_CONTEXT_FULL,
                       "%llu KV pages of 256 positions are needed, %u of %u are free",
                       (unsigned long long)pages, s->pages.n_free, s->pages.n_pages);
    return AC_OK;
}

/* A page whose copy fails lacks its tokens until they are fed again. */
static ac_status copy_page(ac_session *s, int32_t from, int32_t to, ac_error *err) {
    ac_status status = ac__model_ready(s->model, err);
    for (uint32_t i = 0; i < s->model->n_stages && status == AC_OK; i++) {
        ac_stage *stage = &s->model->stages[i];
        pthread_mutex_lock(&stage->lock);
        status = stage->backend->kv_copy(s->stages[i].kv, (uint32_t)from, (uint32_t)to, err);
        pthread_mutex_unlock(&stage->lock);
    }
    s->stale = s->stale || status != AC_OK;
    return status;
}

/* Appends `n` rows to their sequences and fills the inputs of a run. */
static ac_status fill_run(ac_session *s, const ac_row *rows, uint32_t n, ac_run *run, ac_error *err) {
    uint32_t batch = s->set.batch, longest = 0;
    int32_t *token = s->inputs, *pos = token + batch, *seq = pos + batch, *slot = seq + batch,
            *out_row = slot + batch;
    *run = (ac_run){.n_rows = n,
                    .token = token,
                    .pos = pos,
                    .seq = seq,
                    .slot = slot,
                    .out_row = out_row,
                    .pages = s->pages.table};
    for (uint32_t r = 0; r < n; r++) {
        const ac_sequence *q = &s->pages.seqs[rows[r].seq];
        int32_t copy_from;
        token[r] = rows[r].token;
        pos[r] = (int32_t)q->length;
        seq[r] = (int32_t)rows[r].seq;
        ac__pages_append(&s->pages, rows[r].seq, rows[r].token, &slot[r], &copy_from);
        if (copy_from >= 0) AC_TRY(copy_page(s, copy_from, slot[r] / (int32_t)AC_PAGE, err));
        if (q->length > longest) longest = q->length;
        if (rows[r].want_logits) out_row[run->n_out++] = (int32_t)r;
    }
    run->n_pages_used = (longest + AC_PAGE - 1) / AC_PAGE;
    return AC_OK;
}

static ac_status run_chunk(ac_session *s, const ac_row *rows, uint32_t n, ac_error *err) {
    ac_run run;
    AC_TRY(fill_run(s, rows, n, &run, err));
    AC_TRY(ac__session_run(s, &run, s->logits + (size_t)s->n_logits * s->model->hp.vocab, err));
    s->n_logits += run.n_out;
    if (s->profiling) s->profile.runs++, s->profile.rows += n;
    return AC_OK;
}

/* Rows of the next run: at most `batch`. */
static uint32_t chunk_of(const ac_session *s, size_t left) {
    return left < s->set.batch ? (uint32_t)left : s->set.batch;
}

static ac_status eval(ac_session *s, const ac_row *rows, size_t n, ac_error *err) {
    AC_TRY(ac__session_revive(s, err));
    for (uint32_t q = 0; q < s->set.sequences; q++) s->old_lengths[q] = s->pages.seqs[q].length;
    ac_status status = AC_OK;
    for (size_t done = 0; done < n && status == AC_OK;) {
        uint32_t now = chunk_of(s, n - done);
        status = run_chunk(s, rows + done, now, err);
        done += now;
    }
    if (status == AC_OK) return AC_OK;
    for (uint32_t q = 0; q < s->set.sequences; q++) ac__pages_truncate(&s->pages, q, s->old_lengths[q]);
    return status;
}

ac_status ac_session_eval(ac_session *s, const ac_row *rows, size_t n, ac_error *err) {
    AC_TRY(check_rows(s, rows, n, err));
    s->n_logits = 0;
    pthread_rwlock_rdlock(&s->model->devices);
    ac_status status = eval(s, rows, n, err);
    pthread_rwlock_unlock(&s->model->devices);
    if (status != AC_OK) s->n_logits = 0;
    return status;
}

const float *ac_session_logits(const ac_session *s, size_t i) {
    return i < s->n_logits ? s->logits + i * s->model->hp.vocab : NULL;
}

ac_status ac_session_feed(ac_session *s, const int32_t *ids, size_t n, ac_error *err) {
    ac_row *rows = ac__array(n ? n : 1, sizeof *rows);
    if (!rows) return ac_fail(err, AC_ERR_MEMORY, "%zu rows", n);
    for (size_t i = 0; i < n; i++) rows[i] = (ac_row){ids[i], 0, i + 1 == n};
    ac_status status = ac_session_eval(s, rows, n, err);
    ac__free(rows);
    return status;
}

/* ---- Profile ---- */

static ac_status profile_stage(ac_session *s, uint32_t i, bool on, ac_error *err) {
    const ac_stage *stage = &s->model->stages[i];
    stage_state *st = &s->stages[i];
    uint32_t n = st->built.plan.n_ops;
    if (!stage->backend->profile || !stage->backend->times)
        return ac_fail(err, AC_ERR_UNSUPPORTED, "profile: %s does not measure operations", stage->id);
    if (!st->ns) st->ns = ac__calloc(n, sizeof *st->ns);
    if (!st->last) st->last = ac__calloc(n, sizeof *st->last);
    if (!st->ns || !st->last) return ac_fail(err, AC_ERR_MEMORY, "profile of %u operations", n);
    if (on) memset(st->ns, 0, n * sizeof *st->ns);
    return stage->backend->profile(st->prog, on, err);
}

ac_status ac_session_profile(ac_session *s, bool on, ac_error *err) {
    if (!on && !s->profiling) return AC_OK;
    s->profiling = false; /* unless all devices can */
    if (on) s->profile = (ac_profile_info){0};
    pthread_rwlock_rdlock(&s->model->devices);
    ac_status status = s->on_device ? ac__model_ready(s->model, err) : ac__session_open_stages(s, err);
    for (uint32_t i = 0; i < s->model->n_stages && status == AC_OK; i++) {
        pthread_mutex_lock(&s->model->stages[i].lock);
        status = profile_stage(s, i, on, err);
        pthread_mutex_unlock(&s->model->stages[i].lock);
        if (on) s->profile.count += s->stages[i].built.plan.n_ops;
    }
    pthread_rwlock_unlock(&s->model->devices);
    s->profiling = on && status == AC_OK;
    return status;
}

void ac_session_profile_describe(const ac_session *s, ac_profile_info *out) {
    *out = s->profile;
}

/* The weight an operation uses; AC_NONE when it uses none. */
static uint32_t weight_of(const ac_op *op) {
    switch (op->kind) {
    case AC_OP_embed:
        return op->embed.w;
    case AC_OP_rms_norm:
        return op->rms_norm.w;
    case AC_OP_matmul:
        return op->matmul.w;
    case AC_OP_add:
        return op->add.bias;
    default:
        return AC_NONE;
    }
}

bool ac_session_profile_at(const ac_session *s, size_t i, ac_profile_row *out) {
    for (uint32_t k = 0; k < s->model->n_stages; k++) {
        const stage_state *st = &s->stages[k];
        const ac_stage *stage = &s->model->stages[k];
        if (!st->ns) return false;
        if (i >= st->built.plan.n_ops) {
            i -= st->built.plan.n_ops;
            continue;
        }
        const ac_op *op = &st->built.plan.ops[i];
        *out = (ac_profile_row){.device = stage->id, .op = ac_op_name(op->kind), .ns = st->ns[i]};
        uint32_t w = weight_of(op);
        if (w == AC_NONE) return true;
        out->weight = stage->weights[w].name;
        out->type = ac_type_describe(stage->weights[w].type)->name;
        return true;
    }
    return false;
}

/* ---- Sequences ---- */

static ac_status check_seq(const ac_session *s, uint32_t seq, ac_error *err) {
    return seq < s->set.sequences ? AC_OK
                                  : ac_fail(err, AC_ERR_ARGUMENT, "sequence %u of %u", seq, s->set.sequences);
}

uint32_t ac_session_length(const ac_session *s, uint32_t seq) {
    return seq < s->set.sequences ? s->pages.seqs[seq].length : 0;
}

ac_status ac_session_truncate(ac_session *s, uint32_t seq, uint32_t length, ac_error *err) {
    AC_TRY(check_seq(s, seq, err));
    if (length > s->pages.seqs[seq].length)
        return ac_fail(err, AC_ERR_ARGUMENT, "sequence %u has %u tokens, not %u", seq,
                       s->pages.seqs[seq].length, length);
    ac__pages_truncate(&s->pages, seq, length);
    return AC_OK;
}

ac_status ac_session_fork(ac_session *s, uint32_t from, uint32_t to, uint32_t length, ac_error *err) {
    int32_t copy_from, copy_to;
    AC_TRY(check_seq(s, from, err));
    AC_TRY(check_seq(s, to, err));
    if (from == to || s->pages.seqs[to].length)
        return ac_fail(err, AC_ERR_ARGUMENT, "fork: sequence %u is not empty", to);
    if (length > s->pages.seqs[from].length)
        return ac_fail(err, AC_ERR_ARGUMENT, "fork: sequence %u has %u tokens, not %u", from,
                       s->pages.seqs[from].length, length);
    if (!ac__pages_fork(&s->pages, from, to, length, &copy_from, &copy_to))
        return ac_fail(err, AC_ERR_CONTEXT_FULL, "fork: none of %u KV pages is free", s->pages.n_pages);
    ac_status status = AC_OK;
    pthread_rwlock_rdlock(&s->model->devices);
    if (copy_from >= 0 && !s->stale) status = copy_page(s, copy_from, copy_to, err); /* else fed again */
    pthread_rwlock_unlock(&s->model->devices);
    if (status != AC_OK) ac__pages_truncate(&s->pages, to, 0);
    return status;
}
