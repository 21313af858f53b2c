# lib.sh - what the tests of the command share. After `want`, $out and $err are files with what the command wrote.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
out=$dir/out err=$dir/err
tiny=$DATA/tiny.gguf
no_chat=$DATA/no-chat.gguf
checks=0

fail() {
    echo "FAILED: $*"
    echo "--- standard output"
    head -c 2000 "$out"
    echo "--- standard error"
    head -c 2000 "$err"
    exit 1
}

# want CODE ARGS...: runs anychip ARGS with $in (or nothing) as standard input; its exit code must be CODE.
want() {
    code=$1
    shift
    last="anychip $*"
    "$ANYCHIP" "$@" <"${in:-/dev/null}" >"$out" 2>"$err"
    got=$?
    checks=$((checks + 1))
    [ $got = "$code" ] || fail "$last: want exit code $code, have $got"
    # A failure is told in one way, whatever failed; and what went well says nothing of the kind.
    case $code in
    0) ! grep -q '^anychip: ' "$err" || [ -n "${noise-}" ] || fail "$last: complains, but exits 0" ;;
    1) grep -q '^anychip: .' "$err" || fail "$last: no reason given" ;;
    2) grep -q '^anychip: .' "$err" || fail "$last: no reason given" ;;
    esac
}

# wants CODE TEXT ARGS...: the same with TEXT as standard input.
wants() {
    wants_code=$1
    printf '%s' "$2" >"$dir/in"
    shift 2
    in=$dir/in
    want "$wants_code" "$@"
    in=
}

out_is() { printf '%s' "$1" | cmp -s - "$out" || fail "$last: want standard output '$1'"; }
out_has() { grep -qE -e "$1" "$out" || fail "$last: want standard output with '$1'"; }
err_has() { grep -qE -e "$1" "$err" || fail "$last: want standard error with '$1'"; }
out_empty() { [ ! -s "$out" ] || fail "$last: want no standard output"; }
err_empty() { [ ! -s "$err" ] || fail "$last: want no standard error"; }
same() { cmp -s "$1" "$2" || fail "$last: $1 and $2 differ"; }

# json PATH: prints what the last command's JSON has there
json() {
    "$JSON_GET" "$1" <"$out" || fail "$last: JSON has no $1"
}
# json_is PATH VALUE
json_is() {
    have=$(json "$1") || exit 1
    [ "$have" = "$2" ] || fail "$last: $1: want $2, have $have"
}

digest() { # of the last command's closing lines
    sed -n 's/^digest \([0-9a-f]\{32\}\)$/\1/p' "$err" "$out"
}

done_well() {
    [ $checks -gt 0 ] || { echo "nothing was checked"; exit 1; }
    echo "$checks runs of the command checked"
}
