/* open.c - the vocabulary of a GGUF file, checked. */
#include "vocab.h"

#include <stdarg.h>
#include <stdio.h>

#define TOKENS_MAX (1u << 22) /* some fifteen times the largest vocabulary known */
#define SPECIAL_MAX 1024u     /* every place of a text is compared with special tokens */

typedef struct reader {
    const ac_gguf *g;
    ac_tokenizer *t;
    ac_error *err;
} reader;

static ac_status no_memory(const reader *r) {
    return ac_fail(r->err, AC_ERR_MEMORY, "tokenizer: a vocabulary of %u tokens", r->t->n);
}

static void AC_PRINTF(2, 3) warn(ac_tokenizer *t, const char *format, ...) {
    size_t n = strlen(t->warning);
    if (n && n + 3 < sizeof t->warning) n += (size_t)snprintf(t->warning + n, sizeof t->warning - n, "; ");
    va_list args;
    va_start(args, format);
    vsnprintf(t->warning + n, sizeof t->warning - n, format, args);
    va_end(args);
    for (char *c = t->warning; *c; c++) /* names come from the file */
        if (*c < ' ' || *c > '~') *c = '?';
}

static bool is(ac_str s, const char *text) {
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* ---- optional keys: *out stays as it is when the key is absent ---- */

static ac_status optional_bool(reader *r, const char *key, bool *out) {
    return ac_gguf_find(r->g, key) ? ac_gguf_bool(r->g, key, out, r->err) : AC_OK;
}

static ac_status optional_string(reader *r, const char *key, ac_str *out) {
    return ac_gguf_find(r->g, key) ? ac_gguf_string(r->g, key, out, r->err) : AC_OK;
}

/* An id outside the vocabulary (often written as -1) is as good as none. */
static void optional_id(reader *r, const char *key, int32_t *out) {
    const ac_kv *kv = ac_gguf_find(r->g, key);
    if (!kv) return;
    uint64_t id;
    if (ac_gguf_u64(r->g, key, &id, NULL) == AC_OK && id < r->t->n)
        *out = (int32_t)id;
    else
        warn(r->t, "%s is no token of the vocabulary", key);
}

/* ---- tokens ---- */

static ac_status read_tokens(reader *r) {
    ac_tokenizer *t = r->t;
    const ac_kv *kv;
    AC_TRY(ac_gguf_array(r->g, "tokenizer.ggml.tokens", AC_KV_STRING, &kv, r->err));
    if (kv->count == 0) return ac_fail(r->err, AC_ERR_FORMAT, "tokenizer.ggml.tokens: is empty");
    if (kv->count > TOKENS_MAX)
        return ac_fail(r->err, AC_ERR_LIMIT, "tokenizer.ggml.tokens: want at most %u, the file has %llu",
                       TOKENS_MAX, (unsigned long long)kv->count);
    t->n = (uint32_t)kv->count;
    t->kind = ac__calloc(t->n, 1);
    if (!t->kind || !ac__strings_open(&t->strings, t->n)) return no_memory(r);
    size_t cursor = 0;
    ac_str s;
    uint32_t duplicates = 0, longest = 0;
    while (ac_kv_next_string(kv, &cursor, &s)) {
        bool duplicate;
        if (s.n > AC__TEXT_MAX)
            return ac_fail(r->err, AC_ERR_LIMIT, "tokenizer.ggml.tokens: token %u is too long",
                           t->strings.count);
        if (!ac__strings_append(&t->strings, s, &duplicate)) return no_memory(r);
        duplicates += duplicate;
        if (s.n > longest) longest = (uint32_t)s.n;
    }
    t->longest = longest;
    if (duplicates) warn(t, "tokenizer.ggml.tokens: %u are there twice, the first is used", duplicates);
    return AC_OK;
}

static ac_status check_count(reader *r, const char *key, const ac_kv *kv) {
    if (kv->count == r->t->n) return AC_OK;
    return ac_fail(r->err, AC_ERR_FORMAT, "%s: want %u entries, one per token, the file has %llu", key,
                   r->t->n, (unsigned long long)kv->count);
}

static ac_status read_types(reader *r) {
    static const char key[] = "tokenizer.ggml.token_type";
    static const uint8_t kinds[] = {
        AC__TOK_SILENT, 0, AC__TOK_UNKNOWN, AC__TOK_CONTROL, AC__TOK_USER, AC__TOK_SILENT, AC__TOK_BYTE};
    if (!ac_gguf_find(r->g, key)) return AC_OK;
    const ac_kv *kv;
    AC_TRY(ac_gguf_array(r->g, key, AC_KV_I32, &kv, r->err));
    AC_TRY(check_count(r, key, kv));
    for (uint32_t i = 0; i < r->t->n; i++) {
        int64_t type = ac_kv_int(kv, i);
        r->t->kind[i] = type >= 0 && type < (int64_t)sizeof kinds ? kinds[type] : AC__TOK_SILENT;
    }
    return AC_OK;
}

/* Scores as integers that sort the other way round. */
static ac_status read_scores(reader *r) {
    static const char key[] = "tokenizer.ggml.scores";
    ac_tokenizer *t = r->t;
    const ac_kv *kv = ac_gguf_find(r->g, key);
    t->order = ac__calloc(t->n, sizeof *t->order);
    if (!t->order) return no_memory(r);
    if (!kv) return warn(t, "%s is missing: all are alike", key), AC_OK;
    if (kv->elem == AC_KV_F32 || kv->elem == AC_KV_F64)
        AC_TRY(ac_gguf_array(r->g, key, kv->elem, &kv, r->err));
    else
        AC_TRY(ac_gguf_array(r->g, key, AC_KV_I32, &kv, r->err));
    AC_TRY(check_count(r, key, kv));
    for (uint32_t i = 0; i < t->n; i++) {
        float score = (float)ac_kv_float(kv, i) + 0.0f; /* -0 becomes 0 */
        if (score != score) return ac_fail(r->err, AC_ERR_FORMAT, "%s: entry %u is not a number", key, i);
        uint32_t bits;
        memcpy(&bits, &score, sizeof bits);
        t->order[i] = bits >> 31 ? bits : ~bits & 0x7FFFFFFF;
    }
    return AC_OK;
}

/* ---- merges ---- */

/* The number of a string, which becomes known when it is not yet. */
static ac_status intern(reader *r, ac_str s, uint32_t *id) {
    ac__strings *strings = &r->t->strings;
    bool duplicate;
    *id = ac__strings_find(strings, s.p, s.n);
    if (*id != AC__NONE) return AC_OK;
    *id = strings->count;
    return ac__strings_append(strings, s, &duplicate) ? AC_OK : no_memory(r);
}

typedef struct joiner {
    char *scratch; /* both sides of the merge at hand */
    size_t scratch_n;
    size_t kept; /* bytes of merge_text in use, at most those of all merges */
    uint64_t all;
} joiner;

/* What a merge makes: a token, or a string that only merges know. */
static ac_status join(reader *r, joiner *j, ac_str left, ac_str right, uint32_t *id) {
    size_t n = left.n + right.n;
    if (n > j->scratch_n) {
        char *more = ac__array_grow(j->scratch, n, 2);
        if (!more) return no_memory(r);
        j->scratch = more;
        j->scratch_n = n * 2;
    }
    memcpy(j->scratch, left.p, left.n);
    memcpy(j->scratch + left.n, right.p, right.n);
    *id = ac__strings_find(&r->t->strings, j->scratch, n);
    if (*id != AC__NONE) return AC_OK;
    if (!r->t->merge_text) r->t->merge_text = ac__malloc((size_t)j->all);
    if (!r->t->merge_text) return no_memory(r);
    char *kept = memcpy(r->t->merge_text + j->kept, j->scratch, n);
    j->kept += n;
    return intern(r, (ac_str){kept, n}, id);
}

static ac_status add_merges(reader *r, const ac_kv *kv, joiner *j) {
    ac_tokenizer *t = r->t;
    size_t cursor = 0;
    uint32_t rank = 0, odd = 0;
    for (ac_str s; ac_kv_next_string(kv, &cursor, &s); rank++) {
        const char *space = s.n > 1 ? memchr(s.p + 1, ' ', s.n - 1) : NULL;
        if (!space) {
            odd++;
            continue;
        }
        ac_str left = {s.p, (size_t)(space - s.p)}, right = {space + 1, s.n - left.n - 1};
        uint32_t l, m, result = 0;
        AC_TRY(intern(r, left, &l));
        AC_TRY(intern(r, right, &m));
        AC_TRY(join(r, j, left, right, &result));
        ac__pairs_put(&t->pairs, l, m, rank, result);
    }
    if (odd) warn(t, "tokenizer.ggml.merges: %u name no pair", odd);
    return AC_OK;
}

static ac_status read_merges(reader *r) {
    static const char key[] = "tokenizer.ggml.merges";
    const ac_kv *kv;
    AC_TRY(ac_gguf_array(r->g, key, AC_KV_STRING, &kv, r->err));
    if (kv->count > TOKENS_MAX)
        return ac_fail(r->err, AC_ERR_LIMIT, "%s: want at most %u, the file has %llu", key, TOKENS_MAX,
                       (unsigned long long)kv->count);
    if (!ac__pairs_open(&r->t->pairs, (uint32_t)kv->count)) return no_memory(r);
    joiner j = {.all = kv->bytes};
    ac_status status = add_merges(r, kv, &j);
    ac__free(j.scratch);
    return status;
}

/* ---- what encode looks up ---- */

static void index_bytes(ac_tokenizer *t) {
    static const char digit[] = "0123456789ABCDEF";
    for (unsigned b = 0; b < 256; b++) {
        char one = (char)b, letter[4], name[] = {'<', '0', 'x', digit[b >> 4], digit[b & 15], '>'};
        t->single_id[b] = ac__strings_find(&t->strings, &one, 1);
        if (t->single_id[b] >= t->n) t->single_id[b] = AC__NONE;
        t->byte_id[b] = ac__strings_find(&t->strings, name, sizeof name);
        if (t->byte_id[b] >= t->n) t->byte_id[b] = t->spm ? t->single_id[b] : AC__NONE;
        t->letter[b] =
            ac__strings_find(&t->strings, letter, ac__put_char(letter, ac__byte_letter((unsigned char)b)));
    }
}

static bool space_starts(const ac_tokenizer *t) {
    for (uint32_t i = 0; i < t->n; i++) {
        ac_str s = t->strings.key[i];
        for (size_t at = 1; at + 3 <= s.n; at++) {
            if (memcmp(s.p + at, AC__SPACE, 3) != 0) continue;
            if (at < 3 || memcmp(s.p + at - 3, AC__SPACE, 3) != 0) return false;
        }
    }
    return true;
}

static ac_status index_specials(reader *r) {
    ac_tokenizer *t = r->t;
    for (uint32_t i = 0; i < t->n; i++) {
        unsigned kind = t->kind[i] & (AC__TOK_CONTROL | AC__TOK_UNKNOWN | AC__TOK_USER);
        size_t n = t->strings.key[i].n;
        if (!kind || !n) continue;
        if (n > SPECIAL_MAX)
            return ac_fail(r->err, AC_ERR_LIMIT,
                           "tokenizer.ggml.tokens: special token %u: want at most %u bytes, have %zu", i,
                           SPECIAL_MAX, n);
        if (!ac__trie_add(&t->trie, t->strings.key[i], (int32_t)i, kind == AC__TOK_USER)) return no_memory(r);
    }
    return AC_OK;
}

/* ---- the rest of the keys ---- */

static void read_ids(reader *r) {
    ac_tokenizer *t = r->t;
    static const char *const ends[] = {"tokenizer.ggml.eos_token_id",     "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id",     "tokenizer.ggml.fim_pad_token_id",
                                       "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id"};
    t->bos = t->spm && t->n > 1 ? 1 : -1;
    t->eos = t->spm && t->n > 2 ? 2 : -1;
    t->unk = t->spm ? 0 : -1;
    optional_id(r, "tokenizer.ggml.bos_token_id", &t->bos);
    optional_id(r, "tokenizer.ggml.unknown_token_id", &t->unk);
    ac__known_tokens(t);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int32_t id = i ? -1 : t->eos;
        optional_id(r, ends[i], &id);
        if (i == 0) t->eos = id;
        if (id >= 0) t->kind[id] |= AC__TOK_ENDS;
    }
}

/* Phi-3's special tokens swallow the white space behind them; its files do not say so. */
static ac_status read_quirks(reader *r) {
    ac_str name = {"", 0};
    AC_TRY(optional_string(r, "general.name", &name));
    bool phi3 = false;
    for (size_t i = 0; i + 4 <= name.n && !phi3; i++) {
        char low[5];
        for (size_t k = 0; k < 5; k++) low[k] = i + k < name.n ? (char)(name.p[i + k] | 0x20) : 0;
        phi3 = memcmp(low, "phi3", 4) == 0 || memcmp(low, "phi-3", 5) == 0;
    }
    if (!phi3) return AC_OK;
    for (uint32_t i = 0; i < r->t->n; i++) {
        ac_str s = r->t->strings.key[i];
        bool special = r->t->kind[i] & (AC__TOK_CONTROL | AC__TOK_USER | AC__TOK_UNKNOWN);
        if (special && !is(s, "<unk>") && !is(s, "<s>") && !is(s, "<|endoftext|>"))
            r->t->kind[i] |= AC__TOK_RSTRIP;
    }
    return AC_OK;
}

static ac_status read_flags(reader *r) {
    ac_tokenizer *t = r->t;
    t->space_prefix = t->spm;
    t->add_bos = t->spm || t->pre.flags & AC__PRE_BOS;
    AC_TRY(optional_bool(r, "tokenizer.ggml.add_bos_token", &t->add_bos));
    AC_TRY(optional_bool(r, "tokenizer.ggml.add_eos_token", &t->add_eos));
    AC_TRY(optional_bool(r, "tokenizer.ggml.add_space_prefix", &t->space_prefix));
    if ((t->pre.flags & (AC__PRE_RAW | AC__PRE_BOS)) == (AC__PRE_RAW | AC__PRE_BOS)) t->add_bos = true;
    if (t->add_bos && t->bos < 0) warn(t, "a first token is wanted, but the file names none");
    if (t->add_eos && t->eos < 0) warn(t, "a last token is wanted, but the file names none");
    t->add_bos = t->add_bos && t->bos >= 0;
    t->add_eos = t->add_eos && t->eos >= 0;
    return AC_OK;
}

/* ---- the kind of tokenizer ---- */

static ac_status read_model(reader *r) {
    ac_tokenizer *t = r->t;
    ac_str model, pre = {"", 0};
    AC_TRY(ac_gguf_string(r->g, "tokenizer.ggml.model", &model, r->err));
    AC_TRY(optional_string(r, "tokenizer.ggml.pre", &pre));
    t->spm = is(model, "llama");
    if (t->spm) {
        snprintf(t->name, sizeof t->name, "llama");
        return AC_OK;
    }
    bool gemma4 = is(model, "gemma4");
    if (!gemma4 && !is(model, "gpt2")) {
        return ac_fail(r->err, AC_ERR_UNSUPPORTED,
                       "tokenizer.ggml.model: want llama, gpt2 or gemma4, the file has '%.*s'",
                       (int)(model.n < 64 ? model.n : 64), model.p);
    }
    if (gemma4) {
        pre = model;
    } else if (!pre.n) {
        pre = (ac_str){"default", 7};
        warn(t, "tokenizer.ggml.pre is missing: default is used, texts may be cut other than in training");
    }
    AC_TRY(ac__pre_open(&t->pre, pre, r->err));
    snprintf(t->name, sizeof t->name, "%s/%.*s", gemma4 ? "gemma4" : "gpt2", (int)pre.n, pre.p);
    return AC_OK;
}

static ac_status read_all(reader *r) {
    ac_tokenizer *t = r->t;
    AC_TRY(read_model(r));
    AC_TRY(read_tokens(r));
    AC_TRY(read_types(r));
    if (t->spm)
        AC_TRY(read_scores(r));
    else
        AC_TRY(read_merges(r));
    read_ids(r);
    AC_TRY(read_quirks(r));
    AC_TRY(read_flags(r));
    index_bytes(t);
    t->space_starts = t->spm && space_starts(t);
    AC_TRY(index_specials(r));
    return ac__pieces_open(t) ? AC_OK : no_memory(r);
}

ac_status ac_tokenizer_open(const ac_gguf *g, ac_tokenizer **out, ac_error *err) {
    *out = ac__calloc(1, sizeof **out);
    if (!*out) return ac_fail(err, AC_ERR_MEMORY, "tokenizer");
    reader r = {g, *out, err};
    ac_status status = read_all(&r);
    if (status != AC_OK) ac_tokenizer_close(out);
    return status;
}

void ac_tokenizer_close(ac_tokenizer **tokenizer) {
    if (!tokenizer || !*tokenizer) return;
    ac_tokenizer *t = *tokenizer;
    ac__strings_close(&t->strings);
    ac__pairs_close(&t->pairs);
    ac__pre_close(&t->pre);
    ac__trie_close(&t->trie);
    ac__free(t->kind);
    ac__free(t->order);
    ac__free(t->pieces);
    ac__free(t->piece_at);
    ac__free(t->merge_text);
    ac__free(t);
    *tokenizer = NULL;
}
