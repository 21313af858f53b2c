/* cmd_tune.c - anychip tune: finds the numbers a device is fastest with, and keeps them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cli.h"

typedef struct watch {
    const cli_options *o;
    cJSON *steps; /* with --json */
    bool failed;
} watch;

static bool add_step(cJSON *array, const ac_tune_step *s) {
    cJSON *o = cJSON_CreateObject();
    if (!o || !cJSON_AddItemToArray(array, o)) return false;
    bool named =
        !s->name || (cJSON_AddStringToObject(o, "name", s->name) && cli_json_u64(o, "value", s->value));
    return named && cJSON_AddNumberToObject(o, "one_row_seconds", (double)s->one_ns * 1e-9) &&
           cJSON_AddNumberToObject(o, "prompt_seconds", (double)s->many_ns * 1e-9) &&
           cJSON_AddBoolToObject(o, "kept", s->kept);
}

static bool on_step(void *user, const ac_tune_step *s) {
    watch *w = user;
    char what[64] = "as it is";
    if (s->name) snprintf(what, sizeof what, "%s=%u", s->name, s->value);
    if (!w->o->quiet)
        fprintf(stderr, "%3u of %-3u  %-20s one row %9.3f ms   64 rows %9.3f ms%s\n", s->done, s->all, what,
                (double)s->one_ns * 1e-6, (double)s->many_ns * 1e-6, s->name && s->kept ? "   better" : "");
    if (w->steps && !add_step(w->steps, s)) w->failed = true;
    return !cli_interrupted();
}

static void print_times(const char *name, uint64_t before, uint64_t after) {
    cli_print("%-8s  %.3f ms, %.3f ms before\n", name, (double)after * 1e-6, (double)before * 1e-6);
}

static void print_result(const ac_tune_result *r) {
    char *device = cli_clean(r->device, strlen(r->device), true);
    cli_print("device    %s\n", device ? device : "");
    free(device);
    print_times("one row", r->before_one_ns, r->one_ns);
    print_times("64 rows", r->before_many_ns, r->many_ns);
    cli_print("set       %s\n", *r->words ? r->words : "nothing: no value is faster than the usual ones");
    cli_print("stored    %s\n", *r->path ? r->path : "no");
}

static int print_json(const ac_tune_result *r, cJSON *steps) {
    cJSON *o = cJSON_CreateObject();
    bool ok = o && cli_json_text(o, "device", r->device, strlen(r->device)) &&
              cli_json_text(o, "driver", r->driver, strlen(r->driver)) &&
              cJSON_AddStringToObject(o, "set", r->words) &&
              (*r->path ? cli_json_text(o, "file", r->path, strlen(r->path))
                        : cJSON_AddNullToObject(o, "file") != NULL) &&
              cJSON_AddNumberToObject(o, "one_row_seconds_before", (double)r->before_one_ns * 1e-9) &&
              cJSON_AddNumberToObject(o, "prompt_seconds_before", (double)r->before_many_ns * 1e-9) &&
              cJSON_AddNumberToObject(o, "one_row_seconds", (double)r->one_ns * 1e-9) &&
              cJSON_AddNumberToObject(o, "prompt_seconds", (double)r->many_ns * 1e-9);
    if (ok) return cJSON_AddItemToObject(o, "measurements", steps), cli_json_print(o, true);
    cJSON_Delete(o);
    cJSON_Delete(steps);
    return cli_fail("out of memory");
}

static int tune(const cli_options *o, const char *mask) {
    ac_error err = {0};
    ac_tune_settings s;
    ac_tune_result r;
    watch w = {.o = o, .steps = o->json ? cJSON_CreateArray() : NULL};
    if (o->json && !w.steps) return cli_fail("out of memory");
    ac_tune_defaults(&s);
    s.device = o->device;
    s.device_mask = mask;
    s.force_device = o->force_device;
    s.only = o->n_args ? o->args[0] : NULL;
    s.log = cli_log;
    s.log_user = cli_log_level(o);
    s.step = on_step;
    s.step_user = &w;
    ac_status status = ac_tune(&s, &r, &err);
    if (status == AC_OK && o->json && !w.failed) return print_json(&r, w.steps);
    cJSON_Delete(w.steps);
    if (w.failed) return cli_fail("out of memory");
    if (status == AC_ERR_CANCELLED) return cli_fail("interrupted; nothing was stored");
    if (status) return cli_fail_status(NULL, &err);
    print_result(&r);
    return CLI_OK;
}

static int run(const cli_options *o) {
    if (!o->device) return cli_misuse("tune", "which device? --device cl:0, for instance");
    char *mask = cli_device_mask(o);
    if (!mask) return cli_fail("out of memory");
    cli_catch_interrupt(false);
    int rc = tune(o, mask);
    free(mask);
    return rc;
}

const cli_command cli_tune = {
    .name = "tune",
    .args = "[NUMBERS]",
    .summary = "find the numbers that a device is fastest with, and keep them",
    .text =
        "Measures a device with its tuning numbers at one value after the other (sizes of work-groups, rows "
        "per group, tiles), and stores the best ones in the cache folder, for this device and this driver. "
        "From then on every command uses them; deleting the file, or a mask such as --cl-mask item_cols=4, "
        "undoes it. Numbers change the speed and nothing else: every measurement is compared bit by bit with "
        "the first. Takes minutes, most of them for compiling kernels.\n\n"
        "NUMBERS are names of those to try, such as item_cols,row_group, and what was found for others "
        "before stays; without, all of them are tried, from the beginning. With a mask, nothing is "
        "stored.\n\n"
        "  anychip tune --device cl:0\n"
        "  anychip tune --device vk:0 threads,rows1",
    .max_args = 1,
    .options = (const uint8_t[]){OPT_COUNT},
    .run = run,
};
