# Standard streams that are closed, full or gone: exit code 1 and the reason, never a silent loss and never a crash.
. "$HERE/lib.sh"
last="with broken streams"

# broken CODE SHELL-TEXT: runs it; the command's exit code must be CODE
broken() {
    checks=$((checks + 1))
    eval "$2"
    got=$?
    [ $got = "$1" ] || fail "$2: want exit code $1, have $got"
    [ "$1" = 0 ] || grep -q '^anychip: cannot write standard output' "$err" || fail "$2: no reason given"
}
for command in "--help" "--version" "run --help" "devices" "inspect '$tiny'" "inspect '$tiny' --json" "logits '$tiny' --tokens 1,2" \
    "run '$tiny' -n 5" "run '$tiny' -n 5 --json" "chat '$tiny' -p cat -n 5" "tokenize '$tiny' <'$HERE/lib.sh'"; do
    broken 1 "\"\$ANYCHIP\" $command >&- 2>\"\$err\""
    [ ! -w /dev/full ] || broken 1 "\"\$ANYCHIP\" $command >/dev/full 2>\"\$err\""
done

# A reader that goes away ends the work soon.
mkfifo "$dir/pipe"
head -c 1 "$dir/pipe" >/dev/null &
"$ANYCHIP" run "$tiny" -n -1 --ctx 8192 >"$dir/pipe" 2>"$err"
[ $? = 1 ] || fail "run into a closed pipe: want exit code 1"
grep -q 'Broken pipe' "$err" || fail "run into a closed pipe: no reason given"

# Closed standard input is an empty one or an error, but no crash; closed standard error costs the closing lines only.
for command in tokenize detokenize chat; do
    "$ANYCHIP" $command "$tiny" <&- >"$out" 2>"$err"
    [ $? -le 1 ] || fail "$command without standard input"
done
"$ANYCHIP" run "$tiny" -n 5 >"$out" 2>&- || fail "run without standard error"
"$ANYCHIP" run "$tiny" -n 5 -q 2>"$err" | cmp -s - "$out" || fail "run without standard error: other text"

# A file that is written while a standard stream is closed must not get what was meant for that stream.
"$ANYCHIP" quantize "$tiny" "$dir/good.gguf" Q8_0 --requantize --verbose 2>"$err" || fail "quantize"
[ -s "$err" ] || fail "quantize --verbose says nothing"
"$ANYCHIP" quantize "$tiny" "$dir/mixed.gguf" Q8_0 --requantize --verbose 2>&- || fail "quantize without standard error"
cmp -s "$dir/good.gguf" "$dir/mixed.gguf" || fail "quantize without standard error: its messages are in the file"
"$ANYCHIP" logits "$tiny" --tokens 1,2 --out "$dir/good.bin" >"$out" || fail "logits"
"$ANYCHIP" logits "$tiny" --tokens 1,2 --out "$dir/mixed.bin" <&- >&- 2>&-
cmp -s "$dir/good.bin" "$dir/mixed.bin" || fail "logits without standard streams: another file"

# A folder as standard input.
in=/
want 1 tokenize "$tiny"
in=
done_well
