#!/bin/sh
# headers.sh SOURCE CC [CXX]: each public header compiles alone and twice, as C11 and as C++11, without a warning.
set -u
source=$1 cc=$2 cxx=${3-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0 seen=0

try() {
    "$@" -Wall -Wextra -Werror -pedantic-errors -fsyntax-only -I"$source/engine/include" -I"$source/loader/include" "$file" ||
        { echo "$header: $*"; failed=1; }
}

for header in "$source"/engine/include/anychip/*.h "$source"/loader/include/anychip/*.h; do
    file="$dir/alone.c"
    name=$(basename "$header")
    printf '#include <anychip/%s>\n#include <anychip/%s>\ntypedef int something;\n' "$name" "$name" >"$file"
    try "$cc" -std=c11
    [ -z "$cxx" ] || try "$cxx" -std=c++11 -x c++
    seen=$((seen + 1))
done
[ $seen -ge 3 ] || { echo "only $seen headers found"; failed=1; }
[ -n "$cxx" ] || echo "no C++ compiler: checked as C only"
exit $failed
