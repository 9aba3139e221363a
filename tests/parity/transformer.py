#!/usr/bin/env python3
"""Writes transformer.npz: torch.nn.TransformerEncoder(Layer) and TransformerDecoder(Layer) with every option."""
import pathlib

import torch
from torch import nn

from formula import Results, fill, uniform

BATCH, STEPS, MEMORY, WIDTH, HEADS, HIDDEN = 2, 3, 4, 4, 2, 5
LAYER = {"dim_feedforward": HIDDEN, "dropout": 0.0}


def encoder_layer(**options):
    return nn.TransformerEncoderLayer(WIDTH, HEADS, **LAYER, **options)


def decoder_layer(**options):
    return nn.TransformerDecoderLayer(WIDTH, HEADS, **LAYER, **options)


def encoder(**options):
    return nn.TransformerEncoder(encoder_layer(**options), 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)


def decoder(**options):
    return nn.TransformerDecoder(decoder_layer(**options), 2, nn.LayerNorm(WIDTH))


def with_masks(kind, **masks):
    """The module with further arguments to each call."""
    forward = kind.forward
    kind.forward = lambda *inputs: forward(*inputs, **masks)
    return kind


def main():
    results = Results()

    def add(key, module, *inputs):
        results.add_module(key, fill(module), *[uniform(f"{key}.in{i}", shape) for i, shape in enumerate(inputs)])

    x, memory = (STEPS, BATCH, WIDTH), (MEMORY, BATCH, WIDTH)
    causal = torch.ones(STEPS, STEPS, dtype=torch.bool).triu(1)
    hidden = torch.tensor([[True, False, False, True], [False, True, False, False], [False, False, True, False]])
    padding = torch.tensor([[False, False, True], [False, False, False]])
    memory_padding = torch.tensor([[False, False, False, True], [False, False, False, False]])

    add("encoder_layer", encoder_layer(), x)
    add("encoder_layer_pre", encoder_layer(norm_first=True, activation="gelu", layer_norm_eps=1e-2), x)
    add("encoder_layer_no_bias", encoder_layer(bias=False, batch_first=True), (BATCH, STEPS, WIDTH))
    add("encoder_layer_single", encoder_layer(), (STEPS, WIDTH))
    add("encoder_layer_masks", with_masks(encoder_layer(), src_mask=causal, src_key_padding_mask=padding), x)
    add("encoder", encoder(), x)
    add("encoder_pre", with_masks(encoder(norm_first=True), mask=causal, is_causal=True), x)
    add("encoder_no_norm", nn.TransformerEncoder(encoder_layer(activation="gelu"), 2, enable_nested_tensor=False), x)

    add("decoder_layer", decoder_layer(), x, memory)
    add("decoder_layer_pre", decoder_layer(norm_first=True, activation="gelu", layer_norm_eps=1e-2), x, memory)
    add("decoder_layer_no_bias", decoder_layer(bias=False, batch_first=True), (BATCH, STEPS, WIDTH),
        (BATCH, MEMORY, WIDTH))
    add("decoder_layer_masks", with_masks(decoder_layer(), tgt_mask=causal, memory_mask=hidden,
                                          tgt_key_padding_mask=padding, memory_key_padding_mask=memory_padding),
        x, memory)
    add("decoder", decoder(), x, memory)
    add("decoder_pre", with_masks(decoder(norm_first=True), tgt_mask=causal, tgt_is_causal=True), x, memory)
    add("decoder_no_norm", nn.TransformerDecoder(decoder_layer(), 2), x, memory)
    results.save(pathlib.Path(__file__).with_suffix(".npz"))


if __name__ == "__main__":
    main()
