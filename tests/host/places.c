/* places.c - where threads are put on machines that are not here: descriptions that hwloc makes (SMT, several
 * NUMA nodes, cores of two kinds), and control groups written to a folder. */
#include "cpu_threads.h"

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#ifdef AC_HWLOC
#include <hwloc.h>
#endif

static ac_error err;

/* ---- Control groups -------------------------------------------------------------------------- */

static char root[256];

static void put(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *p = path + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        mkdir(path, 0700);
    }
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0 && !fclose(f), "%s", path);
}

static void quotas(void) {
    snprintf(root, sizeof root, "%s/anychip-quota-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
             getpid());
    CHECK(ac__cpu_quota(root) == 0, "nothing there");
    put("/proc/self/cgroup", "0::/a/b\n");
    CHECK(ac__cpu_quota(root) == 0, "no files");
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    CHECK(ac__cpu_quota(root) == 0, "no quota");
    put("/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    CHECK(ac__cpu_quota(root) == 3, "2.5 processors: %u", ac__cpu_quota(root));
    put("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    CHECK(ac__cpu_quota(root) == 2, "the group above has less: %u", ac__cpu_quota(root));
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    CHECK(ac__cpu_quota(root) == 1, "at the root, as containers show it: %u", ac__cpu_quota(root));
    put("/proc/self/cgroup", "12:memory:/x\n4:cpu,cpuacct:/docker/1\n0::/\n");
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    CHECK(ac__cpu_quota(root) == 0, "version 1 without files");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    CHECK(ac__cpu_quota(root) == 2, "version 1, the host's path: %u", ac__cpu_quota(root));
    put("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
    CHECK(ac__cpu_quota(root) == 2, "-1 is no quota: %u", ac__cpu_quota(root));
    put("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "9223372036854775807\n");
    put("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "1\n");
    CHECK(ac__cpu_quota(root) == 2, "nonsense: %u", ac__cpu_quota(root));
    put("/proc/self/cgroup", "no colons\n0:\n:::::\n0::/../../..\n");
    ac__cpu_quota(root);
    char command[300];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    CHECK(system(command) == 0, "%s", command);
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* This machine, whatever it is. */
static void this_machine(void) {
    ac_cpu_machine m;
    CHECK_OK(ac__cpu_machine_read(&m, &err));
    CHECK(m.here && m.n_cores >= 1 && m.n_cores <= m.n_cpus && m.n_nodes >= 1, "%u cores of %u threads",
          m.n_cores, m.n_cpus);
    uint32_t n = ac__cpu_default_threads(&m);
    CHECK(n >= 1 && n <= m.n_cores, "%u threads by default", n);
    ac__cpu_machine_free(&m);
}

#ifdef AC_HWLOC
/* What a thread's place looks like: its hardware threads and, behind '@', its node: "0 8@0". */
static const char *place(const ac_cpu_machine *m, uint32_t threads, uint32_t id) {
    static char text[1024];
    uint32_t list[256], node, n = ac__cpu_place(m, threads, id, list, &node);
    size_t at = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", i ? " " : "", list[i]);
    snprintf(text + at, sizeof text - at, "@%u", node);
    return text;
}

/* A machine with `threads` threads, whose places must be `want`, one after the other, separated by commas. */
static void expect(const char *name, uint32_t cores, uint32_t nodes, uint32_t threads, const char *want) {
    ac_cpu_machine m;
    char have[4096] = "";
    CHECK_OK(ac__cpu_machine_read(&m, &err));
    CHECK(!m.here, "%s: another machine is taken for this one", name);
    CHECK(m.n_cores == cores && m.n_nodes == nodes, "%s: %u cores on %u nodes", name, m.n_cores, m.n_nodes);
    for (uint32_t i = 0; i < threads; i++) {
        size_t at = strlen(have);
        snprintf(have + at, sizeof have - at, "%s%s", i ? "," : "", place(&m, threads, i));
    }
    CHECK(!strcmp(have, want), "%s, %u threads: want %s, have %s", name, threads, want, have);
    ac__cpu_machine_free(&m);
}

static void synthetic(const char *description) {
    CHECK(!setenv("HWLOC_SYNTHETIC", description, 1), "environment");
}

static void described(void) {
    synthetic("package:1 numa:1 core:4 pu:2");
    expect("SMT", 4, 1, 4, "0 1@0,2 3@0,4 5@0,6 7@0"); /* a core each, either hardware thread of it */
    expect("SMT", 4, 1, 2, "@0,@0");                   /* too few to fill it: left to the system */
    expect("SMT", 4, 1, 6, "0 1@0,2 3@0,4 5@0,6 7@0,0 1@0,2 3@0");
    expect("SMT", 4, 1, 9, "@0,@0,@0,@0,@0,@0,@0,@0,@0"); /* more than there are hardware threads */
    synthetic("package:1 numa:1 core:4 pu:1");
    expect("plain", 4, 1, 4, "@0,@0,@0,@0"); /* nothing to choose: left to the system */
    setenv("ANYCHIP_BIND", "1", 1);
    expect("plain, always", 4, 1, 4, "0@0,1@0,2@0,3@0");
    expect("plain, always", 4, 1, 1, "@0");
    synthetic("package:2 numa:1 core:2 pu:2");
    setenv("ANYCHIP_BIND", "0", 1);
    expect("never", 4, 2, 4, "@0,@0,@0,@0");
    unsetenv("ANYCHIP_BIND");
    expect("two nodes", 4, 2, 4, "0 1@0,2 3@0,4 5@1,6 7@1");
    synthetic("numa:3 core:2 pu:1");
    expect("three nodes", 6, 3, 6, "0@0,1@0,2@1,3@1,4@2,5@2");
    synthetic("package:4 numa:2 core:12 pu:2");
    ac_cpu_machine m;
    CHECK_OK(ac__cpu_machine_read(&m, &err));
    CHECK(m.n_cores == 96 && m.n_nodes == 8 && !strcmp(place(&m, 96, 95), "190 191@7"), "96 cores: %s",
          place(&m, 96, 95));
    ac__cpu_machine_free(&m);
    unsetenv("HWLOC_SYNTHETIC");
}

/* Two fast cores with two hardware threads, four slow ones with one; the slow ones have the lower numbers. */
static void two_kinds(void) {
    hwloc_topology_t t;
    char path[256];
    unsigned first;
    snprintf(path, sizeof path, "%s/anychip-kinds-%d.xml", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
             getpid());
    CHECK(!hwloc_topology_init(&t) && !hwloc_topology_set_synthetic(t, "numa:1 core:6 pu:2") &&
              !hwloc_topology_load(t),
          "synthetic machine");
    hwloc_bitmap_t slow = hwloc_bitmap_alloc(), fast = hwloc_bitmap_alloc(), all = hwloc_bitmap_alloc();
    for (first = 0; first < 8; first += 2) hwloc_bitmap_set(slow, first); /* 1, 3, 5, 7 are not there */
    hwloc_bitmap_set_range(fast, 8, 11);
    hwloc_bitmap_or(all, slow, fast);
    CHECK(!hwloc_topology_restrict(t, all, 0), "restrict");
    CHECK(!hwloc_cpukinds_register(t, slow, 1, 0, NULL, 0) &&
              !hwloc_cpukinds_register(t, fast, 9, 0, NULL, 0),
          "kinds");
    CHECK(!hwloc_topology_export_xml(t, path, 0), "export");
    hwloc_bitmap_free(slow), hwloc_bitmap_free(fast), hwloc_bitmap_free(all);
    hwloc_topology_destroy(t);
    setenv("HWLOC_XMLFILE", path, 1);
    expect("two kinds", 6, 1, 6, "8 9@0,10 11@0,0@0,2@0,4@0,6@0");
    expect("two kinds", 6, 1, 8, "8 9@0,10 11@0,0@0,2@0,4@0,6@0,8 9@0,10 11@0");
    expect("two kinds", 6, 1, 2, "8 9 10 11@0,8 9 10 11@0"); /* the fast ones, not further split */
    expect("two kinds", 6, 1, 3, "@0,@0,@0");                /* needs slow ones too: all the same */
    unsetenv("HWLOC_XMLFILE");
    unlink(path);
}
#endif

int main(void) {
    quotas();
    this_machine();
#ifdef AC_HWLOC
    described();
    two_kinds();
#else
    printf("built without hwloc: only this machine\n");
#endif
    return 0;
}
