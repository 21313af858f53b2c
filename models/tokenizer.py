#!/usr/bin/env python3
"""Byte-level BPE as GPT-2 defines it, small enough to read: training, encoding, and the lists a GGUF file stores.

Digits never merge, so every number is a row of single digits. The pre-tokenizer is GPT-2's (`tokenizer.ggml.pre` =
"gpt-2"); the corpus is ASCII, so its letter and digit classes are written out here for that range, and every other
character counts as a letter when `str.isalpha` says so.
"""
import json
import re
from collections import Counter

BOS, TURN, EOS, PAD = "<s>", "<|im_start|>", "<|im_end|>", "<|pad|>"
SPECIALS = [BOS, TURN, EOS, PAD]
BOS_ID, TURN_ID, EOS_ID, PAD_ID = range(4)

_PRE = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
_SPECIAL = re.compile("(" + "|".join(re.escape(s) for s in SPECIALS) + ")")


def byte_letters():
    """GPT-2's printable stand-in for each of the 256 bytes."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = {}, 256
    for b in range(256):
        letters[b] = chr(b if b in keep else spare)
        spare += b not in keep
    return letters


_LETTER = byte_letters()
_BYTE = {c: b for b, c in _LETTER.items()}


def _letters(piece):
    return [_LETTER[b] for b in piece.encode("utf-8")]


def _merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def plain_parts(text):
    """The text between the special tokens."""
    return [part for part in _SPECIAL.split(text) if part not in SPECIALS]


class Tokenizer:
    def __init__(self, merges, size=None):
        self.merges = [tuple(m) for m in merges]
        self.tokens = SPECIALS + [_LETTER[b] for b in range(256)] + [a + b for a, b in self.merges]
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        assert len(self.ids) == len(self.tokens)
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.cache = {}

    def _piece(self, piece):
        symbols = _letters(piece)
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]), key=lambda p: self.rank.get(p, 1 << 30))
            if best not in self.rank:
                break
            symbols = _merge(symbols, best)
        return [self.ids[s] for s in symbols]

    def encode(self, text):
        """Ids of plain text (no special tokens, no BOS)."""
        out = []
        for piece in _PRE.findall(text):
            ids = self.cache.get(piece)
            if ids is None:
                ids = self.cache[piece] = self._piece(piece)
            out += ids
        return out

    def encode_marked(self, text):
        """Ids of text in which the special tokens' own texts stand for the tokens, as a chat template writes them."""
        out = []
        for part in _SPECIAL.split(text):
            out += [self.ids[part]] if part in SPECIALS else self.encode(part)
        return out

    def decode(self, ids):
        text = "".join(self.tokens[i] for i in ids if i >= len(SPECIALS))
        return bytes(_BYTE[c] for c in text).decode("utf-8", "replace")

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"merges": [" ".join(m) for m in self.merges]}, f, ensure_ascii=False, indent=0)

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as f:
            return cls(m.split(" ") for m in json.load(f)["merges"])


def train(texts, size):
    """Learn merges until the vocabulary has `size` tokens. Ties go to the pair that sorts first: the result is unique."""
    counts = Counter()
    for text in texts:
        counts.update(p for p in _PRE.findall(text) if not any(c.isdigit() for c in p))
    words = [(_letters(p), n) for p, n in counts.items()]
    merges = []
    while len(SPECIALS) + 256 + len(merges) < size:
        pairs = Counter()
        for symbols, n in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
        known = {a + b for a, b in merges}
        # two pairs may spell the same token; the second one would be a token with two ids
        best = min((p for p in pairs if p[0] + p[1] not in known), key=lambda p: (-pairs[p], p))
        merges.append(best)
        words = [(_merge(s, best) if best[0] in s else s, n) for s, n in words]
    return Tokenizer(merges)
