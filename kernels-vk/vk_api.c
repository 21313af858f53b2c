/* vk_api.c - libvulkan at run time. */
#include "vk_api.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static PFN_vkGetInstanceProcAddr get_instance_proc;

static void load_library(void) {
    static const char *const names[] = {"libvulkan.so.1", "libvulkan.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !get_instance_proc; i++) {
        void *lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!lib) continue;
        union {
            void *p;
            PFN_vkGetInstanceProcAddr f;
        } u = {dlsym(lib, "vkGetInstanceProcAddr")};
        get_instance_proc = u.f;
    }
}

ac_status vk_api_load(vk_api *api, ac_error *err) {
    pthread_once(&once, load_library);
    if (!get_instance_proc)
        return ac_fail(err, AC_ERR_DEVICE,
                       "libvulkan.so.1 is missing; Debian's libvulkan1 brings it, mesa-vulkan-drivers or the "
                       "GPU's maker a driver");
    *api = (vk_api){.GetInstanceProcAddr = get_instance_proc};
#define X(name)                                                                                              \
    api->name = (PFN_vk##name)get_instance_proc(NULL, "vk" #name);                                           \
    if (!api->name)                                                                                          \
        return ac_fail(err, AC_ERR_DEVICE, "libvulkan.so.1: no function vk" #name ": older than Vulkan 1.1");
    AC_VK_GLOBAL(X)
#undef X
    return AC_OK;
}

ac_status vk_api_instance(vk_api *api, VkInstance instance, ac_error *err) {
#define X(name)                                                                                              \
    api->name = (PFN_vk##name)api->GetInstanceProcAddr(instance, "vk" #name);                                \
    if (!api->name) return ac_fail(err, AC_ERR_DEVICE, "libvulkan.so.1: no function vk" #name);
    AC_VK_INSTANCE(X)
#undef X
    api->GetPhysicalDeviceCooperativeMatrixPropertiesKHR =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)api->GetInstanceProcAddr(
            instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    return AC_OK;
}

ac_status vk_api_device(vk_api *api, VkDevice device, ac_error *err) {
#define X(name)                                                                                              \
    api->name = (PFN_vk##name)api->GetDeviceProcAddr(device, "vk" #name);                                    \
    if (!api->name) return ac_fail(err, AC_ERR_DEVICE, "the driver has no function vk" #name);
    AC_VK_DEVICE(X)
#undef X
    api->GetMemoryHostPointerPropertiesEXT = (PFN_vkGetMemoryHostPointerPropertiesEXT)api->GetDeviceProcAddr(
        device, "vkGetMemoryHostPointerPropertiesEXT");
    return AC_OK;
}

static const struct {
    VkResult result;
    ac_status status;
    const char *text;
} results[] = {
    {VK_ERROR_OUT_OF_HOST_MEMORY, AC_ERR_MEMORY, "out of host memory"},
    {VK_ERROR_OUT_OF_DEVICE_MEMORY, AC_ERR_DEVICE_MEMORY, "out of device memory"},
    {VK_ERROR_DEVICE_LOST, AC_ERR_DEVICE_LOST, "the device is lost"},
    {VK_ERROR_INITIALIZATION_FAILED, AC_ERR_DEVICE, "initialisation failed"},
    {VK_ERROR_INCOMPATIBLE_DRIVER, AC_ERR_DEVICE, "no Vulkan driver is installed"},
    {VK_ERROR_FEATURE_NOT_PRESENT, AC_ERR_DEVICE, "a feature is not present"},
    {VK_ERROR_EXTENSION_NOT_PRESENT, AC_ERR_DEVICE, "an extension is not present"},
    {VK_ERROR_TOO_MANY_OBJECTS, AC_ERR_DEVICE_MEMORY, "too many objects"},
    {VK_ERROR_INVALID_EXTERNAL_HANDLE, AC_ERR_DEVICE_MEMORY, "host memory cannot be imported"},
    {VK_ERROR_INVALID_SHADER_NV, AC_ERR_BUILD, "the driver refuses a shader"},
    {VK_TIMEOUT, AC_ERR_DEVICE, "timeout"},
};

const char *vk_text(VkResult r) {
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (results[i].result == r) return results[i].text;
    return "unknown error";
}

ac_status vk_fail(ac_error *err, VkResult r, const char *what) {
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (results[i].result == r) return ac_fail(err, results[i].status, "%s: %s", what, results[i].text);
    return ac_fail(err, AC_ERR_DEVICE, "%s: Vulkan error %d", what, (int)r);
}
