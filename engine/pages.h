/* pages.h - which KV pages belong to which sequence. Pages hold AC_PAGE positions and may be shared by
 * sequences with the same beginning. */
#ifndef AC_PAGES_H
#define AC_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <anychip/status.h>

typedef struct ac_sequence {
    uint32_t length; /* tokens held */
    int32_t *pages;  /* [max_pages]; the first ceil(length / AC_PAGE) are in use */
    int32_t *tokens; /* [context] what was fed, for replay */
} ac_sequence;

typedef struct ac_pages {
    uint32_t n_pages, n_free, max_pages, n_seqs, context;
    int32_t *free_list; /* [n_pages], a stack */
    uint32_t *users;    /* [n_pages] sequences that hold the page */
    ac_sequence *seqs;  /* [n_seqs] */
    int32_t *table;     /* [n_seqs][max_pages], behind seqs[].pages: what a run is given */
    int32_t *token_store;
} ac_pages;

ac_status ac__pages_init(ac_pages *p, uint32_t n_pages, uint32_t n_seqs, uint32_t context, ac_error *err);
void ac__pages_free(ac_pages *p);

/* Pages that appending n tokens to a sequence takes from the free list. */
uint32_t ac__pages_needed(const ac_pages *p, uint32_t seq, uint32_t n);

/* Makes room for one more token: *slot is where it goes. When *copy_from is not -1, that page must be copied
 * to page *slot / AC_PAGE first (the sequence shared it). The caller has checked ac__pages_needed. */
void ac__pages_append(ac_pages *p, uint32_t seq, int32_t token, int32_t *slot, int32_t *copy_from);

/* Shortens a sequence and gives back the pages that it no longer needs. */
void ac__pages_truncate(ac_pages *p, uint32_t seq, uint32_t length);

/* Makes the empty sequence `to` share the first `length` tokens of `from`: whole pages by reference;
 * *copy_from and *copy_to are the pages to copy for the rest (-1 = none). False when a page is needed and
 * none is free. */
bool ac__pages_fork(ac_pages *p, uint32_t from, uint32_t to, uint32_t length, int32_t *copy_from,
                    int32_t *copy_to);

#endif
