/* tune: what was found for other numbers stays when some are tried again, and who cannot store does not
 * measure. */
#include <unistd.h>

#include <anychip/anychip.h>

#include "check.h"
#include "tuning.h"

static unsigned steps;

static bool count(void *user, const ac_tune_step *step) {
    (void)user, (void)step;
    steps++;
    return true;
}

static bool find(const char *id, ac_device_info *out) {
    ac_error err = {0};
    ac_device list[32];
    size_t n = 0;
    CHECK_OK(ac_devices_list(list, 32, &n, true, &err));
    for (size_t i = 0; i < n && i < 32; i++) {
        if (strcmp(list[i].id, id) != 0 || !list[i].usable) continue;
        *out = (ac_device_info){0};
        memcpy(out->name, list[i].name, sizeof out->name);
        memcpy(out->driver, list[i].driver, sizeof out->driver);
        return true;
    }
    return false;
}

/* How often a number is in a list of words. */
static unsigned times(const char *words, const char *name) {
    unsigned n = 0;
    for (const char *p = words; (p = strstr(p, name)) != NULL; p++) n++;
    return n;
}

int main(void) {
    char folder[] = "/tmp/anychip-tune-XXXXXX", path[4096], command[64], words[AC_TUNING_WORDS];
    ac_error err = {0};
    ac_device_info device;
    ac_tune_settings set;
    ac_tune_result r;
    if (!find("cl:0", &device)) return AC_SKIP;
    CHECK(mkdtemp(folder), "mkdtemp");
    ac_tune_defaults(&set);
    set.device = "cl:0";
    set.only = "item_group";
    set.step = count;
    set.cache_dir = "/dev/null/x";
    CHECK(ac_tune(&set, &r, &err) == AC_ERR_IO && strstr(err.detail, "stored") && steps == 0, "%u steps: %s",
          steps, err.detail);
    set.cache_dir = folder;
    CHECK_OK(
        ac__tuning_write(folder, "cl", &device, "item_cols=2,gone=1,item_group=8", path, sizeof path, &err));
    CHECK_OK(ac_tune(&set, &r, &err));
    CHECK(steps > 1 && !strcmp(r.path, path), "%s", r.path);
    CHECK(times(r.words, "item_cols=2") == 1 && times(r.words, "item_group=") == 1, "words: %s", r.words);
    ac_tuning_user user = {.cache_dir = folder, .backend = "cl"};
    CHECK(ac__tuning_words(&user, &device, words, sizeof words) && !strcmp(words, r.words), "stored: %s",
          words);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0, "%s", folder);
    return 0;
}
