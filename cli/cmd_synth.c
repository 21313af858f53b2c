/* cmd_synth.c - anychip synth: a model of real size with random weights. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cli.h"

/* ---- Progress, for both commands that write a file ---- */

bool cli_tool_progress(void *user, uint64_t done, uint64_t all) {
    cli_tool *t = user;
    double now = cli_now();
    if (t->wanted && now - t->since > 0.5 && now - t->last > 0.1) {
        char have[16], want[16];
        t->last = now;
        t->shown = true;
        fprintf(stderr, "\rwriting %s of %s ", cli_bytes(done, have), cli_bytes(all, want));
    }
    t->bytes = all;
    return !cli_interrupted();
}

void cli_tool_begin(const cli_options *o, cli_tool *t) {
    *t = (cli_tool){.wanted = !o->quiet && isatty(STDERR_FILENO), .since = cli_now()};
    ac_tool_defaults(&t->settings);
    t->settings.threads = (unsigned)o->threads;
    t->settings.pure = o->pure;
    t->settings.requantize = o->requantize;
    t->settings.seed = o->seed;
    t->settings.progress = cli_tool_progress;
    t->settings.progress_user = t;
    cli_catch_endings();
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file beyond the limit is a failed write like any other */
#endif
}

static int print_json(const cli_tool *t, const char *path, double seconds) {
    cJSON *json = cJSON_CreateObject();
    if (json && cli_json_text(json, "file", path, strlen(path)) && cli_json_u64(json, "bytes", t->bytes) &&
        cJSON_AddNumberToObject(json, "seconds", seconds))
        return cli_json_print(json, true);
    cJSON_Delete(json);
    return cli_fail("out of memory");
}

int cli_tool_end(const cli_options *o, const cli_tool *t, ac_status status, const char *path,
                 const ac_error *err) {
    char size[16], rate[16];
    double seconds = cli_now() - t->since;
    if (t->shown) fprintf(stderr, "\r%60s\r", "");
    if (status == AC_ERR_CANCELLED) return cli_fail("%s: interrupted, nothing is written", path);
    if (status) return cli_fail_status(NULL, err);
    if (o->json) return print_json(t, path, seconds);
    if (!o->quiet)
        fprintf(stderr, "%s: %s in %.1f s (%s/s)\n", path, cli_bytes(t->bytes, size), seconds,
                cli_bytes((uint64_t)((double)t->bytes / (seconds > 1e-3 ? seconds : 1e-3)), rate));
    return CLI_OK;
}

/* ---- The command ---- */

static int list_shapes(void) {
    ac_shape s;
    for (size_t i = 0; ac_shape_at(i, &s); i++) cli_print("%-16s %s\n", s.name, s.text);
    return CLI_OK;
}

static int run(const cli_options *o) {
    cli_tool t;
    ac_error err = {0};
    if (o->list) return list_shapes();
    if (!o->n_args) return cli_misuse("synth", "OUT is missing");
    if (!o->shape)
        return cli_misuse("synth", "--shape is missing, such as --shape llama-1b; --list shows them");
    cli_tool_begin(o, &t);
    ac_status status = ac_synth_write(o->args[0], o->shape, o->type ? o->type : "Q4_K_M", &t.settings, &err);
    return cli_tool_end(o, &t, status, o->args[0], &err);
}

const cli_command cli_synth = {
    .name = "synth",
    .args = "OUT",
    .summary = "write a model of real size with random weights",
    .text = "Writes a GGUF file with the sizes, types and metadata of a real model, but with random weights "
            "and a "
            "made-up vocabulary: for measuring speed and memory without downloading anything. What it says "
            "makes no "
            "sense. The same shape, type and seed give the same bytes on every machine.\n\n"
            "  anychip synth --shape llama-1b --type Q4_K_M llama-1b.gguf\n"
            "  anychip synth --list",
    .min_args = 0,
    .max_args = 1,
    .options = (const uint8_t[]){OPT_shape, OPT_type, OPT_pure, OPT_seed, OPT_list, OPT_COUNT},
    .run = run,
};
