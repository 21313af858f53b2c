/* sampler.h - the sampler behind ac_sampler_open, which only needs the size of the vocabulary. */
#ifndef AC_SAMPLER_H
#define AC_SAMPLER_H

#include <anychip/anychip.h>

/* As ac_sampler_open. settings may be NULL. AC_ERR_ARGUMENT names the setting that is out of range;
 * AC_ERR_MEMORY. */
ac_status ac_sampler_open_vocab(uint32_t vocab, const ac_sampler_settings *settings, ac_sampler **out,
                                ac_error *err);

#endif
