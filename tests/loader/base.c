/* base.c - statuses and their details, weight types by number and name, memory with checked sizes. */
#include <anychip/status.h>
#include <anychip/types.h>

#include "alloc.h"
#include "check.h"

static void check_statuses(void) {
    static const ac_status all[] = {
#define X(name, number, text) AC_##name,
        AC_STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(!strncmp(ac_status_name(all[i]), all[i] ? "AC_ERR_" : "AC_OK", 5), "%s",
              ac_status_name(all[i]));
        CHECK(strcmp(ac_status_text(all[i]), "unknown status"), "%d", (int)all[i]);
        for (size_t k = 0; k < i; k++) CHECK(all[i] != all[k] && all[i] < 0, "%s", ac_status_name(all[i]));
    }
    CHECK(!strcmp(ac_status_text((ac_status)-9999), "unknown status"), "text of no status");
    CHECK(!strcmp(ac_status_name((ac_status)-9999), "AC_UNKNOWN"), "name of no status");
}

static void check_detail(const char *in, const char *want) {
    ac_error err;
    CHECK(ac_fail(&err, AC_ERR_IO, "%s", in) == AC_ERR_IO && err.status == AC_ERR_IO, "status");
    CHECK(!strcmp(err.detail, want), "want \"%s\", have \"%s\"", want, err.detail);
}

/* Whatever a name holds, a detail is printable UTF-8. */
static void check_details(void) {
    check_detail("plain", "plain");
    check_detail("a\x1b[2Jb\n\x7f", "a?[2Jb??");
    check_detail("gr\xc3\xbc\xc3\x9f \xe4\xb8\x96 \xf0\x9f\x99\x82",
                 "gr\xc3\xbc\xc3\x9f \xe4\xb8\x96 \xf0\x9f\x99\x82");
    check_detail("\x80|\xc3|\xff|\xc0\xaf", "?|?|?|??");            /* stray, cut off, no lead, overlong */
    check_detail("\xed\xa0\x80|\xe0\x80\x80", "???|???");           /* surrogate, overlong */
    check_detail("\xf4\x90\x80\x80|\xf0\x8f\xbf\xbf", "????|????"); /* beyond the last, overlong */
    check_detail(" ~\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
                 " ~\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"); /* edges */
    check_detail("\xf0\x9f\x99|\xe4\xb8", "???|??");
    check_detail("\xc2\x9b|\xc2\xa0", "??|\xc2\xa0"); /* C1 control, no-break space */
    CHECK(ac_fail(NULL, AC_ERR_LIMIT, "%s", "x") == AC_ERR_LIMIT, "err may be NULL");

    char text[1000];
    ac_error err;
    for (size_t i = 0; i < sizeof text - 1; i++) text[i] = "\xe4\xb8\x96"[i % 3];
    text[sizeof text - 1] = 0;
    for (int shift = 0; shift < 3; shift++) {
        ac_fail(&err, AC_ERR_IO, "%s%s", &"  "[shift], text);
        size_t n = strlen(err.detail);
        CHECK(n == sizeof err.detail - 1, "%zu", n);
        size_t rest = (n - (size_t)(2 - shift)) % 3;
        for (size_t i = 0; i < rest; i++)
            CHECK(err.detail[n - 1 - i] == '?', "a cut character is no character");
        CHECK((err.detail[n - 1 - rest] & 0xc0) == 0x80, "a whole one is");
    }
}

static void check_types(void) {
    for (unsigned t = 0; t < AC_TYPE_COUNT; t++) {
        const ac_type_info *info = ac_type_describe((ac_type)t);
        char upper[16] = {0};
        for (size_t i = 0; info->name[i]; i++)
            upper[i] =
                (char)(info->name[i] >= 'a' && info->name[i] <= 'z' ? info->name[i] - 32 : info->name[i]);
        CHECK(ac_type_from_gguf(info->gguf_id) == (ac_type)t, "%s", info->name);
        CHECK(ac_type_from_name(info->name) == (ac_type)t && ac_type_from_name(upper) == (ac_type)t, "%s",
              upper);
        CHECK(ac_type_row_bytes((ac_type)t, 512) == 512 / info->block_elems * info->block_bytes, "%s",
              info->name);
        CHECK(info->form < AC_FORM_COUNT && (info->block_elems == 256) == (info->form == AC_FORM_A256), "%s",
              info->name);
    }
    CHECK(!ac_type_describe(AC_TYPE_COUNT) && !ac_type_describe((ac_type)-1), "no such type");
    CHECK(ac_type_from_name("q9_9") == AC_TYPE_COUNT && ac_type_from_name(NULL) == AC_TYPE_COUNT,
          "no such name");
    CHECK(ac_type_from_name("") == AC_TYPE_COUNT && ac_type_from_gguf(31) == AC_TYPE_COUNT, "no such number");
}

static void check_memory(void) {
    size_t half = SIZE_MAX / 2 + 1;
    CHECK(!ac__array(half, 2) && !ac__array(SIZE_MAX, SIZE_MAX) && !ac__calloc(half, 2), "sizes that wrap");
    char *p = ac__array(0, 8);
    CHECK(p, "nothing is a pointer");
    CHECK(!ac__array_grow(p, half, 2), "sizes that wrap");
    p = ac__array_grow(p, 4, 1);
    CHECK(p, "grown");
    ac__free(p);
    p = ac__calloc(3, 3);
    for (int i = 0; i < 9; i++) CHECK(p && !p[i], "zeroed");
    ac__free(p);
    p = ac__strndup("text", 2);
    CHECK(p && !strcmp(p, "te"), "%s", p);
    ac__free(p);
    p = ac__strndup("text", 99);
    CHECK(p && !strcmp(p, "text"), "%s", p);

    ac__alloc_fail_after(2);
    void *a = ac__malloc(1), *b = ac__calloc(1, 100);
    CHECK(a && b && !ac__malloc(1) && !ac__calloc(1, 1) && !ac__realloc(a, 2) && !ac__strndup("x", 1),
          "the third fails");
    CHECK(!ac__array(1, 1) && !ac__array_grow(a, 1, 1), "and all later ones");
    CHECK(ac__alloc_count() == 8 && ac__alloc_largest() == 100, "%ld", ac__alloc_count());
    ac__alloc_fail_once(1);
    void *c = ac__malloc(1);
    CHECK(c && !ac__malloc(1), "the second fails");
    ac__free(c);
    c = ac__malloc(1);
    CHECK(c && ac__alloc_count() == 3, "and no other");
    ac__free(c);
    ac__alloc_fail_after(-1);
    CHECK(ac__alloc_count() == 0 && ac__alloc_largest() == 0, "counted afresh");
    a = ac__realloc(a, 2);
    CHECK(a && ac__alloc_count() == 1, "back to normal");
    ac__free(a);
    ac__free(b);
    ac__free(p);
    ac__free(NULL);
}

int main(void) {
    check_statuses();
    check_details();
    check_types();
    check_memory();
    return 0;
}
