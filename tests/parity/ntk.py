"""Tangent kernels of the small models of tests/analysis/small_models.hpp by torch.func, Jacobians contracted:
python3 tests/parity/ntk.py writes tests/parity/ntk.npz."""
import os

import torch
from torch.func import functional_call, jacrev, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from curvature import MODELS, SAMPLES
from formula import Results, fill, uniform


def kernel(model, x, batched):
    parameters = {n: p.detach() for n, p in model.named_parameters()}
    one = lambda p, x: functional_call(model, p, (x[None],))[0]
    if batched:
        rows = vmap(jacrev(one), (None, 0))(parameters, x)
    else:  # the LSTM's kernel has no batching rule
        each = [jacrev(one)(parameters, sample) for sample in x]
        rows = {n: torch.stack([j[n] for j in each]) for n in parameters}
    return sum(torch.einsum("nap,mbp->nmab", j.flatten(2), j.flatten(2)) for j in rows.values())


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = Results()
    with sdpa_kernel(SDPBackend.MATH):
        for key, (make, side) in MODELS.items():
            x = uniform(key + ".x", (SAMPLES, 1, side, side))
            results.add(f"{key}.kernel", kernel(fill(make()).eval(), x, key != "lstm"))
    results.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ntk.npz"))
