/* tiny_model WITH_CHAT WITHOUT_CHAT: writes a small llama model with seeded random weights, once with a chat
 * template and once without. It babbles, but everything that can be done with a model can be done with it. */
#include "../loader/gguf_write.h"

enum { DIM = 64, HEADS = 2, LAYERS = 2, FFN = 96, BYTES = 256, CONTEXT = 8192 };

static const char *const words[] = {"\xe2\x96\x81",
                                    "a",
                                    "e",
                                    "i",
                                    "o",
                                    "u",
                                    "n",
                                    "t",
                                    "s",
                                    "r",
                                    "h",
                                    "d",
                                    "l",
                                    "\xe2\x96\x81t",
                                    "he",
                                    "\xe2\x96\x81the",
                                    "in",
                                    "on",
                                    "\xe2\x96\x81o",
                                    "ce",
                                    "\xe2\x96\x81once",
                                    "\xe2\x96\x81up",
                                    "\xe2\x96\x81upon",
                                    "me",
                                    "\xe2\x96\x81time",
                                    "\xe2\x96\x81"
                                    "cat",
                                    "\xe2\x96\x81"
                                    "dog",
                                    ".",
                                    ",",
                                    "!",
                                    "\xe2\x96\x81red",
                                    "\xe2\x96\x81sat"};
static const char *const control[] = {"<|im_start|>", "<|im_end|>"};
enum { N_WORDS = sizeof words / sizeof *words, VOCAB = 3 + BYTES + N_WORDS + 2 };

static const char chat_template[] =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/* Calls f for each token in order: text, score, type (GGUF's: 1 normal, 2 unknown, 3 control, 6 byte). */
static void each_token(gw *w, void (*f)(gw *w, const char *text, float score, uint32_t type)) {
    char byte[8];
    f(w, "<unk>", 0, 2);
    f(w, "<s>", 0, 3);
    f(w, "</s>", 0, 3);
    for (unsigned b = 0; b < BYTES; b++) {
        snprintf(byte, sizeof byte, "<0x%02X>", b);
        f(w, byte, 0, 6);
    }
    for (unsigned i = 0; i < N_WORDS; i++) f(w, words[i], -(float)i, 1);
    for (unsigned i = 0; i < 2; i++) f(w, control[i], 0, 3);
}

static void put_text(gw *w, const char *text, float score, uint32_t type) {
    (void)score, (void)type;
    gw_str(w, text);
}
static void put_score(gw *w, const char *text, float score, uint32_t type) {
    (void)text, (void)type;
    gw_f32(w, score);
}
static void put_type(gw *w, const char *text, float score, uint32_t type) {
    (void)text, (void)score;
    gw_u32(w, type);
}

static void metadata(gw *w, bool chat) {
    gw_key_str(w, "general.architecture", "llama");
    gw_key_str(w, "general.name", "tiny");
    gw_key_u32(w, "llama.context_length", CONTEXT);
    gw_key_u32(w, "llama.embedding_length", DIM);
    gw_key_u32(w, "llama.block_count", LAYERS);
    gw_key_u32(w, "llama.feed_forward_length", FFN);
    gw_key_u32(w, "llama.attention.head_count", HEADS);
    gw_key_u32(w, "llama.rope.dimension_count", DIM / HEADS);
    gw_key(w, "llama.attention.layer_norm_rms_epsilon", AC_KV_F32), gw_f32(w, 1e-5f);
    gw_key_str(w, "tokenizer.ggml.model", "llama");
    gw_key_array(w, "tokenizer.ggml.tokens", AC_KV_STRING, VOCAB), each_token(w, put_text);
    gw_key_array(w, "tokenizer.ggml.scores", AC_KV_F32, VOCAB), each_token(w, put_score);
    gw_key_array(w, "tokenizer.ggml.token_type", AC_KV_I32, VOCAB), each_token(w, put_type);
    gw_key_u32(w, "tokenizer.ggml.bos_token_id", 1);
    gw_key_u32(w, "tokenizer.ggml.eos_token_id", 2);
    gw_key_u32(w, "tokenizer.ggml.unknown_token_id", 0);
    if (chat) gw_key_str(w, "tokenizer.chat_template", chat_template);
}

/* The tensors: name ("%u" becomes the layer), columns, rows (0 = one dimension). */
static const struct {
    const char *name;
    uint64_t cols, rows;
} tensors[] = {
    {"token_embd.weight", DIM, VOCAB},  {"output_norm.weight", DIM, 0},
    {"output.weight", DIM, VOCAB},      {"blk.%u.attn_norm.weight", DIM, 0},
    {"blk.%u.attn_q.weight", DIM, DIM}, {"blk.%u.attn_k.weight", DIM, DIM},
    {"blk.%u.attn_v.weight", DIM, DIM}, {"blk.%u.attn_output.weight", DIM, DIM},
    {"blk.%u.ffn_norm.weight", DIM, 0}, {"blk.%u.ffn_gate.weight", DIM, FFN},
    {"blk.%u.ffn_up.weight", DIM, FFN}, {"blk.%u.ffn_down.weight", FFN, DIM},
};
enum { N_KINDS = sizeof tensors / sizeof *tensors, FIRST_OF_LAYER = 3 };

/* Tokens that end a generation get no weight in the output, so that the likeliest token is never one of them.
 */
static bool silent(unsigned kind, uint64_t row) {
    return kind == 2 && (row == 2 || row >= VOCAB - 2);
}

static void values(gw *w, unsigned kind, uint64_t *random) {
    for (uint64_t r = 0; r < (tensors[kind].rows ? tensors[kind].rows : 1); r++)
        for (uint64_t c = 0; c < tensors[kind].cols; c++) {
            float v = (float)(int64_t)(check_random(random) >> 40) / (float)(1 << 23) - 1;
            gw_f32(w, silent(kind, r) ? 0 : tensors[kind].rows ? v * 0.3f : 1 + v * 0.1f);
        }
    gw_pad(w, 32);
}

/* Writes a tensor's info (`data` false) or its values, and moves *offset on. */
static void tensor(gw *w, unsigned kind, unsigned layer, bool data, uint64_t *offset, uint64_t *random) {
    uint64_t rows = tensors[kind].rows, n = tensors[kind].cols * (rows ? rows : 1);
    if (data) {
        values(w, kind, random);
    } else {
        char name[64];
        if (kind < FIRST_OF_LAYER)
            snprintf(name, sizeof name, "%s", tensors[kind].name);
        else
            snprintf(name, sizeof name, "blk.%u%s", layer, tensors[kind].name + strlen("blk.%u"));
        gw_tensor(w, name, 0, *offset, rows ? 2 : 1, tensors[kind].cols, rows);
    }
    *offset += (n * 4 + 31) / 32 * 32;
}

static void all_tensors(gw *w, bool data) {
    uint64_t offset = 0, random = 1;
    for (unsigned k = 0; k < FIRST_OF_LAYER; k++) tensor(w, k, 0, data, &offset, &random);
    for (unsigned l = 0; l < LAYERS; l++)
        for (unsigned k = FIRST_OF_LAYER; k < N_KINDS; k++) tensor(w, k, l, data, &offset, &random);
}

static void write_model(const char *path, bool chat) {
    gw w = {0};
    gw_head(&w, 3, FIRST_OF_LAYER + LAYERS * (N_KINDS - FIRST_OF_LAYER), chat ? 17 : 16);
    metadata(&w, chat);
    all_tensors(&w, false);
    gw_pad(&w, 32);
    all_tensors(&w, true);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(w.p, 1, w.n, f) == w.n && fclose(f) == 0, "%s", path);
    gw_free(&w);
}

int main(int argc, char **argv) {
    CHECK(argc == 3, "tiny_model WITH_CHAT WITHOUT_CHAT");
    write_model(argv[1], true);
    write_model(argv[2], false);
    return 0;
}
