#!/usr/bin/env python3
"""Files written by gguf-py (PyPI: gguf, numpy), and what gguf-py reads from them: a second opinion on the reader.

Usage: make_files.py SHARED > files_expected.h

Writes data/*.gguf next to this script, then prints a table of those files and of the model and vocabulary files
below SHARED: size, counts, and the CRC-32 of a text that lists every key, value and tensor (files.c makes the same).
"""
import pathlib
import struct
import sys
import zlib
import numpy as np
from gguf import GGUFEndian, GGUFReader, GGUFValueType as V, GGUFWriter, GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES

HERE = pathlib.Path(__file__).parent / "data"


def write(path, **how):
    w = GGUFWriter(path, "llama", **how)
    w.add_uint8("u8", 200)
    w.add_int8("i8", -100)
    w.add_uint16("u16", 60000)
    w.add_int16("i16", -30000)
    w.add_int32("i32", -2000000000)
    w.add_uint64("u64", 2**64 - 1)
    w.add_int64("i64", -2**63)
    w.add_float32("f32", 1e-20)
    w.add_float64("f64", -1e300)
    w.add_bool("yes", True)
    w.add_string("text", "Grüße, 世界")
    w.add_array("strings", ["a", "", "ccc"])
    w.add_array("ints", [1, -2, 3])
    w.add_array("floats", [0.5, -0.25])
    w.add_array("bools", [True, False])
    rng = np.random.default_rng(1)
    for t in (T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.IQ4_NL, T.MXFP4, T.Q2_K, T.Q3_K, T.Q4_K,
              T.Q5_K, T.Q6_K, T.IQ4_XS):
        elems, size = GGML_QUANT_SIZES[t]
        w.add_tensor(f"w.{t.name.lower()}", rng.integers(0, 256, (3, size), dtype=np.uint8), raw_dtype=t,
                     raw_shape=(3, size))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def number(kind, value):
    if kind == V.FLOAT32:
        return "%08x" % struct.unpack("<I", np.float32(value).tobytes())
    if kind == V.FLOAT64:
        return "%016x" % struct.unpack("<Q", np.float64(value).tobytes())
    return "%d" % int(value)


def listing(paths):
    """The text of a file or of a split model, and its counts."""
    readers = [GGUFReader(path) for path in paths]
    out = bytearray()
    fields = [f for f in readers[0].fields.values() if not f.name.startswith("GGUF.")]
    for f in fields:
        kind, elem = f.types[0], f.types[-1]
        out += b"key %s %d %d %d\n" % (f.name.encode(), kind, elem, len(f.data) if kind == V.ARRAY else 1)
        for part in f.data:
            data = f.parts[part]
            out += (data.tobytes() if elem == V.STRING else number(elem, data[0]).encode()) + b"\n"
    tensors = [t for reader in readers for t in reader.tensors]
    for t in tensors:
        dims = b" ".join(b"%d" % d for d in t.shape)
        out += b"tensor %s %d %s %08x\n" % (t.name.encode(), t.tensor_type, dims, zlib.crc32(t.data.tobytes()))
    return bytes(out), len(fields), len(tensors)


HERE.mkdir(exist_ok=True)
for old in HERE.glob("*.gguf"):
    old.unlink()
write(HERE / "whole.gguf")
write(HERE / "big-endian.gguf", endianess=GGUFEndian.BIG)
write(HERE / "split.gguf", split_max_tensors=6)
shared = pathlib.Path(sys.argv[1])
print("/* Made by make_files.py with gguf-py; do not edit. */")
models = [("data", [HERE / "whole.gguf"]), ("data", sorted(HERE.glob("split-*")))]
models += [("shared", [p]) for p in sorted(shared.glob("models/*.gguf")) + sorted(shared.glob("vocab/*.gguf"))]
for folder, paths in models:
    text, keys, tensors = listing(paths)
    name = paths[0].name if folder == "data" else paths[0].relative_to(shared)
    size = sum(p.stat().st_size for p in paths)
    print(f'{{"{folder}", "{name}", {size}, {keys}, {tensors}, 0x{zlib.crc32(text):08X}u}},')
