#!/bin/sh
# instructions_aarch64.sh OBJDUMP CC OBJECT...: what the compiler made of the CPU backend for AArch64. No fused
# multiply-add anywhere; instructions beyond the base set only in the files for processors that have them; sdot and smmla
# in the products they are for, and hardly anything spilled to the stack in the innermost loops of the tiles.
objdump=$1 cc=$2
shift 2
command -v "$objdump" >/dev/null || {
    echo "skipped: no objdump for AArch64 here"
    exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fused='^f(n?m(add|sub)|ml[as]|cmla)|^bf(dot|mmla|mlal)'

fail() {
    echo "FAILED: $*"
    exit 1
}

# instructions OBJECT: one per line
instructions() {
    "$objdump" -d --no-show-raw-insn "$1" | sed -n 's/^ *[0-9a-f]*:\t//p' >"$dir/code"
    [ -s "$dir/code" ] || fail "$1: no code in it"
}

# has PATTERN: whether an instruction of the file matches; it is shown
has() {
    grep -m 1 -E "$1" "$dir/code"
}

# tiles OBJECT WANTED: every tile function for two tokens and more has the instruction; innermost loops store at most 12
# vectors to the stack (gcc 12 none, clang 14 up to 8; sums that do not fit the registers would be far more).
# Functions of one or two instructions are jumps to an equal one.
tiles() {
    "$objdump" -d --no-show-raw-insn "$1" | awk -v wanted="$2" -v file="$1" '
        function padded(x) { return substr("00000000", length(x) + 1) x }
        function judge(   i, k, inner, spills) {
            if (name ~ /^tile[2-8]_/ && n > 8) {
                tiles++
                if (!found) { print "FAILED: " file ": " name " has no " wanted; bad = 1 }
                for (i = 1; i <= n; i++) {
                    if (branch[i] == "" || branch[i] > at[i]) continue
                    inner = 1
                    for (k = 1; k < i; k++)
                        if (branch[k] != "" && branch[k] <= at[k] && branch[k] >= branch[i]) inner = 0
                    if (!inner) continue
                    loops++
                    spills = 0
                    for (k = 1; k <= i; k++) {
                        if (at[k] >= branch[i] && text[k] ~ /^str\tq.*\[sp/) spills++
                        if (at[k] >= branch[i] && text[k] ~ /^stp\tq.*\[sp/) spills += 2
                    }
                    if (spills > 12) {
                        print "FAILED: " file ": " name " stores " spills " vectors to the stack in its innermost loop"
                        bad = 1
                    }
                }
            }
            n = 0
            found = 0
        }
        /^[0-9a-f]+ <.*>:$/ { judge(); name = substr($2, 2, length($2) - 3); next }
        /^ *[0-9a-f]+:\t/ {
            n++
            text[n] = $0
            sub(/^[^\t]*\t/, "", text[n])
            at[n] = padded(substr($1, 1, length($1) - 1))
            branch[n] = ""
            if ($2 ~ /^(b\.|cbn?z|tbn?z)/) for (k = 3; k <= NF; k++) if ($k ~ /^[0-9a-f]+$/ && k < NF) branch[n] = padded($k)
            if ($2 == wanted) found = 1
        }
        END {
            judge()
            if (!tiles || !loops) { print "FAILED: " file ": " tiles + 0 " tile functions, " loops + 0 " loops"; bad = 1 }
            exit bad
        }' || exit 1
}

# The checks themselves: a fused multiply-add is found, and so is spilling.
echo 'float f(float a, float b, float c) { return a * b + c; }' >"$dir/fused.c"
"$cc" -O2 -ffp-contract=fast -c "$dir/fused.c" -o "$dir/fused.o" || fail "no compiler for AArch64"
instructions "$dir/fused.o"
has "$fused" >/dev/null || fail "a fused multiply-add is not seen"
# loop STORES: a tile function that stores so many vectors in its loop, as an object
loop() {
    printf '%s\n' 'tile2_x:' '1: smlal2 v0.8h, v1.16b, v2.16b' ".rept $1" 'str q0, [sp, 16]' '.endr' 'subs x0, x0, 1' 'b.ne 1b' \
        'nop; nop; nop; nop; nop; nop; nop' 'ret' >"$dir/loop.s"
    "$cc" -c "$dir/loop.s" -o "$dir/loop.o" || fail "no assembler for AArch64"
}
loop 12
(tiles "$dir/loop.o" smlal2) || fail "a loop without much spilling is refused"
(tiles "$dir/loop.o" sdot) >/dev/null && fail "a missing instruction is not seen"
loop 13
(tiles "$dir/loop.o" smlal2) >/dev/null && fail "spilling is not seen"

seen=
# With CMake's lists the objects come as one argument.
for object in $(echo "$@" | tr ';' ' '); do
    instructions "$object"
    has "$fused" && fail "$object: a fused multiply-add"
    case $object in
    */neon/matmul_i8mm.c*) seen="$seen i8mm" && tiles "$object" smmla ;;
    */neon/matmul_dotprod.c*)
        seen="$seen dotprod" && tiles "$object" sdot
        has '^(s|u|us)mmla' && fail "$object: i8mm in a file for processors without it"
        ;;
    *)
        case $object in */neon/matmul.c*) seen="$seen neon" && tiles "$object" smlal2 ;; esac
        has '^(s|u|us|su)(dot|mmla)' && fail "$object: dotprod or i8mm in code that every processor runs"
        ;;
    esac
done
for isa in neon dotprod i8mm; do
    case "$seen " in
    *" $isa "*) ;;
    *) fail "no products for $isa among these" ;;
    esac
done
echo "$(echo "$@" | tr ';' ' ' | wc -w) files"
