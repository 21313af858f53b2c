/* tuning.h - what `anychip tune` found, in a file per device and driver. */
#ifndef AC_TUNING_H
#define AC_TUNING_H

#include <anychip/anychip.h>
#include <anychip/backend.h>

enum { AC_TUNING_WORDS = 512 };

/* Whose tuning is asked for. */
typedef struct ac_tuning_user {
    const char *cache_dir, *backend;
    ac_log_fn log;
    void *log_user;
} ac_tuning_user;

/* ac_open_settings.tuning, with an ac_tuning_user: the file's words. False when there is no such file, or it
 * is not whole, or not this device's and driver's; then it might as well not be there. */
bool ac__tuning_words(void *user, const ac_device_info *device, char *words, size_t cap);

/* Puts the words into the device's file, in one step: readers see the old file or the new one. `path` gets
 * its name. AC_ERR_IO, AC_ERR_ARGUMENT (words too long). */
ac_status ac__tuning_write(const char *cache_dir, const char *backend, const ac_device_info *device,
                           const char *words, char *path, size_t cap, ac_error *err);

/* Whether such a file can be written, so that nobody measures for minutes in vain. AC_ERR_IO. */
ac_status ac__tuning_writable(const char *cache_dir, const char *backend, const ac_device_info *device,
                              ac_error *err);

#endif
