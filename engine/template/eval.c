/* eval.c - expressions → values, with Python's rules for operators and subscripts. */
#include <math.h>
#include <string.h>

#include "jinja.h"

/* ---- Operators ---- */

static const char *const symbols[] = {
    "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};

static jval bad_operands(jinja *j, jop op, jval a, jval b) {
    if (a.kind == J_UNDEF || b.kind == J_UNDEF)
        return ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, a.kind == J_UNDEF ? a : b));
    return ac__j_fail(j, AC_ERR_TEXT, "'%s' between %s and %s", symbols[op], ac__j_type(a), ac__j_type(b));
}

static jval too_large(jinja *j) {
    return ac__j_fail(j, AC_ERR_UNSUPPORTED, "integers of more than 64 bits");
}

static jval int_power(jinja *j, int64_t a, int64_t b) {
    if (b < 0) {
        if (!a) return ac__j_fail(j, AC_ERR_TEXT, "zero to a negative power");
        return ac__j_float(pow((double)a, (double)b));
    }
    int64_t r = 1;
    for (; b; b >>= 1) {
        if ((b & 1) && __builtin_mul_overflow(r, a, &r)) return too_large(j);
        if (b > 1 && __builtin_mul_overflow(a, a, &a)) return too_large(j);
    }
    return ac__j_int(r);
}

static jval int_op(jinja *j, jop op, int64_t a, int64_t b) {
    int64_t r = 0;
    bool over = false;
    if ((op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) && !b)
        return ac__j_fail(j, AC_ERR_TEXT, "division by zero");
    switch (op) {
    case OP_ADD:
        over = __builtin_add_overflow(a, b, &r);
        break;
    case OP_SUB:
        over = __builtin_sub_overflow(a, b, &r);
        break;
    case OP_MUL:
        over = __builtin_mul_overflow(a, b, &r);
        break;
    case OP_DIV:
        return ac__j_float((double)a / (double)b);
    case OP_FLOORDIV:
        over = b == -1 && a == INT64_MIN;
        if (!over) r = a / b - (a % b && (a < 0) != (b < 0));
        break;
    case OP_MOD:
        r = b == -1 ? 0 : a % b;
        if (r && (r < 0) != (b < 0)) r += b;
        break;
    default:
        return int_power(j, a, b);
    }
    return over ? too_large(j) : ac__j_int(r);
}

static jval float_op(jinja *j, jop op, double a, double b) {
    if ((op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) && b == 0)
        return ac__j_fail(j, AC_ERR_TEXT, "division by zero");
    switch (op) {
    case OP_ADD:
        return ac__j_float(a + b);
    case OP_SUB:
        return ac__j_float(a - b);
    case OP_MUL:
        return ac__j_float(a * b);
    case OP_DIV:
        return ac__j_float(a / b);
    case OP_POW:
        if ((a == 0 && b < 0) || (a < 0 && isfinite(a) && isfinite(b) && b != floor(b)))
            return ac__j_fail(j, a == 0 ? AC_ERR_TEXT : AC_ERR_UNSUPPORTED, "a power that is no real number");
        return ac__j_float(pow(a, b));
    default:
        break;
    }
    double mod = fmod(a, b), quotient = (a - mod) / b;
    if (mod != 0 && (b < 0) != (mod < 0)) {
        mod += b;
        quotient -= 1;
    } else if (mod == 0) {
        mod = copysign(0, b);
    }
    if (op == OP_MOD) return ac__j_float(mod);
    if (quotient == 0) return ac__j_float(copysign(0, a / b));
    double whole = floor(quotient);
    return ac__j_float(quotient - whole > 0.5 ? whole + 1 : whole);
}

static jval put_escaped(jinja *j, jbuf *b, jval v) {
    if (v.flag & J_MARKUP) {
        ac__j_put(j, b, v.s, v.n);
        return v;
    }
    jval e = ac__j_apply_filter(j, ac__j_lit("escape"), v, &(jargs){0});
    ac__j_put(j, b, e.s, e.kind == J_STR ? e.n : 0);
    return e;
}

static jval add_strings(jinja *j, jval a, jval b) {
    jbuf out = {0};
    bool markup = (a.flag | b.flag) & J_MARKUP;
    if (markup) {
        put_escaped(j, &out, a);
        put_escaped(j, &out, b);
    } else {
        ac__j_put(j, &out, a.s, a.n);
        ac__j_put(j, &out, b.s, b.n);
    }
    jval v = ac__j_done(&out);
    v.flag = markup ? J_MARKUP : 0;
    return v;
}

static jval add_lists(jinja *j, jval a, jval b) {
    jval out = ac__j_list(j, a.kind, a.list->n + b.list->n);
    for (uint32_t i = 0; i < a.list->n && !j->status; i++) ac__j_append(j, &out, a.list->v[i]);
    for (uint32_t i = 0; i < b.list->n && !j->status; i++) ac__j_append(j, &out, b.list->v[i]);
    return out;
}

static jval repeat(jinja *j, jval a, int64_t times) {
    if (a.kind == J_STR) {
        jbuf out = {0};
        for (int64_t i = 0; a.n && i < times && !j->status; i++) ac__j_put(j, &out, a.s, a.n);
        jval v = ac__j_done(&out);
        v.flag = a.flag;
        return v;
    }
    jval out = ac__j_list(j, a.kind, 0);
    for (int64_t i = 0; a.list->n && i < times && !j->status; i++)
        for (uint32_t k = 0; k < a.list->n && !j->status; k++) ac__j_append(j, &out, a.list->v[k]);
    return out;
}

static bool is_sequence(jval v) {
    return v.kind == J_STR || v.kind == J_LIST || v.kind == J_TUPLE;
}

jval ac__j_binary(jinja *j, jop op, jval a, jval b) {
    int64_t x = 0, y = 0;
    bool a_int = ac__j_as_int(a, &x), b_int = ac__j_as_int(b, &y);
    if (a_int && b_int) return int_op(j, op, x, y);
    if (ac__j_is_number(a) && ac__j_is_number(b))
        return float_op(j, op, ac__j_as_float(a), ac__j_as_float(b));
    if (op == OP_ADD && a.kind == b.kind) {
        if (a.kind == J_STR) return add_strings(j, a, b);
        if (is_sequence(a)) return add_lists(j, a, b);
    }
    if (op == OP_MUL && is_sequence(a) && b_int) return repeat(j, a, y);
    if (op == OP_MUL && is_sequence(b) && a_int) return repeat(j, b, x);
    if (op == OP_MOD && a.kind == J_STR) return ac__j_percent(j, a, b);
    return bad_operands(j, op, a, b);
}

bool ac__j_compare_op(jinja *j, jop op, jval a, jval b) {
    int order;
    switch (op) {
    case OP_EQ:
        return ac__j_equal(j, a, b);
    case OP_NE:
        return !ac__j_equal(j, a, b);
    case OP_IN:
        return ac__j_contains(j, b, a);
    case OP_NOT_IN:
        return !ac__j_contains(j, b, a);
    default:
        break;
    }
    if (a.kind == J_UNDEF || b.kind == J_UNDEF) {
        bad_operands(j, op, a, b);
        return false;
    }
    order = ac__j_order(j, a, b);
    if (order == 2) return false;
    return op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0;
}

/* ---- Subscripts ---- */

static jval char_at(jval v, int64_t i) {
    if (i < 0) i += (int64_t)ac__j_count(v.s, v.n);
    if (i < 0 || i >= (int64_t)v.n) return ac__j_undef(J_HINT, ac__j_lit("string index out of range"));
    size_t at = ac__j_offset(v.s, v.n, (size_t)i);
    if (at >= v.n) return ac__j_undef(J_HINT, ac__j_lit("string index out of range"));
    unsigned len;
    ac__j_decode(v.s + at, v.n - at, &len);
    jval c = ac__j_str(v.s + at, len);
    c.flag = v.flag;
    return c;
}

static jval no_element(jinja *j, jval object) {
    jbuf b = {0};
    ac__j_puts(j, &b, ac__j_type(object));
    ac__j_puts(j, &b, " object has no such element");
    return ac__j_undef(J_HINT, ac__j_sv(ac__j_done(&b)));
}

jval ac__j_item(jinja *j, jval object, jval key) {
    int64_t i;
    bool is_index = ac__j_as_int(key, &i);
    const jval *found;
    switch (object.kind) {
    case J_UNDEF:
        return ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, object));
    case J_DICT:
        found = ac__j_hashable(key) ? ac__j_dict_get(j, object.dict, key) : NULL;
        if (found) return *found;
        break;
    case J_LIST:
    case J_TUPLE:
    case J_RANGE:
        if (!is_index) break;
        if (i < 0) i += object.list->n;
        if (i >= 0 && i < object.list->n) return object.list->v[i];
        return no_element(j, object);
    case J_STR:
        if (!is_index) break;
        if (!ac__j_step(j, object.n / 16)) return ac__j_none();
        return char_at(object, i);
    default:
        break;
    }
    if (key.kind != J_STR) return no_element(j, object);
    if (object.kind == J_DICT) {
        jval m = ac__j_method(j, object, ac__j_sv(key));
        return m.kind == J_MISSING ? ac__j_undef(J_NO_ATTR, ac__j_sv(key)) : m;
    }
    return ac__j_attr(j, object, ac__j_sv(key));
}

jval ac__j_attr(jinja *j, jval object, jstr name) {
    if (object.kind == J_UNDEF) return ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, object));
    if (object.kind == J_LOOP) {
        jval v = ac__j_loop_attr(j, object.loop, name);
        if (v.kind != J_MISSING) return v;
    }
    if (object.kind == J_MACRO && ac__j_same(name, "name"))
        return ac__j_str(object.macro->node->name.s, object.macro->node->name.n);
    if (object.kind != J_NS && !(name.n && name.s[0] == '_')) {
        jval m = ac__j_method(j, object, name);
        if (m.kind != J_MISSING) return m;
    }
    if (object.kind == J_DICT || object.kind == J_NS) {
        const jval *found = ac__j_dict_find(j, object.dict, name);
        if (found) return *found;
    }
    return ac__j_undef(J_NO_ATTR, name);
}

jval ac__j_path(jinja *j, jval object, jval path) {
    if (path.kind == J_NONE || path.kind == J_MISSING) return object;
    if (path.kind != J_STR) return ac__j_item(j, object, path);
    for (uint32_t at = 0; at <= path.n && !j->status;) {
        uint32_t end = at;
        bool digits = true;
        for (; end < path.n && path.s[end] != '.'; end++) digits &= path.s[end] >= '0' && path.s[end] <= '9';
        jval key = ac__j_str(path.s + at, end - at);
        int64_t i;
        if (digits && end > at && ac__j_parse_int(key, 10, &i)) key = ac__j_int(i);
        object = ac__j_item(j, object, key);
        at = end + 1;
    }
    return object;
}

/* ---- Slices ---- */

static bool slice_bound(jinja *j, const jnode *node, int64_t *out, bool *given) {
    *given = false;
    if (!node) return true;
    jval v = ac__j_eval(j, node);
    if (v.kind == J_NONE) return !j->status;
    *given = true;
    if (ac__j_as_int(v, out)) return !j->status;
    ac__j_fail(j, AC_ERR_TEXT, "a slice by %s", ac__j_type(v));
    return false;
}

static int64_t limit_bound(int64_t i, bool given, int64_t n, bool backwards, bool is_stop) {
    if (!given) return backwards == is_stop ? (backwards ? -1 : 0) : (backwards ? n - 1 : n);
    if (i < 0) {
        i += n;
        return i < 0 ? (backwards ? -1 : 0) : i;
    }
    return i >= n ? (backwards ? n - 1 : n) : i;
}

static jval slice_text(jinja *j, jval v, int64_t start, int64_t step, uint64_t count, int64_t chars) {
    if (!count) return ac__j_str("", 0);
    if (step == 1) {
        size_t from = ac__j_offset(v.s, v.n, (size_t)start);
        size_t bytes = ac__j_offset(v.s + from, v.n - from, (size_t)count);
        return ac__j_str(v.s + from, bytes);
    }
    uint32_t *at = ac__j_alloc(j, ((size_t)chars + 1) * sizeof *at);
    if (!at) return ac__j_none();
    unsigned len;
    for (uint32_t p = 0, i = 0; i <= chars; i++, p += len) {
        at[i] = p;
        len = 0;
        if (p < v.n) ac__j_decode(v.s + p, v.n - p, &len);
    }
    jbuf b = {0};
    for (uint64_t k = 0; k < count && !j->status; k++, start += step)
        ac__j_put(j, &b, v.s + at[start], at[start + 1] - at[start]);
    return ac__j_done(&b);
}

static jval slice_range(jinja *j, const jlist *range, int64_t start, int64_t stop, int64_t step) {
    int64_t from, to, by;
    if (__builtin_mul_overflow(start, range->step, &from) ||
        __builtin_add_overflow(from, range->start, &from) || __builtin_mul_overflow(stop, range->step, &to) ||
        __builtin_add_overflow(to, range->start, &to) || __builtin_mul_overflow(step, range->step, &by))
        return too_large(j);
    return ac__j_range(j, from, to, by);
}

static jval slice(jinja *j, jval v, int64_t start, int64_t step, uint64_t count, int64_t n) {
    if (v.kind == J_STR) {
        jval part = slice_text(j, v, start, step, count, n);
        part.flag |= v.flag;
        return part;
    }
    jval out = ac__j_list(j, v.kind, (uint32_t)count);
    for (uint64_t k = 0; k < count && !j->status; k++, start += step) ac__j_append(j, &out, v.list->v[start]);
    return out;
}

static jval eval_slice(jinja *j, const jnode *node) {
    int64_t start = 0, stop = 0, step = 1;
    bool has_start, has_stop, has_step;
    jval v = ac__j_eval(j, node->a);
    if (!slice_bound(j, node->b, &start, &has_start) || !slice_bound(j, node->c, &stop, &has_stop) ||
        !slice_bound(j, node->d, &step, &has_step))
        return ac__j_none();
    j->line = node->line;
    if (v.kind == J_UNDEF) return ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, v));
    if (!is_sequence(v) && v.kind != J_RANGE)
        return ac__j_fail(j, AC_ERR_TEXT, "a slice of %s", ac__j_type(v));
    if (has_step && !step) return ac__j_fail(j, AC_ERR_TEXT, "a slice with step 0");
    int64_t n = ac__j_length(j, v);
    start = limit_bound(start, has_start, n, step < 0, false);
    stop = limit_bound(stop, has_stop, n, step < 0, true);
    if (v.kind == J_RANGE) return slice_range(j, v.list, start, stop, step);
    uint64_t count = 0;
    if (step > 0 && stop > start) count = ((uint64_t)(stop - start) - 1) / (uint64_t)step + 1;
    if (step < 0 && stop < start) count = ((uint64_t)(start - stop) - 1) / (0 - (uint64_t)step) + 1;
    if (count <= 1) step = 1; /* so that what follows cannot overflow */
    return ac__j_step(j, (size_t)count + v.n / 16) ? slice(j, v, start, step, count, n) : ac__j_none();
}

/* ---- The nodes ---- */

static jval eval_const(jinja *j, const jnode *node) {
    (void)j;
    return node->value;
}

static jval eval_name(jinja *j, const jnode *node) {
    size_t looked = 0;
    for (const jscope *s = j->scope; s; s = s->parent)
        for (const jbinding *b = s->first; b; b = b->next, looked++)
            if (b->name.n == node->name.n && !memcmp(b->name.s, node->name.s, b->name.n)) {
                ac__j_step(j, looked / 16);
                return b->value.kind == J_MISSING ? ac__j_undef(J_NO_NAME, node->name) : b->value;
            }
    ac__j_step(j, looked / 16);
    jval v = ac__j_global(node->name);
    return v.kind == J_MISSING ? ac__j_undef(J_NO_NAME, node->name) : v;
}

static jval eval_sequence(jinja *j, const jnode *node) {
    jval out = ac__j_list(j, node->kind == N_LIST ? J_LIST : J_TUPLE, 0);
    for (const jnode *p = node->list; p && !j->status; p = p->next) ac__j_append(j, &out, ac__j_eval(j, p));
    return out;
}

static jval eval_dict(jinja *j, const jnode *node) {
    jval out = ac__j_dict(j, 4);
    for (const jnode *p = node->list; p && !j->status; p = p->next) {
        jval key = ac__j_eval(j, p->a);
        ac__j_dict_set(j, &out, key, ac__j_eval(j, p->b));
    }
    return out;
}

static jval eval_unary(jinja *j, const jnode *node) {
    jval v = ac__j_eval(j, node->a);
    int64_t i;
    if (v.kind == J_FLOAT) return ac__j_float(node->op == OP_SUB ? -v.f : v.f);
    if (ac__j_as_int(v, &i)) return node->op == OP_SUB ? int_op(j, OP_SUB, 0, i) : ac__j_int(i);
    return bad_operands(j, node->op, v, v);
}

static jval eval_binary(jinja *j, const jnode *node) {
    jval a = ac__j_eval(j, node->a), b = ac__j_eval(j, node->b);
    j->line = node->line;
    return j->status ? a : ac__j_binary(j, node->op, a, b);
}

static jval eval_compare(jinja *j, const jnode *node) {
    jval a = ac__j_eval(j, node->a);
    for (const jnode *p = node->list; p && !j->status; p = p->next) {
        jval b = ac__j_eval(j, p->a);
        if (j->status || !ac__j_compare_op(j, p->op, a, b)) return ac__j_bool(false);
        a = b;
    }
    return ac__j_bool(true);
}

static jval eval_and_or(jinja *j, const jnode *node) {
    jval a = ac__j_eval(j, node->a);
    return ac__j_truth(a) == (node->kind == N_OR) ? a : ac__j_eval(j, node->b);
}

static jval eval_not(jinja *j, const jnode *node) {
    return ac__j_bool(!ac__j_truth(ac__j_eval(j, node->a)));
}

static jval eval_cond(jinja *j, const jnode *node) {
    if (ac__j_truth(ac__j_eval(j, node->a))) return ac__j_eval(j, node->b);
    if (node->c) return ac__j_eval(j, node->c);
    return ac__j_undef(J_HINT, ac__j_lit("an inline if without else was false"));
}

static jval eval_concat(jinja *j, const jnode *node) {
    jbuf b = {0};
    for (const jnode *p = node->list; p && !j->status; p = p->next) ac__j_show(j, &b, ac__j_eval(j, p->a));
    return ac__j_done(&b);
}

static jval eval_attr(jinja *j, const jnode *node) {
    jval object = ac__j_eval(j, node->a);
    j->line = node->line;
    return j->status ? object : ac__j_attr(j, object, node->name);
}

static jval eval_item(jinja *j, const jnode *node) {
    jval object = ac__j_eval(j, node->a), key = ac__j_eval(j, node->b);
    j->line = node->line;
    return j->status ? object : ac__j_item(j, object, key);
}

static jval eval_call(jinja *j, const jnode *node) {
    jargs args;
    jval callee = ac__j_eval(j, node->a);
    if (!ac__j_eval_args(j, node->list, &args)) return callee;
    j->line = node->line;
    return ac__j_call(j, callee, &args);
}

static jval eval_filter(jinja *j, const jnode *node) {
    jargs args;
    jval in = node->a ? ac__j_eval(j, node->a) : j->piped;
    if (!ac__j_eval_args(j, node->list, &args)) return in;
    j->line = node->line;
    return ac__j_apply_filter(j, node->name, in, &args);
}

static jval eval_test(jinja *j, const jnode *node) {
    jargs args;
    jval in = ac__j_eval(j, node->a);
    if (!ac__j_eval_args(j, node->list, &args)) return in;
    j->line = node->line;
    return ac__j_bool(ac__j_apply_test(j, node->name, in, &args));
}

static jval (*const evaluators[])(jinja *, const jnode *) = {
    [N_CONST] = eval_const,   [N_NAME] = eval_name,     [N_LIST] = eval_sequence, [N_TUPLE] = eval_sequence,
    [N_DICT] = eval_dict,     [N_UNARY] = eval_unary,   [N_BINARY] = eval_binary, [N_COMPARE] = eval_compare,
    [N_AND] = eval_and_or,    [N_OR] = eval_and_or,     [N_NOT] = eval_not,       [N_COND] = eval_cond,
    [N_CONCAT] = eval_concat, [N_ATTR] = eval_attr,     [N_ITEM] = eval_item,     [N_SLICE] = eval_slice,
    [N_CALL] = eval_call,     [N_FILTER] = eval_filter, [N_TEST] = eval_test,
};

jval ac__j_eval(jinja *j, const jnode *node) {
    if (!ac__j_enter(j)) return ac__j_none();
    jval v = evaluators[node->kind](j, node);
    j->depth--;
    return v;
}
