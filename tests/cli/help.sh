# Every command explains itself, within 80 columns, and the overview names every command.
. "$HERE/lib.sh"
commands="run chat logits tokenize detokenize inspect devices tune"

want 0 --help
err_empty
cp "$out" "$dir/overview"
for command in $commands; do
    grep -qE "^  $command +[a-z]" "$dir/overview" || fail "the overview lacks $command"
done
[ "$(grep -cE '^  [a-z]+ +[a-z]' "$dir/overview")" -ge "$(echo "$commands" | wc -w)" ] || fail "the overview is short"
want 0 help
same "$out" "$dir/overview"
want 0 -h
same "$out" "$dir/overview"

for command in $(sed -nE 's/^  ([a-z]+)  +[a-z].*/\1/p' "$dir/overview"); do
    want 0 "$command" --help
    err_empty
    out_has "^anychip $command - "
    out_has "^Usage: anychip $command"
    for option in --device --cpu-isa --threads --json --help; do out_has "^ .*$option"; done
    [ -z "$(awk 'length > 80' "$out")" ] || fail "$last: a line has more than 80 columns"
    grep -qE ' $' "$out" && fail "$last: a line ends in a blank"
    cp "$out" "$dir/help"
    want 0 "$command" -h
    same "$out" "$dir/help"
    want 0 help "$command"
    same "$out" "$dir/help"
    want 0 "$command" --help --no-such-option # what comes after --help does not matter
done

want 0 run --help
for option in prompt max-tokens temp top-k top-p min-p seed ctx repeat-penalty batch; do out_has "--$option [A-Z]"; done
want 0 --version
out_has '^anychip [0-9]+\.[0-9]+\.[0-9]+, arithmetic [0-9]+$'
done_well
