/* model.c - opening models for the commands: settings from options, progress, log, Ctrl-C. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

static void catch_signal(int signal_number, bool ends_reads) {
    struct sigaction action = {0};
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND | (ends_reads ? 0 : SA_RESTART);
    sigaction(signal_number, &action, NULL);
}

void cli_catch_interrupt(bool ends_reads) {
    interrupted = 0;
    catch_signal(SIGINT, ends_reads);
}

void cli_catch_endings(void) {
    static const int endings[] = {SIGTERM, SIGHUP};
    cli_catch_interrupt(false);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct sigaction now;
        bool ignored = sigaction(endings[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN; /* nohup */
        if (!ignored) catch_signal(endings[i], false);
    }
}

bool cli_interrupted(void) {
    return interrupted != 0;
}

bool cli_cancel(void *user) {
    (void)user;
    return interrupted != 0;
}

/* ---- Progress and log ---- */

/* A bar that appears when loading takes longer than a moment. */
typedef struct progress {
    bool wanted, shown;
    double since, last;
} progress;

enum { BAR = 40 };

static bool on_progress(void *user, uint64_t done, uint64_t all) {
    progress *p = user;
    double now = cli_now();
    if (!p->wanted || now - p->since < 0.5 || now - p->last < 0.1) return !interrupted;
    p->last = now;
    p->shown = true;
    int filled = all ? (int)(BAR * ((double)done / (double)all)) : 0;
    char have[16], want[16];
    fprintf(stderr, "\rloading [%.*s%*s] %s of %s ", filled, "########################################",
            BAR - filled, "", cli_bytes(done, have), cli_bytes(all, want));
    return !interrupted;
}

static void end_progress(const progress *p) {
    if (p->shown) fprintf(stderr, "\r%79s\r", "");
}

static const char *const level_names[] = {"error", "warning", "note", "debug"};

/* `user` is the highest level wanted, as a static int. */
void cli_log(void *user, int level, const char *text) {
    if (level < 0 || level > 3 || level > *(const int *)user) return;
    fprintf(stderr, "anychip: %s: %s\n", level_names[level], text);
}

static int log_level; /* outlives every model: backends may log until they are closed */

void *cli_log_level(const cli_options *o) {
    log_level = o->verbose ? 3 : o->quiet ? 0 : 1;
    return &log_level;
}

/* ---- Models ---- */

bool cli_is_builtin(const char *path) {
    return !path || !strcmp(path, "builtin");
}

char *cli_device_mask(const cli_options *o) {
    const struct {
        const char *section, *words;
    } masks[] = {{"", o->device_mask}, {"cl:", o->cl_mask}, {"vk:", o->vk_mask}};
    cli_buf b = {0};
    cli_buf_text(&b, "");
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (!masks[i].words) continue;
        cli_buf_text(&b, b.n ? ";" : "");
        cli_buf_text(&b, masks[i].section);
        cli_buf_text(&b, masks[i].words);
    }
    if (b.failed) cli_buf_free(&b);
    return b.p;
}

static void settings_from(const cli_options *o, bool vocab_only, progress *p, ac_model_settings *s) {
    ac_model_defaults(s);
    s->device = o->device;
    s->threads = (unsigned)o->threads;
    s->cpu_isa = o->cpu_isa;
    s->force_device = o->force_device;
    s->split_context = (uint32_t)o->ctx;
    s->vocab_only = vocab_only;
    s->log = cli_log;
    s->log_user = cli_log_level(o);
    p->wanted = !o->quiet && isatty(STDERR_FILENO);
    p->since = cli_now();
    s->progress = on_progress;
    s->progress_user = p;
}

int cli_open_model(const cli_options *o, const char *path, bool vocab_only, ac_model **out) {
    progress p = {0};
    ac_model_settings settings;
    ac_error err = {0};
    const void *data;
    size_t bytes;
    *out = NULL;
    bool builtin = cli_is_builtin(path);
    if (builtin && !cli_builtin(&data, &bytes)) return cli_fail(CLI_NO_BUILTIN);
    char *mask = cli_device_mask(o);
    if (!mask) return cli_fail("out of memory");
    settings_from(o, vocab_only, &p, &settings);
    settings.device_mask = mask;
    if (builtin)
        ac_model_open_memory(data, bytes, &settings, out, &err);
    else
        ac_model_open(path, &settings, out, &err);
    free(mask);
    end_progress(&p);
    if (*out) return CLI_OK;
    if (err.status == AC_ERR_CANCELLED) return cli_fail("interrupted while loading");
    return cli_fail_status(NULL, &err);
}

ac_status cli_reopen_model(const cli_options *o, const char *device, ac_model *model, ac_error *err) {
    progress p = {0};
    ac_model_settings settings;
    char *mask = cli_device_mask(o);
    if (!mask) return ac_fail(err, AC_ERR_MEMORY, "out of memory");
    settings_from(o, false, &p, &settings);
    settings.device_mask = mask;
    if (device) settings.device = device;
    ac_status status = ac_model_reopen(model, &settings, err);
    free(mask);
    end_progress(&p);
    return status;
}

int cli_tokenize_text(const ac_model *model, const char *text, size_t n, unsigned flags, cli_ids *out) {
    ac_error err = {0};
    out->cap = n + 16; /* a token is at least a byte, but for those in front and behind */
    for (;;) {
        free(out->p);
        out->p = out->cap <= SIZE_MAX / sizeof *out->p ? malloc(out->cap * sizeof *out->p) : NULL;
        if (!out->p) return cli_fail("out of memory");
        if (ac_tokenize(model, text, n, flags, out->p, out->cap, &out->n, &err))
            return cli_fail_status(NULL, &err);
        if (out->n <= out->cap) return CLI_OK;
        out->cap = out->n;
    }
}
