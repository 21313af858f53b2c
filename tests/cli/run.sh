# The run command: text, closing lines, options.
. "$HERE/lib.sh"

want 0 run "$tiny" -p "the cat" -n 12
err_has '^prompt +[0-9]+ tokens +[0-9.]+ s +[0-9.]+ tokens/s$'
err_has '^generation +[0-9]+ tokens +[0-9.]+ s +[0-9.]+ tokens/s +\(.*\)$'
[ "$(wc -l <"$err")" = 3 ] || fail "$last: want three closing lines"
out_has 'the cat'
reference=$(digest)
[ ${#reference} = 32 ] || fail "no digest"
cp "$out" "$dir/text"
[ "$(tail -c 1 "$out")" = "" ] || fail "no newline at the end"

# What must make no difference.
for options in "--batch 1" "--threads 1" "--threads 3" "--device cpu" "--cpu-isa ref" "--ctx 100" "--temp 0" "--top-k 0 --top-p 1" "--repeat-penalty 1"; do
    # shellcheck disable=SC2086
    want 0 run "$tiny" -p "the cat" -n 12 $options
    [ "$(digest)" = "$reference" ] || fail "$last: another digest"
    same "$out" "$dir/text"
done
wants 0 "the cat" run "$tiny" -p - -n 12
same "$out" "$dir/text"
want 0 run -n12 --prompt="the cat" -- "$tiny"
same "$out" "$dir/text"
want 0 run "$tiny" -p "the cat" -n 12 -q
same "$out" "$dir/text"
err_empty

want 0 run "$tiny" -p "the cat" -n 12 -v
same "$out" "$dir/text"
err_has '^model +llama tiny, 107456 parameters, mostly f32, 438 kB$'
err_has '^session +4096 positions, the model was made for 8192; cache .*B, scratch .*B$'

# The same seed gives the same text; another one, sooner or later, another.
want 0 run "$tiny" -p "the" -n 30 --temp 1.5 --seed 7
cp "$out" "$dir/seven"
want 0 run "$tiny" -p "the" -n 30 --temp 1.5 --seed 7 --threads 1 --batch 1
same "$out" "$dir/seven"
want 0 run "$tiny" -p "the" -n 30 --temp 1.5 --seed 18446744073709551615
cmp -s "$out" "$dir/seven" && fail "the seed makes no difference"
want 0 run "$tiny" -p "the" -n 30 --temp 1.5 --seed 7 --top-k 1
cp "$out" "$dir/greedy"
want 0 run "$tiny" -p "the" -n 30
same "$out" "$dir/greedy"
noise=yes
want 0 run "$tiny" -p "the" -n 3 --seed 7
err_has 'no effect at temperature 0'
noise=
want 0 run "$tiny" -p "the" -n 30 --repeat-penalty 5 --penalty-last 1000
cmp -s "$out" "$dir/greedy" && fail "the penalty makes no difference"

# As JSON, and how many tokens.
want 0 run "$tiny" -p "the cat" -n 12 --json
err_has '^digest' # the closing lines stay where they are
json_is digest "$reference"
json_is prompt.tokens "$(json prompt_ids.#)"
[ "$(json generation.tokens)" -le 12 ] || fail "too many tokens"
json_is ids.# "$(json generation.tokens)"
[ "$(json text)" = "$(sed 's/^ *the cat//' "$dir/text")" ] || fail "JSON has another text"
want 0 run "$tiny" -p "the cat" -n 0 --json
json_is ids.# 0
json_is stop limit

# The end of the context is an end like any other.
want 0 run "$tiny" -p "the" -n -1 --ctx 20 --json -q
json_is stop context
json_is generation.tokens $((20 - $(json prompt_ids.#) + 1)) # the last one need not be fed any more
want 1 run "$tiny" -p "the cat sat the cat sat the cat sat" --ctx 5
err_has 'tokens long, the context has room for 5; --ctx gives more'
out_empty
want 1 run "$tiny" -p "" --no-bos
err_has 'no token to start from'
want 0 run "$tiny" -p "" -n 3
want 2 run "$tiny" --device nonsense:9x
want 1 run "$tiny" --device cl:99
noise=yes

# The known story, where the model is at hand.
model=$AC_SHARED/models/stories260K-F32.gguf
if [ -f "$model" ]; then
    "$JSON_GET" greedy.text <"$AC_SHARED/models/expected.json" >"$dir/want"
    echo >>"$dir/want"
    want 0 run "$model" -p "Once upon a time" -n 60 --temp 0
    same "$out" "$dir/want"
fi
done_well
