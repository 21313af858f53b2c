/* Renders the templates of cases.txt and compares with what transformers made of them, exactly. The form of
 * the file is told in cases.py. An argument names another file. */
#include <alloc.h>
#include <template/template.h>

#include "check.h"

enum { MAX_CONTEXTS = 64, MAX_MESSAGES = 64, MAX_VARS = 16, MAX_TEMPLATES = 256, MAX_FIELDS = 6 };

typedef struct context {
    char *name, *bos, *eos;
    bool generate;
    ac_template_message messages[MAX_MESSAGES];
    ac_template_var vars[MAX_VARS];
    size_t n_messages, n_vars;
} context;

typedef struct named {
    char *name, *text;
} named;

static context contexts[MAX_CONTEXTS];
static named templates[MAX_TEMPLATES];
static size_t n_contexts, n_templates;
static unsigned passed, failed;

static const struct tm now = {
    .tm_year = 124, .tm_mday = 5, .tm_hour = 9, .tm_min = 8, .tm_sec = 7, .tm_wday = 5, .tm_yday = 4};

static void unescape(char *s) {
    char *w = s;
    for (; *s; s++) {
        if (*s != '\\') {
            *w++ = *s;
            continue;
        }
        unsigned code;
        switch (*++s) {
        case 'n':
            *w++ = '\n';
            break;
        case 't':
            *w++ = '\t';
            break;
        case 'r':
            *w++ = '\r';
            break;
        case 'x':
            CHECK(sscanf(s + 1, "%2x", &code) == 1, "a bad escape");
            *w++ = (char)code;
            s += 2;
            break;
        default:
            *w++ = *s;
        }
    }
    *w = 0;
}

static ac_template_input input_of(const context *c) {
    return (ac_template_input){.messages = c->messages,
                               .n_messages = c->n_messages,
                               .add_generation_prompt = c->generate,
                               .bos_token = c->bos,
                               .eos_token = c->eos,
                               .now = &now,
                               .vars = c->vars,
                               .n_vars = c->n_vars};
}

/* "raises" wants the message at the end of the detail; "fails" that the template or its values are at fault.
 */
static bool as_expected(ac_status status, const char *out, const ac_error *err, const char *outcome,
                        const char *text) {
    if (!strcmp(outcome, "text")) return status == AC_OK && !strcmp(out, text);
    if (!strcmp(outcome, "raises")) {
        size_t n = strlen(err->detail), m = strlen(text);
        char printable[512];
        snprintf(printable, sizeof printable, "%s", text);
        for (char *p = printable; *p; p++)
            if ((unsigned char)*p < 0x20) *p = '?';
        return status == AC_ERR_TEXT && n >= m && !strcmp(err->detail + n - m, printable);
    }
    if (!strcmp(outcome, "unsupported")) return status == AC_ERR_UNSUPPORTED;
    return status == AC_ERR_TEXT || status == AC_ERR_FORMAT;
}

static void run_case(const char *what, const char *source, const context *c, const char *outcome,
                     const char *text) {
    ac_template_input in = input_of(c);
    ac_error err = {0};
    char *out;
    ac_status status = ac_template_render(source, strlen(source), &in, &out, &err);
    CHECK((status == AC_OK) == (out != NULL), "%s: %s, but out is %p", what, ac_status_name(status),
          (void *)out);
    if (as_expected(status, out, &err, outcome, text)) {
        passed++;
    } else {
        failed++;
        printf("%s in %s\n  want %s: %s\n  have %s: %s\n", what, c->name, outcome, text,
               ac_status_name(status), out ? out : err.detail);
    }
    ac__free(out);
}

static const context *context_named(const char *name) {
    for (size_t i = 0; i < n_contexts; i++)
        if (!strcmp(contexts[i].name, name)) return &contexts[i];
    CHECK(false, "no context %s", name);
    return NULL;
}

static const char *template_named(const char *name) {
    for (size_t i = 0; i < n_templates; i++)
        if (!strcmp(templates[i].name, name)) return templates[i].text;
    CHECK(false, "no template %s", name);
    return NULL;
}

static char *keep(const char *s) {
    char *p = strdup(s);
    CHECK(p, "memory");
    return p;
}

static void read_context(char **f) {
    CHECK(n_contexts < MAX_CONTEXTS, "contexts");
    context *c = &contexts[n_contexts++];
    c->name = keep(f[1]);
    c->generate = f[2][0] == '1';
    c->bos = strcmp(f[3], "-") ? keep(f[3]) : NULL;
    c->eos = strcmp(f[4], "-") ? keep(f[4]) : NULL;
}

static void read_record(char **f, int n) {
    context *c = n_contexts ? &contexts[n_contexts - 1] : NULL;
    if (!strcmp(f[0], "context") && n == 5) {
        read_context(f);
    } else if (!strcmp(f[0], "message") && n == 3) {
        CHECK(c && c->n_messages < MAX_MESSAGES, "messages");
        c->messages[c->n_messages++] = (ac_template_message){keep(f[1]), keep(f[2])};
    } else if (!strcmp(f[0], "var") && n == 3) {
        CHECK(c && c->n_vars < MAX_VARS, "vars");
        c->vars[c->n_vars++] = (ac_template_var){keep(f[1]), AC_TEMPLATE_JSON, keep(f[2])};
    } else if (!strcmp(f[0], "template") && n == 3) {
        CHECK(n_templates < MAX_TEMPLATES, "templates");
        templates[n_templates++] = (named){keep(f[1]), keep(f[2])};
    } else if (!strcmp(f[0], "case") && n == 5) {
        run_case(f[1], template_named(f[1]), context_named(f[2]), f[3], f[4]);
    } else if (!strcmp(f[0], "expression") && n == 4) {
        run_case(f[1], f[1], c, f[2], f[3]);
    } else {
        CHECK(false, "a record '%s' of %d fields", f[0], n);
    }
}

static void read_file(const char *path) {
    char *line = NULL;
    size_t cap = 0;
    FILE *file = fopen(path, "rb");
    CHECK(file, "cannot open %s", path);
    for (ssize_t n; (n = getline(&line, &cap, file)) > 0;) {
        char *f[MAX_FIELDS] = {NULL}, *p = line;
        int fields = 0;
        if (line[n - 1] == '\n') line[n - 1] = 0;
        while (p && fields < MAX_FIELDS) {
            f[fields++] = p;
            p = strchr(p, '\t');
            if (p) *p++ = 0;
        }
        for (int i = 0; i < fields; i++) unescape(f[i]);
        read_record(f, fields);
    }
    free(line);
    fclose(file);
}

int main(int argc, char **argv) {
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/template/cases.txt",
             getenv("AC_SOURCE") ? getenv("AC_SOURCE") : ".");
    read_file(argc > 1 ? argv[1] : path);
    printf("%u cases as expected, %u not\n", passed, failed);
    return failed || !passed;
}
