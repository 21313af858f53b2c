/* profile.c - time per operation: taken from a session, as a table and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli.h"

/* ---- Taking ---- */

static bool copy_step(cli_step *to, const ac_profile_row *row) {
    snprintf(to->device, sizeof to->device, "%s", row->device);
    to->op = row->op, to->type = row->type ? row->type : "";
    to->ns = row->ns;
    to->weight = row->weight ? strdup(row->weight) : NULL;
    return to->weight || !row->weight;
}

int cli_profile_take(const ac_session *session, cli_profile *p) {
    ac_profile_row row;
    cli_profile_free(p);
    ac_session_profile_describe(session, &p->info);
    p->steps = calloc(p->info.count ? p->info.count : 1, sizeof *p->steps);
    if (!p->steps) return cli_fail("out of memory");
    for (size_t i = 0; i < p->info.count && ac_session_profile_at(session, i, &row); i++) {
        if (!copy_step(&p->steps[p->n++], &row)) return cli_fail("out of memory");
    }
    return CLI_OK;
}

void cli_profile_free(cli_profile *p) {
    for (size_t i = 0; i < p->n; i++) free(p->steps[i].weight);
    free(p->steps);
    *p = (cli_profile){0};
}

/* ---- Adding up ---- */

/* All steps of one kind of operation, weight type and device. */
typedef struct group {
    const cli_step *first;
    uint64_t steps, ns;
} group;

static bool alike(const cli_step *a, const cli_step *b) {
    return !strcmp(a->op, b->op) && !strcmp(a->type, b->type) && !strcmp(a->device, b->device);
}

static int longest_first(const void *a, const void *b) {
    uint64_t x = ((const group *)a)->ns, y = ((const group *)b)->ns;
    return (x < y) - (x > y);
}

/* Groups, longest time first; the caller frees. NULL when out of memory. */
static group *add_up(const cli_profile *p, size_t *n) {
    group *list = calloc(p->n ? p->n : 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; list && i < p->n; i++) {
        size_t g = 0;
        while (g < *n && !alike(list[g].first, &p->steps[i])) g++;
        if (g == *n) list[(*n)++].first = &p->steps[i];
        list[g].steps++;
        list[g].ns += p->steps[i].ns;
    }
    if (list) qsort(list, *n, sizeof *list, longest_first);
    return list;
}

static uint64_t sum(const cli_profile *p) {
    uint64_t ns = 0;
    for (size_t i = 0; i < p->n; i++) ns += p->steps[i].ns;
    return ns;
}

/* ---- For people ---- */

static void table_row(FILE *f, const char *device, const char *op, const char *type, uint64_t ns,
                      const cli_profile *p) {
    double runs = p->info.runs ? (double)p->info.runs : 1, all = p->info.ns ? (double)p->info.ns : 1;
    fprintf(f, "  %-8s %-12s %-8s %12.3f %7.1f %%\n", device, op, type, (double)ns * 1e-6 / runs,
            100 * (double)ns / all);
}

void cli_profile_table(FILE *f, const char *title, const cli_profile *p) {
    size_t n;
    group *list = add_up(p, &n);
    uint64_t known = sum(p);
    fprintf(f, "%s: %" PRIu64 " tokens in %" PRIu64 " runs, %.3f ms per run\n", title, p->info.rows,
            p->info.runs, (double)p->info.ns * 1e-6 / (p->info.runs ? (double)p->info.runs : 1));
    fprintf(f, "  %-8s %-12s %-8s %12s %9s\n", "device", "operation", "type", "ms per run", "share");
    for (size_t i = 0; list && i < n; i++)
        if (list[i].ns)
            table_row(f, list[i].first->device, list[i].first->op, list[i].first->type, list[i].ns, p);
    if (p->info.ns > known) table_row(f, "", "(between)", "", p->info.ns - known, p);
    free(list);
}

/* ---- JSON ---- */

static cJSON *json_step(cJSON *array, const cli_step *s, uint64_t ns) {
    cJSON *o = cJSON_CreateObject();
    if (!o || !cJSON_AddItemToArray(array, o)) return NULL;
    bool ok = cli_json_text(o, "device", s->device, strlen(s->device)) &&
              cli_json_text(o, "operation", s->op, strlen(s->op)) &&
              (!*s->type || cli_json_text(o, "type", s->type, strlen(s->type))) &&
              cJSON_AddNumberToObject(o, "seconds", (double)ns * 1e-9);
    return ok ? o : NULL;
}

bool cli_profile_json(cJSON *object, const char *key, const cli_profile *p) {
    size_t n;
    cJSON *o = cJSON_AddObjectToObject(object, key), *array;
    bool ok = o && cli_json_u64(o, "runs", p->info.runs) && cli_json_u64(o, "tokens", p->info.rows) &&
              cJSON_AddNumberToObject(o, "seconds", (double)p->info.ns * 1e-9);
    group *list = add_up(p, &n);
    array = ok && list ? cJSON_AddArrayToObject(o, "operations") : NULL;
    for (size_t i = 0; array && ok && i < n; i++) {
        cJSON *row = json_step(array, list[i].first, list[i].ns);
        ok = row && cli_json_u64(row, "calls", list[i].steps * p->info.runs);
    }
    free(list);
    array = array && ok ? cJSON_AddArrayToObject(o, "steps") : NULL;
    for (size_t i = 0; array && ok && i < p->n; i++) {
        const cli_step *s = &p->steps[i];
        cJSON *row = json_step(array, s, s->ns);
        ok = row && (!s->weight || cli_json_text(row, "weight", s->weight, strlen(s->weight)));
    }
    return ok && array;
}
