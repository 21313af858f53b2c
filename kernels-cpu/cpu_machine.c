/* cpu_machine.c - which cores this process may use, in order of use. From hwloc where it was there at build
 * time, which knows nodes and kinds of cores; else from the kernel's own files. */
#include "cpu_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif
#ifdef AC_HWLOC
#include <hwloc.h>
#endif

enum { MAX_CPUS = 8192 };

/* A hardware thread; `core` is the same for those of one core. */
typedef struct cpu {
    uint32_t number, core, node, speed;
} cpu;

/* ---- What the calling thread may use --------------------------------------------------------- */

typedef struct cpu_list {
    bool may[MAX_CPUS];
} cpu_list;

static void allowed(cpu_list *list) {
    memset(list, 0, sizeof *list);
#ifdef __linux__
    cpu_set_t set[MAX_CPUS / CPU_SETSIZE];
    memset(set, 0, sizeof set);
    if (sched_getaffinity(0, sizeof set, set) == 0) {
        for (size_t i = 0; i < MAX_CPUS; i++) list->may[i] = CPU_ISSET_S(i, sizeof set, set);
        return;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 0; i < MAX_CPUS && (i < online || i < 1); i++) list->may[i] = true;
}

/* ---- Two ways to know the hardware threads --------------------------------------------------- */

#ifdef AC_HWLOC
static uint32_t node_of(hwloc_obj_t pu) {
    return hwloc_bitmap_weight(pu->nodeset) == 1 ? (uint32_t)hwloc_bitmap_first(pu->nodeset) : 0;
}

static cpu cpu_of(hwloc_topology_t t, hwloc_obj_t pu) {
    hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(t, HWLOC_OBJ_CORE, pu);
    cpu c = {pu->os_index, core ? core->logical_index : MAX_CPUS + pu->os_index, node_of(pu), 0};
    int kind = hwloc_cpukinds_get_by_cpuset(t, pu->cpuset, 0); /* kinds are in order of efficiency */
    int efficiency = -1;
    if (kind >= 0) hwloc_cpukinds_get_info(t, (unsigned)kind, NULL, &efficiency, NULL, NULL, 0);
    if (efficiency >= 0) c.speed = (uint32_t)kind;
    return c;
}

static uint32_t read_cpus(cpu *list, bool *here) {
    hwloc_topology_t t;
    uint32_t n = 0;
    cpu_list may;
    if (hwloc_topology_init(&t)) return 0;
    hwloc_topology_set_all_types_filter(t, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(t, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(t, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL); /* nodes hang on it */
    hwloc_topology_set_type_filter(t, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
    if (!hwloc_topology_load(t)) {
        *here = hwloc_topology_is_thissystem(t);
        allowed(&may);
        for (hwloc_obj_t pu = NULL; (pu = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_PU, pu)) && n < MAX_CPUS;)
            if (pu->os_index < MAX_CPUS && (!*here || may.may[pu->os_index])) list[n++] = cpu_of(t, pu);
    }
    hwloc_topology_destroy(t);
    return n;
}
#else
static uint32_t read_cpus(cpu *list, bool *here) {
    (void)list;
    (void)here;
    return 0;
}
#endif

/* The lowest hardware thread that shares a core with `number`, from a list such as "0,4" or "0-1"; itself
 * when that is not known. */
static uint32_t first_sibling(uint32_t number) {
    char path[96];
    uint32_t first;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", number);
    FILE *f = fopen(path, "r");
    if (!f) return number;
    if (fscanf(f, "%u", &first) != 1) first = number;
    fclose(f);
    return first;
}

static uint32_t read_cpus_plainly(cpu *list, bool *here) {
    cpu_list may;
    uint32_t n = 0;
    allowed(&may);
    for (uint32_t i = 0; i < MAX_CPUS; i++)
        if (may.may[i]) list[n++] = (cpu){i, first_sibling(i), 0, 0};
    *here = true;
    return n;
}

/* ---- The machine ----------------------------------------------------------------------------- */

static int compare(uint32_t a, uint32_t b) {
    return (a > b) - (a < b);
}

static int in_order(const void *left, const void *right) {
    const cpu *a = left, *b = right;
    int by = compare(b->speed, a->speed);
    if (!by) by = compare(a->node, b->node);
    if (!by) by = compare(a->core, b->core);
    return by ? by : compare(a->number, b->number);
}

/* Cores out of sorted hardware threads. */
static void group(ac_cpu_machine *m, const cpu *list) {
    for (uint32_t i = 0; i < m->n_cpus; i++) {
        m->cpus[i] = list[i].number;
        if (i == 0 || list[i].core != list[i - 1].core || list[i].node != list[i - 1].node)
            m->cores[m->n_cores++] = (ac_cpu_core){i, 0, list[i].node, list[i].speed};
        m->cores[m->n_cores - 1].n++;
        m->nodes |= 1ull << (list[i].node < 63 ? list[i].node : 63);
    }
    m->n_nodes = (uint32_t)__builtin_popcountll(m->nodes);
}

static ac_cpu_binding binding(void) {
    const char *text = getenv("ANYCHIP_BIND");
    if (text && !strcmp(text, "0")) return AC_CPU_BIND_NEVER;
    return text && !strcmp(text, "1") ? AC_CPU_BIND_ALWAYS : AC_CPU_BIND_WHERE_IT_MATTERS;
}

ac_status ac__cpu_machine_read(ac_cpu_machine *out, ac_error *err) {
    *out = (ac_cpu_machine){.binding = binding()};
    cpu *list = calloc(MAX_CPUS, sizeof *list);
    uint32_t n = list ? read_cpus(list, &out->here) : 0;
    if (list && n == 0) n = read_cpus_plainly(list, &out->here);
    if (list && n == 0) n = 1;
    out->n_cpus = n;
    out->cores = calloc(n + 1u, sizeof *out->cores);
    out->cpus = calloc(n + 1u, sizeof *out->cpus);
    bool ok = list && out->cores && out->cpus;
    if (ok) {
        qsort(list, n, sizeof *list, in_order);
        group(out, list);
    } else {
        ac__cpu_machine_free(out);
    }
    free(list);
    return ok ? AC_OK : ac_fail(err, AC_ERR_MEMORY, "no memory for a list of processors");
}

void ac__cpu_machine_free(ac_cpu_machine *m) {
    free(m->cores);
    free(m->cpus);
    *m = (ac_cpu_machine){0};
}

uint32_t ac__cpu_default_threads(const ac_cpu_machine *m) {
    uint32_t most = ac__cpu_quota("");
    return most > 0 && most < m->n_cores ? most : m->n_cores;
}

/* ---- Places ---------------------------------------------------------------------------------- */

static bool matters(const ac_cpu_machine *m) {
    return m->n_cpus > m->n_cores || m->n_nodes > 1 || m->cores[0].speed != m->cores[m->n_cores - 1].speed;
}

bool ac__cpu_bound(const ac_cpu_machine *m, uint32_t threads) {
    bool wish =
        m->binding == AC_CPU_BIND_ALWAYS || (m->binding == AC_CPU_BIND_WHERE_IT_MATTERS && matters(m));
    return wish && threads > 1 && threads >= m->n_cores && threads <= m->n_cpus;
}

/* The core of thread `id`: each has its first thread, then those that can have a second one, ... */
static uint32_t core_of(const ac_cpu_machine *m, uint32_t id) {
    uint32_t round = 0;
    for (;; round++)
        for (uint32_t i = 0; i < m->n_cores; i++)
            if (m->cores[i].n > round && id-- == 0) return i;
}

/* How many cores of the fastest kinds hold so many threads: all of a kind or none. */
static uint32_t fast_cores(const ac_cpu_machine *m, uint32_t threads) {
    uint32_t n = threads;
    while (n < m->n_cores && m->cores[n].speed == m->cores[n - 1].speed) n++;
    return n;
}

static uint32_t node_index(const ac_cpu_machine *m, uint32_t node) {
    return (uint32_t)__builtin_popcountll(m->nodes & ((1ull << (node < 63 ? node : 63)) - 1));
}

static uint32_t list_core(const ac_cpu_machine *m, uint32_t core, uint32_t *list) {
    for (uint32_t i = 0; i < m->cores[core].n; i++) list[i] = m->cpus[m->cores[core].first + i];
    return m->cores[core].n;
}

uint32_t ac__cpu_place(const ac_cpu_machine *m, uint32_t threads, uint32_t id, uint32_t *list,
                       uint32_t *node) {
    uint32_t n = 0, cores;
    *node = 0;
    if (ac__cpu_bound(m, threads)) {
        uint32_t core = core_of(m, id);
        *node = node_index(m, m->cores[core].node);
        return list_core(m, core, list);
    }
    if (m->binding == AC_CPU_BIND_NEVER || threads < 1 || threads >= m->n_cores) return 0;
    cores = fast_cores(m, threads);
    for (uint32_t i = 0; i < cores && cores < m->n_cores; i++) n += list_core(m, i, list + n);
    return n;
}

/* ---- The processor's name -------------------------------------------------------------------- */

/* The value of a line of /proc/cpuinfo with this key, or NULL; it lies in the line. */
static const char *value_of(char *line, const char *key) {
    char *value = strchr(line, ':');
    if (strncmp(line, key, strlen(key)) != 0 || !value) return NULL;
    value += 1 + strspn(value + 1, " \t");
    value[strcspn(value, "\n")] = 0;
    return value;
}

/* 64-bit Arm systems name a processor by the numbers of its maker and part only. */
void ac__cpu_name(char *name, size_t cap) {
    char line[256], maker[16] = "";
    snprintf(name, cap, "CPU");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        const char *value;
        if ((value = value_of(line, "CPU implementer"))) snprintf(maker, sizeof maker, "%.15s", value);
        if ((value = value_of(line, "CPU part"))) snprintf(name, cap, "CPU %s part %s", maker, value);
        if (!(value = value_of(line, "model name"))) continue;
        snprintf(name, cap, "%s", value);
        break;
    }
    fclose(f);
}
