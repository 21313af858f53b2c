/* vocab.h - what the files of the tokenizer share. Nothing outside engine/tokenizer includes it. */
#ifndef AC_VOCAB_H
#define AC_VOCAB_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "alloc.h"
#include "tokenizer.h"

#define AC__NONE UINT32_MAX
#define AC__SPACE "\xE2\x96\x81" /* U+2581, SentencePiece's visible space */
#define AC__TEXT_MAX ((size_t)1 << 30)

/* ---- strings.c: a set of strings, numbered in the order they came in ---- */

typedef struct ac__strings {
    ac_str *key; /* [count] the bytes stay the caller's */
    uint32_t count, room;
    uint32_t *slot; /* [mask + 1] number, AC__NONE = free */
    uint32_t *tag;  /* [mask + 1] low half of the hash */
    uint32_t mask;
} ac__strings;

bool ac__strings_open(ac__strings *s, uint32_t expect);
void ac__strings_close(ac__strings *s);
/* The number of a string, AC__NONE when it is not there. */
uint32_t ac__strings_find(const ac__strings *s, const char *p, size_t n);
/* Appends a key. When an equal one is there already, the new number is used but never found: the first one
 * wins. */
bool ac__strings_append(ac__strings *s, ac_str key, bool *duplicate);

/* Pairs of symbols that merge: an open-addressed table. */
typedef struct ac__pair {
    uint64_t key; /* left << 32 | right; all ones = free */
    uint32_t rank, result;
} ac__pair;

typedef struct ac__pairs {
    ac__pair *slot;
    uint32_t mask;
} ac__pairs;

bool ac__pairs_open(ac__pairs *s, uint32_t expect);
void ac__pairs_close(ac__pairs *s);
const ac__pair *ac__pairs_find(const ac__pairs *s, uint32_t left, uint32_t right);
/* The first one wins. */
void ac__pairs_put(ac__pairs *s, uint32_t left, uint32_t right, uint32_t rank, uint32_t result);

/* ---- heap.c: a binary heap, the smallest key on top ---- */

typedef struct ac__job {
    uint64_t key;
    uint32_t size, result;
} ac__job;

typedef struct ac__heap {
    ac__job *job;
    size_t count, room;
} ac__heap;

bool ac__heap_reserve(ac__heap *h, size_t n);
void ac__heap_push(ac__heap *h, ac__job job); /* within what was reserved */
ac__job ac__heap_pop(ac__heap *h);

/* ---- text.c: UTF-8 ---- */

/* Length in bytes of the character whose first byte this is; 1 for a byte that starts none. */
static inline size_t ac__char_len(unsigned char lead) {
    return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* What the pre-tokenizer sees and what the merges see: same length, same boundaries. `text` is the input with
 * every byte that decodes to nothing as U+FFFD and overlong forms made short; `subject` is valid UTF-8 for
 * PCRE2. Where nothing had to be changed, they are the input itself. */
typedef struct ac__text {
    const char *text, *subject;
    size_t n;
    char *own_text, *own_subject;
} ac__text;

bool ac__text_open(ac__text *t, const char *p, size_t n);
void ac__text_close(ac__text *t);

/* ---- pre.c: pre-tokenizers ---- */

/* Flags of a pre-tokenizer. BOS: add_bos_token unless the file says otherwise. IGNORE_MERGES: a word that is
 * a token is that token. RAW: tokens are UTF-8, not byte letters; spaces are U+2581; bytes are <0xXX>.
 * NEWLINES: with RAW, a run of newlines that is a token is that token. */
enum { AC__PRE_BOS = 1, AC__PRE_IGNORE_MERGES = 2, AC__PRE_RAW = 4, AC__PRE_NEWLINES = 8 };

#define AC__PRE_STEPS 6

typedef struct ac__pre {
    unsigned flags;
    unsigned steps;
    unsigned char cut[AC__PRE_STEPS];
    pcre2_code *code[AC__PRE_STEPS];
    pcre2_general_context *memory;
    pcre2_match_context *limits;
} ac__pre;

/* Words of a text: end[i] is where the i-th ends; they cover the text. */
typedef struct ac__words {
    uint32_t *end, *spare;
    size_t count, room, spare_count, spare_room;
    pcre2_match_data *match;
} ac__words;

ac_status ac__pre_open(ac__pre *pre, ac_str name, ac_error *err);
void ac__pre_close(ac__pre *pre);
ac_status ac__words_open(ac__words *w, const ac__pre *pre, ac_error *err);
void ac__words_close(ac__words *w);
ac_status ac__pre_split(const ac__pre *pre, ac__words *w, const char *subject, size_t n, ac_error *err);

/* ---- special.c: tokens that are recognised before everything else ---- */

typedef struct ac__trie {
    uint64_t *key;   /* [mask + 1] node << 8 | byte, all ones = free */
    uint32_t *child; /* [mask + 1] */
    uint32_t mask, nodes, room;
    int32_t *any;  /* [nodes] token that ends here, -1 = none */
    int32_t *user; /* [nodes] the same, user-defined ones only */
} ac__trie;

/* A stretch of the text: a special token, or (id < 0) text to tokenize. */
typedef struct ac__part {
    uint32_t at, n;
    int32_t id;
} ac__part;

bool ac__trie_add(ac__trie *trie, ac_str text, int32_t id, bool user);
void ac__trie_close(ac__trie *trie);
/* Cuts the text at its special tokens, longest ones first, of equal ones the leftmost. The caller frees *out.
 */
ac_status ac__special_split(const ac_tokenizer *t, const char *text, size_t n, bool control, ac__part **out,
                            size_t *count, ac_error *err);

/* ---- the tokenizer ---- */

/* What a token is. SILENT: no text at all. RSTRIP: swallows the white space that follows it. */
enum {
    AC__TOK_CONTROL = 1,
    AC__TOK_UNKNOWN = 2,
    AC__TOK_USER = 4,
    AC__TOK_BYTE = 8,
    AC__TOK_SILENT = 16,
    AC__TOK_ENDS = 32,
    AC__TOK_RSTRIP = 64
};

struct ac_tokenizer {
    bool spm;
    bool space_prefix, add_bos, add_eos;
    bool space_starts;       /* no token has U+2581 behind another character: a text may be cut there */
    uint32_t n;              /* tokens */
    uint32_t longest;        /* bytes of the longest token */
    ac__strings strings;     /* tokens, then strings that only merges know */
    uint8_t *kind;           /* [n] */
    uint32_t *order;         /* [n] SPM: the higher the score the smaller */
    uint32_t byte_id[256];   /* <0xXX>, AC__NONE where missing */
    uint32_t single_id[256]; /* the token whose text is that one byte */
    uint32_t letter[256];    /* the symbol of a byte's letter */
    ac__pairs pairs;
    ac__pre pre;
    ac__trie trie;
    char *pieces;     /* the bytes of all tokens */
    size_t *piece_at; /* [n + 1] */
    char *merge_text; /* strings that only merges know */
    int32_t bos, eos, unk;
    char name[64];
    char warning[256];
};

/* One call of encode: output and scratch memory. */
typedef struct ac__symbol {
    uint32_t at, n; /* bytes; n = 0: absorbed by its left neighbour */
    uint32_t prev, next, id;
} ac__symbol;

typedef struct ac__encode {
    const ac_tokenizer *t;
    ac_error *err;
    int32_t *ids;
    size_t cap, count;
    ac__symbol *symbol;
    size_t symbols, symbol_room;
    ac__heap heap;
    ac__words words;
    char *letters; /* room for a word of t->longest bytes in byte letters */
} ac__encode;

static inline void ac__emit(ac__encode *e, uint32_t id) {
    if (e->count < e->cap) e->ids[e->count] = (int32_t)id;
    e->count++;
}

/* The letters GPT-2 writes bytes with (printable ones are themselves), and back; -1: not a letter. */
uint32_t ac__byte_letter(unsigned char byte);
int ac__letter_byte(uint32_t letter);
/* Writes a code point below 0x110000; returns its length. */
size_t ac__put_char(char *out, uint32_t c);

/* merge.c: room for `n` symbols of one word, then merging the neighbours until no pair is left. */
bool ac__symbols_reserve(ac__encode *e, size_t n);
void ac__merge(ac__encode *e, const char *text);
ac_status ac__encode_spm(ac__encode *e, const char *text, size_t n, bool prefix);
ac_status ac__encode_bpe(ac__encode *e, const char *text, size_t n);

/* pieces.c: fills pieces and piece_at. */
bool ac__pieces_open(ac_tokenizer *t);

/* known.c: what tokens are by their text, whatever the file says. */
void ac__known_tokens(ac_tokenizer *t);

#endif
