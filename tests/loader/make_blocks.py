#!/usr/bin/env python3
"""Writes blocks_expected.h: random blocks of every weight type and what gguf-py (PyPI: gguf, numpy) makes of them.

Usage: make_blocks.py > blocks_expected.h

The bytes are a stated generator's (splitmix64, as in tests/check.h), so that every scale, minimum and code bit is
odd; halves are kept finite and exponents inside docs/numerics.md's window, where both must agree bit for bit.
The element values are folded into FNV-1a hashes per 16 elements (-0 counted as +0), the first 16 are printed in full.
"""
import struct
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

BLOCKS = 4
# type: offsets of its float16 fields
HALVES = {T.F16: [0], T.BF16: [], T.F32: [], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
          T.IQ4_NL: [0], T.MXFP4: [], T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
          T.IQ4_XS: [0]}
# normal, negative, subnormal, largest
SCALES = [0x2E66, 0xB1AB, 0x0155, 0x7BFF]
MASK = (1 << 64) - 1


def splitmix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield (z ^ (z >> 31)) & 0xFF


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = ((h ^ b) * 0x100000001B3) & MASK
    return h


def make(t):
    elems, size = GGML_QUANT_SIZES[t]
    n = BLOCKS if elems > 1 else 64
    rng = splitmix(int(t) + 1)
    raw = bytearray(next(rng) for _ in range(n * size))
    for b in range(n):
        for k, at in enumerate(HALVES[t]):
            h = SCALES[(b + k) % len(SCALES)] if elems > 1 else struct.unpack_from("<H", raw, b * size + at)[0]
            if h & 0x7C00 == 0x7C00:
                h ^= 0x4000
            struct.pack_into("<H", raw, b * size + at, h)
        if t == T.MXFP4:
            raw[b * size] = [127, 78, 178, 120][b]
        if t in (T.F32, T.BF16):  # exponents near 127
            raw[b * size + size - 1] = 0x3F | raw[b * size + size - 1] & 0x80
    values = dequantize(np.frombuffer(bytes(raw), dtype=np.uint8), t)
    values = np.asarray(values, dtype=np.float32).ravel()
    values = np.where(values == 0, np.float32(0), values)
    return bytes(raw), values


def rows(items, fmt, per):
    for i in range(0, len(items), per):
        print("    " + ", ".join(fmt % x for x in items[i:i + per]) + ",")


print("/* Made by make_blocks.py with gguf-py; do not edit. */")
for t in HALVES:
    raw, values = make(t)
    name = t.name.lower()
    bits = [struct.unpack("<I", struct.pack("<f", v))[0] for v in values]
    folds = [fnv(values[i:i + 16].tobytes()) for i in range(0, len(values), 16)]
    print(f"static const uint8_t {name}_bytes[] = {{")
    rows(raw, "0x%02X", 16)
    print(f"}};\nstatic const uint32_t {name}_first[16] = {{")
    rows(bits[:16], "0x%08X", 8)
    print(f"}};\nstatic const uint64_t {name}_folds[] = {{")
    rows(folds, "0x%016Xull", 4)
    print("};")
