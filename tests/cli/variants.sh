# Every variant of the kernels that a mask can choose gives the CPU's digest, with whole models.
. "$HERE/lib.sh"
export XDG_CACHE_HOME="$dir/cache"

want 0 devices --json
devices=" "
i=0
n=$(json devices.#)
while [ $i -lt "$n" ]; do
    [ "$(json devices.$i.usable)" != true ] || devices="$devices$(json devices.$i.id) "
    i=$((i + 1))
done

want 0 synth --shape tiny-llama3 --type Q4_K_M "$dir/k.gguf"
want 0 synth --shape tiny-qwen3 --type Q4_0 "$dir/b.gguf"
tokens=$(seq 3 60 | tr '\n' ',')
try() { # BACKEND MASK
    for model in k b; do
        want 0 logits "$dir/$model.gguf" --tokens "$tokens" --batch 41 --device "$1:0" "--$1-mask" "$2"
        [ "$(digest)" = "$(cat "$dir/$model.digest")" ] || fail "$1 with mask $2: another digest"
    done
}
for model in k b; do
    want 0 logits "$dir/$model.gguf" --tokens "$tokens"
    digest >"$dir/$model.digest"
done
case "$devices" in *" cl:0 "*)
    for mask in use_record=1 fuse zerocopy,planar cache,item_cols=1 wg=1 use_group=1 use_group=1,tile,dot,subgroup_size=16 \
        use_group=1,zerocopy,tile_from=2,tile_wide=9,subgroup subgroup=emulated,subgroup_size=8 group,wg=4,local=4096 alloc=700000,zerocopy; do
        try cl $mask
    done
    ;;
esac
case "$devices" in *" vk:0 "*)
    for mask in fuse dot,subgroup,coopmat tile,planar import,mapped threads=32,tile_from=4; do try vk $mask; done
    ;;
esac
done_well
