/* cmd_bench.c - anychip bench: tokens per second, against what the machine can do, with the bits to show for
 * it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "bench_roof.h"
#include "cli.h"

/* ---- What a token costs ---- */

typedef struct costs {
    double layer_elems, head_elems; /* of matrices */
    double weight_bytes;            /* read per token that is decoded */
    double kv_bytes;                /* read per token of context */
    bool floats;                    /* most weights are floating point: no integer products */
} costs;

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), k = strlen(end);
    return n >= k && !strcmp(name + n - k, end);
}

/* A whole number of the metadata by the end of its key; 0 when absent. */
static double number(const ac_inspect *in, const char *end) {
    ac_inspect_entry e;
    ac_inspect_value v;
    for (size_t i = 0; ac_inspect_entry_at(in, i, &e); i++) {
        size_t n = strlen(end), cursor = 0;
        if (e.key_bytes >= n && !memcmp(e.key + e.key_bytes - n, end, n) &&
            ac_inspect_next(in, i, &cursor, &v))
            return (double)v.u;
    }
    return 0;
}

static void count_tensor(costs *c, const ac_inspect_tensor *t, bool tied, double experts) {
    double elems = (double)t->dim[0] * (double)t->dim[1] * (double)t->dim[2] * (double)t->dim[3];
    bool embd = !strcmp(t->name, "token_embd.weight"),
         head = !strcmp(t->name, "output.weight") || (embd && tied);
    double share = strstr(t->name, "_exps") ? experts : 1;
    if (embd && !tied) {
        c->weight_bytes += (double)t->bytes / (double)t->dim[1];
        return;
    }
    c->weight_bytes += (double)t->bytes * share;
    if (t->n_dims < 2 || !ends_with(t->name, ".weight")) return;
    *(head ? &c->head_elems : &c->layer_elems) += elems * share;
}

static int count_costs(const char *path, const ac_model_info *info, costs *c) {
    ac_error err = {0};
    ac_inspect *in;
    ac_inspect_tensor t;
    const void *data;
    size_t bytes;
    ac_status status = cli_is_builtin(path) && cli_builtin(&data, &bytes)
                           ? ac_inspect_open_memory(data, bytes, &in, &err)
                           : ac_inspect_open(path, &in, &err);
    if (status) return cli_fail_status(NULL, &err);
    bool tied = true;
    double experts = number(in, ".expert_count"), used = number(in, ".expert_used_count");
    *c = (costs){0};
    for (size_t i = 0; ac_inspect_tensor_at(in, i, &t); i++)
        if (!strcmp(t.name, "output.weight")) tied = false;
    for (size_t i = 0; ac_inspect_tensor_at(in, i, &t); i++)
        count_tensor(c, &t, tied, experts > 0 && used > 0 ? used / experts : 1);
    ac_inspect_close(&in);
    /* codes of 2 bytes; float32 scales, one per 32 channels of K and one per head of V */
    double groups = (double)((info->head_dim + 31) / 32);
    c->kv_bytes = (double)info->layers * info->kv_heads * (info->head_dim * 4.0 + groups * 4 + 4);
    c->floats = !strcmp(info->file_type, "f32") || !strcmp(info->file_type, "f16") ||
                !strcmp(info->file_type, "bf16");
    return CLI_OK;
}

/* ---- Measuring ---- */

/* One kind of work, repeated. */
typedef struct phase {
    uint32_t tokens;
    double *seconds;     /* per repetition */
    char digest[33];     /* of its tokens and the logits it gave */
    cli_profile profile; /* of one more repetition, with --profile */
} phase;

/* All that one number of threads gave. */
typedef struct measured {
    unsigned threads;
    double load, first_token; /* seconds from the start of loading */
    phase prefill, decode;
    uint32_t context; /* tokens before the first one decoded */
    ac_model_info info;
    ac_session_info session;
    cli_memory memory; /* before the machine was measured; zeros when not known */
    bool measured_before;
    char isa[32];
    bench_roof roof;
    const char *why_no_roof;
    costs costs;
} measured;

typedef struct bench {
    const cli_options *o;
    int32_t *ids; /* the longer of prompt and context, then those to decode */
    ac_model *model;
    ac_session *session;
} bench;

/* Any tokens will do; these are the same for everybody. */
static int make_ids(bench *b, const measured *m) {
    uint64_t state = 1;
    size_t n = (size_t)(m->prefill.tokens > m->context ? m->prefill.tokens : m->context) + m->decode.tokens;
    b->ids = calloc(n, sizeof *b->ids);
    if (!b->ids) return cli_fail("out of memory");
    for (size_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        b->ids[i] = (int32_t)((state >> 33) % m->info.vocab);
    }
    return CLI_OK;
}

static int feed(bench *b, const int32_t *ids, size_t n, double *seconds) {
    ac_error err = {0};
    double from = cli_now();
    if (ac_session_feed(b->session, ids, n, &err)) return cli_fail_status(NULL, &err);
    *seconds += cli_now() - from;
    return CLI_OK;
}

static int cut(bench *b, uint32_t length) {
    ac_error err = {0};
    return ac_session_truncate(b->session, 0, length, &err) ? cli_fail_status(NULL, &err) : CLI_OK;
}

/* The same bits every time, or the speed is worth nothing. */
static int compare(phase *p, const char *what, const ac_digest *d, int64_t repetition) {
    char hex[33];
    ac_digest_hex(d, hex);
    if (repetition == 0) memcpy(p->digest, hex, sizeof hex);
    if (!strcmp(p->digest, hex)) return CLI_OK;
    return cli_fail("%s: digest %s, but %s in repetition %d: the device does not compute the same bits twice",
                    what, p->digest, hex, (int)repetition + 1);
}

/* Feeds p->tokens of `ids`, `step` at a time, from a sequence of `start` tokens; only the feeding is timed.
 */
static int repetition(bench *b, phase *p, const char *what, const int32_t *ids, uint32_t start, uint32_t step,
                      int64_t r, uint32_t vocab) {
    ac_error err = {0};
    ac_digest *d;
    p->seconds[r] = 0;
    if (ac_digest_open(b->model, &d, &err)) return cli_fail_status(NULL, &err);
    ac_digest_tokens(d, ids, p->tokens);
    int rc = cut(b, start);
    for (uint32_t i = 0; !rc && i < p->tokens; i += step) {
        rc = feed(b, ids + i, step, &p->seconds[r]);
        if (!rc) ac_digest_logits(d, ac_session_logits(b->session, 0), vocab);
    }
    if (!rc) rc = compare(p, what, d, r);
    ac_digest_close(&d);
    return rc;
}

/* One more repetition with every operation measured, and not counted: that takes time. */
static int profiled(bench *b, phase *p, const char *what, const int32_t *ids, uint32_t start, uint32_t step,
                    uint32_t vocab) {
    ac_error err = {0};
    double *seconds = p->seconds, unused[2];
    if (!b->o->profile) return CLI_OK;
    if (ac_session_profile(b->session, true, &err)) return cli_fail_status(NULL, &err);
    p->seconds = unused;
    int rc = repetition(b, p, what, ids, start, step, 1, vocab);
    p->seconds = seconds;
    if (!rc) rc = cli_profile_take(b->session, &p->profile);
    ac_session_profile(b->session, false, NULL);
    return rc;
}

static int measure(bench *b, measured *m) {
    int rc = CLI_OK;
    double unused = 0;
    uint32_t vocab = m->info.vocab, p = m->prefill.tokens, c = m->context;
    /* once without the clock: pages come in, threads wake up */
    rc = cut(b, 0);
    if (!rc) rc = feed(b, b->ids, p, &unused);
    for (int64_t r = 0; !rc && r < b->o->bench_repeat; r++)
        rc = repetition(b, &m->prefill, "prefill", b->ids, 0, p, r, vocab);
    if (!rc) rc = profiled(b, &m->prefill, "profiled prefill", b->ids, 0, p, vocab);
    if (!rc) rc = cut(b, c < p ? c : p); /* what is there of the context stays */
    if (!rc && c > p) rc = feed(b, b->ids + p, c - p, &unused);
    if (!rc) rc = feed(b, b->ids + c, 1, &unused);
    for (int64_t r = 0; !rc && r < b->o->bench_repeat; r++)
        rc = repetition(b, &m->decode, "decode", b->ids + c, c, 1, r, vocab);
    if (!rc) rc = profiled(b, &m->decode, "profiled decode", b->ids + c, c, 1, vocab);
    return rc;
}

/* The instruction set in use and the number of cores, as the CPU backend tells them: "avx2, 4 cores". */
static void ask_cpu(const cli_options *o, measured *m) {
    ac_device list[32];
    size_t n = 0;
    unsigned cores = 0;
    ac_devices_list(list, 32, &n, false, NULL);
    for (size_t i = 0; i < n && i < 32; i++) {
        if (strcmp(list[i].id, "cpu")) continue;
        sscanf(list[i].detail, "%31[^,], %u", m->isa, &cores);
    }
    if (o->cpu_isa) snprintf(m->isa, sizeof m->isa, "%s", o->cpu_isa);
    if (!m->threads) m->threads = cores ? cores : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

static bool on_cpu(const cli_options *o) {
    return !o->device || !strcmp(o->device, "cpu") || !strcmp(o->device, "cpu:0");
}

static void measure_roof(const cli_options *o, measured *m) {
    if (!on_cpu(o))
        m->why_no_roof = "the device's backend does not tell its limits";
    else if (o->no_roof)
        m->why_no_roof = "not measured (--no-roof)";
    else
        bench_roof_measure(m->threads, m->isa, &m->roof);
    if (m->costs.floats) {
        m->roof.int8_ops = 0;
        snprintf(m->roof.why_no_int8, sizeof m->roof.why_no_int8, "the model's weights are floating point");
    }
}

/* Opens the model and a session, and feeds a first token. */
static int open_all(bench *b, const cli_options *o, measured *m) {
    ac_error err = {0};
    ac_session_settings s;
    double from = cli_now(), unused = 0;
    const int32_t first = 0;
    int rc = cli_open_model(o, o->args[0], false, &b->model);
    if (rc) return rc;
    ac_model_describe(b->model, &m->info);
    ac_session_defaults(&s);
    uint32_t longest = m->context > m->prefill.tokens ? m->context : m->prefill.tokens;
    s.context = longest + m->decode.tokens + 1;
    s.batch = longest < (uint64_t)o->batch ? longest + 1 : (uint32_t)o->batch;
    s.cancel = cli_cancel;
    if (ac_session_open(b->model, &s, &b->session, &err)) return cli_fail_status(NULL, &err);
    ac_session_describe(b->session, &m->session);
    m->load = cli_now() - from;
    rc = feed(b, &first, 1, &unused);
    m->first_token = cli_now() - from;
    return rc;
}

static int bench_threads(const cli_options *given, unsigned threads, measured *m) {
    cli_options o = *given;
    bench b = {.o = &o};
    o.threads = threads;
    m->threads = threads;
    m->prefill.tokens = (uint32_t)o.bench_prompt;
    m->decode.tokens = (uint32_t)o.bench_gen;
    m->context = (uint32_t)(o.bench_depth < 0 ? o.bench_prompt : o.bench_depth);
    m->prefill.seconds = calloc((size_t)o.bench_repeat, sizeof(double));
    m->decode.seconds = calloc((size_t)o.bench_repeat, sizeof(double));
    int rc = m->prefill.seconds && m->decode.seconds ? CLI_OK : cli_fail("out of memory");
    if (!rc) rc = open_all(&b, &o, m);
    if (!rc) rc = count_costs(o.args[0], &m->info, &m->costs);
    if (!rc) rc = make_ids(&b, m);
    if (!rc) rc = measure(&b, m);
    /* before other backends are loaded to be asked; a process's peak never falls again */
    if (!m->measured_before) cli_memory_now(&m->memory);
    if (!rc) ask_cpu(&o, m);
    ac_session_close(&b.session);
    ac_model_close(&b.model);
    free(b.ids);
    if (!rc) measure_roof(&o, m);
    return rc;
}

/* ---- Numbers ---- */

typedef struct spread {
    double median, min, max;
} spread;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of `per_token` * tokens / seconds over the repetitions; sorts the seconds. */
static spread rate(const phase *p, int64_t n, double amount) {
    qsort(p->seconds, (size_t)n, sizeof *p->seconds, ascending);
    double middle = n % 2 ? p->seconds[n / 2] : (p->seconds[n / 2 - 1] + p->seconds[n / 2]) / 2;
    return (spread){amount / middle, amount / p->seconds[n - 1], amount / p->seconds[0]};
}

/* Operations and bytes of a whole repetition. */
static double prefill_ops(const measured *m) {
    return 2 * (m->costs.layer_elems * m->prefill.tokens + m->costs.head_elems);
}

static double decode_ops(const measured *m) {
    return 2 * (m->costs.layer_elems + m->costs.head_elems) * m->decode.tokens;
}

static double decode_bytes(const measured *m) {
    double context = m->context + (m->decode.tokens + 1) / 2.0;
    return (m->costs.weight_bytes + m->costs.kv_bytes * context) * m->decode.tokens;
}

/* ---- For people ---- */

static void line(const char *name, uint32_t tokens, spread s) {
    cli_print("  %-8s %6u tokens  %9.2f tokens/s  (%.2f - %.2f)", name, tokens, s.median, s.min, s.max);
}

static void share(double have, double limit, const char *unit, const char *limit_name, const char *why_not) {
    cli_print("  %8.1f %s", have / 1e9, unit);
    if (limit > 0)
        cli_print(" = %.3g %% of %.1f (%s)\n", 100 * have / limit, limit / 1e9, limit_name);
    else
        cli_print(" (share not known: %s)\n", why_not);
}

static void print_table(const cli_options *o, const measured *m) {
    char bytes[16], kv[16], scratch[16];
    int64_t n = o->bench_repeat;
    const char *why = m->why_no_roof;
    cli_print("%s, %u threads%s%s; loaded in %.2f s, first token after %.2f s; %s per token, cache %s, "
              "scratch %s\n",
              m->info.device, m->threads, *m->isa ? ", " : "", m->isa, m->load, m->first_token,
              cli_bytes((uint64_t)m->costs.weight_bytes, bytes), cli_bytes(m->session.kv_bytes, kv),
              cli_bytes(m->session.scratch_bytes, scratch));
    line("prefill", m->prefill.tokens, rate(&m->prefill, n, m->prefill.tokens));
    share(rate(&m->prefill, n, prefill_ops(m)).median, m->roof.int8_ops, "GOP/s", "8-bit integer peak",
          why ? why : m->roof.why_no_int8);
    line("decode", m->decode.tokens, rate(&m->decode, n, m->decode.tokens));
    share(rate(&m->decode, n, decode_bytes(m)).median, m->roof.read_bytes, "GB/s ", "reading memory",
          why ? why : m->roof.why_no_read);
    cli_print("  after %u tokens of context; digests %s %s\n", m->context, m->prefill.digest,
              m->decode.digest);
    if (m->memory.peak)
        cli_print("  memory: at most %s, of these %s of files (this one: %s)\n",
                  cli_bytes(m->memory.peak, bytes), cli_bytes(m->memory.file, kv),
                  cli_bytes(m->info.file_bytes, scratch));
    if (m->prefill.profile.steps) cli_profile_table(stderr, "prefill", &m->prefill.profile);
    if (m->decode.profile.steps) cli_profile_table(stderr, "decode", &m->decode.profile);
}

/* ---- JSON ---- */

static void add_spread(cJSON *to, const char *name, spread s) {
    cJSON *j = cJSON_AddObjectToObject(to, name);
    cJSON_AddNumberToObject(j, "median", s.median);
    cJSON_AddNumberToObject(j, "min", s.min);
    cJSON_AddNumberToObject(j, "max", s.max);
}

/* A number, or null and the reason in NAME_reason. */
static void add_known(cJSON *to, const char *name, double v, const char *why_not) {
    char reason[64];
    if (v > 0) {
        cJSON_AddNumberToObject(to, name, v);
        return;
    }
    snprintf(reason, sizeof reason, "%s_reason", name);
    cJSON_AddNullToObject(to, name);
    cJSON_AddStringToObject(to, reason, why_not);
}

static cJSON *add_phase(cJSON *to, const char *name, const phase *p, int64_t n) {
    cJSON *j = cJSON_AddObjectToObject(to, name);
    cJSON_AddNumberToObject(j, "tokens", p->tokens);
    add_spread(j, "tokens_per_second", rate(p, n, p->tokens));
    cJSON *seconds = cJSON_AddArrayToObject(j, "seconds");
    for (int64_t i = 0; i < n; i++) cJSON_AddItemToArray(seconds, cJSON_CreateNumber(p->seconds[i]));
    cJSON_AddStringToObject(j, "digest", p->digest);
    if (p->profile.steps) cli_profile_json(j, "profile", &p->profile);
    return j;
}

static void add_run(cJSON *to, const cli_options *o, const measured *m) {
    int64_t n = o->bench_repeat;
    const char *why = m->why_no_roof;
    const char *why_ops = why ? why : m->roof.why_no_int8, *why_read = why ? why : m->roof.why_no_read;
    cJSON_AddNumberToObject(to, "threads", m->threads);
    cJSON_AddNumberToObject(to, "load_seconds", m->load);
    cJSON_AddNumberToObject(to, "first_token_seconds", m->first_token);
    cJSON *j = add_phase(to, "prefill", &m->prefill, n);
    spread ops = rate(&m->prefill, n, prefill_ops(m) / 1e9);
    add_spread(j, "gop_per_second", ops);
    add_known(j, "share_of_int8_peak", m->roof.int8_ops > 0 ? ops.median * 1e9 / m->roof.int8_ops : 0,
              why_ops);
    j = add_phase(to, "decode", &m->decode, n);
    spread bytes = rate(&m->decode, n, decode_bytes(m) / 1e9);
    cJSON_AddNumberToObject(j, "context", m->context);
    add_spread(j, "gb_per_second", bytes);
    add_spread(j, "gop_per_second", rate(&m->decode, n, decode_ops(m) / 1e9));
    add_known(j, "share_of_read_bandwidth",
              m->roof.read_bytes > 0 ? bytes.median * 1e9 / m->roof.read_bytes : 0, why_read);
    j = cJSON_AddObjectToObject(to, "machine_limits");
    add_known(j, "read_gb_per_second", m->roof.read_bytes / 1e9, why_read);
    add_known(j, "int8_gop_per_second", m->roof.int8_ops / 1e9, why_ops);
}

static void add_model(cJSON *to, const cli_options *o, const measured *m) {
    const ac_model_info *info = &m->info;
    cJSON *j = cJSON_AddObjectToObject(to, "model");
    const char *path = o->args[0] ? o->args[0] : "builtin";
    cli_json_text(j, "path", path, strlen(path));
    cli_json_text(j, "name", info->name, strlen(info->name));
    cJSON_AddStringToObject(j, "architecture", info->architecture);
    cJSON_AddStringToObject(j, "file_type", info->file_type);
    cli_json_u64(j, "file_bytes", info->file_bytes);
    cli_json_u64(j, "parameters", info->parameters);
    cJSON_AddNumberToObject(j, "vocab", info->vocab);
    cli_json_u64(j, "weight_bytes_per_token", (uint64_t)m->costs.weight_bytes);
    cli_json_u64(j, "kv_bytes_per_position", (uint64_t)m->costs.kv_bytes);
}

/* What a model and its session should take: the file's mapping, the cache, the scratch. On top come program,
 * vocabulary and logits. */
static uint64_t stated_bytes(const measured *m) {
    return m->info.file_bytes + m->session.kv_bytes + m->session.scratch_bytes;
}

static void add_machine(cJSON *to, const cli_options *o, const measured *m) {
    struct utsname host;
    cJSON_AddStringToObject(to, "version", ac_version());
    cJSON_AddNumberToObject(to, "arithmetic", ac_spec_version());
    cJSON_AddStringToObject(to, "device", m->info.device);
    if (on_cpu(o)) cJSON_AddStringToObject(to, "isa", m->isa);
    if (uname(&host) == 0) cJSON_AddStringToObject(to, "machine", host.machine);
    cJSON_AddNumberToObject(to, "batch", m->session.batch);
    cJSON_AddNumberToObject(to, "repeat", (double)o->bench_repeat);
    cJSON *j = cJSON_AddObjectToObject(to, "memory");
    cli_json_u64(j, "kv_bytes", m->session.kv_bytes);
    cli_json_u64(j, "scratch_bytes", m->session.scratch_bytes);
    cli_json_u64(j, "file_bytes", m->info.file_bytes);
    cli_json_u64(j, "stated_bytes", stated_bytes(m));
    const char *why =
        m->measured_before ? "known of a single number of threads only" : "the system does not tell";
    add_known(j, "peak_resident_bytes", (double)m->memory.peak, why);
    add_known(j, "anonymous_bytes", (double)m->memory.anonymous, why);
    add_known(j, "mapped_file_bytes", (double)m->memory.file, why);
}

/* The last number of threads at the top, all of them in "runs". */
static int print_json(const cli_options *o, const measured *all, size_t n) {
    cJSON *json = cJSON_CreateObject();
    add_model(json, o, &all[n - 1]);
    add_machine(json, o, &all[n - 1]);
    add_run(json, o, &all[n - 1]);
    cJSON *runs = n > 1 ? cJSON_AddArrayToObject(json, "runs") : NULL;
    for (size_t i = 0; runs && i < n; i++) {
        cJSON *run = cJSON_CreateObject();
        add_run(run, o, &all[i]);
        cJSON_AddItemToArray(runs, run);
    }
    return cli_json_print(json, true);
}

/* ---- The command ---- */

enum { MAX_RUNS = 64 };

static int parse_threads(const cli_options *o, cli_ids *list) {
    const char *bad = NULL, *text = o->thread_list ? o->thread_list : "0";
    if (!cli_ids_parse(list, text, strlen(text), &bad)) return cli_fail("out of memory");
    for (size_t i = 0; !bad && o->thread_list && i < list->n; i++)
        if (list->p[i] < 1 || list->p[i] > 1024) bad = text;
    if (bad || !list->n || list->n > MAX_RUNS)
        return cli_misuse("bench", "--threads: want numbers from 1 to 1024, such as 1,2,4, have '%.40s'",
                          text);
    return CLI_OK;
}

/* Threads must not change a bit. */
static int compare_runs(const measured *all, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (strcmp(all[i].prefill.digest, all[0].prefill.digest) ||
            strcmp(all[i].decode.digest, all[0].decode.digest))
            return cli_fail("%u and %u threads give different digests", all[0].threads, all[i].threads);
    return CLI_OK;
}

static int run(const cli_options *o) {
    static measured all[MAX_RUNS];
    cli_ids list = {0};
    cli_catch_interrupt(false);
    int rc = parse_threads(o, &list);
    for (size_t i = 0; !rc && i < list.n; i++) {
        all[i].measured_before = i > 0;
        rc = bench_threads(o, (unsigned)list.p[i], &all[i]);
        if (!rc && !o->json) print_table(o, &all[i]);
        if (!rc) cli_flush();
    }
    if (!rc) rc = compare_runs(all, list.n);
    if (!rc && o->json) rc = print_json(o, all, list.n);
    for (size_t i = 0; i < list.n && i < MAX_RUNS; i++) {
        free(all[i].prefill.seconds);
        free(all[i].decode.seconds);
        cli_profile_free(&all[i].prefill.profile);
        cli_profile_free(&all[i].decode.profile);
    }
    cli_ids_free(&list);
    return rc;
}

const cli_command cli_bench = {
    .name = "bench",
    .args = "MODEL",
    .summary = "tokens per second, and what share of the machine's limits that is",
    .text = "Measures prefill (a prompt in one go) and decode (one token at a time), and in the same run "
            "what the "
            "machine reaches: reading memory, which limits decode, and 8-bit multiply-adds, which limit "
            "prefill (each "
            "multiplication and each addition counts). The digests tell what was computed: equal ones, equal "
            "bits.\n\n"
            "  anychip bench model.gguf\n"
            "  anychip bench model.gguf -p 512 -n 64 --threads 1,2,4\n"
            "  anychip bench model.gguf --depth 8192 --json",
    .min_args = 0,
    .max_args = 1,
    .options = (const uint8_t[]){OPT_bench_prompt, OPT_bench_gen, OPT_bench_depth, OPT_bench_repeat,
                                 OPT_batch, OPT_thread_list, OPT_no_roof, OPT_profile, OPT_COUNT},
    .run = run,
};
