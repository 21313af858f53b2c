# What a file holds, for people and for programs.
. "$HERE/lib.sh"

want 0 inspect "$tiny"
err_empty
out_has '^GGUF version 3, 1 file, '
out_has 'general\.architecture +string +"llama"$'
out_has 'llama\.context_length +u32 +8192$'
out_has 'tokenizer\.ggml\.scores +f32\[[0-9]+\] +.*\.\.\.$'
out_has 'blk\.1\.ffn_down\.weight +f32 +96 x 64 +24\.6 kB$'
out_has '^  f32 +21 tensors'
[ -z "$(LC_ALL=C tr -d '\n\040-\176' <"$out")" ] || grep -q "$(printf '\342\226\201')" "$out" || fail "control characters"
cp "$out" "$dir/short"
want 0 inspect "$tiny" --all
[ "$(wc -c <"$out")" -gt $((2 * $(wc -c <"$dir/short"))) ] || fail "--all shows no more"

want 0 inspect "$tiny" --json
json_is version 3
json_is bytes "$(wc -c <"$tiny")"
json_is tensors.# 21
json_is types.f32.tensors 21
json_is metadata.0.key general.architecture
json_is metadata.0.value llama
json_is tensors.0.name token_embd.weight
json_is tensors.0.shape.0 64
json_is metadata.10.complete false
json_is metadata.10.values.# 64
count=$(json metadata.10.count)
want 0 inspect "$tiny" --json --all
json_is metadata.10.complete true
json_is metadata.10.values.# "$count"

# A hostile text is no way to the terminal.
LC_ALL=C sed "s/the/$(printf '\033[J')/g" "$tiny" >"$dir/hostile.gguf"
want 0 inspect "$dir/hostile.gguf" --all
[ -z "$(LC_ALL=C tr -cd '\033' <"$out")" ] || fail "an escape character reached the terminal"
done_well
