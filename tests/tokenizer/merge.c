/* Merging through a heap against merging as the definition says: look at all pairs, join the best, begin
 * again. */
#include "support.h"

static const char *const alphabet[] = {"a", "b", "c", "d", "\xC3\xA9", "\xE6\x97\xA5", "\xF0\x9F\x98\x80"};
enum { ALPHABET = 7, SYMBOLS = 512 };

typedef struct part {
    const char *p;
    size_t n;
} part;

static int token_of(const vocab *v, part s) {
    for (size_t i = 0; i < v->n; i++)
        if (strlen(v->token[i]) == s.n && memcmp(v->token[i], s.p, s.n) == 0) return (int)i;
    return -1;
}

/* Whether the two merge, and how early: smaller is earlier. */
static bool rank_of(const vocab *v, part a, part b, double *rank) {
    if (!strcmp(v->model, "llama")) {
        int id = token_of(v, (part){a.p, a.n + b.n});
        if (id >= 0) *rank = -(double)v->score[id];
        return id >= 0;
    }
    for (size_t i = 0; i < v->merges; i++) {
        const char *m = v->merge[i];
        if (strlen(m) != a.n + b.n + 1 || memcmp(m, a.p, a.n) || m[a.n] != ' ' ||
            memcmp(m + a.n + 1, b.p, b.n))
            continue;
        *rank = (double)i;
        return true;
    }
    return false;
}

static size_t merge_naively(const vocab *v, part *s, size_t n) {
    for (;;) {
        size_t best = n;
        double best_rank = 0, rank;
        for (size_t i = 0; i + 1 < n; i++)
            if (rank_of(v, s[i], s[i + 1], &rank) && (best == n || rank < best_rank))
                best = i, best_rank = rank;
        if (best == n) return n;
        s[best].n += s[best + 1].n;
        memmove(s + best + 1, s + best + 2, (n - best - 2) * sizeof *s);
        n--;
    }
}

/* A random vocabulary whose tokens are made of pairs of earlier ones; some merges make strings that are no
 * tokens. */
static void random_vocab(vocab *v, const char *model, const char *pre, uint64_t *seed) {
    char known[256][64];
    size_t n_known = 0;
    bool spm = !strcmp(model, "llama"), raw = pre && !strcmp(pre, "sarvam-moe");
    v->model = model;
    v->pre = pre;
    if (spm || raw)
        vocab_byte_tokens(v);
    else
        vocab_letters(v);
    size_t letters = spm || raw ? ALPHABET : 4;
    for (size_t i = 0; i < letters; i++) {
        snprintf(known[n_known++], sizeof *known, "%s", alphabet[i]);
        if (spm || raw) vocab_add(v, alphabet[i], 1, -(float)(check_random(seed) % 8));
    }
    if (spm) vocab_add(v, "\xE2\x96\x81", 1, -1);
    for (size_t made = 10 + check_random(seed) % 80; made; made--) {
        const char *a = known[check_random(seed) % n_known], *b = known[check_random(seed) % n_known];
        char joined[128];
        snprintf(joined, sizeof joined, "%s%s", a, b);
        if (strlen(joined) > 24 || n_known == 256) continue;
        vocab_merge(v, a, b);
        bool is_token = check_random(seed) % 8 != 0;
        if (is_token && token_of(v, (part){joined, strlen(joined)}) < 0)
            vocab_add(v, joined, 1, -(float)(check_random(seed) % 16));
        snprintf(known[n_known++], sizeof *known, "%.24s", joined);
    }
    if (v->merges == 0) vocab_merge(v, "a", "b");
}

/* The ids that the definition gives for one word. `text` begins with U+2581 where the tokenizer puts one. */
static size_t encode_naively(const vocab *v, const char *text, int32_t *ids) {
    static part s[SYMBOLS];
    size_t n = 0, count = 0;
    for (size_t i = 0, len, all = strlen(text); i < all; i += len) {
        len = well_formed((const unsigned char *)text + i, all - i);
        s[n++] = (part){text + i, len};
    }
    n = merge_naively(v, s, n);
    for (size_t i = 0; i < n; i++) {
        int id = token_of(v, s[i]);
        if (id >= 0) {
            ids[count++] = id;
            continue;
        }
        for (size_t k = 0; k < s[i].n; k++) {
            char name[8], one[2] = {s[i].p[k], 0};
            snprintf(name, sizeof name, "<0x%02X>", (unsigned char)s[i].p[k]);
            bool letters = !strcmp(v->model, "gpt2") && strcmp(v->pre, "sarvam-moe") != 0;
            ids[count++] = token_of(v, letters ? (part){one, 1} : (part){name, 6});
        }
    }
    return count;
}

static size_t check_model(const char *model, const char *pre, unsigned vocabs, uint64_t *seed) {
    idlist ids = {0};
    size_t tokens = 0;
    for (unsigned i = 0; i < vocabs; i++) {
        static vocab v;
        random_vocab(&v, model, pre, seed);
        opened o = open_vocab(&v);
        bool spm = !strcmp(model, "llama"), raw = pre && !strcmp(pre, "sarvam-moe");
        for (int k = 0; k < 200; k++) {
            char text[SYMBOLS] = "\xE2\x96\x81";
            int32_t want[SYMBOLS * 4];
            size_t letters = spm || raw ? ALPHABET : 4;
            for (size_t n = 1 + check_random(seed) % 60; n; n--)
                strcat(text, alphabet[check_random(seed) % letters]);
            const char *word = text + 3;
            size_t n_want = encode_naively(&v, spm ? text : word, want);
            encode(o.t, word, strlen(word), 0, &ids);
            bool same = ids.n == n_want && memcmp(ids.id, want, n_want * sizeof *want) == 0;
            CHECK(same, "%s %s, vocabulary %u: '%s': want %zu tokens, have %zu", model, pre ? pre : "", i,
                  word, n_want, ids.n);
            tokens += n_want;
        }
        close_vocab(&o);
        vocab_free(&v);
    }
    free(ids.id);
    return tokens;
}

int main(void) {
    uint64_t seed = 20240607;
    size_t tokens = check_model("llama", NULL, 5, &seed);
    tokens += check_model("gpt2", "gpt-2", 5, &seed);
    tokens += check_model("gpt2", "sarvam-moe", 5, &seed);
    CHECK(tokens > 50000, "only %zu tokens", tokens);
    printf("%zu tokens\n", tokens);
    return 0;
}
