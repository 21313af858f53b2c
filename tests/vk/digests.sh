#!/bin/sh
# digests.sh ANYCHIP DEVICE [MASK]: the models of the shared folder have the CPU's digests on a device, however a prompt is cut.
set -u
anychip=$1
device=$2
mask=${3:-}
tokens=1,403,407,261,378,403,400,500,100,200,300,401,402,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50
bad=0
count=0
[ -d "${AC_SHARED:-}/models" ] || { echo "skipped: no shared models"; exit 77; }
"$anychip" devices | grep -q "^$device " || { echo "skipped: no device $device"; exit 77; }
for model in "$AC_SHARED"/models/*.gguf; do
    want=$("$anychip" logits "$model" --device cpu --tokens $tokens -q) || exit 1
    for batch in 512 7 1; do
        have=$("$anychip" logits "$model" --device "$device" --device-mask "$mask" --tokens $tokens --batch $batch -q)
        count=$((count + 1))
        [ -n "$want" ] && [ "$want" = "$have" ] && continue
        echo "$(basename "$model"), batch $batch: cpu $want, $device $have"
        bad=1
    done
done
echo "$count digests compared"
[ $count -gt 0 ] || bad=1
exit $bad
