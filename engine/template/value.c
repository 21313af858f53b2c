/* value.c - values: making, comparing, counting, iterating, by Python's rules. */
#include <math.h>
#include <string.h>

#include "jinja.h"

/* ---- Making ---- */

jval ac__j_str(const char *s, size_t n) {
    return (jval){.kind = J_STR, .n = (uint32_t)n, .s = s};
}
jval ac__j_cstr(const char *s) {
    return ac__j_str(s, strlen(s));
}
jval ac__j_int(int64_t i) {
    return (jval){.kind = J_INT, .i = i};
}
jval ac__j_float(double f) {
    return (jval){.kind = J_FLOAT, .f = f};
}
jval ac__j_bool(bool b) {
    return (jval){.kind = J_BOOL, .i = b};
}
jval ac__j_none(void) {
    return (jval){.kind = J_NONE};
}
jval ac__j_undef(unsigned flag, jstr name) {
    return (jval){.kind = J_UNDEF, .flag = (uint8_t)flag, .n = name.n, .s = name.s};
}

jval ac__j_copy(jinja *j, const char *s, size_t n) {
    char *p = ac__j_alloc(j, n);
    if (!p) return ac__j_none();
    memcpy(p, s, n);
    return ac__j_str(p, n);
}

/* Counts one more container around `v`. */
static void nest(jinja *j, jval *container, jval v) {
    if (v.depth < container->depth) return;
    container->depth = (uint16_t)(v.depth + 1);
    if (container->depth > J_MAX_NEST)
        ac__j_fail(j, AC_ERR_LIMIT, "more than %d containers inside each other", J_MAX_NEST);
}

jval ac__j_list(jinja *j, jkind kind, uint32_t cap) {
    jlist *list = ac__j_zalloc(j, sizeof *list);
    jval v = {.kind = (uint8_t)kind, .depth = 1, .list = list};
    if (!list || !cap) return v;
    list->v = ac__j_alloc(j, (size_t)cap * sizeof *list->v);
    if (list->v) list->cap = cap;
    return v;
}

void ac__j_append(jinja *j, jval *list, jval v) {
    if (j->status || !ac__j_step(j, 1)) return;
    jlist *l = list->list;
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        jval *p = ac__j_grow(j, l->v, (size_t)l->cap * sizeof *p, (size_t)cap * sizeof *p);
        if (!p) return;
        l->v = p;
        l->cap = cap;
    }
    l->v[l->n++] = v;
    l->unhashable |= !ac__j_hashable(v);
    nest(j, list, v);
}

jval ac__j_range(jinja *j, int64_t start, int64_t stop, int64_t step) {
    if (!step) return ac__j_fail(j, AC_ERR_TEXT, "range: a step of 0");
    uint64_t n = 0;
    if (step > 0 && stop > start) n = ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1;
    if (step < 0 && stop < start) n = ((uint64_t)start - (uint64_t)stop - 1) / (0 - (uint64_t)step) + 1;
    if (n > J_MAX_RANGE) return ac__j_fail(j, AC_ERR_TEXT, "range: want at most %d numbers", J_MAX_RANGE);
    jval out = ac__j_list(j, J_RANGE, (uint32_t)n);
    for (uint64_t i = 0; i < n && !j->status; i++)
        ac__j_append(j, &out, ac__j_int((int64_t)((uint64_t)start + i * (uint64_t)step)));
    if (j->status) return ac__j_none();
    out.list->start = start;
    out.list->stop = stop;
    out.list->step = step;
    return out;
}

jval ac__j_dict(jinja *j, uint32_t cap) {
    jdict *d = ac__j_zalloc(j, sizeof *d);
    jval v = {.kind = J_DICT, .depth = 1, .dict = d};
    if (!d || !cap) return v;
    d->v = ac__j_alloc(j, (size_t)cap * sizeof *d->v);
    if (d->v) d->cap = cap;
    return v;
}

void ac__j_dict_set(jinja *j, jval *dict, jval key, jval v) {
    if (j->status) return;
    if (!ac__j_hashable(key)) {
        ac__j_fail(j, AC_ERR_TEXT, "%s as the key of a mapping", ac__j_type(key));
        return;
    }
    jdict *d = dict->dict;
    jval *old = (jval *)(uintptr_t)ac__j_dict_get(j, d, key);
    if (dict->kind == J_DICT) nest(j, dict, v);
    if (old) {
        *old = v;
        return;
    }
    if (d->n == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 4;
        jpair *p = ac__j_grow(j, d->v, (size_t)d->cap * sizeof *p, (size_t)cap * sizeof *p);
        if (!p) return;
        d->v = p;
        d->cap = cap;
    }
    d->v[d->n++] = (jpair){key, v};
}

const jval *ac__j_dict_find(jinja *j, const jdict *d, jstr key) {
    if (!ac__j_step(j, d->n / 8)) return NULL;
    for (uint32_t i = 0; i < d->n; i++) {
        const jval *k = &d->v[i].key;
        if (k->kind == J_STR && k->n == key.n && !memcmp(k->s, key.s, key.n)) return &d->v[i].value;
    }
    return NULL;
}

const jval *ac__j_dict_get(jinja *j, const jdict *d, jval key) {
    if (key.kind == J_STR) return ac__j_dict_find(j, d, ac__j_sv(key));
    for (uint32_t i = 0; i < d->n && !j->status; i++)
        if (ac__j_equal(j, d->v[i].key, key)) return &d->v[i].value;
    return NULL;
}

/* ---- Types ---- */

const char *ac__j_type(jval v) {
    static const char *const names[] = {"nothing",     "an undefined value",
                                        "None",        "a bool",
                                        "an int",      "a float",
                                        "a str",       "a list",
                                        "a tuple",     "a range",
                                        "a dict",      "a view of a dict",
                                        "a generator", "a namespace",
                                        "a macro",     "a loop",
                                        "a function",  "a method"};
    return names[v.kind];
}

bool ac__j_is_number(jval v) {
    return v.kind == J_INT || v.kind == J_FLOAT || v.kind == J_BOOL;
}

bool ac__j_as_int(jval v, int64_t *out) {
    if (v.kind != J_INT && v.kind != J_BOOL) return false;
    *out = v.i;
    return true;
}

double ac__j_as_float(jval v) {
    return v.kind == J_FLOAT ? v.f : (double)v.i;
}

bool ac__j_truth(jval v) {
    switch ((jkind)v.kind) {
    case J_MISSING:
    case J_UNDEF:
    case J_NONE:
        return false;
    case J_BOOL:
    case J_INT:
        return v.i != 0;
    case J_FLOAT:
        return v.f != 0;
    case J_STR:
        return v.n != 0;
    case J_LIST:
    case J_TUPLE:
    case J_RANGE:
        return v.list && v.list->n != 0;
    case J_DICT:
    case J_VIEW:
        return v.dict && v.dict->n != 0;
    default:
        return true;
    }
}

bool ac__j_hashable(jval v) {
    if (v.kind == J_LIST || v.kind == J_DICT || v.kind == J_VIEW) return false;
    return v.kind != J_TUPLE || !v.list->unhashable;
}

/* ---- Comparing ---- */

/* -1, 0, 1, or 2 for NaN; exact where an int does not fit a double. */
static int order_numbers(jval a, jval b) {
    if (a.kind != J_FLOAT && b.kind != J_FLOAT) return (a.i > b.i) - (a.i < b.i);
    if (a.kind == J_FLOAT && b.kind == J_FLOAT) return a.f < b.f ? -1 : a.f > b.f ? 1 : a.f == b.f ? 0 : 2;
    bool swapped = a.kind == J_FLOAT;
    double f = swapped ? a.f : b.f;
    int64_t i = swapped ? b.i : a.i;
    int r;
    if (isnan(f)) return 2;
    if (f >= 9223372036854775808.0)
        r = -1;
    else if (f < -9223372036854775808.0)
        r = 1;
    else {
        double whole = trunc(f);
        int64_t w = (int64_t)whole;
        r = i < w ? -1 : i > w ? 1 : f > whole ? -1 : f < whole ? 1 : 0;
    }
    return swapped ? -r : r;
}

static bool equal_lists(jinja *j, const jlist *a, const jlist *b) {
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (j->status || !ac__j_equal(j, a->v[i], b->v[i])) return false;
    return true;
}

static bool equal_dicts(jinja *j, const jdict *a, const jdict *b) {
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const jval *v = ac__j_dict_get(j, b, a->v[i].key);
        if (j->status || !v || !ac__j_equal(j, a->v[i].value, *v)) return false;
    }
    return true;
}

bool ac__j_equal(jinja *j, jval a, jval b) {
    if (!ac__j_step(j, 1 + (a.kind == J_STR && a.n == b.n ? a.n / 32 : 0))) return false;
    if (ac__j_is_number(a) && ac__j_is_number(b)) return order_numbers(a, b) == 0;
    if (a.kind != b.kind) return false;
    switch ((jkind)a.kind) {
    case J_UNDEF:
    case J_NONE:
        return true;
    case J_STR:
        return a.n == b.n && !memcmp(a.s, b.s, a.n);
    case J_LIST:
    case J_TUPLE:
    case J_RANGE:
        return a.list == b.list || equal_lists(j, a.list, b.list);
    case J_DICT:
        return a.dict == b.dict || equal_dicts(j, a.dict, b.dict);
    case J_METHOD:
        return a.method->index == b.method->index && ac__j_equal(j, a.method->self, b.method->self);
    default:
        return a.list == b.list; /* the same object */
    }
}

static int order_strings(jval a, jval b) {
    uint32_t n = a.n < b.n ? a.n : b.n;
    int c = memcmp(a.s, b.s, n);
    return c ? (c < 0 ? -1 : 1) : (a.n > b.n) - (a.n < b.n);
}

int ac__j_order(jinja *j, jval a, jval b) {
    if (!ac__j_step(j, 1 + (a.kind == J_STR ? a.n / 32 : 0))) return 0;
    if (ac__j_is_number(a) && ac__j_is_number(b)) return order_numbers(a, b);
    if (a.kind == J_STR && b.kind == J_STR) return order_strings(a, b);
    if (a.kind == b.kind && (a.kind == J_LIST || a.kind == J_TUPLE)) {
        const jlist *x = a.list, *y = b.list;
        for (uint32_t i = 0; i < x->n && i < y->n && !j->status; i++)
            if (!ac__j_equal(j, x->v[i], y->v[i])) return ac__j_order(j, x->v[i], y->v[i]);
        return (x->n > y->n) - (x->n < y->n);
    }
    if (a.kind == J_UNDEF || b.kind == J_UNDEF)
        ac__j_fail(j, AC_ERR_TEXT, "%s", ac__j_undef_text(j, a.kind == J_UNDEF ? a : b));
    else
        ac__j_fail(j, AC_ERR_TEXT, "%s and %s have no order", ac__j_type(a), ac__j_type(b));
    return 0;
}

static bool has_text(jinja *j, jval container, jval v) {
    if (v.kind != J_STR) {
        ac__j_fail(j, AC_ERR_TEXT, "'in' a string: want a str, have %s", ac__j_type(v));
        return false;
    }
    if (!ac__j_step(j, 1 + container.n / 32)) return false;
    return !v.n || memmem(container.s, container.n, v.s, v.n);
}

bool ac__j_contains(jinja *j, jval container, jval v) {
    if (container.kind == J_STR) return has_text(j, container, v);
    if (container.kind == J_DICT || (container.kind == J_VIEW && container.flag == J_KEYS)) {
        if (!ac__j_hashable(v)) {
            ac__j_fail(j, AC_ERR_TEXT, "%s as the key of a mapping", ac__j_type(v));
            return false;
        }
        return ac__j_dict_get(j, container.dict, v) != NULL;
    }
    if (container.kind == J_GEN) {
        jlist *g = container.list;
        while (g->pos < g->n && !j->status)
            if (ac__j_equal(j, g->v[g->pos++], v)) return true;
        return false;
    }
    const jlist *items = ac__j_elements(j, container);
    for (uint32_t i = 0; items && i < items->n && !j->status; i++)
        if (ac__j_equal(j, items->v[i], v)) return !j->status;
    return false;
}

/* ---- Counting and iterating ---- */

int64_t ac__j_length(jinja *j, jval v) {
    switch ((jkind)v.kind) {
    case J_UNDEF:
        return 0;
    case J_STR:
        ac__j_step(j, v.n / 16);
        return (int64_t)ac__j_count(v.s, v.n);
    case J_LIST:
    case J_TUPLE:
    case J_RANGE:
        return v.list->n;
    case J_DICT:
    case J_VIEW:
        return v.dict->n;
    case J_LOOP:
        return ac__j_loop_attr(j, v.loop, ac__j_lit("length")).i;
    default:
        ac__j_fail(j, AC_ERR_TEXT, "%s has no length", ac__j_type(v));
        return 0;
    }
}

bool ac__j_iterable(jval v) {
    return v.kind == J_UNDEF || (v.kind >= J_STR && v.kind <= J_GEN) || v.kind == J_LOOP;
}

static const jlist *characters(jinja *j, jval v) {
    jval out = ac__j_list(j, J_LIST, v.n < 64 ? v.n : 64);
    unsigned len;
    for (uint32_t at = 0; at < v.n && !j->status; at += len) {
        ac__j_decode(v.s + at, v.n - at, &len);
        ac__j_append(j, &out, ac__j_str(v.s + at, len));
    }
    return j->status ? NULL : out.list;
}

static const jlist *view(jinja *j, jval v) {
    jval out = ac__j_list(j, J_LIST, v.dict->n);
    unsigned what = v.kind == J_DICT ? J_KEYS : v.flag;
    for (uint32_t i = 0; i < v.dict->n && !j->status; i++) {
        const jpair *p = &v.dict->v[i];
        jval item = what == J_KEYS ? p->key : p->value;
        if (what == J_ITEMS) {
            item = ac__j_list(j, J_TUPLE, 2);
            ac__j_append(j, &item, p->key);
            ac__j_append(j, &item, p->value);
        }
        ac__j_append(j, &out, item);
    }
    return j->status ? NULL : out.list;
}

const jlist *ac__j_elements(jinja *j, jval v) {
    static const jlist empty;
    if (j->status) return NULL;
    switch ((jkind)v.kind) {
    case J_UNDEF:
        return &empty;
    case J_STR:
        return characters(j, v);
    case J_LIST:
    case J_TUPLE:
    case J_RANGE:
        return v.list;
    case J_DICT:
    case J_VIEW:
        return view(j, v);
    case J_GEN: {
        jlist *rest = ac__j_zalloc(j, sizeof *rest);
        if (!rest) return NULL;
        rest->n = v.list->n - v.list->pos;
        if (rest->n) rest->v = v.list->v + v.list->pos;
        v.list->pos = v.list->n;
        return rest;
    }
    default:
        ac__j_fail(j, AC_ERR_TEXT, "%s cannot be iterated", ac__j_type(v));
        return NULL;
    }
}

const char *ac__j_undef_text(jinja *j, jval v) {
    static const char *const texts[] = {"' is undefined", "' is no element or attribute of it", "",
                                        "' is not allowed here: templates change nothing"};
    jbuf b = {0};
    if (v.flag != J_HINT) ac__j_puts(j, &b, "'");
    ac__j_put(j, &b, v.s, v.n < 100 ? v.n : 100);
    ac__j_puts(j, &b, texts[v.flag]);
    ac__j_put(j, &b, "", 1);
    return j->status ? "an undefined value" : b.p;
}
