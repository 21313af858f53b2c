/* What another implementation makes of data/texts.txt with the vocabularies of ../shared, for every
 * pre-tokenizer (make_data.py wrote data/truth.txt). The vocabularies are re-labelled in memory. */
#include "support.h"

enum { COLUMNS = 64, TEXTS = 4096 };

typedef struct column {
    char base[32];
    char names[128]; /* pre-tokenizers, with blanks between; "" = as the file says */
    uint32_t *want;  /* [TEXTS] */
    bool *known;     /* [TEXTS] */
} column;

static column columns[COLUMNS];
static size_t n_columns, n_texts;
static bytes texts[TEXTS];

static void read_texts(void) {
    bytes data = read_data("texts.txt");
    for (const char *p = data.p; *p; n_texts++) {
        CHECK(n_texts < TEXTS, "too many texts");
        parse_text(&p, &texts[n_texts]);
        CHECK(*p == '\n', "texts.txt, line %zu", n_texts + 1);
        p++;
    }
    free(data.p);
}

static void read_truth(void) {
    bytes data = read_data("truth.txt");
    size_t row = 0;
    for (char *line = data.p, *next; *line; line = next) {
        next = strchr(line, '\n');
        *next++ = 0;
        if (strncmp(line, "gpt-2", 5) == 0 || strncmp(line, "llama-", 6) == 0) {
            CHECK(n_columns < COLUMNS, "too many columns");
            column *c = &columns[n_columns++];
            CHECK(sscanf(line, "%31s %127[^\n]", c->base, c->names) >= 1, "truth.txt: %s", line);
            c->want = calloc(TEXTS, sizeof *c->want);
            c->known = calloc(TEXTS, sizeof *c->known);
            CHECK(c->want && c->known, "memory");
            continue;
        }
        for (size_t i = 0; i < n_columns; i++) {
            char word[7] = "";
            CHECK(sscanf(line + 6 * i, "%6s", word) == 1, "truth.txt: text %zu", row);
            columns[i].known[row] = word[0] != '-';
            columns[i].want[row] = (uint32_t)strtoul(word, NULL, 16);
        }
        row++;
    }
    CHECK(row == n_texts, "%zu texts, %zu answers", n_texts, row);
    free(data.p);
}

/* The same file with another tokenizer.ggml.pre. */
static bytes relabel(const ac_gguf *g, const char *pre) {
    gw w = {0};
    gw_head(&w, 3, 0, ac_gguf_kv_count(g));
    for (size_t i = 0; i < ac_gguf_kv_count(g); i++) {
        const ac_kv *kv = ac_gguf_kv_at(g, i);
        gw_lstr(&w, kv->key.p, kv->key.n);
        gw_u32(&w, kv->type);
        if (kv->key.n == 18 && memcmp(kv->key.p, "tokenizer.ggml.pre", 18) == 0) {
            gw_str(&w, pre);
            continue;
        }
        if (kv->type == AC_KV_ARRAY) {
            gw_u32(&w, kv->elem);
            gw_u64(&w, kv->count);
        }
        gw_bytes(&w, kv->data, kv->bytes);
    }
    return (bytes){(char *)w.p, w.n, w.room};
}

/* The ids of valid texts must be the text again, but that SentencePiece cannot tell U+2581 from a space. */
static void check_back(const ac_tokenizer *t, const idlist *ids, const bytes *text) {
    bytes back = {0};
    decode(t, ids->id, ids->n, true, &back);
    bool exact = valid_utf8(text->p, text->n) && !memchr(text->p, 0, text->n);
    if (!strcmp(ac_tokenizer_name(t), "llama") && strstr(text->p, "\xE2\x96\x81")) exact = false;
    if (exact)
        CHECK(back.n == text->n && !memcmp(back.p, text->p, text->n), "'%s' comes back as '%s'", text->p,
              back.p);
    CHECK(valid_utf8(back.p, back.n), "half a character came out");
    free(back.p);
}

static size_t check_column(const column *c, const char *name, const ac_tokenizer *t) {
    idlist ids = {0};
    size_t checked = 0, wrong = 0;
    for (size_t i = 0; i < n_texts; i++) {
        encode(t, texts[i].p, texts[i].n, 0, &ids);
        if (!c->known[i]) continue;
        checked++;
        check_back(t, &ids, &texts[i]);
        if (digest(&ids) == c->want[i] || wrong++ > 4) continue;
        printf("%s as %s, text %zu:", c->base, name, i + 1);
        for (size_t k = 0; k < ids.n && k < 40; k++) printf(" %d", ids.id[k]);
        printf("\n");
    }
    CHECK(!wrong, "%s as %s: %zu of %zu texts", c->base, name, wrong, checked);
    free(ids.id);
    return checked;
}

static size_t check_names(const column *c, const opened *base) {
    char names[128];
    size_t checked = 0;
    if (!c->names[0]) return check_column(c, "it is", base->t);
    snprintf(names, sizeof names, "%s", c->names);
    for (char *save, *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        opened o = open_bytes(relabel(base->g, name));
        checked += check_column(c, name, o.t);
        close_vocab(&o);
    }
    return checked;
}

int main(void) {
    size_t checked = 0;
    read_texts();
    read_truth();
    CHECK(n_texts >= 1500 && n_columns >= 30, "%zu texts, %zu columns", n_texts, n_columns);
    for (size_t i = 0; i < n_columns; i++) {
        char path[64];
        snprintf(path, sizeof path, "vocab/%.48s.gguf", columns[i].base);
        bytes data = read_file(check_shared(path));
        if (!data.p) return printf("skipped: no ../shared/vocab\n"), AC_SKIP;
        opened base = open_bytes(data);
        checked += check_names(&columns[i], &base);
        close_vocab(&base);
        free(columns[i].want);
        free(columns[i].known);
    }
    for (size_t i = 0; i < n_texts; i++) free(texts[i].p);
    printf("%zu texts, %zu comparisons\n", n_texts, checked);
    return 0;
}
