"""The models of the training rows in PyTorch: those of tests/parity/models.py."""
import numpy as np
import torch
import torch.nn.functional as F

import models
import values
from torch_bits import BitEncoder

MODELS = {"mlp": models.MLP, "cnn": models.CNN, "resnet18": models.ResNet, "convmixer": models.convmixer,
          "vit": models.ViT, "lstm": models.LSTMClassifier, "gpt": models.GPT,
          "addition": models.ModularAddition, "bits": BitEncoder}


def make_model(name):
    """In float32, with the weights of the formula."""
    model = MODELS[name]().float()
    with torch.no_grad():
        for path, value in [*model.named_parameters(), *model.named_buffers()]:
            if value.is_floating_point():
                value.copy_(torch.from_numpy(values.weight(path, tuple(value.shape)).astype(np.float32)))
    return model


def loss_of(logits, labels):
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())
