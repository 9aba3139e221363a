"""The formula of values.py as torch tensors, and the files that store results."""
import numpy as np
import torch
import values


def uniform(name, shape):
    return torch.from_numpy(values.uniform(name, shape))


def integers(name, shape, bound):
    return torch.from_numpy(values.integers(name, shape, bound))


def weight(name, shape):
    return torch.from_numpy(values.weight(name, shape))


def fill(module):
    """Gives every floating parameter and buffer of a torch module its value by the formula; returns the module in
    float64."""
    module.double()
    with torch.no_grad():
        for name, value in list(module.named_parameters()) + list(module.named_buffers()):
            if value.is_floating_point():
                value.copy_(weight(name, tuple(value.shape)))
    return module


class Results:
    """Collects the arrays of one fixture file, tests/parity/<family>.npz."""

    def __init__(self):
        self.arrays = {}

    def add(self, key, value):
        assert key not in self.arrays, key
        if isinstance(value, torch.Tensor):
            value = value.detach().numpy()
        self.arrays[key] = np.array(value, order="C")  # a copy, of any rank

    def add_module(self, key, module, *inputs, output=lambda y: y):
        """Output of the module at `inputs`, and the gradients, with respect to every parameter and floating input, of
        the sum of the output times uniform(key + ".cotangent")."""
        inputs = [x.detach().clone().requires_grad_(x.is_floating_point()) if isinstance(x, torch.Tensor) else x
                  for x in inputs]
        module.zero_grad()
        y = output(module(*inputs))
        (y * uniform(key + ".cotangent", tuple(y.shape))).sum().backward()
        self.add(key + ".out", y)
        for i, x in enumerate(inputs):
            if isinstance(x, torch.Tensor) and x.requires_grad:
                self.add(f"{key}.grad.in{i}", x.grad)
        for name, p in module.named_parameters():
            self.add(f"{key}.grad.{name}", p.grad if p.grad is not None else torch.zeros_like(p))

    def save(self, path):
        np.savez_compressed(path, **self.arrays)
        print(f"{path}: {len(self.arrays)} arrays")
