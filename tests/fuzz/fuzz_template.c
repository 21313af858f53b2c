/* fuzz_template.c - a chat template with fixed variables. The first byte chooses: below 128 the rest is the
 * template, else it is JSON of a variable that a fixed template walks through. Whatever renders must render
 * the same twice. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <alloc.h>
#include <template/template.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char walk[] = "{{ x|tojson(indent=2) }}{{ x }}{% for a in x if a %}{{ loop.last }}{{ a ~ "
                           "x[a]|default(1) }}{% endfor %}";

static char *render(const char *source, size_t n, const char *json, ac_status *status) {
    static const ac_template_message messages[] = {
        {"system", "Be \xc3\xa9 kind.\n"}, {"user", "<think>a</think>\n\nb"}, {"assistant", "x\xff"}};
    const ac_template_var vars[] = {
        {"tools", AC_TEMPLATE_JSON, "[{\"name\": \"f\", \"n\": [1, 2.5, null, true]}]"},
        {"x", AC_TEMPLATE_JSON, json}};
    const ac_template_input in = {.messages = messages,
                                  .n_messages = 3,
                                  .add_generation_prompt = true,
                                  .bos_token = "<s>",
                                  .eos_token = "</s>",
                                  .vars = vars,
                                  .n_vars = 2};
    ac_error err = {0};
    char *out;
    *status = ac_template_render(source, n, &in, &out, &err);
    if ((*status == AC_OK) != (out != NULL) || err.status != *status) abort();
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!n) return 0;
    bool is_json = data[0] >= 128;
    char *text = malloc(n);
    if (!text) return 0;
    memcpy(text, data + 1, n - 1);
    text[n - 1] = 0;
    ac_status first, second;
    char *a = render(is_json ? walk : text, is_json ? sizeof walk - 1 : n - 1, is_json ? text : "1", &first);
    if (first != AC_ERR_LIMIT) {
        char *b =
            render(is_json ? walk : text, is_json ? sizeof walk - 1 : n - 1, is_json ? text : "1", &second);
        if (first != second || (a && strcmp(a, b))) abort();
        ac__free(b);
    }
    ac__free(a);
    free(text);
    return 0;
}
