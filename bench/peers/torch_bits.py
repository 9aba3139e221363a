"""PyTorch's side of the row of bench/rows/bits.cpp: the network of "Why are Sensitive Functions Hard for Transformers?"
(arXiv:2402.09963) and a step of its training."""
import torch
import torch.nn.functional as F


class BitEncoder(torch.nn.Module):
    def __init__(self, length=10, width=32, layers=2, heads=2):
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


def bits_step(params, inputs, wrap):
    from torch_models import make_model
    bits, labels = inputs[0], inputs[1].float()
    model = make_model(params["model"]).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
    loss_function = wrap(lambda bits, labels: F.mse_loss(model(bits), labels))

    def run():
        optimizer.zero_grad()
        loss = loss_function(bits, labels)
        loss.backward()
        optimizer.step()
        gradients = {name: p.grad for name, p in model.named_parameters()}
        return [loss, *(gradients[name] for name in sorted(gradients))]
    return run


STEPS = {"bits_step": bits_step}
