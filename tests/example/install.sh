#!/bin/sh
# An installed copy, moved elsewhere, is found by pkg-config and by find_package, shared and static, and works.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed -n '/^```c$/,/^```$/p' "$SOURCE/README.md" | sed '/^```/d' >"$dir/example.c"
cmake --install "$BUILD" --prefix "$dir/first" >"$dir/log" || { cat "$dir/log"; exit 1; }
mv "$dir/first" "$dir/moved"
prefix="$dir/moved"
pc=$(find "$prefix" -name anychip.pc)
lib=$(dirname "$(dirname "$pc")")
"$prefix/bin/anychip" run "$MODEL" -q -n 20 >"$dir/want"
"$ANYCHIP" run "$MODEL" -q -n 20 | cmp - "$dir/want"

# check NAME PROGRAM: the program runs
"$ANYCHIP" run "$MODEL" -q --json -n 100 -p "Once upon a time" | "$BUILD/tests/cli/json_get" text >"$dir/want"
check() {
    LD_LIBRARY_PATH="$lib" "$2" "$MODEL" | cmp - "$dir/want" || { echo "$1: wrong text"; exit 1; }
    echo "$1: good"
}

PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046,SC2086
"$CC" $CFLAGS "$dir/example.c" $(pkg-config --cflags --libs anychip) -o "$dir/shared"
check "pkg-config, shared" "$dir/shared"
# shellcheck disable=SC2046,SC2086
"$CC" $CFLAGS "$dir/example.c" $(pkg-config --cflags anychip) "$lib/libanychip.a" \
    $(pkg-config --static --libs anychip | sed 's/-lanychip//') -o "$dir/static"
check "pkg-config, static" "$dir/static"

cat >"$dir/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(anychip 0.1 REQUIRED)
add_executable(user_shared example.c)
target_link_libraries(user_shared anychip::anychip)
add_executable(user_static example.c)
target_link_libraries(user_static anychip::static)
END
if ! { cmake -S "$dir" -B "$dir/build" -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$dir/build"; } >"$dir/log" 2>&1; then
    cat "$dir/log"
    exit 1
fi
check "find_package, shared" "$dir/build/user_shared"
check "find_package, static" "$dir/build/user_static"
