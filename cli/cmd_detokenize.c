/* cmd_detokenize.c - anychip detokenize: token ids in, text out. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli.h"

/* Whether the model's tokenizer puts a space in front of every text, which must go again. */
static int adds_space(const ac_model *model, bool *answer) {
    ac_error err = {0};
    cli_ids ids = {0};
    const char *p;
    size_t n = 0;
    int rc = cli_tokenize_text(model, "a", 1, 0, &ids);
    if (!rc && ids.n && ac_token_bytes(model, ids.p[0], false, &p, &n, &err))
        rc = cli_fail_status(NULL, &err);
    *answer = n && *p == ' ';
    cli_ids_free(&ids);
    return rc;
}

/* The bytes that the tokens stand for. */
static int text_of(const ac_model *model, const cli_ids *ids, bool special, cli_buf *out) {
    ac_error err = {0};
    bool strip;
    int rc = adds_space(model, &strip);
    if (rc) return rc;
    for (size_t i = 0; i < ids->n; i++) {
        const char *p;
        size_t n;
        if (ac_token_bytes(model, ids->p[i], special, &p, &n, &err)) return cli_fail_status(NULL, &err);
        size_t skip = strip && n && *p == ' ';
        if (n) strip = false; /* only in front of the text */
        cli_buf_add(out, p + skip, n - skip);
    }
    return out->failed ? cli_fail("out of memory") : CLI_OK;
}

static int print_text(const cli_options *o, const cli_buf *text) {
    if (!o->json) {
        cli_write(text->p, text->n);
        return CLI_OK;
    }
    cJSON *json = cJSON_CreateObject();
    if (json && cli_json_text(json, "text", text->p, text->n)) return cli_json_print(json, true);
    cJSON_Delete(json);
    return cli_fail("out of memory");
}

static int parse(const cli_buf *input, cli_ids *ids) {
    const char *bad;
    if (!cli_ids_parse(ids, input->p, input->n, &bad)) return cli_fail("out of memory");
    if (!bad) return CLI_OK;
    size_t n = input->n - (size_t)(bad - input->p);
    char *clean = cli_clean(bad, n < 20 ? n : 20, true);
    cli_fail("standard input: want token ids, have '%s'", clean ? clean : "");
    free(clean);
    return CLI_FAILED;
}

static int run(const cli_options *o) {
    ac_model *model = NULL;
    cli_buf input = {0}, text = {0};
    cli_ids ids = {0};
    cli_buf_text(&text, "");
    int rc = cli_open_model(o, o->args[0], true, &model);
    if (!rc) rc = cli_read_all(stdin, "standard input", &input);
    if (!rc) rc = parse(&input, &ids);
    if (!rc) rc = text_of(model, &ids, o->special, &text);
    if (!rc) rc = print_text(o, &text);
    cli_ids_free(&ids);
    cli_buf_free(&text);
    cli_buf_free(&input);
    ac_model_close(&model);
    return rc;
}

const cli_command cli_detokenize = {
    .name = "detokenize",
    .args = "MODEL",
    .summary = "token ids on standard input to text",
    .text = "The ids are separated by spaces, commas or newlines. The text is written as it is, byte for "
            "byte and without a newline at the end, so that "
            "it gives back what 'anychip tokenize' was given. Control tokens give no text unless --special "
            "asks for it.\n\n"
            "  echo 1 403 407 261 378 | anychip detokenize model.gguf",
    .min_args = 1,
    .max_args = 1,
    .options = (const uint8_t[]){OPT_special, OPT_COUNT},
    .run = run,
};
