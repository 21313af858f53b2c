/* output.c - everything that leaves the command: text, JSON, messages; and the small containers it is made
 * in. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cli.h"

/* ---- Messages ---- */

int cli_fail(const char *format, ...) {
    va_list args;
    fputs("anychip: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_FAILED;
}

int cli_fail_status(const char *what, const ac_error *err) {
    const char *detail = err->detail[0] ? err->detail : ac_status_text(err->status);
    if (what)
        cli_fail("%s: %s", what, detail);
    else
        cli_fail("%s", detail);
    return err->status == AC_ERR_ARGUMENT ? CLI_USAGE : CLI_FAILED;
}

/* ---- stdout ---- */

static int stdout_errno; /* of the first failure */

static bool stdout_result(bool ok) {
    if (!ok && !stdout_errno) stdout_errno = errno ? errno : EIO;
    return !stdout_errno;
}

bool cli_write(const void *p, size_t n) {
    if (stdout_errno) return false;
    return stdout_result(fwrite(p, 1, n, stdout) == n);
}

bool cli_print(const char *format, ...) {
    if (stdout_errno) return false;
    va_list args;
    va_start(args, format);
    int n = vprintf(format, args);
    va_end(args);
    return stdout_result(n >= 0);
}

bool cli_flush(void) {
    return stdout_result(!stdout_errno && fflush(stdout) == 0);
}
bool cli_stdout_failed(void) {
    return stdout_errno != 0;
}

int cli_close_stdout(void) {
    cli_flush();
    stdout_result(fclose(stdout) == 0);
    return stdout_errno ? cli_fail("cannot write standard output: %s", strerror(stdout_errno)) : CLI_OK;
}

void cli_wrap(const char *text, unsigned column, unsigned indent) {
    unsigned at = column;
    while (*text) {
        text += strspn(text, " \n");
        unsigned n = (unsigned)strcspn(text, " \n");
        if (!n) break;
        bool first = at == column && column == indent;
        if (!first && at > indent && at + 1 + n > 80) {
            cli_print("\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            cli_print(" ");
            at++;
        }
        cli_print("%.*s", (int)n, text);
        at += n;
        text += n;
    }
    cli_print("\n");
}

/* ---- Bytes and ids that grow ---- */

bool cli_buf_add(cli_buf *b, const void *p, size_t n) {
    if (b->failed) return false;
    if (n >= b->cap - b->n) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap - b->n <= n && cap <= SIZE_MAX / 2) cap *= 2;
        char *grown = cap - b->n > n ? realloc(b->p, cap) : NULL;
        if (!grown) {
            b->failed = true;
            return false;
        }
        b->p = grown;
        b->cap = cap;
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return true;
}

bool cli_buf_text(cli_buf *b, const char *text) {
    return cli_buf_add(b, text, strlen(text));
}

void cli_buf_free(cli_buf *b) {
    free(b->p);
    *b = (cli_buf){0};
}

int cli_read_all(FILE *f, const char *name, cli_buf *out) {
    char chunk[65536];
    size_t n;
    cli_buf_add(out, "", 0);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && cli_buf_add(out, chunk, n)) {
    }
    if (ferror(f)) return cli_fail("%s: %s", name, strerror(errno));
    if (out->failed) return cli_fail("%s: out of memory", name);
    return CLI_OK;
}

bool cli_ids_add(cli_ids *ids, int32_t id) {
    if (ids->n == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 64;
        int32_t *grown = cap <= SIZE_MAX / sizeof *grown ? realloc(ids->p, cap * sizeof *grown) : NULL;
        if (!grown) return false;
        ids->p = grown;
        ids->cap = cap;
    }
    ids->p[ids->n++] = id;
    return true;
}

void cli_ids_free(cli_ids *ids) {
    free(ids->p);
    *ids = (cli_ids){0};
}

bool cli_ids_parse(cli_ids *ids, const char *text, size_t n, const char **bad) {
    const char *end = text + n;
    *bad = NULL;
    for (const char *p = text; p < end;) {
        if (strchr(", \t\r\n", *p) && *p) {
            p++;
            continue;
        }
        int64_t value = 0;
        const char *digit = p;
        while (digit < end && *digit >= '0' && *digit <= '9' && value <= INT32_MAX)
            value = value * 10 + (*digit++ - '0');
        if (digit == p || value > INT32_MAX || (digit < end && (!*digit || !strchr(", \t\r\n", *digit)))) {
            *bad = p;
            return true;
        }
        if (!cli_ids_add(ids, (int32_t)value)) return false;
        p = digit;
    }
    return true;
}

/* ---- Text from hostile bytes ---- */

/* Length of the UTF-8 character at p[0..n), 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t n) {
    static const struct {
        unsigned char mask, lead, low, high;
    } forms[] = {
        {0x80, 0x00, 0, 0}, {0xE0, 0xC0, 0x80, 0xBF}, {0xF0, 0xE0, 0x80, 0xBF}, {0xF8, 0xF0, 0x80, 0xBF}};
    size_t k = 0;
    while (k < 4 && (p[0] & forms[k].mask) != forms[k].lead) k++;
    if (k == 4 || n < k + 1) return 0;
    for (size_t i = 1; i <= k; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    bool overlong =
        p[0] == 0xC0 || p[0] == 0xC1 || (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool outside = (p[0] == 0xED && p[1] > 0x9F) || p[0] > 0xF4 || (p[0] == 0xF4 && p[1] > 0x8F);
    return overlong || outside ? 0 : k + 1;
}

char *cli_clean(const char *p, size_t n, bool printable) {
    cli_buf out = {0};
    const unsigned char *at = (const unsigned char *)p, *end = at + n;
    cli_buf_add(&out, "", 0);
    while (at < end) {
        size_t k = utf8_length(at, (size_t)(end - at));
        bool control = k == 1 && (*at < 0x20 || *at == 0x7F), c1 = k == 2 && at[0] == 0xC2 && at[1] < 0xA0;
        if (!k || *at == 0)
            cli_buf_text(&out, "\xEF\xBF\xBD");
        else if (printable && *at == '\n')
            cli_buf_text(&out, "\\n");
        else if (printable && (control || c1))
            cli_buf_text(&out, "?");
        else
            cli_buf_add(&out, at, k);
        at += k ? k : 1;
    }
    if (out.failed) cli_buf_free(&out);
    return out.p;
}

const char *cli_bytes(uint64_t bytes, char out[16]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t u = 0;
    while (v >= 999.5 && u < 6) v /= 1000, u++;
    snprintf(out, 16, "%.*f %s", u == 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v, units[u]);
    return out;
}

double cli_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- JSON ---- */

int cli_json_print(cJSON *json, bool pretty) {
    char *text = pretty ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text) return cli_fail("out of memory");
    cli_print("%s\n", text);
    cJSON_free(text);
    return CLI_OK;
}

bool cli_json_u64(cJSON *object, const char *key, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_AddRawToObject(object, key, text) != NULL;
}

bool cli_json_text(cJSON *object, const char *key, const char *p, size_t n) {
    char *clean = cli_clean(p, n, false);
    bool ok = clean && cJSON_AddStringToObject(object, key, clean);
    free(clean);
    return ok;
}

bool cli_json_ids(cJSON *object, const char *key, const cli_ids *ids) {
    cJSON *array = cJSON_AddArrayToObject(object, key);
    for (size_t i = 0; array && i < ids->n; i++)
        if (!cJSON_AddItemToArray(array, cJSON_CreateNumber(ids->p[i]))) return false;
    return array != NULL;
}
