/* Long texts that ask a lot of patterns and merges: the time they take grows with their length, not with its
 * square. */
#include "support.h"

#include <time.h>

static const char *const pres[] = {
#define NAME(name, family, flags) name,
#include "tokenizer/pre.def"
};
enum { PRES = sizeof pres / sizeof *pres };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Texts of n bytes that ask a lot of patterns and merges. */
static const char *const units[] = {
    "a",      "A",     "ab",          " ",   "\t",       "\n",           " \n",
    "\r\n",   "1",     "!",           "'",   "\xC3\xA9", "\xE6\x97\xA5", "\xF0\x9F\x98\x80",
    "\xFF",   "aB",    "x's ",        "  x", "\xCC\x81", "\xE3\x80\x80", "a ",
    "<user>", "<user", "\xE2\x96\x81"};

enum { UNITS = sizeof units / sizeof *units };

/* All of them at random, each a random number of times. */
static void mix(char *text, size_t n) {
    uint64_t seed = n;
    for (size_t at = 0; at < n;) {
        const char *unit = units[check_random(&seed) % UNITS];
        size_t times = check_random(&seed) % 4 ? 1 + check_random(&seed) % 4 : check_random(&seed) % 400;
        for (size_t i = 0; i < times * strlen(unit) && at < n; i++) text[at++] = unit[i % strlen(unit)];
    }
}

static void check_long(const char *pre, size_t n) {
    static vocab v;
    small_vocab(&v, pre);
    opened o = open_vocab(&v);
    char *text = malloc(n);
    CHECK(text, "memory");
    for (size_t u = 0; u < UNITS + 2; u++) {
        const char *unit = u < UNITS ? units[u] : " ";
        for (size_t i = 0; i < n; i++) text[i] = unit[i % strlen(unit)];
        if (u == UNITS) text[n - 1] = 'x'; /* white space, then a letter */
        if (u == UNITS + 1) mix(text, n);
        ac_error err;
        size_t count;
        double start = seconds();
        CHECK_OK(ac_tokenizer_encode(o.t, text, n, AC_TOK_SPECIAL, NULL, 0, &count, &err));
        double took = seconds() - start;
        CHECK(took < 30, "%s: %zu bytes of '%s' take %.1f s", pre ? pre : "llama", n, unit, took);
    }
    free(text);
    close_vocab(&o);
    vocab_free(&v);
}

int main(void) {
    check_long(NULL, 1 << 20);
    check_long("llama-bpe", 1 << 20);
    for (size_t i = 0; i < PRES; i++) check_long(pres[i], 1 << 17);
    return 0;
}
