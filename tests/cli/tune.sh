# tune: measures, stores, is used afterwards, and changes no bit; spoilt files are as good as none.
. "$HERE/lib.sh"
export XDG_CACHE_HOME="$dir/cache"

want 2 tune
err_has 'which device'
want 1 tune --device cpu
err_has 'nothing to tune'
want 2 tune --device cl:0,cpu
want 1 tune --device sloth:0

want 0 devices --json
i=0
n=$(json devices.#)
device=
while [ $i -lt "$n" ]; do
    [ "$(json devices.$i.usable)" != true ] || [ "$(json devices.$i.id)" != cl:0 ] || device=cl:0
    i=$((i + 1))
done
[ -n "$device" ] || done_well
[ -n "$device" ] || exit 0

want 0 run "$tiny" -p "the cat" -n 6
reference=$(digest)
want 2 tune --device $device nonsense
err_has 'nonsense'

noise=1
want 0 tune --device $device item_group
err_has '^  1 of [0-9]+ +as it is +one row +[0-9.]+ ms +64 rows +[0-9.]+ ms'
err_has '^  2 of [0-9]+ +item_group=[0-9]+ '
out_has '^set '
file=$(sed -n 's/^stored *//p' "$out")
[ -s "$file" ] || fail "no file $file"
case "$file" in "$dir"/cache/anychip/tuning/cl-*.txt) ;; *) fail "the file is $file" ;; esac

want 0 tune --device $device item_group --json -q
err_empty
json_is file "$file"
[ "$(json measurements.#)" -ge 3 ] || fail "few measurements"
json_is measurements.1.name item_group
rm "$file"
want 0 tune --device $device item_group -q --cl-mask fuse
out_has '^stored +no'
[ ! -e "$file" ] || fail "stored in spite of a mask"
want 0 tune --device $device item_group -q

# Used when a device is opened: said with -v, and the digest stays.
want 0 run "$tiny" -p "the cat" -n 6 --device $device -v
err_has "tuning from $file"
[ "$(digest)" = "$reference" ] || fail "tuned, and another digest"
for damage in 'echo what >"$file"' ': >"$file"' 'echo more >>"$file"' 'head -c 3000 /dev/urandom >"$file"' \
    'rm "$file"; mkdir "$file"'; do
    eval "$damage"
    want 0 run "$tiny" -p "the cat" -n 6 --device $device
    err_has 'damaged and not used'
    [ "$(digest)" = "$reference" ] || fail "a spoilt tuning file changes the digest"
done
want 1 tune --device $device item_group -q # a folder is in the way
rmdir "$file"
want 0 tune --device $device item_group -q
want 0 run "$tiny" -p "the cat" -n 6 --device $device -v
err_has "tuning from $file"
done_well
