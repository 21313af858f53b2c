/* Conversations through the public header: the model's template becomes tokens, with one first token and no
 * more. */
#include <anychip/anychip.h>

#include "../loader/gguf_write.h"

enum { BYTES = 256, CONTROLS = 5 };
static const char *const controls[CONTROLS] = {"<unk>", "<s>", "</s>", "<|user|>", "<|end|>"};

/* A file with a vocabulary of bytes and control tokens, and nothing else. */
static void write_model(gw *w, const char *template, bool add_bos) {
    *w = (gw){0};
    gw_head(w, 3, 0, template ? 9 : 8);
    gw_key_str(w, "general.architecture", "llama");
    gw_key_str(w, "tokenizer.ggml.model", "llama");
    gw_key_array(w, "tokenizer.ggml.tokens", AC_KV_STRING, CONTROLS + BYTES);
    for (int i = 0; i < CONTROLS; i++) gw_str(w, controls[i]);
    for (unsigned i = 0; i < BYTES; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", i);
        gw_str(w, name);
    }
    gw_key_array(w, "tokenizer.ggml.scores", AC_KV_F32, CONTROLS + BYTES);
    for (int i = 0; i < CONTROLS + BYTES; i++) gw_f32(w, 0);
    gw_key_array(w, "tokenizer.ggml.token_type", AC_KV_I32, CONTROLS + BYTES);
    for (int i = 0; i < CONTROLS + BYTES; i++) gw_u32(w, i == 0 ? 2 : i < CONTROLS ? 3 : 6);
    gw_key_u32(w, "tokenizer.ggml.bos_token_id", 1);
    gw_key_u32(w, "tokenizer.ggml.eos_token_id", 2);
    gw_key(w, "tokenizer.ggml.add_bos_token", AC_KV_BOOL);
    gw_u8(w, add_bos);
    if (template) gw_key_str(w, "tokenizer.chat_template", template);
}

static ac_model *open_model(gw *w) {
    ac_model_settings set;
    ac_model *m;
    ac_error err = {0};
    ac_model_defaults(&set);
    set.vocab_only = true;
    CHECK_OK(ac_model_open_memory(w->p, w->n, &set, &m, &err));
    return m;
}

static void want(const char *template, bool add_bos, const char *text, int firsts) {
    static const ac_chat_message messages[] = {{"user", "hi"}};
    gw w;
    int32_t ids[64];
    char *out;
    size_t n;
    int found = 0;
    ac_error err = {0};
    write_model(&w, template, add_bos);
    ac_model *m = open_model(&w);
    CHECK_OK(ac_chat_format(m, messages, 1, true, &out, &err));
    CHECK(!strcmp(out, text), "%s: want %s, have %s", template, text, out);
    CHECK_OK(ac_tokenize(m, out, strlen(out), AC_TOK_BOS | AC_TOK_SPECIAL, ids, 64, &n, &err));
    for (size_t i = 0; i < n; i++) {
        found += ids[i] == 1;
        CHECK(i == 0 || ids[i] != 1, "%s: a first token in the middle", template);
    }
    CHECK(found == firsts, "%s: %d first tokens", template, found);
    ac_free(out);
    ac_model_close(&m);
    gw_free(&w);
}

static void want_status(const char *template, const ac_chat_message *messages, size_t n, ac_status status,
                        const char *part) {
    gw w;
    char *out = (char *)1;
    ac_error err = {0};
    write_model(&w, template, true);
    ac_model *m = open_model(&w);
    ac_status have = ac_chat_format(m, messages, n, true, &out, &err);
    CHECK(have == status && !out && strstr(err.detail, part), "%s: %s: %s", template ? template : "none",
          ac_status_name(have), err.detail);
    ac_model_close(&m);
    gw_free(&w);
}

int main(void) {
    static const ac_chat_message one[] = {{"user", "hi"}}, half[] = {{"user", NULL}};
    const char *with = "{{ bos_token }}{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}";
    const char *without = "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}";
    want(with, true, "<|user|>hi<|end|>", 1);
    want(with, false, "<s><|user|>hi<|end|>", 1);
    want(without, true, "<|user|>hi<|end|>", 1);
    want(without, false, "<|user|>hi<|end|>", 0);
    want("{{ bos_token }}", true, "", 1);
    want("{{ messages[0].content ~ eos_token }}{{ tools is none }}{{ add_generation_prompt }}", false,
         "hi</s>TrueTrue", 0);
    want_status(NULL, one, 1, AC_ERR_NOT_FOUND, "chat_template");
    want_status("\n{{ raise_exception('no system role') }}", one, 1, AC_ERR_TEXT, "line 2: no system role");
    want_status("{% include 'x' %}", one, 1, AC_ERR_UNSUPPORTED, "'include'");
    want_status("{{ messages[0] ", one, 1, AC_ERR_FORMAT, "line 1");
    want_status("{{ messages[2].role }}", one, 1, AC_ERR_TEXT, "no such element");
    want_status("x", half, 1, AC_ERR_ARGUMENT, "message 0");
    return 0;
}
