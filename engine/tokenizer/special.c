/* special.c - tokens that are found in the text before it is cut into words. */
#include "vocab.h"

#include <stdlib.h>

/* ---- trie ---- */

/* The slot of an edge, or the free one where it would go. */
static uint32_t edge_slot(const ac__trie *t, uint32_t node, unsigned char byte) {
    uint64_t key = (uint64_t)node << 8 | byte, h = key * 0x9E3779B97F4A7C15ull;
    for (uint32_t i = (uint32_t)(h >> 32) & t->mask;; i = (i + 1) & t->mask)
        if (t->key[i] == key || t->key[i] == UINT64_MAX) return i;
}

static uint32_t step_to(const ac__trie *t, uint32_t node, unsigned char byte) {
    uint32_t i = edge_slot(t, node, byte);
    return t->key[i] == UINT64_MAX ? AC__NONE : t->child[i];
}

static bool edges_resize(ac__trie *t, uint32_t mask) {
    ac__trie old = *t;
    t->key = ac__array((size_t)mask + 1, sizeof *t->key);
    t->child = ac__array((size_t)mask + 1, sizeof *t->child);
    if (!t->key || !t->child) {
        ac__free(t->key);
        ac__free(t->child);
        *t = old;
        return false;
    }
    t->mask = mask;
    memset(t->key, 0xFF, ((size_t)mask + 1) * sizeof *t->key);
    for (uint32_t i = 0; old.key && i <= old.mask; i++) {
        if (old.key[i] == UINT64_MAX) continue;
        uint32_t to = edge_slot(t, (uint32_t)(old.key[i] >> 8), (unsigned char)old.key[i]);
        t->key[to] = old.key[i];
        t->child[to] = old.child[i];
    }
    ac__free(old.key);
    ac__free(old.child);
    return true;
}

static bool new_node(ac__trie *t) {
    if (t->nodes == t->room) {
        uint32_t room = t->room ? t->room * 2 : 256;
        int32_t *any = ac__array_grow(t->any, room, sizeof *any);
        if (!any) return false;
        t->any = any;
        int32_t *user = ac__array_grow(t->user, room, sizeof *user);
        if (!user) return false;
        t->user = user;
        t->room = room;
    }
    t->any[t->nodes] = t->user[t->nodes] = -1;
    t->nodes++;
    return true;
}

bool ac__trie_add(ac__trie *t, ac_str text, int32_t id, bool user) {
    if (!t->nodes && (!new_node(t) || !edges_resize(t, 1023))) return false;
    uint32_t node = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint32_t at = edge_slot(t, node, (unsigned char)text.p[i]);
        if (t->key[at] == UINT64_MAX) {
            if (!new_node(t)) return false;
            t->key[at] = (uint64_t)node << 8 | (unsigned char)text.p[i];
            t->child[at] = t->nodes - 1;
        }
        node = t->child[at];
        if (t->nodes > t->mask / 2 && !edges_resize(t, t->mask * 2 + 1)) return false;
    }
    if (t->any[node] < 0) t->any[node] = id;
    if (user && t->user[node] < 0) t->user[node] = id;
    return true;
}

void ac__trie_close(ac__trie *t) {
    ac__free(t->key);
    ac__free(t->child);
    ac__free(t->any);
    ac__free(t->user);
    memset(t, 0, sizeof *t);
}

/* ---- finding ---- */

typedef struct finder {
    const ac_tokenizer *t;
    const char *text;
    size_t n;
    bool control;
    char *taken; /* [n] byte belongs to a special token, or was swallowed by one */
    ac__heap heap;
    ac__part *found;
    size_t count, room;
} finder;

/* The longest special token that starts at `at` and has at most `limit` bytes; 0 when there is none. */
static uint32_t longest_at(const finder *f, size_t at, size_t limit, int32_t *id) {
    const ac__trie *trie = &f->t->trie;
    uint32_t node = 0, best = 0;
    for (size_t i = 0; i < limit; i++) {
        node = step_to(trie, node, (unsigned char)f->text[at + i]);
        if (node == AC__NONE) break;
        int32_t here = f->control ? trie->any[node] : trie->user[node];
        if (here >= 0) best = (uint32_t)i + 1, *id = here;
    }
    return best;
}

/* Longer ones first, then the leftmost. */
static bool list(finder *f, size_t at, uint32_t size, int32_t id) {
    if (!ac__heap_reserve(&f->heap, f->heap.count + 1)) return false;
    ac__heap_push(&f->heap,
                  (ac__job){(uint64_t)(UINT32_MAX - size) << 32 | (uint32_t)at, size, (uint32_t)id});
    return true;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool take(finder *f, size_t at, uint32_t size, int32_t id) {
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 16;
        ac__part *more = ac__array_grow(f->found, room, sizeof *more);
        if (!more) return false;
        f->found = more;
        f->room = room;
    }
    f->found[f->count++] = (ac__part){(uint32_t)at, size, id};
    memset(f->taken + at, 1, size);
    if (f->t->kind[id] & AC__TOK_RSTRIP)
        for (size_t i = at + size; i < f->n && !f->taken[i] && is_space(f->text[i]); i++) f->taken[i] = 1;
    return true;
}

static bool find_all(finder *f) {
    int32_t id = -1;
    for (size_t i = 0; i < f->n; i++) {
        uint32_t size = longest_at(f, i, f->n - i, &id);
        if (size && !list(f, i, size, id)) return false;
    }
    if (!f->heap.count) return true;
    f->taken = ac__calloc(f->n, 1);
    if (!f->taken) return false;
    while (f->heap.count) {
        ac__job job = ac__heap_pop(&f->heap);
        size_t at = (uint32_t)job.key, free_n = 0;
        while (free_n < job.size && !f->taken[at + free_n]) free_n++;
        if (free_n == job.size) {
            if (!take(f, at, job.size, (int32_t)job.result)) return false;
        } else if (free_n) {
            uint32_t size = longest_at(f, at, free_n, &id);
            if (size && !list(f, at, size, id)) return false;
        }
    }
    return true;
}

static int by_place(const void *a, const void *b) {
    uint32_t x = ((const ac__part *)a)->at, y = ((const ac__part *)b)->at;
    return (x > y) - (x < y);
}

/* Specials in order, with the text between them. */
static ac__part *assemble(finder *f, size_t *count) {
    ac__part *out = ac__array(2 * f->count + 1, sizeof *out);
    if (!out) return NULL;
    if (f->count) qsort(f->found, f->count, sizeof *f->found, by_place);
    size_t k = 0, at = 0;
    for (size_t i = 0; i <= f->count; i++) {
        size_t to = i < f->count ? f->found[i].at : f->n;
        while (f->taken && at < to && f->taken[at]) at++;
        if (at < to) out[k++] = (ac__part){(uint32_t)at, (uint32_t)(to - at), -1};
        if (i == f->count) break;
        out[k++] = f->found[i];
        at = to + f->found[i].n;
    }
    *count = k;
    return out;
}

ac_status ac__special_split(const ac_tokenizer *t, const char *text, size_t n, bool control, ac__part **out,
                            size_t *count, ac_error *err) {
    finder f = {.t = t, .text = text, .n = n, .control = control};
    bool ok = !t->trie.nodes || find_all(&f);
    *out = ok ? assemble(&f, count) : NULL;
    ac__free(f.taken);
    ac__free(f.found);
    ac__free(f.heap.job);
    return *out ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "tokenizer: special tokens of a text of %zu bytes", n);
}
