/* json.c - tojson as transformers has it (json.dumps, nothing escaped for HTML), and JSON given as a
 * variable. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jinja.h"

/* ---- Writing ---- */

typedef struct writer {
    jbuf out;
    bool ascii, sort, multiline;
    jstr indent, between, colon;
    unsigned level;
} writer;

static void write_value(jinja *j, writer *w, jval v);

static void write_unit(jinja *j, writer *w, uint32_t unit) {
    char text[8];
    snprintf(text, sizeof text, "\\u%04x", unit & 0xFFFFu);
    ac__j_puts(j, &w->out, text);
}

static void write_string(jinja *j, writer *w, jval v) {
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    unsigned len;
    ac__j_puts(j, &w->out, "\"");
    for (uint32_t at = 0; at < v.n && !j->status; at += len) {
        uint32_t c = ac__j_decode(v.s + at, v.n - at, &len);
        const char *known = c && c < 0x80 ? strchr(from, (int)c) : NULL;
        if (known) {
            ac__j_puts(j, &w->out, "\\");
            ac__j_put(j, &w->out, &to[known - from], 1);
        } else if (c < 0x20 || (w->ascii && c >= 0x7f && c < 0x10000)) {
            write_unit(j, w, c);
        } else if (w->ascii && c >= 0x10000) {
            write_unit(j, w, 0xD800 + ((c - 0x10000) >> 10));
            write_unit(j, w, 0xDC00 + (c & 0x3FF));
        } else {
            ac__j_put(j, &w->out, v.s + at, len);
        }
    }
    ac__j_puts(j, &w->out, "\"");
}

static void newline(jinja *j, writer *w) {
    if (!w->multiline) return;
    ac__j_puts(j, &w->out, "\n");
    for (unsigned i = 0; i < w->level; i++) ac__j_put(j, &w->out, w->indent.s, w->indent.n);
}

static void separate(jinja *j, writer *w, bool first) {
    if (!first) ac__j_put(j, &w->out, w->between.s, w->between.n);
    newline(j, w);
}

static void write_list(jinja *j, writer *w, const jlist *list) {
    if (!list->n) {
        ac__j_puts(j, &w->out, "[]");
        return;
    }
    ac__j_puts(j, &w->out, "[");
    w->level++;
    for (uint32_t i = 0; i < list->n && !j->status; i++) {
        separate(j, w, i == 0);
        write_value(j, w, list->v[i]);
    }
    w->level--;
    newline(j, w);
    ac__j_puts(j, &w->out, "]");
}

static void write_key(jinja *j, writer *w, jval key) {
    if (key.kind == J_STR) {
        write_string(j, w, key);
    } else if (key.kind == J_NONE || ac__j_is_number(key)) {
        ac__j_puts(j, &w->out, "\"");
        write_value(j, w, key);
        ac__j_puts(j, &w->out, "\"");
    } else {
        ac__j_fail(j, AC_ERR_TEXT, "tojson: %s as a key", ac__j_type(key));
    }
}

static void write_dict(jinja *j, writer *w, jval v) {
    if (!v.dict->n) {
        ac__j_puts(j, &w->out, "{}");
        return;
    }
    const jlist *sorted = NULL;
    if (w->sort) {
        jargs args = {.v = (jval[]){ac__j_bool(true)}, .n = 1};
        jval s = ac__j_apply_filter(j, ac__j_lit("dictsort"), v, &args);
        if (j->status) return;
        sorted = s.list;
    }
    ac__j_puts(j, &w->out, "{");
    w->level++;
    for (uint32_t i = 0; i < v.dict->n && !j->status; i++) {
        separate(j, w, i == 0);
        write_key(j, w, sorted ? sorted->v[i].list->v[0] : v.dict->v[i].key);
        ac__j_put(j, &w->out, w->colon.s, w->colon.n);
        write_value(j, w, sorted ? sorted->v[i].list->v[1] : v.dict->v[i].value);
    }
    w->level--;
    newline(j, w);
    ac__j_puts(j, &w->out, "}");
}

static void write_scalar(jinja *j, writer *w, jval v) {
    switch ((jkind)v.kind) {
    case J_NONE:
        ac__j_puts(j, &w->out, "null");
        break;
    case J_BOOL:
        ac__j_puts(j, &w->out, v.i ? "true" : "false");
        break;
    case J_INT:
        ac__j_repr(j, &w->out, v);
        break;
    case J_FLOAT:
        if (isnan(v.f) || isinf(v.f))
            ac__j_puts(j, &w->out, isnan(v.f) ? "NaN" : v.f < 0 ? "-Infinity" : "Infinity");
        else
            ac__j_show_float(j, &w->out, v.f);
        break;
    default:
        ac__j_fail(j, AC_ERR_TEXT, "tojson: %s cannot be written as JSON", ac__j_type(v));
    }
}

static void write_value(jinja *j, writer *w, jval v) {
    if (!ac__j_enter(j)) return;
    if (v.kind == J_STR)
        write_string(j, w, v);
    else if (v.kind == J_LIST || v.kind == J_TUPLE)
        write_list(j, w, v.list);
    else if (v.kind == J_DICT)
        write_dict(j, w, v);
    else
        write_scalar(j, w, v);
    j->depth--;
}

static void set_indent(jinja *j, writer *w, jval indent) {
    int64_t n;
    if (indent.kind == J_MISSING || indent.kind == J_NONE) return;
    w->multiline = true;
    w->between = ac__j_lit(",");
    if (indent.kind == J_STR) {
        w->indent = ac__j_sv(indent);
    } else if (ac__j_as_int(indent, &n)) {
        w->indent = ac__j_sv(ac__j_binary(j, OP_MUL, ac__j_cstr(" "), ac__j_int(n)));
    } else {
        ac__j_fail(j, AC_ERR_TEXT, "tojson: want indent as an int or a str, have %s", ac__j_type(indent));
    }
}

static void set_separators(jinja *j, writer *w, jval v) {
    if (v.kind == J_MISSING || v.kind == J_NONE) return;
    bool pair = (v.kind == J_TUPLE || v.kind == J_LIST) && v.list->n == 2 && v.list->v[0].kind == J_STR &&
                v.list->v[1].kind == J_STR;
    if (!pair) {
        ac__j_fail(j, AC_ERR_TEXT, "tojson: want separators as two strings");
        return;
    }
    w->between = ac__j_sv(v.list->v[0]);
    w->colon = ac__j_sv(v.list->v[1]);
}

jval ac__j_to_json(jinja *j, jval v, const jval *a) {
    writer w = {.between = {", ", 2}, .colon = {": ", 2}};
    w.ascii = ac__j_truth(a[0]);
    w.sort = ac__j_truth(a[3]);
    set_indent(j, &w, a[1]);
    set_separators(j, &w, a[2]);
    write_value(j, &w, v);
    return ac__j_done(&w.out);
}

/* ---- Reading ---- */

typedef struct reader {
    jinja *j;
    const char *name, *s; /* NUL-terminated */
    size_t at;
} reader;

static jval read_value(reader *r);

static jval bad_json(reader *r) {
    return ac__j_fail(r->j, AC_ERR_ARGUMENT, "variable '%s': not valid JSON at byte %zu", r->name, r->at);
}

static void skip(reader *r) {
    while (r->s[r->at] && strchr(" \t\n\r", r->s[r->at])) r->at++;
}

static bool take(reader *r, char c) {
    skip(r);
    if (r->j->status || r->s[r->at] != c) return false;
    r->at++;
    return true;
}

static bool read_unit(reader *r, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = r->s[r->at];
        uint32_t d = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : 16;
        if (d > 15) return false;
        *unit = *unit << 4 | d;
    }
    return true;
}

static bool read_escape(reader *r, jbuf *b) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->s[r->at];
    const char *known = c ? strchr(from, c) : NULL;
    uint32_t unit, low;
    r->at += c != 0;
    if (known) {
        ac__j_put(r->j, b, &to[known - from], 1);
        return true;
    }
    if (c != 'u' || !read_unit(r, &unit)) return false;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        if (r->s[r->at] != '\\' || r->s[r->at + 1] != 'u') return false;
        r->at += 2;
        if (!read_unit(r, &low) || low < 0xDC00 || low > 0xDFFF) return false;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xDC00 && unit <= 0xDFFF) {
        return false;
    }
    ac__j_put_char(r->j, b, unit);
    return true;
}

static jval read_string(reader *r) {
    jbuf b = {0};
    while (!r->j->status) {
        size_t from = r->at;
        while ((unsigned char)r->s[r->at] >= 0x20 && r->s[r->at] != '"' && r->s[r->at] != '\\') r->at++;
        ac__j_put(r->j, &b, r->s + from, r->at - from);
        if (r->s[r->at] == '"') {
            r->at++;
            return ac__j_done(&b);
        }
        if (r->s[r->at] != '\\') break;
        r->at++;
        if (!read_escape(r, &b)) break;
    }
    return bad_json(r);
}

static jval read_list(reader *r) {
    jval out = ac__j_list(r->j, J_LIST, 0);
    if (take(r, ']')) return out;
    do {
        ac__j_append(r->j, &out, read_value(r));
    } while (take(r, ','));
    return take(r, ']') ? out : bad_json(r);
}

static jval read_dict(reader *r) {
    jval out = ac__j_dict(r->j, 0);
    if (take(r, '}')) return out;
    do {
        if (!take(r, '"')) return bad_json(r);
        jval key = read_string(r);
        if (!take(r, ':')) return bad_json(r);
        ac__j_dict_set(r->j, &out, key, read_value(r));
    } while (take(r, ','));
    return take(r, '}') ? out : bad_json(r);
}

static size_t digits(reader *r) {
    size_t from = r->at;
    while (r->s[r->at] >= '0' && r->s[r->at] <= '9') r->at++;
    return r->at - from;
}

static jval read_number(reader *r) {
    size_t from = r->at;
    bool is_float = false;
    if (r->s[r->at] == '-') r->at++;
    bool zero = r->s[r->at] == '0';
    size_t n = digits(r);
    if (!n || (zero && n > 1)) return bad_json(r);
    if (r->s[r->at] == '.') {
        is_float = true;
        r->at++;
        if (!digits(r)) return bad_json(r);
    }
    if (r->s[r->at] == 'e' || r->s[r->at] == 'E') {
        is_float = true;
        r->at++;
        if (r->s[r->at] == '+' || r->s[r->at] == '-') r->at++;
        if (!digits(r)) return bad_json(r);
    }
    jval text = ac__j_str(r->s + from, r->at - from);
    int64_t i;
    double f;
    if (!is_float && ac__j_parse_int(text, 10, &i)) return ac__j_int(i);
    if (is_float && ac__j_parse_float(text, &f)) return ac__j_float(f);
    return ac__j_fail(r->j, AC_ERR_UNSUPPORTED, "variable '%s': a number of too many digits at byte %zu",
                      r->name, from);
}

static jval read_word(reader *r) {
    static const char *const words[] = {"null", "true", "false"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(r->s + r->at, words[i], n)) continue;
        r->at += n;
        return i ? ac__j_bool(i == 1) : ac__j_none();
    }
    return bad_json(r);
}

static jval read_value(reader *r) {
    jval v;
    skip(r);
    if (!ac__j_enter(r->j)) return ac__j_none();
    char c = r->s[r->at];
    if (take(r, '"'))
        v = read_string(r);
    else if (take(r, '['))
        v = read_list(r);
    else if (take(r, '{'))
        v = read_dict(r);
    else if (c == '-' || (c >= '0' && c <= '9'))
        v = read_number(r);
    else
        v = read_word(r);
    r->j->depth--;
    return v;
}

jval ac__j_from_json(jinja *j, const char *name, const char *text) {
    reader r = {j, name, text, 0};
    jval v = read_value(&r);
    skip(&r);
    return r.s[r.at] && !j->status ? bad_json(&r) : v;
}
