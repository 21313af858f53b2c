/* Hostile templates end with a clear status and soon; failing allocations leave nothing behind; names and
 * texts that are not UTF-8 pass through; the program's locale does not matter. */
#include <alloc.h>
#include <locale.h>
#include <pthread.h>
#include <template/template.h>

#include "check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

static const ac_template_message messages[] = {
    {"system", "Be kind."}, {"user", "Hi \xff\xfe \xe2\x82 there"}, {"assistant", "x"}};
static const ac_template_input input = {.messages = messages,
                                        .n_messages = 3,
                                        .add_generation_prompt = true,
                                        .bos_token = "<s>",
                                        .eos_token = "</s>"};

static ac_status render(const char *source, size_t n, char **out, ac_error *err) {
    *err = (ac_error){0};
    ac_status status = ac_template_render(source, n, &input, out, err);
    CHECK((status == AC_OK) == (*out != NULL), "%s", source);
    CHECK(status == AC_OK || err->status == status, "%s", source);
    return status;
}

static void want_text(const char *source, const char *text) {
    ac_error err;
    char *out;
    ac_status status = render(source, strlen(source), &out, &err);
    CHECK(status == AC_OK, "%s: %s", source, err.detail);
    CHECK(!strcmp(out, text), "%s: %s", source, out);
    ac__free(out);
}

static void want_status(const char *source, ac_status want, const char *part) {
    ac_error err;
    char *out;
    ac_status status = render(source, strlen(source), &out, &err);
    CHECK(status == want, "%.80s: want %s, have %s: %s", source, ac_status_name(want), ac_status_name(status),
          out ? "(text)" : err.detail);
    CHECK(strstr(err.detail, part), "%.80s: want '%s' in '%s'", source, part, err.detail);
    ac__free(out);
}

/* prefix, n times middle, suffix */
static char *repeated(const char *prefix, const char *middle, size_t n, const char *suffix) {
    size_t m = strlen(middle);
    char *s = malloc(strlen(prefix) + n * m + strlen(suffix) + 1), *p = s;
    CHECK(s, "memory");
    p += sprintf(p, "%s", prefix);
    for (size_t i = 0; i < n; i++, p += m) memcpy(p, middle, m);
    sprintf(p, "%s", suffix);
    return s;
}

static void want_repeated(const char *prefix, const char *middle, size_t n, const char *suffix,
                          ac_status want, const char *part) {
    char *s = repeated(prefix, middle, n, suffix);
    want_status(s, want, part);
    free(s);
}

static void test_limits(void) {
    static const char *const hostile[] = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% "
        "endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{{ 'x' * 999999999999 }}",
        "{{ [1] * 999999999999 }}",
        "{{ 'x'|center(999999999999) }}",
        "{{ '%999999999999d' % 5 }}",
        "{{ '{:999999999999}'.format(5) }}",
        "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=['x']) %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=['x']) %}{% for a in range(9999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ "
        "ns.s }}",
        "{% set ns = namespace(s='x') %}{% for a in range(9999) %}{% set ns.s = {'a': ns.s} %}{% endfor %}{{ "
        "ns.s|tojson }}",
        "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% if true %}{% for x in [1] %}{{ m() }}{% endfor %}{% endif %}{% endmacro %}{{ m() "
        "}}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{% set x %}{{ a() }}{% endset %}{% endmacro "
        "%}{{ a() }}",
        "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set s = 'ab' * 400000 %}{% for a in range(99999) %}{% set x = s.replace('a', 'bb') %}{% endfor "
        "%}",
        "{% set s = 'ab' * 4000000 %}{% for a in range(99999) %}{% if 'ba' * 9 in s ~ a %}{% endif %}{% "
        "endfor %}",
        "{% set s = 'ab' * 4000000 %}{% for a in range(99999) %}{% if s == s %}{{ s|length }}{% endif %}{% "
        "endfor %}",
        "{% set s = 'ab' * 4000000 %}{% for a in range(99999) %}{{ s[-1] }}{{ s[::-1][0] }}{% endfor %}",
        "{% set s = 'ab ' * 4000000 %}{{ s.split()|length }}{{ s|title|length }}{{ s.rsplit()|length }}",
        "{% set s = 'a' * 4000000 %}{{ s.rfind('b') }}{% for a in range(99) %}{{ s.rfind('a' * 2000000 ~ "
        "'b') }}{% endfor %}",
        "{% set s = ' ' * 9000000 %}{% for a in range(99999) %}{{ s|trim }}{{ s.strip('ab ') }}{{ "
        "s.isspace() }}{% endfor %}",
        "{% set r = range(99999)|list %}{% for a in r %}{{ a in r }}{% endfor %}",
        "{% set r = range(99999)|list %}{{ r|unique|list|length }}",
        "{% set r = range(99999)|list %}{% for a in r %}{% set x = r|sort %}{% endfor %}",
        "{% set x = [1, 1] %}{% set ns = namespace(x=[1], y=[1]) %}{% for a in range(60) %}{% set ns.x = "
        "[ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ "
        "ns.x }}",
        "{% set ns = namespace(x=(1,)) %}{% for a in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ "
        "{ns.x: 1} }}",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        want_status(hostile[i], AC_ERR_LIMIT, "chat template, line 1: ");
}

static void test_nesting(void) {
    want_repeated("{{ ", "(", 5000, "", AC_ERR_LIMIT, "inside each other");
    want_repeated("{{ ", "[", 200000, "", AC_ERR_LIMIT, "inside each other");
    want_repeated("{{ ", "{1:", 5000, "", AC_ERR_LIMIT, "inside each other");
    want_repeated("{{ ", "not ", 200000, "1 }}", AC_ERR_LIMIT, "inside each other");
    want_repeated("{{ ", "-", 200000, "1 }}", AC_ERR_LIMIT, "inside each other");
    want_repeated("{{ ", "1 if 1 else ", 100000, "1 }}", AC_ERR_LIMIT, "inside each other");
    want_repeated("", "{% if 1 %}", 100000, "", AC_ERR_LIMIT, "inside each other");
    want_repeated("", "{% for x in [1] %}", 100000, "", AC_ERR_LIMIT, "inside each other");
    want_repeated("{% set ", "(", 100000, "", AC_ERR_LIMIT, "inside each other");
    want_repeated("{{ 1", " + 1", 100000, " }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("{{ 1", "|abs", 100000, " }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("{{ x", ".a", 100000, " }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("{{ x", "(1)", 100000, " }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("{{ 1", " and 1", 100000, " }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("{{ 1", " if 1", 100000, " }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("{% if 0 %}", "{% elif 0 %}", 100000, "{% endif %}{{ x.y }}", AC_ERR_TEXT,
                  "'x' is undefined");
    want_repeated("{{ 1 ", "~ 1", 100000, " }}{{ x.y }}", AC_ERR_TEXT, "'x' is undefined");
    want_repeated("{{ 1 ", "< 1 ", 100000, " }}{{ x.y }}", AC_ERR_TEXT, "'x' is undefined");
    want_repeated("{{ [", "1,", 100000, "]|length }}{{ x.y }}", AC_ERR_TEXT, "'x' is undefined");
    want_repeated("", "\n", 100000, "{{ x.y }}", AC_ERR_TEXT, "line 100001: 'x' is undefined");
    want_status("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", AC_ERR_LIMIT, "levels of nesting");
    want_status("{% macro m() %}{% set x %}{{ [m() ~ 1] }}{% endset %}{% endmacro %}{{ m() }}", AC_ERR_LIMIT,
                "levels of nesting");
    want_status("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", AC_ERR_LIMIT, "levels of nesting");
    want_status("{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns }}", AC_ERR_LIMIT, "levels of nesting");
    want_repeated("", "x", (4 << 20) + 1, "", AC_ERR_LIMIT, "4194304");
}

static void *nesting_thread(void *unused) {
    test_nesting();
    return unused;
}

static void test_input(void) {
    ac_error err;
    char *out;
    const ac_template_message half = {"user", NULL};
    const ac_template_var vars[] = {{"a", AC_TEMPLATE_STRING, "{{ 1 }}"},
                                    {"tools", AC_TEMPLATE_JSON, "[{\"x\": -1.5e1}]"},
                                    {"messages", AC_TEMPLATE_NONE, NULL}};
    ac_template_input in = {.messages = &half, .n_messages = 1};
    CHECK(ac_template_render("x", 1, &in, &out, &err) == AC_ERR_ARGUMENT && !out,
          "a message without content");
    in = (ac_template_input){.vars = vars, .n_vars = 3};
    const char *source =
        "{{ a }} {{ tools[0].x }} {{ messages }} {{ bos_token is defined }} {{ strftime_now('%Y') }}";
    CHECK_OK(ac_template_render(source, strlen(source), &in, &out, &err));
    CHECK(!strcmp(out, "{{ 1 }} -15.0 None False 1970"), "%s", out);
    ac__free(out);
    static const char *const bad[] = {
        "",           "[",     "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}",       "01",         "1.",
        ".5",         "-",     "1e",   "\"",      "\"\\x\"",  "\"\\ud800\"", "\"\n\"",     "nul",
        "true false", "[1 2]", "'a'",  "NaN",     "+1",       "\"\\u12g4\"", "{\"a\":1,}", "]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ac_template_var v = {"v", AC_TEMPLATE_JSON, bad[i]};
        in = (ac_template_input){.vars = &v, .n_vars = 1};
        CHECK(ac_template_render("x", 1, &in, &out, &err) == AC_ERR_ARGUMENT && !out, "JSON %s", bad[i]);
    }
    CHECK(ac_template_render("{{ 1 }", 6, &input, &out, NULL) == AC_ERR_FORMAT && !out,
          "without an ac_error");
}

static void test_bytes(void) {
    want_text("{{ messages[1].content }}", "Hi \xff\xfe \xe2\x82 there");
    want_text("{{ messages[1].content[::-1] }}", "ereht \x82\xe2 \xfe\xff iH");
    want_text("{{ messages[1].content|length }}", "14");
    want_text("{{ messages[1].content|upper|trim }}", "HI \xff\xfe \xe2\x82 THERE");
    want_text("a\xff{{ 'b\xfe' }}{# \xfd #}", "a\xff"
                                              "b\xfe");
    want_text("{{ ['\xff'] }}", "['\\udcff']");
    ac_error err;
    char *out;
    CHECK_OK(render("a\0b{{ 'c\0d' }}", 14, &out, &err));
    CHECK(!memcmp(out, "a\0bc\0d", 7), "zero bytes");
    ac__free(out);
    want_text("", "");
    want_text("\n", "");
    want_text("{# #}", "");
}

static const char *const everything =
    "{% set ns = namespace(n=0) %}{% macro m(a, b='x') %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}"
    "{% for m2 in messages if m2.content %}{% set ns.n = ns.n + loop.length %}{{ "
    "m2.content|upper|replace('I', '!')|tojson }}"
    "{% call m(loop.index, b=[1, {'k': (2,)}]) %}{{ '%05.1f' % 2.25 }}{% endcall %}{% endfor %}{{ "
    "messages|map(attribute='role')|sort|join(',') }}"
    "{% set t %}{{ strftime_now('%d %B') }}{% endset %}{{ t.split() }}{{ messages[1].content.split(' "
    "')|reverse|list }}{{ ns }}{{ '\\u00e9' ~ \"a\" 'b' }}"
    "{{ '{:>9}'.format(messages|length) }}{{ messages|selectattr('role', 'in', ['user'])|list }}{{ "
    "range(9)[::2]|list }}{{ {'b': 1, 'a': 2}|dictsort }}";

static void test_memory(void) {
    ac_error err;
    char *whole, *out;
    CHECK_OK(render(everything, strlen(everything), &whole, &err));
    ac__alloc_fail_after(-1);
    CHECK_OK(render(everything, strlen(everything), &out, &err));
    long n = ac__alloc_count();
    ac__free(out);
    CHECK(n >= 2, "%ld allocations", n);
    for (long i = 0; i < n; i++) {
        ac__alloc_fail_after(i);
        CHECK(render(everything, strlen(everything), &out, &err) == AC_ERR_MEMORY, "allocation %ld of %ld", i,
              n);
    }
    ac__alloc_fail_after(-1);
    CHECK_OK(render(everything, strlen(everything), &out, &err));
    CHECK(!strcmp(out, whole), "%s", out);
    ac__free(out);
    ac__free(whole);
}

/* Every prefix of a template renders or fails, and never reads beyond its end (from an allocation of its
 * size). */
static void test_prefixes(void) {
    size_t n = strlen(everything);
    for (size_t i = 0; i <= n; i++) {
        ac_error err;
        char *out, *copy = malloc(i ? i : 1);
        CHECK(copy, "memory");
        memcpy(copy, everything, i);
        ac_status status = render(copy, i, &out, &err);
        CHECK(status == AC_OK || status == AC_ERR_FORMAT || status == AC_ERR_TEXT ||
                  status == AC_ERR_UNSUPPORTED,
              "prefix %zu: %s %s", i, ac_status_name(status), err.detail);
        ac__free(out);
        free(copy);
    }
}

static void test_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8"};
    for (size_t i = 0; i < 3; i++) {
        setlocale(LC_ALL, names[i]); /* where it is not installed, nothing is tested */
        want_text(
            "{{ 1.5 }} {{ '2.5'|float * 2 }} {{ '%.1f' % 0.5 }} {{ strftime_now('%B') }} {{ 'I'|lower }}",
            "1.5 5.0 0.5 January i");
    }
    setlocale(LC_ALL, "C");
}

/* On the little stack that template.h promises to be enough; sanitizers need more of it. */
static void test_stack(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(SANITIZED)
    nesting_thread(NULL);
#else
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, 512 << 10),
          "thread attributes");
    CHECK(!pthread_create(&thread, &attributes, nesting_thread, NULL) && !pthread_join(thread, NULL),
          "thread");
    pthread_attr_destroy(&attributes);
#endif
}

/* With an argument: the templates that take long to be stopped. */
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        test_limits();
        return 0;
    }
    test_stack();
    test_input();
    test_bytes();
    test_memory();
    test_prefixes();
    test_locale();
    return 0;
}
