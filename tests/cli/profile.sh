# --profile: where the time went, on every device there is, without changing a bit.
. "$HERE/lib.sh"

want 0 run "$tiny" -p "the cat" -n 8
reference=$(digest)
want 0 devices --json
devices=
i=0
n=$(json devices.#)
while [ $i -lt "$n" ]; do
    [ "$(json devices.$i.usable)" != true ] || devices="$devices $(json devices.$i.id)"
    i=$((i + 1))
done

pair=$(echo $devices | cut -d" " -f1,2 | tr " " ",") # the model has two layers
for device in $devices $pair; do
    want 0 run "$tiny" -p "the cat" -n 8 --device "$device" --profile
    [ "$(digest)" = "$reference" ] || fail "$device: --profile changes the digest"
    err_has '^prompt: [0-9]+ tokens in 1 runs'
    err_has '^generation: 7 tokens in 7 runs'
    for id in $(echo "$device" | tr ',' ' '); do err_has "^  $id +matmul +[a-z0-9_]+ +[0-9]+\.[0-9]+ +[0-9.]+ %"; done
    want 0 run "$tiny" -p "the cat" -n 8 --device "$device" --profile --json -q
    err_empty
    json_is digest "$reference"
    json_is profile.generation.runs 7
    json_is profile.generation.tokens 7
    [ "$(json profile.prompt.operations.#)" -gt 3 ] || fail "$device: few operations"
    [ "$(json profile.generation.steps.#)" -gt 10 ] || fail "$device: few steps"
    json_is profile.generation.steps.0.operation embed
    json_is profile.generation.steps.0.weight token_embd.weight
done

# Without it, nothing of it; quiet, only the tables; one token needs no generation run.
want 0 run "$tiny" -p "the cat" -n 3 --json
! "$JSON_GET" profile <"$out" >/dev/null 2>&1 || fail "a profile that nobody asked for"
want 0 run "$tiny" -p "the cat" -n 3 --profile -q
err_has '^  cpu +matmul'
[ -z "$(digest)" ] || fail "quiet, but closing lines"
want 0 run "$tiny" -p "the cat" -n 1 --profile
! grep -q '^generation: ' "$err" || fail "a table of no runs"

# bench: one more repetition of each kind.
want 0 bench "$tiny" -p 16 -n 4 -r 2 --no-roof --profile
err_has '^prefill: 16 tokens in 1 runs'
err_has '^decode: 4 tokens in 4 runs'
want 0 bench "$tiny" -p 16 -n 4 -r 2 --no-roof --profile --json
json_is prefill.profile.runs 1
json_is decode.profile.runs 4
done_well
