"""Weights both ways. `check_weights.py --make` saves small models' state dicts by PyTorch, tests/parity/weights/. The
program test_weights loads them, trains one step and, told so by SONDE_WEIGHTS_OUT=FOLDER, leaves the new files there.
`check_weights.py FOLDER` loads those with strict=True and compares them with the same step in PyTorch."""
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import models
from formula import integers, uniform

HOME = os.path.join(os.path.dirname(__file__), "weights")


def image(name):
    return uniform(name + ".x", (3, 2, 8, 8)).float(), integers(name + ".y", (3,), 3)


def tokens(length, classes):
    return lambda name: (integers(name + ".x", (3, length), 7), integers(name + ".y", (3,), classes))


# name: makes the model, makes the batch
MODELS = {
    "resnet": (lambda: models.ResNet((3, 4), (1, 2), channels=2, classes=3), image),
    "convmixer": (lambda: models.convmixer(dim=4, depth=2, channels=2, classes=3), image),
    "vit": (lambda: models.ViT(channels=2, side=8, dim=8, depth=2, count=2, head_dim=3, hidden=5, classes=3,
                               embed="shifted", pool="cls", locality=True), image),
    "lstm": (lambda: models.LSTMClassifier(channels=2, patch=(4, 2), hidden=3, layers=2, bidirectional=True,
                                           classes=3), image),
    "gpt": (lambda: models.GPT(vocab=7, context=5, dim=4, depth=2, count=2), tokens(5, 7)),
    "bert": (lambda: models.Bert(vocab=7, dim=4, depth=2, count=2, hidden=6, positions=7, classes=3), tokens(5, 3)),
    "addition": (lambda: models.ModularAddition(vocab=7, dim=4, count=2, hidden=5), tokens(3, 7)),
    "layers": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4), nn.GroupNorm(2, 4),
                                     nn.Flatten(), nn.Linear(20, 3)),
               lambda name: (uniform(name + ".x", (3, 2, 5)).float(), integers(name + ".y", (3,), 3))),
    "densenet": (lambda: models.DenseNet(3, (1, 2), 4, 2, channels=2, classes=3), image),
}


def make():
    os.makedirs(HOME, exist_ok=True)
    for i, (name, (model, _)) in enumerate(MODELS.items()):
        torch.manual_seed(i)
        # Clones, since safetensors refuses tensors that share memory: tied weights stand under both names.
        save_file({k: v.clone() for k, v in model().state_dict().items()}, os.path.join(HOME, name + ".safetensors"))


def step(model, x, y):
    """Plain gradient descent at rate 0.1 on the cross-entropy; text models that give logits at each position are
    judged at the last."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    logits = model.train()(x)
    F.cross_entropy(logits[:, -1] if logits.dim() == 3 else logits, y).backward()
    optimizer.step()


def check(folder):
    for name, (make_model, batch) in MODELS.items():
        model, trained = make_model(), make_model()
        trained.load_state_dict(load_file(os.path.join(folder, name + ".safetensors")), strict=True)
        model.load_state_dict(load_file(os.path.join(HOME, name + ".safetensors")), strict=True)
        step(model, *batch(name))
        expected, actual = model.state_dict(), trained.state_dict()
        worst = max((actual[k].double() - v.double()).abs().max().item() for k, v in expected.items())
        print(f"{name}: {len(expected)} tensors load with strict=True, greatest difference {worst:.1e}")
        assert worst < 1e-5, name


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make() if sys.argv[1] == "--make" else check(sys.argv[1])
