/* Odd little vocabularies and what another implementation makes of random texts with them (make_synth.py). */
#include "support.h"

int main(void) {
    bytes data = read_data("synth.txt"), text = {0};
    opened o = {0};
    idlist ids = {0};
    unsigned n = 0, flags = 0, vocabs = 0, texts = 0;
    for (const char *p = data.p; *p; p += strcspn(p, "\n") + 1) {
        if (sscanf(p, "vocab %u %u", &n, &flags) == 2) {
            char name[32];
            snprintf(name, sizeof name, "synth-%u.gguf", n);
            if (o.t) close_vocab(&o);
            o = open_bytes(read_data(name));
            vocabs++;
            continue;
        }
        parse_text(&p, &text);
        uint32_t want = (uint32_t)strtoul(p, NULL, 16);
        encode(o.t, text.p, text.n, flags, &ids);
        if (digest(&ids) != want) {
            printf("vocabulary %u, flags %u, %s, '%s':", n, flags, ac_tokenizer_name(o.t), text.p);
            for (size_t i = 0; i < ids.n; i++) printf(" %d", ids.id[i]);
            printf("\n");
            return 1;
        }
        texts++;
    }
    CHECK(vocabs >= 32 && texts >= 3200, "%u vocabularies, %u texts", vocabs, texts);
    close_vocab(&o);
    free(ids.id);
    free(text.p);
    free(data.p);
    return 0;
}
