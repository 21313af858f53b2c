/* tests.c - what stands after `is`. */
#include <string.h>

#include "jinja.h"

typedef bool (*test_fn)(jinja *j, jval v, jval a);

static bool remainder_is(jinja *j, jval v, int64_t of, int64_t want) {
    jval r = ac__j_binary(j, OP_MOD, v, ac__j_int(of));
    return !j->status && ac__j_equal(j, r, ac__j_int(want));
}

#define TEST(name, expression)                                                                               \
    static bool test_##name(jinja *j, jval v, jval a) {                                                      \
        (void)j, (void)v, (void)a;                                                                           \
        return expression;                                                                                   \
    }
TEST(odd, remainder_is(j, v, 2, 1))
TEST(even, remainder_is(j, v, 2, 0))
TEST(defined, v.kind != J_UNDEF)
TEST(undefined, v.kind == J_UNDEF)
TEST(none, v.kind == J_NONE)
TEST(boolean, v.kind == J_BOOL)
TEST(true, v.kind == J_BOOL && v.i)
TEST(false, v.kind == J_BOOL && !v.i)
TEST(integer, v.kind == J_INT)
TEST(float, v.kind == J_FLOAT)
TEST(number, ac__j_is_number(v))
TEST(string, v.kind == J_STR)
TEST(mapping, v.kind == J_DICT)
TEST(sequence, v.kind == J_UNDEF || v.kind == J_DICT || (v.kind >= J_STR && v.kind <= J_RANGE))
TEST(iterable, ac__j_iterable(v))
TEST(callable, v.kind == J_UNDEF || v.kind >= J_MACRO)
TEST(escaped, v.kind == J_STR && (v.flag & J_MARKUP))
TEST(in, ac__j_contains(j, a, v))
TEST(eq, ac__j_compare_op(j, OP_EQ, v, a))
TEST(ne, ac__j_compare_op(j, OP_NE, v, a))
TEST(lt, ac__j_compare_op(j, OP_LT, v, a))
TEST(le, ac__j_compare_op(j, OP_LE, v, a))
TEST(gt, ac__j_compare_op(j, OP_GT, v, a))
TEST(ge, ac__j_compare_op(j, OP_GE, v, a))
TEST(filter, v.kind == J_STR && ac__j_filter(ac__j_sv(v)))
TEST(test, v.kind == J_STR && ac__j_has_test(ac__j_sv(v)))
#undef TEST

static bool test_divisibleby(jinja *j, jval v, jval a) {
    jval r = ac__j_binary(j, OP_MOD, v, a);
    return !j->status && ac__j_equal(j, r, ac__j_int(0));
}

/* Numbers and strings have no identity here: equal ones of one type are the same. */
static bool test_sameas(jinja *j, jval v, jval a) {
    if (v.kind != a.kind) return false;
    return v.kind <= J_STR ? ac__j_equal(j, v, a) : v.list == a.list;
}

static bool all_case(jinja *j, jval v, jset want, jset other) {
    jval text = ac__j_text(j, v);
    bool any = false;
    unsigned len;
    if (j->status || !ac__j_step(j, text.n / 8)) return false;
    for (uint32_t at = 0; at < text.n; at += len) {
        uint32_t c = ac__j_decode(text.s + at, text.n - at, &len);
        if (ac__j_in_set(other, c) || ac__j_in_set(SET_TITLE, c)) return false;
        any |= ac__j_in_set(want, c);
    }
    return any;
}

static bool test_lower(jinja *j, jval v, jval a) {
    (void)a;
    return all_case(j, v, SET_LOWER, SET_UPPER);
}

static bool test_upper(jinja *j, jval v, jval a) {
    (void)a;
    return all_case(j, v, SET_UPPER, SET_LOWER);
}

static const struct {
    const char *name, *params;
    test_fn run;
} tests[] = {
    {"defined", "", test_defined},
    {"undefined", "", test_undefined},
    {"none", "", test_none},
    {"string", "", test_string},
    {"mapping", "", test_mapping},
    {"iterable", "", test_iterable},
    {"sequence", "", test_sequence},
    {"number", "", test_number},
    {"integer", "", test_integer},
    {"float", "", test_float},
    {"boolean", "", test_boolean},
    {"true", "", test_true},
    {"false", "", test_false},
    {"odd", "", test_odd},
    {"even", "", test_even},
    {"divisibleby", "!num", test_divisibleby},
    {"in", "!seq", test_in},
    {"sameas", "!other", test_sameas},
    {"==", "!b", test_eq},
    {"eq", "!b", test_eq},
    {"equalto", "!b", test_eq},
    {"!=", "!b", test_ne},
    {"ne", "!b", test_ne},
    {"<", "!b", test_lt},
    {"lt", "!b", test_lt},
    {"lessthan", "!b", test_lt},
    {"<=", "!b", test_le},
    {"le", "!b", test_le},
    {">", "!b", test_gt},
    {"gt", "!b", test_gt},
    {"greaterthan", "!b", test_gt},
    {">=", "!b", test_ge},
    {"ge", "!b", test_ge},
    {"lower", "", test_lower},
    {"upper", "", test_upper},
    {"callable", "", test_callable},
    {"escaped", "", test_escaped},
    {"filter", "", test_filter},
    {"test", "", test_test},
};

static size_t find(jstr name) {
    size_t i = 0;
    while (i < sizeof tests / sizeof *tests && !ac__j_same(name, tests[i].name)) i++;
    return i;
}

bool ac__j_has_test(jstr name) {
    return find(name) < sizeof tests / sizeof *tests;
}

bool ac__j_apply_test(jinja *j, jstr name, jval in, const jargs *args) {
    size_t i = find(name);
    jval a = ac__j_none();
    if (i == sizeof tests / sizeof *tests) {
        ac__j_fail(j, AC_ERR_UNSUPPORTED, "the test '%.*s'", (int)name.n, name.s);
        return false;
    }
    if (!ac__j_bind_args(j, tests[i].name, args, tests[i].params, &a)) return false;
    return tests[i].run(j, in, a) && !j->status;
}
