/* Distance from float64: NMSE of our logits against the oracle's on real files, no worse than llama.cpp's on
 * the same file and tokens (figures of models/expected.json); float32 files within 1e-6. Skips without
 * ../shared. */
#include "support.h"

#include <math.h>

static const struct {
    const char *model;
    double limit;
} rows[] = {
    {"stories260K-F32", 1e-6},    {"arch-llama3-F32", 1e-6},      {"arch-qwen2-F32", 1e-6},
    {"arch-qwen3-F32", 1e-6},     {"stories256-F16", 1.93e-7},    {"stories256-Q8_0", 7.24e-5},
    {"stories256-Q6_K", 1.76e-4}, {"stories256-Q4_K_M", 1.54e-4}, {"stories256-Q4_0", 8.21e-5},
};

typedef struct reference {
    int32_t n, vocab;
    int32_t *ids;
    float *logits;
} reference;

static reference read_reference(const char *path) {
    reference r = {0};
    FILE *f = fopen(path, "rb");
    CHECK(f && fread(&r.n, 4, 1, f) == 1 && fread(&r.vocab, 4, 1, f) == 1, "%s", path);
    size_t all = (size_t)r.n * (size_t)r.vocab;
    r.ids = malloc((size_t)r.n * 4);
    r.logits = malloc(all * 4);
    CHECK(r.ids && r.logits, "memory");
    CHECK(fread(r.ids, 4, (size_t)r.n, f) == (size_t)r.n && fread(r.logits, 4, all, f) == all, "%s is short",
          path);
    fclose(f);
    return r;
}

/* |a - b|^2 / |a|^2 */
static double nmse_of(const float *a, const float *b, size_t n) {
    double num = 0, den = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        num += d * d;
        den += (double)a[i] * (double)a[i];
    }
    return num / den;
}

static double measure(const char *model_path, const char *ref_path) {
    way w = {0};
    reference r = read_reference(ref_path);
    source from = {model_path, NULL, 0};
    ac_model *m = open_model(&from, &w);
    CHECK(vocab_of(m) == (uint32_t)r.vocab, "vocabulary");
    ac_session *s = open_session(m, (uint32_t)r.n, 1, 0, (uint32_t)r.n);
    size_t all = (size_t)r.n * (size_t)r.vocab;
    float *mine = malloc(all * sizeof *mine);
    CHECK(mine, "memory");
    feed(s, 0, r.ids, (size_t)r.n, (uint32_t)r.vocab, mine);
    double nmse = nmse_of(r.logits, mine, all);
    free(mine);
    free(r.ids);
    free(r.logits);
    ac_session_close(&s);
    ac_model_close(&m);
    return nmse;
}

int main(void) {
    char name[256], model[4096];
    int done = 0, bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(name, sizeof name, "models/%s.gguf", rows[i].model);
        const char *path = check_shared(name);
        if (!path) continue;
        snprintf(model, sizeof model, "%s", path);
        snprintf(name, sizeof name, "models/%s.ref.bin", rows[i].model);
        path = check_shared(name);
        CHECK(path, "%s", name);
        double nmse = measure(model, path);
        printf("%-20s nmse %.3g, limit %.3g%s\n", rows[i].model, nmse, rows[i].limit,
               nmse <= rows[i].limit ? "" : "  TOO FAR");
        done++;
        bad += !(nmse <= rows[i].limit);
    }
    if (!done) {
        printf("skipped: ../shared/models is not there\n");
        return AC_SKIP;
    }
    return bad != 0;
}
