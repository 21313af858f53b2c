/* The streaming detokenizer: whole characters only, nothing lost, and what is broken replaced as the Unicode
 * Standard advises: one U+FFFD for every longest beginning of a character that breaks off, and for every byte
 * that begins none. */
#include "support.h"

#define BROKEN "\xEF\xBF\xBD"

/* The same on a whole string, by trying how many bytes could still have become a character. */
static void replace_broken(const char *text, size_t n, bytes *out) {
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        size_t len = well_formed(p + i, n - i);
        if (len && p[i]) {
            put(out, p + i, len);
            i += len;
            continue;
        }
        size_t begun = 1;
        for (size_t k = 2; k < 4 && i + k <= n; k++) {
            unsigned char tail[4] = {0x80, 0x80, 0x80, 0x80};
            memcpy(tail, p + i, k); /* is there a character that begins like this? */
            bool possible = false;
            for (size_t all = k + 1; all <= 4; all++) possible |= well_formed(tail, all) == all;
            if (!possible) break;
            begun = k;
        }
        put(out, BROKEN, 3);
        i += begun;
    }
}

static void check_streams(uint64_t *seed) {
    static const unsigned char nasty[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                          0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
                                          0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFE, 0xFF};
    static vocab v = {.model = "llama"};
    vocab_byte_tokens(&v);
    opened o = open_vocab(&v);
    for (int round = 0; round < 20000; round++) {
        int32_t ids[24];
        char raw[24];
        size_t n = check_random(seed) % 24;
        for (size_t i = 0; i < n; i++) {
            unsigned char b = nasty[check_random(seed) % sizeof nasty];
            raw[i] = (char)b;
            ids[i] = 3 + b;
        }
        bytes want = {0}, have = {0};
        put(&want, "", 0);
        replace_broken(raw, n, &want);
        ac_error err;
        ac_detok *d;
        const char *text;
        CHECK_OK(ac_detok_open_tokenizer(o.t, false, &d, &err));
        for (size_t i = 0; i < n; i++) {
            CHECK_OK(ac_detok_push(d, ids[i], &text, &err));
            CHECK(valid_utf8(text, strlen(text)), "round %d: half a character", round);
            put(&have, text, strlen(text));
        }
        text = ac_detok_end(d);
        put(&have, text, strlen(text));
        CHECK(have.n == want.n && !memcmp(have.p, want.p, want.n), "round %d: want '%s', have '%s'", round,
              want.p, have.p);
        CHECK(*ac_detok_end(d) == 0, "something was left");
        ac_detok_close(&d);
        CHECK(!d, "not NULL after close");
        ac_detok_close(&d);
        free(want.p);
        free(have.p);
    }
    close_vocab(&o);
    vocab_free(&v);
}

/* Feeds tokens, wants texts; NULL ends both. The last text is what end gives. */
static void check_steps(const ac_tokenizer *t, bool special, const int32_t *ids, const char *const *want) {
    ac_error err;
    ac_detok *d;
    const char *text;
    CHECK_OK(ac_detok_open_tokenizer(t, special, &d, &err));
    for (; *ids >= 0; ids++, want++) {
        CHECK_OK(ac_detok_push(d, *ids, &text, &err));
        CHECK(strcmp(text, *want) == 0, "token %d: want '%s', have '%s'", *ids, *want, text);
    }
    text = ac_detok_end(d);
    CHECK(strcmp(text, *want) == 0, "end: want '%s', have '%s'", *want, text);
    ac_detok_close(&d);
}

static void check_spm(void) {
    static vocab v = {.model = "llama"};
    vocab_byte_tokens(&v); /* bytes from 3 on, then from 259: */
    vocab_add(&v, "\xE2\x96\x81", 1, -1);
    vocab_add(&v, "\xE2\x96\x81hi", 1, -2);
    vocab_add(&v,
              "a\xE2\x96\x81"
              "b",
              1, -3);
    vocab_add(&v, "\xE2\x96\x81user", 4, 0);
    vocab_add(&v, "unused", 5, 0);
    opened o = open_vocab(&v);
    /* the space that encoding put in front goes; later ones stay */
    check_steps(o.t, false, (int32_t[]){260, 260, 261, -1}, (const char *[]){"hi", " hi", "a b", ""});
    check_steps(o.t, false, (int32_t[]){259, 260, -1}, (const char *[]){"", " hi", ""});
    check_steps(o.t, false, (int32_t[]){1, 260, -1}, (const char *[]){"", " hi", ""});
    check_steps(o.t, true, (int32_t[]){1, 260, 2, 0, -1},
                (const char *[]){"<s>", " hi", "</s>", "<unk>", ""});
    check_steps(o.t, false, (int32_t[]){262, 263, -1}, (const char *[]){"\xE2\x96\x81user", "", ""});
    /* a character in three tokens, and one that breaks off */
    check_steps(o.t, false, (int32_t[]){3 + 0xE2, 3 + 0x82, 3 + 0xAC, -1},
                (const char *[]){"", "", "\xE2\x82\xAC", ""});
    check_steps(o.t, false, (int32_t[]){3 + 0xF0, 3 + 0x9F, 260, 3 + 0xC3, -1},
                (const char *[]){"", "", BROKEN " hi", "", BROKEN});
    ac_error err;
    ac_detok *d;
    const char *text;
    CHECK_OK(ac_detok_open_tokenizer(o.t, false, &d, &err));
    CHECK(ac_detok_push(d, 264, &text, &err) == AC_ERR_TEXT && strstr(err.detail, "264"), "%s", err.detail);
    CHECK(ac_detok_push(d, -1, &text, NULL) == AC_ERR_TEXT && *text == 0, "token -1");
    ac_detok_close(&d);
    close_vocab(&o);
    vocab_free(&v);
}

/* Byte-level: every valid text comes back, whatever the merges. */
static void check_round_trip(uint64_t *seed) {
    static const char *const pieces[] = {"a",
                                         "b",
                                         " ",
                                         "  ",
                                         "\n",
                                         "\t",
                                         "'s",
                                         "12",
                                         "\xC3\xA9",
                                         "e\xCC\x81",
                                         "\xE6\x97\xA5\xE6\x9C\xAC",
                                         "\xF0\x9F\x98\x80",
                                         "\xE2\x80\x8D",
                                         "\xE3\x80\x80",
                                         "\xD7\x90",
                                         "\xE0\xA4\x95",
                                         ".",
                                         "<|x|>",
                                         "\x7F",
                                         "\x01"};
    static const char *const pres[] = {"gpt-2",          "llama-bpe", "qwen2",  "deepseek-llm",
                                       "deepseek-coder", "falcon",    "tekken", "default"};
    for (size_t i = 0; i < sizeof pres / sizeof *pres; i++) {
        static vocab v;
        v.model = "gpt2";
        v.pre = pres[i];
        vocab_letters(&v);
        vocab_add(&v, "<|x|>", 3, 0);
        vocab_merge(&v, "a", "b");
        vocab_add(&v, "ab", 1, 0);
        opened o = open_vocab(&v);
        idlist ids = {0};
        for (int round = 0; round < 500; round++) {
            bytes text = {0}, back = {0};
            put(&text, "", 0);
            for (size_t n = check_random(seed) % 40; n; n--) {
                const char *p = pieces[check_random(seed) % (sizeof pieces / sizeof *pieces)];
                put(&text, p, strlen(p));
            }
            encode(o.t, text.p, text.n, round & 1 ? AC_TOK_SPECIAL : 0, &ids);
            put(&back, "", 0);
            decode(o.t, ids.id, ids.n, true, &back);
            CHECK(back.n == text.n && !memcmp(back.p, text.p, text.n), "%s: '%s' comes back as '%s'", pres[i],
                  text.p, back.p);
            free(text.p);
            free(back.p);
        }
        free(ids.id);
        close_vocab(&o);
        vocab_free(&v);
    }
}

int main(void) {
    uint64_t seed = 7;
    check_streams(&seed);
    check_spm();
    check_round_trip(&seed);
    return 0;
}
