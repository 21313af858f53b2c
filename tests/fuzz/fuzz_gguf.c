/* fuzz_gguf.c - libFuzzer target of the GGUF reader: whatever the bytes, they are opened or refused, and all
 * that an opened file hands out can be read. docs/hostile-files.md says how to run it. */
#include "alloc.h"
#include "loader/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ac_gguf *g;
    ac_error err = {0};
    ac__alloc_fail_after(-1);
    ac_status status = ac_gguf_open_memory(data, size, &g, &err);
    CHECK(ac__alloc_largest() <= size * 16 + 8192, "memory is bounded by the file");
    if (status == AC_OK) walk(g);
    else CHECK(!g && err.status == status && err.detail[0], "a refusal says why");
    ac_gguf_close(&g);
    return 0;
}
