/* What is written reads back as it was; what cannot be written leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "../loader/gguf_write.h"
#include "alloc.h"
#include "folder.h"
#include "gguf_writer.h"

/* Copies a file through the writer. */
static ac_status copy(const ac_gguf *g, const char *path, ac_error *err) {
    ac__writer *w;
    AC_TRY(ac__writer_open(path, &w, err));
    for (size_t i = 0; i < ac_gguf_kv_count(g); i++) ac__writer_kv(w, ac_gguf_kv_at(g, i));
    for (size_t i = 0; i < ac_gguf_tensor_count(g); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        ac__writer_tensor(w, t->name, t->type, t->n_dims, t->dim);
    }
    ac_status status = ac__writer_begin(w, err);
    for (size_t i = 0; status == AC_OK && i < ac_gguf_tensor_count(g); i++) {
        const ac_gguf_tensor *t = ac_gguf_tensor_at(g, i);
        size_t half = (size_t)t->bytes / 2; /* in two parts */
        status = ac__writer_data(w, t->data, half, err);
        if (status == AC_OK) status = ac__writer_data(w, t->data + half, (size_t)t->bytes - half, err);
    }
    if (status == AC_OK) return ac__writer_finish(&w, false, err);
    ac__writer_abandon(&w);
    return status;
}

static bool same_str(ac_str a, ac_str b) {
    return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static void same(const ac_gguf *a, const ac_gguf *b) {
    CHECK(ac_gguf_kv_count(a) == ac_gguf_kv_count(b), "entries");
    CHECK(ac_gguf_tensor_count(a) == ac_gguf_tensor_count(b), "tensors");
    for (size_t i = 0; i < ac_gguf_kv_count(a); i++) {
        const ac_kv *x = ac_gguf_kv_at(a, i), *y = ac_gguf_kv_at(b, i);
        CHECK(same_str(x->key, y->key) && x->type == y->type && x->elem == y->elem && x->count == y->count &&
                  x->bytes == y->bytes && !memcmp(x->data, y->data, x->bytes),
              "%.*s", (int)x->key.n, x->key.p);
    }
    for (size_t i = 0; i < ac_gguf_tensor_count(a); i++) {
        const ac_gguf_tensor *x = ac_gguf_tensor_at(a, i), *y = ac_gguf_tensor_at(b, i);
        CHECK(same_str(x->name, y->name) && x->type == y->type && x->n_dims == y->n_dims &&
                  !memcmp(x->dim, y->dim, sizeof x->dim) && x->bytes == y->bytes &&
                  !memcmp(x->data, y->data, x->bytes),
              "%s", x->label);
    }
}

static ac_gguf *model(gw *w, uint32_t alignment) {
    ac_error err = {0};
    ac_gguf *g;
    gw_model(w, 3, alignment);
    CHECK_OK(ac_gguf_open_memory(w->p, w->n, &g, &err));
    return g;
}

static void round_trip(uint32_t alignment) {
    ac_error err = {0};
    gw w = {0};
    ac_gguf *g = model(&w, alignment), *back;
    const char *path = in_folder("round.gguf");
    CHECK_OK(copy(g, path, &err));
    CHECK_OK(ac_gguf_open(path, &back, &err));
    same(g, back);
    CHECK(ac_gguf_bytes(back) == w.n, "alignment %u: not %zu bytes", alignment, w.n);
    ac_gguf_close(&back);
    ac_gguf_close(&g);
    gw_free(&w);
    folder_empty();
}

static void numbers(void) {
    ac_error err = {0};
    ac__writer *w;
    ac_gguf *g;
    uint32_t u;
    float f;
    bool b;
    ac_str s;
    const ac_kv *list;
    CHECK_OK(ac__writer_open(in_folder("n.gguf"), &w, &err));
    ac__writer_u32(w, "u", 4000000000u);
    ac__writer_f32(w, "f", -0.75f);
    ac__writer_bool(w, "b", true);
    ac__writer_string(w, "s", "caf\xc3\xa9");
    ac__writer_array(w, "list", AC_KV_STRING, 2);
    ac__writer_elem_string(w, "one", 3);
    ac__writer_elem_string(w, "", 0);
    CHECK_OK(ac__writer_begin(w, &err));
    CHECK_OK(ac__writer_finish(&w, true, &err));
    CHECK(!w, "the handle");
    CHECK_OK(ac_gguf_open(in_folder("n.gguf"), &g, &err));
    CHECK(!ac_gguf_u32(g, "u", &u, &err) && u == 4000000000u, "u");
    CHECK(!ac_gguf_f32(g, "f", &f, &err) && f == -0.75f, "f");
    CHECK(!ac_gguf_bool(g, "b", &b, &err) && b, "b");
    CHECK(!ac_gguf_string(g, "s", &s, &err) && same_str(s, (ac_str){"caf\xc3\xa9", 5}), "s");
    CHECK(!ac_gguf_array(g, "list", AC_KV_STRING, &list, &err) && list->count == 2, "list");
    ac_gguf_close(&g);
    folder_empty();
}

/* ---- Failures ---- */

static void expect(ac_status want, ac_status have, const ac_error *err, const char *word) {
    CHECK(have == want, "want %s, have %s: %s", ac_status_name(want), ac_status_name(have), err->detail);
    CHECK(strstr(err->detail, word), "want \"%s\" in \"%s\"", word, err->detail);
}

static void bad_places(void) {
    ac_error err = {0};
    ac__writer *w;
    expect(AC_ERR_ARGUMENT, ac__writer_open("", &w, &err), &err, "name");
    expect(AC_ERR_IO, ac__writer_open(in_folder("no/such/folder"), &w, &err), &err,
           "no/such/folder: cannot create");
    CHECK(!w, "the handle");
    expect(AC_ERR_IO, ac__writer_open(folder, &w, &err), &err,
           "cannot open for writing"); /* a folder itself */
    CHECK(folder_count() == 0, "something was left behind");
    if (geteuid() == 0) return; /* root may write everywhere */
    chmod(folder, 0500);
    expect(AC_ERR_IO, ac__writer_open(in_folder("x"), &w, &err), &err, "cannot create");
    chmod(folder, 0700);
}

static void full_disk(void) {
    ac_error err = {0};
    gw w = {0};
    ac_gguf *g = model(&w, 0);
    if (access("/dev/full", W_OK) == 0)
        expect(AC_ERR_IO, copy(g, "/dev/full", &err), &err, "/dev/full: cannot write");
    struct rlimit old, small = {4096, 4096};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0, "limit");
    ac_status status = copy(g, in_folder("x.gguf"), &err);
    setrlimit(RLIMIT_FSIZE, &old);
    expect(AC_ERR_IO, status, &err, "x.gguf: ");
    CHECK(folder_count() == 0, "half a file was left behind");
    ac_gguf_close(&g);
    gw_free(&w);
}

/* The old file stays until the new one is whole, and a link stays a link. */
static void replace(void) {
    ac_error err = {0};
    gw w = {0};
    size_t n;
    struct stat st;
    ac_gguf *g = model(&w, 0);
    file_write(in_folder("old.gguf"), "old", 3);
    ac__writer *half;
    CHECK_OK(ac__writer_open(in_folder("old.gguf"), &half, &err));
    CHECK_OK(ac__writer_begin(half, &err));
    uint8_t *p = file_read(in_folder("old.gguf"), &n);
    CHECK(n == 3 && !memcmp(p, "old", 3), "the old file is gone too early");
    free(p);
    ac__writer_abandon(&half);
    CHECK(folder_count() == 1, "the temporary file stayed");
    CHECK(symlink("old.gguf", in_folder("link.gguf")) == 0, "link");
    CHECK_OK(copy(g, in_folder("link.gguf"), &err));
    CHECK(lstat(in_folder("link.gguf"), &st) == 0 && S_ISLNK(st.st_mode), "the link became a file");
    CHECK(stat(in_folder("old.gguf"), &st) == 0 && (size_t)st.st_size == w.n,
          "the file behind the link is not new");
    CHECK((st.st_mode & 0777) == 0644 || umask(0) != 022, "mode %o", (unsigned)st.st_mode);
    ac_gguf_close(&g);
    gw_free(&w);
    folder_empty();
}

static void wrong_amounts(void) {
    ac_error err = {0};
    ac__writer *w;
    const uint64_t dim[2] = {32, 2};
    const float data[65] = {0};
    CHECK_OK(ac__writer_open(in_folder("x.gguf"), &w, &err));
    ac__writer_tensor(w, (ac_str){"t", 1}, AC_TYPE_F32, 2, dim);
    CHECK_OK(ac__writer_begin(w, &err));
    expect(AC_ERR_INTERNAL, ac__writer_data(w, data, sizeof data, &err), &err, "more data");
    CHECK_OK(ac__writer_data(w, data, 128, &err));
    expect(AC_ERR_INTERNAL, ac__writer_finish(&w, false, &err), &err, "missing");
    CHECK(!w && folder_count() == 0, "half a file was left behind");
    const uint64_t huge[4] = {1u << 30, 1u << 30, 1u << 30, 1};
    CHECK_OK(ac__writer_open(in_folder("x.gguf"), &w, &err));
    ac__writer_tensor(w, (ac_str){"t", 1}, AC_TYPE_F32, 3, huge);
    expect(AC_ERR_LIMIT, ac__writer_begin(w, &err), &err, "too large");
    ac__writer_abandon(&w);
    const uint64_t large[2] = {(uint64_t)1 << 40, 1 << 10}; /* a petabyte and more: no disk has the room */
    CHECK_OK(ac__writer_open(in_folder("x.gguf"), &w, &err));
    ac__writer_tensor(w, (ac_str){"t", 1}, AC_TYPE_F32, 2, large);
    ac_status status = ac__writer_begin(w, &err); /* not every file system can tell */
    CHECK(status == AC_OK || status == AC_ERR_IO, "%s", err.detail);
    ac__writer_abandon(&w);
    CHECK(folder_count() == 0, "something was left behind");
}

static void no_memory(void) {
    ac_error err = {0};
    gw w = {0};
    ac_gguf *g = model(&w, 0);
    ac__alloc_fail_after(1000000);
    CHECK_OK(copy(g, in_folder("x.gguf"), &err));
    long n = ac__alloc_count();
    CHECK(n > 5, "%ld allocations", n);
    folder_empty();
    for (long i = 0; i < n; i++) {
        ac__alloc_fail_after(i);
        ac_status status = copy(g, in_folder("x.gguf"), &err);
        ac__alloc_fail_after(-1);
        CHECK(status == AC_ERR_MEMORY, "allocation %ld: %s: %s", i, ac_status_name(status), err.detail);
        CHECK(folder_count() == 0, "allocation %ld: something was left behind", i);
    }
    ac_gguf_close(&g);
    gw_free(&w);
}

int main(void) {
    folder_make();
    round_trip(0);
    round_trip(8);
    round_trip(4096);
    numbers();
    bad_places();
    full_disk();
    replace();
    wrong_amounts();
    no_memory();
    return 0;
}
