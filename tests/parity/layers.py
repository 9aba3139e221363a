"""Outputs and gradients of PyTorch's layers with every option, for tests/nn/test_parity_layers.cpp."""
import os

import torch
from torch import nn

from formula import Results, fill, integers, uniform

results = Results()


def case(key, module, shape, scale=1.0):
    """The layer by the formula, at `scale` times uniform(key + ".in0")."""
    module = fill(module)
    results.add_module(key, module, scale * uniform(key + ".in0", shape))
    return module


# --- convolution
images, lines = (2, 4, 7, 6), (2, 4, 9)
for key, out, kernel, options in [
        ("plain", 3, (3, 2), {}), ("no_bias", 3, 3, {"bias": False}), ("pointwise", 5, 1, {}),
        ("patches", 3, 2, {"stride": 2}), ("stride", 3, 3, {"stride": (2, 3)}),
        ("padding", 3, 3, {"padding": (1, 2)}), ("dilation", 3, 3, {"dilation": (2, 1)}),
        ("groups", 6, 3, {"groups": 2}), ("depthwise", 8, 3, {"groups": 4, "padding": 1}),
        ("same", 2, (3, 5), {"padding": "same"}), ("same_even", 2, (4, 2), {"padding": "same", "dilation": (1, 3)}),
        ("all", 6, (2, 3), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2, "bias": False})]:
    case("conv2d." + key, nn.Conv2d(4, out, kernel, **options), images)
case("conv2d.one_image", nn.Conv2d(4, 3, 3), images[1:])
for key, out, kernel, options in [
        ("plain", 3, 2, {}), ("no_bias", 3, 3, {"bias": False}), ("same", 2, 3, {"padding": "same"}),
        ("same_even", 2, 4, {"padding": "same", "dilation": 1}),
        ("all", 6, 3, {"stride": 2, "padding": 3, "dilation": 2, "groups": 2})]:
    case("conv1d." + key, nn.Conv1d(4, out, kernel, **options), lines)
case("conv1d.one_line", nn.Conv1d(4, 3, 3), lines[1:])

# --- pooling
images, lines = (2, 3, 7, 6), (2, 3, 11)
case("max_pool2d.plain", nn.MaxPool2d((2, 3)), images)
case("max_pool2d.all", nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 1), dilation=(1, 2)), images)
case("max_pool1d.plain", nn.MaxPool1d(2), lines)
case("max_pool1d.all", nn.MaxPool1d(3, stride=2, padding=1, dilation=2), lines)
case("avg_pool2d.plain", nn.AvgPool2d((2, 3)), images)
case("avg_pool2d.padding", nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 1)), images)
case("avg_pool2d.no_pad_count", nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 1), count_include_pad=False), images)
case("avg_pool1d.plain", nn.AvgPool1d(3), lines)
case("avg_pool1d.padding", nn.AvgPool1d(4, stride=3, padding=2), lines)
case("avg_pool1d.no_pad_count", nn.AvgPool1d(4, stride=3, padding=2, count_include_pad=False), lines)
for key, layer in [("avg", nn.AdaptiveAvgPool2d), ("max", nn.AdaptiveMaxPool2d)]:
    case(f"adaptive_{key}_pool2d.fewer", layer((3, 4)), images)
    case(f"adaptive_{key}_pool2d.one", layer((1, 1)), images)
    case(f"adaptive_{key}_pool2d.more", layer((9, 6)), (1, 3, 7, 6))
for key, layer in [("avg", nn.AdaptiveAvgPool1d), ("max", nn.AdaptiveMaxPool1d)]:
    case(f"adaptive_{key}_pool1d.fewer", layer(4), lines)
    case(f"adaptive_{key}_pool1d.more", layer(13), lines)

# --- norms
case("layer_norm.plain", nn.LayerNorm(5), (2, 3, 5))
case("layer_norm.two_axes", nn.LayerNorm((3, 5)), (2, 3, 5))
case("layer_norm.eps", nn.LayerNorm(5, eps=0.1), (4, 5))
case("layer_norm.no_bias", nn.LayerNorm(5, bias=False), (4, 5))
case("layer_norm.no_affine", nn.LayerNorm(5, elementwise_affine=False), (4, 5))
case("rms_norm.plain", nn.RMSNorm(5), (2, 3, 5))
case("rms_norm.two_axes", nn.RMSNorm((3, 5)), (2, 3, 5))
case("rms_norm.eps", nn.RMSNorm(5, eps=0.1), (4, 5))
case("rms_norm.no_affine", nn.RMSNorm(5, elementwise_affine=False), (4, 5))
case("group_norm.plain", nn.GroupNorm(2, 6), (2, 6, 3, 4))
case("group_norm.one_group", nn.GroupNorm(1, 6), (2, 6, 5))
case("group_norm.each_channel", nn.GroupNorm(6, 6), (2, 6, 5))
case("group_norm.flat", nn.GroupNorm(2, 6), (3, 6))
case("group_norm.eps", nn.GroupNorm(3, 6, eps=0.1), (3, 6))
case("group_norm.no_affine", nn.GroupNorm(3, 6, affine=False), (2, 6, 5))


def batch_norm_case(key, module, shape):
    """Two batches in training, with the buffers after each, then one in eval mode."""
    fill(module)
    for batch in ["first", "second", "eval"]:
        module.train(batch != "eval")
        results.add_module(f"{key}.{batch}", module, uniform(f"{key}.{batch}.in0", shape))
        for name, value in module.named_buffers():
            results.add(f"{key}.{batch}.buffer.{name}", value.clone())


batch_norm_case("batch_norm1d.flat", nn.BatchNorm1d(3), (5, 3))
batch_norm_case("batch_norm1d.lines", nn.BatchNorm1d(3), (2, 3, 4))
batch_norm_case("batch_norm2d.plain", nn.BatchNorm2d(3), (2, 3, 4, 3))
batch_norm_case("batch_norm2d.one_image", nn.BatchNorm2d(3), (1, 3, 2, 1))
batch_norm_case("batch_norm2d.options", nn.BatchNorm2d(3, eps=0.1, momentum=0.3), (2, 3, 4, 3))
batch_norm_case("batch_norm2d.cumulative", nn.BatchNorm2d(3, momentum=None), (2, 3, 4, 3))
batch_norm_case("batch_norm2d.no_affine", nn.BatchNorm2d(3, affine=False), (2, 3, 4, 3))
batch_norm_case("batch_norm2d.no_tracking", nn.BatchNorm2d(3, track_running_stats=False), (2, 3, 4, 3))

# --- linear and embedding
case("linear.plain", nn.Linear(5, 3), (2, 4, 5))
case("linear.no_bias", nn.Linear(5, 3, bias=False), (4, 5))
case("linear.one_sample", nn.Linear(5, 3), (5,))
for key, options in [("plain", {}), ("padding", {"padding_idx": 2}), ("padding_from_the_end", {"padding_idx": -3})]:
    key = "embedding." + key
    results.add_module(key, fill(nn.Embedding(6, 4, **options)), integers(key + ".in0", (3, 7), 6))

# --- activations, dropout, shapes
for key, module in [
        ("relu", nn.ReLU()), ("silu", nn.SiLU()), ("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()), ("gelu", nn.GELU()),
        ("gelu_tanh", nn.GELU(approximate="tanh")), ("leaky_relu", nn.LeakyReLU()),
        ("leaky_relu.slope", nn.LeakyReLU(0.3)), ("elu", nn.ELU()), ("elu.alpha", nn.ELU(1.7)),
        ("softplus", nn.Softplus()), ("softplus.options", nn.Softplus(beta=3, threshold=4))]:
    case(key, module, (4, 7), scale=6)
case("dropout.eval", nn.Dropout(0.3).eval(), (3, 4))
case("dropout.zero", nn.Dropout(0), (3, 4))
case("dropout.all", nn.Dropout(1), (3, 4))
case("identity", nn.Identity(), (3, 4))
case("flatten", nn.Flatten(), (2, 3, 4))
case("flatten.dims", nn.Flatten(0, -2), (2, 3, 4))
case("sequential", nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                                 nn.Flatten(), nn.Linear(16, 3)).eval(), (2, 2, 4, 5))

results.save(os.path.join(os.path.dirname(__file__), "layers.npz"))
