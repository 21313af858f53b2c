/* heap.c - the work list of a merge, the smallest key on top. */
#include "vocab.h"

bool ac__heap_reserve(ac__heap *h, size_t n) {
    if (n <= h->room) return true;
    size_t room = n < 64 ? 64 : n + n / 2;
    ac__job *more = ac__array_grow(h->job, room, sizeof *more);
    if (!more) return false;
    h->job = more;
    h->room = room;
    return true;
}

void ac__heap_push(ac__heap *h, ac__job job) {
    size_t i = h->count++;
    while (i && h->job[(i - 1) / 2].key > job.key) {
        h->job[i] = h->job[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->job[i] = job;
}

ac__job ac__heap_pop(ac__heap *h) {
    ac__job top = h->job[0], last = h->job[--h->count];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < h->count) {
        if (child + 1 < h->count && h->job[child + 1].key < h->job[child].key) child++;
        if (h->job[child].key >= last.key) break;
        h->job[i] = h->job[child];
        i = child;
    }
    h->job[i] = last;
    return top;
}
