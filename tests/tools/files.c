/* synth and quantize as a program uses them: files that run, the same bytes for any number of threads, and
 * nothing left behind when something goes wrong. */
#include <math.h>

#include "../loader/gguf_write.h"
#include "alloc.h"
#include "encode.h"
#include "folder.h"
#include "synth.h"

static ac_tool_settings with_threads(unsigned threads) {
    ac_tool_settings s;
    ac_tool_defaults(&s);
    s.threads = threads;
    return s;
}

static void synth(const char *name, const char *shape, const char *type) {
    ac_error err = {0};
    ac_tool_settings s = with_threads(2);
    CHECK_OK(ac_synth_write(in_folder(name), shape, type, &s, &err));
}

static void refused(ac_status want, ac_status have, const ac_error *err, const char *word) {
    CHECK(have == want, "want %s, have %s: %s", ac_status_name(want), ac_status_name(have), err->detail);
    CHECK(strstr(err->detail, word), "want \"%s\" in \"%s\"", word, err->detail);
}

/* ---- What comes out ---- */

/* Logits of the last of a few tokens; free them. */
static float *logits_of(const char *name, uint32_t *vocab) {
    static const int32_t ids[] = {1, 259, 300, 77, 45, 401, 3, 350};
    ac_error err = {0};
    ac_model *m;
    ac_session *s;
    ac_session_settings set;
    ac_model_info info;
    ac_model_settings how;
    ac_model_defaults(&how);
    how.threads = 1;
    CHECK_OK(ac_model_open(in_folder(name), &how, &m, &err));
    ac_model_describe(m, &info);
    ac_session_defaults(&set);
    set.context = 64;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    CHECK_OK(ac_session_feed(s, ids, sizeof ids / sizeof *ids, &err));
    float *out = malloc(info.vocab * sizeof *out);
    CHECK(out, "memory");
    memcpy(out, ac_session_logits(s, 0), info.vocab * sizeof *out);
    *vocab = info.vocab;
    ac_session_close(&s);
    ac_model_close(&m);
    return out;
}

/* Every shape that is small, every mix: it runs, and its logits are neither wild nor flat. */
static void all_run(void) {
    static const char *const shapes[] = {"tiny-llama", "tiny-llama3", "tiny-qwen2", "tiny-qwen3"};
    ac_mix mix;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        for (size_t i = 0; ac_mix_at(i, &mix); i++) {
            if (k > 0 && strcmp(mix.name, "Q4_K_M") && strcmp(mix.name, "F32")) continue;
            uint32_t vocab;
            synth("m.gguf", shapes[k], mix.name);
            float *l = logits_of("m.gguf", &vocab);
            double sum = 0;
            for (uint32_t v = 0; v < vocab; v++) sum += (double)l[v] * (double)l[v];
            double rms = sqrt(sum / vocab);
            CHECK(rms > 0.3 && rms < 3, "%s %s: logits of size %g", shapes[k], mix.name, rms);
            free(l);
        }
    }
    folder_empty();
}

/* Weights of every type lie about 0 and have the size asked for: a mean would outweigh all else in long
 * rows. */
static void weights_are_even(void) {
    enum { ROWS = 256, COLS = 1024 };
    uint8_t *row = ac__malloc(ac_type_row_bytes(AC_TYPE_F32, COLS));
    float *x = ac__array(COLS, sizeof *x);
    CHECK(row && x, "memory");
    for (int t = 0; t < AC_TYPE_COUNT; t++) {
        double sum = 0, squares = 0, n = (double)ROWS * COLS;
        for (uint64_t r = 0; r < ROWS; r++) {
            ac__synth_row(row, (ac_type)t, COLS, 0.125f, r * 0xD1342543DE82EF95ull);
            ac__decode((ac_type)t, row, COLS, x);
            for (int i = 0; i < COLS; i++) {
                sum += (double)x[i];
                squares += (double)x[i] * (double)x[i];
            }
        }
        double size = sqrt(squares / n), away = fabs(sum) / (size * sqrt(n));
        const char *name = ac_type_describe((ac_type)t)->name;
        CHECK(size > 0.08 && size < 0.17, "%s: weights of size %g, want 0.125", name, size);
        CHECK(away < 5, "%s: the mean is %.1f standard errors away from 0", name, away);
    }
    ac__free(row);
    ac__free(x);
}

/* Random text is cut into tokens and put together again. */
static void vocabulary(void) {
    static const char text[] = "the quick brown fox, 123 \xc3\xa9\xe2\x82\xac!";
    ac_error err = {0};
    ac_model *m;
    ac_model_settings how;
    int32_t ids[64];
    size_t n, bytes;
    char back[128];
    synth("m.gguf", "tiny-llama3", "Q8_0");
    ac_model_defaults(&how);
    how.vocab_only = true;
    CHECK_OK(ac_model_open(in_folder("m.gguf"), &how, &m, &err));
    CHECK_OK(ac_tokenize(m, text, strlen(text), AC_TOK_BOS, ids, 64, &n, &err));
    CHECK(n > 8 && n < 40 && ids[0] == 1, "%zu tokens", n);
    size_t at = 0;
    for (size_t i = 1; i < n; i++) {
        const char *p;
        CHECK_OK(ac_token_bytes(m, ids[i], false, &p, &bytes, &err));
        CHECK(at + bytes < sizeof back, "length");
        memcpy(back + at, p, bytes);
        at += bytes;
    }
    CHECK(at == strlen(text) + 1 && !memcmp(back + 1, text, at - 1), "%.*s", (int)at, back);
    ac_model_close(&m);
    folder_empty();
}

static void same_for_threads(void) {
    ac_error err = {0};
    for (unsigned t = 1; t <= 4; t++) {
        ac_tool_settings s = with_threads(t);
        CHECK_OK(ac_synth_write(in_folder("s.gguf"), "tiny-llama3", "F32", &s, &err));
        CHECK_OK(ac_quantize_file(in_folder("s.gguf"), in_folder("q.gguf"), "Q4_K_M", &s, &err));
        if (t == 1) {
            CHECK(!rename(in_folder("s.gguf"), in_folder("s1.gguf")), "rename");
            CHECK(!rename(in_folder("q.gguf"), in_folder("q1.gguf")), "rename");
            continue;
        }
        same_files(in_folder("s.gguf"), in_folder("s1.gguf"));
        same_files(in_folder("q.gguf"), in_folder("q1.gguf"));
    }
    size_t n, m;
    ac_tool_settings s = with_threads(0);
    s.seed = 1;
    CHECK_OK(ac_synth_write(in_folder("s.gguf"), "tiny-llama3", "F32", &s, &err));
    uint8_t *a = file_read(in_folder("s.gguf"), &n), *b = file_read(in_folder("s1.gguf"), &m);
    CHECK(n == m, "sizes");
    size_t same = 0;
    for (size_t i = n / 2; i < n; i++) same += a[i] == b[i];
    CHECK(same < n / 2 / 8, "another seed gives nearly the same weights");
    free(a);
    free(b);
    folder_empty();
}

/* More bits, less loss. */
static void losses(void) {
    static const struct {
        const char *type;
        double most;
    } list[] = {{"F16", 1e-5},    {"BF16", 1e-3},   {"Q8_0", 1e-3}, {"Q6_K", 4e-3},
                {"Q5_K_M", 2e-2}, {"Q4_K_M", 5e-2}, {"Q2_K", 0.6}};
    ac_error err = {0};
    uint32_t vocab;
    synth("f.gguf", "tiny-llama3", "F32");
    float *want = logits_of("f.gguf", &vocab);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        CHECK_OK(ac_quantize_file(in_folder("f.gguf"), in_folder("q.gguf"), list[i].type, NULL, &err));
        float *have = logits_of("q.gguf", &vocab);
        double wrong = 0, all = 0;
        for (uint32_t v = 0; v < vocab; v++) {
            wrong += pow((double)have[v] - (double)want[v], 2);
            all += pow((double)want[v], 2);
        }
        CHECK(wrong / all < list[i].most, "%s: %g of the logits lost, want at most %g", list[i].type,
              wrong / all, list[i].most);
        free(have);
    }
    free(want);
    folder_empty();
}

/* ---- The rules ---- */

static void expect_type(const ac_gguf *g, const char *name, const char *type) {
    const ac_gguf_tensor *t = ac_gguf_tensor_find(g, name);
    CHECK(t, "%s", name);
    CHECK(!strcmp(ac_type_describe(t->type)->name, type), "%s: want %s, have %s", name, type,
          ac_type_describe(t->type)->name);
}

/* As llama.cpp's quantiser types these shapes. */
static void rules(void) {
    static const struct {
        const char *shape, *mix, *embd, *v0, *v2, *down0, *down3, *o, *q, *norm;
        uint32_t file_type;
    } rows[] = {
        {"tiny-llama3", "Q4_K_M", "q6_k", "q4_k", "q6_k", "q4_k", "q6_k", "q4_k", "q4_k", "f32", 15},
        {"tiny-llama3", "Q4_K_S", "q6_k", "q5_k", "q5_k", "q4_k", "q4_k", "q4_k", "q4_k", "f32", 14},
        {"tiny-llama3", "Q3_K_M", "q6_k", "q5_k", "q4_k", "q4_k", "q4_k", "q4_k", "q3_k", "f32", 12},
        {"tiny-llama3", "Q3_K_L", "q6_k", "q5_k", "q5_k", "q5_k", "q5_k", "q5_k", "q3_k", "f32", 13},
        {"tiny-llama3", "Q2_K", "q6_k", "q4_k", "q4_k", "q3_k", "q3_k", "q3_k", "q2_k", "f32", 10},
        {"tiny-llama3", "IQ4_XS", "q6_k", "q5_k", "q5_k", "iq4_xs", "iq4_xs", "iq4_xs", "iq4_xs", "f32", 30},
        {"tiny-llama3", "Q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "q8_0", "f32", 7},
        {"tiny-llama3", "F16", "f16", "f16", "f16", "f16", "f16", "f16", "f16", "f32", 1},
        {"tiny-llama3", "q4_k", "q6_k", "q4_k", "q6_k", "q4_k", "q6_k", "q4_k", "q4_k", "f32", 15},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ac_error err = {0};
        ac_gguf *g;
        uint32_t type;
        synth("m.gguf", rows[i].shape, rows[i].mix);
        CHECK_OK(ac_gguf_open(in_folder("m.gguf"), &g, &err));
        expect_type(g, "token_embd.weight", rows[i].embd);
        expect_type(g, "blk.0.attn_v.weight", rows[i].v0);
        expect_type(g, "blk.2.attn_v.weight", rows[i].v2);
        expect_type(g, "blk.0.ffn_down.weight", rows[i].down0);
        expect_type(g, "blk.3.ffn_down.weight", rows[i].down3);
        expect_type(g, "blk.1.attn_output.weight", rows[i].o);
        expect_type(g, "blk.1.attn_q.weight", rows[i].q);
        expect_type(g, "blk.1.attn_norm.weight", rows[i].norm);
        CHECK(!ac_gguf_u32(g, "general.file_type", &type, &err) && type == rows[i].file_type, "%s",
              rows[i].mix);
        ac_gguf_close(&g);
    }
    folder_empty();
}

static ac_type type_by(const char *mix, const char *name, uint64_t cols, const ac__mix_model *m, bool pure) {
    ac_error err = {0};
    const uint64_t dim[4] = {cols, 64, 1, 1};
    ac__mix_tensor t[2] = {{{name, strlen(name)}, 2, dim, AC_TYPE_F32, AC_TYPE_COUNT},
                           {{"output.weight", 13}, 2, dim, AC_TYPE_F32, AC_TYPE_COUNT}};
    CHECK_OK(ac__mix_types(ac__mix_find(mix), pure, m, t, 2, &err));
    return t[0].want;
}

/* Rows that no block fits, models with experts, names that say nothing. */
static void odd_rules(void) {
    static const struct {
        const char *mix, *name;
        uint64_t cols;
        uint32_t layers, experts;
        bool pure;
        ac_type want;
    } rows[] = {
        {"Q4_K_M", "blk.0.attn_q.weight", 896, 24, 0, false, AC_TYPE_Q5_0},
        {"Q5_K_M", "blk.0.attn_q.weight", 896, 24, 0, false, AC_TYPE_Q5_1},
        {"Q6_K", "blk.0.attn_q.weight", 896, 24, 0, false, AC_TYPE_Q8_0},
        {"Q2_K", "blk.0.attn_q.weight", 896, 24, 0, false, AC_TYPE_Q4_0},
        {"IQ4_XS", "blk.0.attn_q.weight", 896, 24, 0, false, AC_TYPE_IQ4_NL},
        {"Q4_K_M", "blk.0.attn_q.weight", 50, 24, 0, false, AC_TYPE_F16},
        {"Q8_0", "blk.0.attn_q.weight", 50, 24, 0, false, AC_TYPE_F16},
        {"F16", "blk.0.attn_q.weight", 50, 24, 0, false, AC_TYPE_F16},
        {"Q4_K_M", "output.weight", 896, 24, 0, false, AC_TYPE_Q8_0},
        {"Q4_K_M", "output.weight", 1024, 24, 0, false, AC_TYPE_Q6_K},
        {"Q4_K_M", "output.weight", 1024, 24, 0, true, AC_TYPE_Q4_K},
        {"Q4_K_M", "token_embd.weight", 1024, 24, 0, false, AC_TYPE_Q4_K},
        {"Q4_K_M", "blk.0.attn_v.weight", 1024, 24, 8, false, AC_TYPE_Q8_0},
        {"Q4_K_M", "blk.0.attn_output.weight", 1024, 24, 8, false, AC_TYPE_Q5_K},
        {"Q4_K_M", "blk.23.ffn_down_exps.weight", 1024, 24, 8, false, AC_TYPE_Q6_K},
        {"Q4_K_M", "blk.5.ffn_down_exps.weight", 1024, 24, 8, false, AC_TYPE_Q6_K},
        {"Q4_K_M", "blk.6.ffn_down_exps.weight", 1024, 24, 8, false, AC_TYPE_Q4_K},
        {"Q4_K_M", "blk.0.attn_v.weight", 8192, 80, 0, false, AC_TYPE_Q6_K},
        {"IQ4_XS", "blk.0.attn_v.weight", 8192, 80, 0, false, AC_TYPE_Q5_K},
        {"Q2_K", "blk.0.attn_v.weight", 8192, 80, 0, false, AC_TYPE_Q5_K},
        {"Q3_K_S", "blk.0.attn_v.weight", 8192, 80, 0, false, AC_TYPE_Q5_K},
        {"Q4_K_M", "blk.0.ffn_gate_inp.weight", 1024, 24, 8, false, AC_TYPE_F32},
        {"Q4_K_M", "blk.0.attn_norm.weight", 1024, 24, 0, false, AC_TYPE_F32},
        {"Q4_K_M", "blk.0.attn_q.bias", 1024, 24, 0, false, AC_TYPE_F32},
        {"Q4_K_M", "weight", 1024, 24, 0, false, AC_TYPE_Q4_K},
        {"Q4_K_M", "w", 1024, 24, 0, false, AC_TYPE_F32},
        {"Q4_K_M", "", 1024, 0, 0, false, AC_TYPE_F32},
        {"MXFP4_MOE", "blk.0.attn_q.weight", 1024, 24, 8, false, AC_TYPE_Q8_0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const ac__mix_model m = {"llama", rows[i].layers, 32, 8, rows[i].experts};
        ac_type have = type_by(rows[i].mix, rows[i].name, rows[i].cols, &m, rows[i].pure);
        CHECK(have == rows[i].want, "%zu: %s %s [%d]: want %s, have %s", i, rows[i].mix, rows[i].name,
              (int)rows[i].cols, ac_type_describe(rows[i].want)->name, ac_type_describe(have)->name);
    }
}

/* The 70-billion shapes, told by architecture, layers and heads, have better values. */
static void large_rules(void) {
    static const struct {
        ac__mix_model model;
        ac_type want;
    } rows[] = {
        {{"llama", 80, 64, 8, 0}, AC_TYPE_Q5_K},  {{"llama", 80, 64, 64, 0}, AC_TYPE_Q3_K},
        {{"llama", 32, 64, 8, 0}, AC_TYPE_Q3_K},  {{"qwen2", 80, 64, 8, 0}, AC_TYPE_Q5_K},
        {{"qwen2", 80, 64, 64, 0}, AC_TYPE_Q5_K}, {{"qwen2", 64, 64, 8, 0}, AC_TYPE_Q3_K},
        {{"qwen3", 80, 64, 8, 0}, AC_TYPE_Q3_K},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ac_type have = type_by("Q3_K_S", "blk.5.attn_v.weight", 8192, &rows[i].model, false);
        CHECK(have == rows[i].want, "%s, %u layers, %u of %u heads: want %s, have %s", rows[i].model.arch,
              rows[i].model.layers, rows[i].model.kv_heads, rows[i].model.heads,
              ac_type_describe(rows[i].want)->name, ac_type_describe(have)->name);
    }
}

/* ---- What else a file has stays ---- */

static void all_else_stays(void) {
    ac_error err = {0};
    gw w = {0};
    ac_gguf *a, *b;
    gw_model(&w, 3, 64);
    file_write(in_folder("in.gguf"), w.p, w.n);
    CHECK_OK(ac_quantize_file(in_folder("in.gguf"), in_folder("out.gguf"), "Q4_0", NULL, &err));
    CHECK_OK(ac_gguf_open(in_folder("in.gguf"), &a, &err));
    CHECK_OK(ac_gguf_open(in_folder("out.gguf"), &b, &err));
    CHECK(ac_gguf_kv_count(b) == ac_gguf_kv_count(a) + 2, "entries");
    for (size_t i = 0; i < ac_gguf_kv_count(a); i++) {
        char key[64];
        const ac_kv *x = ac_gguf_kv_at(a, i), *y;
        snprintf(key, sizeof key, "%.*s", (int)x->key.n, x->key.p);
        y = ac_gguf_find(b, key);
        CHECK(y && x->type == y->type && x->elem == y->elem && x->bytes == y->bytes &&
                  !memcmp(x->data, y->data, x->bytes),
              "%s", key);
    }
    for (size_t i = 0; i < ac_gguf_tensor_count(a); i++) { /* named "t.q4_0" and so on: no rule is for them */
        const ac_gguf_tensor *x = ac_gguf_tensor_at(a, i), *y = ac_gguf_tensor_at(b, i);
        CHECK(x->type == y->type && !memcmp(x->data, y->data, x->bytes), "%s", x->label);
    }
    ac_gguf_close(&a);
    ac_gguf_close(&b);
    gw_free(&w);
    folder_empty();
}

/* A split model becomes one file; a file may be written over itself. */
static void split_and_in_place(void) {
    const char *source = getenv("AC_SOURCE");
    ac_error err = {0};
    char path[1024];
    if (source) {
        ac_gguf *g;
        snprintf(path, sizeof path, "%s/tests/loader/data/split-00002-of-00003.gguf", source);
        CHECK_OK(ac_quantize_file(path, in_folder("one.gguf"), "F16", NULL, &err));
        CHECK_OK(ac_gguf_open(in_folder("one.gguf"), &g, &err));
        CHECK(ac_gguf_parts(g) == 1 && !ac_gguf_find(g, "split.count"), "still split");
        ac_gguf_close(&g);
    }
    synth("a.gguf", "tiny-llama", "F32");
    CHECK_OK(ac_quantize_file(in_folder("a.gguf"), in_folder("b.gguf"), "Q5_K_M", NULL, &err));
    CHECK_OK(ac_quantize_file(in_folder("a.gguf"), in_folder("a.gguf"), "Q5_K_M", NULL, &err));
    same_files(in_folder("a.gguf"), in_folder("b.gguf"));
    folder_empty();
}

/* ---- Refusals and failures ---- */

static void refusals(void) {
    ac_error err = {0};
    ac_tool_settings s = with_threads(1);
    refused(AC_ERR_ARGUMENT, ac_synth_write(in_folder("x"), "llama-9b", "Q4_0", NULL, &err), &err,
            "llama-8b");
    refused(AC_ERR_ARGUMENT, ac_synth_write(in_folder("x"), "tiny-llama", "Q4_7", NULL, &err), &err,
            "Q4_K_M");
    refused(AC_ERR_ARGUMENT, ac_quantize_file("a", "b", "", NULL, &err), &err, "type: want one of");
    refused(AC_ERR_IO, ac_quantize_file(in_folder("none.gguf"), in_folder("x"), "Q4_0", NULL, &err), &err,
            "none.gguf");
    refused(AC_ERR_IO, ac_synth_write(in_folder("no/x"), "tiny-llama", "Q4_0", NULL, &err), &err,
            "cannot create");
    synth("q.gguf", "tiny-llama", "Q8_0");
    refused(AC_ERR_UNSUPPORTED, ac_quantize_file(in_folder("q.gguf"), in_folder("x"), "Q4_0", NULL, &err),
            &err, "token_embd.weight is q8_0 already");
    CHECK(folder_count() == 1, "something was left behind");
    s.requantize = true;
    CHECK_OK(ac_quantize_file(in_folder("q.gguf"), in_folder("x"), "Q4_0", &s, &err));
    CHECK_OK(ac_quantize_file(in_folder("q.gguf"), in_folder("y"), "F32", NULL,
                              &err)); /* taking out of blocks loses nothing */
    folder_empty();
}

static void no_numbers(void) {
    ac_error err = {0};
    ac_gguf *g;
    size_t n;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    synth("f.gguf", "tiny-llama", "F32");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_OK(ac_gguf_open(in_folder("f.gguf"), &g, &err));
        const ac_gguf_tensor *t = ac_gguf_tensor_find(g, "blk.1.ffn_up.weight");
        size_t at = (size_t)t->offset + 4 * 12345;
        ac_gguf_close(&g);
        uint8_t *p = file_read(in_folder("f.gguf"), &n);
        memcpy(p + at, &bad[i], 4);
        memcpy(p + at + 4 * 9000, &bad[i], 4); /* the first is told, whichever thread finds which */
        file_write(in_folder("bad.gguf"), p, n);
        free(p);
        refused(AC_ERR_UNSUPPORTED,
                ac_quantize_file(in_folder("bad.gguf"), in_folder("x"), "Q4_0", NULL, &err), &err,
                "blk.1.ffn_up.weight: element 12345");
        CHECK(folder_count() == 2, "something was left behind");
    }
    folder_empty();
}

static bool stop(void *user, uint64_t done, uint64_t all) {
    CHECK(done <= all, "%d of %d", (int)done, (int)all);
    return --*(int *)user > 0;
}

static void cancelled(void) {
    ac_error err = {0};
    synth("f.gguf", "tiny-llama", "F32");
    for (int after = 1; after < 8; after += 3) {
        ac_tool_settings s = with_threads(2);
        int left = after;
        s.progress = stop;
        s.progress_user = &left;
        refused(AC_ERR_CANCELLED, ac_synth_write(in_folder("x"), "tiny-llama", "Q4_0", &s, &err), &err,
                "stopped");
        left = after;
        refused(AC_ERR_CANCELLED, ac_quantize_file(in_folder("f.gguf"), in_folder("x"), "Q4_0", &s, &err),
                &err, "stopped");
        CHECK(folder_count() == 1, "something was left behind");
    }
    folder_empty();
}

static void no_memory(void) {
    ac_error err = {0};
    ac_tool_settings s = with_threads(1);
    synth("f.gguf", "tiny-llama", "F32");
    for (int quantize = 0; quantize < 2; quantize++) {
        ac_status status = AC_ERR_MEMORY;
        for (long i = 0; status != AC_OK; i++) {
            ac__alloc_fail_after(i);
            status = quantize ? ac_quantize_file(in_folder("f.gguf"), in_folder("x"), "Q4_0", &s, &err)
                              : ac_synth_write(in_folder("x"), "tiny-llama", "Q4_0", &s, &err);
            ac__alloc_fail_after(-1);
            CHECK(status == AC_OK || status == AC_ERR_MEMORY, "allocation %ld: %s: %s", i,
                  ac_status_name(status), err.detail);
            CHECK(folder_count() == (status == AC_OK ? 2 : 1), "allocation %ld: something was left behind",
                  i);
            CHECK(i < 1000, "no end");
        }
        remove(in_folder("x"));
    }
    folder_empty();
}

int main(void) {
    folder_make();
    weights_are_even();
    all_run();
    vocabulary();
    same_for_threads();
    losses();
    rules();
    odd_rules();
    large_rules();
    all_else_stays();
    split_and_in_place();
    refusals();
    no_numbers();
    cancelled();
    no_memory();
    return 0;
}
