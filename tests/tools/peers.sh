# bench/peers.py with a peer that is a script of a few lines: what it reports, and how it says what is missing.
. "$HERE/../cli/lib.sh"
peers() { # CODE ARGS...
    code=$1
    shift
    last="peers.py $*"
    "$PYTHON" "$PEERS" "$@" >"$out" 2>"$err"
    got=$?
    [ $got = "$code" ] || fail "$last: want exit code $code, have $got"
    grep -q Traceback "$err" && fail "$last: a traceback"
    checks=$((checks + 1))
}
want 0 synth -q --shape tiny-llama --type Q8_0 "$dir/a.gguf"
cat >"$dir/peer" <<'END'
#!/bin/sh
echo '{"prefill": 2, "decode": 4, "load_seconds": 1, "build": "b", "package": "p", "nmse": 0.5, "same_best_token": 1}'
END
chmod +x "$dir/peer"
set -- --anychip "$ANYCHIP" --peer-python "$dir/peer" -p 4 -n 2 --threads 1 --anychip-option=--no-roof "$dir/a.gguf"
peers 0 --alternations 2 --json "$dir/out" "$@"
json_is models.0.file a.gguf
json_is models.0.agreement.nmse 0.5
[ -n "$(json models.0.prefill.anychip.all.1)" ] || fail "want two alternations"
err_has '^a.gguf +decode +[0-9.]+ +4.00'
peers 1 "$@" "$dir/none.gguf"
err_has 'none.gguf: cannot open'
peers 1 --alternations 1 "$@" --peer-python "$dir/nobody"
err_has "^cannot run $dir/nobody: No such file"
peers 1 "$@" --anychip "$dir/nobody"
err_has "^cannot run $dir/nobody: No such file"
peers 2 "$@" --json "$dir/no/folder"
peers 2 "$@" --depth -1
printf '#!/bin/sh\nshift\nexec "%s" -S "%s" "$@"\n' "$PYTHON" "$PEERS" >"$dir/peer" # no packages
peers 1 "$@"
err_has "No module named 'llama_cpp'; install it"
done_well
