# Wrong usage: exit code 2, one sentence that says what is wrong, and where help is. Nothing on standard output.
. "$HERE/lib.sh"

# no SENTENCE ARGS...
no() {
    sentence=$1
    shift
    want 2 "$@"
    out_empty
    err_has "$sentence"
    err_has "^Try 'anychip .*--help'\.$"
    [ "$(wc -l <"$err")" = 2 ] || fail "$last: want two lines"
}

no 'which command'
no "there is no command 'rum'; did you mean 'run'" rum
no "did you mean 'tokenize'" tokenise
no "there is no command 'xyzzy'$" xyzzy
no "there is no command ''" ""
no "the command comes first, such as 'anychip run --temp'" --temp 1 run
no "there is no command 'nothing'" help nothing

for command in logits tokenize detokenize inspect; do no 'MODEL is missing' $command; done
no "'b' is one argument too many" run a b
no "'extra' is one argument too many" devices extra

no 'unknown option --tmep; did you mean --temp\?' run --tmep 1
no 'unknown option --tmep; did you mean --temp\?' run --tmep=1
no 'unknown option --zzzzzzzzzzzz$' run --zzzzzzzzzzzz
no 'unknown option --zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz' run --zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz
no 'unknown option -x' run -x
no 'unknown option -qx' run -qx
no 'unknown option --prompt' devices --prompt x
no 'unknown option --=3' run --=3
no 'option --json takes no value' run --json=1
no 'option -n needs a value: -n N' run -n
no 'option --temp needs a value: --temp T' run --temp
no 'option -p needs a value, and --temp is an option; .* write --prompt=--temp' run -p --temp 0.5

for n in '' ' ' x 1x 1.5 0x10 ' 5' '5 ' + - 1e3 inf; do no '^anychip: run: -n: want a whole number, have' run -n "$n"; done
for n in -2 1000000001 99999999999999999999 -99999999999999999999; do no 'want a number' run -n "$n"; done
for n in 0 -1 16777217; do no 'want a number from 1 to 16777216' run --ctx "$n"; done
for n in 0 -1 1025; do no 'want a number from 1 to 1024' run --threads "$n"; done
for n in 0 -1 65537; do no 'want a number from 1 to 65536' logits m --batch "$n"; done
for t in '' x 0.5x nan inf 0x1p3 ' 1' 1e; do no '^anychip: run: --temp: want a number, have' run --temp "$t"; done
for t in -0.1 1001 1e999 -1e999; do no 'want a number from 0 to 1000' run --temp "$t"; done
for p in -0.01 1.01; do
    no 'want a number from 0 to 1' run --top-p "$p"
    no 'want a number from 0 to 1' run --min-p "$p"
done
for s in '' -1 +1 x 1.0 18446744073709551616; do no '0 to 18446744073709551615' run --seed "$s"; done

no '[-]-tokens is missing' logits "$tiny"
for t in '' ' ' , 1,x 1,2.5 1,-2 -5 0x1 2147483648 99999999999999999999 '1;2'; do no '[-]-tokens: want' logits "$tiny" --tokens="$t"; done
done_well
