/* vk_check.h - the checks of a plan. */
#ifndef AC_VK_CHECK_H
#define AC_VK_CHECK_H

#include "vk_prog.h"

/* AC_ERR_ARGUMENT names the operation, AC_ERR_LIMIT the buffer that the device cannot bind. */
ac_status vk_check(const ac_prog *p, ac_error *err);

/* Which of the run's inputs are out of range, if any: rows, tokens, positions, pages (AC_ERR_ARGUMENT). */
ac_status vk_check_run(const ac_prog *p, const ac_run *run, ac_error *err);

#endif
