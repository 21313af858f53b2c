"""A tiny template language for the corpus generator.

    [red|blue|green]   one of the alternatives (they may nest; an empty one is allowed)
    {a.he}             the attribute `he` of the slot `a`
    {^a.he}            the same with a capital letter

Sentences get their capital letter by themselves, so a template may begin with a slot.
"""
import re
from functools import lru_cache

_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] )|(?<=\n))[a-z]")


def _parse(text, pos, inside):
    """Parts of `text` from `pos` on; returns (alternatives, position after)."""
    alternatives, parts, plain = [], [], []

    def flush():
        if plain:
            parts.append("".join(plain))
            plain.clear()

    while pos < len(text):
        c = text[pos]
        if c == "[":
            flush()
            inner, pos = _parse(text, pos + 1, True)
            parts.append(inner)
        elif c == "{":
            flush()
            end = text.index("}", pos)
            path = text[pos + 1:end]
            parts.append((path.startswith("^"), path.lstrip("^").split(".")))
            pos = end + 1
        elif inside and c in "|]":
            flush()
            alternatives.append(parts)
            parts = []
            pos += 1
            if c == "]":
                return alternatives, pos
        else:
            plain.append(c)
            pos += 1
    assert not inside, f"unclosed bracket in {text!r}"
    flush()
    return parts, pos


@lru_cache(maxsize=None)
def _compiled(text):
    return _parse(text, 0, False)[0]


def _render(rng, parts, slots, out):
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, tuple):
            capital, path = part
            value = slots[path[0]]
            for name in path[1:]:
                value = getattr(value, name)
            value = str(value)
            out.append(value[:1].upper() + value[1:] if capital else value)
        else:
            _render(rng, part[int(rng.random() * len(part))], slots, out)


def expand(rng, template, slots):
    """The template with choices made and slots filled, capitals untouched."""
    out = []
    _render(rng, _compiled(template), slots, out)
    return "".join(out)


def sentence(rng, template, slots):
    """As expand(), with a capital letter at the start of every sentence."""
    return _SENTENCE_START.sub(lambda m: m.group().upper(), expand(rng, template, slots))


def a_or_an(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def listing(words):
    """'a, b and c'"""
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
