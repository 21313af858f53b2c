# anychip synth, quantize and bench as a script sees them.
. "$HERE/../cli/lib.sh"

# ---- synth ----
want 0 synth --list
out_has '^llama-1b +Llama 3.2 1B'
want 0 synth --shape tiny-llama --type Q8_0 "$dir/a.gguf"
out_empty
err_has 'a.gguf: [0-9.]+ MB in '
want 0 synth -q -s tiny-llama -t q8_0 --threads 1 "$dir/b.gguf"
err_empty
same "$dir/a.gguf" "$dir/b.gguf"
want 0 synth -q -s tiny-llama -t q8_0 --seed 5 "$dir/b.gguf"
cmp -s "$dir/a.gguf" "$dir/b.gguf" && fail "another seed, the same file"
want 0 inspect "$dir/a.gguf"
out_has '"synthetic tiny-llama, seed 0"'
want 0 synth -s tiny-qwen2 --json "$dir/b.gguf"
json_is file "$dir/b.gguf"
json_is bytes "$(wc -c <"$dir/b.gguf")"
want 2 synth "$dir/c.gguf"
err_has 'shape is missing'
want 2 synth --shape tiny-llama
err_has 'OUT is missing'
want 2 synth --shape none "$dir/c.gguf"
err_has 'want one of .*llama-1b'
want 2 synth --shape tiny-llama --type Q1 "$dir/c.gguf"
want 1 synth --shape tiny-llama "$dir/none/c.gguf"
err_has 'none/c.gguf: cannot create: No such file'
if [ -w /dev/full ]; then
    want 1 synth --shape tiny-llama /dev/full
    err_has '/dev/full: .*No space left'
fi
[ ! -e "$dir/c.gguf" ] || fail "a failed synth left a file"
(ulimit -f 8 && "$ANYCHIP" synth --shape tiny-llama "$dir/c.gguf" 2>"$err") && fail "wrote beyond the limit"
[ ! -e "$dir/c.gguf" ] && [ -z "$(ls -A "$dir" | grep part)" ] || fail "a failed synth left something"

# Whatever ends it, no half file stays, not even a hidden one.
mkdir "$dir/ended"
for signal in INT TERM HUP; do
    "$ANYCHIP" synth --shape llama-1b --type Q4_0 "$dir/ended/c.gguf" 2>"$err" &
    process=$!
    while [ -z "$(ls -A "$dir/ended")" ] && kill -0 $process 2>"$dir/none"; do sleep 0.05; done
    kill -$signal $process
    wait $process
    got=$?
    if grep -q 'No space left' "$err"; then break; fi # it asks for all the room at once
    [ $got = 1 ] || fail "synth ended by SIG$signal: want exit code 1, have $got"
    err_has 'c.gguf: interrupted'
    [ -z "$(ls -A "$dir/ended")" ] || fail "synth ended by SIG$signal left something"
done

# ---- quantize ----
want 0 quantize --list
out_has '^Q4_K_M '
want 0 synth -q -s tiny-llama3 -t BF16 "$dir/f.gguf"
for type in Q4_K_M q4_0 IQ4_XS MXFP4 F16; do
    want 0 quantize "$dir/f.gguf" "$dir/q.gguf" $type
    err_has 'q.gguf: '
    want 0 logits "$dir/q.gguf" --tokens 1,300,400
done
want 0 quantize -q "$dir/f.gguf" "$dir/q1.gguf" Q5_K_M --threads 1
want 0 quantize -q "$dir/f.gguf" "$dir/q4.gguf" Q5_K_M --threads 4
same "$dir/q1.gguf" "$dir/q4.gguf"
want 0 quantize -q --pure "$dir/f.gguf" "$dir/q1.gguf" Q5_K_M
want 0 inspect "$dir/q1.gguf"
out_has 'token_embd.weight +q5_k'
noise=1
want 0 quantize -v "$dir/f.gguf" "$dir/q1.gguf" Q8_0
noise=
err_has 'token_embd.weight: bf16 to q8_0'
want 1 quantize "$dir/q1.gguf" "$dir/q2.gguf" Q4_0
err_has "^anychip: $dir/q1.gguf: [^/]* q8_0 already"
want 0 quantize -q --requantize "$dir/q1.gguf" "$dir/q2.gguf" Q4_0
want 2 quantize "$dir/f.gguf" "$dir/q.gguf"
want 2 quantize "$dir/f.gguf" "$dir/q.gguf" Q9
want 1 quantize "$dir/none.gguf" "$dir/q.gguf" Q4_0
err_has 'none.gguf'

# ---- bench ----
numbers() { # KEYS...: all of them are more than 0
    for key; do
        value=$(json "$key") || exit 1
        case $value in
        0 | -* | [!0-9]*) fail "$key is $value" ;;
        esac
    done
}
want 0 bench "$dir/a.gguf" -p 20 -n 4 --repeat 1 --threads 2 --json
numbers memory.peak_resident_bytes memory.anonymous_bytes memory.mapped_file_bytes memory.stated_bytes
[ "$(json memory.peak_resident_bytes)" -lt 200000000 ] || fail "what measures the machine was counted too"
want 0 bench "$dir/a.gguf" -p 20 -n 4 --repeat 2 --threads 1,2 --json
json_is memory.peak_resident_bytes null # the first number's measurements would count
numbers prefill.tokens_per_second.median prefill.tokens_per_second.min decode.tokens_per_second.median \
    decode.tokens_per_second.max decode.gb_per_second.median machine_limits.read_gb_per_second load_seconds \
    first_token_seconds memory.stated_bytes model.vocab runs.1.prefill.tokens_per_second.median
json_is decode.context 20
json_is decode.tokens 4
json_is threads 2
one=$(json runs.0.decode.digest)
json_is decode.digest "$one"
want 0 bench "$dir/a.gguf" -p 20 -n 4 --repeat 1 --threads 1 --device cpu:0 --cpu-isa ref --no-roof --json
json_is isa ref
json_is decode.digest "$one" # another instruction set, the same bits
json_is machine_limits.read_gb_per_second null
want 0 bench "$dir/a.gguf" -p 20 -n 4 --repeat 1 --threads 1 --batch 3 --no-roof --json
json_is decode.digest "$one"
want 0 bench "$dir/a.gguf" -p 8 -n 4 --repeat 2 --depth 20 --threads 2 --no-roof --json
json_is decode.digest "$one" # after as many tokens, the same bits
json_is prefill.tokens 8
want 0 bench "$dir/a.gguf" -p 8 -n 2 --depth 0 --repeat 1 --no-roof --threads 1
out_has 'prefill +8 tokens +[0-9.]+ tokens/s'
out_has 'after 0 tokens of context; digests [0-9a-f]{32} [0-9a-f]{32}'
want 0 bench "$dir/f.gguf" -p 8 -n 2 --repeat 1 --threads 1 --json
json_is prefill.share_of_int8_peak null # floating-point weights
for threads in 0 x 1,x 1025 ,; do want 2 bench "$dir/a.gguf" --threads $threads; done
want 1 bench "$dir/none.gguf"
want 2 bench "$dir/a.gguf" -p 0
done_well
