#!/usr/bin/env python3
"""Writes scratchpad.npz: the encoder-decoder of experiments/boolean/scratchpad_net.hpp as torch.nn.Transformer between
embeddings that both sides share and a linear map."""
import pathlib

import torch
from torch import nn

from formula import Results, fill, integers

START = 2


class Scratchpad(nn.Module):
    def __init__(self, length, width, layers, heads):
        super().__init__()
        self.embedding = nn.Embedding(3, width // 2)
        self.positional_encoding = nn.Embedding(length + 1, width // 2)
        transformer = nn.Transformer(width, heads, layers, layers, dim_feedforward=width, dropout=0.0, batch_first=True)
        self.encoder, self.decoder = transformer.encoder, transformer.decoder
        self.head = nn.Linear(width, 1)
        object.__setattr__(self, "transformer", transformer)  # its parts have their names above

    def embed(self, tokens, first):
        places = self.positional_encoding(first[:, None] + torch.arange(tokens.shape[1]))
        return torch.cat([self.embedding(tokens), places], dim=2)

    def forward(self, bits, first):
        """Bits [B, n] that stand at positions from first [B] on."""
        written = torch.cat([torch.full_like(bits[:, :1], START), bits.cumsum(1) % 2], dim=1)
        mask = nn.Transformer.generate_square_subsequent_mask(written.shape[1], dtype=torch.float64)
        out = self.transformer(self.embed(bits, first), self.embed(written, first), tgt_mask=mask)
        return self.head(out).squeeze(2)[:, :-1]


def main():
    results = Results()
    model = fill(Scratchpad(length=7, width=8, layers=2, heads=2))
    bits = integers("scratchpad.in0", (3, 5), 2)
    results.add_module("scratchpad", model, bits, torch.zeros(3, dtype=torch.int64))
    results.add_module("elsewhere", model, bits, integers("elsewhere.in1", (3,), 3))
    results.save(pathlib.Path(__file__).with_suffix(".npz"))


if __name__ == "__main__":
    main()
