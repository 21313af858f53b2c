/* seeds.c - writes the small valid files that fuzzing starts from: fuzz_seeds FOLDER */
#include "loader/gguf_write.h"

static void save(const char *folder, const char *name, gw *w) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.gguf", folder, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(w->p, 1, w->n, f) == w->n && !fclose(f), "%s", path);
    gw_free(w);
}

int main(int argc, char **argv) {
    CHECK(argc == 2, "usage: fuzz_seeds FOLDER");
    gw w = {0};
    gw_model(&w, 3, 0);
    save(argv[1], "all", &w);
    gw_head(&w, 3, 0, 13);
    gw_scalars(&w);
    save(argv[1], "scalars", &w);
    gw_head(&w, 2, 0, 15);
    gw_arrays(&w);
    save(argv[1], "arrays", &w);
    gw_head(&w, 3, AC_TYPE_COUNT, 1);
    gw_key_u32(&w, "general.alignment", 8);
    uint64_t bytes = gw_typed_tensors(&w, 8);
    gw_pad(&w, 8);
    gw_data(&w, bytes);
    save(argv[1], "tensors", &w);
    gw_head(&w, 3, 2, 3);
    gw_key(&w, "split.count", AC_KV_U16), gw_u16(&w, 1);
    gw_key(&w, "split.no", AC_KV_U16), gw_u16(&w, 0);
    gw_key(&w, "split.tensors.count", AC_KV_I32), gw_u32(&w, 2);
    gw_tensor(&w, "a", 0, 0, 1, (uint64_t)4);
    gw_tensor(&w, "b", 8, 32, 1, (uint64_t)32);
    gw_pad(&w, 32);
    gw_data(&w, 96);
    save(argv[1], "split", &w);
    return 0;
}
