#!/bin/sh
# instructions.sh OBJECT...: the compiled files of the CPU backend hold only instructions of their instruction set (by
# their folder), and none of them a fused multiply-add.
objdump=$(command -v objdump) || {
    echo "skipped: no objdump here"
    exit 77
}
code=$(mktemp)
trap 'rm -f "$code"' EXIT
wide='%zmm|%k[0-7]|%[xy]mm(1[6-9]|[23][0-9])'
fused='vfn?m(add|sub)'

# has FILE PATTERN WHAT: complains when an instruction of the file matches.
has() {
    grep -m 1 -E "$2" "$code" && {
        echo "FAILED: $1: $3"
        exit 1
    }
}

seen=
# With CMake's lists the objects come as one argument.
for object in $(echo "$@" | tr ';' ' '); do
    "$objdump" -d --no-show-raw-insn "$object" | sed -n 's/^ *[0-9a-f]*:\t//p' >"$code"
    has "$object" "$fused" "a fused multiply-add"
    case $object in
    */avx512/table.c* | */avx2/table.c*) has "$object" '^v[a-z]' "AVX in code that every processor runs" ;;
    */avx512/*_vnni.c*) seen="$seen vnni" ;;
    */avx512/*) seen="$seen avx512" && has "$object" '^(\{.*\} )?vpdp' "VNNI in a file for AVX-512 without it" ;;
    */avx2/*) seen="$seen avx2" && has "$object" "$wide" "AVX-512 in a file for AVX2" ;;
    *) has "$object" '^v[a-z]' "AVX in code that every processor runs" ;;
    esac
done
for isa in avx2 avx512 vnni; do
    case "$seen " in
    *" $isa "*) ;;
    *) echo "FAILED: no file for $isa among these" && exit 1 ;;
    esac
done
echo "$(echo "$@" | tr ';' ' ' | wc -w) files"
