/* parse.c - tokens → the tree of statements. */
#include <string.h>

#include "jinja.h"

static const jtoken *now(const jinja *j) {
    return &j->tokens[j->at];
}

static jnode *body(jinja *j, const char *const *ends);

/* The statements of a block, from "%}" of its head to the tag, not consumed, that is one of `ends`. */
static jnode *block(jinja *j, const char *const *ends) {
    ac__j_accept(j, T_OP, ":");
    if (!ac__j_expect(j, T_BLOCK_END, NULL)) return NULL;
    if (j->depth >= J_MAX_PARSE) {
        ac__j_fail(j, AC_ERR_LIMIT, "more than %d brackets and blocks inside each other", J_MAX_PARSE);
        return NULL;
    }
    j->depth++;
    jnode *first = body(j, ends);
    j->depth--;
    return first;
}

static jnode *block_until(jinja *j, const char *end) {
    const char *const ends[] = {end, NULL};
    jnode *first = block(j, ends);
    ac__j_accept(j, T_NAME, end);
    return first;
}

/* Inside a loop, `loop` is not to be assigned to. */
static bool is_loop(const jnode *target) {
    if (!target || target->kind != N_TUPLE)
        return target && target->kind == N_NAME && ac__j_same(target->name, "loop");
    for (const jnode *p = target->list; p; p = p->next)
        if (is_loop(p)) return true;
    return false;
}

static jnode *parse_target(jinja *j, bool namespaces) {
    jnode *target = ac__j_parse_target(j, namespaces);
    if (j->loops && is_loop(target)) ac__j_fail(j, AC_ERR_FORMAT, "'loop' set inside a loop");
    return target;
}

/* N_SET {a = target, b = value}; N_SET_BLOCK {a = target, b = body, c = filters or NULL}. */
static jnode *parse_set(jinja *j) {
    jnode *node = ac__j_node(j, N_SET);
    if (!node) return NULL;
    node->a = parse_target(j, true);
    if (ac__j_accept(j, T_OP, "=")) {
        node->b = ac__j_parse_tuple(j, true);
        return node;
    }
    node->kind = N_SET_BLOCK;
    node->c = ac__j_parse_filters(j, NULL, false);
    node->b = block_until(j, "endset");
    return node;
}

/* N_IF {a = test, b = body, c = else, d = the elif after it}. */
static jnode *parse_if(jinja *j) {
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    jnode *first = NULL, **link = &first;
    do {
        jnode *node = ac__j_node(j, N_IF);
        if (!node) return NULL;
        *link = node;
        link = &node->d;
        node->a = ac__j_parse_tuple(j, false);
        node->b = block(j, ends);
        if (!ac__j_accept(j, T_NAME, "else")) continue;
        node->c = block_until(j, "endif");
        return first;
    } while (ac__j_accept(j, T_NAME, "elif"));
    ac__j_accept(j, T_NAME, "endif");
    return first;
}

/* N_FOR {a = target, b = iterable, c = test or NULL, list = body, d = else, op = recursive}. */
static jnode *parse_for(jinja *j) {
    static const char *const ends[] = {"endfor", "else", NULL};
    jnode *node = ac__j_node(j, N_FOR);
    if (!node) return NULL;
    j->loops++;
    node->a = parse_target(j, false);
    if (!ac__j_expect(j, T_NAME, "in")) return NULL;
    node->b = ac__j_parse_tuple(j, false);
    if (ac__j_accept(j, T_NAME, "if")) node->c = ac__j_parse_expression(j, true);
    node->op = ac__j_accept(j, T_NAME, "recursive");
    node->list = block(j, ends);
    if (ac__j_accept(j, T_NAME, "else"))
        node->d = block_until(j, "endfor");
    else
        ac__j_accept(j, T_NAME, "endfor");
    j->loops--;
    return node;
}

/* N_MACRO {name, list = N_PARAMs, b = body, op = MACRO_..}. Names that inner macros read count for outer
 * ones. */
static jnode *finish_macro(jinja *j, jnode *node, const char *end) {
    unsigned outer = j->macro_names;
    j->macro_names = 0;
    node->b = block_until(j, end);
    node->op = (uint8_t)j->macro_names;
    j->macro_names |= outer;
    return node;
}

static jnode *parse_macro(jinja *j) {
    jnode *node = ac__j_node(j, N_MACRO);
    if (!node) return NULL;
    node->name = now(j)->text;
    if (!ac__j_expect(j, T_NAME, NULL)) return NULL;
    node->list = ac__j_parse_signature(j);
    return finish_macro(j, node, "endmacro");
}

/* N_CALL_BLOCK {a = the N_CALL, b = N_MACRO that is its caller}. */
static jnode *parse_call(jinja *j) {
    jnode *node = ac__j_node(j, N_CALL_BLOCK), *macro = ac__j_node(j, N_MACRO);
    if (!node || !macro) return NULL;
    macro->name = ac__j_lit("caller");
    if (ac__j_token_is(j, T_OP, "(")) macro->list = ac__j_parse_signature(j);
    node->a = ac__j_parse_expression(j, true);
    if (node->a && node->a->kind != N_CALL) {
        ac__j_fail(j, AC_ERR_FORMAT, "want a call after 'call'");
        return NULL;
    }
    node->b = finish_macro(j, macro, "endcall");
    return node;
}

/* N_FILTER_BLOCK {a = filters, b = body}. */
static jnode *parse_filter(jinja *j) {
    jnode *node = ac__j_node(j, N_FILTER_BLOCK);
    if (!node) return NULL;
    node->a = ac__j_parse_filters(j, NULL, true);
    node->b = block_until(j, "endfilter");
    return node;
}

/* N_WITH {list = N_PAIR {a = target, b = value}, b = body}. */
static jnode *parse_with(jinja *j) {
    jnode *node = ac__j_node(j, N_WITH);
    if (!node) return NULL;
    for (jnode **end = &node->list; !j->status && now(j)->kind != T_BLOCK_END;) {
        if (node->list && !ac__j_expect(j, T_OP, ",")) return NULL;
        jnode *pair = ac__j_node(j, N_PAIR);
        if (!pair) return NULL;
        pair->a = ac__j_parse_target(j, false);
        if (!ac__j_expect(j, T_OP, "=")) return NULL;
        pair->b = ac__j_parse_expression(j, true);
        *end = pair;
        end = &pair->next;
    }
    node->b = block_until(j, "endwith");
    return node;
}

/* N_SCOPE {b = body}: marks the assistant's part for training, renders as its contents. */
static jnode *parse_generation(jinja *j) {
    jnode *node = ac__j_node(j, N_SCOPE);
    if (node) node->b = block_until(j, "endgeneration");
    return node;
}

static jnode *parse_break(jinja *j) {
    return ac__j_node(j, N_BREAK);
}
static jnode *parse_continue(jinja *j) {
    return ac__j_node(j, N_CONTINUE);
}

/* N_OUTPUT {a = expression}. */
static jnode *parse_print(jinja *j) {
    jnode *first = NULL;
    for (jnode **end = &first; !j->status && now(j)->kind != T_BLOCK_END;) {
        if (first && !ac__j_expect(j, T_OP, ",")) return NULL;
        jnode *node = ac__j_node(j, N_OUTPUT);
        if (!node) return NULL;
        node->a = ac__j_parse_expression(j, true);
        *end = node;
        end = &node->next;
    }
    return first;
}

static const struct {
    const char *tag;
    jnode *(*parse)(jinja *j); /* NULL: Jinja has it, the subset does not */
} statements[] = {
    {"set", parse_set},
    {"if", parse_if},
    {"for", parse_for},
    {"macro", parse_macro},
    {"call", parse_call},
    {"filter", parse_filter},
    {"with", parse_with},
    {"break", parse_break},
    {"continue", parse_continue},
    {"print", parse_print},
    {"generation", parse_generation},
    {"block", NULL},
    {"extends", NULL},
    {"include", NULL},
    {"import", NULL},
    {"from", NULL},
    {"autoescape", NULL},
    {"do", NULL},
    {"trans", NULL},
    {"debug", NULL},
};

static jnode *statement(jinja *j) {
    const jtoken *t = now(j);
    for (size_t i = 0; t->kind == T_NAME && i < sizeof statements / sizeof *statements; i++) {
        if (!ac__j_accept(j, T_NAME, statements[i].tag)) continue;
        if (statements[i].parse) return statements[i].parse(j);
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "the statement '%s'", statements[i].tag);
        return NULL;
    }
    if (!j->status && t->kind == T_NAME)
        ac__j_fail(j, AC_ERR_FORMAT, "unknown or unexpected tag '%.*s'", (int)t->text.n, t->text.s);
    else
        ac__j_expect(j, T_NAME, NULL);
    return NULL;
}

static bool at_end(const jinja *j, const char *const *ends) {
    for (; ends && *ends; ends++)
        if (ac__j_token_is(j, T_NAME, *ends)) return true;
    return false;
}

static jnode *text(jinja *j) {
    jnode *node = ac__j_node(j, N_TEXT);
    if (node) node->name = now(j)->text;
    ac__j_accept(j, T_TEXT, NULL);
    return node;
}

static jnode *output(jinja *j) {
    jnode *node = ac__j_node(j, N_OUTPUT);
    if (node) node->a = ac__j_parse_tuple(j, true);
    ac__j_expect(j, T_VAR_END, NULL);
    return node;
}

static jnode *body(jinja *j, const char *const *ends) {
    jnode *first = NULL, **end = &first;
    while (!j->status && now(j)->kind != T_EOF) {
        jnode *node;
        if (now(j)->kind == T_TEXT) {
            node = text(j);
        } else if (ac__j_accept(j, T_VAR_BEGIN, NULL)) {
            node = output(j);
        } else {
            ac__j_expect(j, T_BLOCK_BEGIN, NULL);
            if (at_end(j, ends)) return first;
            node = statement(j);
            ac__j_expect(j, T_BLOCK_END, NULL);
        }
        *end = node;
        while (*end) end = &(*end)->next; /* print makes several */
    }
    if (ends) ac__j_fail(j, AC_ERR_FORMAT, "the template ends before '%s'", ends[0]);
    return first;
}

jnode *ac__j_parse(jinja *j) {
    j->line = 1;
    jnode *first = body(j, NULL);
    return j->status ? NULL : first;
}
