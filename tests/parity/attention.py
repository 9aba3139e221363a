#!/usr/bin/env python3
"""Writes attention.npz: torch.nn.MultiheadAttention, and its variants written in torch operations."""
import math
import pathlib

import torch

from formula import Results, fill, integers, uniform

BATCH, QUERIES, KEYS, WIDTH, HEADS = 2, 3, 4, 6, 2


class Attention(torch.nn.Module):
    """What nn/attention.hpp states, in plain operations; [B, T, features]. attn_mask and key_padding_mask: bool, true
    hides; or floats, added."""

    def __init__(self, head_dim=WIDTH // HEADS, layout="in_proj", score="softmax", scale=None, temperature=False,
                 diagonal=False, qkv_bias=True, out_bias=True, out_proj=True, causal=False):
        super().__init__()
        inner = HEADS * head_dim
        self.score, self.layout, self.causal, self.diagonal, self.head_dim = score, layout, causal, diagonal, head_dim
        self.scale = head_dim**-0.5 if scale is None else scale
        if temperature:
            self.temperature = torch.nn.Parameter(torch.tensor(0.0))
        if layout == "in_proj":
            self.in_proj_weight = torch.nn.Parameter(torch.empty(3 * inner, WIDTH))
            self.in_proj_bias = torch.nn.Parameter(torch.empty(3 * inner)) if qkv_bias else None
        elif layout == "qkv":
            self.qkv = torch.nn.Linear(WIDTH, 3 * inner, bias=qkv_bias)
        else:
            for name in ("q_proj", "k_proj", "v_proj"):
                setattr(self, name, torch.nn.Linear(WIDTH, inner, bias=qkv_bias))
        if out_proj:
            self.add_module("proj" if layout == "qkv" else "out_proj", torch.nn.Linear(inner, WIDTH, bias=out_bias))

    def project(self, query, memory):
        if self.layout == "separate":
            return self.q_proj(query), self.k_proj(memory), self.v_proj(memory)
        if self.layout == "qkv":
            return self.qkv(query).chunk(3, -1)
        w = self.in_proj_weight.chunk(3)
        b = self.in_proj_bias.chunk(3) if self.in_proj_bias is not None else (None,) * 3
        return tuple(torch.nn.functional.linear(x, w[i], b[i]) for i, x in enumerate((query, memory, memory)))

    def weights(self, s):
        if self.score == "softmax":
            return s.softmax(-1)
        if self.score == "relu":
            return s.relu()
        if self.score == "relu2_l1":
            return torch.nn.functional.normalize(s.relu() ** 2, p=1, dim=-1, eps=1e-12)
        return torch.where(s == -math.inf, 0.0, s)

    def forward(self, query, memory=None, attn_mask=None, key_padding_mask=None):
        memory = query if memory is None else memory
        q, k, v = (x.unflatten(-1, (HEADS, self.head_dim)).transpose(1, 2) for x in self.project(query, memory))
        s = q @ k.mT * (self.temperature.exp() if hasattr(self, "temperature") else self.scale)
        if attn_mask is not None:
            s = s.masked_fill(attn_mask, -math.inf) if attn_mask.dtype == torch.bool else s + attn_mask
        if key_padding_mask is not None:
            s = s.masked_fill(key_padding_mask[:, None, None], -math.inf)
        if self.causal:
            s = s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool).triu(1), -math.inf)
        if self.diagonal:
            s = s.masked_fill(torch.eye(*s.shape[-2:], dtype=torch.bool), -math.inf)
        o = (self.weights(s) @ v).transpose(1, 2).flatten(2)
        out = getattr(self, "proj", getattr(self, "out_proj", None))
        return o if out is None else out(o)


class TorchAttention(torch.nn.MultiheadAttention):
    """PyTorch's module as a function of the fixture's inputs: `call` makes its arguments of them."""

    def __init__(self, call, **options):
        super().__init__(WIDTH, HEADS, **options)
        self.call = call

    def forward(self, *inputs):
        arguments = self.call(*inputs)
        return super().forward(**dict(zip(("query", "key", "value"), arguments[:3])), **arguments[3],
                               need_weights=False)[0]


def main():
    results = Results()

    def add(key, module, *inputs):
        results.add_module(key, module, *[uniform(f"{key}.in{i}", x) if isinstance(x, tuple) else x
                                          for i, x in enumerate(inputs)])

    def of_torch(key, call, *inputs, **options):
        add(key, fill(TorchAttention(call, **options)), *inputs)

    x, memory, batch_x = (QUERIES, BATCH, WIDTH), (KEYS, BATCH, WIDTH), (BATCH, QUERIES, WIDTH)
    # No query may be left without keys: PyTorch gives NaN there.
    hidden = integers("attention.mask", (QUERIES, QUERIES), 2).bool() & ~torch.eye(QUERIES, dtype=torch.bool)
    padding = torch.tensor([[False, False, True, True], [False, True, True, False]])
    causal = torch.ones(QUERIES, QUERIES, dtype=torch.bool).triu(1)

    def alone(x):
        return x, x, x, {}

    def masked(x, mask):
        return x, x, x, {"attn_mask": mask}

    def padded(x, memory, padding):
        return x, memory, memory, {"key_padding_mask": padding}

    of_torch("self", alone, x)
    of_torch("self_batch_first", alone, batch_x, batch_first=True)
    of_torch("self_no_bias", alone, x, bias=False)
    of_torch("single", alone, (QUERIES, WIDTH))
    of_torch("causal", lambda x: (x, x, x, {"attn_mask": causal, "is_causal": True}), x)
    of_torch("bool_mask", masked, x, hidden)
    of_torch("float_mask", masked, x, (QUERIES, QUERIES))
    of_torch("head_masks", masked, x, (BATCH * HEADS, QUERIES, QUERIES))
    of_torch("cross", lambda x, m: (x, m, m, {}), x, memory)
    of_torch("cross_value", lambda x, k, v: (x, k, v, {}), x, memory, memory)
    of_torch("cross_sizes", lambda x, k, v: (x, k, v, {}), x, (KEYS, BATCH, 5), (KEYS, BATCH, 7), kdim=5, vdim=7)
    of_torch("padding", padded, x, memory, padding)
    of_torch("float_padding", padded, x, memory, (BATCH, KEYS))
    of_torch("padding_and_mask", lambda x, m, mask, p: (x, m, m, {"attn_mask": mask, "key_padding_mask": p}), x, memory,
             (QUERIES, KEYS), torch.where(padding, -math.inf, 0.0).double())
    of_torch("single_padding", padded, (QUERIES, WIDTH), (KEYS, WIDTH), padding[0])

    add("head_dim", fill(Attention(head_dim=5)), batch_x)
    add("qkv", fill(Attention(layout="qkv")), batch_x)
    add("qkv_no_bias", fill(Attention(layout="qkv", qkv_bias=False, head_dim=4)), batch_x)
    add("separate", fill(Attention(layout="separate", out_bias=False)), batch_x, (BATCH, KEYS, WIDTH))
    add("no_out_proj", fill(Attention(out_proj=False, head_dim=4)), batch_x)
    add("scale", fill(Attention(scale=0.3)), batch_x)
    add("temperature", fill(Attention(temperature=True)), batch_x)
    add("locality", fill(Attention(layout="qkv", temperature=True, diagonal=True, qkv_bias=False, head_dim=4)), batch_x)
    add("locality_relu2_l1", fill(Attention(score="relu2_l1", temperature=True, diagonal=True)), batch_x)
    for score in ("relu", "relu2_l1", "linear"):
        add(score, fill(Attention(score=score)), batch_x)
        add(score + "_causal", fill(Attention(score=score, causal=True)), batch_x)
        add(score + "_masks", fill(Attention(score=score)), batch_x, (BATCH, KEYS, WIDTH),
            (BATCH, HEADS, QUERIES, KEYS), padding)
    results.save(pathlib.Path(__file__).with_suffix(".npz"))


if __name__ == "__main__":
    main()
