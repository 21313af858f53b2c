/* digest.c - the identity of a result: docs/numerics.md, section 9. */
#include "model.h"

#include <string.h>
#include <xxhash.h>

#include <anychip/backend.h>

#include "alloc.h"

struct ac_digest {
    XXH3_state_t *state;
};

ac_status ac_digest_open(const ac_model *model, ac_digest **out, ac_error *err) {
    *out = NULL;
    ac_digest *d = ac__calloc(1, sizeof *d);
    XXH3_state_t *state = XXH3_createState();
    if (!d || !state) {
        ac__free(d);
        XXH3_freeState(state);
        return ac_fail(err, AC_ERR_MEMORY, "digest");
    }
    d->state = state;
    XXH3_128bits_reset(state);
    uint32_t version = AC_SPEC_VERSION;
    uint8_t hash[16];
    ac_gguf_header_hash(ac__model_gguf(model), hash);
    XXH3_128bits_update(state, &version, sizeof version);
    XXH3_128bits_update(state, hash, sizeof hash);
    *out = d;
    return AC_OK;
}

void ac_digest_tokens(ac_digest *d, const int32_t *ids, size_t n) {
    uint32_t count = (uint32_t)n;
    XXH3_128bits_update(d->state, &count, sizeof count);
    XXH3_128bits_update(d->state, ids, n * sizeof *ids);
}

void ac_digest_logits(ac_digest *d, const float *logits, size_t n) {
    uint32_t part[1024];
    for (size_t done = 0; done < n;) {
        size_t now = n - done < 1024 ? n - done : 1024;
        memcpy(part, logits + done, now * sizeof *part);
        for (size_t i = 0; i < now; i++)
            if (part[i] == 0x80000000u) part[i] = 0;
        XXH3_128bits_update(d->state, part, now * sizeof *part);
        done += now;
    }
}

void ac_digest_hex(const ac_digest *d, char out[33]) {
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(d->state));
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digits[c.digest[i] >> 4];
        out[2 * i + 1] = digits[c.digest[i] & 15];
    }
    out[32] = 0;
}

void ac_digest_close(ac_digest **d) {
    if (!d || !*d) return;
    XXH3_freeState((*d)->state);
    ac__free(*d);
    *d = NULL;
}
