#!/bin/sh
# docs/porting.md, step by step: the skeleton, under another name, outside the tree, against an installed anychip and nothing
# but its headers; once by hand with pkg-config, once with CMake. It is found, listed, qualified, and runs a model.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
prefix=$dir/prefix
cmake --install "$BUILD" --prefix "$prefix" >"$dir/log" || { cat "$dir/log"; exit 1; }

fail() {
    echo "$1"
    exit 1
}

# Step 1: the copy, with its own name.
port=$dir/mychip
mkdir "$port"
cp "$SOURCE"/tests/skeleton/*.[ch] "$SOURCE"/tests/skeleton/standalone/CMakeLists.txt "$SOURCE"/kernels-cpu/kernel.h "$port"
cp -r "$SOURCE"/kernels-cpu/ref "$port"
sed -i 's/"skeleton"/"mychip"/' "$port/skeleton.c"

# Step 2: built twice.
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name anychip.pc)")
export PKG_CONFIG_PATH
mkdir "$dir/byhand"
# shellcheck disable=SC2046,SC2086
"$CC" $CFLAGS -O2 -std=c11 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -ffp-contract=off -fno-strict-aliasing \
    -I"$port" $(pkg-config --cflags anychip) "$port"/*.c "$port"/ref/*.c \
    "$(pkg-config --variable=libdir anychip)/libanychip.a" -lm -o "$dir/byhand/anychip-mychip.so" || fail "does not build by hand"
if ! { cmake -S "$port" -B "$dir/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" -DPORT=mychip &&
    cmake --build "$dir/build"; } >"$dir/log" 2>&1; then
    cat "$dir/log"
    fail "does not build with CMake"
fi
for module in "$dir"/byhand/anychip-mychip.so "$dir"/build/anychip-mychip.so; do
    exports=$(nm -D --defined-only "$module" | awk '{ print $3 }' | tr '\n' ' ')
    case " $exports" in *" ac_backend_entry "*) ;; *) fail "$module: no entry: $exports" ;; esac
    ! nm -D "$module" | grep -q ' U ac_' || fail "$module: needs symbols of anychip at run time"
    # Step 3: qualified.
    "$prefix/bin/anychip-kernel-check" --device mychip --module "$module" \
        --vectors "$prefix/share/anychip/kernel-vectors.txt" >"$dir/log" || { cat "$dir/log"; fail "$module: vectors"; }
done
"$prefix/bin/anychip-kernel-check" --device mychip --module "$dir/build/anychip-mychip.so" --op add >"$dir/log" ||
    { cat "$dir/log"; fail "one operation"; }

# Step 4: found, by the variable and where modules are installed; a model gives the bits it gives on the CPU.
anychip=$prefix/bin/anychip
"$anychip" logits "$MODEL" --tokens 1,2,3 >"$dir/want"
check() {
    "$anychip" devices | grep -q '^mychip:0 ' || fail "$1: not listed"
    "$anychip" logits "$MODEL" --tokens 1,2,3 --device mychip:0 | cmp - "$dir/want" || fail "$1: other logits"
    "$anychip" logits "$MODEL" --tokens 1,2,3 --device mychip,cpu | cmp - "$dir/want" || fail "$1: other logits when split"
}
! "$anychip" devices | grep -q mychip || fail "listed before it is there"
ANYCHIP_MODULE_PATH=$dir/byhand
export ANYCHIP_MODULE_PATH
check "ANYCHIP_MODULE_PATH"
unset ANYCHIP_MODULE_PATH
modules=$(dirname "$(find "$prefix" -name libanychip.a)")/anychip
mkdir -p "$modules"
cp "$dir/build/anychip-mychip.so" "$modules"
check "installed"
echo good
