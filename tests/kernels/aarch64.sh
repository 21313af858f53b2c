#!/bin/sh
# aarch64.sh SOURCE BUILD [ANYCHIP]: the CPU backend compiled for 64-bit Arm and run under qemu as processors with NEON,
# with dotprod and with i8mm: each takes the best kernels it has, and their bits are those of the vectors. Where the
# libraries of the engine are there for arm64 (under AC_CROSS_ROOT, or installed), models have the digests of ANYCHIP too.
source=$1 build=$2 here=${3-}
root=${AC_CROSS_ROOT-}
for tool in aarch64-linux-gnu-gcc aarch64-linux-gnu-objdump qemu-aarch64 cmake; do
    command -v $tool >/dev/null || {
        echo "skipped: no $tool here (Debian: gcc-aarch64-linux-gnu, qemu-user)"
        exit 77
    }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
    echo "FAILED: $*"
    tail -n 40 "$dir/out"
    exit 1
}

engine=
[ ! -f "$root/usr/lib/aarch64-linux-gnu/pkgconfig/libpcre2-8.pc" ] || engine=yes
[ -f "$root/usr/lib/aarch64-linux-gnu/pkgconfig/libcjson.pc" ] || engine=

# ---- Build ----
mkdir -p "$build"
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$source/cmake/aarch64-linux-gnu.cmake" -DAC_CROSS_ROOT="$root" \
    -DCMAKE_BUILD_TYPE=Release -DAC_WERROR=ON -DAC_OPENCL=OFF -DAC_VULKAN=OFF -DAC_KERNELS_ONLY="$([ -n "$engine" ] && echo OFF || echo ON)" \
    >"$dir/out" 2>&1 || fail "cmake"
# shellcheck disable=SC2046
cmake --build "$build" --target kernel_check test_kernels_cpu_promises $([ -z "$engine" ] || echo anychip) >"$dir/out" 2>&1 ||
    fail "it does not build"
(cd "$build" && ctest -R '^kernels_cpu_instructions$' --output-on-failure --no-tests=error) >"$dir/out" 2>&1 || fail "instructions"

# ---- Run ----
check=$(find "$build" -name kernel_check -type f)
promises=$(find "$build" -name test_kernels_cpu_promises -type f)

# on CPU CODE COMMAND...: runs the command on a processor; its exit code must be CODE.
on() {
    cpu=$1 code=$2
    shift 2
    LD_LIBRARY_PATH="$root/usr/lib/aarch64-linux-gnu" qemu-aarch64 -cpu "$cpu" -L /usr/aarch64-linux-gnu "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$code" ] || { cat "$dir/err"; fail "$cpu: $*: want exit code $code, have $got"; }
}

# bits CPU ISA: the best of the processor, and its bits
bits() {
    on "$1" 0 "$check" --threads 2 --vectors "$source/tests/kernels/vectors.txt"
    grep -q "^device: .*: $2, 2 threads" "$dir/out" || fail "$1: want $2"
    echo "$1: $2: $(tail -n 1 "$dir/out")"
}

# refused CPU ISA BEST: what a processor does not have is told, not tried
refused() {
    on "$1" 77 "$check" --isa "$2" --op add
    grep -q "\"$2\": this processor does not have it; $3 is" "$dir/out" || fail "$1: $2: not told"
}

bits cortex-a53 neon
bits cortex-a72 neon
bits cortex-a76 neondotprod
bits neoverse-n1 neondotprod
bits max neoni8mm
refused cortex-a72 neondotprod neon
refused neoverse-n1 neoni8mm neondotprod
on max 0 "$promises"
# More shapes, each instruction set at once.
for isa in neon neondotprod neoni8mm; do
    for op in matmul attention; do
        qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu "$check" --isa $isa --threads 1 --seed 5 --op $op >"$dir/$isa-$op" 2>&1 &
    done
done
wait
for isa in neon neondotprod neoni8mm; do
    for op in matmul attention; do
        grep -q '^[1-9][0-9]* cases, 0 failed' "$dir/$isa-$op" || { cp "$dir/$isa-$op" "$dir/out"; fail "$isa: $op"; }
        echo "$isa: $op: $(tail -n 1 "$dir/$isa-$op")"
    done
done

# ---- Models ----
[ -n "$engine" ] && [ -n "$here" ] || {
    echo "no digests of models: the engine's libraries for arm64 are not here (AC_CROSS_ROOT)"
    exit 0
}
anychip=$(find "$build/cli" -name anychip -type f)
for model in builtin "${AC_SHARED:-/nonexistent}"/models/*.gguf; do
    [ "$model" = builtin ] || [ -f "$model" ] || continue
    want=$("$here" logits "$model" --device cpu --tokens 1,403,407,261,378 -q) || fail "$model"
    for cpu in cortex-a72 neoverse-n1 max; do
        on $cpu 0 "$anychip" logits "$model" --tokens 1,403,407,261,378 -q
        [ "$(cat "$dir/out")" = "$want" ] || fail "$model: $cpu: want $want"
    done
    echo "$(basename "$model"): $want"
done
