#!/usr/bin/env python3
"""Make test files of one model in many weight types, with llama.cpp's logits for each.

    make_files.py MODEL-F16.gguf --out DIR --tokens-from MODEL.ref.bin --oracle oracle.py

For every type it writes into DIR, with STEM the model's file name up to its last dash:
    STEM-TYPE.gguf        the model quantised by llama.cpp: every matrix in that type
    STEM-TYPE.llama.bin   llama.cpp's logits on the CPU, all tokens in one batch, f16 KV cache
    STEM-TYPE.ref.bin     the oracle's logits (with --oracle)
and it puts the distance of the two into DIR/table.json, beside the rows already there.

A logits file is little-endian: int32 n_tokens, int32 n_vocab, int32 tokens[n_tokens],
float32 logits[n_tokens][n_vocab]. Needs numpy, gguf and llama-cpp-python.
"""
import argparse
import collections
import ctypes
import importlib.util
import json
import pathlib
import struct
import sys

import gguf
import llama_cpp
import numpy as np

# name -> (name of llama.cpp's file type, every matrix in that type)
TYPES = {
    "F32": ("ALL_F32", True),
    "F16": ("MOSTLY_F16", True),
    "BF16": ("MOSTLY_BF16", True),
    "Q4_0": ("MOSTLY_Q4_0", True),
    "Q4_1": ("MOSTLY_Q4_1", True),
    "Q5_0": ("MOSTLY_Q5_0", True),
    "Q5_1": ("MOSTLY_Q5_1", True),
    "Q8_0": ("MOSTLY_Q8_0", True),
    "Q2_K": ("MOSTLY_Q2_K", True),
    "Q3_K": ("MOSTLY_Q3_K_M", True),
    "Q4_K": ("MOSTLY_Q4_K_M", True),
    "Q5_K": ("MOSTLY_Q5_K_M", True),
    "Q6_K": ("MOSTLY_Q6_K", True),
    "IQ4_NL": ("MOSTLY_IQ4_NL", True),
    "IQ4_XS": ("MOSTLY_IQ4_XS", True),
    "MXFP4": ("MOSTLY_MXFP4_MOE", True),
    # llama.cpp's usual mixtures: some matrices in a wider type
    "Q3_K_M": ("MOSTLY_Q3_K_M", False),
    "Q4_K_M": ("MOSTLY_Q4_K_M", False),
    "Q5_K_M": ("MOSTLY_Q5_K_M", False),
}


@llama_cpp.llama_log_callback
def print_errors(level, text, user):
    if level == 4:  # GGML_LOG_LEVEL_ERROR
        sys.stderr.write(text.decode(errors="replace"))


def quantise(src, dst, name):
    ftype, pure = TYPES[name]
    p = llama_cpp.llama_model_quantize_default_params()
    p.ftype = getattr(llama_cpp, "LLAMA_FTYPE_" + ftype)
    p.pure, p.allow_requantize, p.nthread = pure, True, 1
    if llama_cpp.llama_model_quantize(str(src).encode(), str(dst).encode(), ctypes.byref(p)):
        raise RuntimeError(f"llama.cpp did not make {dst}")


def matrix_types(path):
    """How many matrices the file has of each type: what a "pure" file really holds."""
    tensors = gguf.GGUFReader(path).tensors
    return dict(collections.Counter(t.tensor_type.name for t in tensors if len(t.shape) > 1))


def load(path):
    p = llama_cpp.llama_model_default_params()
    p.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), p)
    if not model:
        raise RuntimeError(f"llama.cpp does not load {path}")
    return model


def new_context(model, n_tokens, flash, threads):
    p = llama_cpp.llama_context_default_params()
    p.n_ctx = p.n_batch = p.n_ubatch = n_tokens
    p.n_threads = p.n_threads_batch = threads
    p.flash_attn_type = flash
    ctx = llama_cpp.llama_init_from_model(model, p)
    if not ctx:
        raise RuntimeError("llama.cpp makes no context")
    return ctx


def decode(ctx, tokens):
    """Decode all tokens in one batch and ask for the logits of each."""
    n = len(tokens)
    batch = llama_cpp.llama_batch_init(n, 0, 1)
    batch.n_tokens = n
    for i, token in enumerate(tokens):
        batch.token[i], batch.pos[i], batch.logits[i] = int(token), i, 1
        batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
    failed = llama_cpp.llama_decode(ctx, batch)
    llama_cpp.llama_batch_free(batch)
    if failed:
        raise RuntimeError(f"llama_decode: {failed}")


def llama_logits(path, tokens, flash, threads):
    model = load(path)
    ctx = new_context(model, len(tokens), flash, threads)
    decode(ctx, tokens)
    n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    y = np.ctypeslib.as_array(llama_cpp.llama_get_logits(ctx), (len(tokens), n_vocab)).copy()
    llama_cpp.llama_free(ctx)
    llama_cpp.llama_model_free(model)
    return y


def read_tokens(path):
    data = path.read_bytes()
    return np.frombuffer(data, "<i4", struct.unpack_from("<i", data)[0], 8)


def write_logits(path, tokens, y):
    head = struct.pack("<ii", *y.shape) + np.asarray(tokens, "<i4").tobytes()
    path.write_bytes(head + np.asarray(y, "<f4").tobytes())


def load_oracle(path):
    spec = importlib.util.spec_from_file_location("oracle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def distance(oracle, ref, y):
    return dict(zip(("nmse", "kl", "top1"), map(float, oracle.compare(ref, y.astype(np.float64)))))


def make_one(o, name, stem, tokens, oracle):
    """Make the files of one type; return its row of the table."""
    path = o.out / f"{stem}-{name}.gguf"
    quantise(o.model, path, name)
    row = {"matrices": matrix_types(path)}
    y = llama_logits(path, tokens, llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO, o.threads)
    write_logits(path.with_suffix(".llama.bin"), tokens, y)
    if oracle:
        ref = oracle.logits(oracle.Model(path), tokens)
        oracle.write(path.with_suffix(".ref.bin"), tokens, ref)
        row.update(distance(oracle, ref, y))
        row["no_flash"] = distance(oracle, ref, llama_logits(path, tokens, llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED, o.threads))
    return row


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model", type=pathlib.Path, help="an F32 or F16 GGUF file")
    ap.add_argument("--out", type=pathlib.Path, required=True, metavar="DIR")
    ap.add_argument("--types", default=",".join(TYPES), help="comma-separated; default: all (%(default)s)")
    src = ap.add_mutually_exclusive_group(required=True)
    src.add_argument("--tokens", help="comma-separated ids")
    src.add_argument("--tokens-from", type=pathlib.Path, metavar="BIN", help="take the ids of this logits file")
    ap.add_argument("--oracle", type=pathlib.Path, metavar="PY", help="the float64 reference; without it: no .ref.bin, no table")
    ap.add_argument("--threads", type=int, default=2, help="for llama.cpp's decode (default %(default)s)")
    o = ap.parse_args()
    o.types = o.types.split(",")
    if unknown := set(o.types) - set(TYPES):
        ap.error(f"unknown types: {', '.join(sorted(unknown))}")
    return o


def main():
    o = arguments()
    llama_cpp.llama_log_set(print_errors, None)
    o.out.mkdir(parents=True, exist_ok=True)
    stem = o.model.stem.rpartition("-")[0] or o.model.stem
    tokens = read_tokens(o.tokens_from) if o.tokens_from else np.array([int(t) for t in o.tokens.split(",")])
    oracle = load_oracle(o.oracle) if o.oracle else None
    table_path = o.out / "table.json"
    table = json.loads(table_path.read_text()) if table_path.exists() else {}
    failed = 0
    for name in o.types:
        try:
            row = make_one(o, name, stem, tokens, oracle)
        except RuntimeError as e:
            print(f"{stem}-{name}: {e}", file=sys.stderr)
            failed += 1
            continue
        print(f"{stem}-{name}", json.dumps(row))
        if oracle:
            table[f"{stem}-{name}"] = row
    if oracle:
        table_path.write_text(json.dumps(table, indent=1) + "\n")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
