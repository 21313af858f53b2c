/* support.h - what the tokenizer's tests share: files, small vocabularies made here, encoding and decoding at
 * once. */
#ifndef AC_TESTS_TOKENIZER_SUPPORT_H
#define AC_TESTS_TOKENIZER_SUPPORT_H

#include "check.h"
#include "loader/gguf_write.h"
#include "tokenizer/tokenizer.h"

typedef struct bytes {
    char *p;
    size_t n, room;
} bytes;

static inline void put(bytes *b, const void *p, size_t n) {
    if (b->n + n + 1 > b->room) {
        b->room = (b->n + n + 1) * 2;
        b->p = realloc(b->p, b->room);
        CHECK(b->p, "memory");
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
}

/* A file as bytes, with a zero behind; p is NULL when there is no such file. */
static inline bytes read_file(const char *path) {
    bytes b = {0};
    char buffer[65536];
    size_t n;
    FILE *f = path ? fopen(path, "rb") : NULL;
    if (!f) return b;
    put(&b, "", 0);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) put(&b, buffer, n);
    fclose(f);
    return b;
}

/* tests/tokenizer/data/<name> */
static inline bytes read_data(const char *name) {
    char path[4096];
    const char *source = getenv("AC_SOURCE");
    snprintf(path, sizeof path, "%s/tests/tokenizer/data/%s", source ? source : ".", name);
    bytes b = read_file(path);
    CHECK(b.p, "%s", path);
    return b;
}

/* ---- a vocabulary on paper, and the file it makes ---- */

enum { VOCAB_MAX = 4096 };

typedef struct vocab {
    const char *model, *pre; /* pre may be NULL */
    size_t n, merges;
    char *token[VOCAB_MAX];
    int type[VOCAB_MAX];
    float score[VOCAB_MAX];
    char *merge[VOCAB_MAX];
} vocab;

static inline void vocab_add(vocab *v, const char *text, int type, float score) {
    CHECK(v->n < VOCAB_MAX, "too many tokens");
    v->token[v->n] = strdup(text);
    v->type[v->n] = type;
    v->score[v->n++] = score;
}

static inline void vocab_merge(vocab *v, const char *left, const char *right) {
    char text[1024];
    CHECK(v->merges < VOCAB_MAX, "too many merges");
    snprintf(text, sizeof text, "%s %s", left, right);
    v->merge[v->merges++] = strdup(text);
}

static inline void vocab_free(vocab *v) {
    for (size_t i = 0; i < v->n; i++) free(v->token[i]);
    for (size_t i = 0; i < v->merges; i++) free(v->merge[i]);
    memset(v, 0, sizeof *v);
}

/* <unk> <s> </s> and the 256 bytes, as SentencePiece has them. */
static inline void vocab_byte_tokens(vocab *v) {
    vocab_add(v, "<unk>", 2, 0);
    vocab_add(v, "<s>", 3, 0);
    vocab_add(v, "</s>", 3, 0);
    for (int b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", b);
        vocab_add(v, text, 6, 0);
    }
}

/* The letter GPT-2 writes a byte with: written down anew, from the definition. */
static inline const char *byte_letter(int byte) {
    static char text[256][4];
    int c = byte, next = 256;
    if (!text[byte][0]) {
        for (int b = 0; b <= byte; b++) {
            int shown = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
            c = shown ? b : next++;
        }
        if (c < 128)
            text[byte][0] = (char)c;
        else
            text[byte][0] = (char)(0xC0 | c >> 6), text[byte][1] = (char)(0x80 | (c & 63));
    }
    return text[byte];
}

static inline void vocab_letters(vocab *v) {
    for (int b = 0; b < 256; b++) vocab_add(v, byte_letter(b), 1, 0);
}

/* One of either model: SentencePiece-style when `pre` is NULL. */
static inline void small_vocab(vocab *v, const char *pre) {
    static const char *const joined[][2] = {
        {"a", "b"}, {"ab", "ab"}, {"\xC4\xA0", "a"}, {"1", "2"}, {"\xC3\x83", "\xC2\xA9"}};
    v->model = pre ? "gpt2" : "llama";
    v->pre = pre;
    if (!pre) {
        static const char *const tokens[] = {"a",  "b",    "ab",      "\xE2\x96\x81", "\342\226\201a",
                                             "aa", "aaaa", "\xC3\xA9"};
        vocab_byte_tokens(v);
        for (size_t i = 0; i < 8; i++) vocab_add(v, tokens[i], 1, -(float)i);
        vocab_add(v, "<user>", 4, 0);
        return;
    }
    vocab_letters(v);
    vocab_add(v, "<s>", 3, 0);
    vocab_add(v, "<user>", 4, 0);
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s%s", joined[i][0], joined[i][1]);
        vocab_merge(v, joined[i][0], joined[i][1]);
        vocab_add(v, text, 1, 0);
    }
}

static inline void vocab_strings(gw *w, const char *key, char *const *list, size_t n) {
    gw_key_array(w, key, AC_KV_STRING, n);
    for (size_t i = 0; i < n; i++) gw_str(w, list[i]);
}

/* The file; `extra` more keys follow by the caller's own writing. */
static inline void vocab_write(gw *w, const vocab *v, unsigned extra) {
    bool spm = !strcmp(v->model, "llama");
    gw_head(w, 3, 0, 5 + (v->pre != NULL) + extra);
    gw_key_str(w, "general.architecture", "llama");
    gw_key_str(w, "tokenizer.ggml.model", v->model);
    if (v->pre) gw_key_str(w, "tokenizer.ggml.pre", v->pre);
    vocab_strings(w, "tokenizer.ggml.tokens", v->token, v->n);
    gw_key_array(w, "tokenizer.ggml.token_type", AC_KV_I32, v->n);
    for (size_t i = 0; i < v->n; i++) gw_u32(w, (uint32_t)v->type[i]);
    if (spm) {
        gw_key_array(w, "tokenizer.ggml.scores", AC_KV_F32, v->n);
        for (size_t i = 0; i < v->n; i++) gw_f32(w, v->score[i]);
    } else {
        vocab_strings(w, "tokenizer.ggml.merges", v->merge, v->merges);
    }
}

/* ---- an opened one ---- */

typedef struct opened {
    gw file;
    bytes data;
    ac_gguf *g;
    ac_tokenizer *t;
} opened;

static inline opened open_vocab(const vocab *v) {
    ac_error err;
    opened o = {0};
    vocab_write(&o.file, v, 0);
    CHECK_OK(ac_gguf_open_memory(o.file.p, o.file.n, &o.g, &err));
    CHECK_OK(ac_tokenizer_open(o.g, &o.t, &err));
    return o;
}

static inline opened open_bytes(bytes b) {
    ac_error err;
    opened o = {.data = b};
    CHECK_OK(ac_gguf_open_memory(b.p, b.n, &o.g, &err));
    CHECK_OK(ac_tokenizer_open(o.g, &o.t, &err));
    return o;
}

static inline void close_vocab(opened *o) {
    ac_tokenizer_close(&o->t);
    ac_gguf_close(&o->g);
    gw_free(&o->file);
    free(o->data.p);
}

typedef struct idlist {
    int32_t *id;
    size_t n, room;
} idlist;

/* Encodes, in two calls when the room is short, as a user would. */
static inline void encode(const ac_tokenizer *t, const void *text, size_t n, unsigned flags, idlist *out) {
    ac_error err;
    CHECK_OK(ac_tokenizer_encode(t, text, n, flags, out->id, out->room, &out->n, &err));
    if (out->n <= out->room) return;
    size_t first = out->n;
    out->room = first + first / 2;
    out->id = realloc(out->id, out->room * sizeof *out->id);
    CHECK(out->id, "memory");
    CHECK_OK(ac_tokenizer_encode(t, text, n, flags, out->id, out->room, &out->n, &err));
    CHECK(out->n == first, "%zu, then %zu tokens", first, out->n);
}

/* All of it through the streaming detokenizer; appends. */
static inline void decode(const ac_tokenizer *t, const int32_t *id, size_t n, bool special, bytes *out) {
    ac_error err;
    ac_detok *d;
    const char *text;
    CHECK_OK(ac_detok_open_tokenizer(t, special, &d, &err));
    for (size_t i = 0; i < n; i++) {
        CHECK_OK(ac_detok_push(d, id[i], &text, &err));
        put(out, text, strlen(text));
    }
    text = ac_detok_end(d);
    put(out, text, strlen(text));
    ac_detok_close(&d);
}

/* What the data files keep of ids: the low 24 bits of their FNV-1a. */
static inline uint32_t digest(const idlist *ids) {
    uint32_t h = 0x811C9DC5u;
    for (size_t i = 0; i < ids->n; i++)
        for (unsigned shift = 0; shift < 32; shift += 8)
            h = (h ^ ((uint32_t)ids->id[i] >> shift & 255)) * 0x01000193u;
    return h & 0xFFFFFF;
}

/* Length of the well-formed character at p, 0 when there is none: the table of the Unicode Standard, row by
 * row. */
static inline size_t well_formed(const unsigned char *p, size_t n) {
    static const unsigned char row[][6] = {
        /* first bytes, second bytes, how many */
        {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (size_t i = 0; n && i < sizeof row / sizeof *row; i++) {
        size_t len = row[i][4];
        if (p[0] < row[i][0] || p[0] > row[i][1]) continue;
        if (len > n || (len > 1 && (p[1] < row[i][2] || p[1] > row[i][3]))) return 0;
        for (size_t k = 2; k < len; k++)
            if ((p[k] & 0xC0) != 0x80) return 0;
        return len;
    }
    return 0;
}

static inline bool valid_utf8(const void *text, size_t n) {
    const unsigned char *p = text;
    for (size_t i = 0, len; i < n; i += len)
        if (!(len = well_formed(p + i, n - i))) return false;
    return true;
}

static inline int hex_digit(char c) {
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "-", or parts joined by '+': hex digits and, with *N, N times. Ends at a blank or the end of the line. */
static inline void parse_text(const char **p, bytes *out) {
    out->n = 0;
    put(out, "", 0);
    if (**p == '-') ++*p;
    while (**p && **p != ' ' && **p != '\n') {
        size_t begin = out->n, times = 1;
        for (; hex_digit(**p) >= 0; *p += 2) {
            char byte = (char)(hex_digit(**p) * 16 + hex_digit((*p)[1]));
            put(out, &byte, 1);
        }
        size_t unit = out->n - begin;
        char copy[64];
        if (**p == '*') times = strtoul(*p + 1, (char **)p, 10);
        CHECK(unit && (times == 1 || unit <= sizeof copy), "a part of %zu bytes at '%.20s'", unit, *p);
        if (times > 1) memcpy(copy, out->p + begin, unit);
        for (size_t i = 1; i < times; i++) put(out, copy, unit);
        if (**p == '+') ++*p;
    }
}

#endif
