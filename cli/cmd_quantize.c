/* cmd_quantize.c - anychip quantize: a model file in another type. */
#include "cli.h"

static int list_types(void) {
    ac_mix m;
    for (size_t i = 0; ac_mix_at(i, &m); i++) cli_print("%-10s %s\n", m.name, m.text);
    return CLI_OK;
}

static void on_log(void *user, int level, const char *text) {
    (void)user;
    (void)level;
    fprintf(stderr, "anychip: %s\n", text);
}

static int run(const cli_options *o) {
    cli_tool t;
    ac_error err = {0};
    if (o->list) return list_types();
    if (o->n_args < 3) return cli_misuse("quantize", "IN OUT TYPE: want three arguments, have %u", o->n_args);
    cli_tool_begin(o, &t);
    if (o->verbose) t.settings.log = on_log;
    ac_status status = ac_quantize_file(o->args[0], o->args[1], o->args[2], &t.settings, &err);
    return cli_tool_end(o, &t, status, o->args[1], &err);
}

const cli_command cli_quantize = {
    .name = "quantize",
    .args = "IN OUT TYPE",
    .summary = "write a model in another type, such as Q4_K_M",
    .text = "Reads a GGUF file (best one with F32, F16 or BF16 weights) and writes it with its weights in "
            "TYPE. A mix "
            "such as Q4_K_M gives tensors that matter more a larger type. OUT appears only when it is whole; "
            "the number of "
            "threads does not change a byte.\n\n"
            "  anychip quantize model-f16.gguf model-q4_k_m.gguf Q4_K_M\n"
            "  anychip quantize --list",
    .min_args = 0,
    .max_args = 3,
    .options = (const uint8_t[]){OPT_pure, OPT_requantize, OPT_list, OPT_COUNT},
    .run = run,
};
