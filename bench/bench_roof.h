/* bench_roof.h - what this machine reaches: the limits that decode (memory) and prefill (multiplications)
 * live on, measured with as many threads as the model ran with. */
#ifndef ANYCHIP_BENCH_ROOF_H
#define ANYCHIP_BENCH_ROOF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bench_roof {
    unsigned threads;
    double read_bytes; /* per second, reading memory far larger than the caches; 0 = could not be measured */
    double int8_ops;   /* per second: 8-bit multiplications and their additions, each counted; 0 = unknown */
    char why_no_read[96]; /* reasons, "" when measured */
    char why_no_int8[96];
} bench_roof;

/* Takes about a second. `isa`: the instruction set whose peak is meant, by the name that the CPU backend
 * gives it ("avx2"). */
void bench_roof_measure(unsigned threads, const char *isa, bench_roof *out);

/* ---- bench_peak.c ---- */

/* Runs about `rounds` rounds of 8-bit multiply-adds in registers; returns how many operations that were. */
typedef double bench_peak_fn(size_t rounds);
/* The loop for an instruction set, or NULL with the reason. */
bench_peak_fn *bench_peak_find(const char *isa, const char **why_not);

#endif
