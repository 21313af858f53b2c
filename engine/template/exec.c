/* exec.c - statements. Every block that Jinja gives a scope of its own gets one; `if` does not. */
#include <string.h>

#include "jinja.h"

typedef enum flow { NEXT, BREAK, CONTINUE } flow;

/* The object `loop`, and the state of the iteration behind it. */
struct jloop {
    const jnode *node;
    jscope *outer;
    const jlist *items;
    uint32_t *taken, own_taken; /* elements taken from items; a generator's own count when it is one */
    bool tested;                /* node->c still has to pass */
    bool has_after, has_changed;
    int64_t index0, length, depth0; /* length -1 = not known yet */
    jval before, current, after, changed;
};

static flow exec(jinja *j, const jnode *list);

/* ---- Names ---- */

jscope *ac__j_push(jinja *j, jscope *parent) {
    jscope *before = j->scope, *s = ac__j_zalloc(j, sizeof *s);
    if (!s) return before;
    s->parent = parent;
    j->scope = s;
    return before;
}

void ac__j_bind_name(jinja *j, jscope *scope, jstr name, jval v) {
    size_t looked = 0;
    for (jbinding *b = scope->first; b; b = b->next, looked++)
        if (b->name.n == name.n && !memcmp(b->name.s, name.s, name.n)) {
            b->value = v;
            return;
        }
    jbinding *b = ac__j_alloc(j, sizeof *b);
    if (!b || !ac__j_step(j, looked / 16)) return;
    *b = (jbinding){name, v, scope->first};
    scope->first = b;
}

static void assign_attribute(jinja *j, const jnode *target, jval v) {
    jnode name = {.kind = N_NAME, .name = target->name, .line = target->line};
    jval ns = ac__j_eval(j, &name);
    if (j->status) return;
    if (ns.kind != J_NS)
        ac__j_fail(j, AC_ERR_TEXT, "'%.*s.%.*s' set, but %s is no namespace", (int)target->name.n,
                   target->name.s, (int)target->value.n, target->value.s, ac__j_type(ns));
    else if (target->value.s[0] == '_')
        ac__j_fail(j, AC_ERR_TEXT, "namespace: the name '%.*s' begins with '_'", (int)target->value.n,
                   target->value.s);
    else
        ac__j_dict_set(j, &ns, target->value, v);
}

void ac__j_assign(jinja *j, const jnode *target, jval v) {
    if (j->status) return;
    if (target->kind == N_NAME) {
        ac__j_bind_name(j, j->scope, target->name, v);
    } else if (target->kind == N_NSREF) {
        assign_attribute(j, target, v);
    } else {
        uint32_t want = 0, i = 0;
        for (const jnode *p = target->list; p; p = p->next) want++;
        const jlist *items = ac__j_elements(j, v);
        if (items && items->n != want)
            ac__j_fail(j, AC_ERR_TEXT, "want %u values to unpack, have %u", want, items->n);
        for (const jnode *p = target->list; p && !j->status; p = p->next) ac__j_assign(j, p, items->v[i++]);
    }
}

/* ---- Loops ---- */

static bool passes(jinja *j, const jloop *loop, jval v) {
    jscope *before = ac__j_push(j, loop->outer);
    ac__j_assign(j, loop->node->a, v);
    bool ok = ac__j_truth(ac__j_eval(j, loop->node->c));
    j->scope = before;
    return ok && !j->status;
}

static bool take(jinja *j, jloop *loop, jval *out) {
    while (!j->status && *loop->taken < loop->items->n) {
        *out = loop->items->v[(*loop->taken)++];
        if (!loop->tested || passes(j, loop, *out)) return !j->status;
    }
    return false;
}

static bool peek(jinja *j, jloop *loop) {
    if (!loop->has_after) loop->has_after = take(j, loop, &loop->after);
    return loop->has_after;
}

static bool advance(jinja *j, jloop *loop) {
    jval v;
    if (loop->has_after)
        v = loop->after;
    else if (!take(j, loop, &v))
        return false;
    loop->has_after = false;
    loop->before = loop->current;
    loop->current = v;
    loop->index0++;
    return true;
}

/* With a test, or over a generator, the rest has to be taken to be counted. */
static int64_t loop_length(jinja *j, jloop *loop) {
    if (loop->length >= 0) return loop->length;
    jval rest = ac__j_list(j, J_LIST, 0), v;
    while (take(j, loop, &v)) ac__j_append(j, &rest, v);
    if (j->status) return 0;
    loop->items = rest.list;
    loop->own_taken = 0;
    loop->taken = &loop->own_taken;
    loop->tested = false;
    return loop->length = rest.list->n + loop->index0 + 1 + loop->has_after;
}

jval ac__j_loop_attr(jinja *j, jloop *l, jstr name) {
    static const char *const names[] = {"index",     "index0",   "first",    "last",  "length", "revindex",
                                        "revindex0", "previtem", "nextitem", "depth", "depth0"};
    size_t i = 0;
    while (i < sizeof names / sizeof *names && !ac__j_same(name, names[i])) i++;
    switch (i) {
    case 0:
        return ac__j_int(l->index0 + 1);
    case 1:
        return ac__j_int(l->index0);
    case 2:
        return ac__j_bool(l->index0 == 0);
    case 3:
        return ac__j_bool(!peek(j, l));
    case 4:
        return ac__j_int(loop_length(j, l));
    case 5:
        return ac__j_int(loop_length(j, l) - l->index0);
    case 6:
        return ac__j_int(loop_length(j, l) - l->index0 - 1);
    case 7:
        return l->index0 ? l->before : ac__j_undef(J_HINT, ac__j_lit("there is no previous item"));
    case 8:
        return peek(j, l) ? l->after : ac__j_undef(J_HINT, ac__j_lit("there is no next item"));
    case 9:
        return ac__j_int(l->depth0 + 1);
    case 10:
        return ac__j_int(l->depth0);
    default:
        return (jval){.kind = J_MISSING};
    }
}

static bool start_loop(jinja *j, jloop *loop, jval v) {
    loop->taken = &loop->own_taken;
    loop->tested = loop->node->c != NULL;
    loop->index0 = -1;
    loop->length = -1;
    if (v.kind == J_GEN) {
        loop->items = v.list;
        loop->taken = &v.list->pos;
    } else {
        loop->items = ac__j_elements(j, v);
        if (loop->items && !loop->tested) loop->length = loop->items->n;
    }
    return loop->items != NULL;
}

/* `else` runs when no iteration came to the end of the body: as Jinja does it, also after a break in the
 * first one. */
static flow run_loop(jinja *j, const jnode *node, jval v, int64_t depth0) {
    jscope *outer = j->scope;
    jloop *loop = ac__j_zalloc(j, sizeof *loop);
    bool otherwise = true;
    flow f = NEXT;
    if (!loop) return NEXT;
    loop->node = node;
    loop->outer = outer;
    loop->depth0 = depth0;
    if (!start_loop(j, loop, v)) return NEXT;
    while (f != BREAK && advance(j, loop)) {
        ac__j_push(j, outer);
        ac__j_bind_name(j, j->scope, ac__j_lit("loop"), (jval){.kind = J_LOOP, .loop = loop});
        ac__j_assign(j, node->a, loop->current);
        f = exec(j, node->list);
        j->scope = outer;
        if (f == NEXT) otherwise = false;
    }
    if (otherwise && node->d && !j->status) {
        ac__j_push(j, outer);
        f = exec(j, node->d);
        j->scope = outer;
        return f;
    }
    return NEXT;
}

jval ac__j_loop_call(jinja *j, jloop *loop, const jargs *args) {
    jval v;
    if (!loop->node->op) return ac__j_fail(j, AC_ERR_TEXT, "a call of a loop that is not recursive");
    if (!ac__j_bind_args(j, "loop", args, "!iterable", &v)) return v;
    jbuf text = {0}, *out = j->out;
    jscope *before = j->scope;
    j->out = &text;
    j->scope = loop->outer;
    if (run_loop(j, loop->node, v, loop->depth0 + 1) != NEXT)
        ac__j_fail(j, AC_ERR_FORMAT, "break or continue outside a loop");
    j->scope = before;
    j->out = out;
    return ac__j_done(&text);
}

static flow exec_for(jinja *j, const jnode *node) {
    jval v = ac__j_eval(j, node->b);
    return j->status ? NEXT : run_loop(j, node, v, 0);
}

/* ---- The other statements ---- */

static flow exec_text(jinja *j, const jnode *node) {
    ac__j_put(j, j->out, node->name.s, node->name.n);
    return NEXT;
}

static flow exec_output(jinja *j, const jnode *node) {
    jval v = ac__j_eval(j, node->a);
    if (!j->status) ac__j_show(j, j->out, v);
    return NEXT;
}

static flow exec_set(jinja *j, const jnode *node) {
    ac__j_assign(j, node->a, ac__j_eval(j, node->b));
    return NEXT;
}

/* Runs a body in a scope of its own and gives its text. */
static flow capture(jinja *j, const jnode *list, jval *text) {
    jbuf b = {0}, *out = j->out;
    jscope *before = ac__j_push(j, j->scope);
    j->out = &b;
    flow f = exec(j, list);
    j->out = out;
    j->scope = before;
    *text = ac__j_done(&b);
    return f;
}

static jval filtered(jinja *j, const jnode *filters, jval text) {
    jval before = j->piped;
    j->piped = text;
    jval v = ac__j_eval(j, filters);
    j->piped = before;
    return v;
}

static flow exec_set_block(jinja *j, const jnode *node) {
    jval text;
    flow f = capture(j, node->b, &text);
    if (f != NEXT || j->status) return f;
    ac__j_assign(j, node->a, node->c ? filtered(j, node->c, text) : text);
    return NEXT;
}

static flow exec_filter_block(jinja *j, const jnode *node) {
    jval text;
    flow f = capture(j, node->b, &text);
    if (f != NEXT || j->status) return f;
    text = filtered(j, node->a, text);
    if (!j->status) ac__j_show(j, j->out, text);
    return NEXT;
}

static flow exec_if(jinja *j, const jnode *node) {
    for (; node && !j->status; node = node->d) {
        bool yes = ac__j_truth(ac__j_eval(j, node->a));
        if (j->status) return NEXT;
        if (yes) return exec(j, node->b);
        if (!node->d) return exec(j, node->c);
    }
    return NEXT;
}

static jval make_macro(jinja *j, const jnode *node) {
    jmacro *m = ac__j_alloc(j, sizeof *m);
    if (!m) return ac__j_none();
    *m = (jmacro){node, j->scope};
    return (jval){.kind = J_MACRO, .macro = m};
}

static flow exec_macro(jinja *j, const jnode *node) {
    ac__j_bind_name(j, j->scope, node->name, make_macro(j, node));
    return NEXT;
}

static flow exec_call_block(jinja *j, const jnode *node) {
    jargs args;
    jval callee = ac__j_eval(j, node->a->a);
    if (!ac__j_eval_args(j, node->a->list, &args)) return NEXT;
    jpair *named = ac__j_alloc(j, (args.n_named + 1) * sizeof *named);
    if (!named) return NEXT;
    if (args.n_named) memcpy(named, args.named, args.n_named * sizeof *named);
    named[args.n_named++] = (jpair){ac__j_cstr("caller"), make_macro(j, node->b)};
    args.named = named;
    jval v = ac__j_call(j, callee, &args);
    if (!j->status) ac__j_show(j, j->out, v);
    return NEXT;
}

static flow exec_with(jinja *j, const jnode *node) {
    jscope *before = ac__j_push(j, j->scope), *inner = j->scope;
    for (const jnode *p = node->list; p && !j->status; p = p->next) {
        j->scope = before; /* values do not see the names beside them */
        jval v = ac__j_eval(j, p->b);
        j->scope = inner;
        ac__j_assign(j, p->a, v);
    }
    flow f = exec(j, node->b);
    j->scope = before;
    return f;
}

static flow exec_scope(jinja *j, const jnode *node) {
    jscope *before = ac__j_push(j, j->scope);
    ac__j_exec_body(j, node->b);
    j->scope = before;
    return NEXT;
}

static flow exec_break(jinja *j, const jnode *node) {
    (void)j;
    return node->kind == N_BREAK ? BREAK : CONTINUE;
}

static flow (*const executors[])(jinja *, const jnode *) = {
    [N_TEXT] = exec_text,
    [N_OUTPUT] = exec_output,
    [N_SET] = exec_set,
    [N_SET_BLOCK] = exec_set_block,
    [N_IF] = exec_if,
    [N_FOR] = exec_for,
    [N_MACRO] = exec_macro,
    [N_CALL_BLOCK] = exec_call_block,
    [N_FILTER_BLOCK] = exec_filter_block,
    [N_WITH] = exec_with,
    [N_SCOPE] = exec_scope,
    [N_BREAK] = exec_break,
    [N_CONTINUE] = exec_break,
};

static flow exec(jinja *j, const jnode *list) {
    for (; list && ac__j_enter(j); list = list->next) {
        j->line = list->line;
        flow f = executors[list->kind](j, list);
        j->depth--;
        if (f != NEXT) return f;
    }
    return NEXT;
}

void ac__j_exec_body(jinja *j, const jnode *list) {
    if (exec(j, list) != NEXT) {
        ac__j_fail(j, AC_ERR_FORMAT, "break or continue outside a loop");
    }
}

void ac__j_render(jinja *j, const jnode *list) {
    ac__j_exec_body(j, list);
}
