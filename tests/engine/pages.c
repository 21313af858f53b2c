/* The page table against a naive copy of everything: random appends, truncations and forks; contents must
 * never leak between sequences. */
#include "pages.h"

#include <anychip/backend.h>

#include "check.h"

enum { PAGES = 11, SEQS = 5, CONTEXT = 1000 };

static int32_t memory[PAGES * AC_PAGE]; /* what kernels would have stored: one value per slot */
static int32_t want[SEQS][CONTEXT];
static uint32_t want_length[SEQS];

static void append(ac_pages *p, uint32_t seq, int32_t token) {
    int32_t slot, copy_from;
    ac__pages_append(p, seq, token, &slot, &copy_from);
    CHECK(slot >= 0 && slot < PAGES * (int)AC_PAGE, "slot %d", slot);
    if (copy_from >= 0)
        memcpy(memory + slot / (int)AC_PAGE * (int)AC_PAGE, memory + copy_from * (int)AC_PAGE,
               AC_PAGE * sizeof *memory);
    memory[slot] = token;
    want[seq][want_length[seq]++] = token;
}

static void compare(const ac_pages *p) {
    uint32_t held[PAGES] = {0}, free_pages = 0;
    for (uint32_t s = 0; s < SEQS; s++) {
        const ac_sequence *q = &p->seqs[s];
        CHECK(q->length == want_length[s], "sequence %u", s);
        for (uint32_t t = 0; t < q->length; t++) {
            CHECK(memory[q->pages[t / AC_PAGE] * (int)AC_PAGE + (int)(t % AC_PAGE)] == want[s][t],
                  "sequence %u position %u", s, t);
            CHECK(q->tokens[t] == want[s][t], "token of sequence %u position %u", s, t);
        }
        for (uint32_t c = 0; c < p->max_pages; c++) {
            if (c * AC_PAGE < q->length)
                held[q->pages[c]]++;
            else
                CHECK(q->pages[c] == 0, "column %u of sequence %u is not cleared", c, s);
        }
    }
    for (uint32_t i = 0; i < PAGES; i++) {
        CHECK(held[i] == p->users[i], "page %u: %u holders, %u counted", i, held[i], p->users[i]);
        free_pages += held[i] == 0;
    }
    CHECK(free_pages == p->n_free, "%u pages are free, %u counted", free_pages, p->n_free);
}

static void step(ac_pages *p, uint64_t *random) {
    uint32_t seq = (uint32_t)(check_random(random) % SEQS), other = (uint32_t)(check_random(random) % SEQS);
    uint32_t length = want_length[seq] ? (uint32_t)(check_random(random) % (want_length[seq] + 1)) : 0;
    switch (check_random(random) % 4) {
    case 0:
        ac__pages_truncate(p, seq, length);
        want_length[seq] = length;
        break;
    case 1: {
        int32_t from, to;
        if (other == seq || want_length[other] || !ac__pages_fork(p, seq, other, length, &from, &to)) break;
        if (from >= 0)
            memcpy(memory + to * (int)AC_PAGE, memory + from * (int)AC_PAGE, AC_PAGE * sizeof *memory);
        memcpy(want[other], want[seq], length * sizeof **want);
        want_length[other] = length;
        break;
    }
    default:
        for (uint32_t n = (uint32_t)(check_random(random) % 400);
             n && want_length[seq] < CONTEXT && ac__pages_needed(p, seq, 1) <= p->n_free; n--)
            append(p, seq, (int32_t)(check_random(random) >> 40));
    }
}

int main(void) {
    ac_error err = {0};
    ac_pages p;
    CHECK_OK(ac__pages_init(&p, PAGES, SEQS, CONTEXT, &err));
    uint64_t random = 7;
    for (int i = 0; i < 20000; i++) {
        step(&p, &random);
        if (i % 7 == 0) compare(&p);
    }
    for (uint32_t s = 0; s < SEQS; s++) ac__pages_truncate(&p, s, want_length[s] = 0);
    compare(&p);
    CHECK(p.n_free == PAGES, "%u of %d pages are free at the end", p.n_free, PAGES);
    ac__pages_free(&p);
    return 0;
}
