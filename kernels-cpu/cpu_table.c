/* cpu_table.c - which kernel does what: ref/ everywhere, then what each instruction set has. */
#include "cpu.h"

#include <stdio.h>
#include <string.h>

static bool always(void) {
    return true;
}

/* Weakest first. */
static const ac_cpu_isa isas[] = {
    {"ref", always, ac__cpu_overlay_ref},
#ifdef __x86_64__
    {"avx2", ac__cpu_have_avx2, ac__cpu_overlay_avx2},
    {"avx512", ac__cpu_have_avx512, ac__cpu_overlay_avx512},
    {"avx512vnni", ac__cpu_have_avx512vnni, ac__cpu_overlay_avx512vnni},
#endif
#ifdef AC_CPU_NEON
    {"neon", ac__cpu_have_neon, ac__cpu_overlay_neon},
    {"neondotprod", ac__cpu_have_neondotprod, ac__cpu_overlay_neondotprod},
    {"neoni8mm", ac__cpu_have_neoni8mm, ac__cpu_overlay_neoni8mm},
#endif
};

enum { ISAS = sizeof isas / sizeof *isas };

static ac_status unknown(const char *limit, ac_error *err) {
    char known[128] = "";
    for (int i = 0; i < ISAS; i++) {
        size_t at = strlen(known);
        snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", isas[i].name);
    }
    return ac_fail(err, AC_ERR_ARGUMENT, "instruction set \"%s\": want one of %s", limit, known);
}

static ac_status missing(const char *limit, ac_error *err) {
    int best = ISAS - 1;
    while (!isas[best].have()) best--;
    return ac_fail(err, AC_ERR_UNSUPPORTED,
                   "instruction set \"%s\": this processor does not have it; %s is the best it has", limit,
                   isas[best].name);
}

/* Compiled in, but a missing entry in an overlay must not become a crash. */
static bool full(const ac_cpu_table *t) {
    bool ok = true;
    for (int i = 0; i < AC_OP_COUNT; i++)
        ok = ok && (i == AC_OP_matmul || i == AC_OP_embed || i == AC_OP_quantize || t->op[i].stage[0].work);
    for (int i = 0; i < AC_TYPE_COUNT; i++)
        ok = ok && t->matmul[i].stage[0].work && t->embed[i].stage[0].work;
    for (int i = 0; i < AC_FORM_COUNT; i++) ok = ok && t->quantize[i].stage[0].work;
    return ok;
}

ac_status ac__cpu_table_fill(ac_cpu_table *table, const char *limit, const char **isa, ac_error *err) {
    int last = ISAS - 1;
    if (limit && *limit) {
        for (last = ISAS - 1; last >= 0 && strcmp(isas[last].name, limit) != 0;) last--;
        if (last < 0) return unknown(limit, err);
        if (!isas[last].have()) return missing(limit, err);
    }
    memset(table, 0, sizeof *table);
    for (int i = 0; i <= last; i++) {
        if (!isas[i].have()) continue;
        isas[i].overlay(table);
        *isa = isas[i].name;
    }
    if (!full(table)) return ac_fail(err, AC_ERR_INTERNAL, "the CPU's kernel table has an empty slot");
    return AC_OK;
}
