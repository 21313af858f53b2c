/* jinja.h - inside the template interpreter.
 *
 * Source → tokens (lex.c) → tree (parse.c, expr.c) → text (exec.c, eval.c). Everything a rendering
 * makes lives in one arena and is freed with it; values are immutable, so sharing needs no counts. Failure is
 * sticky: the first one fills jinja.status and every function then returns at once with J_UNDEF, so callers
 * only test where they loop or write. Text is UTF-8 and counted in code points, as in Python; a byte that is
 * not UTF-8 counts as one. */
#ifndef AC_TEMPLATE_JINJA_H
#define AC_TEMPLATE_JINJA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template.h"

enum {
    J_MAX_DEPTH = 1000, /* evaluation: expressions and statements inside each other, macro calls included */
    J_MAX_PARSE = 250,  /* parsing: parentheses and blocks inside each other */
    J_MAX_NEST = 100,   /* containers inside each other */
    J_MAX_RANGE = 100000
};

/* ---- Values ---- */

typedef enum jkind {
    J_MISSING, /* an argument that was not given; no expression yields it */
    J_UNDEF,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_STR,
    J_LIST,
    J_TUPLE,
    J_RANGE,
    J_DICT,
    J_VIEW, /* dict.keys() and so on */
    J_GEN,  /* an iterator: true, without length, used up by iteration */
    J_NS,   /* namespace(): the one mutable thing */
    J_MACRO,
    J_LOOP,
    J_FUNC,
    J_METHOD,
    J_KINDS
} jkind;

enum { J_KEYS, J_VALUES, J_ITEMS };                 /* flag of a J_VIEW */
enum { J_MARKUP = 1 };                              /* flag of a J_STR: came out of escape or safe */
enum { J_NO_NAME, J_NO_ATTR, J_HINT, J_FORBIDDEN }; /* flag of a J_UNDEF: what its string says */

typedef struct jlist jlist;
typedef struct jdict jdict;
typedef struct jmacro jmacro;
typedef struct jloop jloop;
typedef struct jfunc jfunc;
typedef struct jmethod jmethod;

typedef struct jval {
    uint8_t kind, flag;
    uint16_t depth; /* containers inside each other, at most J_MAX_NEST */
    uint32_t n;     /* bytes of s */
    union {
        int64_t i; /* J_INT, J_BOOL */
        double f;
        const char *s; /* not NUL-terminated */
        jlist *list;   /* J_LIST, J_TUPLE, J_RANGE, J_GEN */
        jdict *dict;   /* J_DICT, J_VIEW, J_NS */
        jmacro *macro;
        jloop *loop;
        const jfunc *func;
        jmethod *method;
    };
} jval;

struct jlist {
    jval *v;
    uint32_t n, cap;
    bool unhashable;           /* J_TUPLE: holds something that cannot be a key */
    uint32_t pos;              /* J_GEN: elements already taken */
    int64_t start, stop, step; /* J_RANGE */
};

typedef struct jpair {
    jval key, value;
} jpair;

struct jdict {
    jpair *v;
    uint32_t n, cap;
};

struct jmethod {
    jval self;
    uint32_t index; /* in the table of its kind */
};

/* Arguments of one call, evaluated. */
typedef struct jargs {
    jval *v;
    uint32_t n;
    jpair *named; /* keys are J_STR */
    uint32_t n_named;
} jargs;

/* ---- Tree ---- */

typedef struct jstr {
    const char *s;
    uint32_t n;
} jstr;

typedef enum jnode_kind {
    /* expressions */
    N_CONST,
    N_NAME,
    N_LIST,
    N_TUPLE,
    N_DICT,
    N_UNARY,
    N_BINARY,
    N_COMPARE,
    N_AND,
    N_OR,
    N_NOT,
    N_COND,
    N_CONCAT,
    N_ATTR,
    N_ITEM,
    N_SLICE,
    N_CALL,
    N_FILTER,
    N_TEST,
    N_EXPRESSIONS,
    /* parts */
    N_ARG,
    N_PAIR,
    N_OPERAND,
    N_PARAM,
    N_NSREF,
    /* statements */
    N_TEXT,
    N_OUTPUT,
    N_SET,
    N_SET_BLOCK,
    N_IF,
    N_FOR,
    N_MACRO,
    N_CALL_BLOCK,
    N_FILTER_BLOCK,
    N_WITH,
    N_SCOPE,
    N_BREAK,
    N_CONTINUE
} jnode_kind;

typedef enum jop {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_FLOORDIV,
    OP_MOD,
    OP_POW,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NOT_IN
} jop;

enum { ARG_POSITIONAL, ARG_NAMED, ARG_STAR, ARG_STAR_STAR }; /* op of an N_ARG */
enum {
    MACRO_CALLER = 1,
    MACRO_VARARGS = 2,
    MACRO_KWARGS = 4
}; /* op of an N_MACRO: special names its body reads */

/* What a node's fields mean is said where expr.c and parse.c make it. */
typedef struct jnode jnode;
struct jnode {
    uint8_t kind, op;
    uint32_t line;
    jstr name;
    jval value;
    jnode *a, *b, *c, *d;
    jnode *list; /* first of the parts */
    jnode *next; /* next in the list this node is in */
};

/* ---- Running ---- */

typedef struct jbinding jbinding;
struct jbinding {
    jstr name;
    jval value;
    jbinding *next;
};

typedef struct jscope jscope;
struct jscope {
    jscope *parent;
    jbinding *first;
};

struct jmacro {
    const jnode *node;
    jscope *scope; /* where it was defined */
};

/* Text under construction; grows in the arena. */
typedef struct jbuf {
    char *p;
    size_t n, cap;
} jbuf;

typedef enum jtoken_kind {
    T_EOF,
    T_TEXT,
    T_VAR_BEGIN,
    T_VAR_END,
    T_BLOCK_BEGIN,
    T_BLOCK_END,
    T_NAME,
    T_STRING,
    T_INT,
    T_FLOAT,
    T_OP
} jtoken_kind;

typedef struct jtoken {
    uint8_t kind;
    char op[3]; /* T_OP */
    uint32_t line;
    jstr text;  /* T_TEXT, T_NAME, T_STRING (unescaped) */
    jval value; /* T_INT, T_FLOAT */
} jtoken;

typedef struct jchunk jchunk;

typedef struct jinja {
    ac_status status;
    ac_error *err;
    const ac_template_input *in;
    jchunk *chunks;
    char *free, *free_end; /* rest of the newest chunk */
    size_t memory;
    uint64_t steps;
    unsigned depth;
    uint32_t line;  /* of what is being done */
    jtoken *tokens; /* ends with T_EOF */
    uint32_t n_tokens, at;
    unsigned loops;       /* the parser is inside of */
    unsigned macro_names; /* MACRO_.. seen by the parser in the innermost macro */
    jscope *scope;
    jbuf *out;
    jval piped; /* what a filter without operand (filter blocks) works on */
} jinja;

/* run.c: memory, limits, failure. ac__j_fail puts "line N: " before the text. */
void *ac__j_alloc(jinja *j, size_t n); /* aligned for anything; NULL after failing */
void *ac__j_zalloc(jinja *j, size_t n);
void *ac__j_grow(jinja *j, void *p, size_t have,
                 size_t want); /* copies `have` bytes unless it can extend in place */
jval ac__j_fail(jinja *j, ac_status status, const char *format, ...) AC_PRINTF(3, 4); /* gives J_UNDEF */
bool ac__j_step(jinja *j, size_t work); /* counts work in elements; false when failed */
bool ac__j_enter(jinja *j); /* one level deeper; false when failed; pair with j->depth-- when true */
void ac__j_put(jinja *j, jbuf *b, const char *s, size_t n);
void ac__j_puts(jinja *j, jbuf *b, const char *s);
void ac__j_put_char(jinja *j, jbuf *b, uint32_t code);
jval ac__j_done(const jbuf *b); /* the text as a J_STR, without copying */

/* lex.c, parse.c, expr.c */
bool ac__j_lex(jinja *j, const char *source, size_t n);
jnode *ac__j_parse(jinja *j);
jnode *ac__j_node(jinja *j, jnode_kind kind);
jnode *
ac__j_parse_expression(jinja *j,
                       bool conditional); /* `conditional`: x if y else z is allowed outside brackets */
jnode *ac__j_parse_tuple(jinja *j, bool conditional);
jnode *ac__j_parse_target(jinja *j, bool namespaces);
jnode *ac__j_parse_filters(jinja *j, jnode *operand, bool inline_first);
jnode *ac__j_parse_signature(jinja *j);
bool ac__j_token_is(const jinja *j, jtoken_kind kind, const char *text); /* T_NAME or T_OP with this text */
bool ac__j_accept(jinja *j, jtoken_kind kind, const char *text);
bool ac__j_expect(jinja *j, jtoken_kind kind, const char *text);

/* exec.c, eval.c, call.c */
void ac__j_render(jinja *j, const jnode *body);
void ac__j_exec_body(jinja *j, const jnode *body); /* for macros: no break or continue gets out */
jval ac__j_eval(jinja *j, const jnode *node);
jval ac__j_binary(jinja *j, jop op, jval a, jval b);
bool ac__j_compare_op(jinja *j, jop op, jval a, jval b);
jval ac__j_item(jinja *j, jval object, jval key);
jval ac__j_attr(jinja *j, jval object, jstr name);
jval ac__j_path(jinja *j, jval object, jval path); /* "a.b.0" as filters' attribute= understands it */
void ac__j_assign(jinja *j, const jnode *target, jval v);
void ac__j_bind_name(jinja *j, jscope *scope, jstr name, jval v);
jscope *ac__j_push(jinja *j, jscope *parent); /* makes a scope current; gives the one that was */
bool ac__j_eval_args(jinja *j, const jnode *list, jargs *out);
jval ac__j_call(jinja *j, jval callee, const jargs *args);
jval ac__j_loop_attr(jinja *j, jloop *loop, jstr name);
jval ac__j_loop_call(jinja *j, jloop *loop, const jargs *args);
jval ac__j_global(jstr name);
/* Puts arguments into out[] by a list of parameters such as "!old,!new,count" (! = required); J_MISSING
 * elsewhere. */
bool ac__j_bind_args(jinja *j, const char *what, const jargs *args, const char *params, jval *out);

/* filters.c, filters_text.c, tests.c, methods.c, format.c, json.c */
typedef struct jfilter {
    const char *name, *params; /* params NULL: takes `raw` as it is */
    jval (*run)(jinja *j, jval in, const jval *a, const jargs *raw);
    bool keeps_markup; /* an escaped text stays one */
} jfilter;
extern const jfilter ac__j_sequence_filters[], ac__j_text_filters[]; /* end with a NULL name */
const jfilter *ac__j_filter(jstr name);
jval ac__j_apply_filter(jinja *j, jstr name, jval in, const jargs *args);
bool ac__j_has_test(jstr name);
bool ac__j_apply_test(jinja *j, jstr name, jval in, const jargs *args);
typedef struct jmethod_row {
    uint32_t kinds; /* 1 << jkind */
    const char *name, *params;
    jval (*run)(jinja *j, jval self, const jval *a, const jargs *raw); /* NULL: exists in Python, not here */
} jmethod_row;
extern const jmethod_row ac__j_text_methods[]; /* ends with a NULL name */
/* The method, J_MISSING when the type has none of that name; fails for methods that exist in Python but not
 * here. */
jval ac__j_method(jinja *j, jval self, jstr name);
jval ac__j_call_method(jinja *j, const jmethod *m, const jargs *args);
jval ac__j_percent(jinja *j, jval format, jval args);        /* format % args */
jval ac__j_format(jinja *j, jval format, const jargs *args); /* format.format(...) */
jval ac__j_to_json(jinja *j, jval v, const jval *a); /* a: ensure_ascii, indent, separators, sort_keys */
jval ac__j_from_json(jinja *j, const char *name, const char *text);

/* value.c */
jval ac__j_str(const char *s, size_t n);
jval ac__j_cstr(const char *s);
jval ac__j_copy(jinja *j, const char *s, size_t n);
jval ac__j_int(int64_t i);
jval ac__j_float(double f);
jval ac__j_bool(bool b);
jval ac__j_none(void);
jval ac__j_undef(unsigned flag, jstr name);
jval ac__j_list(jinja *j, jkind kind, uint32_t cap); /* J_LIST, J_TUPLE or J_GEN */
void ac__j_append(jinja *j, jval *list, jval v);     /* only while the list is being made */
jval ac__j_range(jinja *j, int64_t start, int64_t stop, int64_t step);
jval ac__j_dict(jinja *j, uint32_t cap);
void ac__j_dict_set(jinja *j, jval *dict, jval key, jval v);
const jval *ac__j_dict_get(jinja *j, const jdict *dict, jval key);
const jval *ac__j_dict_find(jinja *j, const jdict *dict, jstr key);
const char *ac__j_type(jval v);          /* Python's name of the type */
bool ac__j_is_number(jval v);            /* bool too */
bool ac__j_as_int(jval v, int64_t *out); /* bool too */
double ac__j_as_float(jval v);
bool ac__j_truth(jval v);
bool ac__j_equal(jinja *j, jval a, jval b);
int ac__j_order(jinja *j, jval a, jval b); /* -1, 0, 1; 2 = unordered (NaN); fails when Python would */
bool ac__j_contains(jinja *j, jval container, jval v);
bool ac__j_hashable(jval v);
int64_t ac__j_length(jinja *j, jval v); /* fails for what has none */
/* The elements in order, as an object not to be changed; takes what a generator has left. NULL after failing.
 */
const jlist *ac__j_elements(jinja *j, jval v);
bool ac__j_iterable(jval v);
const char *ac__j_undef_text(jinja *j, jval v); /* NUL-terminated sentence */

/* show.c: str() and repr() of Python */
void ac__j_show(jinja *j, jbuf *b, jval v); /* str */
void ac__j_repr(jinja *j, jbuf *b, jval v);
jval ac__j_text(jinja *j, jval v); /* str as a J_STR */
void ac__j_show_float(jinja *j, jbuf *b, double f);
bool ac__j_parse_float(jval text, double *out);
bool ac__j_parse_int(jval text, int base, int64_t *out);

/* unicode.c: text by code points. An invalid byte b is the code 0xDC00 + b. */
uint32_t ac__j_decode(const char *s, size_t n, unsigned *bytes); /* n > 0 */
unsigned ac__j_encode(uint32_t code, char out[4]);
size_t ac__j_count(const char *s, size_t n);
size_t ac__j_offset(const char *s, size_t n, size_t chars); /* bytes of the first `chars` characters */
bool ac__j_is_space(uint32_t code);
jstr ac__j_strip(jstr s, const jstr *chars, bool left, bool right); /* chars NULL: white space */
typedef enum jset {
    SET_ALPHA,
    SET_DECIMAL,
    SET_DIGIT,
    SET_NUMERIC,
    SET_LOWER,
    SET_UPPER,
    SET_TITLE,
    SET_CASE_IGNORABLE,
    SET_UNPRINTABLE,
    SET_COUNT
} jset;
bool ac__j_in_set(jset set, uint32_t code);
typedef enum jcase { CASE_LOWER, CASE_UPPER, CASE_TITLE } jcase;
/* Puts the mapping of the character at `at` of s; final sigma depends on its neighbours. */
void ac__j_put_case(jinja *j, jbuf *b, jcase how, jstr s, size_t at);

/* text.c: what text filters and methods of str share. Strings that did not change are given back as they are.
 */
jval ac__j_case(jinja *j, jstr s, jcase how);
jval ac__j_capitalize(jinja *j, jstr s);
jval ac__j_replace(jinja *j, jstr s, jstr old, jstr with, int64_t count); /* count < 0: all */
jval ac__j_split_lines(jinja *j, jstr s, bool keep_ends);                 /* J_LIST */
jval ac__j_pad(jinja *j, jstr s, int64_t width, char align,
               jstr fill);                                   /* align '<', '>' or '^' as str.center */
size_t ac__j_find(jinja *j, jstr s, jstr part, size_t from); /* byte offset, SIZE_MAX = nowhere */

static inline jstr ac__j_lit(const char *s) {
    size_t n = 0;
    while (s[n]) n++;
    return (jstr){s, (uint32_t)n};
}
static inline bool ac__j_same(jstr a, const char *s) {
    uint32_t i = 0;
    while (i < a.n && s[i] && a.s[i] == s[i]) i++;
    return i == a.n && !s[i];
}
static inline jstr ac__j_sv(jval v) {
    return (jstr){v.s, v.n};
}

#endif
