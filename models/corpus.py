#!/usr/bin/env python3
"""The training corpus: seeded documents, as text to read or as token rows to train on.

    corpus.py show [--seed 1] [--count 20]                          # documents as text
    corpus.py tokenizer --out DIR [--size 1280]                     # learns the vocabulary: DIR/tokenizer.json
    corpus.py check [--count 200000]                                # no document asks a held-out question
    corpus.py rows --out DIR [--tokens 150000000] [--workers 4]     # DIR/rows.npy, uint16 [rows, 512]

A document is a plain story, or a chat in ChatML form. In rows.npy the low 14 bits of an entry are the token,
START marks the first token of a document, LEARN a token that the model learns to predict (answers, and all of a plain
story; never what the user says). The same seed gives the same bytes, with any number of workers.
"""
import argparse
import json
import multiprocessing
import os
import random

import numpy as np

import tokenizer as tk
from questions import KINDS, ask, follow_up, normal, story_dialogue
from stories import make_story

CONTEXT = 512
START, LEARN, TOKEN_MASK = 0x4000, 0x8000, 0x3FFF
SHARD_TOKENS = 1_000_000
SYSTEM = ["You are anychip, a small and friendly language model.", "You are a helpful assistant.",
          "You are a small language model. Answer shortly.", "You are a friendly storyteller."]


def careless(rng, text):
    """As people type: at times no question mark, no capital letter, no full stop."""
    r = rng.random()
    if r < 0.06:
        text = text.rstrip("?.!") or text
    elif r < 0.12:
        text = text[:1].lower() + text[1:]
    elif r < 0.17:
        text = text.rstrip("?.!").lower() or text
    elif r < 0.20 and text[-2:-1].isdigit():
        text = text.replace(" + ", "+").replace(" - ", "-")  # a sum
    return text


def questions_dialogue(rng):
    """One question, or a few, or a long chat; at times with turns that need the turns before."""
    r = rng.random()
    wanted = 1 if r < 0.55 else rng.randrange(2, 5) if r < 0.9 else rng.randrange(5, 14)
    turns = []
    if r < 0.85:
        turns = [ask(rng).turn() for _ in range(wanted)]
    if rng.random() < 0.14:
        turns = turns[1:] + follow_up(rng)[1]
        if rng.random() < 0.3:
            turns.append(ask(rng).turn())
    return turns or [ask(rng).turn()]


def document(rng):
    """('story', text) or ('chat', system text or None, turns)"""
    r = rng.random()
    if r < 0.065:
        return "story", make_story(rng).text
    if r < 0.13:
        turns = story_dialogue(rng)[1]
        if rng.random() < 0.2:
            turns = [ask(rng).turn()] + turns
        elif rng.random() < 0.2:
            turns = turns + [ask(rng).turn()]
    else:
        turns = questions_dialogue(rng)
    system = SYSTEM[int(rng.random() * len(SYSTEM))] if rng.random() < 0.03 else None
    return "chat", system, [(careless(rng, q), a) for q, a in turns]


def render(doc):
    """The document as the text that a chat template would write."""
    if doc[0] == "story":
        return doc[1] + tk.EOS
    messages = ([("system", doc[1])] if doc[1] else [])
    for q, a in doc[2]:
        messages += [("user", q), ("assistant", a)]
    return "".join(f"{tk.TURN}{role}\n{text}{tk.EOS}\n" for role, text in messages)


def chat_prompt(turns, question):
    """What the engine feeds before the model answers."""
    text = "".join(f"{tk.TURN}user\n{q}{tk.EOS}\n{tk.TURN}assistant\n{a}{tk.EOS}\n" for q, a in turns)
    return f"{text}{tk.TURN}user\n{question}{tk.EOS}\n{tk.TURN}assistant\n"


def encode(tok, doc, bos=True, limit=CONTEXT):
    """Entries of the document: tokens with LEARN where the model should learn them."""
    out = [tk.BOS_ID] if bos else []
    if doc[0] == "story":
        return out + [t | LEARN for t in tok.encode(doc[1]) + [tk.EOS_ID]]
    newline = tok.encode("\n")
    if doc[1]:
        out += [tk.TURN_ID] + tok.encode("system\n" + doc[1]) + [tk.EOS_ID] + newline
    for q, a in doc[2]:
        turn = [tk.TURN_ID] + tok.encode("user\n" + q) + [tk.EOS_ID] + newline
        turn += [tk.TURN_ID] + tok.encode("assistant\n")
        turn += [t | LEARN for t in tok.encode(a) + [tk.EOS_ID]] + newline
        if len(out) + len(turn) > limit:
            break
        out += turn
    return out


def pack(docs, width, open_rows=24):
    """Whole documents into rows of `width`, each into the fullest open row where it fits."""
    rows, done = [], []
    for doc in docs:
        best = max((r for r in rows if len(r) + len(doc) <= width), key=len, default=None)
        if best is None:
            if len(rows) == open_rows:
                fullest = max(rows, key=len)
                rows.remove(fullest)
                done.append(fullest)
            best = []
            rows.append(best)
        best += doc
    return [r + [tk.PAD_ID | START] * (width - len(r)) for r in done + rows]


def shard(job):
    """Rows number `index` of the corpus."""
    seed, index, path, width = job
    rng, tok = random.Random(f"{seed}/{index}"), tk.Tokenizer.load(path)
    docs, total = [], 0
    while total < SHARD_TOKENS:
        ids = encode(tok, document(rng), bos=rng.random() < 0.95, limit=width)
        if not 1 < len(ids) <= width:
            continue
        ids[0] |= START
        docs.append(ids)
        total += len(ids)
    return np.array(pack(docs, width), np.uint16)


def make_rows(seed, tokens, path, workers, width):
    jobs = [(seed, i, path, width) for i in range(max(1, tokens // SHARD_TOKENS))]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return np.concatenate(list(pool.imap(shard, jobs)))


def make_tokenizer(seed, size, documents=60000):
    rng = random.Random(f"{seed}/tokenizer")
    texts = (render(document(rng)) for _ in range(documents))
    return tk.train((part for text in texts for part in tk.plain_parts(text)), size)


def check(seed, count):
    """Compares the questions as texts, whatever the split's own book-keeping says."""
    rng = random.Random(f"{seed}/check")
    drawn = (ask(rng, want_held_out=True, maker=m) for m in KINDS for _ in range(300))
    held = {normal(qa.question) for qa in drawn if qa}
    docs = (document(rng) for _ in range(count))
    asked = [normal(q) for doc in docs if doc[0] == "chat" for q, _ in doc[2]]
    leaked = held.intersection(asked)
    print(f"{len(held)} held-out questions, {len(asked)} questions of the corpus, in both: {sorted(leaked)}")
    assert not leaked


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=["show", "tokenizer", "check", "rows"])
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=20)
    ap.add_argument("--size", type=int, default=1280)
    ap.add_argument("--tokens", type=int, default=150_000_000)
    ap.add_argument("--width", type=int, default=CONTEXT, help="tokens in a row: the longest document")
    ap.add_argument("--workers", type=int, default=os.cpu_count())
    ap.add_argument("--out", default="out")
    o = ap.parse_args()
    if o.what in ("tokenizer", "rows"):
        os.makedirs(o.out, exist_ok=True)
    path = os.path.join(o.out, "tokenizer.json")
    if o.what == "show":
        rng = random.Random(o.seed)
        for _ in range(o.count):
            print(render(document(rng)), end="\n\n")
    elif o.what == "check":
        check(o.seed, o.count)
    elif o.what == "tokenizer":
        make_tokenizer(o.seed, o.size).save(path)
    else:
        rows = make_rows(o.seed, o.tokens, path, o.workers, o.width)
        np.save(os.path.join(o.out, "rows.npy"), rows)
        learn = (rows & LEARN != 0).mean()
        pad = (rows & TOKEN_MASK == tk.PAD_ID).mean()
        print(json.dumps({"rows": len(rows), "learned_share": round(float(learn), 3), "pad_share": round(float(pad), 3)}))


if __name__ == "__main__":
    main()
