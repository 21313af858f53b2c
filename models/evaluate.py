#!/usr/bin/env python3
"""Answers held-out questions greedily and counts, for each type, the answers that are right to the last character.

    evaluate.py --dir DIR [--json FILE]              # float weights of DIR/model.npz
    evaluate.py --gguf anychip-stories.gguf          # the weights and the tokenizer of the exported file
    evaluate.py --gguf FILE --questions FILE.jsonl   # writes prompts and answers, for another engine to be scored on

"""
import argparse
import json
import os
import random
from collections import defaultdict

import jax.numpy as jnp
import numpy as np

import model
import tokenizer as tk
from corpus import chat_prompt
from questions import FOLLOW_UPS, KINDS, ask, follow_up, story_dialogue


def load_npz(folder):
    p = {k: jnp.asarray(v) for k, v in np.load(os.path.join(folder, "model.npz")).items()}
    return p, tk.Tokenizer.load(os.path.join(folder, "tokenizer.json"))


def load_gguf(path):
    from gguf import GGUFReader
    from gguf.quants import dequantize
    r = GGUFReader(path)
    t = {x.name: np.asarray(dequantize(x.data, x.tensor_type), np.float32).reshape([int(n) for n in reversed(x.shape)])
         for x in r.tensors}
    p = {"embd": t["token_embd.weight"], "nf": t["output_norm.weight"]}
    for name, gguf_name in model.GGUF_NAMES.items():
        p[name] = np.stack([t[f"blk.{l}.{gguf_name}.weight"] for l in range(r.fields["llama.block_count"].contents())])
    f = r.fields["tokenizer.ggml.merges"]
    merges = [bytes(f.parts[i]).decode("utf-8").split(" ") for i in f.data]
    return {k: jnp.asarray(v) for k, v in p.items()}, tk.Tokenizer(merges)


def held_out_questions(seed, per_kind):
    """[(kind, turns before, question, answer)], each question once."""
    items = []
    for maker in KINDS:
        rng, seen = random.Random(f"{seed}/{maker.__name__}"), {}
        for _ in range(per_kind * 4):
            qa = ask(rng, want_held_out=True, maker=maker)
            if qa is None:
                break
            seen.setdefault(qa.question, qa)
            if len(seen) == per_kind:
                break
        items += [(qa.kind, [], qa.question, qa.answer) for qa in seen.values()]
    for kind in FOLLOW_UPS:
        rng = random.Random(f"{seed}/{kind}")
        for _ in range(per_kind):
            _, turns = follow_up(rng, want_held_out=True, kind=kind)
            items.append((kind, turns[:-1], *turns[-1]))
    return items


def story_requests(seed, count):
    """Held-out requests for a story about something, each once."""
    rng = random.Random(f"{seed}/stories")
    drawn = [story_dialogue(rng, want_held_out=True) for _ in range(40 * count)]
    return list(dict.fromkeys(turns[0][0] for key, turns in drawn if key != "plain"))[:count]


def ask_model(params, tok, prompts, new_tokens):
    ids = [[tk.BOS_ID] + tok.encode_marked(p) for p in prompts]
    return [(tok.decode(out), ended) for out, ended in model.greedy(params, ids, new_tokens, tk.EOS_ID)]


def score(params, tok, items):
    """{kind: (right, asked)} and the wrong answers."""
    answers = ask_model(params, tok, [chat_prompt(turns, q) for _, turns, q, _ in items], 90)
    table, wrong = defaultdict(lambda: [0, 0]), []
    for (kind, _, q, want), (got, ended) in zip(items, answers):
        good = ended and got == want
        table[kind][0] += good
        table[kind][1] += 1
        if not good:
            wrong.append((kind, q, want, got))
    return dict(table), wrong


def score_stories(params, tok, requests):
    """A told story must end by itself and name what it was asked for."""
    answers = ask_model(params, tok, [chat_prompt([], r) for r in requests], 400)
    topic = lambda r: r.rstrip(".?").split(" about ")[1].split()[-1].lower()
    good = [ended and topic(r)[:4] in text.lower() for r, (text, ended) in zip(requests, answers)]
    return [sum(good), len(good)], answers


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dir", default="out")
    ap.add_argument("--gguf")
    ap.add_argument("--rounded", action="store_true", help="with --dir: round the weights as the file will")
    ap.add_argument("--per-kind", type=int, default=60)
    ap.add_argument("--seed", type=int, default=2)
    ap.add_argument("--questions", help="write prompts and answers here and stop")
    ap.add_argument("--json", help="write the table here")
    ap.add_argument("--wrong", type=int, default=15, help="show so many wrong answers")
    o = ap.parse_args()
    items = held_out_questions(o.seed, o.per_kind)
    if o.questions:
        with open(o.questions, "w") as f:
            for kind, turns, q, want in items:
                f.write(json.dumps({"kind": kind, "turns": turns, "question": q, "prompt": chat_prompt(turns, q), "answer": want})
                        + "\n")
        return
    params, tok = load_gguf(o.gguf) if o.gguf else load_npz(o.dir)
    if o.rounded and not o.gguf:
        params = model.rounded(params)
    table, wrong = score(params, tok, items)
    requests = story_requests(o.seed, 48)
    table["story on request"], stories = score_stories(params, tok, requests)
    right, asked = (sum(v[i] for v in table.values()) for i in (0, 1))
    for kind, (r, n) in table.items():
        print(f"{kind:24s} {r:4d} / {n:3d}  {100 * r / n:5.1f} %")
    print(f"{'all':24s} {right:4d} / {asked:3d}  {100 * right / asked:5.1f} %")
    random.Random(0).shuffle(wrong)
    for row in wrong[:o.wrong]:
        print("wrong:", row)
    for r, (text, ended) in list(zip(requests, stories))[:2]:
        print(f"\n{r}\n{text}{'' if ended else ' [did not end]'}")
    for prompt in ["Once upon a time", "One day, a little girl"]:
        ids = [tk.BOS_ID] + tok.encode(prompt)
        out, ended = model.greedy(params, [ids], 300, tk.EOS_ID)[0]
        print(f"\n{prompt}{tok.decode(out)}{'' if ended else ' [did not end]'}")
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"weights": o.gguf or ("rounded" if o.rounded else "float"), "table": table, "right": right,
                       "asked": asked}, f, indent=1)


if __name__ == "__main__":
    main()
