/* options.c - reads command lines by the tables, and prints help from them. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct option option;

/* Puts the value into the field. NULL, or what is wanted instead. */
typedef const char *setter(const option *o, const char *value, void *field);

struct option {
    const char *name;
    char letter;
    const char *arg;
    setter *set;
    size_t field;
    double least, most;
    const char *help;
};

static const char *want_range(const option *o) {
    static char text[96];
    snprintf(text, sizeof text, o->most < 1e9 ? "a number from %.10g to %.10g" : "a number not below %.10g",
             o->least, o->most);
    return text;
}

static const char *set_flag(const option *o, const char *value, void *field) {
    (void)o;
    (void)value;
    *(bool *)field = true;
    return NULL;
}

static const char *set_text(const option *o, const char *value, void *field) {
    (void)o;
    *(const char **)field = value;
    return NULL;
}

/* strto* would take leading blanks, "0x", "inf" and "nan"; an option does not. */
static bool only_has(const char *value, const char *letters) {
    return *value && value[strspn(value, letters)] == '\0';
}

static const char *set_whole(const option *o, const char *value, void *field) {
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (!only_has(value, "0123456789+-") || *end) return "a whole number";
    if (errno == ERANGE || (double)v < o->least || (double)v > o->most) return want_range(o);
    *(int64_t *)field = v;
    return NULL;
}

static const char *set_real(const option *o, const char *value, void *field) {
    char *end;
    double v = strtod(value, &end);
    if (!only_has(value, "0123456789+-.eE") || end == value || *end) return "a number";
    if (!(v >= o->least && v <= o->most)) return want_range(o);
    *(double *)field = v;
    return NULL;
}

static const char *set_seed(const option *o, const char *value, void *field) {
    (void)o;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (!only_has(value, "0123456789") || *end || errno == ERANGE)
        return "a whole number from 0 to 18446744073709551615";
    *(uint64_t *)field = v;
    return NULL;
}

static const option options[OPT_COUNT] = {
#define OPTION(id, name, letter, arg, setter, field, least, most, help)                                      \
    [OPT_##id] = {name, letter, arg, set_##setter, offsetof(cli_options, field), least, most, help},
#include "options.def"
#undef OPTION
};

static const uint8_t common[] = {OPT_device,  OPT_force_device, OPT_cpu_isa, OPT_device_mask,
                                 OPT_cl_mask, OPT_vk_mask,      OPT_threads, OPT_json,
                                 OPT_quiet,   OPT_verbose,      OPT_help,    OPT_COUNT};

static const cli_options defaults = {
    .max_tokens = 256,
    .top_p = 1,
    .repeat_penalty = 1,
    .penalty_last = 64,
    .batch = 512,
    .bench_prompt = 256,
    .bench_gen = 32,
    .bench_depth = -1,
    .bench_repeat = 5,
};

int cli_misuse(const char *command, const char *format, ...) {
    va_list args;
    fprintf(stderr, command ? "anychip: %s: " : "anychip: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, command ? "\nTry 'anychip %s --help'.\n" : "\nTry 'anychip --help'.\n", command);
    return CLI_USAGE;
}

/* ---- Parsing ---- */

/* The i-th option that a command takes, its own first; OPT_COUNT at the end. */
static cli_option_id option_at(const cli_command *c, size_t i) {
    for (const uint8_t *p = c->options; *p != OPT_COUNT; p++)
        if (i-- == 0) return *p;
    for (const uint8_t *p = common; *p != OPT_COUNT; p++)
        if (i-- == 0) return *p;
    return OPT_COUNT;
}

static const option *find_option(const cli_command *c, const char *name, size_t n, char letter) {
    cli_option_id id;
    for (size_t i = 0; (id = option_at(c, i)) != OPT_COUNT; i++) {
        const option *o = &options[id];
        if (letter ? o->letter == letter : strlen(o->name) == n && !memcmp(o->name, name, n)) return o;
    }
    return NULL;
}

/* Edit distance, for words of up to 31 letters. */
static unsigned distance(const char *a, const char *b) {
    unsigned row[32], n = (unsigned)strlen(b);
    if (n > 31) return 99;
    for (unsigned j = 0; j <= n; j++) row[j] = j;
    for (unsigned i = 1; *a; i++, a++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            unsigned best = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, const char *const *names, size_t n) {
    const char *best = NULL;
    unsigned least = strlen(word) > 5 ? 4 : 3; /* must be below */
    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, names[i]);
        if (d < least && d < strlen(names[i])) least = d, best = names[i];
    }
    return best;
}

static int unknown_option(const cli_command *c, const char *arg) {
    const char *names[OPT_COUNT];
    size_t n = 0;
    for (cli_option_id id; (id = option_at(c, n)) != OPT_COUNT; n++) names[n] = options[id].name;
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(arg, "="), arg);
    const char *near = arg[1] == '-' ? cli_nearest(word + 2, names, n) : NULL;
    if (near) return cli_misuse(c->name, "unknown option %s; did you mean --%s?", word, near);
    return cli_misuse(c->name, "unknown option %s", arg);
}

/* The value of an option that takes one: after '=', the rest of "-n5", or the next argument. */
static int take_value(const cli_command *c, const option *o, const char *arg, const char *inside, int argc,
                      char **argv, int *i, const char **value) {
    *value = inside;
    if (inside) return CLI_OK;
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!next) return cli_misuse(c->name, "option %s needs a value: %s %s", arg, arg, o->arg);
    if (!strncmp(next, "--", 2) && find_option(c, next + 2, strcspn(next + 2, "="), 0))
        return cli_misuse(
            c->name,
            "option %s needs a value, and %s is an option; if it is meant as the value, write --%s=%s", arg,
            next, o->name, next);
    *value = next;
    ++*i;
    return CLI_OK;
}

static int parse_option(const cli_command *c, int argc, char **argv, int *i, cli_options *out) {
    const char *arg = argv[*i], *inside = NULL, *value = NULL;
    const option *o;
    char shown[40];
    if (arg[1] == '-') {
        size_t n = strcspn(arg + 2, "=");
        o = find_option(c, arg + 2, n, 0);
        if (arg[2 + n]) inside = arg + 2 + n + 1;
    } else {
        o = find_option(c, NULL, 0, arg[1]);
        if (arg[2]) inside = arg + 2;
    }
    if (!o || (arg[1] != '-' && !o->arg && inside)) return unknown_option(c, arg);
    snprintf(shown, sizeof shown, arg[1] == '-' ? "--%s" : "-%.1s", arg[1] == '-' ? o->name : &o->letter);
    if (!o->arg && inside) return cli_misuse(c->name, "option %s takes no value", shown);
    if (o->arg) {
        int rc = take_value(c, o, shown, inside, argc, argv, i, &value);
        if (rc) return rc;
    }
    const char *want = o->set(o, value, (char *)out + o->field);
    if (want) return cli_misuse(c->name, "%s: want %s, have '%s'", shown, want, value);
    return CLI_OK;
}

int cli_parse(const cli_command *c, int argc, char **argv, cli_options *out) {
    *out = defaults;
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_args && !strcmp(arg, "--")) {
            only_args = true;
        } else if (!only_args && arg[0] == '-' && arg[1]) {
            int rc = parse_option(c, argc, argv, &i, out);
            if (rc) return rc;
            if (out->help) return CLI_OK;
        } else if (out->n_args == c->max_args) {
            return cli_misuse(c->name, "'%s' is one argument too many (text goes into quotes)", arg);
        } else {
            out->args[out->n_args++] = arg;
        }
    }
    if (out->n_args < c->min_args) return cli_misuse(c->name, "%s is missing", c->args);
    return CLI_OK;
}

/* ---- Help ---- */

static void help_option(const option *o) {
    char left[48];
    int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "      --%s", o->name);
    if (o->arg) snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
    cli_print("%-28s", left);
    if (strlen(left) > 27) cli_print("\n%-28s", "");
    cli_wrap(o->help, 28, 28);
}

/* Those of `ids` that `own` does not have in a form of its own. */
static void help_options(const char *title, const uint8_t *ids, const uint8_t *own) {
    if (*ids == OPT_COUNT) return;
    cli_print("\n%s:\n", title);
    for (; *ids != OPT_COUNT; ids++) {
        const uint8_t *p = own;
        while (*p != OPT_COUNT && (ids == p || strcmp(options[*p].name, options[*ids].name))) p++;
        if (*p == OPT_COUNT) help_option(&options[*ids]);
    }
}

void cli_help(const cli_command *c) {
    char title[32];
    snprintf(title, sizeof title, "anychip %s - ", c->name);
    cli_print("%s", title);
    cli_wrap(c->summary, (unsigned)strlen(title), (unsigned)strlen(title));
    cli_print("\nUsage: anychip %s%s%s [options]\n", c->name, *c->args ? " " : "", c->args);
    for (const char *p = c->text; *p;) {
        const char *end = strstr(p, "\n\n");
        size_t n = end ? (size_t)(end - p) : strlen(p);
        char paragraph[1024];
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)n, p);
        cli_print("\n");
        if (p[0] == ' ')
            cli_print("%s\n", paragraph);
        else
            cli_wrap(paragraph, 0, 0);
        p += n + (end ? 2 : 0);
    }
    help_options("Options", c->options, c->options);
    help_options("Options of every command", common, c->options);
}
