/* cmd_inspect.c - anychip inspect: what a model file holds. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli.h"

enum { SHOWN = 6, JSON_SHOWN = 64, TEXT_SHOWN = 60 }; /* elements and bytes, unless --all */

/* Totals per weight type. */
typedef struct total {
    const char *type;
    uint64_t tensors, bytes, parameters;
} total;
enum { MAX_TYPES = 64 };

static uint64_t elements(const ac_inspect_tensor *t) {
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

static size_t sum_types(const ac_inspect *file, total *totals) {
    size_t n = 0;
    ac_inspect_tensor t;
    for (size_t i = 0; ac_inspect_tensor_at(file, i, &t); i++) {
        size_t k = 0;
        while (k < n && strcmp(totals[k].type, t.type)) k++;
        if (k == MAX_TYPES) continue; /* there are far fewer types than that */
        if (k == n) totals[n++] = (total){.type = t.type};
        totals[k].tensors++;
        totals[k].bytes += t.bytes;
        totals[k].parameters += elements(&t);
    }
    return n;
}

static void hash_hex(const uint8_t hash[16], char out[33]) {
    for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* ---- As text ---- */

static void print_value(const ac_inspect_value *v, bool all) {
    if (v->kind == AC_VALUE_UNSIGNED)
        cli_print("%" PRIu64, v->u);
    else if (v->kind == AC_VALUE_SIGNED)
        cli_print("%" PRId64, v->i);
    else if (v->kind == AC_VALUE_FLOAT)
        cli_print("%.9g", v->f);
    else if (v->kind == AC_VALUE_BOOL)
        cli_print("%s", v->u ? "true" : "false");
    else {
        bool cut = !all && v->bytes > TEXT_SHOWN;
        size_t n = cut ? TEXT_SHOWN : v->bytes;
        while (cut && n && ((unsigned char)v->text[n] & 0xC0) == 0x80) n--; /* not inside a character */
        char *clean = cli_clean(v->text, n, true);
        cli_print("\"%s\"", clean ? clean : "");
        if (cut) cli_print("... (%zu bytes)", v->bytes);
        free(clean);
    }
}

static void print_entry(const ac_inspect *file, size_t i, const ac_inspect_entry *e, bool all) {
    char *key = cli_clean(e->key, e->key_bytes, true), type[32];
    snprintf(type, sizeof type, e->is_array ? "%s[%" PRIu64 "]" : "%s", e->type, e->count);
    cli_print("  %-40s %-15s ", key ? key : "", type);
    free(key);
    ac_inspect_value v;
    size_t cursor = 0, shown = 0;
    for (; (all || shown < SHOWN) && ac_inspect_next(file, i, &cursor, &v); shown++) {
        if (shown) cli_print(", ");
        print_value(&v, all);
    }
    cli_print(e->is_array && shown < e->count ? ", ...\n" : "\n");
}

static void print_tensor(const ac_inspect_tensor *t, bool parts) {
    char shape[96], bytes[16];
    int n = snprintf(shape, sizeof shape, "%" PRIu64, t->dim[0]);
    for (uint32_t d = 1; d < t->n_dims && d < 4; d++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, " x %" PRIu64, t->dim[d]);
    cli_print("  %-32s %-7s %-20s %10s", t->name, t->type, shape, cli_bytes(t->bytes, bytes));
    if (parts) cli_print("  part %" PRIu32, t->part + 1);
    cli_print("\n");
}

static int print_text(const ac_inspect *file, const ac_inspect_info *info, bool all) {
    total totals[MAX_TYPES];
    char bytes[16], hex[33];
    ac_inspect_entry e;
    ac_inspect_tensor t;
    hash_hex(info->header_hash, hex);
    cli_print("GGUF version %" PRIu32 ", %" PRIu32 " file%s, %s, %" PRIu64
              " parameters, header %s\n\n%zu entries\n",
              info->version, info->parts, info->parts == 1 ? "" : "s", cli_bytes(info->file_bytes, bytes),
              info->parameters, hex, info->entries);
    for (size_t i = 0; ac_inspect_entry_at(file, i, &e); i++) print_entry(file, i, &e, all);
    cli_print("\n%zu tensors\n", info->tensors);
    for (size_t i = 0; ac_inspect_tensor_at(file, i, &t); i++) print_tensor(&t, info->parts > 1);
    cli_print("\nBy type\n");
    size_t n = sum_types(file, totals);
    for (size_t i = 0; i < n; i++)
        cli_print("  %-7s %5" PRIu64 " tensors %10s %15" PRIu64 " parameters\n", totals[i].type,
                  totals[i].tensors, cli_bytes(totals[i].bytes, bytes), totals[i].parameters);
    return CLI_OK;
}

/* ---- As JSON ---- */

static cJSON *json_value(const ac_inspect_value *v) {
    char text[24];
    if (v->kind == AC_VALUE_FLOAT) return isfinite(v->f) ? cJSON_CreateNumber(v->f) : cJSON_CreateNull();
    if (v->kind == AC_VALUE_BOOL) return cJSON_CreateBool(v->u != 0);
    if (v->kind == AC_VALUE_TEXT) {
        char *clean = cli_clean(v->text, v->bytes, false);
        cJSON *json = clean ? cJSON_CreateString(clean) : NULL;
        free(clean);
        return json;
    }
    if (v->kind == AC_VALUE_SIGNED)
        snprintf(text, sizeof text, "%" PRId64, v->i);
    else
        snprintf(text, sizeof text, "%" PRIu64, v->u);
    return cJSON_CreateRaw(text);
}

/* {"key", "type", "value"} or {"key", "type", "count", "values", "complete"}. */
static bool add_entry(cJSON *list, const ac_inspect *file, size_t i, const ac_inspect_entry *e, bool all) {
    cJSON *o = cJSON_CreateObject(), *values = NULL;
    if (!o || !cJSON_AddItemToArray(list, o)) return false;
    if (!cli_json_text(o, "key", e->key, e->key_bytes) || !cJSON_AddStringToObject(o, "type", e->type))
        return false;
    ac_inspect_value v;
    size_t cursor = 0, shown = 0;
    if (!e->is_array)
        return ac_inspect_next(file, i, &cursor, &v) && cJSON_AddItemToObject(o, "value", json_value(&v));
    if (!cli_json_u64(o, "count", e->count) || !(values = cJSON_AddArrayToObject(o, "values"))) return false;
    for (; (all || shown < JSON_SHOWN) && ac_inspect_next(file, i, &cursor, &v); shown++)
        if (!cJSON_AddItemToArray(values, json_value(&v))) return false;
    return cJSON_AddBoolToObject(o, "complete", shown == e->count) != NULL;
}

static bool add_tensor(cJSON *list, const ac_inspect_tensor *t) {
    cJSON *o = cJSON_CreateObject(), *shape = NULL;
    if (!o || !cJSON_AddItemToArray(list, o)) return false;
    bool ok = cJSON_AddStringToObject(o, "name", t->name) && cJSON_AddStringToObject(o, "type", t->type) &&
              (shape = cJSON_AddArrayToObject(o, "shape"));
    for (uint32_t d = 0; ok && d < t->n_dims && d < 4; d++) {
        char text[24];
        snprintf(text, sizeof text, "%" PRIu64, t->dim[d]);
        ok = cJSON_AddItemToArray(shape, cJSON_CreateRaw(text));
    }
    return ok && cli_json_u64(o, "bytes", t->bytes) && cli_json_u64(o, "part", t->part);
}

static bool add_types(cJSON *root, const ac_inspect *file) {
    total totals[MAX_TYPES];
    cJSON *types = cJSON_AddObjectToObject(root, "types");
    size_t n = types ? sum_types(file, totals) : 0;
    for (size_t i = 0; i < n; i++) {
        cJSON *o = cJSON_AddObjectToObject(types, totals[i].type);
        if (!o || !cli_json_u64(o, "tensors", totals[i].tensors) ||
            !cli_json_u64(o, "bytes", totals[i].bytes) ||
            !cli_json_u64(o, "parameters", totals[i].parameters))
            return false;
    }
    return types != NULL;
}

static bool fill_json(cJSON *root, const ac_inspect *file, const ac_inspect_info *info, bool all) {
    char hex[33];
    ac_inspect_entry e;
    ac_inspect_tensor t;
    hash_hex(info->header_hash, hex);
    bool ok = cli_json_u64(root, "version", info->version) && cli_json_u64(root, "parts", info->parts) &&
              cli_json_u64(root, "bytes", info->file_bytes) &&
              cli_json_u64(root, "parameters", info->parameters) &&
              cJSON_AddStringToObject(root, "header_hash", hex) && add_types(root, file);
    cJSON *entries = ok ? cJSON_AddArrayToObject(root, "metadata") : NULL;
    cJSON *tensors = entries ? cJSON_AddArrayToObject(root, "tensors") : NULL;
    for (size_t i = 0; tensors && ac_inspect_entry_at(file, i, &e); i++)
        if (!add_entry(entries, file, i, &e, all)) return false;
    for (size_t i = 0; tensors && ac_inspect_tensor_at(file, i, &t); i++)
        if (!add_tensor(tensors, &t)) return false;
    return tensors != NULL;
}

static int print_json(const ac_inspect *file, const ac_inspect_info *info, bool all) {
    cJSON *root = cJSON_CreateObject();
    if (root && fill_json(root, file, info, all)) return cli_json_print(root, true);
    cJSON_Delete(root);
    return cli_fail("out of memory");
}

static int run(const cli_options *o) {
    ac_error err = {0};
    ac_inspect *file = NULL;
    ac_inspect_info info;
    const void *data;
    size_t bytes;
    if (cli_is_builtin(o->args[0])) {
        if (!cli_builtin(&data, &bytes)) return cli_fail(CLI_NO_BUILTIN);
        ac_inspect_open_memory(data, bytes, &file, &err);
    } else {
        ac_inspect_open(o->args[0], &file, &err);
    }
    if (!file) return cli_fail_status(NULL, &err);
    ac_inspect_describe(file, &info);
    int rc = o->json ? print_json(file, &info, o->all) : print_text(file, &info, o->all);
    ac_inspect_close(&file);
    return rc;
}

const cli_command cli_inspect = {
    .name = "inspect",
    .args = "MODEL",
    .summary = "what a model file holds: metadata, tensors, totals",
    .text = "Reads any valid GGUF file, also of models that anychip does not run. Shapes begin with the "
            "dimension that is contiguous in the file. Long arrays "
            "and texts are shortened unless --all is given.\n\n"
            "With --json: version, parts, bytes, parameters, header_hash, types {type: tensors, bytes, "
            "parameters}, metadata [key, type, value or count and "
            "values] and tensors [name, type, shape, bytes, part]. Texts come whole; of arrays the first 64 "
            "elements unless --all is given.",
    .min_args = 1,
    .max_args = 1,
    .options = (const uint8_t[]){OPT_all, OPT_COUNT},
    .run = run,
};
