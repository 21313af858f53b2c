#!/usr/bin/env python3
"""Trains the built-in model on DIR/rows.npy (see corpus.py) and writes DIR/model.npz and DIR/log.json.

    train.py --dir DIR --steps 8000            # a schedule in steps: repeatable
    train.py --dir DIR --minutes 5             # the same schedule over the clock
    train.py --dir DIR --steps 8000 --resume   # goes on from DIR/state.npz (written every --save steps)

Matrices learn with Muon (momentum, made orthogonal by a Newton-Schulz iteration), embeddings and norms with Adam.
The last part of the schedule trains through the rounding of the file format, so that the exported weights are the
trained ones.
"""
import argparse
import json
import math
import os
import time

import jax
import jax.numpy as jnp
import numpy as np

import model
import tokenizer as tk
from corpus import LEARN, START, TOKEN_MASK

BETA1, BETA2, MOMENTUM = 0.9, 0.98, 0.95
PEAK_ADAM, PEAK_MUON, DECAY, ROUNDING_FROM = 3e-3, 0.015, 0.01, 0.6


def loss_of(params, entries, use_rounding, dtype):
    entries = entries.astype(jnp.int32)
    tokens = entries & TOKEN_MASK
    segments = jnp.cumsum((entries & START) != 0, axis=1)
    weights = ((entries[:, 1:] & LEARN) != 0).astype(jnp.float32)
    p = model.rounded(params) if use_rounding else params
    logits = model.forward(p, tokens[:, :-1], segments[:, :-1], dtype)
    picked = jnp.take_along_axis(logits, tokens[:, 1:, None], -1)[..., 0]
    return ((jax.nn.logsumexp(logits, -1) - picked) * weights).sum() / weights.sum()


def orthogonal(g):
    """The nearest orthogonal matrix, roughly, for each matrix of a stack: Muon's Newton-Schulz iteration."""
    tall = g.shape[-2] > g.shape[-1]
    x = g.swapaxes(-1, -2) if tall else g
    x = x / (jnp.sqrt((x * x).sum((-1, -2), keepdims=True)) + 1e-7)
    x = x.astype(jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16)
    for _ in range(5):
        s = x @ x.swapaxes(-1, -2)
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * (s @ s)) @ x
    x = x.astype(jnp.float32)
    return x.swapaxes(-1, -2) if tall else x


def update(params, state, grads, rate, step):
    """One optimizer step; `rate` is the schedule's share of the peak rates."""
    new_p, new_s = {}, {}
    for name, w in params.items():
        g = grads[name]
        if name in model.MATRICES:
            m = MOMENTUM * state[name] + (1 - MOMENTUM) * g
            u = orthogonal((1 - MOMENTUM) * g + MOMENTUM * m) * max(1.0, w.shape[-2] / w.shape[-1]) ** 0.5
            lr = rate * PEAK_MUON
            new_p[name], new_s[name] = w - lr * (u + DECAY * w), m
        else:
            m, v = state[name]
            m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
            u = m / (1 - BETA1 ** step) / (jnp.sqrt(v / (1 - BETA2 ** step)) + 1e-8)
            new_p[name], new_s[name] = w - rate * PEAK_ADAM * u, (m, v)
    return new_p, new_s


def make_step(use_rounding, dtype):
    def step(params, state, rows, index, rate, number):
        loss, grads = jax.value_and_grad(loss_of)(params, rows[index], use_rounding, dtype)
        params, state = update(params, state, grads, rate, number)
        return params, state, loss
    return jax.jit(step, donate_argnums=(0, 1))


def schedule(progress):
    """Warm up over 2 percent, stay at the peak to a quarter, then a half cosine down to almost nothing."""
    if progress < 0.02:
        return progress / 0.02 + 1e-3
    return 1.0 if progress < 0.25 else 0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * min(1, (progress - 0.25) / 0.75)))


def batches(count, size, seed):
    """Endless shuffled batches of row numbers."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for i in range(0, count - size + 1, size):
            yield order[i:i + size]


def save_state(path, params, state, number):
    flat = {f"p/{k}": v for k, v in params.items()}
    for k, v in state.items():
        flat.update({f"m/{k}": v} if k in model.MATRICES else {f"m/{k}": v[0], f"v/{k}": v[1]})
    np.savez(path + ".new.npz", number=number, **{k: np.asarray(v) for k, v in flat.items()})
    os.replace(path + ".new.npz", path)


def load_state(path):
    f = np.load(path)
    params = {k[2:]: jnp.asarray(f[k]) for k in f if k.startswith("p/")}
    moment = lambda k: jnp.asarray(f[f"m/{k}"])
    state = {k: moment(k) if k in model.MATRICES else (moment(k), jnp.asarray(f[f"v/{k}"])) for k in params}
    return params, state, int(f["number"])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dir", default="out")
    ap.add_argument("--steps", type=int)
    ap.add_argument("--minutes", type=float)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--layers", type=int, default=5)
    ap.add_argument("--save", type=int, default=0, help="write DIR/state.npz every so many steps")
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--float32", action="store_true", help="no bfloat16 in the matrix products")
    o = ap.parse_args()
    assert (o.steps is None) != (o.minutes is None), "give --steps or --minutes"
    dtype = jnp.float32 if o.float32 else jnp.bfloat16
    vocab = len(tk.Tokenizer.load(os.path.join(o.dir, "tokenizer.json")).tokens)
    host_rows = np.load(os.path.join(o.dir, "rows.npy"))
    rows = jnp.asarray(host_rows)
    params, number = model.init(o.seed, vocab, o.layers), 0
    zero = lambda name, w: jnp.zeros_like(w) if name in model.MATRICES else (jnp.zeros_like(w), jnp.zeros_like(w))
    state = {name: zero(name, w) for name, w in params.items()}
    state_path = os.path.join(o.dir, "state.npz")
    if o.resume:
        assert o.steps, "a schedule over the clock cannot be resumed"
        params, state, number = load_state(state_path)
    print(f"{model.count(params)} parameters, {len(rows)} rows, {jax.devices()[0]}", flush=True)

    index_of = batches(len(rows), o.batch, o.seed)
    for _ in range(number):
        next(index_of)
    plain, with_rounding = make_step(False, dtype), make_step(True, dtype)
    spare = lambda: (jax.tree.map(jnp.copy, params), jax.tree.map(jnp.copy, state))
    if o.minutes:  # compile before the clock starts
        for f in (plain, with_rounding):
            jax.block_until_ready(f(*spare(), rows, jnp.arange(o.batch), 0.0, 1.0))

    begun, history, progress, recent = time.time(), [], number / o.steps if o.steps else 0.0, []
    while progress < 1:
        f = with_rounding if progress >= ROUNDING_FROM else plain
        params, state, loss = f(params, state, rows, jnp.asarray(next(index_of)), schedule(progress), float(number + 1))
        number += 1
        recent.append(loss)
        if number % 10 == 0:
            jax.block_until_ready(loss)  # so that the clock measures work done, not work queued
        elapsed = time.time() - begun
        progress = number / o.steps if o.steps else elapsed / (60 * o.minutes)
        if number % 200 == 0 or progress >= 1:
            mean = float(np.mean([float(x) for x in recent]))
            history.append({"step": number, "seconds": round(elapsed, 1), "loss": round(mean, 5)})
            print(history[-1], flush=True)
            recent = []
        if o.save and number % o.save == 0:
            save_state(state_path, params, state, number)
    np.savez(os.path.join(o.dir, "model.npz"), **{k: np.asarray(v) for k, v in params.items()})
    log = {"steps": number, "batch_rows": o.batch, "tokens": number * o.batch * rows.shape[1], "layers": model.layers(params), "rows": len(rows),
           "parameters": model.count(params), "seed": o.seed, "seconds": round(time.time() - begun, 1),
           "device": str(jax.devices()[0]), "history": history}
    with open(os.path.join(o.dir, "log.json"), "w") as out:
        json.dump(log, out, indent=1)


if __name__ == "__main__":
    main()
