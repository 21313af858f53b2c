/* model.h - an opened model inside the engine: file, tokenizer, and the devices that hold its layers. */
#ifndef AC_MODEL_H
#define AC_MODEL_H

#include <pthread.h>
#include <sys/types.h>

#include <anychip/anychip.h>
#include <anychip/backend.h>

#include "gguf.h"
#include "hparams.h"
#include "tokenizer/tokenizer.h"

/* Weights of one layer, as indices into a stage's weight list; AC_NONE where the model has none. The list of
 * them is in model_weights.c. */
typedef struct ac_layer_weights {
    uint32_t attn_norm, q, k, v, o, q_bias, k_bias, v_bias, o_bias, q_norm, k_norm;
    uint32_t ffn_norm, gate, up, down, gate_bias, up_bias, down_bias;
} ac_layer_weights;

/* Layers [first, last) on one device. */
typedef struct ac_stage {
    char id[24]; /* of its device: "cl:0" */
    uint32_t first, last;
    bool embeds, heads; /* begins with the embedding, ends with the logits */
    const ac_backend *backend;
    ac_dev *dev;
    pid_t opener; /* of dev */
    ac_weights *on_device;
    ac_weight *weights; /* host view, what `load` was given */
    uint32_t n_weights;
    uint32_t embd, output_norm, output;
    ac_layer_weights *layers; /* [last - first] */
    pthread_mutex_t lock;     /* sessions take turns */
} ac_stage;

enum { AC_MAX_STAGES = 16 };

struct ac_model {
    ac_gguf *file;
    ac_tokenizer *tokenizer;
    ac_hparams hp;
    ac_model_info info;
    ac_stage stages[AC_MAX_STAGES];
    uint32_t n_stages;        /* 0 with vocab_only, and after ac_model_reopen failed */
    pthread_rwlock_t devices; /* written by ac_model_reopen, read by whoever uses stages */
    pthread_mutex_t list;     /* of sessions */
    ac_session *sessions;     /* those open */
    void **converted;         /* float32 copies of norms and biases that the file holds in another type */
    uint32_t n_converted;
    char *chat_template; /* NUL-terminated, NULL = none */
    size_t chat_template_bytes;
};

/* The file behind a model; lives as long as the model. */
const ac_gguf *ac__model_gguf(const ac_model *model);

/* Fails when there are no devices, or none that this process may use: AC_ERR_DEVICE_LOST. The caller holds
 * model->devices. */
ac_status ac__model_ready(const ac_model *model, ac_error *err);

/* Whether this process may call the stage's backend: drivers other than the CPU's do not survive a fork, so
 * that what a process has opened is nothing its children could use, or give back. */
bool ac__stage_here(const ac_stage *stage);

/* Fills stage->weights, layers and indices for its range of layers; checks names, types and shapes of every
 * tensor. AC_ERR_FORMAT names the tensor, what is wanted and what the file has. Frees nothing on failure:
 * ac__stage_free does. */
ac_status ac__stage_weights(ac_model *model, ac_stage *stage, ac_error *err);
void ac__stage_free(ac_stage *stage);

/* Refuses tensors that the architecture does not use: they would change what the model means. */
ac_status ac__check_unused(const ac_model *model, ac_error *err);

#endif
