/* place.c - which layers go to which device, and bringing them there. */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "registry.h"
#include "tuning.h"

typedef struct placement {
    char name[16];
    uint32_t index;
} placement;

static ac_status parse_devices(const char *list, placement *out, uint32_t *n, ac_error *err) {
    *n = 0;
    for (const char *p = list;; p++) {
        size_t length = strcspn(p, ",");
        if (*n == AC_MAX_STAGES)
            return ac_fail(err, AC_ERR_LIMIT, "device \"%.64s\": more than %d devices", list, AC_MAX_STAGES);
        AC_TRY(ac_registry_parse(p, length, out[*n].name, &out[*n].index, err));
        (*n)++;
        p += length;
        if (!*p) return AC_OK;
    }
}

void ac__cache_dir(const char *given, char *out, size_t cap) {
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    out[0] = 0;
    if (given)
        snprintf(out, cap, "%s", given);
    else if (xdg && xdg[0] == '/')
        snprintf(out, cap, "%s/anychip", xdg);
    else if (home && home[0] == '/')
        snprintf(out, cap, "%s/.cache/anychip", home);
}

static ac_status open_device(ac_stage *s, const placement *where, const ac_model_settings *settings,
                             const char *cache_dir, ac_error *err) {
    char mask[2048];
    ac_tuning_user tuning = {cache_dir, where->name, settings->log, settings->log_user};
    AC_TRY(ac_registry_get(where->name, &s->backend, err));
    AC_TRY(ac_registry_mask(settings->device_mask, where->name, mask, sizeof mask, err));
    bool cpu = !strcmp(where->name, "cpu");
    if (cpu)
        snprintf(s->id, sizeof s->id, "cpu");
    else
        snprintf(s->id, sizeof s->id, "%.15s:%u", where->name, where->index % 1000000u);
    ac_open_settings how = {.index = where->index,
                            .threads = settings->threads,
                            .mask = cpu ? settings->cpu_isa : mask,
                            .force = settings->force_device,
                            .cache_dir = cache_dir,
                            .log = settings->log,
                            .log_user = settings->log_user,
                            .tuning = cache_dir ? ac__tuning_words : NULL,
                            .tuning_user = &tuning};
    s->opener = getpid();
    return s->backend->open(&how, &s->dev, err);
}

/* ---- Sharing layers out ---- */

/* What the parts of a model take on a device, in bytes. */
typedef struct needs {
    uint64_t *layer; /* [layers]: weights and cache */
    uint64_t embd, scratch;
} needs;

/* What a session with default settings has beside weights: cache per layer; buffers of a run and RoPE table.
 */
static void session_needs(const ac_hparams *h, uint32_t context, uint64_t *cache, uint64_t *scratch) {
    enum { BATCH = 512, DEFAULT_CONTEXT = 4096 };
    if (!context) context = h->context < DEFAULT_CONTEXT ? h->context : DEFAULT_CONTEXT;
    uint64_t rows = context < BATCH ? context : BATCH, q = (uint64_t)h->heads * h->head_dim;
    *cache = ac_kv_layout_of(h->kv_heads, h->head_dim).page_bytes * ((context + AC_PAGE - 1) / AC_PAGE);
    *scratch = rows * sizeof(float) * (3ull * h->dim + 3 * q + 3ull * h->ffn) +
               (uint64_t)context * h->rope.rot * sizeof(float);
}

static ac_status measure_needs(const ac_model *m, uint32_t context, needs *n, ac_error *err) {
    uint64_t cache;
    *n = (needs){.layer = ac__array(m->hp.layers, sizeof *n->layer)};
    if (!n->layer) return ac_fail(err, AC_ERR_MEMORY, "%u layers", m->hp.layers);
    session_needs(&m->hp, context, &cache, &n->scratch);
    for (uint32_t l = 0; l < m->hp.layers; l++) n->layer[l] = cache;
    for (size_t i = 0; i < ac_gguf_tensor_count(m->file); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(m->file, i);
        if (!strcmp(t->label, "token_embd.weight")) n->embd = t->bytes;
        if (strncmp(t->label, "blk.", 4) != 0) continue;
        unsigned long l = strtoul(t->label + 4, NULL, 10);
        if (l < m->hp.layers) n->layer[l] += t->bytes;
    }
    return AC_OK;
}

#define MIB(bytes) ((double)(bytes) / 1048576.0)

/* As many layers from `at` on as fit in 90 % of the device's free memory, at most `most`; an even share when
 * that memory is not known. */
static ac_status fill_device(const ac_model *m, const ac_stage *s, const needs *n, uint32_t at, uint32_t most,
                             uint32_t even, uint32_t *take, ac_error *err) {
    ac_device_info info = {0};
    s->backend->describe(s->dev, &info);
    *take = even;
    if (!info.memory_free) return AC_OK;
    uint64_t room = info.memory_free / 10 * 9, used = n->scratch + (s->embeds ? n->embd : 0);
    uint32_t l = at;
    while (l < at + most && used + n->layer[l] <= room) used += n->layer[l++];
    *take = l - at;
    if (*take) return AC_OK;
    return ac_fail(err, AC_ERR_DEVICE_MEMORY,
                   "%s (%s): want %.1f MiB for one layer of %u with its cache, have %.1f MiB, nine tenths of "
                   "what is free; leave this device out",
                   s->id, info.name, MIB(used + n->layer[at]), m->hp.layers, MIB(room));
}

/* Devices are filled in the order given; the last one takes what is left, and every one gets a layer. */
static ac_status share_layers(ac_model *m, uint32_t context, ac_error *err) {
    needs n;
    uint32_t at = 0;
    ac_status status = measure_needs(m, context, &n, err);
    for (uint32_t i = 0; i < m->n_stages && status == AC_OK; i++) {
        ac_stage *s = &m->stages[i];
        uint32_t left = m->hp.layers - at, later = m->n_stages - i - 1, take = left;
        s->embeds = i == 0;
        s->heads = later == 0;
        if (later) status = fill_device(m, s, &n, at, left - later, left / (later + 1), &take, err);
        s->first = at;
        s->last = at += take;
    }
    ac__free(n.layer);
    return status;
}

/* ---- Loading ---- */

typedef struct load_progress {
    const ac_model_settings *settings;
    uint64_t before, all;
} load_progress;

static bool on_progress(void *user, uint64_t done, uint64_t all) {
    load_progress *p = user;
    (void)all;
    return !p->settings->progress ||
           p->settings->progress(p->settings->progress_user, p->before + done, p->all);
}

static uint64_t stage_bytes(const ac_stage *s) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->n_weights; i++) bytes += s->weights[i].bytes;
    return bytes;
}

static ac_status load_stages(ac_model *m, const ac_model_settings *settings, ac_error *err) {
    load_progress p = {.settings = settings};
    for (uint32_t i = 0; i < m->n_stages; i++) {
        AC_TRY(ac_gguf_blame(m->file, ac__stage_weights(m, &m->stages[i], err), err));
        p.all += stage_bytes(&m->stages[i]);
    }
    ac_gguf_prefetch(m->file); /* the system reads ahead while pages are taken one after the other */
    for (uint32_t i = 0; i < m->n_stages; i++) {
        ac_stage *s = &m->stages[i];
        AC_TRY(s->backend->load(s->dev, s->weights, s->n_weights, on_progress, &p, &s->on_device, err));
        p.before += stage_bytes(s);
    }
    return AC_OK;
}

static void log_shares(const ac_model *m, const ac_model_settings *settings) {
    char text[96];
    for (uint32_t i = 0; settings->log && m->n_stages > 1 && i < m->n_stages; i++) {
        const ac_stage *s = &m->stages[i];
        snprintf(text, sizeof text, "%s: layers %u to %u of %u", s->id, s->first, s->last - 1, m->hp.layers);
        settings->log(settings->log_user, 2, text);
    }
}

ac_status ac__place(ac_model *m, const ac_model_settings *settings, ac_error *err) {
    placement where[AC_MAX_STAGES];
    uint32_t n;
    AC_TRY(parse_devices(settings->device ? settings->device : "cpu", where, &n, err));
    if (n > m->hp.layers)
        return ac_fail(err, AC_ERR_ARGUMENT, "device: %u devices for %u layers", n, m->hp.layers);
    char cache_dir[4096];
    ac__cache_dir(settings->cache_dir, cache_dir, sizeof cache_dir);
    for (uint32_t i = 0; i < n; i++) {
        pthread_mutex_init(&m->stages[i].lock, NULL);
        m->n_stages = i + 1;
        AC_TRY(open_device(&m->stages[i], &where[i], settings, cache_dir[0] ? cache_dir : NULL, err));
        ac_device_info info = {0};
        m->stages[i].backend->describe(m->stages[i].dev, &info);
        size_t used = strlen(m->info.device);
        snprintf(m->info.device + used, sizeof m->info.device - used, "%s%s: %s", i ? "; " : "",
                 where[i].name, info.name);
    }
    AC_TRY(share_layers(m, settings->split_context, err));
    log_shares(m, settings);
    return load_stages(m, settings, err);
}
