#!/usr/bin/env python3
"""Writes what fuzz_template starts from: templates and variables of tests/template/cases.txt, a dictionary.

python3 tests/fuzz/fuzz_template.py corpus words
fuzz_template corpus -dict=words -max_len=4096
"""

import os
import re
import sys

WORDS = """{% %} {{ }} {# #} -%} {%- if else elif endif for endfor in set endset macro endmacro call
endcall filter endfilter with endwith generation endgeneration raw endraw is not and or
recursive break continue namespace( range( dict( loop. messages |tojson |join |map(
|selectattr( |sort |unique |batch( |replace( |trim |indent .split( .items() .format( %s
%5.3f {:>5} [::-1] |round |int |truncate( |title caller() varargs kwargs""".split()


def unescape(text):
    plain = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(x..|.)", lambda m: plain.get(m[1]) or chr(int(m[1][1:], 16)), text)


def main():
    corpus, words = sys.argv[1:]
    os.makedirs(corpus, exist_ok=True)
    cases = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../template/cases.txt")
    for i, line in enumerate(open(cases)):
        f = line.rstrip("\n").split("\t")
        column = {"template": 2, "expression": 1, "var": 2}.get(f[0])
        if column:
            with open(os.path.join(corpus, str(i)), "wb") as out:
                out.write((b"\xff" if f[0] == "var" else b"a") + unescape(f[column]).encode())
    with open(words, "w") as out:
        out.writelines('"%s"\n' % w.replace("\\", "\\\\") for w in WORDS)


main()
