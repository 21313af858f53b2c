/* anychip.h - run language models with the same bits on every chip.
 *
 * Map of this header
 *   1. version, devices          ac_version, ac_devices_list
 *   2. model                     ac_model_open .. ac_model_close, ac_model_reopen
 *   3. tokenizer                 ac_tokenize, ac_detok_*, ac_chat_format
 *   4. session                   ac_session_open, ac_session_eval, ac_session_logits, sequences, profile
 *   5. sampler                   ac_sampler_open, ac_sampler_next
 *   6. generate                  ac_generate: prompt in, text out, in one call
 *   7. inspect                   ac_inspect_open: what a file holds, whether or not it can be run
 *   8. tools                     ac_synth_write, ac_quantize_file: making model files
 *   9. tune                      ac_tune: measuring what a device is fastest with
 *
 * Conventions: functions that can fail return an ac_status and take an optional ac_error (may be NULL) as
 * last argument; on failure *out is NULL and nothing is left behind. `ac_x_close(ac_x **)` accepts NULL and
 * sets the handle to NULL. Strings are UTF-8. Sizes are in bytes, lengths in tokens. Threads: an ac_model may
 * be used by any number of threads at once; an ac_session, an ac_sampler and an ac_detok by one thread at a
 * time; different ones independently. Sessions of one model on one device take turns. Callbacks run on the
 * calling thread. Close sessions before their model. The calling thread's floating-point settings (rounding,
 * flush to zero, traps) matter to nothing and are as before when a function returns; progress and log
 * callbacks find C's default ones. Its affinity when it opens a model says which cores the CPU backend may
 * use, and is not changed. After fork() the child may go on with models and sessions on the CPU unless
 * another thread was inside a call; on other devices they give AC_ERR_DEVICE_LOST there, and ac_model_reopen
 * to the CPU goes on with the same text. */
#ifndef ANYCHIP_ANYCHIP_H
#define ANYCHIP_ANYCHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anychip/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. Version and devices ---- */

#define AC_VERSION_MAJOR 0
#define AC_VERSION_MINOR 1
#define AC_VERSION_PATCH 0

/* "0.1.0", and the version of the arithmetic (docs/numerics.md) that results carry. Thread-safe. */
AC_API const char *ac_version(void);
AC_API unsigned ac_spec_version(void);

/* Log levels: 0 error, 1 warning, 2 information, 3 debug. `text` is one line without newline, valid during
 * the call. */
typedef void (*ac_log_fn)(void *user, int level, const char *text);
/* Return true to stop the work in hand: the call returns AC_ERR_CANCELLED and its objects stay usable. */
typedef bool (*ac_cancel_fn)(void *user);
/* Progress of a long load, in bytes; return false to cancel. */
typedef bool (*ac_progress_fn)(void *user, uint64_t done, uint64_t all);

typedef struct ac_device {
    char id[16];    /* what settings.device takes: "cpu", "cl:0", "vk:1" */
    char name[128]; /* as its driver calls it */
    char driver[128];
    char kind[16];                      /* "cpu", "gpu", "accelerator", "other" */
    char detail[256];                   /* features in use, or why it cannot be used */
    uint64_t memory_total, memory_free; /* bytes, 0 = not known */
    bool shares_host_memory;
    bool usable;
} ac_device;

/* All devices of all backends, modules that others have put beside anychip's own among them; a backend that
 * cannot be loaded appears as one unusable row that says why.
 * Fills at most `cap` entries of `list` (may be NULL) and sets *count to how many there are. With `check`,
 * each device is opened and its witness test run (slower), and `detail` tells the result. AC_ERR_MEMORY.
 * Thread-safe. */
AC_API ac_status ac_devices_list(ac_device *list, size_t cap, size_t *count, bool check, ac_error *err);

/* ---- 2. Model ---- */

typedef struct ac_model ac_model;

typedef struct ac_model_settings {
    size_t size;         /* set by ac_model_defaults; keeps the ABI */
    const char *device;  /* "cpu", "cl:0", "vk:0", or a comma-separated list over which layers are split; NULL
                            = "cpu" */
    unsigned threads;    /* CPU threads; 0 = one per physical core allowed to this process */
    const char *cpu_isa; /* highest instruction set to use: "ref", "avx2", ...; NULL = the best there is. One
                            that the processor does not have is refused (AC_ERR_UNSUPPORTED) */
    const char *device_mask; /* features of non-CPU devices to do without, "fuse,dot", and tuning numbers; of
                                one backend's devices only: "cl:fuse,wg=8;vk:dot"; NULL = none */
    bool force_device;       /* use a device that failed its witness test */
    uint32_t split_context;  /* with several devices: positions to keep room for when layers are shared out; 0
                                =  the default of a session */
    bool vocab_only;         /* tokenizer and metadata only: no device, no weights */
    const char *cache_dir;   /* NULL: $XDG_CACHE_HOME/anychip or ~/.cache/anychip; "" = no cache on disk */
    ac_log_fn log;
    void *log_user;
    ac_progress_fn progress;
    void *progress_user;
} ac_model_settings;

AC_API void ac_model_defaults(ac_model_settings *settings);

/* Opens a GGUF file (of a split model, any part) and brings its weights to the device. settings may be NULL.
 * AC_ERR_IO, AC_ERR_FORMAT, AC_ERR_UNSUPPORTED (detail names the file, and architecture, tensor or
 * tokenizer), AC_ERR_ARGUMENT, AC_ERR_MEMORY, AC_ERR_DEVICE, AC_ERR_DEVICE_MEMORY, AC_ERR_WITNESS,
 * AC_ERR_CANCELLED. */
AC_API ac_status ac_model_open(const char *path, const ac_model_settings *settings, ac_model **out,
                               ac_error *err);

/* The same from memory, which must stay unchanged until ac_model_close. */
AC_API ac_status ac_model_open_memory(const void *data, size_t bytes, const ac_model_settings *settings,
                                      ac_model **out, ac_error *err);

AC_API void ac_model_close(ac_model **model);

/* Brings an open model to another device, or anew to the same one, as after AC_ERR_DEVICE_LOST: settings as
 * for ac_model_open. Everything made from the model stays valid; sessions keep their tokens and logits, and
 * the next ac_session_eval of each first feeds its tokens again, so that the text goes on with the same bits
 * (that eval can fail with what ac_session_open can). Waits for evals under way; not from a callback. When it
 * fails, the model is on no device and evals give AC_ERR_DEVICE_LOST; it may be called again. Thread-safe. */
AC_API ac_status ac_model_reopen(ac_model *model, const ac_model_settings *settings, ac_error *err);

typedef struct ac_model_info {
    char architecture[32]; /* "llama" */
    char name[128];        /* general.name, printable; "" when absent */
    char file_type[32];    /* weight type that holds most bytes, "q4_k" */
    uint64_t file_bytes, parameters;
    uint32_t vocab, dim, layers, heads, kv_heads, head_dim, ffn,
        context;        /* context: positions the model was made for */
    char tokenizer[48]; /* "llama", "gpt2/llama-bpe" */
    bool has_chat_template;
    int32_t bos, eos;        /* -1 = none */
    uint8_t header_hash[16]; /* part of every digest */
    char device[128];        /* where it runs, "" with vocab_only */
} ac_model_info;

/* Facts about an open model. Thread-safe. */
AC_API void ac_model_describe(const ac_model *model, ac_model_info *out);

/* ---- 3. Tokenizer ---- */

enum {
    AC_TOK_BOS =
        1, /* put the tokens in front and behind that the model wants (add_bos_token, add_eos_token) */
    AC_TOK_SPECIAL = 2 /* recognise control tokens such as <|im_end|> written out in the text */
};

/* Tokens of `bytes` bytes of text (need not be valid UTF-8). Writes at most `cap` ids and sets *count to how
 * many there are; when count > cap the ids are incomplete: call again. AC_ERR_MEMORY, AC_ERR_ARGUMENT,
 * AC_ERR_TEXT. Thread-safe. */
AC_API ac_status ac_tokenize(const ac_model *model, const char *text, size_t bytes, unsigned flags,
                             int32_t *ids, size_t cap, size_t *count, ac_error *err);

/* The bytes of one token as they appear in text, not NUL-terminated; control tokens give nothing unless
 * `special`. Pointer lives as long as the model. AC_ERR_TEXT when id is out of range. Thread-safe. */
AC_API ac_status ac_token_bytes(const ac_model *model, int32_t id, bool special, const char **p,
                                size_t *bytes, ac_error *err);

/* True for tokens that end a generation (eos, end of turn). Thread-safe. */
AC_API bool ac_token_ends(const ac_model *model, int32_t id);

/* A streaming detokenizer: feeds out only whole UTF-8 characters; bytes that can never become one are
 * replaced by U+FFFD. */
typedef struct ac_detok ac_detok;
AC_API ac_status ac_detok_open(const ac_model *model, bool special, ac_detok **out, ac_error *err);
/* Adds a token; *text (NUL-terminated, valid until the next call) holds what can be shown now, maybe "".
 * AC_ERR_TEXT, AC_ERR_MEMORY. */
AC_API ac_status ac_detok_push(ac_detok *detok, int32_t id, const char **text, ac_error *err);
/* What is still held back, as U+FFFD; afterwards the detokenizer is as new. */
AC_API const char *ac_detok_end(ac_detok *detok);
AC_API void ac_detok_close(ac_detok **detok);

typedef struct ac_chat_message {
    const char *role; /* "system", "user", "assistant" */
    const char *content;
} ac_chat_message;

/* The conversation as prompt text, by the model's own chat template (a Jinja subset), ready for ac_tokenize
 * with AC_TOK_BOS | AC_TOK_SPECIAL. The caller frees *out with ac_free. AC_ERR_NOT_FOUND when the model has
 * no template, AC_ERR_UNSUPPORTED when the template needs more than the subset, AC_ERR_TEXT when it raises.
 * Thread-safe. */
AC_API ac_status ac_chat_format(const ac_model *model, const ac_chat_message *messages, size_t n,
                                bool add_generation_prompt, char **out, ac_error *err);
AC_API void ac_free(void *p);

/* ---- 4. Session ---- */

typedef struct ac_session ac_session;

typedef struct ac_session_settings {
    size_t size;      /* set by ac_session_defaults */
    uint32_t context; /* positions per sequence; 0 = the model's own, at most 4096. May exceed what the model
                         was made for (its text gets worse there) */
    uint32_t sequences;   /* sequences held at once; default 1 */
    uint32_t batch;       /* rows of one run = prompt chunk size; default 512 */
    uint32_t max_outputs; /* rows of one eval whose logits are kept; default 1 */
    uint32_t cache_pages; /* KV pages of 256 positions shared by all sequences; 0 = enough for all sequences
                             at full context */
    ac_cancel_fn cancel;  /* asked between runs */
    void *cancel_user;
} ac_session_settings;

AC_API void ac_session_defaults(ac_session_settings *settings);

/* Memory is sized here, once. AC_ERR_ARGUMENT (names the setting), AC_ERR_MEMORY, AC_ERR_DEVICE_MEMORY (with
 * the numbers). settings may be NULL. */
AC_API ac_status ac_session_open(ac_model *model, const ac_session_settings *settings, ac_session **out,
                                 ac_error *err);
AC_API void ac_session_close(ac_session **session);

typedef struct ac_session_info {
    uint32_t context, sequences, batch, max_outputs, cache_pages;
    uint64_t kv_bytes, scratch_bytes; /* on the device(s) */
} ac_session_info;
AC_API void ac_session_describe(const ac_session *session, ac_session_info *out);

/* One row of a batch: a token of a sequence. Its position is the sequence's length at that time: rows of one
 * sequence are consecutive positions in the order given. */
typedef struct ac_row {
    int32_t token;
    uint32_t seq; /* 0 .. sequences - 1 */
    bool want_logits;
} ac_row;

/* Appends rows to their sequences and computes; runs of at most `batch` rows. The logits of rows that want
 * them are kept, in row order, until the next eval. AC_ERR_TEXT (token out of range), AC_ERR_ARGUMENT
 * (sequence; too many outputs), AC_ERR_CONTEXT_FULL (positions or pages; nothing was appended),
 * AC_ERR_CANCELLED, AC_ERR_DEVICE_LOST (ac_model_reopen helps) ...; on failure every sequence is as long as
 * before. */
AC_API ac_status ac_session_eval(ac_session *session, const ac_row *rows, size_t n, ac_error *err);

/* Logits of the i-th wanted row of the last eval, [vocab] float32; NULL when there is none. Valid until the
 * next eval or close. */
AC_API const float *ac_session_logits(const ac_session *session, size_t i);

/* Sequences: length in tokens; rollback to a shorter length; share the first `length` tokens of `from` with
 * the empty sequence `to` without computing them again (whole pages are shared, the rest is copied).
 * AC_ERR_ARGUMENT, AC_ERR_CONTEXT_FULL. */
AC_API uint32_t ac_session_length(const ac_session *session, uint32_t seq);
AC_API ac_status ac_session_truncate(ac_session *session, uint32_t seq, uint32_t length, ac_error *err);
AC_API ac_status ac_session_fork(ac_session *session, uint32_t from, uint32_t to, uint32_t length,
                                 ac_error *err);

/* Convenience: feeds `n` tokens to sequence 0 and keeps the last one's logits. */
AC_API ac_status ac_session_feed(ac_session *session, const int32_t *ids, size_t n, ac_error *err);

/* Where time goes, per operation of the plan, over all runs since it was switched on; by the device's own
 * clock where it has one. It changes no bits, but costs time: operations no longer overlap. Operations that a
 * device computes in one launch count at the first of them. */
typedef struct ac_profile_info {
    uint64_t runs, rows; /* rows: of all those runs */
    uint64_t ns;         /* of the host's clock, from each run's start to its end, on all devices */
    size_t count;        /* operations of the plan */
} ac_profile_info;

typedef struct ac_profile_row {
    const char *device; /* "cl:0" */
    const char *op;     /* "matmul" */
    const char *weight; /* name of the tensor it uses, NULL = none */
    const char *type;   /* of that tensor, "q4_k" */
    uint64_t ns;        /* of all runs */
} ac_profile_row;

/* Switches profiling on, with all sums at zero, or off, which keeps the sums; ac_model_reopen switches it off
 * and forgets them. AC_ERR_UNSUPPORTED (detail names the device that cannot), AC_ERR_MEMORY. */
AC_API ac_status ac_session_profile(ac_session *session, bool on, ac_error *err);
/* The sums so far; all zero when profiling was never on. */
AC_API void ac_session_profile_describe(const ac_session *session, ac_profile_info *out);
/* The i-th operation in the plan's order; texts live as long as the session. False when there is none. */
AC_API bool ac_session_profile_at(const ac_session *session, size_t i, ac_profile_row *out);

/* ---- Digest: docs/numerics.md, section 9. A digest covers (tokens, logits rows) fed to it in order. ---- */
typedef struct ac_digest ac_digest;
AC_API ac_status ac_digest_open(const ac_model *model, ac_digest **out, ac_error *err);
AC_API void ac_digest_tokens(ac_digest *d, const int32_t *ids, size_t n); /* all tokens, before any logits */
AC_API void ac_digest_logits(ac_digest *d, const float *logits, size_t n);
AC_API void ac_digest_hex(const ac_digest *d, char out[33]);
AC_API void ac_digest_close(ac_digest **d);

/* ---- 5. Sampler ---- */

typedef struct ac_sampler ac_sampler;

/* Applied in this order: penalties, top_k, top_p, min_p, temperature, draw (the order that users of llama.cpp
 * know). All arithmetic is exact (docs/numerics.md, section 10): the same seed gives the same tokens on every
 * device. */
typedef struct ac_sampler_settings {
    size_t size;             /* set by ac_sampler_defaults */
    float temperature;       /* 0 = greedy (default); at most 1000000 */
    uint32_t top_k;          /* 0 = off */
    float top_p;             /* 1 = off; above 0 */
    float min_p;             /* 0 = off */
    float repeat_penalty;    /* 1 = off */
    float frequency_penalty; /* 0 = off */
    float presence_penalty;  /* 0 = off */
    uint32_t penalty_last;   /* how many of the last tokens penalties look at; default 64, at most 65535 */
    uint64_t seed;           /* default 0 */
} ac_sampler_settings;

AC_API void ac_sampler_defaults(ac_sampler_settings *settings);
/* AC_ERR_ARGUMENT names the setting that is out of range. */
AC_API ac_status ac_sampler_open(const ac_model *model, const ac_sampler_settings *settings, ac_sampler **out,
                                 ac_error *err);
/* Chooses from logits [vocab] and remembers the choice for the penalties. AC_ERR_MEMORY. */
AC_API ac_status ac_sampler_next(ac_sampler *sampler, const float *logits, int32_t *id, ac_error *err);
/* Makes the penalties see a token that was not sampled (the prompt's). */
AC_API void ac_sampler_accept(ac_sampler *sampler, int32_t id);
/* Back to the seed, and forgets all tokens. */
AC_API void ac_sampler_reset(ac_sampler *sampler);
AC_API void ac_sampler_close(ac_sampler **sampler);

/* ---- 6. Generate ---- */

/* Gets text as it is generated (whole UTF-8 characters); return false to stop. */
typedef bool (*ac_text_fn)(void *user, const char *text);

/* Feeds `prompt` to sequence 0 of a new session and generates up to `max_tokens` tokens or the end. sampler
 * may be NULL (greedy). All statuses of the calls above; stopping by the callback is AC_OK. */
AC_API ac_status ac_generate(ac_model *model, const char *prompt, size_t max_tokens,
                             const ac_sampler_settings *sampler, ac_text_fn text, void *user, ac_error *err);

/* ---- 7. Inspect ---- */

/* A model file's metadata and tensors, also of architectures that anychip does not run. Read-only once
 * opened: any number of threads may use it. */
typedef struct ac_inspect ac_inspect;

/* AC_ERR_IO, AC_ERR_FORMAT, AC_ERR_UNSUPPORTED (version, byte order, tensor type), AC_ERR_MEMORY. Memory must
 * stay unchanged until ac_inspect_close. */
AC_API ac_status ac_inspect_open(const char *path, ac_inspect **out, ac_error *err);
AC_API ac_status ac_inspect_open_memory(const void *data, size_t bytes, ac_inspect **out, ac_error *err);
AC_API void ac_inspect_close(ac_inspect **inspect);

typedef struct ac_inspect_info {
    uint32_t version;    /* of the GGUF format */
    uint32_t parts;      /* files of a split model */
    uint64_t file_bytes; /* of all parts */
    uint64_t parameters; /* elements of all tensors */
    size_t entries, tensors;
    uint8_t header_hash[16]; /* part of every digest */
} ac_inspect_info;
AC_API void ac_inspect_describe(const ac_inspect *inspect, ac_inspect_info *out);

/* One metadata entry. Texts are not NUL-terminated and may hold any byte; they live until ac_inspect_close.
 */
typedef struct ac_inspect_entry {
    const char *key;
    size_t key_bytes;
    const char
        *type; /* GGUF's name: "u32", "f32", "bool", "string", ...; of an array, that of its elements */
    bool is_array;
    uint64_t count; /* elements of an array, else 1 */
} ac_inspect_entry;
/* False when i is out of range. */
AC_API bool ac_inspect_entry_at(const ac_inspect *inspect, size_t i, ac_inspect_entry *out);

typedef enum ac_value_kind {
    AC_VALUE_UNSIGNED,
    AC_VALUE_SIGNED,
    AC_VALUE_FLOAT,
    AC_VALUE_BOOL,
    AC_VALUE_TEXT
} ac_value_kind;
typedef struct ac_inspect_value {
    ac_value_kind kind;
    uint64_t u;       /* UNSIGNED, BOOL */
    int64_t i;        /* SIGNED */
    double f;         /* FLOAT */
    const char *text; /* TEXT, not NUL-terminated */
    size_t bytes;
} ac_inspect_value;
/* The next element of entry i: start with *cursor = 0. False at the end. A scalar has one element. */
AC_API bool ac_inspect_next(const ac_inspect *inspect, size_t i, size_t *cursor, ac_inspect_value *out);

typedef struct ac_inspect_tensor {
    const char *name; /* printable */
    const char *type; /* "q4_k" */
    uint32_t n_dims;
    uint64_t dim[4]; /* dim[0] is the contiguous one; unused ones are 1 */
    uint64_t bytes;
    uint32_t part; /* index of its file */
} ac_inspect_tensor;
/* False when i is out of range. */
AC_API bool ac_inspect_tensor_at(const ac_inspect *inspect, size_t i, ac_inspect_tensor *out);

/* ---- 8. Tools: making model files ---- */

typedef struct ac_tool_settings {
    size_t size;      /* set by ac_tool_defaults */
    unsigned threads; /* 0 = as many as this process may use; the bytes written are the same for any number */
    bool pure;        /* every matrix in the mix's main type, instead of by its rules */
    bool requantize;  /* quantize: take weights that are quantised already, at the price of two losses */
    uint64_t seed;    /* synth */
    ac_log_fn log;    /* quantize: one line per tensor, level 2 */
    void *log_user;
    ac_progress_fn progress; /* in bytes of the output */
    void *progress_user;
} ac_tool_settings;

AC_API void ac_tool_defaults(ac_tool_settings *settings);

typedef struct ac_mix {
    const char *name; /* "Q4_K_M" */
    const char *text; /* one line about it */
} ac_mix;
/* The types that a file can be written in; false when i is out of range. */
AC_API bool ac_mix_at(size_t i, ac_mix *out);

typedef struct ac_shape {
    const char *name; /* "llama-1b" */
    const char *text; /* the model whose sizes these are */
} ac_shape;
AC_API bool ac_shape_at(size_t i, ac_shape *out);

/* Writes a model of this shape with random weights and a made-up vocabulary: it says nothing of worth, but is
 * as large and as fast as the real one. Same shape, type and seed: same bytes. `path` appears only when the
 * file is whole. settings may be NULL. AC_ERR_ARGUMENT (shape, type), AC_ERR_IO, AC_ERR_MEMORY,
 * AC_ERR_CANCELLED. */
AC_API ac_status ac_synth_write(const char *path, const char *shape, const char *type,
                                const ac_tool_settings *settings, ac_error *err);

/* Writes the model file `in` (of a split model, any part) to `out` with its matrices in another type or mix
 * of types; all else stays as it is. `out` may be `in`, appears only when it is whole, and has the same bytes
 * whatever the machine and the number of threads. settings may be NULL. AC_ERR_ARGUMENT (type),
 * AC_ERR_UNSUPPORTED (detail names the tensor: already quantised and `requantize` not set, or not all numbers
 * are finite), AC_ERR_IO, AC_ERR_FORMAT, AC_ERR_MEMORY, AC_ERR_CANCELLED. */
AC_API ac_status ac_quantize_file(const char *in, const char *out, const char *type,
                                  const ac_tool_settings *settings, ac_error *err);

/* ---- 9. Tune ---- */

/* One measurement: nanoseconds of a run of one row (decoding) and of 64 (a prompt). */
typedef struct ac_tune_step {
    const char *name; /* of the number tried, NULL = the values before */
    uint32_t value;
    uint64_t one_ns, many_ns;
    bool kept;          /* the best so far */
    uint32_t done, all; /* measurements; `all` is an estimate */
} ac_tune_step;
/* Return false to stop. */
typedef bool (*ac_tune_fn)(void *user, const ac_tune_step *step);

typedef struct ac_tune_settings {
    size_t size;             /* set by ac_tune_defaults */
    const char *device;      /* one device, "cl:0" */
    const char *device_mask; /* as in ac_model_settings; nothing is stored then */
    bool force_device;       /* as in ac_model_settings */
    const char *only;        /* numbers to try, "item_cols,row_group": what was found for others before stays;
                                NULL = all, from the beginning */
    const char *cache_dir;   /* as in ac_model_settings */
    ac_log_fn log;
    void *log_user;
    ac_tune_fn step;
    void *step_user;
} ac_tune_settings;

AC_API void ac_tune_defaults(ac_tune_settings *settings);

typedef struct ac_tune_result {
    char device[128], driver[128];
    char words[512]; /* what to set, "item_cols=8"; "" when nothing is faster than the values before */
    char path[4096]; /* the file they were stored in, "" = not stored */
    uint64_t before_one_ns, before_many_ns, one_ns, many_ns;
    uint32_t measurements;
} ac_tune_result;

/* Measures a device with two made-up layers, one number after the other, and stores the fastest values for
 * this device and driver in the cache folder, where opening the device finds them. They change no bit: each
 * measurement is compared with the first. AC_ERR_UNSUPPORTED (there is nothing to tune), AC_ERR_ARGUMENT
 * (device, names), AC_ERR_DEVICE..., AC_ERR_WITNESS (a value changes results: a defect), AC_ERR_IO,
 * AC_ERR_CANCELLED. */
AC_API ac_status ac_tune(const ac_tune_settings *settings, ac_tune_result *out, ac_error *err);

#ifdef __cplusplus
}
#endif
#endif
