# The chat command: one question, piped conversations, commands, memory.
. "$HERE/lib.sh"

want 0 chat "$tiny" -p "the cat" -n 8
err_has '^digest [0-9a-f]{32}$'
[ "$(wc -l <"$out")" -ge 1 ] || fail "no answer"
cp "$out" "$dir/one"
reference=$(digest)
wants 0 'the cat
' chat "$tiny" -n 8
same "$out" "$dir/one"
[ "$(digest)" = "$reference" ] || fail "$last: another digest"
wants 0 'the cat' chat "$tiny" -n 8 # no newline at the end
same "$out" "$dir/one"
wants 0 "$(printf '\n   \n\t\n')" chat "$tiny"
out_empty

# One line of JSON per answer; the second one's prompt holds the first question and answer, but only the new part is fed.
wants 0 'the cat
the dog
' chat "$tiny" -n 8 --json
[ "$(wc -l <"$out")" = 2 ] || fail "$last: want two lines of JSON"
cp "$out" "$dir/two"
head -n 1 "$dir/two" >"$out"
first=$(json prompt.tokens)
json_is digest "$reference"
tail -n 1 "$dir/two" >"$out"
[ "$(json prompt.tokens)" -lt $((2 * first)) ] || fail "the second question fed the first one again"
second=$(json digest)

# The kept prefix changes nothing: a conversation with another one before it, then reset, gives the same bits.
wants 0 'some other talk
/reset
the cat
the dog
' chat "$tiny" -n 8 --json
tail -n 1 "$out" >"$dir/last"
cp "$dir/last" "$out"
json_is digest "$second"
wants 0 'the cat
the dog
' chat "$tiny" -n 8 --json --batch 1 --threads 1
tail -n 1 "$out" >"$dir/last"
cp "$dir/last" "$out"
json_is digest "$second"

# A system text matters, however it is given.
want 0 chat "$tiny" --system "sat" -p "the cat" -n 8
[ "$(digest)" != "$reference" ] || fail "the system text makes no difference"
with_system=$(digest)
wants 0 '/system sat
the cat
' chat "$tiny" -n 8
[ "$(digest)" = "$with_system" ] || fail "/system is not --system"
wants 0 '/exit
the cat
' chat "$tiny"
out_empty
noise=yes
wants 0 '/
/nonsense
/help
' chat "$tiny"
err_has 'There is no such command'
err_has '^/reset'
noise=

# A full context forgets the oldest turns and says so.
noise=yes
wants 0 'the cat one
the dog two
the cat three
the dog four
' chat "$tiny" -n 6 --ctx 100 --json
[ "$(wc -l <"$out")" = 4 ] || fail "$last: want four answers"
err_has 'the context of 100 tokens is full: the oldest .* forgotten'
noise=
want 1 chat "$tiny" -p "the cat sat the cat sat the cat sat" --ctx 30
err_has 'tokens long, the context has room for 30'

want 1 chat "$no_chat" -p "the cat"
err_has 'no chat template'
out_empty
done_well
