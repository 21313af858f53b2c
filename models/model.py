"""The llama architecture in JAX: forward pass, greedy decoding, and GGUF's Q5_0 and Q8_0 rounding.

Weights are stored [out, in] like in a GGUF file; the layers are stacked in front: wq is [layers, out, in].
"""
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

WIDTH, HEADS, KV_HEADS, HEAD, FFN = 256, 4, 2, 64, 512
EPS, ROPE_BASE, CONTEXT = 1e-5, 10000.0, 512
MATRICES = {"wq": (HEADS * HEAD, WIDTH), "wk": (KV_HEADS * HEAD, WIDTH), "wv": (KV_HEADS * HEAD, WIDTH),
            "wo": (WIDTH, HEADS * HEAD), "wg": (FFN, WIDTH), "wu": (FFN, WIDTH), "wd": (WIDTH, FFN)}

# the names of the parts of a layer in a GGUF file
GGUF_NAMES = {"wq": "attn_q", "wk": "attn_k", "wv": "attn_v", "wo": "attn_output", "wg": "ffn_gate", "wu": "ffn_up", "wd": "ffn_down",
              "n1": "attn_norm", "n2": "ffn_norm"}


def layers(p):
    return p["wq"].shape[0]


def init(seed, vocab, depth):
    rng = np.random.default_rng(seed)
    p = {"embd": rng.normal(0, 0.05, (vocab, WIDTH))}
    for name, (rows, cols) in MATRICES.items():
        scale = cols ** -0.5 * (0.3 if name in ("wo", "wd") else 1.0)
        p[name] = rng.normal(0, scale, (depth, rows, cols))
    p.update(n1=np.ones((depth, WIDTH)), n2=np.ones((depth, WIDTH)), nf=np.ones(WIDTH))
    return {k: jnp.asarray(v, jnp.float32) for k, v in p.items()}


def count(params):
    return sum(int(np.prod(v.shape)) for v in params.values())


# ---------------------------------------------------------------- rounding as the file stores it

def round_q8_0(w):
    b = w.reshape(*w.shape[:-1], -1, 32)
    d = jnp.abs(b).max(-1, keepdims=True) / 127
    x = b * jnp.where(d == 0, 0, 1 / d)
    q = jnp.trunc(x + jnp.sign(x) * 0.5)
    return (q * d.astype(jnp.float16).astype(jnp.float32)).reshape(w.shape)


def round_q5_0(w):
    b = w.reshape(*w.shape[:-1], -1, 32)
    at = jnp.argmax(jnp.abs(b), -1, keepdims=True)
    d = jnp.take_along_axis(b, at, -1) / -16
    q = jnp.clip(jnp.trunc(b * jnp.where(d == 0, 0, 1 / d) + 16.5), 0, 31)
    return ((q - 16) * d.astype(jnp.float16).astype(jnp.float32)).reshape(w.shape)


def matrix_type(p):
    """A shallow model has room for Q8_0 in 2.5 MB, a deeper one for Q5_0. Embeddings are Q8_0 always."""
    return "Q8_0" if layers(p) <= 3 else "Q5_0"


def rounded(params):
    """The weights that the exported file holds. Gradients pass straight through the rounding."""
    through = lambda w, r: w + jax.lax.stop_gradient(r - w)
    out = dict(params, embd=through(params["embd"], round_q8_0(params["embd"])))
    rounding = {"Q8_0": round_q8_0, "Q5_0": round_q5_0}[matrix_type(params)]
    for name in MATRICES:
        out[name] = through(params[name], rounding(params[name]))
    return out


# ---------------------------------------------------------------- forward

def rms(x, w):
    y = x.astype(jnp.float32)
    return (y * jax.lax.rsqrt((y * y).mean(-1, keepdims=True) + EPS) * w).astype(x.dtype)


def rope_table(positions):
    angle = positions[..., None] * ROPE_BASE ** (-jnp.arange(0, HEAD, 2) / HEAD)
    return jnp.cos(angle), jnp.sin(angle)


def rope(x, table):
    """x [..., time, heads, HEAD]; rotates the pairs (2i, 2i+1), the llama convention of GGUF."""
    c, s = (t[..., None, :] for t in table)
    a, b = x[..., 0::2].astype(jnp.float32), x[..., 1::2].astype(jnp.float32)
    return jnp.stack([a * c - b * s, a * s + b * c], -1).reshape(x.shape).astype(x.dtype)


def block(p, l, x, table, attend):
    h = rms(x, p["n1"][l])
    proj = lambda name, y: y @ p[name][l].T.astype(y.dtype)
    heads = lambda y, n: y.reshape(*y.shape[:-1], n, HEAD)
    q = rope(heads(proj("wq", h), HEADS), table)
    k = rope(heads(proj("wk", h), KV_HEADS), table)
    v = heads(proj("wv", h), KV_HEADS)
    o = attend(l, q, k, v)
    x = x + proj("wo", o.reshape(*o.shape[:-2], HEADS * HEAD))
    h = rms(x, p["n2"][l])
    return x + proj("wd", jax.nn.silu(proj("wg", h)) * proj("wu", h))


def attention(q, k, v, mask):
    """q [B,T,HEADS,HEAD], k and v [B,S,KV_HEADS,HEAD], mask [B,T,S]"""
    b, t = q.shape[:2]
    q = q.reshape(b, t, KV_HEADS, HEADS // KV_HEADS, HEAD)
    s = jnp.einsum("btgrd,bsgd->bgrts", q, k, preferred_element_type=jnp.float32) * HEAD ** -0.5
    w = jax.nn.softmax(jnp.where(mask[:, None, None], s, -1e30), -1).astype(q.dtype)
    return jnp.einsum("bgrts,bsgd->btgrd", w, v).reshape(b, t, HEADS, HEAD)


def forward(p, tokens, segments, dtype=jnp.float32):
    """Logits [B,T,vocab]; a token sees the tokens before it in its own segment (document)."""
    t = tokens.shape[1]
    mask = jnp.tril(jnp.ones((t, t), bool))[None] & (segments[:, :, None] == segments[:, None, :])
    table = rope_table(jnp.arange(t, dtype=jnp.float32))
    x = p["embd"][tokens].astype(dtype)
    for l in range(layers(p)):
        x = block(p, l, x, table, lambda _, q, k, v: attention(q, k, v, mask))
    return (rms(x, p["nf"]) @ p["embd"].T.astype(dtype)).astype(jnp.float32)


# ---------------------------------------------------------------- greedy decoding

@partial(jax.jit, static_argnums=(3,))
def _decode(p, tokens, lengths, steps):
    """tokens [B,steps]: prompts of `lengths`; the rest is filled with the likeliest tokens."""
    b = tokens.shape[0]
    empty = jnp.zeros((b, steps, KV_HEADS, HEAD))

    def step(t, state):
        tokens, caches = state
        table = rope_table(jnp.full((1,), t, jnp.float32))
        mask = jnp.broadcast_to(jnp.arange(steps)[None, None] <= t, (b, 1, steps))
        written = []

        def attend(l, q, k, v):
            keys, values = caches[l]
            written.append((jax.lax.dynamic_update_slice_in_dim(keys, k, t, 1),
                            jax.lax.dynamic_update_slice_in_dim(values, v, t, 1)))
            return attention(q, *written[-1], mask)

        x = p["embd"][tokens[:, t]][:, None]
        for l in range(layers(p)):
            x = block(p, l, x, table, attend)
        best = (rms(x[:, 0], p["nf"]) @ p["embd"].T).argmax(-1).astype(tokens.dtype)
        following = jnp.where(t + 1 < lengths, tokens[:, t + 1], best)
        return tokens.at[:, t + 1].set(following), tuple(written)

    return jax.lax.fori_loop(0, steps - 1, step, (tokens, ((empty, empty),) * layers(p)))[0]


def greedy(params, prompts, new_tokens, end, batch=64):
    """Continuations (lists of ids, without `end`) of prompts (lists of ids), with a flag: has it ended by itself?"""
    batch = min(batch, len(prompts))
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    results = [None] * len(prompts)
    for start in range(0, len(order), batch):
        part = order[start:start + batch]
        steps = min(CONTEXT, -(-(max(len(prompts[i]) for i in part) + new_tokens) // 64) * 64)
        tokens = np.zeros((batch, steps), np.int32)
        lengths = np.ones(batch, np.int32)
        for row, i in enumerate(part):
            tokens[row, :len(prompts[i])] = prompts[i]
            lengths[row] = len(prompts[i])
        out = np.asarray(_decode(params, jnp.asarray(tokens), jnp.asarray(lengths), steps))
        for row, i in enumerate(part):
            ids = out[row, len(prompts[i]):].tolist()
            results[i] = (ids[:ids.index(end)], True) if end in ids else (ids, False)
    return results
