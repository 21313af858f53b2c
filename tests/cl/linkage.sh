# linkage.sh KERNELS: every program of the OpenCL backend, compiled without optimisation for SPIR-V, AMD's and NVIDIA's chips: all of our
# functions must have been inlined, since an inline function of C99 has no body that could be called. What remains undefined are
# OpenCL's own functions, whose names are mangled.
set -eu
kernels=$1
clang=$(command -v clang || command -v clang-14) || { echo "skipped: no clang"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

compile() { # target, options; of $dir/unit.cl
    "$clang" -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -O0 -S -emit-llvm -w -nogpulib -target "$@" \
        -o "$dir/unit.ll" "$dir/unit.cl"
}

check() { # unit, target, options: nothing undefined, and no leave to contract products and sums
    unit=$1
    shift
    n=$((n + 1))
    if ! compile "$@"; then
        echo "$unit $*: does not compile"
        bad=1
        return
    fi
    left=$(grep '^declare' "$dir/unit.ll" | grep -oE '@[A-Za-z0-9_.]+' | grep -vE '^@(_Z|llvm\.)' | tr '\n' ' ' || true)
    [ -z "$left" ] || { echo "$unit $*: without a body: $left"; bad=1; }
    ! grep -qE 'llvm\.fmuladd|f(add|sub|mul) [a-z ]*(contract|fast)' "$dir/unit.ll" || { echo "$unit $*: contracts"; bad=1; }
}

echo 'kernel void k(global float *x) { x[0] = 1.0f; }' >"$dir/unit.cl"
compile spir64 2>/dev/null && compile amdgcn-amd-amdhsa -mcpu=gfx1030 2>/dev/null ||
    { echo "skipped: this clang has not both targets"; exit 77; }

# Lines "unit file file ..." from the table of cl_program.c.
sed -n '/units\[AC_CL_UNIT_COUNT\]/,/^};/p' "$kernels/cl_program.c" | tr -d '\n' | sed 's/\[AC_CL_UNIT_/\n/g' |
    grep '^[A-Z_]*\] = ' | grep -v '^COUNT' | sed 's/^[A-Z_]*\] = //; s/[^a-z0-9_]/ /g' >"$dir/units"
[ "$(wc -l <"$dir/units")" -ge 8 ] || { echo "not all units found in cl_program.c"; exit 1; }

options() {
    case $1 in
    witness) echo "-DWG=64" ;;
    witness_subgroup) echo "-DWG=64 -DSG=16 -DSHUFFLE_EMULATED" ;;
    rows) echo "-DWG=64 -DSPREAD -DFORM=2|-DWG=1 -DFORM=1|-DWG=64 -DFORM=1 -DSG=16 -DSHUFFLE_EMULATED" ;;
    kv) echo "-DWG=64 -DHEAD_DIM=80 -DFORM=2 -DNORMS|-DWG=64 -DHEAD_DIM=128 -DFORM=1 -DSG=16 -DSHUFFLE_EMULATED" ;;
    item) echo "-DWG=16 -DTYPE_Q4_K -DCOLS=4 -DWIDE_LOADS|-DWG=16 -DTYPE_Q5_0 -DCOLS=1 -DWIDE_LOADS|-DWG=16 -DTYPE_BF16 -DCOLS=2" ;;
    panel) echo "-DWG=16 -DTYPE_Q6_K -DPANEL=16 -DCOLS=64 -DWIDE_LOADS|-DWG=16 -DTYPE_IQ4_NL -DPANEL=8 -DCOLS=3 -DWIDE_LOADS" ;;
    group)
        echo "-DWG=64 -DTYPE_Q4_K -DGROUP=64 -DROWS=2 -DCOLS=1 -DPIECE=64 -DONLY_matmul_group_3"
        echo "-DWG=64 -DTYPE_F16 -DGROUP=64 -DROWS=2 -DCOLS=4 -DPIECE=64 -DONLY_matmul_group_glu"
        echo "-DWG=64 -DTYPE_Q8_0 -DGROUP=64 -DROWS=2 -DCOLS=4 -DPIECE=64 -DSG=16 -DSHUFFLE_EMULATED -DONLY_matmul_group"
        ;;
    tile) echo "-DWG=64 -DTYPE_Q3_K -DTI=4 -DTJ=4|-DWG=64 -DTYPE_F32 -DTI=1 -DTJ=1" ;;
    esac
}

# Variants for devices that are not at hand: what exchanges in sub-groups may come from, and PTX.
others() {
    words=$(options "$1" | head -n 1 | cut -d '|' -f 1)
    case $1 in witness_subgroup) words=-DWG=64 ;; witness | rows | kv | group | tile) ;; *) return 0 ;; esac
    # shellcheck disable=SC2086
    {
        check "$1" spir64 -cl-std=CL3.0 $words -DSG=16 -DSHUFFLE_KHR -DDOT_KHR -DEARLY_OUT
        check "$1" amdgcn-amd-amdhsa -mcpu=gfx1030 $words -DSG=32 -DSHUFFLE_GCN -DEARLY_OUT
        [ -z "$ptx" ] || check "$1" $ptx $words -DSG=32 -DSHUFFLE_PTX -DDOT_PTX -DGUARD_PTX -DEARLY_OUT
    }
}
ptx="nvptx64-nvidia-cuda -Xclang -target-cpu -Xclang sm_70 -Xclang -target-feature -Xclang +ptx60 -Dasm=__asm__"
# shellcheck disable=SC2086
compile $ptx 2>/dev/null || ptx=

bad=0 n=0
while read -r unit files; do
    for file in $files; do cat "$kernels/$file.cl"; done >"$dir/unit.cl"
    options "$unit" | tr '|' '\n' >"$dir/options"
    [ -s "$dir/options" ] || { echo "$unit: no options here"; bad=1; }
    while read -r words; do
        # shellcheck disable=SC2086
        check "$unit" spir64 $words
        # shellcheck disable=SC2086
        check "$unit" amdgcn-amd-amdhsa -mcpu=gfx1030 $words
    done <"$dir/options"
    others "$unit"
done <"$dir/units"
echo "$n programs"
exit $bad
