/* vk_shaders.c - the embedded modules. shaders.def and the .inc files are made by the build. */
#include "vk.h"

#include <string.h>

/* One array of words per module. */
#include "shaders_words.h"

const vk_shader vk_shaders[] = {
#define X(name) {#name, words_##name, sizeof words_##name},
#include "shaders.def"
#undef X
};
const uint32_t vk_n_shaders = sizeof vk_shaders / sizeof *vk_shaders;

uint32_t vk_shader_find(const char *name) {
    for (uint32_t i = 0; i < vk_n_shaders; i++)
        if (!strcmp(vk_shaders[i].name, name)) return i;
    return AC_NONE;
}

/* FNV-1a over all words. */
uint64_t vk_shader_digest(void) {
    uint64_t h = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < vk_n_shaders; i++)
        for (size_t k = 0; k < vk_shaders[i].bytes / 4; k++)
            h = (h ^ vk_shaders[i].words[k]) * 0x100000001b3u;
    return h;
}
