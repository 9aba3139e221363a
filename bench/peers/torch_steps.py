"""PyTorch's side of the rows that are more than a function: STEPS[name](params, inputs, wrap) is the thunk to time,
where wrap compiles a function if the peer is to."""
import torch


def adamw(_, inputs, wrap):
    count = len(inputs) // 2
    parameters = [p.requires_grad_(True) for p in inputs[:count]]
    for p, g in zip(parameters, inputs[count:]):
        p.grad = g
    step = wrap(torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True).step)

    def run():
        step()
        return parameters
    return run


STEPS = {"adamw": adamw}
