/* cmd_run.c - anychip run: text that continues a prompt. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli.h"

static const char default_prompt[] = "Once upon a time";

/* The prompt's text: the option's, standard input's, or a story's beginning. `storage` keeps what was read.
 */
static int prompt_text(const cli_options *o, cli_buf *storage, const char **text, size_t *n) {
    *text = o->prompt ? o->prompt : default_prompt;
    if (!strcmp(*text, "-")) {
        int rc = cli_read_all(stdin, "standard input", storage);
        if (rc) return rc;
        *text = storage->p;
        *n = storage->n;
        return CLI_OK;
    }
    *n = strlen(*text);
    return CLI_OK;
}

static int print_json(const cli_result *r, const cli_ids *prompt) {
    cJSON *json = cJSON_CreateObject();
    if (!json || !cli_json_ids(json, "prompt_ids", prompt) || !cli_result_json(r, json)) {
        cJSON_Delete(json);
        return cli_fail("out of memory");
    }
    return cli_json_print(json, true);
}

static int generate(const cli_options *o, const char *text, size_t n, cli_engine *e) {
    cli_ids prompt = {0};
    cli_result r = {0};
    unsigned flags = (o->no_bos ? 0 : AC_TOK_BOS) | (o->special ? AC_TOK_SPECIAL : 0);
    int rc = cli_tokenize_text(e->model, text, n, flags, &prompt);
    if (!rc) rc = cli_generate(e, &prompt, o->max_tokens, !o->json, true, &r);
    if (!rc && o->json) rc = print_json(&r, &prompt);
    if (!rc && !o->json) cli_write("\n", 1);
    cli_flush();
    if (!rc && !o->quiet) cli_result_report(&r);
    if (!rc && !(o->quiet && o->json)) cli_result_profiles(&r);
    cli_result_free(&r);
    cli_ids_free(&prompt);
    return rc;
}

static int run(const cli_options *o) {
    cli_engine e;
    cli_buf storage = {0};
    const char *text;
    size_t n;
    int rc = prompt_text(o, &storage, &text, &n);
    if (!rc) rc = cli_engine_open(o, o->n_args ? o->args[0] : NULL, &e);
    if (!rc) {
        rc = generate(o, text, n, &e);
        cli_engine_close(&e);
    }
    cli_buf_free(&storage);
    return rc;
}

const cli_command cli_run = {
    .name = "run",
    .args = "[MODEL]",
    .summary = "generate text that continues a prompt",
    .text =
        "Writes the prompt and the text that follows it to standard output as it comes, then a newline. "
        "On standard error it closes with the tokens and "
        "tokens per second of prompt and generation, and a digest: the same model, prompt and options "
        "give the same text and digest on every device.\n\n"
        "With --profile, tables tell where the time of prompt and generation went, by operation and weight "
        "type; \"(between)\" is what the host and the gaps between operations took.\n\n"
        "MODEL is a GGUF file; without one, the model built into this command speaks. Without -p it "
        "tells a story. Ctrl-C ends the text early, with the "
        "closing lines and exit code 0.\n\n"
        "  anychip run\n"
        "  anychip run -p \"The cat sat\" -n 40 --temp 0.8 --seed 7\n"
        "  anychip run model.gguf -p - < prompt.txt > story.txt",
    .max_args = 1,
    .options =
        (const uint8_t[]){OPT_prompt, OPT_max_tokens, OPT_temp, OPT_top_k, OPT_top_p, OPT_min_p, OPT_seed,
                          OPT_repeat_penalty, OPT_frequency_penalty, OPT_presence_penalty, OPT_penalty_last,
                          OPT_ctx, OPT_batch, OPT_no_bos, OPT_special, OPT_profile, OPT_COUNT},
    .run = run,
};
