/* known.c - tokens known by their text. Many files give a wrong type to the tokens that steer a chat, or do
 * not say which ones end a turn; the texts below mean the same in every vocabulary that has them. */
#include "vocab.h"

#define BAR "\xEF\xBD\x9C" /* U+FF5C, DeepSeek's */

/* A turn, or all, is over. In filling the middle, a model that reaches padding or the next file is done. */
static const char *const ends[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|calls|>",
    "<|flush|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "[e~[",
    "<" BAR "end" AC__SPACE "of" AC__SPACE "sentence" BAR ">",
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
};

/* Control tokens that end nothing. */
static const char *const controls[] = {
    "<|fim_prefix|>",  "<fim-prefix>",    "<fim_prefix>", "<PRE>",
    AC__SPACE "<PRE>", "<|code_prefix|>", "<|prefix|>",   "<" BAR "fim" AC__SPACE "begin" BAR ">",
    "<|fim_suffix|>",  "<fim-suffix>",    "<fim_suffix>", "<SUF>",
    AC__SPACE "<SUF>", "<|code_suffix|>", "<|suffix|>",   "<" BAR "fim" AC__SPACE "hole" BAR ">",
    "<|fim_middle|>",  "<fim-middle>",    "<fim_middle>", "<MID>",
    AC__SPACE "<MID>", "<|code_middle|>", "<|middle|>",   "<" BAR "fim" AC__SPACE "end" BAR ">",
};

/* The channel markers of the harmony format are part of what the model says. */
static const char *const shown[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static uint32_t find(const ac_tokenizer *t, const char *text) {
    return ac__strings_find(&t->strings, text, strlen(text));
}
static bool has(const ac_tokenizer *t, const char *text) {
    return find(t, text) != AC__NONE;
}

static void set(ac_tokenizer *t, const char *text, uint8_t kind) {
    uint32_t id = find(t, text);
    if (id != AC__NONE) t->kind[id] = kind;
}

static void add(ac_tokenizer *t, const char *text, unsigned kind) {
    uint32_t id = find(t, text);
    if (id == AC__NONE) return;
    t->kind[id] &= (uint8_t)~AC__TOK_SILENT;
    t->kind[id] |= (uint8_t)kind;
}

void ac__known_tokens(ac_tokenizer *t) {
    for (size_t i = 0; i < COUNT(ends); i++) add(t, ends[i], AC__TOK_CONTROL | AC__TOK_ENDS);
    for (size_t i = 0; i < COUNT(controls); i++) add(t, controls[i], AC__TOK_CONTROL);
    for (size_t i = 0; i < COUNT(shown); i++) set(t, shown[i], AC__TOK_USER);
    /* There <|end|> closes a message, not the turn. */
    bool calls = has(t, "<|call|>") || has(t, "<|calls|>");
    if (calls && (has(t, "<|return|>") || has(t, "<|flush|>"))) set(t, "<|end|>", AC__TOK_USER);
    /* And here </s> is mark-up. */
    if (has(t, "<|tool_response>") || has(t, "<|plamo:eos|>")) set(t, "</s>", 0);
}
