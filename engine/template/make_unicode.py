#!/usr/bin/env python3
"""Writes unicode.def: what str.upper(), .lower(), .title(), .isalpha() ... of this Python know, as tables.

python3 engine/template/make_unicode.py > engine/template/unicode.def
"""

import sys
import unicodedata

ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(test):
    out = []
    for c in ALL:
        if c >= 0x80 and test(chr(c)):
            if out and out[-1][0] + out[-1][1] == c:
                out[-1][1] += 1
            else:
                out.append([c, 1])
    return out


def ignorable(ch):
    """Case_Ignorable, seen through final sigma: it looks past ignorable characters only."""
    return ("A" + ch + "\u03a3").lower()[-1] == "\u03c2" and (ch + "\u03a3").lower()[-1] != "\u03c2"


def write(name, rows, form, per_line):
    print(f"static const {name}[] = {{")
    for i in range(0, len(rows), per_line):
        print("    " + " ".join("{" + form(r) + "}," for r in rows[i : i + per_line]))
    print("};")


def simple(mapping):
    """Rows first, last, step, delta of the one-to-one mappings."""
    out = []
    for c in ALL:
        m = mapping(chr(c))
        if c < 0x80 or len(m) != 1 or m == chr(c):
            continue
        delta = ord(m) - c
        if out and out[-1][3] == delta:
            first, last, step, _ = out[-1]
            if c - last == step or (first == last and c - last <= 2):
                out[-1][1], out[-1][2] = c, c - last
                continue
        out.append([c, c, 1, delta])
    return out


def special(mapping):
    out = []
    for c in ALL:
        m = mapping(chr(c))
        if c >= 0x80 and len(m) > 1:
            out.append([c] + [ord(x) for x in m] + [0] * (3 - len(m)))
    return out


def main():
    print(
        "/* unicode.def - made by make_unicode.py from Unicode %s; do not edit. */"
        % unicodedata.unidata_version
    )
    sets = [
        ("alpha", str.isalpha),
        ("decimal", str.isdecimal),
        ("digit", str.isdigit),
        ("numeric", str.isnumeric),
        ("lower", str.islower),
        ("upper", str.isupper),
        ("title", lambda ch: unicodedata.category(ch) == "Lt"),
        ("ignorable", ignorable),
        ("unprintable", lambda ch: not ch.isprintable()),
    ]
    for name, test in sets:
        write(f"range {name}_ranges", ranges(test), lambda r: f"0x{r[0]:x}, {r[1]}", 7)

    def row(r):
        return f"0x{r[0]:x}, 0x{r[1]:x}, {r[2]}, {r[3]}"

    def expand(r):
        return f"0x{r[0]:x}, {{" + ", ".join(f"0x{x:x}" for x in r[1:]) + "}"

    write("mapping lower_map", simple(str.lower), row, 4)
    write("mapping upper_map", simple(str.upper), row, 4)
    differs = [
        [c, c, 1, ord(chr(c).title()) - c]
        for c in ALL
        if c >= 0x80 and len(chr(c).title()) == 1 and chr(c).title() != chr(c).upper()
    ]
    write("mapping title_map", differs, row, 4)
    write("expansion lower_special", special(str.lower), expand, 4)
    write("expansion upper_special", special(str.upper), expand, 4)
    write("expansion title_special", special(str.title), expand, 4)


main()
