/* filters.c - filters of sequences and mappings, and the way to any filter. What is a generator in Jinja is
 * one here: true whatever it holds, without a length, used up by iteration. */
#include <string.h>

#include "jinja.h"

#define UNUSED (void)a, (void)raw

const jfilter *ac__j_filter(jstr name) {
    const jfilter *const tables[] = {ac__j_text_filters, ac__j_sequence_filters};
    for (int t = 0; t < 2; t++)
        for (const jfilter *f = tables[t]; f->name; f++)
            if (ac__j_same(name, f->name)) return f;
    return NULL;
}

jval ac__j_apply_filter(jinja *j, jstr name, jval in, const jargs *args) {
    jval a[5];
    const jfilter *f = ac__j_filter(name);
    if (j->status) return in;
    if (!f || !f->run) return ac__j_fail(j, AC_ERR_UNSUPPORTED, "the filter '%.*s'", (int)name.n, name.s);
    if (f->params && !ac__j_bind_args(j, f->name, args, f->params, a)) return in;
    jval out = f->run(j, in, a, args);
    if (in.kind == J_STR && out.kind == J_STR && f->keeps_markup) out.flag |= in.flag;
    return out;
}

static jval undefined(const char *why) {
    return ac__j_undef(J_HINT, ac__j_lit(why));
}

static jval run_length(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    return ac__j_int(ac__j_length(j, in));
}

static jval run_first(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    if (in.kind == J_GEN && in.list->pos < in.list->n) return in.list->v[in.list->pos++];
    const jlist *items = ac__j_elements(j, in);
    return items && items->n ? items->v[0] : undefined("no first item, the sequence was empty");
}

static jval run_last(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    if (in.kind == J_GEN) return ac__j_fail(j, AC_ERR_TEXT, "last: a generator cannot be reversed");
    const jlist *items = ac__j_elements(j, in);
    return items && items->n ? items->v[items->n - 1] : undefined("no last item, the sequence was empty");
}

static jval run_list(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    const jlist *items = ac__j_elements(j, in);
    jval out = ac__j_list(j, J_LIST, items ? items->n : 0);
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) ac__j_append(j, &out, items->v[i]);
    return out;
}

static jval run_join(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    const jlist *items = ac__j_elements(j, in);
    jval between = a[0].kind == J_MISSING ? ac__j_cstr("") : ac__j_text(j, a[0]);
    jbuf b = {0};
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
        if (i) ac__j_put(j, &b, between.s, between.n);
        ac__j_show(j, &b, ac__j_path(j, items->v[i], a[1]));
    }
    return ac__j_done(&b);
}

static jval run_items(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    if (in.kind != J_DICT && in.kind != J_UNDEF)
        return ac__j_fail(j, AC_ERR_TEXT, "items: want a mapping, have %s", ac__j_type(in));
    jval out = ac__j_list(j, J_GEN, 0);
    if (in.kind == J_UNDEF) return out;
    in.kind = J_VIEW;
    in.flag = J_ITEMS;
    const jlist *items = ac__j_elements(j, in);
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) ac__j_append(j, &out, items->v[i]);
    return out;
}

static jval run_reverse(jinja *j, jval in, const jval *a, const jargs *raw) {
    UNUSED;
    const jlist *items = ac__j_elements(j, in);
    if (!items) return in;
    if (in.kind == J_STR) {
        jbuf b = {0};
        for (uint32_t i = items->n; i-- > 0 && !j->status;) ac__j_put(j, &b, items->v[i].s, items->v[i].n);
        return ac__j_done(&b);
    }
    jval out = ac__j_list(j, in.kind == J_GEN ? J_LIST : J_GEN, items->n);
    for (uint32_t i = items->n; i-- > 0 && !j->status;) ac__j_append(j, &out, items->v[i]);
    return out;
}

static jval run_default(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)j, (void)raw;
    bool replace = in.kind == J_UNDEF || (ac__j_truth(a[1]) && !ac__j_truth(in));
    if (!replace) return in;
    return a[0].kind == J_MISSING ? ac__j_cstr("") : a[0];
}

static jval run_attr(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    if (a[0].kind != J_STR) return ac__j_fail(j, AC_ERR_TEXT, "attr: want a name, have %s", ac__j_type(a[0]));
    if (in.kind != J_DICT) return ac__j_attr(j, in, ac__j_sv(a[0]));
    jval m = ac__j_method(j, in, ac__j_sv(a[0]));
    return m.kind == J_MISSING ? ac__j_undef(J_NO_ATTR, ac__j_sv(a[0])) : m;
}

static jval run_tojson(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    return ac__j_to_json(j, in, a);
}

/* ---- Sorting ---- */

static jval lowered(jinja *j, jval v, bool case_sensitive) {
    if (case_sensitive || v.kind != J_STR) return v;
    return ac__j_apply_filter(j, ac__j_lit("lower"), v, &(jargs){0});
}

/* One row per element: the key, a list, and the element. */
typedef struct row {
    jval key, item;
} row;

/* Stable; `reverse` keeps equal rows in order too, as sorted(reverse=True) does. */
static void merge_sort(jinja *j, row *rows, row *spare, uint32_t n, bool reverse) {
    for (uint32_t width = 1; width < n && !j->status; width *= 2) {
        for (uint32_t from = 0; from < n; from += 2 * width) {
            uint32_t mid = from + width < n ? from + width : n,
                     end = from + 2 * width < n ? from + 2 * width : n;
            uint32_t l = from, r = mid;
            for (uint32_t k = from; k < end; k++) {
                bool right = l == mid;
                if (!right && r < end)
                    right = reverse ? ac__j_order(j, rows[l].key, rows[r].key) == -1
                                    : ac__j_order(j, rows[r].key, rows[l].key) == -1;
                spare[k] = right ? rows[r++] : rows[l++];
            }
        }
        memcpy(rows, spare, n * sizeof *rows);
    }
}

static jval sorted(jinja *j, row *rows, uint32_t n, bool reverse) {
    row *spare = ac__j_alloc(j, n * sizeof *spare);
    jval out = ac__j_list(j, J_LIST, n);
    /* with one element nothing is compared, with more all must be comparable */
    if (spare) merge_sort(j, rows, spare, n, reverse);
    for (uint32_t i = 0; i < n && !j->status; i++) ac__j_append(j, &out, rows[i].item);
    return out;
}

/* The attributes named in "a.b,c" of an element, as a list. */
static jval sort_key(jinja *j, jval item, jval path, bool case_sensitive) {
    jval key = ac__j_list(j, J_LIST, 1);
    if (path.kind != J_STR) {
        ac__j_append(j, &key, lowered(j, ac__j_path(j, item, path), case_sensitive));
        return key;
    }
    for (uint32_t at = 0; at <= path.n && !j->status;) {
        uint32_t end = at;
        while (end < path.n && path.s[end] != ',') end++;
        jval part = ac__j_path(j, item, ac__j_str(path.s + at, end - at));
        ac__j_append(j, &key, lowered(j, part, case_sensitive));
        at = end + 1;
    }
    return key;
}

static jval run_sort(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    const jlist *items = ac__j_elements(j, in);
    row *rows = items ? ac__j_alloc(j, items->n * sizeof *rows) : NULL;
    if (!rows) return in;
    for (uint32_t i = 0; i < items->n && !j->status; i++)
        rows[i] = (row){sort_key(j, items->v[i], a[2], ac__j_truth(a[1])), items->v[i]};
    return sorted(j, rows, items->n, ac__j_truth(a[0]));
}

static jval run_dictsort(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    bool by_value = false;
    if (in.kind != J_DICT)
        return ac__j_fail(j, AC_ERR_TEXT, "dictsort: want a mapping, have %s", ac__j_type(in));
    if (a[1].kind != J_MISSING) {
        by_value = a[1].kind == J_STR && ac__j_same(ac__j_sv(a[1]), "value");
        if (!by_value && !(a[1].kind == J_STR && ac__j_same(ac__j_sv(a[1]), "key")))
            return ac__j_fail(j, AC_ERR_TEXT, "dictsort: want by = 'key' or 'value'");
    }
    in.kind = J_VIEW;
    in.flag = J_ITEMS;
    const jlist *items = ac__j_elements(j, in);
    row *rows = items ? ac__j_alloc(j, items->n * sizeof *rows) : NULL;
    if (!rows) return in;
    for (uint32_t i = 0; i < items->n && !j->status; i++)
        rows[i] = (row){lowered(j, items->v[i].list->v[by_value], ac__j_truth(a[0])), items->v[i]};
    return sorted(j, rows, items->n, ac__j_truth(a[2]));
}

static jval extreme(jinja *j, jval in, const jval *a, int want) {
    const jlist *items = ac__j_elements(j, in);
    if (!items || !items->n) return undefined("no item to choose from, the sequence was empty");
    jval best = items->v[0], best_key = lowered(j, ac__j_path(j, best, a[1]), ac__j_truth(a[0]));
    for (uint32_t i = 1; i < items->n && !j->status; i++) {
        jval key = lowered(j, ac__j_path(j, items->v[i], a[1]), ac__j_truth(a[0]));
        if (ac__j_order(j, key, best_key) != want) continue;
        best = items->v[i];
        best_key = key;
    }
    return best;
}

static jval run_min(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    return extreme(j, in, a, -1);
}

static jval run_max(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    return extreme(j, in, a, 1);
}

static jval run_sum(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    const jlist *items = ac__j_elements(j, in);
    jval total = a[1].kind == J_MISSING ? ac__j_int(0) : a[1];
    if (total.kind == J_STR) return ac__j_fail(j, AC_ERR_TEXT, "sum: strings cannot be summed");
    for (uint32_t i = 0; items && i < items->n && !j->status; i++)
        total = ac__j_binary(j, OP_ADD, total, ac__j_path(j, items->v[i], a[0]));
    return total;
}

static jval run_unique(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    const jlist *items = ac__j_elements(j, in);
    jval out = ac__j_list(j, J_GEN, 0), seen = ac__j_dict(j, 0);
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
        jval key = lowered(j, ac__j_path(j, items->v[i], a[1]), ac__j_truth(a[0]));
        uint32_t before = j->status ? 0 : seen.dict->n;
        ac__j_dict_set(j, &seen, key, ac__j_none());
        if (!j->status && seen.dict->n > before) ac__j_append(j, &out, items->v[i]);
    }
    return out;
}

/* ---- map, select and their kin ---- */

static jargs shift(const jargs *raw, uint32_t n) {
    jargs rest = *raw;
    rest.v += n;
    rest.n -= n;
    return rest;
}

static jval map_attribute(jinja *j, const jlist *items, const jargs *raw) {
    jval a[2], out = ac__j_list(j, J_GEN, items->n);
    if (!ac__j_bind_args(j, "map", raw, "!attribute,default", a)) return out;
    for (uint32_t i = 0; i < items->n && !j->status; i++) {
        jval v = ac__j_path(j, items->v[i], a[0]);
        bool replace = v.kind == J_UNDEF && a[1].kind != J_MISSING && a[1].kind != J_NONE;
        ac__j_append(j, &out, replace ? a[1] : v);
    }
    return out;
}

static jval run_map(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)a;
    if (!ac__j_truth(in)) return ac__j_list(j, J_GEN, 0);
    const jlist *items = ac__j_elements(j, in);
    if (!items) return in;
    if (!raw->n && raw->n_named) return map_attribute(j, items, raw);
    if (!raw->n || raw->v[0].kind != J_STR)
        return ac__j_fail(j, AC_ERR_TEXT, "map: want the name of a filter");
    jargs rest = shift(raw, 1);
    jval out = ac__j_list(j, J_GEN, items->n);
    for (uint32_t i = 0; i < items->n && !j->status; i++)
        ac__j_append(j, &out, ac__j_apply_filter(j, ac__j_sv(raw->v[0]), items->v[i], &rest));
    return out;
}

static jval choose(jinja *j, jval in, const jargs *raw, bool by_attribute, bool wanted) {
    if (!ac__j_truth(in)) return ac__j_list(j, J_GEN, 0);
    const jlist *items = ac__j_elements(j, in);
    jval out = ac__j_list(j, J_GEN, 0);
    uint32_t at = by_attribute;
    if (raw->n < at)
        return ac__j_fail(j, AC_ERR_TEXT, "selectattr, rejectattr: want the name of an attribute");
    if (raw->n > at && raw->v[at].kind != J_STR)
        return ac__j_fail(j, AC_ERR_TEXT, "select: want the name of a test");
    jargs rest = raw->n > at ? shift(raw, at + 1) : (jargs){0};
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
        jval v = by_attribute ? ac__j_path(j, items->v[i], raw->v[0]) : items->v[i];
        bool is = raw->n > at ? ac__j_apply_test(j, ac__j_sv(raw->v[at]), v, &rest) : ac__j_truth(v);
        if (is == wanted) ac__j_append(j, &out, items->v[i]);
    }
    return out;
}

static jval run_select(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)a;
    return choose(j, in, raw, false, true);
}
static jval run_reject(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)a;
    return choose(j, in, raw, false, false);
}
static jval run_selectattr(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)a;
    return choose(j, in, raw, true, true);
}
static jval run_rejectattr(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)a;
    return choose(j, in, raw, true, false);
}

static jval run_batch(jinja *j, jval in, const jval *a, const jargs *raw) {
    (void)raw;
    int64_t size;
    const jlist *items = ac__j_elements(j, in);
    jval out = ac__j_list(j, J_GEN, 0), part = ac__j_list(j, J_LIST, 0);
    if (!ac__j_as_int(a[0], &size))
        return ac__j_fail(j, AC_ERR_TEXT, "batch: want a count, have %s", ac__j_type(a[0]));
    for (uint32_t i = 0; items && i < items->n && !j->status; i++) {
        if (part.list->n == size) {
            ac__j_append(j, &out, part);
            part = ac__j_list(j, J_LIST, 0);
        }
        ac__j_append(j, &part, items->v[i]);
    }
    if (j->status || !part.list->n) return out;
    bool fill = a[1].kind != J_MISSING && a[1].kind != J_NONE;
    while (fill && part.list->n < size && !j->status) ac__j_append(j, &part, a[1]);
    ac__j_append(j, &out, part);
    return out;
}

const jfilter ac__j_sequence_filters[] = {
    {"length", "", run_length, false},
    {"count", "", run_length, false},
    {"first", "", run_first, false},
    {"last", "", run_last, false},
    {"list", "", run_list, false},
    {"join", "d,attribute", run_join, false},
    {"items", "", run_items, false},
    {"reverse", "", run_reverse, false},
    {"default", "default_value,boolean", run_default, false},
    {"d", "default_value,boolean", run_default, false},
    {"attr", "!name", run_attr, false},
    {"tojson", "ensure_ascii,indent,separators,sort_keys", run_tojson, false},
    {"sort", "reverse,case_sensitive,attribute", run_sort, false},
    {"dictsort", "case_sensitive,by,reverse", run_dictsort, false},
    {"min", "case_sensitive,attribute", run_min, false},
    {"max", "case_sensitive,attribute", run_max, false},
    {"sum", "attribute,start", run_sum, false},
    {"unique", "case_sensitive,attribute", run_unique, false},
    {"map", NULL, run_map, false},
    {"select", NULL, run_select, false},
    {"reject", NULL, run_reject, false},
    {"selectattr", NULL, run_selectattr, false},
    {"rejectattr", NULL, run_rejectattr, false},
    {"batch", "!linecount,fill_with", run_batch, false},
    /* Jinja has these, the subset does not */
    {"slice", NULL, NULL, false},
    {"groupby", NULL, NULL, false},
    {"random", NULL, NULL, false},
    {NULL, NULL, NULL, false},
};
