/* fp.c - a host with other floating-point settings: every public function that computes gives the same bytes,
 * raises no trap and leaves the settings, flags included, as they were. */
#include <fenv.h>
#include <unistd.h>

#include <anychip/anychip.h>

#include "check.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* ---- Settings of the host -------------------------------------------------------------------- */

typedef struct setting {
    const char *name;
    int rounding;
    bool flush, traps;
} setting;

static const setting settings[] = {
    {"up", FE_UPWARD, false, false},          {"down", FE_DOWNWARD, false, false},
    {"to zero", FE_TOWARDZERO, false, false}, {"flushing", FE_TONEAREST, true, false},
    {"trapping", FE_TONEAREST, false, true},  {"all of it", FE_DOWNWARD, true, true},
};

/* Everything that can be seen of them: control and flags. */
typedef struct seen {
    uint64_t word[3];
} seen;

static seen look(void) {
    seen s = {{0}};
#if defined(__x86_64__)
    uint16_t control, status;
    __asm__ volatile("fnstcw %0\n\tfnstsw %1" : "=m"(control), "=m"(status));
    s = (seen){{_mm_getcsr(), control, status}};
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(s.word[0]), "=r"(s.word[1]));
#else
    s.word[0] = (uint64_t)fegetround();
#endif
    return s;
}

static void set(const setting *to) {
    fesetenv(FE_DFL_ENV);
    fesetround(to->rounding);
#if defined(__x86_64__)
    if (to->flush) _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    if (to->flush) fpcr |= 7u << 24; /* flush to zero, default NaN, the other half precision */
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#endif
    if (to->traps) feenableexcept(FE_ALL_EXCEPT); /* not on every Arm */
}

/* ---- What is computed ------------------------------------------------------------------------ */

static ac_error err;
static const char *now;
static uint8_t *bytes; /* what all functions gave, one after the other */
static size_t n_bytes;

static void keep(const void *p, size_t n) {
    bytes = realloc(bytes, n_bytes + n + 1);
    if (!bytes) exit(1);
    memcpy(bytes + n_bytes, p, n);
    n_bytes += n;
}

/* A call that must succeed and leave the settings alone. */
#define KEPT(call)                                                                                           \
    do {                                                                                                     \
        seen before = look();                                                                                \
        ac_status status = (call);                                                                           \
        seen after = look();                                                                                 \
        fesetenv(FE_DFL_ENV);                                                                                \
        CHECK(!status, "%s: %s: %s", now, #call, err.detail);                                                \
        CHECK(!memcmp(&before, &after, sizeof before), "%s: %s leaves other settings: %llx %llx %llx", now,  \
              #call, (unsigned long long)after.word[0], (unsigned long long)after.word[1],                   \
              (unsigned long long)after.word[2]);                                                            \
        set(host);                                                                                           \
    } while (0)

static void path(char out[256], const char *end) {
    snprintf(out, 256, "%s/anychip-fp-%d%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid(), end);
}

static void keep_file(const char *name) {
    uint8_t part[65536];
    size_t n;
    FILE *f = fopen(name, "rb");
    CHECK(f, "%s", name);
    while ((n = fread(part, 1, sizeof part, f)) > 0) keep(part, n);
    fclose(f);
    unlink(name);
}

/* Samples with everything a sampler has, from the logits of a session. */
static void sample(const setting *host, ac_model *m, ac_session *s) {
    ac_sampler *sampler;
    ac_sampler_settings set_to;
    ac_model_info info;
    int32_t id;
    ac_sampler_defaults(&set_to);
    set_to.temperature = 0.7f, set_to.top_k = 200, set_to.top_p = 0.95f, set_to.min_p = 0.001f;
    set_to.repeat_penalty = 1.1f, set_to.frequency_penalty = 0.3f, set_to.presence_penalty = 0.1f;
    KEPT(ac_sampler_open(m, &set_to, &sampler, &err));
    ac_model_describe(m, &info);
    for (int i = 0; i < 24; i++) {
        KEPT(ac_sampler_next(sampler, ac_session_logits(s, 0), &id, &err));
        keep(&id, sizeof id);
        KEPT(ac_session_feed(s, &id, 1, &err));
        keep(ac_session_logits(s, 0), info.vocab * sizeof(float));
    }
    ac_sampler_close(&sampler);
}

static bool add_text(void *user, const char *text) {
    (void)user;
    keep(text, strlen(text));
    return true;
}

static void generate(const setting *host, const char *file) {
    static const char text[] = "Once upon a time there was a small  robot, 17 years old. ";
    const ac_chat_message messages[] = {{"user", "What is 3 plus 4?"}};
    ac_model *m;
    ac_model_settings open;
    ac_session *s;
    ac_digest *d;
    int32_t ids[256];
    size_t n;
    char *prompt, hex[33];
    ac_model_defaults(&open);
    open.threads = 3;
    open.device = getenv("AC_DEVICE");
    KEPT(ac_model_open(file, &open, &m, &err));
    KEPT(ac_tokenize(m, text, strlen(text), AC_TOK_BOS, ids, 256, &n, &err));
    keep(ids, n * sizeof *ids);
    KEPT(ac_chat_format(m, messages, 1, true, &prompt, &err));
    keep(prompt, strlen(prompt));
    ac_free(prompt);
    KEPT(ac_session_open(m, NULL, &s, &err));
    KEPT(ac_session_feed(s, ids, n, &err));
    KEPT(ac_digest_open(m, &d, &err));
    sample(host, m, s);
    ac_digest_logits(d, ac_session_logits(s, 0), 100);
    ac_digest_hex(d, hex);
    keep(hex, 32);
    ac_digest_close(&d);
    KEPT(ac_model_reopen(m, &open, &err));
    sample(host, m, s);
    ac_session_close(&s);
    KEPT(ac_generate(m, "A cat", 20, NULL, add_text, NULL, &err));
    ac_model_close(&m);
}

/* Numbers of a file's metadata. */
static void inspect(const setting *host, const char *file) {
    ac_inspect *in;
    ac_inspect_entry e;
    ac_inspect_value v;
    KEPT(ac_inspect_open(file, &in, &err));
    for (size_t i = 0; ac_inspect_entry_at(in, i, &e); i++)
        for (size_t at = 0; at < 100 && ac_inspect_next(in, i, &at, &v);)
            if (v.kind == AC_VALUE_FLOAT) keep(&v.f, sizeof v.f);
    ac_inspect_close(&in);
}

static void tools(const setting *host, const char *shape) {
    static const char *const types[] = {"Q4_K_M", "Q8_0", "Q5_1", "IQ4_NL", "MXFP4"};
    char from[256], to[256];
    path(from, "-from.gguf"), path(to, "-to.gguf");
    KEPT(ac_synth_write(from, shape, "F16", NULL, &err));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        KEPT(ac_quantize_file(from, to, types[i], NULL, &err));
        keep_file(to);
    }
    keep_file(from);
}

static void devices(const setting *host) {
    ac_device list[16];
    size_t n;
    KEPT(ac_devices_list(list, 16, &n, true, &err));
    for (size_t i = 0; i < n && i < 16; i++) keep(&list[i].usable, sizeof list[i].usable);
}

static void everything(const setting *host, const char *file, const char *shape) {
    n_bytes = 0;
    now = host->name;
    set(host);
    generate(host, file);
    inspect(host, file);
    tools(host, shape);
    devices(host);
    fesetenv(FE_DFL_ENV);
}

int main(int argc, char **argv) {
    static const setting plain = {"plain", FE_TONEAREST, false, false};
    const char *file = argc > 1 ? argv[1] : NULL, *shape = argc > 2 ? argv[2] : "tiny-llama";
    CHECK(file, "usage: test_host_fp MODEL [SHAPE]");
    ac_model *m;
    ac_model_settings open;
    ac_model_defaults(&open);
    open.device = getenv("AC_DEVICE");
    if (open.device && ac_model_open(file, &open, &m, &err)) {
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    if (open.device) ac_model_close(&m);
    everything(&plain, file, shape);
    uint8_t *want = bytes;
    size_t n = n_bytes;
    bytes = NULL;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        everything(&settings[i], file, shape);
        CHECK(n_bytes == n, "%s: %zu bytes, want %zu", settings[i].name, n_bytes, n);
        for (size_t k = 0; k < n; k++)
            CHECK(bytes[k] == want[k], "%s: byte %zu of %zu differs", settings[i].name, k, n);
    }
    printf("%zu bytes, the same under %zu settings\n", n, sizeof settings / sizeof *settings);
    free(want), free(bytes);
    return 0;
}
