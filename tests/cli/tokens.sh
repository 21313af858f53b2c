# Text to tokens and back, byte for byte.
. "$HERE/lib.sh"

wants 0 'the cat' tokenize "$tiny"
out_has '^1( [0-9]+)+$'
[ "$(wc -l <"$out")" = 1 ] || fail "$last: want one line"
cp "$out" "$dir/ids"
wants 0 'the cat' tokenize "$tiny" --no-bos
[ "1 $(cat "$out")" = "$(cat "$dir/ids")" ] || fail "--no-bos leaves out more than the first token"
wants 0 '' tokenize "$tiny" --no-bos
out_is '
'
wants 0 '' tokenize "$tiny"
out_is '1
'
wants 0 'the cat' tokenize "$tiny" --json
json_is ids.0 1
json_is tokens.1 ' the'

# round TEXT: what goes in comes back, with and without the tokens in front
round() {
    for option in --special --no-bos; do
        wants 0 "$1" tokenize "$tiny" $option
        cp "$out" "$dir/ids"
        in=$dir/ids
        want 0 detokenize "$tiny"
        in=
        out_is "$1"
    done
}
round 'the cat'
round ' the cat'
round '  two  spaces  '
round 'Gr'"$(printf '\303\274\303\237')"'e, '"$(printf '\360\237\246\231')"'!'
round 'line
line

'
round "$(printf 'tab\tand \001\177')"
round "$(printf 'not UTF-8: \377\376\303')"
# (A blank behind a byte that looks like the start of a character is part of that one to such a tokenizer, so there are none.)
head -c 20000 /dev/urandom | LC_ALL=C tr -d ' ' >"$dir/random"
in=$dir/random
want 0 tokenize "$tiny"
cp "$out" "$dir/ids"
in=$dir/ids
want 0 detokenize "$tiny"
in=
same "$out" "$dir/random"
printf 'a\000b' >"$dir/nul"
in=$dir/nul
want 0 tokenize "$tiny"
cp "$out" "$dir/ids"
in=$dir/ids
want 0 detokenize "$tiny"
in=
same "$out" "$dir/nul"

# Control tokens are text unless asked for.
wants 0 '<|im_end|>' tokenize "$tiny" --no-bos
[ "$(wc -w <"$out")" -gt 1 ] || fail "a control token was read from text"
wants 0 '<|im_end|>' tokenize "$tiny" --no-bos --special
[ "$(wc -w <"$out")" = 1 ] || fail "the control token was not read"
cp "$out" "$dir/ids"
in=$dir/ids
want 0 detokenize "$tiny"
out_empty
want 0 detokenize "$tiny" --special
out_is '<|im_end|>'
in=

wants 0 '1, 268,,
269' detokenize "$tiny"
wants 0 '' detokenize "$tiny"
out_empty
wants 0 '' detokenize "$tiny" --json
json_is text ''
for bad in x 1,x -1 2147483648 1.5; do wants 1 "$bad" detokenize "$tiny"; done
err_has 'want token ids, have .1\.5'
wants 1 99999 detokenize "$tiny"
err_has 99999
done_well
