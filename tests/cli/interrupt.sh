# Ctrl-C ends a generation with what there is, the closing lines and exit code 0.
. "$HERE/lib.sh"
last="interrupted run"

# interrupted CODE ARGS...: starts, waits for the first text, interrupts
interrupted() {
    code=$1
    shift
    : >"$out"
    mkfifo "$dir/pipe"
    cat "$dir/pipe" >"$out" &
    reader=$!
    "$ANYCHIP" "$@" >"$dir/pipe" 2>"$err" </dev/null &
    process=$!
    i=0
    while [ ! -s "$out" ] && [ $i -lt 200 ]; do
        sleep 0.05
        i=$((i + 1))
    done
    kill -INT $process
    wait $process
    got=$?
    wait $reader
    rm "$dir/pipe"
    checks=$((checks + 1))
    [ $got = "$code" ] || fail "anychip $*: want exit code $code, have $got"
}
# The likeliest token never ends this model's text, and the context is far away.
interrupted 0 run "$tiny" -p "the" -n -1 --ctx 100000
err_has '^generation .*\(interrupted\)$'
err_has '^digest [0-9a-f]{32}$'
out_has 'the'
interrupted 0 chat "$tiny" -p "the" -n -1 --ctx 100000
err_has '\(interrupted\)$'
done_well
