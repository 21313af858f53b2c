/* cli.h - what the commands share. The command line sees the public header only.
 *
 * Exit codes: 0 done, 1 failed ("anychip: what went wrong" on stderr), 2 wrong usage. Results go to stdout,
 * all else to stderr. A command is one file with one cli_command; an option is one row of options.def. */
#ifndef ANYCHIP_CLI_H
#define ANYCHIP_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <anychip/anychip.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum { CLI_MAX_ARGS = 4 };

/* Values of all options, whatever the command; defaults are in options.c. */
typedef struct cli_options {
    const char *prompt, *system, *tokens, *out, *device, *cpu_isa, *device_mask, *cl_mask, *vk_mask, *shape,
        *type, *thread_list;
    int64_t max_tokens, top_k, penalty_last, ctx, batch, threads; /* ctx, threads: 0 = not given */
    int64_t bench_prompt, bench_gen, bench_depth, bench_repeat;   /* depth: -1 = not given */
    double temp, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty;
    uint64_t seed;
    bool special, no_bos, all, force_device, json, quiet, verbose, help, pure, requantize, list, no_roof,
        profile;
    const char *args[CLI_MAX_ARGS]; /* what is not an option */
    unsigned n_args;
} cli_options;

typedef enum cli_option_id {
#define OPTION(id, name, letter, arg, setter, field, least, most, help) OPT_##id,
#include "options.def"
#undef OPTION
    OPT_COUNT
} cli_option_id;

typedef struct cli_command {
    const char *name;
    const char *args;    /* as shown in the usage line: "MODEL" */
    const char *summary; /* one line */
    const char *text; /* paragraphs separated by "\n\n"; a paragraph that begins with two spaces is printed as
                         it is */
    unsigned min_args, max_args;
    const uint8_t *options; /* cli_option_id ..., OPT_COUNT; the common ones come by themselves */
    int (*run)(const cli_options *o);
} cli_command;

extern const cli_command cli_run, cli_chat, cli_logits, cli_tokenize, cli_detokenize, cli_inspect,
    cli_devices, cli_synth, cli_bench, cli_quantize, cli_tune;

/* ---- options.c ---- */

/* Reads argv[0..argc) (after the command's name) into *o. CLI_OK, or CLI_USAGE with the sentence printed. */
int cli_parse(const cli_command *command, int argc, char **argv, cli_options *o);
/* Prints a command's help to stdout. */
void cli_help(const cli_command *command);
/* The name among names[0..n) that looks most like `word`, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *names, size_t n);
/* "anychip: run: sentence" and where help is, on stderr. Returns CLI_USAGE. */
int cli_misuse(const char *command, const char *format, ...) AC_PRINTF(2, 3);

/* ---- output.c ---- */

/* "anychip: sentence" on stderr. Returns CLI_FAILED. */
int cli_fail(const char *format, ...) AC_PRINTF(1, 2);
/* The same for a failed library call; CLI_USAGE when it was an option's value that was wrong. */
int cli_fail_status(const char *what, const ac_error *err);

/* stdout. After a failure they do nothing more and return false; main turns that into exit code 1. */
bool cli_write(const void *p, size_t n);
bool cli_print(const char *format, ...) AC_PRINTF(1, 2);
bool cli_flush(void);
bool cli_stdout_failed(void);
/* Flushes and closes stdout; CLI_FAILED with the reason when anything written did not arrive. */
int cli_close_stdout(void);

/* Prints text with lines of at most 80 columns; `column` is where the first line stands, `indent` where the
 * others begin. */
void cli_wrap(const char *text, unsigned column, unsigned indent);

/* Bytes that grow. After a failed allocation `failed` is set and nothing more is added. Always NUL-terminated
 * once used. */
typedef struct cli_buf {
    char *p;
    size_t n, cap;
    bool failed;
} cli_buf;
bool cli_buf_add(cli_buf *b, const void *p, size_t n);
bool cli_buf_text(cli_buf *b, const char *text);
void cli_buf_free(cli_buf *b);
/* All of a stream. CLI_OK, or CLI_FAILED with the reason printed. */
int cli_read_all(FILE *f, const char *name, cli_buf *out);

/* Hostile bytes as valid UTF-8 without NUL (for JSON) or, with `printable`, without control characters too
 * (for terminals). The caller frees; NULL when out of memory. */
char *cli_clean(const char *p, size_t n, bool printable);
/* "1.50 GB": three digits and a unit; `out` holds 16 bytes. */
const char *cli_bytes(uint64_t bytes, char out[16]);
double cli_now(void); /* seconds of a monotonic clock */

/* What this process has in memory, in bytes: at most so far; now, of its own and of files. False when the
 * system does not tell. */
typedef struct cli_memory {
    uint64_t peak, anonymous, file;
} cli_memory;
bool cli_memory_now(cli_memory *out);

/* Token ids. */
typedef struct cli_ids {
    int32_t *p;
    size_t n, cap;
} cli_ids;
bool cli_ids_add(cli_ids *ids, int32_t id); /* false when out of memory */
void cli_ids_free(cli_ids *ids);
/* Reads numbers separated by commas or white space; *bad points at the first thing that is none, NULL when
 * the text is fine. False when out of memory. */
bool cli_ids_parse(cli_ids *ids, const char *text, size_t n, const char **bad);

struct cJSON;
/* Prints and deletes. CLI_OK, or CLI_FAILED with the reason printed. `pretty`: with line breaks. */
int cli_json_print(struct cJSON *json, bool pretty);
/* Exact integers (cJSON's numbers are doubles) and text from hostile bytes. False when out of memory. */
bool cli_json_u64(struct cJSON *object, const char *key, uint64_t value);
bool cli_json_text(struct cJSON *object, const char *key, const char *p, size_t n);
bool cli_json_ids(struct cJSON *object, const char *key, const cli_ids *ids);

/* ---- model.c ---- */

#define CLI_NO_BUILTIN "this command was built without a built-in model; name a GGUF file"
/* The model built into the command; false when there is none. */
bool cli_builtin(const void **data, size_t *bytes);
/* Whether this word, or no word at all (NULL), means the built-in model: "builtin". */
bool cli_is_builtin(const char *path);
/* The device masks of the options as the library takes them; the caller frees. NULL when out of memory. */
char *cli_device_mask(const cli_options *o);
/* Opens the model named `path` with the options' settings and a progress bar. CLI_OK, or the exit code with
 * the reason printed. */
int cli_open_model(const cli_options *o, const char *path, bool vocab_only, ac_model **out);
/* The same for a model whose device was lost; device NULL: the options' one. */
ac_status cli_reopen_model(const cli_options *o, const char *device, ac_model *model, ac_error *err);
int cli_tokenize_text(const ac_model *model, const char *text, size_t n, unsigned flags, cli_ids *out);

/* An ac_log_fn and its user: lines on standard error, up to the level that the options want. */
void cli_log(void *user, int level, const char *text);
void *cli_log_level(const cli_options *o);

/* Ctrl-C: from now on the first one asks the work in hand to end, and the second kills. With `ends_reads`,
 * reading a line ends too; without, what waits for input or output goes on waiting. Forgets an earlier one.
 */
void cli_catch_interrupt(bool ends_reads);
/* The same, and for SIGTERM and SIGHUP too: for those who must clear away a file that is not whole. */
void cli_catch_endings(void);
bool cli_interrupted(void);
bool cli_cancel(void *user); /* an ac_cancel_fn */

/* ---- cmd_synth.c: what the commands that write model files share ---- */

typedef struct cli_tool {
    ac_tool_settings settings;
    bool wanted, shown; /* progress */
    double since, last;
    uint64_t bytes;
} cli_tool;

void cli_tool_begin(const cli_options *o, cli_tool *t);
bool cli_tool_progress(void *user, uint64_t done, uint64_t all); /* an ac_progress_fn */
/* The closing line, or the failure. */
int cli_tool_end(const cli_options *o, const cli_tool *t, ac_status status, const char *path,
                 const ac_error *err);

/* ---- profile.c: time per operation ---- */

/* One operation of the plan. */
typedef struct cli_step {
    char device[24];
    const char *op, *type; /* type: of its weight, "" = none */
    char *weight;          /* name, NULL = none */
    uint64_t ns;
} cli_step;

typedef struct cli_profile {
    ac_profile_info info;
    cli_step *steps; /* NULL: never taken */
    size_t n;
} cli_profile;

/* The session's sums so far; replaces what *p holds. CLI_OK, or CLI_FAILED with the reason printed. */
int cli_profile_take(const ac_session *session, cli_profile *p);
void cli_profile_free(cli_profile *p);
/* A table of operations by weight type, longest first. */
void cli_profile_table(FILE *f, const char *title, const cli_profile *p);
/* The same and every single operation, as a member of an object. False when out of memory. */
bool cli_profile_json(struct cJSON *object, const char *key, const cli_profile *p);

/* ---- generate.c ---- */

typedef enum cli_stop {
    CLI_STOP_LIMIT,
    CLI_STOP_END,
    CLI_STOP_CONTEXT,
    CLI_STOP_INTERRUPT,
    CLI_STOP_OUTPUT
} cli_stop;

/* A model at work: what `run` and `chat` share. */
typedef struct cli_engine {
    ac_model *model;
    ac_session *session;
    ac_sampler *sampler;
    ac_detok *detok;
    cli_ids held; /* tokens in sequence 0 */
    uint32_t context;
    bool profile; /* measure operations */
    const cli_options *options;
    unsigned lost; /* how often a device was */
} cli_engine;

int cli_engine_open(const cli_options *o, const char *path, cli_engine *e);
void cli_engine_close(cli_engine *e);

/* One piece of work: a prompt fed, an answer generated. */
typedef struct cli_result {
    size_t prompt_tokens, fed_tokens, generated; /* fed: without what the session held already */
    size_t evals;                                /* tokens fed while generating */
    double prompt_seconds, generation_seconds;
    cli_stop stop;
    char digest[33];
    cli_ids ids;                                    /* generated ones, without the one that ended it */
    cli_buf text;                                   /* the same as text */
    cli_profile prompt_profile, generation_profile; /* when asked for */
} cli_result;

/* Feeds prompt[0..n) to sequence 0, keeping the prefix that it holds already, and generates up to `limit`
 * tokens (-1: no limit). Text goes to stdout as it comes when `stream`, with the prompt's own text in front
 * when `echo`. CLI_OK, or the exit code with the reason printed. */
int cli_generate(cli_engine *e, const cli_ids *prompt, int64_t limit, bool stream, bool echo, cli_result *r);
void cli_result_free(cli_result *r);
/* The closing lines on stderr, and the same facts as JSON members. */
void cli_result_report(const cli_result *r);
/* Where the time went, when that was asked for. */
void cli_result_profiles(const cli_result *r);
bool cli_result_json(const cli_result *r, struct cJSON *object);

#endif
