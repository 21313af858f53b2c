/* chat.c - a conversation as prompt text, by the model's own template. */
#include "model.h"

#include <string.h>
#include <time.h>

#include "alloc.h"
#include "exact.h"
#include "template/template.h"

/* The text of a token such as bos, for the template; NULL when the model has none. Freed with ac__free. */
static ac_status token_text(const ac_model *m, int32_t id, char **out, ac_error *err) {
    const char *p;
    size_t n;
    *out = NULL;
    if (id < 0) return AC_OK;
    AC_TRY(ac_tokenizer_bytes(m->tokenizer, id, true, &p, &n, err));
    *out = ac__strndup(p, n);
    return *out ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "chat template");
}

static ac_status render(const ac_model *m, const ac_template_message *list, size_t n, bool prompt, char *bos,
                        char *eos, char **out, ac_error *err) {
    time_t now = time(NULL);
    struct tm local;
    ac_template_input in = {.messages = list,
                            .n_messages = n,
                            .add_generation_prompt = prompt,
                            .bos_token = bos ? bos : "",
                            .eos_token = eos ? eos : "",
                            .now = localtime_r(&now, &local)};
    return ac_template_render(m->chat_template, m->chat_template_bytes, &in, out, err);
}

/* Most templates write the first token themselves; where the tokenizer puts it in front as well, once is
 * enough. */
static void drop_doubled_bos(const ac_model *m, const char *bos, char *text) {
    int32_t first[2] = {-1, -1};
    size_t n = bos ? strlen(bos) : 0, count;
    if (!n || strncmp(text, bos, n)) return;
    if (ac_tokenizer_encode(m->tokenizer, "", 0, AC_TOK_BOS, first, 2, &count, NULL) != AC_OK || !count)
        return;
    if (first[0] == m->info.bos) memmove(text, text + n, strlen(text + n) + 1);
}

ac_status ac_chat_format(const ac_model *m, const ac_chat_message *messages, size_t n,
                         bool add_generation_prompt, char **out, ac_error *err) {
    AC_FP_SCOPE;
    *out = NULL;
    if (!m->chat_template || !m->tokenizer)
        return ac_fail(err, AC_ERR_NOT_FOUND, "tokenizer.chat_template: the file has no chat template");
    ac_template_message *list = ac__array(n ? n : 1, sizeof *list);
    if (!list) return ac_fail(err, AC_ERR_MEMORY, "%zu chat messages", n);
    for (size_t i = 0; i < n; i++) list[i] = (ac_template_message){messages[i].role, messages[i].content};
    char *bos = NULL, *eos = NULL;
    ac_status status = token_text(m, m->info.bos, &bos, err);
    if (status == AC_OK) status = token_text(m, m->info.eos, &eos, err);
    if (status == AC_OK) status = render(m, list, n, add_generation_prompt, bos, eos, out, err);
    if (status == AC_OK) drop_doubled_bos(m, bos, *out);
    ac__free(bos);
    ac__free(eos);
    ac__free(list);
    return status;
}
