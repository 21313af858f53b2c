#!/bin/sh
# validation.sh KERNEL_CHECK MODULE [ARGUMENTS...]: the Khronos validation layer, with synchronisation checks, has nothing to say.
set -u
check=$1
module=$2
shift 2
cat /usr/share/vulkan/explicit_layer.d/*.json /etc/vulkan/explicit_layer.d/*.json 2> /dev/null | grep -q VK_LAYER_KHRONOS_validation ||
    { echo "skipped: no validation layer (vulkan-validationlayers)"; exit 77; }
export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
said=$("$check" --device vk:0 --module "$module" "$@" 2>&1)
rc=$?
[ $rc = 0 ] || [ $rc = 1 ] || { echo "$said"; exit $rc; }
if [ $rc != 0 ] || echo "$said" | grep -qE 'VUID|Validation|SYNC-HAZARD'; then
    echo "$said" | head -n 40
    exit 1
fi
echo "$said" | tail -n 1
