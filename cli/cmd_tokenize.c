/* cmd_tokenize.c - anychip tokenize: text in, token ids out. */
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "cli.h"

/* {"ids": [...], "tokens": ["...", ...]}: each token's own bytes, with U+FFFD for what is not UTF-8 by
 * itself. */
static int print_json(const ac_model *model, const cli_ids *ids) {
    cJSON *json = cJSON_CreateObject(), *tokens = NULL;
    ac_error err = {0};
    bool ok = json && cli_json_ids(json, "ids", ids) && (tokens = cJSON_AddArrayToObject(json, "tokens"));
    for (size_t i = 0; ok && i < ids->n; i++) {
        const char *p = "";
        size_t n = 0;
        ok = ac_token_bytes(model, ids->p[i], true, &p, &n, &err) == AC_OK;
        char *clean = ok ? cli_clean(p, n, false) : NULL;
        ok = clean && cJSON_AddItemToArray(tokens, cJSON_CreateString(clean));
        free(clean);
    }
    if (ok) return cli_json_print(json, true);
    cJSON_Delete(json);
    return err.status ? cli_fail_status(NULL, &err) : cli_fail("out of memory");
}

static int print_ids(const cli_ids *ids) {
    for (size_t i = 0; i < ids->n; i++) cli_print(i ? " %d" : "%d", ids->p[i]);
    cli_print("\n");
    return CLI_OK;
}

static int run(const cli_options *o) {
    ac_model *model = NULL;
    cli_buf text = {0};
    cli_ids ids = {0};
    unsigned flags = (o->no_bos ? 0 : AC_TOK_BOS) | (o->special ? AC_TOK_SPECIAL : 0);
    int rc = cli_open_model(o, o->args[0], true, &model);
    if (!rc) rc = cli_read_all(stdin, "standard input", &text);
    if (!rc) rc = cli_tokenize_text(model, text.p, text.n, flags, &ids);
    if (!rc) rc = o->json ? print_json(model, &ids) : print_ids(&ids);
    cli_ids_free(&ids);
    cli_buf_free(&text);
    ac_model_close(&model);
    return rc;
}

const cli_command cli_tokenize = {
    .name = "tokenize",
    .args = "MODEL",
    .summary = "text on standard input to token ids on one line",
    .text = "Every byte of the input counts, a newline at its end too: printf '%s' text keeps one out. "
            "--no-bos leaves out the tokens that the model wants "
            "in front and behind. --special takes control tokens such as <|im_end|> in the text for what "
            "they are; otherwise they are text like any other.\n\n"
            "  printf '%s' \"Once upon a time\" | anychip tokenize model.gguf",
    .min_args = 1,
    .max_args = 1,
    .options = (const uint8_t[]){OPT_no_bos, OPT_special, OPT_COUNT},
    .run = run,
};
