/* generate.c - prompt in, text out, with times and digest: the work behind `run` and `chat`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli.h"

static int sampler_open(const cli_options *o, cli_engine *e) {
    ac_error err = {0};
    ac_sampler_settings s;
    ac_sampler_defaults(&s);
    s.temperature = (float)o->temp;
    s.top_k = (uint32_t)o->top_k;
    s.top_p = (float)o->top_p;
    s.min_p = (float)o->min_p;
    s.repeat_penalty = (float)o->repeat_penalty;
    s.frequency_penalty = (float)o->frequency_penalty;
    s.presence_penalty = (float)o->presence_penalty;
    s.penalty_last = (uint32_t)o->penalty_last;
    s.seed = o->seed;
    bool shapes = o->top_k || o->top_p < 1 || o->min_p > 0 || o->seed;
    if (shapes && o->temp == 0 && !o->quiet)
        fprintf(stderr, "anychip: --top-k, --top-p, --min-p and --seed have no effect at temperature 0; add "
                        "--temp 0.8\n");
    return ac_sampler_open(e->model, &s, &e->sampler, &err) ? cli_fail_status(NULL, &err) : CLI_OK;
}

/* With --verbose: what runs where, and what memory it takes. */
static void report_engine(const cli_engine *e) {
    ac_model_info m;
    ac_session_info s;
    char file[16], kv[16], scratch[16];
    ac_model_describe(e->model, &m);
    ac_session_describe(e->session, &s);
    fprintf(stderr, "model       %s%s%s, %" PRIu64 " parameters, mostly %s, %s\n", m.architecture,
            *m.name ? " " : "", m.name, m.parameters, m.file_type, cli_bytes(m.file_bytes, file));
    fprintf(stderr, "            %" PRIu32 " layers of width %" PRIu32 ", vocabulary of %" PRIu32 " (%s)\n",
            m.layers, m.dim, m.vocab, m.tokenizer);
    fprintf(stderr, "device      %s\n", m.device);
    fprintf(stderr,
            "session     %" PRIu32 " positions, the model was made for %" PRIu32 "; cache %s, scratch %s\n",
            s.context, m.context, cli_bytes(s.kv_bytes, kv), cli_bytes(s.scratch_bytes, scratch));
}

int cli_engine_open(const cli_options *o, const char *path, cli_engine *e) {
    ac_error err = {0};
    *e = (cli_engine){.options = o};
    cli_catch_interrupt(false);
    int rc = cli_open_model(o, path, false, &e->model);
    if (rc) return rc;
    ac_session_settings s;
    ac_session_defaults(&s);
    s.context = (uint32_t)o->ctx;
    s.batch = (uint32_t)o->batch;
    s.cancel = cli_cancel;
    if (ac_session_open(e->model, &s, &e->session, &err) ||
        ac_detok_open(e->model, o->special, &e->detok, &err))
        rc = cli_fail_status(NULL, &err);
    else
        rc = sampler_open(o, e);
    if (rc) {
        cli_engine_close(e);
        return rc;
    }
    ac_session_info info;
    ac_session_describe(e->session, &info);
    e->context = info.context;
    e->profile = o->profile;
    if (o->verbose) report_engine(e);
    return CLI_OK;
}

void cli_engine_close(cli_engine *e) {
    ac_detok_close(&e->detok);
    ac_sampler_close(&e->sampler);
    ac_session_close(&e->session);
    ac_model_close(&e->model);
    cli_ids_free(&e->held);
}

/* ---- Text as it comes ---- */

typedef struct writer {
    cli_engine *engine;
    bool stream;
    cli_buf *keep;
} writer;

static bool put(const writer *w, const char *text) {
    if (w->keep) cli_buf_text(w->keep, text);
    return !w->stream || (cli_write(text, strlen(text)) && cli_flush());
}

static ac_status put_token(const writer *w, int32_t id, ac_error *err) {
    const char *text;
    AC_TRY(ac_detok_push(w->engine->detok, id, &text, err));
    return put(w, text) ? AC_OK : ac_fail(err, AC_ERR_IO, "output failed");
}

/* ---- The work ---- */

/* After a device was lost, `*err` says which: it is opened again; one that cannot be, or that is lost for the
 * third time, is given up for the CPU. The session feeds its tokens again by itself; a profile begins anew.
 */
static ac_status recover(cli_engine *e, ac_error *err) {
    enum { OFTEN = 3 };
    bool quiet = e->options->quiet, again = ++e->lost < OFTEN;
    if (again && !quiet) fprintf(stderr, "\nanychip: %s; opening it again\n", err->detail);
    again = again && cli_reopen_model(e->options, NULL, e->model, err) == AC_OK;
    if (!again && !quiet) fprintf(stderr, "\nanychip: %s; going on with the CPU\n", err->detail);
    if (!again) AC_TRY(cli_reopen_model(e->options, "cpu", e->model, err));
    return e->profile ? ac_session_profile(e->session, true, err) : AC_OK;
}

/* Feeds tokens and remembers that the session holds them. */
static ac_status feed(cli_engine *e, const int32_t *ids, size_t n, ac_error *err) {
    ac_status status;
    while ((status = ac_session_feed(e->session, ids, n, err)) == AC_ERR_DEVICE_LOST) AC_TRY(recover(e, err));
    AC_TRY(status);
    for (size_t i = 0; i < n; i++)
        if (!cli_ids_add(&e->held, ids[i])) return ac_fail(err, AC_ERR_MEMORY, "out of memory");
    return AC_OK;
}

/* Brings sequence 0 to `prompt`, keeping what it holds of it; the last token is always fed, for its logits.
 */
static ac_status feed_prompt(cli_engine *e, const cli_ids *prompt, cli_result *r, ac_error *err) {
    size_t same = 0;
    while (same < e->held.n && same + 1 < prompt->n && e->held.p[same] == prompt->p[same]) same++;
    AC_TRY(ac_session_truncate(e->session, 0, (uint32_t)same, err));
    e->held.n = same;
    r->prompt_tokens = prompt->n;
    r->fed_tokens = prompt->n - same;
    double start = cli_now();
    AC_TRY(feed(e, prompt->p + same, r->fed_tokens, err));
    r->prompt_seconds = cli_now() - start;
    ac_sampler_reset(e->sampler);
    for (size_t i = 0; i < prompt->n; i++) ac_sampler_accept(e->sampler, prompt->p[i]);
    return AC_OK;
}

static ac_status generate(cli_engine *e, int64_t limit, ac_digest *digest, const writer *w, cli_result *r,
                          ac_error *err) {
    ac_model_info info;
    ac_model_describe(e->model, &info);
    r->stop = CLI_STOP_LIMIT;
    while (limit < 0 || (int64_t)r->generated < limit) {
        const float *logits = ac_session_logits(e->session, 0);
        if (!logits) return ac_fail(err, AC_ERR_INTERNAL, "no logits after a token was fed");
        int32_t id;
        ac_digest_logits(digest, logits, info.vocab);
        AC_TRY(ac_sampler_next(e->sampler, logits, &id, err));
        if (ac_token_ends(e->model, id)) {
            r->stop = CLI_STOP_END;
            break;
        }
        if (!cli_ids_add(&r->ids, id)) return ac_fail(err, AC_ERR_MEMORY, "out of memory");
        r->generated++;
        AC_TRY(put_token(w, id, err));
        if (cli_interrupted()) return ac_fail(err, AC_ERR_CANCELLED, "interrupted");
        if ((int64_t)r->generated == limit) break; /* nobody would see what comes of this token */
        AC_TRY(feed(e, &id, 1, err));
        r->evals++;
    }
    return AC_OK;
}

/* Ends of a generation that are no failure. */
static ac_status expected_stop(ac_status status, cli_result *r) {
    if (status == AC_ERR_CANCELLED)
        r->stop = CLI_STOP_INTERRUPT;
    else if (status == AC_ERR_IO && cli_stdout_failed())
        r->stop = CLI_STOP_OUTPUT;
    else if (status == AC_ERR_CONTEXT_FULL && r->generated)
        r->stop = CLI_STOP_CONTEXT;
    else
        return status;
    return AC_OK;
}

/* Starts counting operations anew, when that is wanted. */
static ac_status profile_start(cli_engine *e, ac_error *err) {
    return e->profile ? ac_session_profile(e->session, true, err) : AC_OK;
}

static ac_status profile_end(cli_engine *e, cli_profile *p, ac_error *err) {
    if (!e->profile || !cli_profile_take(e->session, p)) return AC_OK;
    return ac_fail(err, AC_ERR_MEMORY, "profile");
}

static ac_status work(cli_engine *e, const cli_ids *prompt, int64_t limit, ac_digest *digest, const writer *w,
                      bool echo, cli_result *r, ac_error *err) {
    ac_detok_end(e->detok);
    for (size_t i = 0; i < prompt->n; i++) /* seen in any case: what comes first behind it keeps its space */
        AC_TRY(put_token(&(writer){e, w->stream && echo, NULL}, prompt->p[i], err));
    ac_digest_tokens(digest, prompt->p, prompt->n);
    AC_TRY(profile_start(e, err));
    AC_TRY(feed_prompt(e, prompt, r, err));
    AC_TRY(profile_end(e, &r->prompt_profile, err));
    AC_TRY(profile_start(e, err));
    double start = cli_now();
    ac_status status = generate(e, limit, digest, w, r, err);
    r->generation_seconds = cli_now() - start;
    AC_TRY(profile_end(e, &r->generation_profile, status == AC_OK ? err : NULL));
    return status;
}

int cli_generate(cli_engine *e, const cli_ids *prompt, int64_t limit, bool stream, bool echo, cli_result *r) {
    ac_error err = {0};
    ac_digest *digest = NULL;
    *r = (cli_result){0};
    cli_buf_text(&r->text, "");
    writer w = {e, stream, &r->text};
    if (!prompt->n)
        return cli_fail(
            "there is no token to start from: the prompt is empty and the model puts none in front");
    if (prompt->n > e->context)
        return cli_fail("the prompt is %zu tokens long, the context has room for %u; --ctx gives more",
                        prompt->n, e->context);
    if (ac_digest_open(e->model, &digest, &err)) return cli_fail_status(NULL, &err);
    ac_status status = expected_stop(work(e, prompt, limit, digest, &w, echo, r, &err), r);
    put(&w, ac_detok_end(e->detok));
    ac_digest_hex(digest, r->digest);
    ac_digest_close(&digest);
    if (status == AC_OK && r->text.failed) status = ac_fail(&err, AC_ERR_MEMORY, "out of memory");
    return status ? cli_fail_status(NULL, &err) : CLI_OK;
}

void cli_result_free(cli_result *r) {
    cli_ids_free(&r->ids);
    cli_buf_free(&r->text);
    cli_profile_free(&r->prompt_profile);
    cli_profile_free(&r->generation_profile);
}

/* ---- Facts ---- */

static const struct {
    const char *word, *text;
} stops[] = {
    [CLI_STOP_LIMIT] = {"limit", "as many tokens as asked for"},
    [CLI_STOP_END] = {"end", "end of the text"},
    [CLI_STOP_CONTEXT] = {"context", "the context is full; --ctx gives more room"},
    [CLI_STOP_INTERRUPT] = {"interrupt", "interrupted"},
    [CLI_STOP_OUTPUT] = {"output", "standard output failed"},
};

static double rate(size_t n, double seconds) {
    return n && seconds > 0 ? (double)n / seconds : 0;
}

void cli_result_report(const cli_result *r) {
    fprintf(stderr, "prompt      %6zu tokens %9.3f s %10.1f tokens/s\n", r->fed_tokens, r->prompt_seconds,
            rate(r->fed_tokens, r->prompt_seconds));
    fprintf(stderr, "generation  %6zu tokens %9.3f s %10.1f tokens/s   (%s)\n", r->generated,
            r->generation_seconds, rate(r->evals, r->generation_seconds), stops[r->stop].text);
    fprintf(stderr, "digest %s\n", r->digest);
}

void cli_result_profiles(const cli_result *r) {
    if (r->prompt_profile.steps) cli_profile_table(stderr, "prompt", &r->prompt_profile);
    if (r->generation_profile.info.runs) cli_profile_table(stderr, "generation", &r->generation_profile);
}

static cJSON *phase(cJSON *object, const char *key, size_t tokens, size_t counted, double seconds) {
    cJSON *o = cJSON_AddObjectToObject(object, key);
    if (!o || !cli_json_u64(o, "tokens", tokens) || !cJSON_AddNumberToObject(o, "seconds", seconds))
        return NULL;
    return cJSON_AddNumberToObject(o, "tokens_per_second", rate(counted, seconds)) ? o : NULL;
}

static bool profiles(const cli_result *r, cJSON *object) {
    if (!r->prompt_profile.steps) return true;
    cJSON *o = cJSON_AddObjectToObject(object, "profile");
    return o && cli_profile_json(o, "prompt", &r->prompt_profile) &&
           (!r->generation_profile.steps || cli_profile_json(o, "generation", &r->generation_profile));
}

bool cli_result_json(const cli_result *r, cJSON *object) {
    return cli_json_text(object, "text", r->text.p, r->text.n) && cli_json_ids(object, "ids", &r->ids) &&
           cJSON_AddStringToObject(object, "stop", stops[r->stop].word) &&
           cJSON_AddStringToObject(object, "digest", r->digest) &&
           phase(object, "prompt", r->fed_tokens, r->fed_tokens, r->prompt_seconds) &&
           phase(object, "generation", r->generated, r->evals, r->generation_seconds) && profiles(r, object);
}
