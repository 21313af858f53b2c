/* panel.h - matrix products with the rows of W in the lanes of vectors.
 *
 * A panel is `lanes` rows of W, a chunk 256 elements of K (docs/numerics.md, section 4). A chunk of a panel
 * is computed in one of two ways: for a few tokens straight from the file's blocks (`direct`), for many from
 * a packed copy in the cache (`pack`, then `tile`). Lanes never meet, so that every row's float terms are
 * added in the order of the specification; a token's chunk totals are added in `total`.
 *
 * panel.c is the driver, one for all instruction sets; the kernels are made from the bodies in lanes/. */
#ifndef AC_PANEL_H
#define AC_PANEL_H

#include "cpu.h"

#define AC_PANEL_LANES 16 /* most rows of a panel */
#define AC_PANEL_TILE 8   /* most tokens of a tile */
#define AC_PANEL_DIRECT 3 /* direct kernels: for 1, 2 and 4 tokens */

/* A token's chunk of `groups` groups of 32 elements, from its row in the activation form of the weight's
 * type, as the other kernels want it: x_bytes at `out`. */
typedef void ac_panel_prepare(const uint8_t *row, const ac_act_layout *lay, uint32_t chunk, uint32_t groups,
                              void *out);
/* total[token][lane] += the sum of one chunk; x: the tokens' prepared chunks. Row r of W is at w + r *
 * w_stride. direct fetches as many bytes as it reads, at `ahead`, into the second cache: spread over its
 * work, since a core has only so many misses under way and a burst of them would hold up its own reads. */
typedef void ac_panel_direct(const uint8_t *w, size_t w_stride, const void *x, uint32_t groups, float *total,
                             const uint8_t *ahead);
typedef void ac_panel_tile(const void *packed, const void *x, uint32_t groups, float *total);
/* Reads `groups` groups of each row. */
typedef void ac_panel_pack(const uint8_t *w, size_t w_stride, uint32_t groups, void *packed);

/* How one type is multiplied on one instruction set. */
typedef struct ac_panel_kernel {
    uint32_t lanes, tokens; /* rows of a panel; most tokens of a tile */
    uint32_t packed_bytes;  /* of a chunk of a panel; a multiple of 64 */
    uint32_t x_bytes;       /* of a chunk of a token; a multiple of 64 */
    ac_panel_prepare *prepare;
    void (*pair)(void *even, void *odd); /* NULL, or what tiles want of every two tokens' prepared chunks; the
                                            first token of a tile is even then */
    ac_panel_pack *pack;
    ac_panel_tile *const *tile; /* [tokens - 1] */
    /* NULL, or for many tokens: adds to a packed chunk what they share, for tiles of tokens - 1 and of tokens
     */
    void (*tabulate)(void *packed);
    ac_panel_tile *tabled[2];
    uint32_t direct_most;                     /* tokens that are best done without packing */
    ac_panel_direct *direct[AC_PANEL_DIRECT]; /* for 1 << i tokens */
} ac_panel_kernel;

/* A slot for the matrix product with `kernel`, which outlives the table. */
ac_cpu_slot ac__panel_slot(const char *name, const ac_panel_kernel *kernel);

#endif
