/* call.c - calls: arguments, macros, global functions. */
#include <string.h>
#include <time.h>

#include "jinja.h"

struct jfunc {
    const char *name, *params;
    jval (*run)(jinja *j, const jval *a, const jargs *raw); /* NULL: Jinja has it, the subset does not */
};

/* ---- Arguments ---- */

static void add_positional(jinja *j, jargs *out, jval v) {
    jval *p = ac__j_grow(j, out->v, out->n * sizeof *p, (out->n + 1) * sizeof *p);
    if (!p) return;
    out->v = p;
    p[out->n++] = v;
}

static void add_named(jinja *j, jargs *out, jval key, jval v) {
    if (key.kind != J_STR) {
        ac__j_fail(j, AC_ERR_TEXT, "want names of arguments as strings, have %s", ac__j_type(key));
        return;
    }
    for (uint32_t i = 0; i < out->n_named; i++)
        if (ac__j_equal(j, out->named[i].key, key)) {
            ac__j_fail(j, AC_ERR_TEXT, "the argument '%.*s' twice", (int)key.n, key.s);
            return;
        }
    jpair *p = ac__j_grow(j, out->named, out->n_named * sizeof *p, (out->n_named + 1) * sizeof *p);
    if (!p) return;
    out->named = p;
    p[out->n_named++] = (jpair){key, v};
}

static void add_star(jinja *j, jargs *out, jval v) {
    const jlist *items = ac__j_elements(j, v);
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) add_positional(j, out, items->v[i]);
}

static void add_stars(jinja *j, jargs *out, jval v) {
    if (v.kind != J_DICT) {
        ac__j_fail(j, AC_ERR_TEXT, "want a mapping after **, have %s", ac__j_type(v));
        return;
    }
    for (uint32_t i = 0; i < v.dict->n && !j->status; i++)
        add_named(j, out, v.dict->v[i].key, v.dict->v[i].value);
}

bool ac__j_eval_args(jinja *j, const jnode *list, jargs *out) {
    *out = (jargs){0};
    for (const jnode *p = list; p && !j->status; p = p->next) {
        jval v = ac__j_eval(j, p->a);
        switch (p->op) {
        case ARG_POSITIONAL:
            add_positional(j, out, v);
            break;
        case ARG_NAMED:
            add_named(j, out, ac__j_str(p->name.s, p->name.n), v);
            break;
        case ARG_STAR:
            add_star(j, out, v);
            break;
        default:
            add_stars(j, out, v);
            break;
        }
    }
    return !j->status;
}

/* The next name of a list of parameters; *required when it has a '!'. */
static bool next_param(const char **params, jstr *name, bool *required) {
    const char *p = *params;
    if (!*p) return false;
    *required = *p == '!';
    p += *required;
    size_t n = strcspn(p, ",");
    *name = (jstr){p, (uint32_t)n};
    *params = p[n] ? p + n + 1 : p + n;
    return true;
}

static const jval *named_arg(const jargs *args, jstr name) {
    for (uint32_t i = 0; i < args->n_named; i++)
        if (args->named[i].key.n == name.n && !memcmp(args->named[i].key.s, name.s, name.n))
            return &args->named[i].value;
    return NULL;
}

bool ac__j_bind_args(jinja *j, const char *what, const jargs *args, const char *params, jval *out) {
    jstr name;
    bool required;
    uint32_t i = 0, named = 0;
    for (; next_param(&params, &name, &required); i++) {
        const jval *v = named_arg(args, name);
        if (v && i < args->n) {
            ac__j_fail(j, AC_ERR_TEXT, "%s: the argument '%.*s' twice", what, (int)name.n, name.s);
            return false;
        }
        named += v != NULL;
        out[i] = i < args->n ? args->v[i] : v ? *v : (jval){.kind = J_MISSING};
        if (required && out[i].kind == J_MISSING) {
            ac__j_fail(j, AC_ERR_TEXT, "%s: the argument '%.*s' is missing", what, (int)name.n, name.s);
            return false;
        }
    }
    if (args->n > i)
        ac__j_fail(j, AC_ERR_TEXT, "%s: want at most %u arguments, have %u", what, i, args->n);
    else if (named < args->n_named)
        ac__j_fail(j, AC_ERR_TEXT, "%s: an argument of a name it does not have", what);
    return !j->status;
}

/* ---- Macros ---- */

static void bind_special(jinja *j, jscope *scope, const jnode *macro, const jargs *args, uint32_t n_params,
                         jval extra) {
    const jval *caller = named_arg(args, ac__j_lit("caller"));
    if (macro->op & MACRO_CALLER)
        ac__j_bind_name(j, scope, ac__j_lit("caller"),
                        caller ? *caller : ac__j_undef(J_HINT, ac__j_lit("no caller defined")));
    if (macro->op & MACRO_VARARGS) {
        jval rest = ac__j_list(j, J_TUPLE, 0);
        for (uint32_t i = n_params; i < args->n && !j->status; i++) ac__j_append(j, &rest, args->v[i]);
        ac__j_bind_name(j, scope, ac__j_lit("varargs"), rest);
    }
    if (macro->op & MACRO_KWARGS) ac__j_bind_name(j, scope, ac__j_lit("kwargs"), extra);
}

static bool is_param(const jnode *macro, jstr name) {
    for (const jnode *p = macro->list; p; p = p->next)
        if (p->name.n == name.n && !memcmp(p->name.s, name.s, name.n)) return true;
    return false;
}

/* The named arguments that are no parameters. */
static jval extra_args(jinja *j, const jnode *macro, const jargs *args) {
    jval extra = ac__j_dict(j, 0);
    for (uint32_t i = 0; i < args->n_named && !j->status; i++) {
        jstr name = ac__j_sv(args->named[i].key);
        if (is_param(macro, name) || ((macro->op & MACRO_CALLER) && ac__j_same(name, "caller"))) continue;
        ac__j_dict_set(j, &extra, args->named[i].key, args->named[i].value);
        if (!(macro->op & MACRO_KWARGS))
            ac__j_fail(j, AC_ERR_TEXT, "macro '%.*s' takes no argument '%.*s'", (int)macro->name.n,
                       macro->name.s, (int)name.n, name.s);
    }
    return extra;
}

static void bind_params(jinja *j, jscope *scope, const jnode *macro, const jargs *args) {
    uint32_t n = 0;
    for (const jnode *p = macro->list; p; p = p->next, n++) {
        const jval *v = n < args->n ? &args->v[n] : named_arg(args, p->name);
        if (n < args->n && named_arg(args, p->name))
            ac__j_fail(j, AC_ERR_TEXT, "macro '%.*s': the argument '%.*s' twice", (int)macro->name.n,
                       macro->name.s, (int)p->name.n, p->name.s);
        ac__j_bind_name(j, scope, p->name,
                        v      ? *v
                        : p->a ? (jval){.kind = J_MISSING}
                               : ac__j_undef(J_NO_NAME, p->name));
    }
    if (args->n > n && !(macro->op & MACRO_VARARGS))
        ac__j_fail(j, AC_ERR_TEXT, "macro '%.*s' takes at most %u arguments, has %u", (int)macro->name.n,
                   macro->name.s, n, args->n);
    bind_special(j, scope, macro, args, n, extra_args(j, macro, args));
    n = 0;
    for (const jnode *p = macro->list; p && !j->status; p = p->next, n++)
        if (p->a && n >= args->n && !named_arg(args, p->name))
            ac__j_bind_name(j, scope, p->name, ac__j_eval(j, p->a));
}

static jval call_macro(jinja *j, const jmacro *macro, const jargs *args) {
    jbuf text = {0}, *out = j->out;
    jscope *before = ac__j_push(j, macro->scope);
    if (j->status) return ac__j_none();
    bind_params(j, j->scope, macro->node, args);
    j->out = &text;
    ac__j_exec_body(j, macro->node->b);
    j->out = out;
    j->scope = before;
    return ac__j_done(&text);
}

/* ---- Global functions ---- */

static jval run_range(jinja *j, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t v[3] = {0, 0, 1};
    for (int i = 0; i < 3; i++)
        if (a[i].kind != J_MISSING && !ac__j_as_int(a[i], &v[i]))
            return ac__j_fail(j, AC_ERR_TEXT, "range: want integers, have %s", ac__j_type(a[i]));
    if (a[1].kind == J_MISSING) {
        v[1] = v[0];
        v[0] = 0;
    }
    return ac__j_range(j, v[0], v[1], v[2]);
}

static jval run_dict(jinja *j, const jval *a, const jargs *raw) {
    (void)a;
    if (raw->n > 1) return ac__j_fail(j, AC_ERR_TEXT, "dict: want at most 1 argument, have %u", raw->n);
    jval out = ac__j_dict(j, raw->n_named);
    if (raw->n && raw->v[0].kind == J_DICT) {
        const jdict *d = raw->v[0].dict;
        for (uint32_t i = 0; i < d->n && !j->status; i++) ac__j_dict_set(j, &out, d->v[i].key, d->v[i].value);
    } else if (raw->n) {
        const jlist *items = ac__j_elements(j, raw->v[0]);
        for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
            const jlist *pair = ac__j_elements(j, items->v[i]);
            if (!pair) break;
            if (pair->n != 2)
                return ac__j_fail(j, AC_ERR_TEXT, "dict: want pairs, have %u elements", pair->n);
            ac__j_dict_set(j, &out, pair->v[0], pair->v[1]);
        }
    }
    for (uint32_t i = 0; i < raw->n_named && !j->status; i++)
        ac__j_dict_set(j, &out, raw->named[i].key, raw->named[i].value);
    return out;
}

static jval run_namespace(jinja *j, const jval *a, const jargs *raw) {
    jval out = run_dict(j, a, raw);
    for (uint32_t i = 0; !j->status && i < out.dict->n; i++) {
        jval key = out.dict->v[i].key;
        if (key.kind == J_STR && key.n && key.s[0] == '_')
            return ac__j_fail(j, AC_ERR_TEXT, "namespace: the name '%.*s' begins with '_'", (int)key.n,
                              key.s);
    }
    out.kind = J_NS;
    return out;
}

static jval run_raise(jinja *j, const jval *a, const jargs *raw) {
    (void)raw;
    jval text = ac__j_text(j, a[0]);
    return ac__j_fail(j, AC_ERR_TEXT, "%.*s", (int)text.n, text.kind == J_STR ? text.s : "");
}

/* Puts one conversion, "%d" or without leading zeros "%-d"; gives the bytes it took. One at a time and only
 * those that C and Python share, so that no format can make much of little. */
static uint32_t put_date(jinja *j, jbuf *b, const char *s, size_t n) {
    static const struct tm epoch = {.tm_year = 70, .tm_mday = 1, .tm_wday = 4};
    const struct tm *now = j->in->now ? j->in->now : &epoch;
    bool bare = n > 1 && s[1] == '-';
    char spec[3] = {'%', n > 1u + bare ? s[1 + bare] : 0, 0}, text[256] = "";
    if (spec[1] == 'z' || spec[1] == 'Z') return 2u + bare; /* the time has no zone */
    if (!spec[1] || !strchr("aAbBcdHIjmMpSUwWxXyYDeFGghklnPrRtTuVC%", spec[1])) {
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "the date conversion '%s'", spec);
        return 1;
    }
    size_t len = strftime(text, sizeof text, spec, now), skip = 0;
    while (bare && skip + 1 < len && (text[skip] == '0' || text[skip] == ' ')) skip++;
    ac__j_put(j, b, text + skip, len - skip);
    return 2u + bare;
}

static jval run_strftime(jinja *j, const jval *a, const jargs *raw) {
    (void)raw;
    if (a[0].kind != J_STR)
        return ac__j_fail(j, AC_ERR_TEXT, "strftime_now: want a string, have %s", ac__j_type(a[0]));
    jbuf b = {0};
    for (uint32_t at = 0; at < a[0].n && !j->status;) {
        uint32_t n = 0;
        while (at + n < a[0].n && a[0].s[at + n] != '%') n++;
        ac__j_put(j, &b, a[0].s + at, n);
        at += n;
        if (at < a[0].n) at += put_date(j, &b, a[0].s + at, a[0].n - at);
    }
    return ac__j_done(&b);
}

static const jfunc functions[] = {
    {"range", "!start,stop,step", run_range},
    {"dict", NULL, run_dict},
    {"namespace", NULL, run_namespace},
    {"raise_exception", "!message", run_raise},
    {"strftime_now", "!format", run_strftime},
    {"lipsum", NULL, NULL},
    {"cycler", NULL, NULL},
    {"joiner", NULL, NULL},
    {"self", NULL, NULL},
};

jval ac__j_global(jstr name) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (ac__j_same(name, functions[i].name)) return (jval){.kind = J_FUNC, .func = &functions[i]};
    return (jval){.kind = J_MISSING};
}

static jval call_function(jinja *j, const jfunc *f, const jargs *args) {
    jval a[3];
    if (!f->run) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "the function '%s'", f->name);
    if (f->params && !ac__j_bind_args(j, f->name, args, f->params, a)) return ac__j_none();
    return f->run(j, a, args);
}

jval ac__j_call(jinja *j, jval callee, const jargs *args) {
    switch (callee.kind) {
    case J_MACRO:
        return call_macro(j, callee.macro, args);
    case J_FUNC:
        return call_function(j, callee.func, args);
    case J_METHOD:
        return ac__j_call_method(j, callee.method, args);
    case J_LOOP:
        return ac__j_loop_call(j, callee.loop, args);
    case J_UNDEF:
        return ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, callee));
    default:
        return ac__j_fail(j, AC_ERR_TEXT, "a call of %s", ac__j_type(callee));
    }
}
