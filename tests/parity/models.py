"""The models of nn/models/ in plain PyTorch, with the same names of parameters; and what 20 steps of training make of
them: python3 tests/parity/models.py writes tests/parity/models.npz."""
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from formula import Results, fill, integers, uniform

STEPS = 20


class MLP(nn.Module):
    """MLP2 of the sensitivity study."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(784, 512), nn.Linear(512, 128), nn.Linear(128, 10, bias=False)])

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x))
        return self.layers[-1](x)


class CNN(nn.Module):
    """ConvNeuralNet of the sensitivity study."""

    def __init__(self, channels=1, side=28, width=32, hidden=128, classes=10, batch_norm=False):
        super().__init__()
        self.conv_layer1 = nn.Conv2d(channels, width, 3)
        self.conv_layer2 = nn.Conv2d(width, width, 3)
        self.bn1, self.bn2 = (nn.BatchNorm2d(width), nn.BatchNorm2d(width)) if batch_norm else (None, None)
        self.fc1 = nn.Linear(width * ((side - 4) // 2) ** 2, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        x = self.conv_layer1(x)
        x = self.conv_layer2(F.leaky_relu(self.bn1(x) if self.bn1 else x))
        x = F.max_pool2d(self.bn2(x) if self.bn2 else x, 2)
        return self.fc2(F.leaky_relu(self.fc1(x.flatten(1))))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, widths=(64, 128, 256, 512), blocks=(2, 2, 2, 2), channels=3, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.stages = len(widths)
        inputs = widths[0]
        for i, (width, count) in enumerate(zip(widths, blocks)):
            stage = []
            for k in range(count):
                stage.append(BasicBlock(inputs, width, 2 if i > 0 and k == 0 else 1))
                inputs = width
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.linear = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.linear(x.mean((2, 3)))


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth, bn_size):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, bn_size * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth)
        self.conv2 = nn.Conv2d(bn_size * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return torch.cat((x, self.conv2(F.relu(self.norm2(y)))), 1)


class DenseNet(nn.Module):
    """torchvision's, with the sensitivity study's first convolution of 3x3."""

    def __init__(self, growth=32, blocks=(6, 12, 24, 16), width=64, bn_size=4, channels=3, classes=10):
        super().__init__()
        f = self.features = nn.Sequential()
        f.add_module("conv0", nn.Conv2d(channels, width, 3, padding=1, bias=False))
        f.add_module("norm0", nn.BatchNorm2d(width))
        f.add_module("relu0", nn.ReLU())
        f.add_module("pool0", nn.MaxPool2d(3, 2, 1))
        for b, layers in enumerate(blocks):
            block = nn.Sequential()
            for i in range(layers):
                block.add_module(f"denselayer{i + 1}", DenseLayer(width, growth, bn_size))
                width += growth
            f.add_module(f"denseblock{b + 1}", block)
            if b + 1 < len(blocks):
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(width))
                transition.add_module("relu", nn.ReLU())
                transition.add_module("conv", nn.Conv2d(width, width // 2, 1, bias=False))
                transition.add_module("pool", nn.AvgPool2d(2))
                f.add_module(f"transition{b + 1}", transition)
                width //= 2
        f.add_module("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, classes)

    def forward(self, x):
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


def convmixer(dim=64, depth=8, kernel=3, patch=4, channels=3, classes=10):
    """As in the paper's appendix (Trockman and Kolter 2022)."""
    return nn.Sequential(
        nn.Conv2d(channels, dim, patch, patch), nn.GELU(), nn.BatchNorm2d(dim),
        *[nn.Sequential(
            Residual(nn.Sequential(nn.Conv2d(dim, dim, kernel, groups=dim, padding="same"), nn.GELU(),
                                   nn.BatchNorm2d(dim))),
            nn.Conv2d(dim, dim, 1), nn.GELU(), nn.BatchNorm2d(dim)) for _ in range(depth)],
        nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(dim, classes))


def heads(x, count):
    """[B, T, count * d] to [B, count, T, d]."""
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def attend(q, k, v, count, score="softmax", temperature=None, mask=None, is_causal=False):
    """Attention of `count` heads; `mask` is true where a query sees a key. The scale is exp(temperature) if given."""
    q, k, v = heads(q, count), heads(k, count), heads(v, count)
    scale = None if temperature is None else 1.0
    q = q if temperature is None else q * temperature.exp()
    if score == "softmax":
        y = F.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal, scale=scale)
    else:
        s = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)
        y = F.normalize(F.relu(s) ** 2, p=1, dim=-1, eps=1e-12) @ v
    return y.transpose(1, 2).flatten(2)


def patches(x, p):
    """[B, C, H, W] to [B, T, p * p * C], the channel fastest."""
    b, c, h, w = x.shape
    return x.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, p * p * c)


class PatchEmbed(nn.Module):
    def __init__(self, kind, channels, patch, dim):
        super().__init__()
        self.kind, self.patch = kind, patch
        if kind == "conv":
            self.proj = nn.Conv2d(channels, dim, patch, patch)
            return
        inputs = patch * patch * channels * (5 if kind == "shifted" else 1)
        self.norm = nn.LayerNorm(inputs)
        self.proj = nn.Linear(inputs, dim)
        self.out_norm = nn.LayerNorm(dim) if kind == "normed" else nn.Identity()

    def forward(self, x):
        if self.kind == "conv":
            return self.proj(x).flatten(2).transpose(1, 2)
        if self.kind == "shifted":
            shifts = ((1, -1, 0, 0), (-1, 1, 0, 0), (0, 0, 1, -1), (0, 0, -1, 1))
            x = torch.cat((x, *(F.pad(x, s) for s in shifts)), 1)
        return self.out_norm(self.proj(self.norm(patches(x, self.patch))))


class Attention(nn.Module):
    """Self-attention with the names of nn.MultiheadAttention, and what that cannot do."""

    def __init__(self, dim, count, head_dim=None, score="softmax", locality=False, qkv_bias=True, out_bias=True):
        super().__init__()
        head_dim = head_dim or dim // count
        self.count, self.score, self.locality = count, score, locality
        if locality:
            self.temperature = nn.Parameter(torch.log(torch.tensor(head_dim**-0.5)))
        self.in_proj_weight = nn.Parameter(torch.empty(3 * count * head_dim, dim))
        nn.init.xavier_uniform_(self.in_proj_weight)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * count * head_dim)) if qkv_bias else None
        self.out_proj = nn.Linear(count * head_dim, dim, bias=out_bias)

    def forward(self, x, mask=None, is_causal=False):
        if self.locality:
            mask = ~torch.eye(x.shape[1], dtype=torch.bool)
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        temperature = self.temperature if self.locality else None
        return self.out_proj(attend(*qkv, self.count, self.score, temperature, mask, is_causal))


class EncoderLayer(nn.Module):
    """nn.TransformerEncoderLayer with GELU, on [B, T, dim], and with the attention above."""

    def __init__(self, dim, hidden, norm_first, attention):
        super().__init__()
        self.norm_first = norm_first
        self.self_attn = Attention(dim, **attention)
        self.linear1 = nn.Linear(dim, hidden)
        self.linear2 = nn.Linear(hidden, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, x, **masks):
        mlp = lambda x: self.linear2(F.gelu(self.linear1(x)))
        if self.norm_first:
            x = x + self.self_attn(self.norm1(x), **masks)
            return x + mlp(self.norm2(x))
        x = self.norm1(x + self.self_attn(x, **masks))
        return self.norm2(x + mlp(x))


class Encoder(nn.Module):
    """nn.TransformerEncoder of such layers; with norms first it has one at its end."""

    def __init__(self, dim, depth, hidden, norm_first, **attention):
        super().__init__()
        self.layers = nn.ModuleList([EncoderLayer(dim, hidden, norm_first, attention) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim) if norm_first else nn.Identity()

    def forward(self, x, **masks):
        for layer in self.layers:
            x = layer(x, **masks)
        return self.norm(x)


def sincos_positions(side, dim, temperature=10000.0):
    """Of SimpleViT: quarters sin x, cos x, sin y, cos y."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    omega = temperature ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim // 4 - 1))
    y, x = y.flatten()[:, None] * omega, x.flatten()[:, None] * omega
    return torch.cat((x.sin(), x.cos(), y.sin(), y.cos()), 1)


class ViT(nn.Module):
    def __init__(self, channels=1, side=28, patch=4, dim=64, depth=3, count=4, head_dim=16, hidden=128, classes=10,
                 embed="conv", pool="mean", positions="learned", score="softmax", locality=False, qkv_bias=False,
                 out_bias=True):
        super().__init__()
        self.pool, tokens = pool, (side // patch) ** 2
        self.patch_embed = PatchEmbed(embed, channels, patch, dim)
        if pool == "cls":
            self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        if positions == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(1, tokens + (pool == "cls"), dim))
        else:
            self.pos_embed = sincos_positions(side // patch, dim)
        self.encoder = Encoder(dim, depth, hidden, True, count=count, head_dim=head_dim, score=score,
                               locality=locality, qkv_bias=qkv_bias, out_bias=out_bias)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x)
        if self.pool == "cls":
            x = torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), 1)
        x = self.encoder(x + self.pos_embed)
        return self.head(x[:, 0] if self.pool == "cls" else x.mean(1))


class LSTMClassifier(nn.Module):
    def __init__(self, channels=1, patch=(1, 28), hidden=128, layers=1, bidirectional=False, classes=10):
        super().__init__()
        self.patch = patch
        self.lstm = nn.LSTM(channels * patch[0] * patch[1], hidden, layers, batch_first=True,
                            bidirectional=bidirectional)
        self.fc = nn.Linear(hidden * (1 + bidirectional), classes)

    def forward(self, x):
        b, c, h, w = x.shape
        p, q = self.patch
        x = x.reshape(b, c, h // p, p, w // q, q).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, p * q * c)
        last = self.lstm(x)[1][0]
        return self.fc(torch.cat((last[-2], last[-1]), -1) if self.lstm.bidirectional else last[-1])


class GPT(nn.Module):
    def __init__(self, vocab=256, context=128, dim=128, depth=4, count=4, tied=True):
        super().__init__()
        self.wte = nn.Embedding(vocab, dim)
        self.wpe = nn.Embedding(context, dim)
        self.encoder = Encoder(dim, depth, 4 * dim, True, count=count)
        self.lm_head = nn.Linear(dim, vocab, bias=False)
        if tied:
            self.lm_head.weight = self.wte.weight

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        return self.lm_head(self.encoder(x, is_causal=True))


class Bert(nn.Module):
    """RoBERTa: positions begin after the padding token's; no token types but one."""

    def __init__(self, vocab=1000, dim=64, depth=4, count=4, hidden=256, positions=66, types=1, classes=2, offset=2,
                 pad=1):
        super().__init__()
        self.offset, self.pad = offset, pad
        self.embeddings = nn.ModuleDict({
            "word_embeddings": nn.Embedding(vocab, dim), "position_embeddings": nn.Embedding(positions, dim),
            "token_type_embeddings": nn.Embedding(types, dim), "LayerNorm": nn.LayerNorm(dim)})
        self.encoder = Encoder(dim, depth, hidden, False, count=count)
        self.pooler = nn.Linear(dim, dim)
        self.classifier = nn.Linear(dim, classes)

    def forward(self, ids):
        e = self.embeddings
        x = e["word_embeddings"](ids) + e["position_embeddings"](torch.arange(ids.shape[1]) + self.offset)
        x = e["LayerNorm"](x + e["token_type_embeddings"](torch.zeros_like(ids)))
        x = self.encoder(x, mask=(ids != self.pad)[:, None, None, :])
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


class ModularAddition(nn.Module):
    """The one-layer transformer of the grokking runs: no residuals, no norms."""

    def __init__(self, vocab=114, tokens=3, dim=128, count=4, hidden=512):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.pos_embed = nn.Parameter(torch.zeros(tokens, dim))
        self.attn = nn.MultiheadAttention(dim, count, batch_first=True)
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, ids):
        x = self.embedding(ids) + self.pos_embed
        x = self.attn(x[:, -1:], x, x, need_weights=False)[0][:, 0]
        return self.head(self.fc2(F.relu(self.fc1(x))))


def images(channels, side, batch, classes=10):
    return lambda name: (uniform(name + ".x", (batch, channels, side, side)), integers(name + ".y", (batch,), classes))


def text(name, batch=2, length=128, vocab=256):
    ids = integers(name + ".x", (batch, length + 1), vocab)
    return ids[:, :-1], ids[:, 1:]


def sentences(name):
    """Sample i of 4 has 64 - 9 i tokens, the rest is padding."""
    ids = integers(name + ".x", (4, 64), 998) + 2
    lengths = 64 - 9 * torch.arange(4)
    return torch.where(torch.arange(64) < lengths[:, None], ids, 1), integers(name + ".y", (4,), 2)


def sums(name, modulus=113, batch=64):
    ab = integers(name + ".x", (batch, 2), modulus)
    return torch.cat((ab, torch.full((batch, 1), modulus)), 1), ab.sum(1) % modulus


# name: model, batches, makes the optimiser
ADAM = lambda p: torch.optim.Adam(p, lr=1e-3)
MODELS = {
    "mlp": (MLP, images(1, 28, 8), ADAM),
    "cnn": (CNN, images(1, 28, 4), ADAM),
    "cnn_bn": (lambda: CNN(width=16, batch_norm=True), images(1, 28, 4), ADAM),
    "resnet18": (ResNet, images(3, 32, 2), lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)),
    "resnet8": (lambda: ResNet((16, 32, 64), (1, 1, 1)), images(3, 32, 4), ADAM),
    "densenet": (lambda: DenseNet(8, (2, 2), 16), images(3, 32, 4), ADAM),
    "convmixer": (convmixer, images(3, 32, 4), ADAM),
    "vit": (ViT, images(1, 28, 4), ADAM),
    "vit_relu2": (lambda: ViT(score="relu2"), images(1, 28, 4), ADAM),
    "vit_small": (lambda: ViT(channels=3, side=32, depth=4, embed="shifted", pool="cls", locality=True),
                  images(3, 32, 4), ADAM),
    "vit_simple": (lambda: ViT(channels=3, side=32, depth=4, embed="normed", positions="sincos", out_bias=False),
                   images(3, 32, 4), ADAM),
    "lstm": (LSTMClassifier, images(1, 28, 8), ADAM),
    "lstm_patches": (lambda: LSTMClassifier(patch=(4, 4), hidden=32, layers=2, bidirectional=True), images(1, 28, 4),
                     ADAM),
    "gpt": (GPT, text, lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1)),
    "gpt_untied": (lambda: GPT(dim=64, depth=2, tied=False), text, ADAM),
    "bert": (Bert, sentences, lambda p: torch.optim.AdamW(p, lr=3e-4, weight_decay=0.01)),
    "addition": (ModularAddition, sums, lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=1.0)),
}


def train(name):
    """The loss before each step, and the norm of every parameter and floating buffer after the last one, by name."""
    make, batches, optimizer = MODELS[name]
    model = fill(make()).train()
    optimizer = optimizer(model.parameters())
    losses = []
    for step in range(STEPS):
        x, y = batches(f"{name}.{step}")
        logits = model(x)
        loss = F.cross_entropy(logits.flatten(0, -2), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    entries = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    norms = [entries[n].norm().item() for n in sorted(entries) if entries[n].is_floating_point()]
    return np.array(losses), np.array(norms)


if __name__ == "__main__":
    results = Results()
    for name in MODELS:
        losses, norms = train(name)
        print(name, losses[0], losses[-1])
        results.add(name + ".losses", losses)
        results.add(name + ".norms", norms)
    results.save(os.path.join(os.path.dirname(__file__), "models.npz"))
