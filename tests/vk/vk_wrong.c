/* vk_wrong core|sync: does what the Vulkan backend must never do, so that validation.sh can be seen to go
 * red: a call against the rules, two dispatches without the barrier between them. */
#include "check.h"
#include "vk.h"
#include "vk_entry.h"

static ac_dev *dev;
static ac_error err;

typedef struct bench {
    vk_buf out;
    VkDescriptorPool pool;
    VkDescriptorSet set;
    VkCommandBuffer cmd;
} bench;

/* The witness shader, from and to the same buffer. */
static void set_up(bench *b) {
    CHECK_OK(vk_buf_create(dev, 131072, VK_PLACE_DEVICE, "out", &b->out, &err));
    VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_BINDINGS};
    VkDescriptorPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                       .maxSets = 1,
                                       .poolSizeCount = 1,
                                       .pPoolSizes = &size};
    CHECK(!dev->api.CreateDescriptorPool(dev->device, &pool, NULL, &b->pool), "pool");
    VkDescriptorSetAllocateInfo set = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                       .descriptorPool = b->pool,
                                       .descriptorSetCount = 1,
                                       .pSetLayouts = &dev->set_layout};
    CHECK(!dev->api.AllocateDescriptorSets(dev->device, &set, &b->set), "set");
    VkDescriptorBufferInfo at[VK_BINDINGS];
    for (int i = 0; i < VK_BINDINGS; i++) at[i] = (VkDescriptorBufferInfo){dev->dummy.buf, 0, VK_WHOLE_SIZE};
    at[VK_W].buffer = b->out.buf;
    at[VK_Y].buffer = b->out.buf;
    VkWriteDescriptorSet w = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                              .dstSet = b->set,
                              .descriptorCount = VK_BINDINGS,
                              .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                              .pBufferInfo = at};
    dev->api.UpdateDescriptorSets(dev->device, 1, &w, 0, NULL);
    VkCommandBufferAllocateInfo cmd = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                       .commandPool = dev->pool,
                                       .commandBufferCount = 1};
    CHECK(!dev->api.AllocateCommandBuffers(dev->device, &cmd, &b->cmd), "commands");
}

static void run_twice(bench *b) {
    const uint32_t push[VK_PUSH] = {4096};
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    uint64_t value;
    CHECK(!dev->api.BeginCommandBuffer(b->cmd, &begin), "begin");
    dev->api.CmdBindPipeline(b->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->pipes[0].pipe);
    dev->api.CmdBindDescriptorSets(b->cmd, VK_PIPELINE_BIND_POINT_COMPUTE, dev->layout, 0, 1, &b->set, 0,
                                   NULL);
    dev->api.CmdPushConstants(b->cmd, dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, push);
    for (int i = 0; i < 2; i++) dev->api.CmdDispatch(b->cmd, 64, 1, 1);
    CHECK(!dev->api.EndCommandBuffer(b->cmd), "end");
    CHECK_OK(vk_submit(dev, &b->cmd, 1, &value, &err));
    CHECK_OK(vk_wait_value(dev, value, &err));
}

static void tear_down(bench *b) {
    dev->api.DestroyDescriptorPool(dev->device, b->pool, NULL);
    dev->api.FreeCommandBuffers(dev->device, dev->pool, 1, &b->cmd);
    vk_buf_destroy(dev, &b->out);
}

int main(int argc, char **argv) {
    const ac_backend *vk = ac_backend_vk(AC_BACKEND_ABI);
    CHECK(argc == 2, "usage: vk_wrong core|sync");
    ac_status s = vk->open(&(ac_open_settings){0}, &dev, &err);
    if (s != AC_OK) {
        printf("skipped: %s\n", err.detail);
        return AC_SKIP;
    }
    bench b;
    if (!strcmp(argv[1], "core")) {
        vk_buf empty;
        vk_buf_create(dev, 256, VK_PLACE_DEVICE, "a buffer", &empty, &err);
        dev->api.BindBufferMemory(dev->device, empty.buf, empty.mem, 0); /* a second time */
        vk_buf_destroy(dev, &empty);
    } else {
        set_up(&b);
        run_twice(&b);
        tear_down(&b);
    }
    vk->close(dev);
    return 0;
}
