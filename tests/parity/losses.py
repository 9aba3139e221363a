"""Values and gradients of PyTorch's losses with every option, for tests/nn/test_parity_losses.cpp."""
import os

import torch
import torch.nn.functional as F

from formula import Results, integers, uniform

results = Results()
REDUCTIONS = ["none", "mean", "sum"]


class Loss(torch.nn.Module):
    """A loss as a module of its prediction and target."""

    def __init__(self, function, **options):
        super().__init__()
        self.function, self.options = function, options

    def forward(self, x, target):
        return self.function(x, target, **self.options)


def case(key, function, x, target, **options):
    """Under each reduction, unless one is given."""
    for reduction in [options.pop("reduction")] if "reduction" in options else REDUCTIONS:
        results.add_module(f"{key}.{reduction}", Loss(function, reduction=reduction, **options), x, target)


def positive(name, shape):
    return 0.5 + 0.5 * uniform(name, shape)


# --- classes: x [N, C], [N, C, d1, d2] and [C]
logits, pixels, one = 3 * uniform("logits", (6, 5)), 3 * uniform("pixels", (2, 4, 2, 3)), 3 * uniform("one", (5,))
labels, maps, label = integers("labels", (6,), 5), integers("maps", (2, 2, 3), 4), torch.tensor(3)
weight5, weight4 = positive("weight", (5,)), positive("weight", (4,))
some = labels.clone()
some[1] = some[4] = -100
other = torch.where(labels == 2, 0, labels)
other[3] = 2
for loss, function, prepare in [("cross_entropy", F.cross_entropy, lambda x: x),
                                ("nll_loss", F.nll_loss, lambda x: torch.log_softmax(x, min(x.dim() - 1, 1)))]:
    x, y, z = prepare(logits), prepare(pixels), prepare(one)
    case(loss + ".plain", function, x, labels)
    case(loss + ".pixels", function, y, maps)
    case(loss + ".one_sample", function, z, label)
    case(loss + ".ignored", function, x, some)
    case(loss + ".ignore_index", function, x, other, ignore_index=2)
    case(loss + ".weight", function, x, some, weight=weight5)
    case(loss + ".weight_pixels", function, y, maps, weight=weight4, ignore_index=1)
    case(loss + ".weight_one_sample", function, z, label, weight=weight5)
ce = F.cross_entropy
case("cross_entropy.smoothing", ce, logits, some, label_smoothing=0.3)
case("cross_entropy.smoothing_pixels", ce, pixels, maps, label_smoothing=0.3, ignore_index=1)
case("cross_entropy.smoothing_weight", ce, logits, some, label_smoothing=0.3, weight=weight5)
case("cross_entropy.smoothing_weight_pixels", ce, pixels, maps, label_smoothing=0.3, weight=weight4, ignore_index=1)
probabilities, soft_pixels = positive("probabilities", (6, 5)), positive("soft_pixels", (2, 4, 2, 3))
case("cross_entropy.soft", ce, logits, probabilities)
case("cross_entropy.soft_pixels", ce, pixels, soft_pixels)
case("cross_entropy.soft_one_sample", ce, one, positive("soft_one", (5,)))
case("cross_entropy.soft_smoothing", ce, logits, probabilities, label_smoothing=0.3)
case("cross_entropy.soft_weight", ce, logits, probabilities, weight=weight5)
case("cross_entropy.soft_all", ce, pixels, soft_pixels, weight=weight4, label_smoothing=0.3)

# --- two classes
x, y = 50 * uniform("binary", (4, 5)), positive("binary_target", (4, 5))
bce = F.binary_cross_entropy_with_logits
case("bce.plain", bce, x, y)
case("bce.weight", bce, x, y, weight=positive("bce_weight", (4, 5)))
case("bce.weight_column", bce, x, y, weight=positive("bce_weight", (4, 1)))
case("bce.pos_weight", bce, x, y, pos_weight=3 * positive("pos_weight", (5,)))
case("bce.both", bce, x, y, weight=positive("bce_weight", (4, 1)), pos_weight=3 * positive("pos_weight", (5,)))

# --- differences
x, y = 2 * uniform("prediction", (4, 5)), uniform("target", (4, 5))
case("mse", F.mse_loss, x, y)
case("l1", F.l1_loss, x, y)
case("huber", F.huber_loss, x, y)
case("huber_delta", F.huber_loss, x, y, delta=0.4)
case("smooth_l1", F.smooth_l1_loss, x, y)
case("smooth_l1_beta", F.smooth_l1_loss, x, y, beta=0.4)
case("smooth_l1_zero", F.smooth_l1_loss, x, y, beta=0.0)

# --- distributions
x, y = torch.log_softmax(logits, 1), positive("probabilities", (6, 5))
for reduction in REDUCTIONS + ["batchmean"]:
    case("kl_div", F.kl_div, x, y, reduction=reduction)
    case("kl_div_log", F.kl_div, x, uniform("log_target", (6, 5)), reduction=reduction, log_target=True)

results.save(os.path.join(os.path.dirname(__file__), "losses.npz"))
