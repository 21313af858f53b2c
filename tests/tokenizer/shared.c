/* The three vocabularies of ../shared: their texts give their ids, and the ids the texts again. */
#include "support.h"

static size_t check_vocab(const char *name) {
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char path[64];
    snprintf(path, sizeof path, "vocab/%s.gguf", name);
    bytes data = read_file(check_shared(path));
    if (!data.p) return 0;
    snprintf(path, sizeof path, "vocab/%s.inp", name);
    bytes inp = read_file(check_shared(path));
    snprintf(path, sizeof path, "vocab/%s.out", name);
    bytes out = read_file(check_shared(path));
    CHECK(inp.p && out.p, "%s without texts", name);

    opened o = open_bytes(data);
    idlist ids = {0};
    size_t texts = 0;
    const char *want = out.p;
    for (char *text = inp.p; *want; texts++) {
        char *end = strstr(text, separator);
        size_t n = end ? (size_t)(end - text) : strlen(text);
        encode(o.t, text, n, 0, &ids);
        for (size_t i = 0; i < ids.n; i++) {
            char *next;
            long id = strtol(want, &next, 10);
            CHECK(next != want && id == ids.id[i], "%s, text %zu, token %zu: want %ld, have %d", name, texts,
                  i, id, ids.id[i]);
            want = next;
        }
        want += strspn(want, " ");
        CHECK(*want == '\n', "%s, text %zu: %zu tokens are too few", name, texts, ids.n);
        want++;
        bytes back = {0};
        decode(o.t, ids.id, ids.n, false, &back);
        CHECK(back.n == n && memcmp(back.p, text, n) == 0, "%s, text %zu: comes back as '%s'", name, texts,
              back.p);
        free(back.p);
        if (!end) break;
        text = end + strlen(separator);
    }
    CHECK(*want == 0, "%s: more answers than texts", name);
    printf("%s: %s, %zu texts\n", name, ac_tokenizer_name(o.t), texts + 1);
    free(ids.id);
    free(inp.p);
    free(out.p);
    close_vocab(&o);
    return texts + 1;
}

int main(void) {
    static const char *const names[] = {"gpt-2", "llama-bpe", "llama-spm"};
    size_t all = 0;
    for (size_t i = 0; i < 3; i++) all += check_vocab(names[i]);
    if (!all) return printf("skipped: no ../shared/vocab\n"), AC_SKIP;
    CHECK(all >= 3 * 40, "only %zu texts", all);
    return 0;
}
