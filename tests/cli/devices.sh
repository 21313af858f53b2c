# The devices command: the CPU is always there and usable; the rest says why it is not.
. "$HERE/lib.sh"

want 0 devices
out_has '^cpu'
want 0 devices --json
json_is devices.0.id cpu
json_is devices.0.usable true
json_is devices.0.kind cpu
n=$(json devices.#)
i=0
while [ $i -lt "$n" ]; do
    [ -n "$(json devices.$i.id)" ] && [ -n "$(json devices.$i.detail)" ] || fail "device $i says nothing"
    i=$((i + 1))
done
# What is listed as usable runs.
i=0
while [ $i -lt "$n" ]; do
    want 0 devices --json
    id=$(json devices.$i.id)
    if [ "$(json devices.$i.usable)" = true ]; then
        want 0 run "$tiny" -p "the cat" -n 8 --device "$id"
        [ "$id" != cpu ] || reference=$(digest)
        [ "$(digest)" = "$reference" ] || fail "$id has another digest than the CPU"
    fi
    i=$((i + 1))
done
done_well
