#!/usr/bin/env python3
"""Writes recurrent.npz: torch.nn.LSTM and GRU with every option, packed sequences included."""
import pathlib

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from formula import Results, fill, uniform

STEPS, BATCH, INPUTS, HIDDEN = 4, 3, 3, 2


def runner(kind):
    class Runner(kind):
        """Outputs and final states, in one row, for inputs x, h, c (the last two may be missing) and lengths."""

        def __init__(self, lengths=None, **options):
            super().__init__(INPUTS, HIDDEN, **options)
            self.lengths = lengths

        def forward(self, x, *initial):
            state = initial if len(initial) == 2 else initial[0] if initial else None
            if self.lengths is not None:
                x = pack_padded_sequence(x, self.lengths, self.batch_first, enforce_sorted=False)
            y, last = super().forward(x, state)
            if self.lengths is not None:
                y, _ = pad_packed_sequence(y, self.batch_first, total_length=STEPS)
            last = last if isinstance(last, tuple) else (last,)
            return torch.cat([y.flatten()] + [s.flatten() for s in last])

    return Runner


def main():
    results = Results()
    for kind in (torch.nn.LSTM, torch.nn.GRU):
        make, name, states = runner(kind), kind.__name__.lower(), 2 if kind is torch.nn.LSTM else 1

        def add(case, *inputs, **options):
            key = f"{name}_{case}"
            results.add_module(key, fill(make(**options)),
                               *[uniform(f"{key}.in{i}", shape) for i, shape in enumerate(inputs)])

        x = (STEPS, BATCH, INPUTS)
        lengths = torch.tensor([2, 4, 1])
        add("plain", x)
        add("no_bias", x, bias=False)
        add("batch_first", (BATCH, STEPS, INPUTS), batch_first=True)
        add("single", (STEPS, INPUTS), *[(2, HIDDEN)] * states, bidirectional=True)
        add("initial", x, *[(1, BATCH, HIDDEN)] * states)
        add("layers", x, *[(3, BATCH, HIDDEN)] * states, num_layers=3)
        add("bidirectional", x, bidirectional=True)
        add("deep", x, *[(4, BATCH, HIDDEN)] * states, num_layers=2, bidirectional=True)
        add("lengths", x, *[(1, BATCH, HIDDEN)] * states, lengths=lengths)
        add("all", (BATCH, STEPS, INPUTS), *[(4, BATCH, HIDDEN)] * states, num_layers=2, bidirectional=True,
            batch_first=True, bias=False, lengths=lengths)
        add("deep_lengths", x, num_layers=2, bidirectional=True, lengths=lengths)
    results.save(pathlib.Path(__file__).with_suffix(".npz"))


if __name__ == "__main__":
    main()
