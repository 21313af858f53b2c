/* matmul.h - the matrix products of an instruction set: its folder's matmul.c includes this after its
 * vec_*.h, with V_ISA, the name of the instruction set. */
#ifndef AC_LANES_MATMUL_H
#define AC_LANES_MATMUL_H

#include "product.h"

/* Every number of tokens that a tile may have: X(type, n). */
#if V_TILE == 8
#define V_TILES(X, type)                                                                                     \
    X(type, 1) X(type, 2) X(type, 3) X(type, 4) X(type, 5) X(type, 6) X(type, 7) X(type, 8)
#define V_TILE_LIST(type)                                                                                    \
    {                                                                                                        \
        tile1_##type, tile2_##type, tile3_##type, tile4_##type, tile5_##type, tile6_##type, tile7_##type,    \
            tile8_##type                                                                                     \
    }
#elif V_TILE == 6
#define V_TILES(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4) X(type, 5) X(type, 6)
#define V_TILE_LIST(type)                                                                                    \
    { tile1_##type, tile2_##type, tile3_##type, tile4_##type, tile5_##type, tile6_##type }
#elif V_TILE == 4
#define V_TILES(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4)
#define V_TILE_LIST(type)                                                                                    \
    { tile1_##type, tile2_##type, tile3_##type, tile4_##type }
#endif

/* The most tokens that go straight from the blocks: from so many on, packing and its stores cost less than
 * unpacking once for every four (measured: 16 lanes; 8 lanes; not measured: NEON). */
enum { V_DIRECT = LANES == 16 ? 8 : 4 };

#define V_KERNEL(type, packed_chunk, x_chunk, ...)                                                           \
    static ac_panel_tile *const tiles_##type[V_TILE] = V_TILE_LIST(type);                                    \
    static const ac_panel_kernel kernel_##type = {                                                           \
        .lanes = LANES,                                                                                      \
        .tokens = V_TILE,                                                                                    \
        .packed_bytes = sizeof(packed_chunk),                                                                \
        .x_bytes = sizeof(x_chunk),                                                                          \
        .prepare = prepare_##type,                                                                           \
        .pair = V_PAIR_TOKENS,                                                                               \
        .pack = pack_##type,                                                                                 \
        .tile = tiles_##type,                                                                                \
        .direct_most = V_DIRECT,                                                                             \
        .direct = {direct1_##type, direct2_##type, direct4_##type},                                          \
        __VA_ARGS__};

#include "matmul256.h"
#include "matmul32.h"

V_KERNELS32(q4_0, Q4_0)
V_KERNELS32(q4_1, Q4_1)
V_KERNELS32(q5_0, Q5_0)
V_KERNELS32(q5_1, Q5_1)
V_KERNELS32(q8_0, Q8_0)
V_KERNELS32(iq4_nl, IQ4_NL)
V_KERNELS32(mxfp4, MXFP4)
V_KERNELS256(q2_k)
V_KERNELS256(q3_k)
V_KERNELS256(q4_k)
V_KERNELS256(q5_k)
V_KERNELS256(q6_k)
V_KERNELS256(iq4_xs)

static void v_matmul_slots(ac_cpu_table *table) {
#define SLOT(type, TYPE)                                                                                     \
    table->matmul[AC_TYPE_##TYPE] = ac__panel_slot("ac_matmul_" #type "__" V_ISA, &kernel_##type);
    SLOT(q4_0, Q4_0)
    SLOT(q4_1, Q4_1)
    SLOT(q5_0, Q5_0)
    SLOT(q5_1, Q5_1)
    SLOT(q8_0, Q8_0)
    SLOT(iq4_nl, IQ4_NL)
    SLOT(mxfp4, MXFP4)
    SLOT(q2_k, Q2_K)
    SLOT(q3_k, Q3_K)
    SLOT(q4_k, Q4_K)
    SLOT(q5_k, Q5_K)
    SLOT(q6_k, Q6_K)
    SLOT(iq4_xs, IQ4_XS)
#undef SLOT
}

#endif
