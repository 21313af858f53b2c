/* strings.c - hash tables of the vocabulary: text -> number, pair of numbers -> merge. */
#include "vocab.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint32_t table_mask(uint64_t expect) {
    uint64_t size = 16;
    while (size < expect * 2) size *= 2;
    return (uint32_t)(size - 1);
}

static bool slots_open(ac__strings *s, uint32_t mask) {
    s->slot = ac__array((size_t)mask + 1, sizeof *s->slot);
    s->tag = ac__array((size_t)mask + 1, sizeof *s->tag);
    s->mask = mask;
    if (!s->slot || !s->tag) return false;
    memset(s->slot, 0xFF, ((size_t)mask + 1) * sizeof *s->slot);
    return true;
}

bool ac__strings_open(ac__strings *s, uint32_t expect) {
    memset(s, 0, sizeof *s);
    s->room = expect ? expect : 1;
    s->key = ac__array(s->room, sizeof *s->key);
    return s->key && slots_open(s, table_mask(expect));
}

void ac__strings_close(ac__strings *s) {
    ac__free(s->key);
    ac__free(s->slot);
    ac__free(s->tag);
    memset(s, 0, sizeof *s);
}

/* The slot of the string, or the free one where it would go. */
static uint32_t slot_of(const ac__strings *s, const char *p, size_t n, uint32_t *tag) {
    uint64_t hash = XXH3_64bits(p, n);
    *tag = (uint32_t)hash;
    for (uint32_t i = (uint32_t)(hash >> 32) & s->mask;; i = (i + 1) & s->mask) {
        uint32_t k = s->slot[i];
        if (k == AC__NONE) return i;
        if (s->tag[i] == *tag && s->key[k].n == n && memcmp(s->key[k].p, p, n) == 0) return i;
    }
}

uint32_t ac__strings_find(const ac__strings *s, const char *p, size_t n) {
    uint32_t tag;
    return s->slot[slot_of(s, p, n, &tag)];
}

static bool grow(ac__strings *s) {
    ac__strings old = *s;
    if (!slots_open(s, old.mask * 2 + 1)) {
        ac__free(s->slot);
        ac__free(s->tag);
        *s = old;
        return false;
    }
    for (uint32_t i = 0; i <= old.mask; i++) {
        if (old.slot[i] == AC__NONE) continue;
        const ac_str *key = &s->key[old.slot[i]];
        uint32_t tag, to = slot_of(s, key->p, key->n, &tag);
        s->slot[to] = old.slot[i];
        s->tag[to] = tag;
    }
    ac__free(old.slot);
    ac__free(old.tag);
    return true;
}

bool ac__strings_append(ac__strings *s, ac_str key, bool *duplicate) {
    if (s->count == s->room) {
        ac_str *more = ac__array_grow(s->key, (size_t)s->room * 2, sizeof *more);
        if (!more) return false;
        s->key = more;
        s->room *= 2;
    }
    if (s->count >= s->mask / 2 && !grow(s)) return false;
    uint32_t tag, i = slot_of(s, key.p, key.n, &tag);
    *duplicate = s->slot[i] != AC__NONE;
    if (!*duplicate) {
        s->slot[i] = s->count;
        s->tag[i] = tag;
    }
    s->key[s->count++] = key;
    return true;
}

bool ac__pairs_open(ac__pairs *s, uint32_t expect) {
    s->mask = table_mask(expect);
    s->slot = ac__array((size_t)s->mask + 1, sizeof *s->slot);
    if (!s->slot) return false;
    memset(s->slot, 0xFF, ((size_t)s->mask + 1) * sizeof *s->slot);
    return true;
}

void ac__pairs_close(ac__pairs *s) {
    ac__free(s->slot);
    s->slot = NULL;
}

static ac__pair *pair_slot(const ac__pairs *s, uint64_t key) {
    uint64_t h = key * 0x9E3779B97F4A7C15ull; /* Fibonacci hashing */
    h ^= h >> 32;
    for (uint32_t i = (uint32_t)h & s->mask;; i = (i + 1) & s->mask)
        if (s->slot[i].key == key || s->slot[i].key == UINT64_MAX) return &s->slot[i];
}

const ac__pair *ac__pairs_find(const ac__pairs *s, uint32_t left, uint32_t right) {
    const ac__pair *p = pair_slot(s, (uint64_t)left << 32 | right);
    return p->key == UINT64_MAX ? NULL : p;
}

void ac__pairs_put(ac__pairs *s, uint32_t left, uint32_t right, uint32_t rank, uint32_t result) {
    uint64_t key = (uint64_t)left << 32 | right;
    ac__pair *p = pair_slot(s, key);
    if (p->key == UINT64_MAX) *p = (ac__pair){key, rank, result};
}
