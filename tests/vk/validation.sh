#!/bin/sh
# validation.sh [!] COMMAND...: runs the command under the Khronos validation layer with synchronisation checks, which must have nothing
# to say. With !, the outcome is turned round: the layer must complain, or its silence elsewhere would say nothing.
set -u
red=no
if [ "$1" = ! ]; then red=yes; shift; fi
cat /usr/share/vulkan/explicit_layer.d/*.json /etc/vulkan/explicit_layer.d/*.json 2> /dev/null | grep -q VK_LAYER_KHRONOS_validation ||
    { echo "skipped: no validation layer (vulkan-validationlayers)"; exit 77; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
printf 'khronos_validation.report_flags = error,warn\nkhronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG\n' > "$tmp/settings"
export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
export VK_LAYER_SETTINGS_PATH="$tmp/settings"
"$@" > "$tmp/said" 2>&1
rc=$?
if [ $rc = 77 ]; then cat "$tmp/said"; exit 77; fi
complaints=$(grep -cE 'VUID|UNASSIGNED|Validation (Error|Warning)|SYNC-HAZARD' "$tmp/said")
if [ $red = yes ]; then
    [ "$complaints" -gt 0 ] || { echo "the layer says nothing of what is wrong:"; head -n 20 "$tmp/said"; exit 1; }
    echo "the layer complains, as it must: $(grep -oE 'VUID-[A-Za-z0-9-]+|UNASSIGNED-[A-Za-z0-9 -]+|SYNC-HAZARD-[A-Z-]+' "$tmp/said" | sort -u | head -n 3 | tr '\n' ' ')"
    exit 0
fi
if [ $rc != 0 ] || [ "$complaints" -gt 0 ]; then
    echo "exit code $rc, $complaints complaints:"
    head -n 60 "$tmp/said"
    exit 1
fi
tail -n 1 "$tmp/said"
