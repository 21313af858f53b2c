# A device that is lost on the way: it is opened again, or the CPU goes on, and the text is the same.
. "$HERE/lib.sh"

"$ANYCHIP" devices 2>/dev/null | grep -q '^vk:0 ' || { echo "skipped: no device vk:0"; exit 77; }
noise=1 # a lost device is said
mask=$("$ANYCHIP" run --help | grep -oE -e '--(vk|device)-mask' | head -n 1)
want 0 run "$tiny" -p "the cat" -n 30
reference=$(digest)
cp "$out" "$dir/text"

# Once: the second opening is not lost, the text being short enough.
want 0 run "$tiny" -p "the cat" -n 30 --device vk:0 "$mask" lose=25
same "$out" "$dir/text"
[ "$(digest)" = "$reference" ] || fail "$last: another digest"
err_has 'the device is lost; opening it again$'

# Again and again, in the middle of feeding the tokens again too.
for n in 1 4; do
    want 0 run "$tiny" -p "the cat" -n 30 --batch 2 --device vk:0 "$mask" lose=$n
    same "$out" "$dir/text"
    [ "$(digest)" = "$reference" ] || fail "$last: another digest"
    err_has 'the device is lost; going on with the CPU$'
done
want 0 run "$tiny" -p "the cat" -n 30 --device vk:0 "$mask" lose=4 -q
same "$out" "$dir/text"
err_empty
