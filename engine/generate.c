/* generate.c - prompt in, text out, in one call; written with the public functions only, as a user would. */
#include <stdlib.h>

#include <anychip/anychip.h>

/* The prompt's tokens; *ids is the caller's to free. */
static ac_status prompt_ids(const ac_model *model, const char *prompt, int32_t **ids, size_t *n,
                            ac_error *err) {
    size_t bytes = 0;
    if (!prompt) return ac_fail(err, AC_ERR_ARGUMENT, "ac_generate: want a prompt");
    while (prompt[bytes]) bytes++;
    unsigned flags = AC_TOK_BOS | AC_TOK_SPECIAL;
    AC_TRY(ac_tokenize(model, prompt, bytes, flags, NULL, 0, n, err));
    if (!*n) return ac_fail(err, AC_ERR_TEXT, "the prompt is empty");
    *ids = malloc(*n * sizeof **ids);
    if (!*ids) return ac_fail(err, AC_ERR_MEMORY, "prompt of %zu tokens", *n);
    return ac_tokenize(model, prompt, bytes, flags, *ids, *n, n, err);
}

typedef struct generation {
    ac_model *model;
    ac_session *session;
    ac_sampler *sampler;
    ac_detok *detok;
    int32_t *ids;
    size_t n_ids;
} generation;

static ac_status open_all(generation *g, const char *prompt, size_t max_tokens,
                          const ac_sampler_settings *sampler, ac_error *err) {
    AC_TRY(prompt_ids(g->model, prompt, &g->ids, &g->n_ids, err));
    ac_model_info info;
    ac_model_describe(g->model, &info);
    ac_session_settings set;
    ac_session_defaults(&set);
    size_t want = g->n_ids + (max_tokens < info.context ? max_tokens : info.context);
    set.context = want < info.context ? (uint32_t)want : info.context;
    AC_TRY(ac_session_open(g->model, &set, &g->session, err));
    AC_TRY(ac_sampler_open(g->model, sampler, &g->sampler, err));
    AC_TRY(ac_detok_open(g->model, false, &g->detok, err));
    const char *unused; /* what is generated goes on behind the prompt: its first space counts */
    for (size_t i = 0; i < g->n_ids; i++) {
        ac_sampler_accept(g->sampler, g->ids[i]);
        AC_TRY(ac_detok_push(g->detok, g->ids[i], &unused, err));
    }
    return ac_session_feed(g->session, g->ids, g->n_ids, err);
}

static ac_status loop(generation *g, size_t max_tokens, ac_text_fn text, void *user, ac_error *err) {
    const char *piece;
    for (size_t i = 0; i < max_tokens; i++) {
        int32_t id;
        AC_TRY(ac_sampler_next(g->sampler, ac_session_logits(g->session, 0), &id, err));
        if (ac_token_ends(g->model, id)) break;
        AC_TRY(ac_detok_push(g->detok, id, &piece, err));
        if (piece[0] && text && !text(user, piece)) return AC_OK;
        if (i + 1 == max_tokens) break;
        AC_TRY(ac_session_feed(g->session, &id, 1, err));
    }
    piece = ac_detok_end(g->detok);
    if (piece[0] && text) text(user, piece);
    return AC_OK;
}

ac_status ac_generate(ac_model *model, const char *prompt, size_t max_tokens,
                      const ac_sampler_settings *sampler, ac_text_fn text, void *user, ac_error *err) {
    generation g = {.model = model};
    ac_status status = open_all(&g, prompt, max_tokens, sampler, err);
    if (status == AC_OK) status = loop(&g, max_tokens, text, user, err);
    ac_detok_close(&g.detok);
    ac_sampler_close(&g.sampler);
    ac_session_close(&g.session);
    free(g.ids);
    return status;
}
