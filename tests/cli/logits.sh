# The logits command: its file, its digest, and that nothing which should not matter does.
. "$HERE/lib.sh"
tokens=1,268,270,271,259,290,5,6,7,8,9,10,11,12,13,14,15,16,17
f=$dir/logits.bin

want 0 logits "$tiny" --tokens $tokens --out "$f"
out_has '^digest [0-9a-f]{32}$'
[ "$(wc -l <"$out")" = 1 ] || fail "$last: want one line"
err_empty
reference=$(digest)
cp "$f" "$dir/reference"
word() { od -An -td4 -j"$1" -N4 "$f" | tr -d ' '; }
n=$(word 0) vocab=$(word 4)
[ "$n" = 19 ] || fail "the file says $n tokens"
[ "$(wc -c <"$f")" = $((8 + 4 * n + 4 * n * vocab)) ] || fail "the file has the wrong size"
[ "$(word 8),$(word 12),$(word 80)" = 1,268,17 ] || fail "the file has other tokens"

for options in "--batch 1" "--batch 2" "--batch 7" "--batch 19" "--batch 512" "--threads 1" "--threads 3" "--device cpu" "--cpu-isa ref" "--ctx 19" "--ctx 4000"; do
    # shellcheck disable=SC2086
    want 0 logits "$tiny" --tokens $tokens --out "$f" $options
    [ "$(digest)" = "$reference" ] || fail "$last: another digest"
    same "$f" "$dir/reference"
done
wants 0 "$(echo $tokens | tr , ' ')" logits "$tiny" --tokens -
[ "$(digest)" = "$reference" ] || fail "$last: another digest"
want 0 logits "$tiny" --tokens=1,268,270 --json
json_is tokens 3
json_is vocab "$vocab"
[ "$(json digest)" != "$reference" ] || fail "other tokens, same digest"

want 1 logits "$tiny" --tokens 1,99999
err_has 99999
out_empty
want 1 logits "$tiny" --tokens 1,2 --out "$dir/no/such/folder"
err_has 'no/such/folder'
out_empty
if [ -w /dev/full ]; then
    want 1 logits "$tiny" --tokens 1,2 --out /dev/full
    err_has '/dev/full.*[Nn]o space'
    [ -e /dev/full ] || fail "the device was removed"
fi
want 1 logits "$tiny" --tokens 1,2,99999 --out "$f"
[ ! -e "$f" ] || fail "half a file was left behind"
want 1 logits "$tiny" --tokens $tokens --ctx 18
err_has 'context'

# Against the measured truth, where it is at hand: the file is the oracle's, so sizes and tokens must agree.
model=$AC_SHARED/models/stories260K-F32.gguf
if [ -f "$model" ]; then
    ref=${model%.gguf}.ref.bin
    ids=$(od -An -v -td4 -j8 -N$((179 * 4)) "$ref" | tr -s ' \n' ,)
    want 0 logits "$model" --tokens "$ids" --out "$f" --batch 50
    [ "$(head -c $((8 + 179 * 4)) "$f" | cksum)" = "$(head -c $((8 + 179 * 4)) "$ref" | cksum)" ] || fail "not the oracle's format"
    [ "$(wc -c <"$f")" = "$(wc -c <"$ref")" ] || fail "not the oracle's size"
fi
done_well
