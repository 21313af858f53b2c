/* model.c - opening a model: file, tokenizer, placement of layers on devices. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "exact.h"
#include "place.h"
#include "sampler.h"
#include "session.h"

#define AC_TEXT_OF(x) #x
#define AC_TEXT(x) AC_TEXT_OF(x)

const char *ac_version(void) {
    return AC_TEXT(AC_VERSION_MAJOR) "." AC_TEXT(AC_VERSION_MINOR) "." AC_TEXT(AC_VERSION_PATCH);
}
unsigned ac_spec_version(void) {
    return AC_SPEC_VERSION;
}
void ac_free(void *p) {
    ac__free(p);
}
const ac_gguf *ac__model_gguf(const ac_model *model) {
    return model->file;
}

void ac_model_defaults(ac_model_settings *s) {
    memset(s, 0, sizeof *s);
    s->size = sizeof *s;
}

/* ---- Devices ---- */

static void close_stages(ac_model *m) {
    for (uint32_t i = 0; i < m->n_stages; i++) {
        ac_stage *s = &m->stages[i];
        bool here = ac__stage_here(s);
        if (here && s->on_device) s->backend->unload(s->on_device);
        if (here && s->dev) s->backend->close(s->dev);
        pthread_mutex_destroy(&s->lock);
        ac__stage_free(s);
        memset(s, 0, sizeof *s);
    }
    for (uint32_t i = 0; i < m->n_converted; i++) ac__free(m->converted[i]);
    ac__free(m->converted);
    m->converted = NULL;
    m->n_stages = m->n_converted = 0;
    m->info.device[0] = 0;
}

bool ac__stage_here(const ac_stage *s) {
    return !s->dev || !strcmp(s->backend->name, "cpu") || s->opener == getpid();
}

ac_status ac__model_ready(const ac_model *m, ac_error *err) {
    if (!m->n_stages)
        return ac_fail(err, AC_ERR_DEVICE_LOST, "the model is on no device since ac_model_reopen failed");
    for (uint32_t i = 0; i < m->n_stages; i++)
        if (!ac__stage_here(&m->stages[i]))
            return ac_fail(
                err, AC_ERR_DEVICE_LOST,
                "%s was opened by process %ld, and drivers do not survive a fork: ac_model_reopen to the "
                "CPU, or a model of its own for each process",
                m->stages[i].id, (long)m->stages[i].opener);
    return AC_OK;
}

ac_status ac_model_reopen(ac_model *m, const ac_model_settings *settings, ac_error *err) {
    AC_FP_SCOPE;
    ac_model_settings defaults;
    ac_model_defaults(&defaults);
    if (!settings) settings = &defaults;
    if (settings->size != sizeof *settings)
        return ac_fail(err, AC_ERR_ARGUMENT, "settings: not from ac_model_defaults of this version");
    if (settings->vocab_only || !m->hp.arch)
        return ac_fail(err, AC_ERR_ARGUMENT, "ac_model_reopen: vocab_only has no device");
    pthread_rwlock_wrlock(&m->devices);
    for (ac_session *s = m->sessions; s; s = s->next) ac__session_release(s);
    close_stages(m);
    ac_status status = ac__place(m, settings, err);
    if (status != AC_OK) close_stages(m);
    pthread_rwlock_unlock(&m->devices);
    return status;
}

/* ---- Facts ---- */

static void copy_printable(char *out, size_t cap, ac_str s) {
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80) n--; /* not in the middle of a character */
    for (size_t i = 0; i < n; i++) out[i] = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i];
    out[n] = 0;
}

static void count_tensors(const ac_gguf *g, ac_model_info *info) {
    uint64_t bytes[AC_TYPE_COUNT] = {0};
    for (size_t i = 0; i < ac_gguf_tensor_count(g); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        bytes[t->type] += t->bytes;
        info->parameters += t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
    }
    ac_type most = AC_TYPE_F32;
    for (unsigned i = 0; i < AC_TYPE_COUNT; i++)
        if (bytes[i] > bytes[most]) most = (ac_type)i;
    snprintf(info->file_type, sizeof info->file_type, "%s", ac_type_describe(most)->name);
}

static void fill_info(ac_model *m) {
    ac_model_info *info = &m->info;
    ac_str s;
    if (ac_gguf_string(m->file, "general.architecture", &s, NULL) == AC_OK)
        copy_printable(info->architecture, sizeof info->architecture, s);
    if (ac_gguf_string(m->file, "general.name", &s, NULL) == AC_OK)
        copy_printable(info->name, sizeof info->name, s);
    info->file_bytes = ac_gguf_bytes(m->file);
    count_tensors(m->file, info);
    const ac_hparams *h = &m->hp;
    info->vocab = m->hp.arch ? h->vocab : m->tokenizer ? ac_tokenizer_size(m->tokenizer) : 0;
    info->dim = h->dim, info->layers = h->layers, info->heads = h->heads, info->kv_heads = h->kv_heads;
    info->head_dim = h->head_dim, info->ffn = h->ffn, info->context = h->context;
    snprintf(info->tokenizer, sizeof info->tokenizer, "%s",
             m->tokenizer ? ac_tokenizer_name(m->tokenizer) : "none");
    info->has_chat_template = m->chat_template != NULL;
    info->bos = m->tokenizer ? ac_tokenizer_bos(m->tokenizer) : -1;
    info->eos = m->tokenizer ? ac_tokenizer_eos(m->tokenizer) : -1;
    ac_gguf_header_hash(m->file, info->header_hash);
}

void ac_model_describe(const ac_model *model, ac_model_info *out) {
    pthread_rwlock_t *devices = &((ac_model *)model)->devices; /* ac_model_reopen changes info.device */
    pthread_rwlock_rdlock(devices);
    *out = model->info;
    pthread_rwlock_unlock(devices);
}

/* ---- Open and close ---- */

static ac_status read_chat_template(ac_model *m, ac_error *err) {
    ac_str s;
    if (!ac_gguf_find(m->file, "tokenizer.chat_template")) return AC_OK;
    AC_TRY(ac_gguf_string(m->file, "tokenizer.chat_template", &s, err));
    m->chat_template = ac__strndup(s.p, s.n);
    m->chat_template_bytes = s.n;
    return m->chat_template ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "tokenizer.chat_template: %zu bytes", s.n);
}

/* A file without tokenizer is fine for those who bring token ids. */
static bool has_tokenizer(const ac_gguf *g) {
    ac_str s;
    if (!ac_gguf_find(g, "tokenizer.ggml.model")) return false;
    if (ac_gguf_string(g, "tokenizer.ggml.model", &s, NULL) != AC_OK) return true; /* to be refused */
    return !(s.n == 4 && !memcmp(s.p, "none", 4)) && !(s.n == 8 && !memcmp(s.p, "no_vocab", 8));
}

static ac_status read_tokenizer(ac_model *m, const ac_model_settings *settings, ac_error *err) {
    if (!has_tokenizer(m->file)) return AC_OK;
    AC_TRY(ac_tokenizer_open(m->file, &m->tokenizer, err));
    const char *warning = ac_tokenizer_warning(m->tokenizer);
    if (warning && settings->log) settings->log(settings->log_user, 1, warning);
    return read_chat_template(m, err);
}

/* A vocabulary may be padded in the weights, but a token without a row of weights cannot be fed. */
static ac_status check_vocab(const ac_model *m, ac_error *err) {
    uint32_t tokens = m->tokenizer ? ac_tokenizer_size(m->tokenizer) : 0;
    if (tokens > m->hp.vocab)
        return ac_fail(err, AC_ERR_FORMAT,
                       "token_embd.weight: %u rows for the %u tokens of tokenizer.ggml.tokens", m->hp.vocab,
                       tokens);
    return AC_OK;
}

static ac_status read_file(ac_model *m, const ac_model_settings *settings, ac_error *err) {
    if (settings->vocab_only) return read_tokenizer(m, settings, err);
    AC_TRY(ac_hparams_read(m->file, &m->hp, err));
    AC_TRY(ac__check_unused(m, err));
    AC_TRY(read_tokenizer(m, settings, err));
    return check_vocab(m, err);
}

static ac_status open_file(ac_model *m, const ac_model_settings *settings, ac_error *err) {
    AC_TRY(ac_gguf_blame(m->file, read_file(m, settings, err), err));
    fill_info(m);
    return settings->vocab_only ? AC_OK : ac__place(m, settings, err);
}

static ac_status open_with(ac_gguf *file, const ac_model_settings *settings, ac_model **out, ac_error *err) {
    AC_FP_SCOPE;
    ac_model_settings defaults;
    ac_model_defaults(&defaults);
    if (!settings) settings = &defaults;
    ac_model *m = ac__calloc(1, sizeof *m);
    if (!m) {
        ac_gguf_close(&file);
        return ac_fail(err, AC_ERR_MEMORY, "model");
    }
    m->file = file;
    pthread_rwlock_init(&m->devices, NULL);
    pthread_mutex_init(&m->list, NULL);
    ac_status status =
        settings->size == sizeof *settings
            ? open_file(m, settings, err)
            : ac_fail(err, AC_ERR_ARGUMENT, "settings: not from ac_model_defaults of this version");
    if (status != AC_OK) {
        ac_model_close(&m);
        return status;
    }
    *out = m;
    return AC_OK;
}

ac_status ac_model_open(const char *path, const ac_model_settings *settings, ac_model **out, ac_error *err) {
    ac_gguf *file = NULL;
    *out = NULL;
    AC_TRY(ac_gguf_open(path, &file, err));
    return open_with(file, settings, out, err);
}

ac_status ac_model_open_memory(const void *data, size_t bytes, const ac_model_settings *settings,
                               ac_model **out, ac_error *err) {
    ac_gguf *file = NULL;
    *out = NULL;
    AC_TRY(ac_gguf_open_memory(data, bytes, &file, err));
    return open_with(file, settings, out, err);
}

void ac_model_close(ac_model **model) {
    if (!model || !*model) return;
    ac_model *m = *model;
    close_stages(m);
    pthread_rwlock_destroy(&m->devices);
    pthread_mutex_destroy(&m->list);
    ac__free(m->chat_template);
    ac_tokenizer_close(&m->tokenizer);
    ac_gguf_close(&m->file);
    ac__free(m);
    *model = NULL;
}

/* ---- Tokenizer and sampler behind the public names ---- */

static ac_status need_tokenizer(const ac_model *m, ac_error *err) {
    return m->tokenizer ? AC_OK
                        : ac_fail(err, AC_ERR_NOT_FOUND, "tokenizer.ggml.model: the file has no tokenizer");
}

ac_status ac_tokenize(const ac_model *m, const char *text, size_t bytes, unsigned flags, int32_t *ids,
                      size_t cap, size_t *count, ac_error *err) {
    AC_FP_SCOPE;
    AC_TRY(need_tokenizer(m, err));
    return ac_tokenizer_encode(m->tokenizer, text, bytes, flags, ids, cap, count, err);
}

ac_status ac_token_bytes(const ac_model *m, int32_t id, bool special, const char **p, size_t *bytes,
                         ac_error *err) {
    AC_TRY(need_tokenizer(m, err));
    if (id >= 0 && (uint32_t)id >= ac_tokenizer_size(m->tokenizer) && (uint32_t)id < m->info.vocab) {
        *p = "", *bytes = 0; /* padding rows of the weights */
        return AC_OK;
    }
    return ac_tokenizer_bytes(m->tokenizer, id, special, p, bytes, err);
}

bool ac_token_ends(const ac_model *m, int32_t id) {
    return m->tokenizer && ac_tokenizer_ends(m->tokenizer, id);
}

ac_status ac_detok_open(const ac_model *m, bool special, ac_detok **out, ac_error *err) {
    *out = NULL;
    AC_TRY(need_tokenizer(m, err));
    return ac_detok_open_tokenizer(m->tokenizer, special, out, err);
}

ac_status ac_sampler_open(const ac_model *m, const ac_sampler_settings *settings, ac_sampler **out,
                          ac_error *err) {
    AC_FP_SCOPE;
    return ac_sampler_open_vocab(m->info.vocab, settings, out, err);
}
