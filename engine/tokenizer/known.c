/* known.c - tokens known by their text. Many files give a wrong type to the tokens that steer a chat, or do not say
 * which ones end a turn; the texts below mean the same in every vocabulary that has them. */
#include "vocab.h"

static const struct {
    const char *text;
    uint8_t kind; /* added to what the file says */
} known[] = {
    {"<|eot_id|>", AC__TOK_ENDS}, {"<|im_end|>", AC__TOK_ENDS}, {"<|end|>", AC__TOK_ENDS}, {"<|return|>", AC__TOK_ENDS},
    {"<|call|>", AC__TOK_ENDS}, {"<|calls|>", AC__TOK_ENDS}, {"<|flush|>", AC__TOK_ENDS}, {"<end_of_turn>", AC__TOK_ENDS},
    {"<|endoftext|>", AC__TOK_ENDS}, {"</s>", AC__TOK_ENDS}, {"<|eom_id|>", AC__TOK_ENDS}, {"<EOT>", AC__TOK_ENDS},
    {"_<EOT>", AC__TOK_ENDS}, {"[EOT]", AC__TOK_ENDS}, {"[EOS]", AC__TOK_ENDS}, {"<|end_of_text|>", AC__TOK_ENDS},
    {"<end_of_utterance>", AC__TOK_ENDS}, {"<eos>", AC__TOK_ENDS}, {"<turn|>", AC__TOK_ENDS}, {"<|tool_response>", AC__TOK_ENDS},
    {"<\xEF\xBD\x9C" "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>", AC__TOK_ENDS}, {"[e~[", AC__TOK_ENDS},
    /* filling in the middle: a model that reaches padding or the next file is done */
    {"<|fim_prefix|>", 0}, {"<fim-prefix>", 0}, {"<fim_prefix>", 0}, {"<PRE>", 0}, {AC__SPACE "<PRE>", 0},
    {"<|code_prefix|>", 0}, {"<|prefix|>", 0}, {"<\xEF\xBD\x9C" "fim\xE2\x96\x81" "begin\xEF\xBD\x9C>", 0},
    {"<|fim_suffix|>", 0}, {"<fim-suffix>", 0}, {"<fim_suffix>", 0}, {"<SUF>", 0}, {AC__SPACE "<SUF>", 0},
    {"<|code_suffix|>", 0}, {"<|suffix|>", 0}, {"<\xEF\xBD\x9C" "fim\xE2\x96\x81hole\xEF\xBD\x9C>", 0},
    {"<|fim_middle|>", 0}, {"<fim-middle>", 0}, {"<fim_middle>", 0}, {"<MID>", 0}, {AC__SPACE "<MID>", 0},
    {"<|code_middle|>", 0}, {"<|middle|>", 0}, {"<\xEF\xBD\x9C" "fim\xE2\x96\x81" "end\xEF\xBD\x9C>", 0},
    {"<|fim_pad|>", AC__TOK_ENDS}, {"<fim-pad>", AC__TOK_ENDS}, {"<fim_pad>", AC__TOK_ENDS}, {"<PAD>", AC__TOK_ENDS},
    {"[PAD]", AC__TOK_ENDS}, {"<|fim_repo|>", AC__TOK_ENDS}, {"<|repo_name|>", AC__TOK_ENDS}, {"<fim-repo>", AC__TOK_ENDS},
    {"<REPO>", AC__TOK_ENDS}, {"<reponame>", AC__TOK_ENDS}, {"<|file_sep|>", AC__TOK_ENDS},
};

static uint32_t find(const ac_tokenizer *t, const char *text) { return ac__strings_find(&t->strings, text, strlen(text)); }
static bool has(const ac_tokenizer *t, const char *text) { return find(t, text) != AC__NONE; }

static void set(ac_tokenizer *t, const char *text, uint8_t kind) {
    uint32_t id = find(t, text);
    if (id != AC__NONE) t->kind[id] = kind;
}

void ac__known_tokens(ac_tokenizer *t) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t id = find(t, known[i].text);
        if (id == AC__NONE) continue;
        t->kind[id] &= (uint8_t)~AC__TOK_SILENT;
        t->kind[id] |= known[i].kind | AC__TOK_CONTROL;
    }
    /* The channel markers of the harmony format are part of what the model says. */
    static const char *const shown[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) set(t, shown[i], AC__TOK_USER);
    /* There <|end|> closes a message, not the turn. */
    bool calls = has(t, "<|call|>") || has(t, "<|calls|>");
    if (calls && (has(t, "<|return|>") || has(t, "<|flush|>"))) set(t, "<|end|>", AC__TOK_USER);
    /* And here </s> is mark-up. */
    if (has(t, "<|tool_response>") || has(t, "<|plamo:eos|>")) set(t, "</s>", 0);
}
