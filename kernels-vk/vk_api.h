/* vk_api.h - the functions of Vulkan the backend calls, loaded at run time: nothing links libvulkan. */
#ifndef AC_VK_API_H
#define AC_VK_API_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <anychip/backend.h>

#define AC_VK_GLOBAL(X) X(CreateInstance) X(EnumerateInstanceVersion) X(EnumerateInstanceExtensionProperties)

#define AC_VK_INSTANCE(X)                                                                                    \
    X(DestroyInstance)                                                                                       \
    X(EnumeratePhysicalDevices)                                                                              \
    X(GetPhysicalDeviceProperties2)                                                                          \
    X(GetPhysicalDeviceFeatures2)                                                                            \
    X(GetPhysicalDeviceMemoryProperties2)                                                                    \
    X(GetPhysicalDeviceQueueFamilyProperties)                                                                \
    X(EnumerateDeviceExtensionProperties) X(CreateDevice) X(GetDeviceProcAddr)

#define AC_VK_DEVICE(X)                                                                                      \
    X(DestroyDevice)                                                                                         \
    X(GetDeviceQueue)                                                                                        \
    X(DeviceWaitIdle)                                                                                        \
    X(QueueSubmit)                                                                                           \
    X(CreateBuffer)                                                                                          \
    X(DestroyBuffer)                                                                                         \
    X(GetBufferMemoryRequirements)                                                                           \
    X(BindBufferMemory)                                                                                      \
    X(AllocateMemory) X(FreeMemory) X(MapMemory) X(CreateShaderModule) X(DestroyShaderModule)                \
        X(CreateComputePipelines) X(DestroyPipeline) X(CreatePipelineLayout) X(DestroyPipelineLayout)        \
            X(CreateDescriptorSetLayout) X(DestroyDescriptorSetLayout) X(CreateDescriptorPool)               \
                X(DestroyDescriptorPool) X(AllocateDescriptorSets) X(UpdateDescriptorSets)                   \
                    X(CreatePipelineCache) X(DestroyPipelineCache) X(GetPipelineCacheData)                   \
                        X(MergePipelineCaches) X(CreateCommandPool) X(DestroyCommandPool)                    \
                            X(AllocateCommandBuffers) X(FreeCommandBuffers) X(BeginCommandBuffer)            \
                                X(EndCommandBuffer) X(CmdBindPipeline) X(CmdBindDescriptorSets)              \
                                    X(CmdPushConstants) X(CmdDispatch) X(CmdDispatchBase)                    \
                                        X(CmdPipelineBarrier) X(CmdCopyBuffer) X(CmdFillBuffer)              \
                                            X(CreateQueryPool) X(DestroyQueryPool) X(CmdResetQueryPool)      \
                                                X(CmdWriteTimestamp) X(GetQueryPoolResults)                  \
                                                    X(CreateSemaphore) X(DestroySemaphore) X(WaitSemaphores)

/* VK_KHR_cooperative_matrix is younger than the headers of Debian 12: the little we use, by the public
 * specification. */
#ifndef VK_KHR_cooperative_matrix
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
enum { VK_COMPONENT_TYPE_SINT8_KHR = 3, VK_COMPONENT_TYPE_SINT32_KHR = 5, VK_SCOPE_SUBGROUP_KHR = 3 };
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR ((VkStructureType)1000506000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506001)
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506002)
typedef struct VkPhysicalDeviceCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    VkShaderStageFlags cooperativeMatrixSupportedStages;
} VkPhysicalDeviceCooperativeMatrixPropertiesKHR;
typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
typedef struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    uint32_t MSize, NSize, KSize;
    uint32_t AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    uint32_t scope;
} VkCooperativeMatrixPropertiesKHR;
typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(
    VkPhysicalDevice, uint32_t *, VkCooperativeMatrixPropertiesKHR *);
#endif

typedef struct vk_api {
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
#define X(name) PFN_vk##name name;
    AC_VK_GLOBAL(X)
    AC_VK_INSTANCE(X)
    AC_VK_DEVICE(X)
#undef X
    PFN_vkGetMemoryHostPointerPropertiesEXT GetMemoryHostPointerPropertiesEXT; /* may be NULL */
    PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR
        GetPhysicalDeviceCooperativeMatrixPropertiesKHR; /* may be NULL */
} vk_api;

/* Loads libvulkan (once per process, never unloaded: drivers do not survive that) and its global functions.
 * AC_ERR_DEVICE says what is missing and what brings it. Thread-safe. */
ac_status vk_api_load(vk_api *api, ac_error *err);
/* The functions of an instance and of a device. AC_ERR_DEVICE names the one that is missing. */
ac_status vk_api_instance(vk_api *api, VkInstance instance, ac_error *err);
ac_status vk_api_device(vk_api *api, VkDevice device, ac_error *err);

/* Text of a result; never NULL. */
const char *vk_text(VkResult r);
/* The status that fits a failed result; `what` says what was attempted. */
ac_status vk_fail(ac_error *err, VkResult r, const char *what);

#endif
