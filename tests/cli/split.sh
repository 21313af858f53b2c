# --device A,B: layers split over devices give the same digest; memory decides who gets how many, and too little
# of it is told with the numbers.
. "$HERE/lib.sh"
export XDG_CACHE_HOME="$dir"

want 0 devices --json
devices=" "
i=0
n=$(json devices.#)
while [ $i -lt "$n" ]; do
    [ "$(json devices.$i.usable)" != true ] || devices="$devices$(json devices.$i.id) "
    i=$((i + 1))
done
has() { case "$devices" in *" $1 "*) true ;; *) false ;; esac; }

want 0 synth --shape tiny-llama3 --type Q8_0 "$dir/m.gguf"
model=$dir/m.gguf
want 0 logits "$model" --tokens 1,2,3,4,5,6,7,8
reference=$(digest)
for list in cl:0,cpu cpu,cl:0 vk:0,cpu cpu,vk:0 cl:0,vk:0 vk:0,cl:0 cpu,cpu; do
    has "${list%,*}" && has "${list#*,}" || continue
    want 0 logits "$model" --tokens 1,2,3,4,5,6,7,8 --device $list
    [ "$(digest)" = "$reference" ] || fail "$list: another digest"
    want 0 run "$model" --prompt a -n 3 --device $list --profile # every device has its share
    for id in $(echo $list | tr ',' ' '); do err_has "^  $id +matmul"; done
done

want 1 run "$model" -n 3 --device cpu,sloth:0
want 2 run "$model" -n 3 --device cpu,,cpu
if has cl:0; then
    # Too little for the weights; too little for one layer; then more and more layers as the memory grows.
    want 1 run "$model" -n 3 --device cl:0 --cl-mask memory=100000,zerocopy
    err_has 'want [0-9.]+ MiB on .*, which has 97\.7 KiB'
    want 1 run "$model" -n 3 --device cl:0,cpu --cl-mask memory=100000
    err_has 'cl:0 .*want [0-9.]+ MiB for one layer of .*, have 0\.1 MiB'
    before=0
    seen=
    noise=1
    for mb in 2 3 4 6 8 9 10 12 14 16 20 24 32 48 64; do
        "$ANYCHIP" logits "$model" --tokens 1,2,3,4,5,6,7,8 --device cl:0,cpu --cl-mask zerocopy,memory=${mb}000000 -v \
            >"$out" 2>"$err" || { grep -q 'for one layer' "$err" && continue; fail "with $mb MB"; }
        checks=$((checks + 1))
        [ "$(digest)" = "$reference" ] || fail "with $mb MB: another digest"
        layers=$(sed -n 's/.*cl:0: layers 0 to \([0-9]*\) of.*/\1/p' "$err")
        [ "$layers" -ge "$before" ] || fail "with $mb MB: fewer layers than with less"
        [ "$layers" = "$before" ] || seen="$seen $layers"
        before=$layers
    done
    [ -n "$seen" ] || fail "memory never changed the split"
    noise=
    # Room for a longer context is kept when layers are shared out.
    want 1 run "$model" -n 3 --ctx 1000000 --device cl:0,cpu --cl-mask memory=64000000
    err_has 'with its cache'
fi
done_well
