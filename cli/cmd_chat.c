/* cmd_chat.c - anychip chat: a conversation in the model's own chat format.
 *
 * Each turn formats the whole conversation and feeds only what the session does not hold yet. When it no
 * longer fits, the oldest questions and answers are dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cli.h"

typedef struct chat {
    const cli_options *o;
    cli_engine engine;
    ac_chat_message *messages; /* strings are owned */
    size_t n, cap;
    bool talks;       /* a person types */
    cli_result total; /* sums, and the digest of the last answer */
} chat;

/* ---- The conversation ---- */

static bool add_message(chat *c, const char *role, const char *content) {
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        ac_chat_message *grown = realloc(c->messages, cap * sizeof *grown);
        if (!grown) return false;
        c->messages = grown;
        c->cap = cap;
    }
    char *copy = strdup(content);
    if (copy) c->messages[c->n++] = (ac_chat_message){role, copy};
    return copy != NULL;
}

static void drop_messages(chat *c, size_t from, size_t count) {
    if (!count) return;
    for (size_t i = from; i < from + count; i++) free((char *)c->messages[i].content);
    memmove(c->messages + from, c->messages + from + count, (c->n - from - count) * sizeof *c->messages);
    c->n -= count;
}

static size_t first_turn(const chat *c) {
    return c->n && !strcmp(c->messages[0].role, "system");
}

/* Starts anew, with this system text (may be NULL). */
static bool reset(chat *c, const char *system) {
    char *copy = system ? strdup(system) : NULL; /* may be the message that goes away */
    drop_messages(c, 0, c->n);
    bool ok = !system || (copy && add_message(c, "system", copy));
    free(copy);
    return ok;
}

static int format_prompt(const chat *c, cli_ids *ids) {
    ac_error err = {0};
    char *text;
    ac_status status = ac_chat_format(c->engine.model, c->messages, c->n, true, &text, &err);
    if (status == AC_ERR_NOT_FOUND)
        return cli_fail("this model has no chat template, so it does not know conversations; 'anychip run' "
                        "continues a text");
    if (status) return cli_fail_status("chat template", &err);
    int rc = cli_tokenize_text(c->engine.model, text, strlen(text), AC_TOK_BOS | AC_TOK_SPECIAL, ids);
    ac_free(text);
    return rc;
}

/* Tokens of the conversation, after dropping the oldest turns until there is room for an answer. */
static int fit_prompt(chat *c, cli_ids *ids) {
    size_t room = c->engine.context / 4, dropped = 0;
    if (c->o->max_tokens >= 0 && (size_t)c->o->max_tokens < room) room = (size_t)c->o->max_tokens;
    for (;;) {
        int rc = format_prompt(c, ids);
        if (rc) return rc;
        if (ids->n + room <= c->engine.context) break;
        size_t first = first_turn(c);
        if (c->n - first < 3) {
            if (ids->n < c->engine.context) break;
            return cli_fail("the message is %zu tokens long, the context has room for %u; --ctx gives more",
                            ids->n, c->engine.context);
        }
        drop_messages(c, first, 2);
        dropped++;
    }
    if (dropped && !c->o->quiet)
        fprintf(stderr,
                "anychip: the context of %u tokens is full: the oldest %zu question%s and answer%s are "
                "forgotten\n",
                c->engine.context, dropped, dropped > 1 ? "s" : "", dropped > 1 ? "s" : "");
    return CLI_OK;
}

/* ---- A turn ---- */

static int print_json(const cli_result *r) {
    cJSON *json = cJSON_CreateObject();
    if (!json || !cli_result_json(r, json)) {
        cJSON_Delete(json);
        return cli_fail("out of memory");
    }
    return cli_json_print(json, false);
}

static void add_total(cli_result *total, const cli_result *r) {
    total->fed_tokens += r->fed_tokens;
    total->generated += r->generated;
    total->evals += r->evals;
    total->prompt_seconds += r->prompt_seconds;
    total->generation_seconds += r->generation_seconds;
    total->stop = r->stop;
    memcpy(total->digest, r->digest, sizeof total->digest);
}

/* The answer to the last message; it becomes a message itself. */
static int answer(chat *c) {
    cli_ids prompt = {0};
    cli_result r = {0};
    int rc = fit_prompt(c, &prompt);
    if (!rc) rc = cli_generate(&c->engine, &prompt, c->o->max_tokens, !c->o->json, false, &r);
    if (!rc) {
        rc = c->o->json ? print_json(&r) : (cli_write("\n", 1), CLI_OK);
        add_total(&c->total, &r);
        if (!rc && !add_message(c, "assistant", r.text.p)) rc = cli_fail("out of memory");
    }
    cli_flush();
    cli_result_free(&r);
    cli_ids_free(&prompt);
    return rc;
}

static int ask(chat *c, const char *text) {
    if (!add_message(c, "user", text)) return cli_fail("out of memory");
    int rc = answer(c);
    if (rc) drop_messages(c, c->n - 1, 1); /* a question without an answer is as if not asked */
    return rc;
}

/* ---- Lines ---- */

static const char commands_text[] = "/system TEXT  start anew, with TEXT as the model's instruction\n"
                                    "/reset        start anew\n"
                                    "/exit         end (so does Ctrl-D)\n"
                                    "A line that ends in \\ goes on in the next one.\n";

/* Whether the line's first word, n bytes long, is this one. */
static bool is(const char *line, size_t n, const char *word) {
    return strlen(word) == n && !memcmp(line, word, n);
}

/* A line that begins with '/'. False when it ends the conversation. */
static bool command(chat *c, const char *line) {
    size_t n = strcspn(line, " \t\n");
    const char *rest = line + n + strspn(line + n, " \t\n");
    bool ok = true;
    if (is(line, n, "/exit") || is(line, n, "/quit")) return false;
    if (is(line, n, "/reset")) {
        ok = reset(c, first_turn(c) ? c->messages[0].content : NULL);
    } else if (is(line, n, "/system")) {
        ok = reset(c, *rest ? rest : NULL);
    } else {
        if (!is(line, n, "/help"))
            fputs("There is no such command; to send a line that begins with /, put a space before it.\n",
                  stderr);
        fputs(commands_text, stderr);
    }
    if (!ok) cli_fail("out of memory");
    return ok;
}

/* One message: a line, or several joined by a backslash at the end. False at the end of the input. */
static bool read_message(const chat *c, cli_buf *out) {
    char *line = NULL;
    size_t cap = 0;
    bool more = true, any = false;
    out->n = 0;
    cli_buf_text(out, "");
    cli_catch_interrupt(true);
    if (c->talks) fputs("> ", stderr);
    while (more) {
        ssize_t n = getline(&line, &cap, stdin);
        if (n < 0) break;
        any = true;
        if (n && line[n - 1] == '\n') n--;
        if (n && line[n - 1] == '\r') n--;
        more = n && line[n - 1] == '\\';
        cli_buf_add(out, line, (size_t)(n - more));
        if (more) cli_buf_text(out, "\n");
    }
    free(line);
    return any && !out->failed && !cli_interrupted();
}

static int converse(chat *c) {
    cli_buf message = {0};
    int rc = CLI_OK;
    if (c->talks) fputs("Type a message; /help lists commands, /exit or Ctrl-D ends.\n", stderr);
    while (!rc && !cli_stdout_failed() && read_message(c, &message)) {
        if (!message.p[strspn(message.p, " \t\n")]) continue;
        if (message.p[0] == '/') {
            if (!command(c, message.p)) break;
            continue;
        }
        cli_catch_interrupt(false);
        rc = ask(c, message.p);
        if (c->talks && rc == CLI_FAILED)
            rc = CLI_OK; /* the reason was said; the person may ask something else */
        if (!c->talks && cli_interrupted()) break;
    }
    if (ferror(stdin) && errno != EINTR) rc = cli_fail("standard input: %s", strerror(errno));
    if (c->talks) fputc('\n', stderr);
    cli_buf_free(&message);
    return rc;
}

static int run(const cli_options *o) {
    chat c = {.o = o};
    int rc = cli_engine_open(o, o->n_args ? o->args[0] : NULL, &c.engine);
    if (rc) return rc;
    c.talks = !o->prompt && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (o->system && !reset(&c, o->system)) rc = cli_fail("out of memory");
    if (!rc) rc = o->prompt ? ask(&c, o->prompt) : converse(&c);
    if (!rc && c.total.digest[0] && !o->quiet) cli_result_report(&c.total);
    drop_messages(&c, 0, c.n);
    free(c.messages);
    cli_engine_close(&c.engine);
    return rc;
}

const cli_command cli_chat = {
    .name = "chat",
    .args = "[MODEL]",
    .summary = "keep a conversation, in the model's own chat format",
    .text = "Type messages, or pipe them in, one per line; answers go to standard output. With -p it answers "
            "once. A line that begins with / is a command "
            "(/help lists them). Ctrl-C stops an answer, Ctrl-D ends. When the context is full, the oldest "
            "questions and answers are forgotten.\n\n"
            "MODEL is a GGUF file with a chat template; without one, the model built into this command "
            "speaks. The closing lines sum up all answers; "
            "the digest is that of the last one. With --json, each answer is one line of JSON.\n\n"
            "  anychip chat\n"
            "  anychip chat model.gguf --system \"Answer briefly.\" -p \"Why is the sky blue?\"",
    .max_args = 1,
    .options = (const uint8_t[]){OPT_prompt, OPT_system, OPT_max_tokens, OPT_temp, OPT_top_k, OPT_top_p,
                                 OPT_min_p, OPT_seed, OPT_repeat_penalty, OPT_frequency_penalty,
                                 OPT_presence_penalty, OPT_penalty_last, OPT_ctx, OPT_batch, OPT_COUNT},
    .run = run,
};
