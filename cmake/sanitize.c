/* What every executable of an AddressSanitizer build gets. LeakSanitizer names a leak by the module of its
 * stack, so drivers stay loaded (their own libraries unload each other with dlclose), and theirs are
 * suppressed by name. */
__attribute__((visibility("default"))) int dlclose(void *module);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void);

int dlclose(void *module) {
    (void)module;
    return 0;
}

const char *__lsan_default_suppressions(void) {
    return "leak:libvulkan_*\n"     /* Mesa's drivers */
           "leak:libvulkan.so*\n"   /* the loader and its layers */
           "leak:libVkLayer_*\n"
           "leak:libnvidia*\n"
           "leak:libpocl*\n"
           "leak:libOpenCL*\n"
           "leak:libLLVM*\n"
           "leak:libclang*\n"
           "leak:libMesaOpenCL*\n"
           "leak:libRusticlOpenCL*\n";
}

/* Tests look at standard error. */
const char *__lsan_default_options(void) {
    return "print_suppressions=0";
}
