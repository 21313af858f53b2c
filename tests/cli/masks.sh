# --device-mask, --cl-mask and --vk-mask: words reach the devices they are meant for, and change no bit.
. "$HERE/lib.sh"

usable() { # whether a device with this id is there and usable
    want 0 devices --json
    i=0
    n=$(json devices.#)
    while [ $i -lt "$n" ]; do
        [ "$(json devices.$i.id)" != "$1" ] || [ "$(json devices.$i.usable)" != true ] || return 0
        i=$((i + 1))
    done
    return 1
}

want 0 run "$tiny" -p "the cat" -n 6
reference=$(digest)
# The CPU knows no such words and gets none.
want 0 run "$tiny" -p "the cat" -n 6 --device-mask nonsense --cl-mask nonsense --vk-mask nonsense
[ "$(digest)" = "$reference" ] || fail "a mask for others changes the CPU"

for backend in cl vk; do
    usable $backend:0 || continue
    if [ $backend = cl ]; then other=vk; else other=cl; fi
    want 2 run "$tiny" -n 3 --device $backend:0 --device-mask nonsense
    err_has nonsense
    want 2 run "$tiny" -n 3 --device $backend:0 --$backend-mask fuse,nonsense
    err_has nonsense
    want 2 run "$tiny" -n 3 --device $backend:0 --device-mask fuse --$backend-mask nonsense
    err_has nonsense
    for words in fuse "fuse,planar"; do
        want 0 run "$tiny" -p "the cat" -n 6 --device $backend:0 --$backend-mask $words --$other-mask nonsense
        [ "$(digest)" = "$reference" ] || fail "$backend without $words: another digest"
    done
done
if usable cl:0 && usable vk:0; then
    want 0 run "$tiny" -p "the cat" -n 6 --device cl:0,vk:0 --cl-mask fuse,wg=16 --vk-mask dot,tile --device-mask planar
    [ "$(digest)" = "$reference" ] || fail "masks of two backends: another digest"
    want 2 run "$tiny" -n 3 --device cl:0,vk:0 --vk-mask wg=16
    err_has 'wg=16'
fi
# Longer than any mask.
if usable cl:0; then
    want 1 run "$tiny" -n 3 --device cl:0 --cl-mask "$(printf 'fuse,%.0s' $(seq 600))"
    err_has 'mask'
fi
done_well
