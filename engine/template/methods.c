/* methods.c - methods of mappings, lists and loops, and the way to any method. Methods that would change a
 * value exist only to be refused, as transformers refuses them. */
#include <string.h>

#include "jinja.h"

#define KIND(k) (1u << (k))

static jval view(jval self, unsigned flag) {
    self.kind = J_VIEW;
    self.flag = (uint8_t)flag;
    return self;
}

static jval run_keys(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)j, (void)a, (void)raw;
    return view(self, J_KEYS);
}

static jval run_values(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)j, (void)a, (void)raw;
    return view(self, J_VALUES);
}

static jval run_items(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)j, (void)a, (void)raw;
    return view(self, J_ITEMS);
}

static jval run_get(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)raw;
    if (!ac__j_hashable(a[0]))
        return ac__j_fail(j, AC_ERR_TEXT, "get: %s as the key of a mapping", ac__j_type(a[0]));
    const jval *found = ac__j_dict_get(j, self.dict, a[0]);
    if (found) return *found;
    return a[1].kind == J_MISSING ? ac__j_none() : a[1];
}

static jval run_copy(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)raw, (void)a;
    if (self.kind == J_LIST) return ac__j_apply_filter(j, ac__j_lit("list"), self, &(jargs){0});
    jval out = ac__j_dict(j, self.dict->n);
    for (uint32_t i = 0; i < self.dict->n && !j->status; i++)
        ac__j_dict_set(j, &out, self.dict->v[i].key, self.dict->v[i].value);
    return out;
}

static jval run_count(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t n = 0;
    for (uint32_t i = 0; i < self.list->n && !j->status; i++) n += ac__j_equal(j, self.list->v[i], a[0]);
    return ac__j_int(n);
}

static jval run_index(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)raw;
    for (uint32_t i = 0; i < self.list->n && !j->status; i++)
        if (ac__j_equal(j, self.list->v[i], a[0])) return ac__j_int(i);
    return ac__j_fail(j, AC_ERR_TEXT, "index: the value is not in the list");
}

static jval run_cycle(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)a;
    if (!raw->n) return ac__j_fail(j, AC_ERR_TEXT, "loop.cycle: want values");
    return raw->v[ac__j_loop_attr(j, self.loop, ac__j_lit("index0")).i % raw->n];
}

static jval run_refused(jinja *j, jval self, const jval *a, const jargs *raw) {
    (void)a, (void)raw;
    return ac__j_fail(j, AC_ERR_TEXT, "a change of %s: templates change nothing but namespaces",
                      ac__j_type(self));
}

enum {
    DICT = KIND(J_DICT),
    LIST = KIND(J_LIST),
    SEQUENCE = KIND(J_LIST) | KIND(J_TUPLE) | KIND(J_RANGE),
    VIEW = KIND(J_VIEW),
    NUMBER = KIND(J_INT) | KIND(J_FLOAT) | KIND(J_BOOL),
    GEN = KIND(J_GEN)
};

static const jmethod_row methods[] = {
    {DICT, "items", "", run_items},
    {DICT, "keys", "", run_keys},
    {DICT, "values", "", run_values},
    {DICT, "get", "!key,default", run_get},
    {DICT | LIST, "copy", "", run_copy},
    {SEQUENCE, "count", "!value", run_count},
    {SEQUENCE, "index", "!value", run_index},
    {KIND(J_LOOP), "cycle", NULL, run_cycle},
    {DICT | LIST, "clear", NULL, run_refused},
    {DICT | LIST, "pop", NULL, run_refused},
    {DICT, "popitem", NULL, run_refused},
    {DICT, "setdefault", NULL, run_refused},
    {DICT, "update", NULL, run_refused},
    {LIST, "append", NULL, run_refused},
    {LIST, "extend", NULL, run_refused},
    {LIST, "insert", NULL, run_refused},
    {LIST, "remove", NULL, run_refused},
    {LIST, "reverse", NULL, run_refused},
    {LIST, "sort", NULL, run_refused},
    {KIND(J_LOOP), "changed", NULL, NULL},
    {DICT, "fromkeys", NULL, NULL},
    {VIEW, "isdisjoint", NULL, NULL},
    {VIEW, "mapping", NULL, NULL},
    {KIND(J_RANGE), "start", NULL, NULL},
    {KIND(J_RANGE), "stop", NULL, NULL},
    {KIND(J_RANGE), "step", NULL, NULL},
    {NUMBER, "real", NULL, NULL},
    {NUMBER, "imag", NULL, NULL},
    {NUMBER, "conjugate", NULL, NULL},
    {NUMBER, "as_integer_ratio", NULL, NULL},
    {NUMBER, "numerator", NULL, NULL},
    {NUMBER, "denominator", NULL, NULL},
    {NUMBER, "bit_length", NULL, NULL},
    {NUMBER, "bit_count", NULL, NULL},
    {NUMBER, "to_bytes", NULL, NULL},
    {NUMBER, "from_bytes", NULL, NULL},
    {NUMBER, "is_integer", NULL, NULL},
    {NUMBER, "hex", NULL, NULL},
    {NUMBER, "fromhex", NULL, NULL},
    {GEN, "send", NULL, NULL},
    {GEN, "throw", NULL, NULL},
    {GEN, "close", NULL, NULL},
    {KIND(J_MACRO), "arguments", NULL, NULL},
    {KIND(J_MACRO), "catch_kwargs", NULL, NULL},
    {KIND(J_MACRO), "catch_varargs", NULL, NULL},
    {0, NULL, NULL, NULL},
};

enum { TEXT_METHODS = 1000 }; /* an index from here on is one of ac__j_text_methods */

static const jmethod_row *find(jval self, jstr name, uint32_t *index) {
    const jmethod_row *rows = self.kind == J_STR ? ac__j_text_methods : methods;
    for (uint32_t i = 0; rows[i].name; i++)
        if ((rows[i].kinds & KIND(self.kind)) && ac__j_same(name, rows[i].name)) {
            *index = i + (self.kind == J_STR ? TEXT_METHODS : 0);
            return &rows[i];
        }
    return NULL;
}

jval ac__j_method(jinja *j, jval self, jstr name) {
    uint32_t index;
    const jmethod_row *row = find(self, name, &index);
    if (!row) return (jval){.kind = J_MISSING};
    if (!row->run) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "'%s' of %s", row->name, ac__j_type(self));
    if (row->run == run_refused) return ac__j_undef(J_FORBIDDEN, ac__j_lit(row->name));
    jmethod *m = ac__j_alloc(j, sizeof *m);
    if (!m) return ac__j_none();
    *m = (jmethod){self, index};
    return (jval){.kind = J_METHOD, .method = m};
}

/* What a method makes of a text that came out of escape or safe: such a text again, where that is easy to
 * say. */
static jval escaped_again(jinja *j, const jmethod_row *row, jval v) {
    static const char *const same[] = {"strip", "lstrip",     "rstrip",   "upper",        "lower",
                                       "title", "capitalize", "swapcase", "removeprefix", "removesuffix"};
    if (v.kind != J_STR && v.kind != J_LIST && v.kind != J_TUPLE) return v;
    for (size_t i = 0; v.kind == J_STR && i < sizeof same / sizeof *same; i++)
        if (!strcmp(row->name, same[i])) {
            v.flag |= J_MARKUP;
            return v;
        }
    return ac__j_fail(j, AC_ERR_UNSUPPORTED, "'%s' of an escaped text", row->name);
}

jval ac__j_call_method(jinja *j, const jmethod *m, const jargs *args) {
    jval a[3];
    const jmethod_row *row =
        m->index >= TEXT_METHODS ? &ac__j_text_methods[m->index - TEXT_METHODS] : &methods[m->index];
    if (row->params && !ac__j_bind_args(j, row->name, args, row->params, a)) return m->self;
    jval v = row->run(j, m->self, a, args);
    bool markup = m->self.kind == J_STR && (m->self.flag & J_MARKUP);
    return markup && !j->status ? escaped_again(j, row, v) : v;
}
