/* cpu_memory.c - memory that is zero, aligned, and the system's again when freed: large blocks are mappings
 * of their own, so that a page is there only once it was touched, on the node of the thread that did. */
#include "cpu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 256, LARGE = 1 << 20 };

/* Just before the aligned address. */
typedef struct header {
    void *block;
    size_t mapped; /* bytes; 0: from malloc */
} header;

void *ac__cpu_alloc(uint64_t bytes) {
    if (bytes > SIZE_MAX - 2 * ALIGN) return NULL;
    header h = {NULL, 0};
    size_t all = (size_t)bytes + 2 * ALIGN;
    if (all < LARGE) {
        h.block = calloc(1, all);
    } else {
        h.mapped = all;
        h.block = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (h.block == MAP_FAILED) h.block = NULL;
    }
    if (!h.block) return NULL;
    uint8_t *p = (uint8_t *)h.block + (2 * ALIGN - (uintptr_t)h.block % ALIGN);
    memcpy(p - sizeof h, &h, sizeof h);
    return p;
}

void ac__cpu_free(void *p) {
    header h;
    if (!p) return;
    memcpy(&h, (uint8_t *)p - sizeof h, sizeof h);
    if (h.mapped)
        munmap(h.block, h.mapped);
    else
        free(h.block);
}
