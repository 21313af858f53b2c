#!/usr/bin/env python3
"""Writes DIR/model.npz and DIR/tokenizer.json as a GGUF file: matrices Q5_0 (Q8_0 where the model has few layers),
embeddings (tied) Q8_0, norms F32.

    export.py --dir DIR --out anychip-stories.gguf

Needs the package gguf.
"""
import argparse
import os

import gguf
import numpy as np
from gguf.quants import quantize

import model
import tokenizer as tk

TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
Q8_0 = gguf.GGMLQuantizationType.Q8_0


def add_metadata(w, p, kind):
    w.add_name("anychip-stories")
    w.add_description("A small story teller and answerer of simple questions, built into anychip")
    w.add_license("MIT")
    w.add_file_type(gguf.LlamaFileType["MOSTLY_" + kind.name])
    w.add_context_length(model.CONTEXT)
    w.add_embedding_length(model.WIDTH)
    w.add_block_count(model.layers(p))
    w.add_feed_forward_length(model.FFN)
    w.add_head_count(model.HEADS)
    w.add_head_count_kv(model.KV_HEADS)
    w.add_key_length(model.HEAD)
    w.add_value_length(model.HEAD)
    w.add_rope_dimension_count(model.HEAD)
    w.add_rope_freq_base(model.ROPE_BASE)
    w.add_layer_norm_rms_eps(model.EPS)


def add_tokenizer(w, tok):
    control, plain = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tok.tokens)
    w.add_token_types([control if t in tk.SPECIALS else plain for t in tok.tokens])
    w.add_token_merges([" ".join(m) for m in tok.merges])
    w.add_bos_token_id(tk.BOS_ID)
    w.add_eos_token_id(tk.EOS_ID)
    w.add_eot_token_id(tk.EOS_ID)
    w.add_pad_token_id(tk.PAD_ID)
    w.add_add_bos_token(True)
    w.add_add_eos_token(False)
    w.add_chat_template(TEMPLATE)


def add_tensors(w, p, kind):
    w.add_tensor("token_embd.weight", quantize(p["embd"], Q8_0), raw_dtype=Q8_0)
    w.add_tensor("output_norm.weight", p["nf"])
    for l in range(model.layers(p)):
        for name, gguf_name in model.GGUF_NAMES.items():
            key = f"blk.{l}.{gguf_name}.weight"
            if name in model.MATRICES:
                w.add_tensor(key, quantize(p[name][l], kind), raw_dtype=kind)
            else:
                w.add_tensor(key, p[name][l])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dir", default="out")
    ap.add_argument("--out", default="anychip-stories.gguf")
    o = ap.parse_args()
    p = {k: np.asarray(v, np.float32) for k, v in np.load(os.path.join(o.dir, "model.npz")).items()}
    w = gguf.GGUFWriter(o.out, "llama")
    kind = gguf.GGMLQuantizationType[model.matrix_type(p)]
    add_metadata(w, p, kind)
    add_tokenizer(w, tk.Tokenizer.load(os.path.join(o.dir, "tokenizer.json")))
    add_tensors(w, p, kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    size = os.path.getsize(o.out)
    print(f"{o.out}: {size} bytes")
    assert size <= 2_500_000


if __name__ == "__main__":
    main()
