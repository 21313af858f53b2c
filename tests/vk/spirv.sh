#!/bin/sh
# spirv.sh SPV_TOOL GLSLC FOLDER: every module of the build passes the checker, and what numerics.md forbids does not: each shader
# of bad/ is refused, and so is a good one without NoContraction, one that lost a decoration, and a saturating product.
set -u
tool=$1
glslc=$2
shaders=$3
here=$(dirname "$0")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0
fail() { echo "$*"; bad=1; }

count=0
for spv in "$shaders"/*.spv; do
    case $spv in *.raw.spv | *.exact.spv | *.opt.spv) continue ;; esac
    "$tool" check "$spv" || fail "$spv is refused"
    count=$((count + 1))
done
[ "$count" -ge 100 ] || fail "only $count modules were checked"

# refused NAME MESSAGE: $tmp/NAME.spv is, and says so.
refused() {
    if "$tool" check "$tmp/$1.spv" 2> "$tmp/said"; then fail "$1 is not refused"; fi
    grep -q "$2" "$tmp/said" || fail "$1: $(cat "$tmp/said")"
}

for shader in "$here"/bad/*.comp; do
    name=$(basename "$shader" .comp)
    "$glslc" --target-env=vulkan1.2 -o "$tmp/raw.spv" "$shader" || fail "$name does not compile"
    "$tool" exact "$tmp/raw.spv" "$tmp/$name.spv"
    refused "$name" 'is not allowed'
done
cp "$shaders/rms_norm.raw.spv" "$tmp/contracts.spv"
refused contracts 'without NoContraction'
# 42 NoContraction becomes 0 RelaxedPrecision in one decoration: 0x0003 0047 id 2a
xxd -p -c 4 "$shaders/rms_norm.spv" | awk '!done && last == "47000300" { flag = 1 } { if (flag == 2 && $0 == "2a000000" && !done) { $0 = "00000000"; done = 1 }
    if (flag) flag = flag == 1 ? 2 : 0; last = $0; print }' | xxd -r -p > "$tmp/lost.spv"
refused lost 'without NoContraction'
# cooperative products say 0xf: all signed, nothing saturates; bit 4 would saturate
xxd -p -c 4 "$shaders/matmul_q4_k_coop.spv" | awk '$0 == "6b110700" { n = NR } NR == n + 6 && n && $0 == "0f000000" { $0 = "1f000000" } { print }' | xxd -r -p > "$tmp/saturates.spv"
refused saturates 'saturates'
head -c 4096 "$shaders/rms_norm.spv" > "$tmp/cut.spv"
refused cut 'broken instruction'
echo "$count modules pass, what is forbidden is refused"
exit $bad
