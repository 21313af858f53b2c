/* run.c - memory, limits and failure of one rendering, and the way in. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "jinja.h"

struct jchunk {
    jchunk *next;
    _Alignas(16) char data[];
};

enum { CHUNK = 64 << 10 };

static char *new_chunk(jinja *j, size_t bytes) {
    size_t size = bytes > CHUNK / 4 ? bytes : CHUNK;
    if (size > AC_TEMPLATE_MAX_MEMORY - j->memory) {
        ac__j_fail(j, AC_ERR_LIMIT, "the template needs more than %d MiB of memory",
                   AC_TEMPLATE_MAX_MEMORY >> 20);
        return NULL;
    }
    jchunk *c = ac__malloc(sizeof *c + size);
    if (!c) {
        ac__j_fail(j, AC_ERR_MEMORY, "no memory for %zu bytes", size);
        return NULL;
    }
    j->memory += size;
    c->next = j->chunks;
    j->chunks = c;
    if (size > CHUNK && j->free_end - j->free >= 4096) return c->data; /* the old chunk still has room */
    j->free = c->data + bytes;
    j->free_end = c->data + size;
    return c->data;
}

void *ac__j_alloc(jinja *j, size_t n) {
    if (j->status) return NULL;
    if (n > AC_TEMPLATE_MAX_MEMORY) {
        ac__j_fail(j, AC_ERR_LIMIT, "the template needs more than %d MiB of memory",
                   AC_TEMPLATE_MAX_MEMORY >> 20);
        return NULL;
    }
    n = (n + 15) & ~(size_t)15;
    if (!n) n = 16;
    if ((size_t)(j->free_end - j->free) < n) return new_chunk(j, n);
    char *p = j->free;
    j->free += n;
    return p;
}

void *ac__j_zalloc(jinja *j, size_t n) {
    void *p = ac__j_alloc(j, n);
    if (p) memset(p, 0, n);
    return p;
}

void *ac__j_grow(jinja *j, void *p, size_t have, size_t want) {
    if (j->status) return NULL;
    size_t old = (have + 15) & ~(size_t)15, more = ((want + 15) & ~(size_t)15) - old;
    if (p && have && (char *)p + old == j->free && want > have && (size_t)(j->free_end - j->free) >= more) {
        j->free += more;
        return p;
    }
    void *q = ac__j_alloc(j, want);
    if (q && have) memcpy(q, p, have);
    return q;
}

jval ac__j_fail(jinja *j, ac_status status, const char *format, ...) {
    if (!j->status) {
        char text[400];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        j->status = ac_fail(j->err, status, "chat template, line %u: %s", j->line, text);
    }
    return ac__j_undef(J_HINT, ac__j_lit("failed"));
}

bool ac__j_step(jinja *j, size_t work) {
    if (j->status) return false;
    j->steps += work;
    if (j->steps <= AC_TEMPLATE_MAX_STEPS) return true;
    ac__j_fail(j, AC_ERR_LIMIT, "the template takes more than %d steps", AC_TEMPLATE_MAX_STEPS);
    return false;
}

bool ac__j_enter(jinja *j) {
    if (!ac__j_step(j, 1)) return false;
    if (j->depth >= J_MAX_DEPTH) {
        ac__j_fail(j, AC_ERR_LIMIT, "more than %d levels of nesting", J_MAX_DEPTH);
        return false;
    }
    j->depth++;
    return true;
}

void ac__j_put(jinja *j, jbuf *b, const char *s, size_t n) {
    if (j->status || !n) return;
    if (n > AC_TEMPLATE_MAX_OUTPUT - b->n) {
        ac__j_fail(j, AC_ERR_LIMIT, "a text of more than %d MiB", AC_TEMPLATE_MAX_OUTPUT >> 20);
        return;
    }
    if (n > b->cap - b->n) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        while (cap < b->n + n) cap *= 2;
        char *p = ac__j_grow(j, b->p, b->cap, cap);
        if (!p) return;
        b->p = p;
        b->cap = cap;
    }
    memcpy(b->p + b->n, s, n);
    b->n += n;
    ac__j_step(j, n / 16);
}

void ac__j_puts(jinja *j, jbuf *b, const char *s) {
    ac__j_put(j, b, s, strlen(s));
}

void ac__j_put_char(jinja *j, jbuf *b, uint32_t code) {
    char out[4];
    ac__j_put(j, b, out, ac__j_encode(code, out));
}

jval ac__j_done(const jbuf *b) {
    return ac__j_str(b->p ? b->p : "", b->n);
}

/* The variables a template is given; a later one replaces an earlier one of its name. */
static void bind_input(jinja *j) {
    const ac_template_input *in = j->in;
    jscope *top = j->scope;
    jval messages = ac__j_list(j, J_LIST, (uint32_t)in->n_messages);
    for (size_t i = 0; i < in->n_messages && !j->status; i++) {
        jval m = ac__j_dict(j, 2);
        ac__j_dict_set(j, &m, ac__j_cstr("role"), ac__j_cstr(in->messages[i].role));
        ac__j_dict_set(j, &m, ac__j_cstr("content"), ac__j_cstr(in->messages[i].content));
        ac__j_append(j, &messages, m);
    }
    ac__j_bind_name(j, top, ac__j_lit("messages"), messages);
    ac__j_bind_name(j, top, ac__j_lit("add_generation_prompt"), ac__j_bool(in->add_generation_prompt));
    ac__j_bind_name(j, top, ac__j_lit("tools"), ac__j_none());
    ac__j_bind_name(j, top, ac__j_lit("documents"), ac__j_none());
    if (in->bos_token) ac__j_bind_name(j, top, ac__j_lit("bos_token"), ac__j_cstr(in->bos_token));
    if (in->eos_token) ac__j_bind_name(j, top, ac__j_lit("eos_token"), ac__j_cstr(in->eos_token));
    for (size_t i = 0; i < in->n_vars && !j->status; i++) {
        const ac_template_var *v = &in->vars[i];
        jval value = v->kind == AC_TEMPLATE_NONE     ? ac__j_none()
                     : v->kind == AC_TEMPLATE_STRING ? ac__j_cstr(v->text)
                                                     : ac__j_from_json(j, v->name, v->text);
        ac__j_bind_name(j, top, ac__j_lit(v->name), value);
    }
}

static ac_status check_input(const char *source, size_t bytes, const ac_template_input *in, ac_error *err) {
    if (bytes > AC_TEMPLATE_MAX_SOURCE)
        return ac_fail(err, AC_ERR_LIMIT, "chat template: want at most %d bytes, have %zu",
                       AC_TEMPLATE_MAX_SOURCE, bytes);
    if (!source && bytes) return ac_fail(err, AC_ERR_ARGUMENT, "chat template: no text");
    if (in->n_messages > J_MAX_RANGE || (in->n_messages && !in->messages))
        return ac_fail(err, AC_ERR_ARGUMENT, "messages: want at most %d, have %zu", J_MAX_RANGE,
                       in->n_messages);
    for (size_t i = 0; i < in->n_messages; i++) {
        const ac_template_message *m = &in->messages[i];
        if (!m->role || !m->content)
            return ac_fail(err, AC_ERR_ARGUMENT, "message %zu: want a role and content", i);
        if (strlen(m->role) + strlen(m->content) > AC_TEMPLATE_MAX_OUTPUT)
            return ac_fail(err, AC_ERR_LIMIT, "message %zu: more than %d MiB", i,
                           AC_TEMPLATE_MAX_OUTPUT >> 20);
    }
    for (size_t i = 0; i < in->n_vars; i++)
        if (!in->vars[i].name || (in->vars[i].kind != AC_TEMPLATE_NONE && !in->vars[i].text))
            return ac_fail(err, AC_ERR_ARGUMENT, "variable %zu: want a name and a text", i);
    return AC_OK;
}

static void render(jinja *j, const char *source, size_t bytes, char **out) {
    jscope top = {0}, root = {.parent = &top};
    jbuf text = {0};
    j->scope = &top;
    j->out = &text;
    bind_input(j);
    j->scope = &root; /* what the template sets hides what it was given, and is undone with it */
    if (!ac__j_lex(j, source, bytes)) return;
    const jnode *body = ac__j_parse(j);
    if (j->status) return;
    ac__j_render(j, body);
    if (j->status) return;
    char *p = ac__malloc(text.n + 1);
    if (!p) {
        ac__j_fail(j, AC_ERR_MEMORY, "no memory for %zu bytes of output", text.n);
        return;
    }
    if (text.n) memcpy(p, text.p, text.n);
    p[text.n] = 0;
    *out = p;
}

ac_status ac_template_render(const char *source, size_t bytes, const ac_template_input *in, char **out,
                             ac_error *err) {
    *out = NULL;
    AC_TRY(check_input(source, bytes, in, err));
    /* Numbers and dates are written and read as in C, whatever the program's locale is. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) return ac_fail(err, AC_ERR_MEMORY, "chat template: no memory for a locale");
    locale_t before = uselocale(c);
    jinja j = {.err = err, .in = in, .line = 1};
    render(&j, source, bytes, out);
    uselocale(before);
    freelocale(c);
    for (jchunk *next; j.chunks; j.chunks = next) {
        next = j.chunks->next;
        ac__free(j.chunks);
    }
    return j.status;
}
