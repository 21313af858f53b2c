/* cmd_logits.c - anychip logits: every logit of given tokens, as a file and as a digest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "cli.h"

/* ---- The file: little-endian int32 n_tokens, int32 n_vocab, int32 tokens[n], float32 logits[n][n_vocab]
 * ---- */

typedef struct sink {
    const char *path; /* NULL: no file is wanted */
    FILE *file;
} sink;

static int sink_fail(const sink *s) {
    return cli_fail("cannot write %s: %s", s->path, strerror(errno));
}

static bool put_words(FILE *f, const void *words, size_t n) {
    const unsigned char *p = words;
    unsigned char le[4096];
    for (size_t i = 0; i < n;) {
        size_t k = 0;
        for (; k < sizeof le && i < n; k += 4, i++) {
            uint32_t w;
            memcpy(&w, p + 4 * i, 4);
            for (int b = 0; b < 4; b++) le[k + (size_t)b] = (unsigned char)(w >> (8 * b));
        }
        if (fwrite(le, 1, k, f) != k) return false;
    }
    return true;
}

static int sink_open(sink *s, const cli_ids *ids, uint32_t vocab) {
    if (!s->path) return CLI_OK;
    s->file = fopen(s->path, "wb");
    uint32_t head[2] = {(uint32_t)ids->n, vocab};
    if (!s->file || !put_words(s->file, head, 2) || !put_words(s->file, ids->p, ids->n)) return sink_fail(s);
    return CLI_OK;
}

/* Closes; what is not whole is removed, if it is an ordinary file. */
static int sink_close(sink *s, int rc) {
    if (!s->file) return rc;
    if (fclose(s->file) && !rc) rc = sink_fail(s);
    struct stat st;
    if (rc && !stat(s->path, &st) && S_ISREG(st.st_mode)) remove(s->path);
    return rc;
}

/* ---- The work ---- */

static int parse_tokens(const cli_options *o, cli_ids *ids) {
    cli_buf storage = {0};
    const char *text = o->tokens, *bad;
    if (!text) return cli_misuse("logits", "--tokens is missing, such as --tokens 1,403,407");
    if (!strcmp(text, "-")) {
        int rc = cli_read_all(stdin, "standard input", &storage);
        if (rc) return rc;
        text = storage.p;
    }
    int rc = CLI_OK;
    if (!cli_ids_parse(ids, text, storage.p ? storage.n : strlen(text), &bad))
        rc = cli_fail("out of memory");
    else if (bad)
        rc = cli_misuse("logits", "--tokens: want numbers separated by commas, have '%.20s'", bad);
    else if (!ids->n)
        rc = cli_misuse("logits", "--tokens: want at least one number");
    cli_buf_free(&storage);
    return rc;
}

/* One chunk through the session: its logits to digest and file. */
static int chunk(ac_session *session, const int32_t *ids, size_t n, ac_row *rows, uint32_t vocab,
                 ac_digest *digest, sink *s) {
    ac_error err = {0};
    for (size_t i = 0; i < n; i++) rows[i] = (ac_row){ids[i], 0, true};
    if (ac_session_eval(session, rows, n, &err)) return cli_fail_status(NULL, &err);
    for (size_t i = 0; i < n; i++) {
        const float *logits = ac_session_logits(session, i);
        if (!logits) return cli_fail("the engine kept no logits for row %zu", i);
        ac_digest_logits(digest, logits, vocab);
        if (s->file && !put_words(s->file, logits, vocab)) return sink_fail(s);
    }
    return CLI_OK;
}

static int evaluate(ac_session *session, const cli_ids *ids, size_t batch, uint32_t vocab, ac_digest *digest,
                    sink *s) {
    ac_row *rows = calloc(batch, sizeof *rows);
    if (!rows) return cli_fail("out of memory");
    ac_digest_tokens(digest, ids->p, ids->n);
    int rc = sink_open(s, ids, vocab);
    for (size_t at = 0; !rc && at < ids->n; at += batch) {
        size_t n = ids->n - at < batch ? ids->n - at : batch;
        rc = chunk(session, ids->p + at, n, rows, vocab, digest, s);
    }
    free(rows);
    return sink_close(s, rc);
}

static int print_result(const cli_options *o, const ac_digest *digest, const cli_ids *ids, uint32_t vocab) {
    char hex[33];
    ac_digest_hex(digest, hex);
    if (!o->json) {
        cli_print("digest %s\n", hex);
        return CLI_OK;
    }
    cJSON *json = cJSON_CreateObject();
    if (!json || !cJSON_AddStringToObject(json, "digest", hex) || !cli_json_u64(json, "tokens", ids->n) ||
        !cli_json_u64(json, "vocab", vocab) ||
        (o->out && !cli_json_text(json, "file", o->out, strlen(o->out)))) {
        cJSON_Delete(json);
        return cli_fail("out of memory");
    }
    return cli_json_print(json, true);
}

static int work(const cli_options *o, ac_model *model, const cli_ids *ids) {
    ac_error err = {0};
    ac_model_info info;
    ac_session *session = NULL;
    ac_digest *digest = NULL;
    sink s = {.path = o->out};
    size_t batch = ids->n < (size_t)o->batch ? ids->n : (size_t)o->batch;
    ac_session_settings settings;
    ac_session_defaults(&settings);
    settings.context = o->ctx ? (uint32_t)o->ctx : (uint32_t)ids->n;
    settings.batch = settings.max_outputs = (uint32_t)batch;
    settings.cancel = cli_cancel;
    ac_model_describe(model, &info);
    int rc = CLI_OK;
    if (ac_session_open(model, &settings, &session, &err) || ac_digest_open(model, &digest, &err))
        rc = cli_fail_status(NULL, &err);
    if (!rc) rc = evaluate(session, ids, batch, info.vocab, digest, &s);
    if (!rc) rc = print_result(o, digest, ids, info.vocab);
    ac_digest_close(&digest);
    ac_session_close(&session);
    return rc;
}

static int run(const cli_options *o) {
    cli_ids ids = {0};
    ac_model *model = NULL;
    cli_catch_interrupt(false);
    int rc = parse_tokens(o, &ids);
    if (!rc) rc = cli_open_model(o, o->args[0], false, &model);
    if (!rc) rc = work(o, model, &ids);
    ac_model_close(&model);
    cli_ids_free(&ids);
    return rc;
}

const cli_command cli_logits = {
    .name = "logits",
    .args = "MODEL",
    .summary = "all logits of given tokens, as a file and as a digest",
    .text =
        "Feeds the tokens and prints \"digest\" and 32 hex digits that cover the model, the tokens and every "
        "logit. Two machines that print the same "
        "digest computed the same bits; the chunk size, the threads and the device make no difference.\n\n"
        "FILE is little-endian: int32 n_tokens, int32 n_vocab, int32 tokens[n_tokens], float32 "
        "logits[n_tokens][n_vocab].\n\n"
        "  anychip logits model.gguf --tokens 1,403,407 --out logits.bin\n"
        "  anychip tokenize model.gguf < text | anychip logits model.gguf --tokens -",
    .min_args = 1,
    .max_args = 1,
    .options = (const uint8_t[]){OPT_tokens, OPT_out, OPT_batch, OPT_ctx, OPT_COUNT},
    .run = run,
};
