/* cmd_devices.c - anychip devices: what could run a model here, and what is missing for the rest. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli.h"

static int list(ac_device **out, size_t *count) {
    ac_error err = {0};
    *out = NULL;
    size_t cap = 0;
    do { /* twice as a rule: devices may appear in between */
        cap = *out ? *count : 16;
        free(*out);
        *out = calloc(cap, sizeof **out);
        if (!*out) return cli_fail("out of memory");
        if (ac_devices_list(*out, cap, count, true, &err)) return cli_fail_status(NULL, &err);
    } while (*count > cap);
    return CLI_OK;
}

/* A driver's words are not to be trusted with the terminal. */
static void print_field(const char *label, const char *text) {
    char *clean = cli_clean(text, strlen(text), true);
    if (clean && *clean) {
        cli_print("          %-8s ", label);
        cli_wrap(clean, 19, 19);
    }
    free(clean);
}

static void print_device(const ac_device *d) {
    char *name = cli_clean(d->name, strlen(d->name), true), memory[64], total[16], free_now[16];
    cli_print("%-8s  %s%s\n", d->id, name ? name : "", d->usable ? "" : "  (cannot be used)");
    free(name);
    print_field("kind", d->kind);
    print_field("driver", d->driver);
    if (d->memory_total) {
        int n = snprintf(memory, sizeof memory, "%s", cli_bytes(d->memory_total, total));
        if (d->memory_free)
            n += snprintf(memory + n, sizeof memory - (size_t)n, ", %s free",
                          cli_bytes(d->memory_free, free_now));
        if (d->shares_host_memory) snprintf(memory + n, sizeof memory - (size_t)n, ", the host's");
        print_field("memory", memory);
    }
    print_field(d->usable ? "state" : "reason", d->detail);
}

static bool add_device(cJSON *array, const ac_device *d) {
    cJSON *o = cJSON_CreateObject();
    if (!o || !cJSON_AddItemToArray(array, o)) return false;
    return cli_json_text(o, "id", d->id, strlen(d->id)) &&
           cli_json_text(o, "name", d->name, strlen(d->name)) &&
           cli_json_text(o, "driver", d->driver, strlen(d->driver)) &&
           cli_json_text(o, "kind", d->kind, strlen(d->kind)) &&
           cli_json_text(o, "detail", d->detail, strlen(d->detail)) &&
           cJSON_AddBoolToObject(o, "usable", d->usable) &&
           cJSON_AddBoolToObject(o, "shares_host_memory", d->shares_host_memory) &&
           cli_json_u64(o, "memory_total", d->memory_total) && cli_json_u64(o, "memory_free", d->memory_free);
}

static int print_json(const ac_device *devices, size_t n) {
    cJSON *json = cJSON_CreateObject(), *array = json ? cJSON_AddArrayToObject(json, "devices") : NULL;
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = add_device(array, &devices[i]);
    if (ok) return cli_json_print(json, true);
    cJSON_Delete(json);
    return cli_fail("out of memory");
}

static int run(const cli_options *o) {
    ac_device *devices;
    size_t n = 0;
    int rc = list(&devices, &n);
    if (!rc && o->json)
        rc = print_json(devices, n);
    else
        for (size_t i = 0; !rc && i < n; i++) print_device(&devices[i]);
    free(devices);
    return rc;
}

const cli_command cli_devices = {
    .name = "devices",
    .args = "",
    .summary = "what can run a model here, and what is missing for the rest",
    .text = "Lists every device of every backend. Each one is opened and computes its witness test, so that "
            "what is listed as usable gives the right bits. "
            "The word in the first column is what --device takes.",
    .options = (const uint8_t[]){OPT_COUNT},
    .run = run,
};
