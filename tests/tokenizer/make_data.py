#!/usr/bin/env python3
"""What llama.cpp makes of data/texts.txt, as digests: data/truth.txt. Needs llama_cpp (llama-cpp-python) and gguf.

    make_data.py SHARED/vocab WORK        # WORK: a folder for re-labelled vocabularies

A text is "-" or parts joined by "+", each hex digits and, with *N, N times. A line of truth.txt is a column's
vocabulary and pre-tokenizers, or one text's digests, six digits each: the low bits of FNV-1a 32 over its ids as
little-endian int32; dashes: none, llama.cpp ends its process on that text.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys

import llama_cpp

DATA = pathlib.Path(__file__).parent / "data"
# One column per family of engine/tokenizer/pre.def; the first name is the one llama.cpp is asked for.
FAMILIES = ["gpt-2 mpt olmo phi-2 exaone4 gigachat jais trillion mellum", "starcoder refact command-r smollm codeshell exaone minerva-7b",
            "falcon", "llama-bpe llama3 llama-v3 falcon3 lfm2 pixtral", "qwen2 stablelm2 hunyuan megrez grok-2 deepseek-r1-qwen",
            "deepseek-llm", "deepseek-coder", "tekken"]
MORE = ["default", "dbrx smaug-bpe chatglm-bpe", "glm4", "qwen35", "jais-2", "deepseek-v3 hunyuan-dense", "spark2_5", "youtu",
        "bloom poro-chat gpt3-finnish", "viking", "gpt-4o llama4 minimax-m2", "chameleon", "tiny_aya", "kimi-k2", "superbpe",
        "bailingmoe llada-moe", "seed-coder", "ufakzeka", "afmoe", "laguna", "exaone-moe", "minicpm5"]
COLUMNS = [("llama-spm", "")] + [("gpt-2", n) for n in FAMILIES + MORE] + [("llama-bpe", n) for n in FAMILIES]


def text_of(line):
    if line == "-":
        return b""
    out = b""
    for part in line.split("+"):
        digits, _, times = part.partition("*")
        out += bytes.fromhex(digits) * int(times or 1)
    return out


def digest(ids):
    h = 0x811C9DC5
    for byte in struct.pack(f"<{len(ids)}i", *ids):
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{h & 0xFFFFFF:06x}"


@llama_cpp.llama_log_callback
def silent(level, text, user):
    pass


def tokenize(path, texts, write):
    llama_cpp.llama_log_set(silent, None)
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    vocab = llama_cpp.llama_model_get_vocab(llama_cpp.llama_model_load_from_file(str(path).encode(), params))
    for i, t in texts:
        buf = (llama_cpp.llama_token * (3 * len(t) + 16))()
        n = llama_cpp.llama_tokenize(vocab, t, len(t), buf, len(buf), False, False)
        write(json.dumps([i, digest(buf[:n])]) + "\n")


def column(path, texts):
    """One digest per text; dashes where the process died, which is why it is another process."""
    out, done = ["------"] * len(texts), 0
    while done < len(texts):
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(r)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                tokenize(path, list(enumerate(texts))[done:], lambda s: os.write(w, s.encode()))
            finally:
                os._exit(0)
        os.close(w)
        with os.fdopen(r) as f:
            for line in f:
                done, d = json.loads(line)
                out[done] = d
                done += 1
        os.waitpid(pid, 0)
        if done < len(texts):
            done += 1
    return out


def main():
    shared, work = map(pathlib.Path, sys.argv[1:])
    os.environ["GGML_NO_BACKTRACE"] = "1"
    texts = [text_of(line) for line in (DATA / "texts.txt").read_text().split("\n")[:-1]]
    columns = []
    for base, names in COLUMNS:
        path = shared / f"{base}.gguf"
        if names:
            path = work / f"{base}-{names.split()[0]}.gguf"
            subprocess.run([sys.executable, "-m", "gguf.scripts.gguf_new_metadata", "--force", "--pre-tokenizer",
                            names.split()[0], shared / f"{base}.gguf", path], check=True, capture_output=True)
        columns.append(column(path, texts))
    with open(DATA / "truth.txt", "w") as f:
        for base, names in COLUMNS:
            f.write(f"{base} {names}".strip() + "\n")
        for row in zip(*columns):
            f.write("".join(row) + "\n")


if __name__ == "__main__":
    main()
