/* main.c - finds the command and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const cli_command *const commands[] = {&cli_run,      &cli_chat,       &cli_logits,
                                              &cli_tokenize, &cli_detokenize, &cli_inspect,
                                              &cli_devices,  &cli_bench,      &cli_tune,

                                              &cli_synth,    &cli_quantize};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const cli_command *find(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i]->name, name)) return commands[i];
    return NULL;
}

static void overview(void) {
    cli_print("anychip %s - run language models with the same bits on every chip\n\nUsage: anychip COMMAND "
              "[options]\n\n",
              ac_version());
    for (size_t i = 0; i < N_COMMANDS; i++) {
        cli_print("  %-12s", commands[i]->name);
        cli_wrap(commands[i]->summary, 14, 14);
    }
    cli_print("\n'anychip COMMAND --help' tells more. To see it work, without any file at hand:\n\n  anychip "
              "run\n  anychip chat\n");
}

static int unknown(const char *name) {
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) names[i] = commands[i]->name;
    if (name[0] == '-') return cli_misuse(NULL, "the command comes first, such as 'anychip run %s'", name);
    const char *near = cli_nearest(name, names, N_COMMANDS);
    if (near) return cli_misuse(NULL, "there is no command '%s'; did you mean '%s'?", name, near);
    return cli_misuse(NULL, "there is no command '%s'", name);
}

static int missing(void) {
    char names[256] = "";
    size_t n = 0;
    for (size_t i = 0; i < N_COMMANDS && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, i ? ", %s" : "%s", commands[i]->name);
    return cli_misuse(NULL, "which command? %s", names);
}

static int run(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) return missing();
    bool help = !strcmp(name, "help");
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || (help && argc == 2)) {
        overview();
        return CLI_OK;
    }
    if (!strcmp(name, "--version")) {
        cli_print("anychip %s, arithmetic %u\n", ac_version(), ac_spec_version());
        return CLI_OK;
    }
    if (help) name = argv[2];
    const cli_command *command = find(name);
    if (!command) return unknown(name);
    cli_options o = {.help = help};
    int rc = help ? CLI_OK : cli_parse(command, argc - 2, argv + 2, &o);
    if (rc) return rc;
    if (!o.help) return command->run(&o);
    cli_help(command);
    return CLI_OK;
}

/* A file opened while one of the three standard ones is closed would get its number, and messages would end
 * up in it. The number is taken, by something that cannot be written (or read), so that this still fails. */
static void keep_standard_numbers(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int main(int argc, char **argv) {
    keep_standard_numbers();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write like any other */
    int rc = run(argc, argv);
    int closed = cli_close_stdout();
    return rc ? rc : closed;
}
