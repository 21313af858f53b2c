/* tune.c - finding the numbers a device is fastest with: one after the other, on two made-up layers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "exact.h"
#include "place.h"
#include "plan.h"
#include "registry.h"
#include "rope.h"
#include "tuning.h"

enum {
    DIM = 2048,
    HEADS = 32,
    KV_HEADS = 8,
    HEAD_DIM = 64,
    FFN = 8192,
    VOCAB = 16384,
    LAYERS = 2,
    POSITIONS = 512,
    MANY = 64,    /* rows of a prompt */
    AFTER = 300,  /* position of the single row */
    MATRICES = 7, /* of a layer */
    WEIGHTS = LAYERS * (MATRICES + 2) + 2
};

/* A model that no file holds. */
typedef struct made {
    ac_model model;
    ac_stage *stage;
    uint8_t *data;
    uint64_t bytes;
    float *rope;
    ac_plan_const rope_const;
    ac_built_plan built;
} made;

typedef struct timing {
    uint64_t one, many;
} timing;

typedef struct tuner {
    const ac_tune_settings *set;
    ac_tune_result *out;
    const ac_backend *backend;
    char name[16], mask[1024], cache_dir[4096], chosen[AC_TUNING_WORDS];
    char stored[AC_TUNING_WORDS]; /* found before, when only some numbers are tried: the others stay */
    uint32_t index;
    made m;
    float *want, *have; /* logits of both runs: [2][VOCAB] */
    timing base, best;
    uint32_t done, all; /* steps */
    bool known;         /* `want` is there */
} tuner;

/* ---- The model ---- */

static const struct {
    ac_type type[LAYERS];
    uint32_t rows, cols;
    size_t slot;
} matrices[MATRICES] = {
#define SLOT(field) offsetof(ac_layer_weights, field)
    {{AC_TYPE_Q4_K, AC_TYPE_Q8_0}, HEADS *HEAD_DIM, DIM, SLOT(q)},
    {{AC_TYPE_Q4_K, AC_TYPE_Q8_0}, KV_HEADS *HEAD_DIM, DIM, SLOT(k)},
    {{AC_TYPE_Q6_K, AC_TYPE_Q8_0}, KV_HEADS *HEAD_DIM, DIM, SLOT(v)},
    {{AC_TYPE_Q4_K, AC_TYPE_Q8_0}, DIM, HEADS *HEAD_DIM, SLOT(o)},
    {{AC_TYPE_Q4_K, AC_TYPE_Q8_0}, FFN, DIM, SLOT(gate)},
    {{AC_TYPE_Q4_K, AC_TYPE_Q8_0}, FFN, DIM, SLOT(up)},
    {{AC_TYPE_Q6_K, AC_TYPE_Q8_0}, DIM, FFN, SLOT(down)},
};

static uint32_t add(made *m, ac_type type, uint32_t rows, uint32_t cols) {
    ac_weight *w = &m->stage->weights[m->stage->n_weights];
    *w = (ac_weight){.name = "made up", .type = type, .rows = rows, .cols = cols};
    w->bytes = ac_type_row_bytes(type, cols) * (uint64_t)rows;
    w->map_bytes = m->bytes; /* its place, for now */
    m->bytes += (w->bytes + 255) / 256 * 256;
    return m->stage->n_weights++;
}

static void list_weights(made *m) {
    ac_stage *s = m->stage;
    for (uint32_t l = 0; l < LAYERS; l++) {
        ac_layer_weights *w = &s->layers[l];
        memset(w, 0xff, sizeof *w); /* AC_NONE everywhere */
        w->attn_norm = add(m, AC_TYPE_F32, 1, DIM);
        w->ffn_norm = add(m, AC_TYPE_F32, 1, DIM);
        for (size_t i = 0; i < MATRICES; i++)
            *(uint32_t *)(void *)((char *)w + matrices[i].slot) =
                add(m, matrices[i].type[l], matrices[i].rows, matrices[i].cols);
    }
    s->output_norm = add(m, AC_TYPE_F32, 1, DIM);
    s->embd = s->output = add(m, AC_TYPE_Q6_K, VOCAB, DIM);
    m->bytes = (m->bytes + 4095) / 4096 * 4096;
}

/* Any bytes are blocks; these have small positive scales. Norms are 1. */
static void fill_weights(made *m) {
    uint64_t state = 1, *words = (uint64_t *)(void *)m->data;
    for (uint64_t i = 0; i < m->bytes / 8; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        words[i] = (state ^ state >> 29) & 0x1f7f1f7f1f7f1f7fu;
    }
    for (uint32_t i = 0; i < m->stage->n_weights; i++) {
        ac_weight *w = &m->stage->weights[i];
        w->data = m->data + w->map_bytes;
        w->map = m->data;
        w->map_bytes = m->bytes;
        float *f = (float *)(void *)(m->data + ((const uint8_t *)w->data - m->data));
        for (uint64_t k = 0; w->type == AC_TYPE_F32 && k < w->cols; k++) f[k] = 1.0f;
    }
}

static ac_status make_model(made *m, ac_error *err) {
    static const ac_arch arch = {"made up", false, false};
    m->model.hp = (ac_hparams){.arch = &arch,
                               .vocab = VOCAB,
                               .dim = DIM,
                               .layers = LAYERS,
                               .heads = HEADS,
                               .kv_heads = KV_HEADS,
                               .head_dim = HEAD_DIM,
                               .ffn = FFN,
                               .context = POSITIONS,
                               .max_context = POSITIONS,
                               .eps = 1e-5f,
                               .rope = {.rot = HEAD_DIM, .base = 10000, .factor = 1}};
    m->stage = &m->model.stages[0];
    *m->stage = (ac_stage){.last = LAYERS, .embeds = true, .heads = true};
    m->stage->weights = ac__array(WEIGHTS, sizeof *m->stage->weights);
    m->stage->layers = ac__array(LAYERS, sizeof *m->stage->layers);
    m->rope = ac__array(POSITIONS * HEAD_DIM, sizeof *m->rope);
    if (!m->stage->weights || !m->stage->layers || !m->rope) return ac_fail(err, AC_ERR_MEMORY, "tuning");
    list_weights(m);
    void *data = NULL;
    if (posix_memalign(&data, 4096, m->bytes) != 0)
        return ac_fail(err, AC_ERR_MEMORY, "tuning: %llu bytes", (unsigned long long)m->bytes);
    m->data = data;
    fill_weights(m);
    ac_rope_fill(&m->model.hp.rope, POSITIONS, m->rope);
    m->rope_const = (ac_plan_const){"rope", m->rope, POSITIONS * HEAD_DIM * sizeof *m->rope};
    ac_plan_settings plan = {MANY, 1, 1, POSITIONS / AC_PAGE, &m->rope_const};
    return ac__plan_build(&m->model, m->stage, &plan, &m->built, err);
}

static void drop_model(made *m) {
    ac__plan_free(&m->built);
    if (m->stage) ac__stage_free(m->stage);
    ac__free(m->rope);
    free(m->data);
}

/* ---- One measurement ---- */

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The least time of several runs of `rows` rows from position `first` on; logits of the last row. */
static ac_status time_rows(const tuner *t, ac_prog *prog, uint32_t rows, uint32_t first, uint64_t *least,
                           float *logits, ac_error *err) {
    enum { MOST = 50, LEAST = 4 };
    int32_t token[MANY], pos[MANY], seq[MANY] = {0}, out_row = (int32_t)rows - 1;
    static const int32_t pages[POSITIONS / AC_PAGE] = {0, 1};
    for (uint32_t i = 0; i < rows; i++) token[i] = (int32_t)(i * 97 + 5), pos[i] = (int32_t)(first + i);
    ac_run run = {.n_rows = rows,
                  .n_out = 1,
                  .token = token,
                  .pos = pos,
                  .seq = seq,
                  .slot = pos,
                  .out_row = &out_row,
                  .pages = pages,
                  .n_pages_used = (first + rows - 1) / AC_PAGE + 1};
    uint64_t begin = now();
    *least = UINT64_MAX;
    for (int i = 0; i < MOST && (i < LEAST || now() - begin < 300000000u); i++) {
        uint64_t start = now();
        AC_TRY(t->backend->run(prog, &run, err));
        AC_TRY(t->backend->wait(prog, err));
        uint64_t took = now() - start;
        if (took < *least) *least = took;
    }
    return t->backend->read(prog, t->m.built.out, 0, logits, VOCAB * sizeof *logits, err);
}

static ac_status time_device(tuner *t, ac_dev *dev, timing *out, ac_error *err) {
    const ac_backend *b = t->backend;
    ac_weights *weights = NULL;
    ac_kv_mem *kv = NULL;
    ac_prog *prog = NULL;
    ac_status status = b->load(dev, t->m.stage->weights, t->m.stage->n_weights, NULL, NULL, &weights, err);
    if (status == AC_OK)
        status = b->kv_create(dev, LAYERS, POSITIONS / AC_PAGE, KV_HEADS, HEAD_DIM, &kv, err);
    if (status == AC_OK) status = b->prepare(dev, weights, kv, &t->m.built.plan, &prog, err);
    if (status == AC_OK) status = time_rows(t, prog, MANY, 0, &out->many, t->have + VOCAB, err);
    if (status == AC_OK) status = time_rows(t, prog, 1, AFTER, &out->one, t->have, err);
    if (prog) b->release(prog);
    if (kv) b->kv_destroy(kv);
    if (weights) b->unload(weights);
    return status;
}

/* ac_open_settings.tuning */
static bool stored_words(void *user, const ac_device_info *device, char *words, size_t cap) {
    const tuner *t = user;
    (void)device;
    return snprintf(words, cap, "%s", t->stored) < (int)cap;
}

/* Opens the device with the numbers chosen so far and, when `name` is given, one more. */
static ac_status open_with(tuner *t, const char *name, uint32_t value, ac_dev **dev, ac_error *err) {
    char mask[sizeof t->mask + sizeof t->chosen + 64], more[64] = "";
    if (name) snprintf(more, sizeof more, "%.40s=%u", name, value);
    snprintf(mask, sizeof mask, "%s%s%s%s%s", t->mask, *t->mask && *t->chosen ? "," : "", t->chosen,
             (*t->mask || *t->chosen) && *more ? "," : "", more);
    ac_open_settings how = {.index = t->index,
                            .mask = mask,
                            .force = t->set->force_device,
                            .cache_dir = *t->cache_dir ? t->cache_dir : NULL,
                            .log = t->set->log,
                            .log_user = t->set->log_user,
                            .tuning = stored_words,
                            .tuning_user = t};
    return t->backend->open(&how, dev, err);
}

static ac_status measure(tuner *t, const char *name, uint32_t value, timing *out, ac_error *err) {
    ac_dev *dev;
    AC_TRY(open_with(t, name, value, &dev, err));
    ac_status status = time_device(t, dev, out, err);
    t->backend->close(dev);
    AC_TRY(status);
    size_t bytes = 2 * VOCAB * sizeof *t->want;
    if (!t->known) memcpy(t->want, t->have, bytes);
    t->known = true;
    if (memcmp(t->want, t->have, bytes) != 0)
        return ac_fail(err, AC_ERR_WITNESS, "tuning: %s=%u changes results: please report it", name, value);
    return AC_OK;
}

static ac_status tell(const tuner *t, const char *name, uint32_t value, timing took, bool kept,
                      ac_error *err) {
    ac_tune_step step = {
        name, value, took.one, took.many, kept, t->done, t->all > t->done ? t->all : t->done};
    if (!t->set->step || t->set->step(t->set->step_user, &step)) return AC_OK;
    return ac_fail(err, AC_ERR_CANCELLED, "tuning was cancelled");
}

/* ---- All of them ---- */

/* Both kinds of run count the same, as parts of what they took at first. */
static double score(const tuner *t, timing took) {
    return (double)took.one / (double)t->base.one + (double)took.many / (double)t->base.many;
}

static bool wanted(const tuner *t, const char *name) {
    size_t n = strlen(name);
    const char *p = t->set->only;
    if (!p) return true;
    for (; (p = strstr(p, name)) != NULL; p += n)
        if ((p == t->set->only || p[-1] == ',') && (p[n] == ',' || p[n] == 0)) return true;
    return false;
}

/* Whether a list of words "name=value" has this name. */
static bool has_name(const char *words, const char *name, size_t n) {
    for (const char *p = words; *p; p += strcspn(p, ","), p += *p == ',')
        if (!strncmp(p, name, n) && p[n] == '=') return true;
    return false;
}

/* The words to store: those chosen, and those of before that say nothing about the same numbers. */
static ac_status all_words(const tuner *t, char out[AC_TUNING_WORDS], ac_error *err) {
    size_t used = (size_t)snprintf(out, AC_TUNING_WORDS, "%s", t->chosen);
    for (const char *p = t->stored; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        if (!has_name(t->chosen, p, strcspn(p, "=,"))) {
            if (used + n + 2 > AC_TUNING_WORDS) return ac_fail(err, AC_ERR_LIMIT, "tuning: too many numbers");
            used +=
                (size_t)snprintf(out + used, AC_TUNING_WORDS - used, "%s%.*s", used ? "," : "", (int)n, p);
        }
        p += n;
    }
    return AC_OK;
}

/* The i-th number wanted, with the ones chosen so far set. */
static ac_status tunable_at(tuner *t, uint32_t i, ac_tunable *out, bool *there, ac_error *err) {
    ac_dev *dev;
    AC_TRY(open_with(t, NULL, 0, &dev, err));
    *there = false;
    for (uint32_t k = 0; t->backend->tunable(dev, k, out); k++) {
        if (!wanted(t, out->name) || i-- > 0) continue;
        *there = true;
        break;
    }
    t->backend->close(dev);
    return AC_OK;
}

static ac_status choose(tuner *t, const char *name, uint32_t value, ac_error *err) {
    size_t used = strlen(t->chosen);
    int n = snprintf(t->chosen + used, sizeof t->chosen - used, "%s%s=%u", used ? "," : "", name, value);
    if (n > 0 && used + (size_t)n < sizeof t->chosen) return AC_OK;
    t->chosen[used] = 0;
    return ac_fail(err, AC_ERR_LIMIT, "tuning: too many numbers");
}

static bool faster(const tuner *t, timing a, timing b) {
    return score(t, a) < 0.98 * score(t, b); /* clocks are not that exact */
}

static ac_status measure_again(tuner *t, const char *name, uint32_t value, timing *least, ac_error *err) {
    timing took;
    AC_TRY(measure(t, name, value, &took, err));
    if (took.one < least->one) least->one = took.one;
    if (took.many < least->many) least->many = took.many;
    return AC_OK;
}

/* Whether `value` is faster than `old` in turns, too: it may have had a quiet minute, or the old one a busy
 * one. *took becomes the least times. */
static ac_status confirm(tuner *t, const char *name, uint32_t old, uint32_t value, timing *took, bool *kept,
                         ac_error *err) {
    enum { TURNS = 2 };
    for (int i = 0; i < TURNS; i++) {
        AC_TRY(measure_again(t, name, old, &t->best, err));
        AC_TRY(measure_again(t, name, value, took, err));
    }
    *kept = faster(t, *took, t->best);
    return AC_OK;
}

static ac_status try_number(tuner *t, const ac_tunable *n, ac_error *err) {
    uint32_t best = n->value;
    for (uint32_t c = 0; c < n->n_choices; c++) {
        timing took;
        if (n->choices[c] == n->value) continue;
        AC_TRY(measure(t, n->name, n->choices[c], &took, err));
        t->done++;
        bool kept = faster(t, took, t->best);
        if (kept) AC_TRY(confirm(t, n->name, best, n->choices[c], &took, &kept, err));
        if (kept) t->best = took, best = n->choices[c];
        AC_TRY(tell(t, n->name, n->choices[c], took, kept, err));
    }
    return best == n->value ? AC_OK : choose(t, n->name, best, err);
}

static ac_status count_trials(tuner *t, ac_error *err) {
    ac_tunable n;
    bool there = true;
    t->all = 1;
    for (uint32_t i = 0; there; i++) {
        AC_TRY(tunable_at(t, i, &n, &there, err));
        for (uint32_t c = 0; there && c < n.n_choices; c++) t->all += n.choices[c] != n.value;
        if (!there && i == 0)
            return ac_fail(err, AC_ERR_ARGUMENT, "tuning: no number of this device is called \"%.60s\"",
                           t->set->only ? t->set->only : "");
    }
    return AC_OK;
}

static ac_status try_all(tuner *t, ac_error *err) {
    ac_tunable n;
    bool there = true;
    AC_TRY(count_trials(t, err));
    AC_TRY(measure(t, NULL, 0, &t->base, err));
    t->best = t->base;
    t->done = 1;
    AC_TRY(tell(t, NULL, 0, t->base, true, err));
    for (uint32_t i = 0; there; i++) {
        AC_TRY(tunable_at(t, i, &n, &there, err));
        if (there) AC_TRY(try_number(t, &n, err));
    }
    return AC_OK;
}

static ac_status start(tuner *t, ac_error *err) {
    const char *device = t->set->device ? t->set->device : "cpu";
    ac_device_info info = {0};
    ac_dev *dev;
    if (strchr(device, ','))
        return ac_fail(err, AC_ERR_ARGUMENT, "tuning: want one device, have \"%.64s\"", device);
    AC_TRY(ac_registry_parse(device, strlen(device), t->name, &t->index, err));
    AC_TRY(ac_registry_get(t->name, &t->backend, err));
    if (!t->backend->tunable) return ac_fail(err, AC_ERR_UNSUPPORTED, "%s: there is nothing to tune", device);
    AC_TRY(ac_registry_mask(t->set->device_mask, t->name, t->mask, sizeof t->mask, err));
    ac__cache_dir(t->set->cache_dir, t->cache_dir, sizeof t->cache_dir);
    AC_TRY(open_with(t, NULL, 0, &dev, err));
    t->backend->describe(dev, &info);
    t->backend->close(dev);
    memcpy(t->out->device, info.name, sizeof info.name);
    memcpy(t->out->driver, info.driver, sizeof info.driver);
    if (!*t->mask && *t->cache_dir) {
        ac_tuning_user from = {t->cache_dir, t->name, t->set->log, t->set->log_user};
        AC_TRY(ac__tuning_writable(t->cache_dir, t->name, &info, err));
        if (t->set->only && !ac__tuning_words(&from, &info, t->stored, sizeof t->stored)) t->stored[0] = 0;
    }
    t->want = ac__array(2 * VOCAB, sizeof *t->want);
    t->have = ac__array(2 * VOCAB, sizeof *t->have);
    return t->want && t->have ? make_model(&t->m, err) : ac_fail(err, AC_ERR_MEMORY, "tuning");
}

static ac_status finish(tuner *t, ac_error *err) {
    ac_tune_result *r = t->out;
    ac_device_info info = {0};
    AC_TRY(all_words(t, r->words, err));
    const timing *before = *t->chosen ? &t->base : &t->best; /* the same numbers, measured again */
    r->before_one_ns = before->one, r->before_many_ns = before->many;
    r->one_ns = t->best.one, r->many_ns = t->best.many;
    r->measurements = t->done;
    if (*t->mask || !*t->cache_dir) return AC_OK;
    memcpy(info.name, r->device, sizeof info.name);
    memcpy(info.driver, r->driver, sizeof info.driver);
    return ac__tuning_write(t->cache_dir, t->name, &info, r->words, r->path, sizeof r->path, err);
}

void ac_tune_defaults(ac_tune_settings *s) {
    memset(s, 0, sizeof *s);
    s->size = sizeof *s;
}

ac_status ac_tune(const ac_tune_settings *settings, ac_tune_result *out, ac_error *err) {
    AC_FP_SCOPE;
    memset(out, 0, sizeof *out);
    if (settings->size != sizeof *settings)
        return ac_fail(err, AC_ERR_ARGUMENT, "settings: not from ac_tune_defaults of this version");
    tuner *t = ac__calloc(1, sizeof *t);
    if (!t) return ac_fail(err, AC_ERR_MEMORY, "tuning");
    t->set = settings, t->out = out;
    ac_status status = start(t, err);
    if (status == AC_OK) status = try_all(t, err);
    if (status == AC_OK) status = finish(t, err);
    drop_model(&t->m);
    ac__free(t->want);
    ac__free(t->have);
    ac__free(t);
    return status;
}
