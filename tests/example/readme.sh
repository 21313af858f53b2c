#!/bin/sh
# The program in README.md, as C11 and as C++11: it must print what `anychip run` prints, less the prompt.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed -n '/^```c$/,/^```$/p' "$SOURCE/README.md" | sed '/^```/d' >"$dir/example.c"
[ "$(grep -c 'int main' "$dir/example.c")" = 1 ] || { echo "README.md has no program"; exit 1; }
cp "$dir/example.c" "$dir/example.cpp"
flags="-Wall -Wextra -Werror -pedantic-errors -I$SOURCE/engine/include -I$SOURCE/loader/include"
library="$LIBRARY -Wl,-rpath,$(dirname "$LIBRARY")"

# check COMMAND...: compiles, runs, compares
check() {
    # shellcheck disable=SC2086
    "$@" $flags $CFLAGS -o "$dir/example" $library || { echo "does not compile: $*"; exit 1; }
    "$dir/example" "$MODEL" >"$dir/out" || { echo "the program failed: $*"; exit 1; }
    "$ANYCHIP" run "$MODEL" -q --json -n 100 -p "Once upon a time" >"$dir/json"
    "$BUILD/tests/cli/json_get" text <"$dir/json" | cmp - "$dir/out" || { echo "other text than anychip run: $*"; exit 1; }
    if "$dir/example" /nowhere >"$dir/out" 2>"$dir/err" || ! [ -s "$dir/err" ]; then
        echo "a missing file is no error: $*"
        exit 1
    fi
}

check "$CC" -std=c11 "$dir/example.c"
if [ -n "$CXX" ]; then
    check "$CXX" -std=c++11 "$dir/example.cpp"
else
    echo "no C++ compiler: checked as C only"
fi
