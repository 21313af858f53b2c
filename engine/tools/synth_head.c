/* synth_head.c - the metadata of a synthetic model, with a vocabulary of the shape's size that any reader of
 * GGUF takes: bytes, and all strings over an alphabet, the shorter first. Every word's beginning is a word
 * too, so that text is merged as with a real one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "synth.h"

enum { BYTES = 256, SPECIAL = 3, LETTERS = 27 };
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 }; /* GGUF's kinds of tokens */

static const char *const special[SPECIAL] = {"<unk>", "<s>", "</s>"};
static const char *const letters[LETTERS] = {"\xe2\x96\x81",
                                             "e",
                                             "t",
                                             "a",
                                             "o",
                                             "i",
                                             "n",
                                             "s",
                                             "h",
                                             "r",
                                             "d",
                                             "l",
                                             "u",
                                             "c",
                                             "m",
                                             "f",
                                             "w",
                                             "y",
                                             "g",
                                             "p",
                                             "b",
                                             "v",
                                             "k",
                                             "q",
                                             "j",
                                             "x",
                                             "z"};

/* The i-th string: i + 1 in the number system whose digits are 1 .. LETTERS. */
static size_t word(uint32_t i, char out[64]) {
    uint8_t digits[8];
    size_t n = 0, bytes = 0;
    for (uint64_t v = (uint64_t)i + 1; v; v = (v - 1) / LETTERS) digits[n++] = (uint8_t)((v - 1) % LETTERS);
    while (n) {
        const char *letter = letters[digits[--n]];
        size_t k = strlen(letter);
        memcpy(out + bytes, letter, k);
        bytes += k;
    }
    return bytes;
}

static size_t token(uint32_t id, char out[64]) {
    if (id < SPECIAL) return (size_t)snprintf(out, 64, "%s", special[id]);
    if (id < SPECIAL + BYTES) return (size_t)snprintf(out, 64, "<0x%02X>", (unsigned)(id - SPECIAL));
    return word(id - SPECIAL - BYTES, out);
}

static uint32_t token_kind(uint32_t id) {
    return id == 0 ? UNKNOWN : id < SPECIAL ? CONTROL : id < SPECIAL + BYTES ? BYTE : NORMAL;
}

static void elem_u32(ac__writer *w, uint32_t v) {
    uint8_t le[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    ac__writer_elems(w, le, 4);
}

static void vocabulary(ac__writer *w, uint32_t n) {
    char text[64];
    ac__writer_string(w, "tokenizer.ggml.model", "llama");
    ac__writer_array(w, "tokenizer.ggml.tokens", AC_KV_STRING, n);
    for (uint32_t i = 0; i < n; i++) ac__writer_elem_string(w, text, token(i, text));
    ac__writer_array(w, "tokenizer.ggml.scores", AC_KV_F32, n);
    for (uint32_t i = 0; i < n; i++) {
        float score = i < SPECIAL + BYTES ? 0 : -(float)(i - SPECIAL - BYTES);
        uint32_t u;
        memcpy(&u, &score, 4);
        elem_u32(w, u);
    }
    ac__writer_array(w, "tokenizer.ggml.token_type", AC_KV_I32, n);
    for (uint32_t i = 0; i < n; i++) elem_u32(w, token_kind(i));
    ac__writer_u32(w, "tokenizer.ggml.bos_token_id", 1);
    ac__writer_u32(w, "tokenizer.ggml.eos_token_id", 2);
    ac__writer_u32(w, "tokenizer.ggml.unknown_token_id", 0);
    ac__writer_bool(w, "tokenizer.ggml.add_bos_token", true);
    ac__writer_bool(w, "tokenizer.ggml.add_eos_token", false);
}

void ac__synth_head(ac__writer *w, const ac__shape *s, ac__mix_id mix, uint64_t seed) {
    char key[96], name[96];
    const struct {
        const char *suffix;
        uint32_t v;
    } numbers[] = {
        {"context_length", s->context},
        {"embedding_length", s->dim},
        {"block_count", s->layers},
        {"feed_forward_length", s->ffn},
        {"attention.head_count", s->heads},
        {"attention.head_count_kv", s->kv_heads},
        {"attention.key_length", s->head_dim},
        {"attention.value_length", s->head_dim},
        {"rope.dimension_count", s->head_dim},
        {"vocab_size", s->vocab},
    };
    snprintf(name, sizeof name, "synthetic %s, seed %llu", s->name, (unsigned long long)seed);
    ac__writer_string(w, "general.architecture", s->arch);
    ac__writer_string(w, "general.name", name);
    ac__writer_u32(w, "general.file_type", ac__mixes[mix].file_type);
    ac__writer_u32(w, "general.quantization_version", 2);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(key, sizeof key, "%s.%s", s->arch, numbers[i].suffix);
        ac__writer_u32(w, key, numbers[i].v);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", s->arch);
    ac__writer_f32(w, key, (float)(s->eps_millionths / 1e6));
    snprintf(key, sizeof key, "%s.rope.freq_base", s->arch);
    ac__writer_f32(w, key, (float)s->rope_base);
    vocabulary(w, s->vocab);
}

/* head_dim / 2 is a power of two in every such shape, so that base^(2 / head_dim) is a chain of square roots:
 * the same bits everywhere. */
void ac__synth_divisors(const ac__shape *s, float *out) {
    const double low = 1, high = 4, original = 8192, two_pi = 6.283185307179586;
    double step = s->rope_base, wave = two_pi;
    for (uint32_t n = s->head_dim / 2; n > 1; n /= 2) step = sqrt(step);
    for (uint32_t i = 0; i < s->head_dim / 2; i++, wave *= step) {
        double smooth = (original / wave - low) / (high - low);
        smooth = smooth < 0 ? 0 : smooth > 1 ? 1 : smooth;
        out[i] = (float)(1 / ((1 - smooth) / s->divisor_factor + smooth));
    }
}
