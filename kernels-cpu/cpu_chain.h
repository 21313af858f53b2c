/* cpu_chain.h - jobs that are done together, row by row. */
#ifndef AC_CPU_CHAIN_H
#define AC_CPU_CHAIN_H

#include "cpu.h"

/* jobs[0 .. n) and into how many items they split together, one job (stage 0) by itself included. */
typedef struct ac_cpu_chain {
    const ac_cpu_job *jobs;
    uint32_t n, items;
} ac_cpu_chain;

/* Sets `joins` of all jobs of a filled program. */
void ac__cpu_chain_find(ac_prog *prog);

/* The chain that starts with job `first` in this run: all its rows when there are enough of them for all
 * threads, else as long as the jobs split into the same parts. */
ac_cpu_chain ac__cpu_chain_of(const ac_prog *prog, uint32_t first, uint32_t threads);

/* Items first .. last - 1; ns: NULL, or [n], to which the time of each job is added. */
void ac__cpu_chain_work(const ac_cpu_chain *chain, uint32_t first, uint32_t last, uint32_t threads,
                        void *scratch, uint64_t *ns);

#endif
