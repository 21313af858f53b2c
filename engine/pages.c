/* pages.c - the page table of a session. */
#include "pages.h"

#include <string.h>

#include <anychip/backend.h>

#include "alloc.h"

static uint32_t pages_of(uint32_t length) {
    return length / AC_PAGE + (length % AC_PAGE != 0);
}

ac_status ac__pages_init(ac_pages *p, uint32_t n_pages, uint32_t n_seqs, uint32_t context, ac_error *err) {
    memset(p, 0, sizeof *p);
    p->n_pages = p->n_free = n_pages;
    p->n_seqs = n_seqs;
    p->context = context;
    p->max_pages = pages_of(context);
    p->free_list = ac__array(n_pages, sizeof *p->free_list);
    p->users = ac__calloc(n_pages, sizeof *p->users);
    p->seqs = ac__calloc(n_seqs, sizeof *p->seqs);
    p->table = ac__calloc((size_t)n_seqs * p->max_pages, sizeof *p->table);
    p->token_store = ac__calloc((size_t)n_seqs * context, sizeof *p->token_store);
    if (!p->free_list || !p->users || !p->seqs || !p->table || !p->token_store) {
        ac__pages_free(p);
        return ac_fail(err, AC_ERR_MEMORY, "page table of %u pages and %u sequences of %u tokens", n_pages,
                       n_seqs, context);
    }
    for (uint32_t i = 0; i < n_pages; i++) p->free_list[i] = (int32_t)(n_pages - 1 - i);
    for (uint32_t i = 0; i < n_seqs; i++) {
        p->seqs[i].pages = p->table + (size_t)i * p->max_pages;
        p->seqs[i].tokens = p->token_store + (size_t)i * context;
    }
    return AC_OK;
}

void ac__pages_free(ac_pages *p) {
    ac__free(p->free_list);
    ac__free(p->users);
    ac__free(p->seqs);
    ac__free(p->table);
    ac__free(p->token_store);
    memset(p, 0, sizeof *p);
}

static int32_t take(ac_pages *p) {
    int32_t page = p->free_list[--p->n_free];
    p->users[page] = 1;
    return page;
}

static void give(ac_pages *p, int32_t page) {
    if (--p->users[page] == 0) p->free_list[p->n_free++] = page;
}

/* The last page of a sequence, when it is not full but shared: it must not be written. */
static bool last_is_shared(const ac_pages *p, const ac_sequence *s) {
    return s->length % AC_PAGE != 0 && p->users[s->pages[s->length / AC_PAGE]] > 1;
}

uint32_t ac__pages_needed(const ac_pages *p, uint32_t seq, uint32_t n) {
    const ac_sequence *s = &p->seqs[seq];
    return pages_of(s->length + n) - pages_of(s->length) + (n > 0 && last_is_shared(p, s));
}

void ac__pages_append(ac_pages *p, uint32_t seq, int32_t token, int32_t *slot, int32_t *copy_from) {
    ac_sequence *s = &p->seqs[seq];
    uint32_t column = s->length / AC_PAGE;
    *copy_from = -1;
    if (s->length % AC_PAGE == 0) {
        s->pages[column] = take(p);
    } else if (last_is_shared(p, s)) {
        *copy_from = s->pages[column];
        s->pages[column] = take(p);
        give(p, *copy_from);
    }
    *slot = s->pages[column] * (int32_t)AC_PAGE + (int32_t)(s->length % AC_PAGE);
    s->tokens[s->length++] = token;
}

void ac__pages_truncate(ac_pages *p, uint32_t seq, uint32_t length) {
    ac_sequence *s = &p->seqs[seq];
    if (length >= s->length) return;
    for (uint32_t i = pages_of(length); i < pages_of(s->length); i++) {
        give(p, s->pages[i]);
        s->pages[i] = 0; /* columns beyond the length are 0 for the backend */
    }
    s->length = length;
}

bool ac__pages_fork(ac_pages *p, uint32_t from, uint32_t to, uint32_t length, int32_t *copy_from,
                    int32_t *copy_to) {
    const ac_sequence *a = &p->seqs[from];
    ac_sequence *b = &p->seqs[to];
    uint32_t whole = length / AC_PAGE;
    *copy_from = *copy_to = -1;
    if (length % AC_PAGE) {
        if (!p->n_free) return false;
        *copy_from = a->pages[whole];
        *copy_to = b->pages[whole] = take(p);
    }
    for (uint32_t i = 0; i < whole; i++) {
        b->pages[i] = a->pages[i];
        p->users[b->pages[i]]++;
    }
    memcpy(b->tokens, a->tokens, length * sizeof *b->tokens);
    b->length = length;
    return true;
}
