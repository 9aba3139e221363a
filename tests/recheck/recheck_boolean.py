"""Computes sharpness, blow-up and norms again in PyTorch, in float64, from weights, strings and disturbed parameters that
boolean_scaling exported:

    boolean_scaling --quick --targets parity majority first --lengths 6 --export 6 --out RUN
    recheck_boolean.py RUN/export/*.safetensors    (what this prints is in output_boolean.txt)

The network is written here, on torch.nn.TransformerEncoder; weights load with strict=True. That the noise is what it is
said to be is looked at too: its radius on the sphere, its mean square as a Gaussian. Ends with status 1 if a number
differs by more than 1e-6 of itself. Needs torch and safetensors."""
import math
import os
import sys

import torch
from safetensors import safe_open
from torch.func import functional_call

CLOSE = 1e-6


class Encoder(torch.nn.Module):
    def __init__(self, length, width, layers=2, heads=2):
        super().__init__()
        self.embedding = torch.nn.Embedding(2, width // 2)
        self.positional_encoding = torch.nn.Embedding(length, width // 2)
        layer = torch.nn.TransformerEncoderLayer(width, heads, width, dropout=0.0, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = torch.nn.Linear(width, 1)

    def forward(self, bits):
        places = self.positional_encoding.weight.expand(len(bits), -1, -1)
        tokens = torch.cat([self.embedding(bits), places], -1)
        return self.head(self.encoder(tokens)[:, -1])[:, 0]


def load(path):
    with safe_open(path, "pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


def under(tensors, prefix):
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def entering_norms(model, bits):
    """What enters each norm, [n, tokens, features], in the order of the computation."""
    seen = []
    hooks = [m.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
             for m in model.modules() if isinstance(m, torch.nn.LayerNorm)]
    model(bits)
    for hook in hooks:
        hook.remove()
    return seen


def blowups(entering):
    """Of each string: the code's form, in the last layer by the last token alone, and the theory's."""
    code = torch.stack([1 / (x if i < len(entering) - 2 else x[:, -1:]).std(-1).amin(-1)
                        for i, x in enumerate(entering)]).prod(0)
    theory = torch.stack([(1 + (x.var(-1, unbiased=False) + 1e-5).rsqrt()).amax(-1) for x in entering]).prod(0)
    return code, theory


def draws(model, disturbed, bits):
    """Outputs of the model with each draw's parameters in the place of its own."""
    count = len(next(iter(disturbed.values())))
    return torch.stack([functional_call(model, {name: t[i] for name, t in disturbed.items()}, (bits,))
                        for i in range(count)])


def distances(model, disturbed):
    """Of each draw's parameters from the model's own."""
    own = dict(model.named_parameters())
    return torch.stack([(t - own[name]).flatten(1).square().sum(1) for name, t in disturbed.items()]).sum(0).sqrt()


def recheck(path):
    facts, tensors = load(path)
    weights, bits, labels = under(tensors, "model."), tensors["bits"], tensors["labels"]
    model = Encoder(*weights["positional_encoding.weight"].shape[:1], weights["head.weight"].shape[1]).double()
    model.load_state_dict(weights, strict=True)
    gaussian, sphere = under(tensors, "gaussian."), under(tensors, "sphere.")
    assert set(gaussian) == set(sphere) == set(weights) - {"positional_encoding.weight"}
    clean = model(bits)
    loss = 4 * (clean - labels).square().mean()
    code, theory = blowups(entering_norms(model, bits))
    count = sum(weights[name].numel() for name in gaussian)
    own = {
        "loss": loss,
        "label_sharpness": 4 * (draws(model, gaussian, bits) - labels).square().mean() - loss,
        "output_sharpness": 4 * (draws(model, sphere, bits) - clean).square().mean(),
        "blowup": code.mean(), "log_blowup": code.log().mean(), "theory_log_blowup": theory.log().mean(),
        "theory_squared_blowup": theory.square().mean(),
        "norm": torch.stack([weights[name].square().sum() for name in gaussian]).sum().sqrt(),
        "radius": distances(model, sphere).mean(),
    }
    print(f"{os.path.basename(path)}: {len(bits)} strings of {bits.shape[1]} bits, {len(distances(model, sphere))} draws, "
          f"{count} parameters")
    worst = 0.0
    for name, value in own.items():
        sonde, value = float(facts[name]), value.item()
        differs = abs(sonde - value) / abs(value)
        worst = max(worst, differs)
        print(f"  {name:21} Sonde {sonde:.10g}, PyTorch {value:.10g}, relative difference {differs:.1e}")
    spread = distances(model, sphere)
    gauss = (distances(model, gaussian).square().mean() / count).sqrt().item() / float(facts["eps"])
    print(f"  radii {spread.min():.10g} to {spread.max():.10g}; Gaussian deviation / eps {gauss:.4f}")
    # The root mean square of m normal numbers lies within 5 / sqrt(2 m) of 1 but for one case in a million.
    return worst < CLOSE and abs(gauss - 1) < 5 / math.sqrt(2 * count * len(spread))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.set_grad_enabled(False)
    torch.backends.mha.set_fastpath_enabled(False)
    print(f"PyTorch {torch.__version__.split('+')[0]}, float64")
    sys.exit(0 if all([recheck(path) for path in sys.argv[1:]]) else 1)
