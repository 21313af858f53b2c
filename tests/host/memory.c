/* memory.c - a model takes its file's mapping, its cache and the scratch it states, and little else: nothing
 * is copied, nothing is there before it is needed. */
#include <sys/stat.h>
#include <unistd.h>

#include <anychip/anychip.h>

#include "check.h"

enum { MIB = 1 << 20, CONTEXT = 2048, SLACK = 3 * MIB }; /* slack: vocabulary, logits, stacks, allocator */

static ac_error err;

/* A line of /proc/self/status, in bytes. */
static uint64_t status_of(const char *name) {
    char line[256];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) sscanf(line + strlen(name), ": %llu kB", &kib);
    if (f) fclose(f);
    if (!kib) printf("skipped: the system does not tell %s\n", name), exit(AC_SKIP);
    return (uint64_t)kib * 1024;
}

static void within(const char *what, uint64_t have, uint64_t most) {
    printf("%-40s %8.2f MiB, at most %8.2f\n", what, (double)have / MIB, (double)most / MIB);
    CHECK(have <= most, "%s", what);
}

static void feed(ac_session *s, uint32_t from, uint32_t n) {
    int32_t ids[CONTEXT];
    for (uint32_t i = 0; i < n; i++) ids[i] = (int32_t)((from + i) % 500 + 3);
    CHECK_OK(ac_session_feed(s, ids, n, &err));
}

/* A long session that has not computed yet has its RoPE table, once. */
static void long_session(ac_model *m, uint64_t anonymous) {
    ac_session *s;
    ac_session_settings set;
    ac_model_info info;
    ac_model_describe(m, &info);
    ac_session_defaults(&set);
    set.context = 1 << 18;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    within("long session before its first token", status_of("RssAnon") - anonymous,
           (uint64_t)set.context * info.head_dim * sizeof(float) + SLACK);
    ac_session_close(&s);
}

int main(void) {
    char path[256];
    ac_model *m;
    ac_session *s;
    ac_session_settings set;
    ac_session_info info;
    struct stat st;
    snprintf(path, sizeof path, "%s/anychip-memory-%d.gguf", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
             getpid());
    CHECK_OK(ac_synth_write(path, "tiny-llama3", "F32", NULL, &err));
    CHECK(!stat(path, &st), "%s", path);
    uint64_t file = (uint64_t)st.st_size, anonymous = status_of("RssAnon"), mapped = status_of("RssFile");
    CHECK_OK(ac_model_open(path, NULL, &m, &err));
    within("model: anonymous", status_of("RssAnon") - anonymous, SLACK);
    ac_session_defaults(&set);
    set.context = CONTEXT;
    set.batch = 256;
    CHECK_OK(ac_session_open(m, &set, &s, &err));
    ac_session_describe(s, &info);
    within("session before its first token: anonymous", status_of("RssAnon") - anonymous, SLACK);
    feed(s, 0, 300);
    uint64_t kv_used = info.kv_bytes / (CONTEXT / 256) * 2;
    within("after 300 tokens: anonymous", status_of("RssAnon") - anonymous,
           kv_used + info.scratch_bytes + SLACK);
    feed(s, 300, CONTEXT - 300);
    within("full context: anonymous", status_of("RssAnon") - anonymous,
           info.kv_bytes + info.scratch_bytes + SLACK);
    within("full context: of files", status_of("RssFile") - mapped, file + SLACK);
    ac_session_close(&s);
    within("session closed: anonymous", status_of("RssAnon") - anonymous, SLACK);
    long_session(m, anonymous);
    ac_model_close(&m);
    within("model closed: anonymous", status_of("RssAnon") - anonymous, SLACK);
    within("model closed: of files", status_of("RssFile") - mapped, SLACK);
    unlink(path);
    return 0;
}
