/* expr.c - tokens to trees of expressions, with Jinja's precedence: or, and, not, comparisons, + -, ~, * / //
 * %, **, signs, then what follows a value: .name [index] (call) | filter, is test. */
#include <string.h>

#include "jinja.h"

static jtoken *now(jinja *j) {
    return &j->tokens[j->at];
}

bool ac__j_token_is(const jinja *j, jtoken_kind kind, const char *text) {
    const jtoken *t = &j->tokens[j->at];
    if (t->kind != kind) return false;
    if (kind == T_OP) return !strcmp(t->op, text);
    return kind != T_NAME || !text || ac__j_same(t->text, text);
}

static void advance(jinja *j) {
    if (now(j)->kind != T_EOF) j->at++;
    j->line = now(j)->line;
}

bool ac__j_accept(jinja *j, jtoken_kind kind, const char *text) {
    if (j->status || !ac__j_token_is(j, kind, text)) return false;
    advance(j);
    return true;
}

static jval unexpected(jinja *j, const char *want) {
    static const char *const names[] = {[T_EOF] = "the end of the template",
                                        [T_TEXT] = "text",
                                        [T_VAR_BEGIN] = "{{",
                                        [T_VAR_END] = "}}",
                                        [T_BLOCK_BEGIN] = "{%",
                                        [T_BLOCK_END] = "%}",
                                        [T_STRING] = "a string",
                                        [T_INT] = "a number",
                                        [T_FLOAT] = "a number"};
    const jtoken *t = now(j);
    if (t->kind == T_NAME)
        return ac__j_fail(j, AC_ERR_FORMAT, "want %s, have '%.*s'", want, (int)t->text.n, t->text.s);
    return ac__j_fail(j, AC_ERR_FORMAT, "want %s, have %s", want, t->kind == T_OP ? t->op : names[t->kind]);
}

bool ac__j_expect(jinja *j, jtoken_kind kind, const char *text) {
    if (ac__j_accept(j, kind, text)) return true;
    const char *want = text                  ? text
                       : kind == T_NAME      ? "a name"
                       : kind == T_VAR_END   ? "}}"
                       : kind == T_BLOCK_END ? "%}"
                                             : "something else";
    unexpected(j, want);
    return false;
}

static bool deeper(jinja *j) {
    if (j->status) return false;
    if (j->depth >= J_MAX_PARSE) {
        ac__j_fail(j, AC_ERR_LIMIT, "more than %d brackets and blocks inside each other", J_MAX_PARSE);
        return false;
    }
    j->depth++;
    return true;
}

jnode *ac__j_node(jinja *j, jnode_kind kind) {
    jnode *node = ac__j_zalloc(j, sizeof *node);
    if (!node) return NULL;
    node->kind = (uint8_t)kind;
    node->line = j->line;
    return node;
}

/* A node of up to two operands; NULL after failing, so that trees hold no gaps. */
static jnode *node2(jinja *j, jnode_kind kind, jnode *a, jnode *b) {
    jnode *node = ac__j_node(j, kind);
    if (!node || j->status) return NULL;
    node->a = a;
    node->b = b;
    return node;
}

static jnode *constant(jinja *j, jval v) {
    jnode *node = ac__j_node(j, N_CONST);
    if (node) node->value = v;
    return node;
}

/* ---- Calls: N_CALL a = callee, list = N_ARG {op, name, a = value} ---- */

static jnode *argument(jinja *j) {
    jnode *arg = ac__j_node(j, N_ARG);
    if (!arg) return NULL;
    if (ac__j_accept(j, T_OP, "*"))
        arg->op = ARG_STAR;
    else if (ac__j_accept(j, T_OP, "**"))
        arg->op = ARG_STAR_STAR;
    else if (now(j)->kind == T_NAME && now(j)[1].kind == T_OP && !strcmp(now(j)[1].op, "=")) {
        arg->op = ARG_NAMED;
        arg->name = now(j)->text;
        advance(j);
        advance(j);
    }
    arg->a = ac__j_parse_expression(j, true);
    return arg;
}

static jnode *arguments(jinja *j) {
    enum { NAMED = 1 << ARG_NAMED, STAR = 1 << ARG_STAR, STARS = 1 << ARG_STAR_STAR };
    static const uint8_t not_after[] = {NAMED | STAR | STARS, STARS, STAR | STARS, STARS};
    jnode *first = NULL, **end = &first;
    unsigned seen = 0;
    if (!ac__j_expect(j, T_OP, "(")) return NULL;
    while (!j->status && !ac__j_token_is(j, T_OP, ")")) {
        if (first && !ac__j_expect(j, T_OP, ",")) return NULL;
        if (ac__j_token_is(j, T_OP, ")")) break;
        jnode *arg = argument(j);
        if (!arg) return NULL;
        if (not_after[arg->op] & seen) {
            ac__j_fail(j, AC_ERR_FORMAT, "arguments in an order that is not allowed");
            return NULL;
        }
        seen |= 1u << arg->op;
        *end = arg;
        end = &arg->next;
    }
    ac__j_expect(j, T_OP, ")");
    return first;
}

static jnode *call(jinja *j, jnode *callee) {
    jnode *node = node2(j, N_CALL, callee, NULL);
    if (node) node->list = arguments(j);
    return node;
}

/* N_FILTER: a = operand or NULL, name, list = arguments. N_TEST the same, inside N_NOT for "is not". */
static jnode *dotted(jinja *j, jnode_kind kind, jnode *operand) {
    jnode *node = node2(j, kind, operand, NULL);
    if (!node) return NULL;
    node->name = now(j)->text;
    if (!ac__j_expect(j, T_NAME, NULL)) return NULL;
    if (ac__j_token_is(j, T_OP, "."))
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "the name '%.*s.' of a filter or test", (int)node->name.n,
                   node->name.s);
    return node;
}

jnode *ac__j_parse_filters(jinja *j, jnode *operand, bool inline_first) {
    while (!j->status && (inline_first || ac__j_accept(j, T_OP, "|"))) {
        operand = dotted(j, N_FILTER, operand);
        if (operand && ac__j_token_is(j, T_OP, "(")) operand->list = arguments(j);
        inline_first = false;
    }
    return operand;
}

static jnode *primary(jinja *j);
static jnode *postfix(jinja *j, jnode *node);

static bool test_argument_follows(const jinja *j) {
    const jtoken *t = &j->tokens[j->at];
    if (t->kind == T_NAME)
        return !ac__j_token_is(j, T_NAME, "else") && !ac__j_token_is(j, T_NAME, "or") &&
               !ac__j_token_is(j, T_NAME, "and");
    return t->kind == T_STRING || t->kind == T_INT || t->kind == T_FLOAT || ac__j_token_is(j, T_OP, "[") ||
           ac__j_token_is(j, T_OP, "{");
}

static jnode *test(jinja *j, jnode *operand) {
    bool negated = ac__j_accept(j, T_NAME, "not");
    jnode *node = dotted(j, N_TEST, operand);
    if (!node) return NULL;
    if (ac__j_token_is(j, T_OP, "(")) {
        node->list = arguments(j);
    } else if (test_argument_follows(j)) {
        if (ac__j_token_is(j, T_NAME, "is")) {
            ac__j_fail(j, AC_ERR_FORMAT, "tests cannot be chained with 'is'");
            return NULL;
        }
        jnode *arg = ac__j_node(j, N_ARG);
        if (!arg) return NULL;
        arg->a = postfix(j, primary(j));
        node->list = arg;
    }
    return negated ? node2(j, N_NOT, node, NULL) : node;
}

/* ---- Subscripts: N_ATTR a.name; N_ITEM a[b]; N_SLICE a[b:c:d], each NULL when left out ---- */

static jnode *slice_part(jinja *j) {
    if (ac__j_token_is(j, T_OP, ":") || ac__j_token_is(j, T_OP, "]") || ac__j_token_is(j, T_OP, ","))
        return NULL;
    return ac__j_parse_expression(j, true);
}

static jnode *subscript(jinja *j, jnode *object) {
    jnode *first = slice_part(j), *node;
    if (ac__j_accept(j, T_OP, ":")) {
        node = node2(j, N_SLICE, object, first);
        if (!node) return NULL;
        node->c = slice_part(j);
        if (ac__j_accept(j, T_OP, ":")) node->d = slice_part(j);
    } else {
        node = node2(j, N_ITEM, object, first);
    }
    if (ac__j_token_is(j, T_OP, ","))
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "a subscript with ','");
    else if (node && node->kind == N_ITEM && !first)
        unexpected(j, "an index");
    ac__j_expect(j, T_OP, "]");
    return node;
}

static jnode *attribute(jinja *j, jnode *object) {
    const jtoken *t = now(j);
    if (t->kind == T_INT) {
        advance(j);
        return node2(j, N_ITEM, object, constant(j, t->value));
    }
    jnode *node = node2(j, N_ATTR, object, NULL);
    if (!node || !ac__j_expect(j, T_NAME, NULL)) return NULL;
    node->name = t->text;
    return node;
}

static jnode *postfix(jinja *j, jnode *node) {
    while (!j->status) {
        if (ac__j_accept(j, T_OP, "."))
            node = attribute(j, node);
        else if (ac__j_accept(j, T_OP, "["))
            node = subscript(j, node);
        else if (ac__j_token_is(j, T_OP, "("))
            node = call(j, node);
        else
            break;
    }
    return node;
}

static jnode *filters_and_tests(jinja *j, jnode *node) {
    while (!j->status) {
        if (ac__j_token_is(j, T_OP, "|"))
            node = ac__j_parse_filters(j, node, false);
        else if (ac__j_accept(j, T_NAME, "is"))
            node = test(j, node);
        else if (ac__j_token_is(j, T_OP, "("))
            node = call(j, node);
        else
            break;
    }
    return node;
}

/* ---- Values ---- */

/* Adjacent strings are one. */
static jnode *string(jinja *j) {
    jstr first = now(j)->text;
    advance(j);
    if (now(j)->kind != T_STRING) return constant(j, ac__j_str(first.s, first.n));
    jbuf b = {0};
    ac__j_put(j, &b, first.s, first.n);
    for (; now(j)->kind == T_STRING && !j->status; advance(j))
        ac__j_put(j, &b, now(j)->text.s, now(j)->text.n);
    return constant(j, ac__j_done(&b));
}

static jnode *name(jinja *j) {
    static const struct {
        const char *text;
        uint8_t kind;
        bool value;
    } constants[] = {{"true", J_BOOL, true},   {"True", J_BOOL, true},  {"false", J_BOOL, false},
                     {"False", J_BOOL, false}, {"none", J_NONE, false}, {"None", J_NONE, false}};
    static const struct {
        const char *text;
        unsigned flag;
    } special[] = {{"caller", MACRO_CALLER}, {"varargs", MACRO_VARARGS}, {"kwargs", MACRO_KWARGS}};
    jstr text = now(j)->text;
    advance(j);
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (ac__j_same(text, constants[i].text))
            return constant(j, constants[i].kind == J_BOOL ? ac__j_bool(constants[i].value) : ac__j_none());
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (ac__j_same(text, special[i].text)) j->macro_names |= special[i].flag;
    jnode *node = ac__j_node(j, N_NAME);
    if (node) node->name = text;
    return node;
}

/* N_LIST and N_DICT: list = the elements, or N_PAIR {a = key, b = value}. */
static jnode *list_or_dict(jinja *j, jnode_kind kind, const char *close) {
    jnode *node = ac__j_node(j, kind);
    if (!node) return NULL;
    for (jnode **end = &node->list; !j->status && !ac__j_token_is(j, T_OP, close);) {
        if (node->list && !ac__j_expect(j, T_OP, ",")) return NULL;
        if (ac__j_token_is(j, T_OP, close)) break;
        jnode *item = ac__j_parse_expression(j, true);
        if (kind == N_DICT && ac__j_expect(j, T_OP, ":"))
            item = node2(j, N_PAIR, item, ac__j_parse_expression(j, true));
        if (!item) return NULL;
        /* an element may be shared by no other list, so its own `next` serves */
        *end = item;
        end = &item->next;
    }
    ac__j_expect(j, T_OP, close);
    return node;
}

static jnode *in_parentheses(jinja *j) {
    jnode *node;
    if (ac__j_token_is(j, T_OP, ")"))
        node = ac__j_node(j, N_TUPLE);
    else
        node = ac__j_parse_tuple(j, true);
    ac__j_expect(j, T_OP, ")");
    return node;
}

static jnode *primary(jinja *j) {
    const jtoken *t = now(j);
    if (j->status) return NULL;
    switch (t->kind) {
    case T_NAME:
        return name(j);
    case T_STRING:
        return string(j);
    case T_INT:
    case T_FLOAT:
        advance(j);
        return constant(j, t->value);
    default:
        break;
    }
    if (ac__j_accept(j, T_OP, "(")) return in_parentheses(j);
    if (ac__j_accept(j, T_OP, "[")) return list_or_dict(j, N_LIST, "]");
    if (ac__j_accept(j, T_OP, "{")) return list_or_dict(j, N_DICT, "}");
    unexpected(j, "an expression");
    return NULL;
}

/* ---- Operators: N_UNARY op a; N_BINARY a op b; N_CONCAT list = N_OPERAND {a}; N_COMPARE a, list = N_OPERAND
 * {op, a} */

static jnode *unary(jinja *j, bool with_filters) {
    jnode *node;
    if (!deeper(j)) return NULL;
    bool minus = ac__j_token_is(j, T_OP, "-");
    if (minus || ac__j_token_is(j, T_OP, "+")) {
        advance(j);
        node = node2(j, N_UNARY, unary(j, false), NULL);
        if (node) node->op = minus ? OP_SUB : OP_ADD;
    } else {
        node = primary(j);
    }
    node = postfix(j, node);
    if (with_filters) node = filters_and_tests(j, node);
    j->depth--;
    return j->status ? NULL : node;
}

typedef struct operator_row {
    const char *text;
    uint8_t op;
} operator_row;

static const operator_row levels[][5] = {
    {{"+", OP_ADD}, {"-", OP_SUB}},
    {{"~", OP_ADD}},
    {{"*", OP_MUL}, {"/", OP_DIV}, {"//", OP_FLOORDIV}, {"%", OP_MOD}},
    {{"**", OP_POW}},
};
enum { CONCAT_LEVEL = 1, LEVELS = 4 };

static const operator_row *match(jinja *j, const operator_row *rows) {
    for (; rows->text; rows++)
        if (ac__j_accept(j, T_OP, rows->text)) return rows;
    return NULL;
}

static jnode *arithmetic(jinja *j, unsigned level);

static jnode *concat(jinja *j, jnode *first) {
    jnode *node = node2(j, N_CONCAT, NULL, NULL);
    if (!node) return NULL;
    jnode **end = &node->list;
    do {
        jnode *part = node2(j, N_OPERAND, first, NULL);
        if (!part) return NULL;
        *end = part;
        end = &part->next;
        first = ac__j_token_is(j, T_OP, "~") ? (advance(j), arithmetic(j, CONCAT_LEVEL + 1)) : NULL;
    } while (first);
    return j->status ? NULL : node;
}

static jnode *arithmetic(jinja *j, unsigned level) {
    if (level == LEVELS) return unary(j, true);
    jnode *left = arithmetic(j, level + 1);
    if (level == CONCAT_LEVEL) return ac__j_token_is(j, T_OP, "~") ? concat(j, left) : left;
    for (const operator_row *row; !j->status && (row = match(j, levels[level]));) {
        left = node2(j, N_BINARY, left, arithmetic(j, level + 1));
        if (left) left->op = row->op;
    }
    return j->status ? NULL : left;
}

static bool comparison(jinja *j, uint8_t *op) {
    static const operator_row rows[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE},
                                        {"<", OP_LT},  {">", OP_GT},  {NULL, 0}};
    const operator_row *row = match(j, rows);
    if (row) {
        *op = row->op;
        return true;
    }
    *op = OP_IN;
    if (ac__j_accept(j, T_NAME, "in")) return true;
    if (!ac__j_token_is(j, T_NAME, "not") || now(j)[1].kind != T_NAME || !ac__j_same(now(j)[1].text, "in"))
        return false;
    *op = OP_NOT_IN;
    advance(j);
    advance(j);
    return true;
}

static jnode *compare(jinja *j) {
    jnode *first = arithmetic(j, 0), *node = NULL, **end = NULL;
    for (uint8_t op; !j->status && comparison(j, &op);) {
        if (!node) {
            node = node2(j, N_COMPARE, first, NULL);
            if (!node) return NULL;
            end = &node->list;
        }
        jnode *operand = node2(j, N_OPERAND, arithmetic(j, 0), NULL);
        if (!operand) return NULL;
        operand->op = op;
        *end = operand;
        end = &operand->next;
    }
    return j->status ? NULL : node ? node : first;
}

static jnode *negation(jinja *j) {
    if (!ac__j_token_is(j, T_NAME, "not")) return compare(j);
    if (!deeper(j)) return NULL;
    advance(j);
    jnode *node = node2(j, N_NOT, negation(j), NULL);
    j->depth--;
    return node;
}

static jnode *conjunction(jinja *j) {
    jnode *left = negation(j);
    while (ac__j_accept(j, T_NAME, "and")) left = node2(j, N_AND, left, negation(j));
    return left;
}

static jnode *disjunction(jinja *j) {
    jnode *left = conjunction(j);
    while (ac__j_accept(j, T_NAME, "or")) left = node2(j, N_OR, left, conjunction(j));
    return left;
}

/* N_COND: b if a else c (c NULL: undefined). */
static jnode *condition(jinja *j) {
    jnode *value = disjunction(j);
    while (ac__j_accept(j, T_NAME, "if")) {
        jnode *node = node2(j, N_COND, disjunction(j), value);
        if (!node) return NULL;
        if (ac__j_accept(j, T_NAME, "else")) node->c = ac__j_parse_expression(j, true);
        value = node;
    }
    return value;
}

jnode *ac__j_parse_expression(jinja *j, bool conditional) {
    if (!deeper(j)) return NULL;
    jnode *node = conditional ? condition(j) : disjunction(j);
    j->depth--;
    return j->status ? NULL : node;
}

static bool tuple_ends(const jinja *j) {
    const jtoken *t = &j->tokens[j->at];
    return t->kind == T_VAR_END || t->kind == T_BLOCK_END || ac__j_token_is(j, T_OP, ")") ||
           ac__j_token_is(j, T_NAME, "recursive");
}

/* N_TUPLE: list = elements. One expression without a comma is itself. */
jnode *ac__j_parse_tuple(jinja *j, bool conditional) {
    jnode *first = ac__j_parse_expression(j, conditional);
    if (!first || !ac__j_token_is(j, T_OP, ",")) return first;
    jnode *node = node2(j, N_TUPLE, NULL, NULL);
    if (!node) return NULL;
    node->list = first;
    for (jnode *last = first; ac__j_accept(j, T_OP, ",") && !tuple_ends(j); last = last->next)
        if (!(last->next = ac__j_parse_expression(j, conditional))) return NULL;
    return node;
}

/* ---- What can be assigned to: N_NAME, N_NSREF {name = namespace, value = attribute}, N_TUPLE of them ----
 */

static jnode *one_target(jinja *j, bool namespaces) {
    if (ac__j_accept(j, T_OP, "(")) {
        jnode *node = deeper(j) ? ac__j_parse_target(j, namespaces) : NULL;
        if (!node) return NULL;
        j->depth--;
        ac__j_expect(j, T_OP, ")");
        return node;
    }
    jstr text = now(j)->text;
    if (now(j)->kind != T_NAME) {
        unexpected(j, "a name to assign to");
        return NULL;
    }
    jnode *node = name(j);
    if (!node) return NULL;
    if (node->kind != N_NAME) {
        ac__j_fail(j, AC_ERR_FORMAT, "cannot assign to '%.*s'", (int)text.n, text.s);
        return NULL;
    }
    if (!namespaces || !ac__j_accept(j, T_OP, ".")) return node;
    node->kind = N_NSREF;
    node->value = ac__j_str(now(j)->text.s, now(j)->text.n);
    return ac__j_expect(j, T_NAME, NULL) ? node : NULL;
}

jnode *ac__j_parse_target(jinja *j, bool namespaces) {
    jnode *first = one_target(j, namespaces);
    if (!first || !ac__j_token_is(j, T_OP, ",")) return first;
    jnode *node = node2(j, N_TUPLE, NULL, NULL);
    if (!node) return NULL;
    node->list = first;
    for (jnode *last = first; ac__j_accept(j, T_OP, ","); last = last->next) {
        if (tuple_ends(j) || ac__j_token_is(j, T_NAME, "in") || ac__j_token_is(j, T_OP, "=")) break;
        if (!(last->next = one_target(j, namespaces))) return NULL;
    }
    return node;
}

/* Parameters of a macro: N_PARAM {name, a = default or NULL}. */
jnode *ac__j_parse_signature(jinja *j) {
    jnode *first = NULL, *last = NULL;
    if (!ac__j_expect(j, T_OP, "(")) return NULL;
    while (!j->status && !ac__j_token_is(j, T_OP, ")")) {
        if (first && !ac__j_expect(j, T_OP, ",")) return NULL;
        jnode *param = ac__j_node(j, N_PARAM);
        if (!param) return NULL;
        param->name = now(j)->text;
        if (!ac__j_expect(j, T_NAME, NULL)) return NULL;
        if (ac__j_accept(j, T_OP, "="))
            param->a = ac__j_parse_expression(j, true);
        else if (last && last->a)
            ac__j_fail(j, AC_ERR_FORMAT, "a parameter without default after one with");
        if (last)
            last->next = param;
        else
            first = param;
        last = param;
    }
    ac__j_expect(j, T_OP, ")");
    return first;
}
