/* pre.c - cutting a text into words with the patterns of pre.def. */
#include "vocab.h"

#include <stdio.h>

enum { CUT_MATCHES, CUT_GROUP_ENDS, CUT_GROUP_STARTS };

typedef struct step {
    unsigned char cut;
    const char *pattern;
} step;

#define S(...)                                                                                               \
    { CUT_MATCHES, __VA_ARGS__ }
#define ENDS(pattern)                                                                                        \
    { CUT_GROUP_ENDS, pattern }
#define STARTS(pattern)                                                                                      \
    { CUT_GROUP_STARTS, pattern }
#define FAMILY(id, ...) static const step steps_##id[AC__PRE_STEPS + 1] = {__VA_ARGS__};
#include "pre.def"

static const struct {
    const char *name;
    const step *steps;
    unsigned flags;
} known[] = {
#define NAME(name, family, flags) {name, steps_##family, flags},
#include "pre.def"
};

static void *memory_get(size_t n, void *user) {
    (void)user;
    return ac__malloc(n);
}

static void memory_free(void *p, void *user) {
    (void)user;
    ac__free(p);
}

static ac_status compile(ac__pre *pre, const step *s, ac_error *err) {
    pcre2_compile_context *context = pcre2_compile_context_create(pre->memory);
    if (!context) return ac_fail(err, AC_ERR_MEMORY, "tokenizer: pre-tokenizer");
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)s->pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                   &code, &at, context);
    pcre2_compile_context_free(context);
    if (!re && code == PCRE2_ERROR_HEAP_FAILED)
        return ac_fail(err, AC_ERR_MEMORY, "tokenizer: pre-tokenizer");
    if (!re)
        return ac_fail(err, AC_ERR_INTERNAL, "tokenizer: pattern '%s': PCRE2 error %d at %zu", s->pattern,
                       code, (size_t)at);
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without it, matching is only slower */
    pre->code[pre->steps] = re;
    pre->cut[pre->steps++] = s->cut;
    return AC_OK;
}

ac_status ac__pre_open(ac__pre *pre, ac_str name, ac_error *err) {
    memset(pre, 0, sizeof *pre);
    size_t k = 0, count = sizeof known / sizeof *known;
    while (k < count && (strlen(known[k].name) != name.n || memcmp(known[k].name, name.p, name.n) != 0)) k++;
    if (k == count) {
        return ac_fail(err, AC_ERR_UNSUPPORTED, "tokenizer.ggml.pre: the pre-tokenizer '%.*s' is not known",
                       (int)(name.n < 64 ? name.n : 64), name.p);
    }
    pre->flags = known[k].flags;
    pre->memory = pcre2_general_context_create(memory_get, memory_free, NULL);
    if (pre->memory) pre->limits = pcre2_match_context_create(pre->memory);
    if (!pre->limits) return ac_fail(err, AC_ERR_MEMORY, "tokenizer: pre-tokenizer");
    pcre2_set_match_limit(pre->limits, 1u << 30);
    pcre2_set_heap_limit(pre->limits, 256u << 10); /* KiB */
    for (const step *s = known[k].steps; s->pattern; s++) AC_TRY(compile(pre, s, err));
    return AC_OK;
}

void ac__pre_close(ac__pre *pre) {
    for (unsigned i = 0; i < pre->steps; i++) pcre2_code_free(pre->code[i]);
    pcre2_match_context_free(pre->limits);
    pcre2_general_context_free(pre->memory);
    memset(pre, 0, sizeof *pre);
}

ac_status ac__words_open(ac__words *w, const ac__pre *pre, ac_error *err) {
    memset(w, 0, sizeof *w);
    w->match = pcre2_match_data_create(1, pre->memory);
    return w->match ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "tokenizer: match data");
}

void ac__words_close(ac__words *w) {
    ac__free(w->end);
    ac__free(w->spare);
    pcre2_match_data_free(w->match);
    memset(w, 0, sizeof *w);
}

/* Ends a word at `end`, unless one ends there already. */
static bool cut(ac__words *w, size_t end) {
    if (w->count ? w->end[w->count - 1] == end : end == 0) return true;
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : 256;
        uint32_t *more = ac__array_grow(w->end, room, sizeof *more);
        if (!more) return false;
        w->end = more;
        w->room = room;
    }
    w->end[w->count++] = (uint32_t)end;
    return true;
}

/* Counts off a run of characters in threes from the right. */
static bool cut_groups(ac__words *w, const char *p, size_t from, size_t to, bool starts) {
    size_t chars = 0;
    for (size_t i = from; i < to; i += ac__char_len((unsigned char)p[i])) chars++;
    size_t left = chars;
    for (size_t i = from; i < to; i += ac__char_len((unsigned char)p[i]), left--) {
        bool here = left % 3 == 0 && (starts || left < chars);
        if (here && !cut(w, i)) return false;
    }
    return starts || cut(w, to);
}

/* One search from `at` of the word of n bytes at p; *from = n when there is none. */
static ac_status search(const ac__pre *pre, unsigned k, ac__words *w, const char *p, size_t n, size_t at,
                        size_t *from, size_t *to, ac_error *err) {
    const uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
    int rc = pcre2_match(pre->code[k], (PCRE2_SPTR)p, n, at, options, w->match, pre->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(pre->code[k], (PCRE2_SPTR)p, n, at, options | PCRE2_NO_JIT, w->match, pre->limits);
    if (rc == PCRE2_ERROR_NOMATCH) return *from = n, AC_OK;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return ac_fail(err, AC_ERR_MEMORY, "tokenizer: matching a text of %zu bytes", n);
    if (rc < 0)
        return ac_fail(err, AC_ERR_LIMIT, "text: the pre-tokenizer gives up at byte %zu of %zu (PCRE2 %d)",
                       at, n, rc);
    const PCRE2_SIZE *found = pcre2_get_ovector_pointer(w->match);
    *from = found[0];
    *to = found[1];
    return AC_OK;
}

/* Cuts the word [begin, end) of the subject by step k. */
static ac_status split_word(const ac__pre *pre, unsigned k, ac__words *w, const char *subject, size_t begin,
                            size_t end, ac_error *err) {
    const char *p = subject + begin;
    size_t n = end - begin, at = 0, from = 0, to = 0;
    bool ok = true;
    while (at < n && ok) {
        AC_TRY(search(pre, k, w, p, n, at, &from, &to, err));
        if (from == n) break;
        if (pre->cut[k] == CUT_MATCHES)
            ok = cut(w, begin + from) && cut(w, begin + to);
        else
            ok = cut_groups(w, subject, begin + from, begin + to, pre->cut[k] == CUT_GROUP_STARTS);
        at = to;
    }
    if (!ok || !cut(w, end)) return ac_fail(err, AC_ERR_MEMORY, "tokenizer: words");
    return AC_OK;
}

ac_status ac__pre_split(const ac__pre *pre, ac__words *w, const char *subject, size_t n, ac_error *err) {
    w->count = 0;
    if (!cut(w, n)) return ac_fail(err, AC_ERR_MEMORY, "tokenizer: words");
    for (unsigned k = 0; k < pre->steps; k++) {
        ac__words old = *w;
        w->end = old.spare;
        w->room = old.spare_room;
        w->spare = old.end;
        w->spare_room = old.room;
        w->spare_count = old.count;
        w->count = 0;
        for (size_t i = 0, begin = 0; i < w->spare_count; begin = w->spare[i++])
            AC_TRY(split_word(pre, k, w, subject, begin, w->spare[i], err));
    }
    return AC_OK;
}
