/* tokenizer.h - text to token ids and back, from the vocabulary inside a GGUF file.
 *
 * Models: "llama" (SentencePiece-style merges by score, byte fallback), "gpt2" (byte-level BPE with the
 * pre-tokenizers of pre.def) and "gemma4" (the same over plain UTF-8). Any other is refused by name. Every
 * table of the file is checked in ac_tokenizer_open. An opened tokenizer is read-only: any number of threads
 * may use it. It must be closed before its ac_gguf. */
#ifndef AC_TOKENIZER_H
#define AC_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anychip/anychip.h>

#include "gguf.h"

typedef struct ac_tokenizer ac_tokenizer;

/* Reads tokenizer.ggml.* of `g`. AC_ERR_NOT_FOUND (no tokenizer in the file), AC_ERR_FORMAT (names the key),
 * AC_ERR_UNSUPPORTED (names the model or pre-tokenizer), AC_ERR_LIMIT (a table beyond any real size),
 * AC_ERR_MEMORY. */
ac_status ac_tokenizer_open(const ac_gguf *g, ac_tokenizer **out, ac_error *err);
void ac_tokenizer_close(ac_tokenizer **t);

/* ac_tokenize of anychip.h. AC_ERR_LIMIT when the pattern engine gives up on the text. */
ac_status ac_tokenizer_encode(const ac_tokenizer *t, const char *text, size_t bytes, unsigned flags,
                              int32_t *ids, size_t cap, size_t *count, ac_error *err);

/* ac_token_bytes of anychip.h. */
ac_status ac_tokenizer_bytes(const ac_tokenizer *t, int32_t id, bool special, const char **p, size_t *n,
                             ac_error *err);

/* True for tokens that end a generation: eos, end of turn, end of message, and those known by their text. */
bool ac_tokenizer_ends(const ac_tokenizer *t, int32_t id);

/* -1 when the file names none. */
int32_t ac_tokenizer_bos(const ac_tokenizer *t);
int32_t ac_tokenizer_eos(const ac_tokenizer *t);

/* Number of tokens. */
uint32_t ac_tokenizer_size(const ac_tokenizer *t);

/* "llama", "gpt2/llama-bpe"; the file's own word for the pre-tokenizer. */
const char *ac_tokenizer_name(const ac_tokenizer *t);

/* What the file lacks or has twice and how that was read ("tokenizer.ggml.pre is missing: default is used");
 * NULL when there is nothing to warn of. */
const char *ac_tokenizer_warning(const ac_tokenizer *t);

/* ac_detok_open of anychip.h on a tokenizer, which must outlive the detokenizer. */
ac_status ac_detok_open_tokenizer(const ac_tokenizer *t, bool special, ac_detok **out, ac_error *err);

#endif
