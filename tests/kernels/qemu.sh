#!/bin/sh
# qemu.sh KERNEL_CHECK VECTORS [ANYCHIP]: the CPU backend on processors that this machine is not, by qemu-user: the best
# that each has is chosen and gives the same bits. qemu 7.2 stops a program at some instructions that the processor
# lacks, not at all of them; instructions.sh looks at the code itself.
kernel_check=$1 vectors=$2 anychip=${3-}
qemu=$(command -v qemu-x86_64 || command -v qemu-x86_64-static) || {
    echo "skipped: no qemu-x86_64 here"
    exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
    echo "FAILED: $*"
    cat "$dir/out" "$dir/err"
    exit 1
}

# on CPU CODE COMMAND...: runs the command; its exit code must be CODE.
on() {
    cpu=$1 code=$2
    shift 2
    "$qemu" -cpu "$cpu" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    [ $got = "$code" ] || fail "$cpu: $*: want exit code $code, have $got"
}

# same_bits CPU ISA: every kernel gives the bits of the vectors, with this instruction set
same_bits() {
    on "$1" 0 "$kernel_check" --threads 2 --vectors "$vectors"
    grep -q "^device: .*: $2, 2 threads" "$dir/out" || fail "$1: want $2"
    echo "$1: $2: $(tail -n 1 "$dir/out")"
}

# refused CPU ISA BEST: asking for an instruction set that the processor does not have is told, not tried
refused() {
    on "$1" 77 "$kernel_check" --isa "$2" --op add
    grep -q "\"$2\": this processor does not have it; $3 is" "$dir/out" || fail "$1: $2: not told"
    [ -n "$anychip" ] || return 0
    on "$1" 1 "$anychip" run --cpu-isa "$2" -n 1
    grep -q "^anychip: .*\"$2\"" "$dir/err" || fail "$1: $2: not told by the command"
}

for cpu in qemu64 Nehalem SandyBridge Haswell,-avx2 Haswell,-f16c; do same_bits $cpu ref; done
refused Nehalem avx2 ref
refused Nehalem avx512 ref
refused Haswell,-f16c avx2 ref
if [ -n "$anychip" ]; then
    on Nehalem 0 "$anychip" run -n 8 --temp 0
    grep digest "$dir/err" >"$dir/nehalem"
    "$anychip" run -n 8 --temp 0 2>&1 >"$dir/out" | grep digest >"$dir/here"
    cmp -s "$dir/here" "$dir/nehalem" || fail "the digests on Nehalem and here differ"
fi

# qemu knows AVX2 since 7.2.
"$qemu" -cpu Haswell "$kernel_check" --isa avx2 --op add >/dev/null 2>&1
if [ $? = 77 ]; then
    echo "no AVX2 in this qemu"
    exit 0
fi
same_bits Haswell avx2
same_bits EPYC avx2
refused Haswell avx512 avx2
