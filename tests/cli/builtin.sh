# The built-in model tells a story and answers; without one the command says so.
. "$HERE/lib.sh"

"$ANYCHIP" inspect builtin >"$out" 2>"$err"
if grep -q 'built without a built-in model' "$err"; then
    want 1 run
    err_has 'built without a built-in model; name a GGUF file'
    want 1 chat -p hello
    echo "no model is built in"
    done_well
    exit 0
fi
want 0 run -n 60
out_has 'Once upon a time.*\.'
[ "$(wc -w <"$out")" -gt 20 ] || fail "that is no story"
cp "$out" "$dir/story"
want 0 run builtin -n 60 --threads 1
same "$out" "$dir/story"
# The README's run, with its digest.
want 0 run -p "Once upon a time" -n 60
digest=$(sed -n 's/^ *digest \([0-9a-f]*\)$/\1/p' "$HERE/../../README.md")
err_has "digest $digest\$"
[ ${#digest} -eq 32 ] || fail "the README shows no digest"
want 0 chat -p "What is 3 plus 4?"
out_has '7|seven'
want 0 inspect builtin --json
[ "$(json bytes)" -le 2500000 ] || fail "the built-in model is too large"
wants 0 'Once upon a time' tokenize builtin
done_well
