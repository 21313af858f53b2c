# Files that are none, or no model: exit code 1 and one line that names the file or what is wrong in it.
. "$HERE/lib.sh"
printf 'This is a text, not a model, and it is longer than any header would be.' >"$dir/text.gguf"
: >"$dir/empty.gguf"
cp "$tiny" "$dir/secret.gguf"
mkdir "$dir/folder.gguf"
bytes=$(wc -c <"$tiny")
names="$dir/nowhere.gguf $dir/text.gguf $dir/empty.gguf $dir/folder.gguf /dev/null $tiny/below"
for n in 3 4 8 23 24 100 1000 5000 $((bytes / 2)) $((bytes - 1)); do
    head -c "$n" "$tiny" >"$dir/cut$n.gguf"
    names="$names $dir/cut$n.gguf"
done
if [ "$(id -u)" != 0 ]; then
    chmod 0 "$dir/secret.gguf"
    names="$names $dir/secret.gguf"
fi

for name in $names; do
    for command in run chat inspect tokenize detokenize "logits --tokens 1,2"; do
        # shellcheck disable=SC2086
        want 1 $command "$name"
        out_empty
        [ "$(wc -l <"$err")" = 1 ] || fail "$last: want one line"
        [ "$(grep -oF "$name: " "$err" | wc -l)" = 1 ] || fail "$last: want the file's path once"
    done
done
want 1 run "$dir/nowhere.gguf"
err_has 'nowhere\.gguf.*[Nn]o such file'
want 1 run ""
want 1 inspect "$dir/folder.gguf"
err_has 'folder\.gguf'

# A file of another architecture can be inspected, but is refused by name.
LC_ALL=C sed 's/\(general\.architecture.\{12\}\)llama/\1lemma/' "$tiny" >"$dir/other.gguf"
want 0 inspect "$dir/other.gguf"
out_has 'general\.architecture.*"lemma"'
want 1 run "$dir/other.gguf"
err_has 'lemma'
err_has "^anychip: $dir/other.gguf: [^/]*\$"

# Of a path that would fill the message the end is shown, and what is wrong.
long=$dir
for i in 1 2 3; do long=$long/$(printf '%0200d' $i); done
mkdir -p "$long"
want 1 inspect "$long/none.gguf"
err_has '00003/none.gguf: cannot open: No such file'
cp "$dir/text.gguf" "$long"
want 1 inspect "$long/text.gguf"
err_has '00003/text.gguf: .*not a GGUF file'
done_well
