"""Gradients, Hessian-vector products, extreme eigenvalues and per-sample gradient norms of the small models of
tests/analysis/small_models.hpp: python3 tests/parity/curvature.py writes tests/parity/curvature.npz."""
import os

import torch
from torch import nn
from torch.func import functional_call, grad
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from formula import Results, fill, integers, uniform
from models import CNN, LSTMClassifier, ViT

SAMPLES, CLASSES, VECTORS = 5, 4, 3


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(16, 10), nn.Linear(10, 8), nn.Linear(8, CLASSES)])

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)


# name: model, side of its images
MODELS = {
    "mlp": (MLP, 4),
    "cnn": (lambda: CNN(side=8, width=4, hidden=8, classes=CLASSES), 8),
    "vit": (lambda: ViT(side=8, dim=8, depth=1, count=2, head_dim=4, hidden=16, classes=CLASSES), 8),
    "lstm": (lambda: LSTMClassifier(patch=(1, 8), hidden=8, classes=CLASSES), 8),
}


def add(results, key):
    make, side = MODELS[key]
    model = fill(make()).eval()
    x = uniform(key + ".x", (SAMPLES, 1, side, side))
    y = integers(key + ".y", (SAMPLES,), CLASSES)
    parameters = {n: p.detach() for n, p in model.named_parameters()}
    loss = lambda p, x=x, y=y: F.cross_entropy(functional_call(model, p, (x,)), y)
    for n, g in grad(loss)(parameters).items():
        results.add(f"{key}.grad.{n}", g)
    vectors = {n: uniform(f"{key}.v.{n}", (VECTORS, *p.shape)) for n, p in parameters.items()}
    for i in range(VECTORS):
        v = {n: u[i] for n, u in vectors.items()}
        for n, h in hvp(loss, parameters, v).items():
            results.add(f"{key}.hvp{i}.{n}", h)
    values = torch.linalg.eigvalsh(dense(loss, parameters))
    results.add(f"{key}.eigenvalues", torch.cat((values[:10], values[-10:])))
    norms = []
    for i in range(SAMPLES):
        g = grad(loss)(parameters, x[i:i + 1], y[i:i + 1])
        norms.append(sum((t**2).sum() for t in g.values()).sqrt())
    results.add(f"{key}.sample_norms", torch.stack(norms))


def hvp(loss, parameters, v):
    """Reverse over reverse: neither the LSTM's kernel nor the fused attention has a forward mode."""
    names = list(parameters)
    p = {n: t.clone().requires_grad_() for n, t in parameters.items()}
    g = torch.autograd.grad(loss(p), [p[n] for n in names], create_graph=True)
    inner = sum((a * v[n]).sum() for a, n in zip(g, names))
    return dict(zip(names, torch.autograd.grad(inner, [p[n] for n in names])))


def dense(loss, parameters):
    """The Hessian with respect to all parameters side by side, column by column."""
    size = sum(p.numel() for p in parameters.values())
    columns = []
    for unit in torch.eye(size, dtype=torch.float64):
        v, at = {}, 0
        for n, p in parameters.items():
            v[n] = unit[at:at + p.numel()].reshape(p.shape)
            at += p.numel()
        columns.append(torch.cat([h.flatten() for h in hvp(loss, parameters, v).values()]))
    h = torch.stack(columns, 1)
    return (h + h.T) / 2


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = Results()
    with sdpa_kernel(SDPBackend.MATH):  # the one with a second derivative
        for key in MODELS:
            add(results, key)
    results.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "curvature.npz"))
