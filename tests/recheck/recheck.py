"""Computes sensitivity again in PyTorch, from weights, images and noise that sensitivity_vision exported:

    sensitivity_vision --models mlp,vit --accuracy 0.8 --train 600 --images 100 --seeds 1 --export --out RUN
    recheck.py RUN/export/*.safetensors    (what this prints is in output.txt)

The models are those of tests/parity/models.py, in plain PyTorch; weights load with strict=True. The script places the
noise, computes all logits, and decides each trial itself. A decision may differ from Sonde's only where rounding
decides: where the two greatest logits of the clean or of the disturbed image differ by less than 1e-4 of the greatest
logit. Ends with status 1 if any other differs. Needs torch and safetensors."""
import os
import sys

import torch
from safetensors import safe_open

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
import models  # noqa: E402

CLOSE = 1e-4
MODELS = {"mlp": models.MLP, "vit": models.ViT}


def load(path):
    with safe_open(path, "pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


def disturbed(images, noise, t):
    """Images [n, C, H, W] for each draw, noise [n, m, C, P, P] added to patch t: [n, m, C, H, W]."""
    side = noise.shape[-1]
    top, left = (side * k for k in divmod(t, images.shape[-1] // side))
    out = images[:, None].repeat(1, noise.shape[1], 1, 1, 1)
    out[..., top:top + side, left:left + side] += noise
    return out


def logits_of(model, images):
    with torch.no_grad():
        return torch.cat([model(part) for part in images.split(1000)])


def is_close(logits):
    """Rows whose two greatest logits differ by less than CLOSE of the greatest in size."""
    top = logits.topk(2, -1).values
    return top[..., 0] - top[..., 1] < CLOSE * logits.abs().amax(-1)


def largest_difference(a, b):
    """Relative to the greatest logit of the row."""
    return ((a - b).abs().amax(-1) / b.abs().amax(-1)).max().item()


def recheck(path):
    facts, tensors = load(path)
    model = MODELS[facts["model"]]().eval()
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")},
                          strict=True)
    images, noise, flips = tensors["images"], tensors["noise"], tensors["flips"].bool()
    clean = logits_of(model, images)
    n, positions, draws = flips.shape
    noisy = torch.stack([logits_of(model, disturbed(images, noise[:, t], t).flatten(0, 1)).unflatten(0, (n, draws))
                         for t in range(positions)], 1)
    own = noisy.argmax(-1) != clean.argmax(-1)[:, None, None]
    close = is_close(noisy) | is_close(clean)[:, None, None]
    differ = own != flips
    wrong = (differ & ~close).sum().item()
    print(f"{os.path.basename(path)}: train accuracy {float(facts['train_accuracy']):.4f}, {flips.numel()} trials; flips: "
          f"Sonde {flips.sum().item()}, PyTorch {own.sum().item()}; S = {flips.double().mean():.6f}, "
          f"{own.double().mean():.6f}; trials decided by rounding {close.sum().item()}, different decisions "
          f"{differ.sum().item()}, of these not by rounding {wrong}; largest relative difference of logits "
          f"{largest_difference(clean, tensors['clean_logits']):.1e} (clean), "
          f"{largest_difference(noisy, tensors['noisy_logits']):.1e} (disturbed)")
    assert int(facts["flips"]) == flips.sum().item() and int(facts["trials"]) == flips.numel()
    return wrong


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.set_grad_enabled(False)
    print(f"PyTorch {torch.__version__.split('+')[0]}")
    sys.exit(1 if sum(recheck(path) for path in sys.argv[1:]) else 0)
