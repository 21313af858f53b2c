#!/usr/bin/env python3
"""Odd little vocabularies, data/synth-N.gguf, and what llama.cpp makes of random texts with them, data/synth.txt: merges of
strings that are no tokens, letters that are missing, equal scores, user-defined and unused tokens, all kinds of model.

    make_synth.py                   # needs llama_cpp (llama-cpp-python) and gguf; beside make_data.py
"""
import os
import random

import gguf
import llama_cpp
from make_data import DATA, digest, silent

COUNT, TEXTS = 16, 100
LETTER, spare = {}, 256
for b in range(256):
    shown = 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b
    LETTER[b] = chr(b if shown else spare)
    spare += not shown


def letters(text):
    return "".join(LETTER[b] for b in text.encode())


def random_texts(rng, alphabet):
    raw = b" ab\xc3\xa9\xe2\x96\x81\xf0\x9f\n\xff"
    for _ in range(TEXTS):
        n = rng.choice([1, 2, 3, 5, 8, 13, 30])
        if rng.random() < 0.2:
            yield bytes(rng.choice(raw) for _ in range(n))
        else:
            yield "".join(rng.choice(alphabet) for _ in range(n)).encode()


def byte_level(rng, alphabet):
    share = rng.choice([0.98, 0.9])
    tokens = [LETTER[b] for b in range(256) if rng.random() < share]
    merges, known = [], sorted(set("".join(map(letters, alphabet))))
    for _ in range(rng.choice([5, 20, 60])):
        left, right = rng.choice(known), rng.choice(known)
        if len(left + right) > 12:
            continue
        merges.append(f"{left} {right}")
        if rng.random() < 0.95:
            known.append(left + right)
        if rng.random() < 0.85:
            tokens.append(left + right)
    if merges and rng.random() < 0.3:
        merges += [rng.choice(merges), "nopair"]
    tokens = list(dict.fromkeys(tokens))
    rng.shuffle(tokens)
    types = [rng.choice([0, 2, 3, 4, 5]) if rng.random() < 0.03 else 1 for _ in tokens]
    pre = rng.choice(["gpt-2", "llama-bpe", "qwen2", "default", "falcon", "tekken", "glm4"])
    return "gpt2", pre, tokens, types, merges, None, {"bos": 0, "eos": 1}


def with_spaces(rng, alphabet, model, pre):
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    types, scores = [2, 3, 3] + [6] * 256, [0.0] * 259
    pool = [a for a in dict.fromkeys([a.replace(" ", "\u2581") for a in alphabet] + ["\u2581"]) if rng.random() < 0.9]
    known, merges = list(pool), []
    for _ in range(rng.choice([5, 30, 100])):
        left, right = rng.choice(known or ["a"]), rng.choice(known or ["b"])
        if len(left + right) > 10:
            continue
        if rng.random() < 0.9:
            known.append(left + right)
            merges.append(f"{left} {right}")
        if rng.random() < 0.9:
            pool.append(left + right)
    for t in dict.fromkeys(pool):
        tokens.append(t)
        types.append(1 if rng.random() < 0.95 else rng.choice([3, 4, 5]))
        scores.append(rng.choice([-1.0, -2.0, -3.5, 0.0, -0.0, 5.0, rng.uniform(-100, 0)]))
    keys = {"bos": 1, "eos": 2, "unknown": 0}
    if rng.random() < 0.5:
        keys["add_space_prefix"] = rng.random() < 0.5
    if model == "llama":
        return model, pre, tokens, types, None, scores, keys
    return model, pre, tokens, types, list(dict.fromkeys(merges)) or ["a b"], None, keys


def write(path, model, pre, tokens, types, merges, scores, keys):
    w = gguf.GGUFWriter(path, "llama")
    w.add_tokenizer_model(model)
    if pre:
        w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(types)
    if merges is not None:
        w.add_token_merges(merges)
    if scores is not None:
        w.add_token_scores(scores)
    for key, value in keys.items():
        if isinstance(value, bool):
            w.add_bool(f"tokenizer.ggml.{key}", value)
        else:
            w.add_uint32(f"tokenizer.ggml.{key}_token_id", value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


def main():
    llama_cpp.llama_log_set(silent, None)
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    with open(DATA / "synth.txt", "w") as out:
        for n in range(COUNT):
            rng = random.Random(n)
            alphabet = rng.choice([list("ab"), list("abc \n"), list("ab cé日\n1"), list("aA1 ,\n▁'s😀")])
            texts = list(random_texts(rng, alphabet))
            kind = [byte_level, lambda r, a: with_spaces(r, a, "llama", None), lambda r, a: with_spaces(r, a, "gemma4", None),
                    lambda r, a: with_spaces(r, a, "gpt2", "sarvam-moe")][n % 4]
            path = DATA / f"synth-{n}.gguf"
            write(path, *kind(rng, alphabet))
            model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
            vocab = llama_cpp.llama_model_get_vocab(model)
            for flags in (0, 3):
                out.write(f"vocab {n} {flags}\n")
                for t in texts:
                    buf = (llama_cpp.llama_token * (3 * len(t) + 16))()
                    k = llama_cpp.llama_tokenize(vocab, t, len(t), buf, len(buf), flags == 3, flags == 3)
                    out.write(f"{t.hex() or '-'} {digest(buf[:k])}\n")


if __name__ == "__main__":
    main()
