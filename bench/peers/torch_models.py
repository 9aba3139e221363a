"""The models of the training rows in PyTorch: those of tests/parity/models.py, with PyTorch's fused attention in place
of the written-out one."""
import numpy as np
import torch
import torch.nn.functional as F

import models
import values


def attend(q, k, v, count, score="softmax", scale=None, mask=None, is_causal=False):
    assert score == "softmax" and scale is None and mask is None
    q, k, v = (models.heads(x, count) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=is_causal).transpose(1, 2).flatten(2)


models.attend = attend
MODELS = {"mlp": models.MLP, "cnn": models.CNN, "resnet18": models.ResNet, "convmixer": models.convmixer,
          "vit": models.ViT, "lstm": models.LSTMClassifier, "gpt": models.GPT, "addition": models.ModularAddition}


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
