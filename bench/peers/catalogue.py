"""The rows of the side-by-side table: what is computed, on which inputs. Sonde (bench/rows/) and each peer
(torch_ops.py, jax_ops.py) know the operations by name."""
from dataclasses import dataclass, field

# Ratio (best peer's time / Sonde's) that the geometric mean of a family should reach; of "training" each row.
BARS = {
    "overhead": 3.0, "matmul": 0.95, "linear": 0.95, "elementwise": 1.0, "reduction": 1.0, "index": 1.0, "norm": 1.0,
    "loss": 1.0, "attention": 1.0, "conv": 1.0, "depthwise": 1.3, "lstm": 1.0, "optimiser": 1.3, "training": 1.0,
    "bits": 2.0, "per_sample": 1.5, "hvp": 1.25, "sensitivity": 1.0, "jvp_of_grad": 1.25, "ntk": 1.5, "dense_hessian": 1.5,
    "eigenvalues": 1.5,
}

EVERYONE = ("eager", "compile", "jax")
# What else would be a peer, and why it is none.
ABSENT = {
    "ntk": "neural-tangents 0.6.5, its last release, cannot be imported with this JAX: it takes Jaxpr from jax.core, "
           "where it is no more. Not measured.",
}
ITSELF = "itself"  # another way in Sonde, in a process of its own
# torch.compile unrolls an LSTM with gradients step by step: three minutes of compilation for 28 steps.
NOT_COMPILED = ("eager", "jax")


@dataclass
class Other:
    """What a row of Sonde's is held against in Sonde itself."""
    op: str
    params: dict
    time: float | None = None  # the row shall take at most so many times the other's time,
    memory: float | None = None  # and at its peak so many times its memory
    same: bool = True  # compute both the same?


@dataclass
class Row:
    family: str
    name: str
    op: str
    inputs: list
    params: dict = field(default_factory=dict)
    dtype: str = "f32"
    quick: bool = False
    peers: tuple = EVERYONE
    tolerance: float | None = None
    together: bool = False  # results are one vector, as gradients that are zero in theory need
    slow: bool = False  # the peer is timed three times, a call each, and that with no call before
    other: Other | None = None

    @property
    def id(self):
        return f"{self.family}/{self.name}"


def real(name, *shape, dtype="f32", **more):
    return {"name": name, "shape": list(shape), "dtype": dtype, **more}


def image(name, *shape, **more):
    return real(name, *shape, image=True, **more)


def integers(name, below, *shape):
    return {"name": name, "shape": list(shape), "dtype": "i64", "below": below}


def overhead_rows():
    four = [real("x", 4), real("y", 4)]
    for op in ("neg", "add", "sum"):
        yield Row("overhead", f"{op} of 4, eager", "eager", four, {"of": op}, quick=op == "add")
    # A compiler would remove the very operations whose cost is asked for.
    yield Row("overhead", "100 adds of 4, recorded and taken back", "recorded", four, {"length": 100},
              peers=("eager",))


def matmul_row(name, m, k, n, dtype="f32", batch=(), quick=False, **transposed):
    a = (k, m) if transposed.get("a_transposed") else (m, k)
    b = (n, k) if transposed.get("b_transposed") else (k, n)
    inputs = [real("a", *batch, *a, dtype=dtype), real("b", *batch, *b, dtype=dtype)]
    return Row("matmul", name, "matmul", inputs, transposed, dtype, quick)


def matmul_rows():
    for dtype in ("f32", "f64"):
        for n in (16, 32, 64, 128, 256, 512, 1024, 2048):
            yield matmul_row(f"{dtype} {n}", n, n, n, dtype, quick=n == 256 and dtype == "f32")
        yield matmul_row(f"{dtype} tall 8192x64x64", 8192, 64, 64, dtype)
        yield matmul_row(f"{dtype} wide 64x64x8192", 64, 64, 8192, dtype)
        yield matmul_row(f"{dtype} inner 64x8192x64", 64, 8192, 64, dtype)
        for n in (16, 32, 64):
            yield matmul_row(f"{dtype} 256 of {n}", n, n, n, dtype, (256,))
        for n in (128, 512):
            for name, ta, tb in (("TN", True, False), ("NT", False, True), ("TT", True, True)):
                yield matmul_row(f"{dtype} {name} {n}", n, n, n, dtype, a_transposed=ta, b_transposed=tb)


def linear_rows():
    for rows, width, out in ((64, 256, 256), (1024, 256, 1024), (4096, 512, 512)):
        inputs = [real("x", rows, width), real("w", out, width, scale=0.1), real("b", out)]
        name, quick = f"gelu(x w' + b) {rows}x{width}x{out}", rows == 1024
        yield Row("linear", name, "linear_gelu", inputs, quick=quick)
        yield Row("linear", name + ", forward+backward", "linear_gelu", inputs, {"wrt": [0, 1, 2]})


def with_backward(family, name, op, inputs, params, wrt, quick=False, **more):
    yield Row(family, name, op, inputs, params, quick=quick, **more)
    yield Row(family, name + ", forward+backward", op, inputs, {**params, "wrt": wrt}, quick=quick, **more)


def norm_rows():
    for rows, width in ((8192, 10), (4096, 64), (1024, 256), (256, 4096)):
        yield from with_backward("norm", f"softmax {rows}x{width}", "softmax", [real("x", rows, width, scale=4.0)],
                                 {"dim": 1}, [0])
    for rows, width in ((4096, 64), (1024, 256), (512, 768)):
        inputs = [real("x", rows, width), real("w", width), real("b", width)]
        yield from with_backward("norm", f"layer norm {rows}x{width}", "layer_norm", inputs, {}, [0, 1, 2],
                                 rows == 1024)
    for n, c, h in ((64, 32, 28), (64, 64, 14), (64, 256, 8)):
        inputs = [image("x", n, c, h, h), real("w", c), real("b", c)]
        yield from with_backward("norm", f"batch norm {n}x{c}x{h}x{h}", "batch_norm", inputs, {}, [0, 1, 2])


def loss_rows():
    for rows, classes in ((8192, 10), (4096, 64), (1024, 1000)):
        inputs = [real("logits", rows, classes, scale=4.0), integers("target", classes, rows)]
        yield from with_backward("loss", f"cross-entropy {rows}x{classes}", "cross_entropy", inputs, {}, [0],
                                 classes == 64)


def elementwise_rows():
    for n in (4096, 65536, 1 << 20, 1 << 24):
        for op in ("add", "gelu", "tanh"):
            inputs = [real("x", n)] + ([real("y", n)] if op == "add" else [])
            yield Row("elementwise", f"{op} {n}", op, inputs, quick=n == 1 << 20 and op == "gelu")
    for n in (256, 1024):
        inputs = [real("x", n, n), real("row", n), real("column", n, 1)]
        yield from with_backward("elementwise", f"broadcast chain {n}x{n}", "broadcast_chain", inputs, {}, [0, 1, 2])
        inputs = [real("x", n, n), real("y", n, n), real("z", n, 2 * n)]
        yield from with_backward("elementwise", f"strided chain {n}x{n}", "strided_chain", inputs, {}, [0, 1, 2])


def reduction_rows():
    x = [real("x", 256, 64, 128)]
    for op in ("sum", "var"):
        for axes in ([0], [1], [2], [0, 1, 2]):
            name = "all" if len(axes) == 3 else axes[0]
            yield Row("reduction", f"{op} of 256x64x128 over {name}", op, x, {"axes": axes},
                      quick=op == "sum" and axes == [2])


def index_rows():
    for entries, width, count in ((1000, 64, 4096), (30000, 128, 8192)):
        inputs = [integers("index", entries, count), real("weight", entries, width)]
        name = f"embedding {count} of {entries}x{width}"
        yield Row("index", name, "embedding", inputs, quick=entries == 30000)
        yield Row("index", name + ", forward+backward", "embedding", inputs, {"wrt": [1]})
        inputs = [real("x", entries, width), integers("index", entries, count), real("src", count, width)]
        yield Row("index", f"index_add {count} to {entries}x{width}", "index_add", inputs)
    inputs = [real("x", 1024, 1024), integers("index", 1024, 1024, 256)]
    yield Row("index", "gather 256 of each row, 1024x1024", "gather", inputs, {"axis": 1})


def attention_rows():
    for heads, t, d in ((256, 17, 32), (256, 64, 32), (64, 256, 64), (16, 1024, 64)):
        inputs = [real(name, heads // 4, 4, t, d) for name in "qkv"]
        for causal in (False, True):
            name = f"{heads} heads, T={t}, d={d}{', causal' if causal else ''}"
            yield Row("attention", name, "attention", inputs, {"causal": causal})
            yield Row("attention", name + ", forward+backward", "attention", inputs,
                      {"causal": causal, "wrt": [0, 1, 2]}, quick=t == 64 and not causal)


def conv_rows():
    #        family, name, N, C, H, K, kernel, stride, padding, groups
    shapes = [("conv", "3x3", 64, 32, 28, 32, 3, 1, 1, 1), ("conv", "3x3", 64, 64, 28, 64, 3, 1, 1, 1),
              ("conv", "3x3", 64, 128, 14, 128, 3, 1, 1, 1), ("conv", "3x3", 64, 256, 8, 256, 3, 1, 1, 1),
              ("conv", "3x3 of stride 2", 64, 64, 28, 128, 3, 2, 1, 1), ("conv", "1x1", 64, 128, 14, 256, 1, 1, 0, 1),
              ("conv", "patchify 4x4", 64, 3, 32, 192, 4, 4, 0, 1),
              ("depthwise", "3x3", 32, 256, 32, 256, 3, 1, 1, 256),
              ("depthwise", "9x9", 32, 256, 16, 256, 9, 1, 4, 256)]
    for family, name, n, c, h, k, kernel, stride, padding, groups in shapes:
        out = (h + 2 * padding - kernel) // stride + 1
        x, w = image("x", n, c, h, h), real("w", k, c // groups, kernel, kernel, scale=0.1, kernel=True)
        dy = image("dy", n, k, out, out)
        params = {"stride": stride, "padding": padding, "groups": groups}
        more = {"quick": c == 64 and stride == 1}
        name = f"{name} N{n} C{c} H{h} K{k}"
        yield Row(family, name, "conv2d", [x, w], params, **more)
        # PyTorch asks for the operand whose gradient it is, and reads its shape.
        yield Row(family, name + ", input gradient", "conv2d_input_grad", [dy, w, {**x, "shape_only": True}],
                  {**params, "input": [h, h]}, **more)
        yield Row(family, name + ", weight gradient", "conv2d_weight_grad", [x, dy, {**w, "shape_only": True}],
                  {**params, "kernel": [kernel, kernel]}, **more)


def lstm_rows():
    for steps, units in ((28, 128), (128, 128), (28, 256), (128, 256)):
        batch, bound = 64, units**-0.5
        inputs = [real("x", steps, batch, units)]
        inputs += [real(name, 4 * units, units, scale=bound) for name in ("w_ih", "w_hh")]
        inputs += [real(name, 4 * units, scale=bound) for name in ("b_ih", "b_hh")]
        name = f"B=64 T={steps} H={units}"
        yield Row("lstm", name, "lstm", inputs, peers=NOT_COMPILED)
        yield Row("lstm", name + ", forward+backward", "lstm", inputs, {"wrt": [0, 1, 2, 3, 4]}, peers=NOT_COMPILED,
                  quick=(steps, units) == (28, 128))


def optimiser_rows():
    shapes = [[(256, 256), (256,), (64, 64, 3, 3), (1000,)][i % 4] for i in range(200)]
    inputs = [real(f"{kind}{i}", *shape) for kind in ("p", "g") for i, shape in enumerate(shapes)]
    yield Row("optimiser", "AdamW, 200 tensors", "adamw", inputs, quick=True)


# Inputs of each model: batch, image or text, classes.
TASKS = {
    "mlp": ([image("x", 128, 1, 28, 28), integers("labels", 10, 128)], "MLP 784-512-128-10, batch 128"),
    "cnn": ([image("x", 128, 1, 28, 28), integers("labels", 10, 128)], "CNN, batch 128 of 28x28"),
    "resnet18": ([image("x", 32, 3, 32, 32), integers("labels", 10, 32)], "ResNet-18, batch 32 of 3x32x32"),
    "convmixer": ([image("x", 64, 3, 32, 32), integers("labels", 10, 64)], "ConvMixer 64/8, batch 64 of 3x32x32"),
    "vit": ([image("x", 128, 1, 28, 28), integers("labels", 10, 128)], "ViT-tiny, batch 128 of 28x28"),
    "lstm": ([image("x", 128, 1, 28, 28), integers("labels", 10, 128)], "LSTM classifier, batch 128 of 28 rows"),
    "gpt": ([integers("x", 256, 16, 128), integers("labels", 256, 16, 128)], "GPT 4 layers of 128, batch 16 of T=128"),
    "addition": ([integers("x", 114, 12769, 3), integers("labels", 113, 12769)], "modular addition, all 12769 sums"),
}


def batch_of(model, count):
    """The model's inputs with another number of samples."""
    return [{**spec, "shape": [count, *spec["shape"][1:]]} for spec in TASKS[model][0]]


def training_rows():
    for model, (inputs, name) in TASKS.items():
        yield Row("training", name, "training_step", inputs, {"model": model}, tolerance=1e-3, together=True,
                  peers=NOT_COMPILED if model == "lstm" else EVERYONE, quick=model in ("mlp", "vit"))


def bits_rows():
    yield Row("bits", "BitEncoder 2 layers of 32, batch 64 of 10 bits", "bits_step",
              [integers("x", 2, 64, 10), integers("labels", 2, 64)], {"model": "bits"}, tolerance=1e-3, together=True,
              peers=("eager",), quick=True)


def derivative_rows():
    for model in ("mlp", "cnn", "vit"):
        params, name = {"model": model}, TASKS[model][1].split(",")[0]
        yield Row("per_sample", f"{name}, 64 samples", "per_sample", batch_of(model, 64), params, tolerance=1e-3,
                  together=True, quick=model == "mlp")
        yield Row("hvp", f"{name}, batch 64", "hvp", batch_of(model, 64), params, tolerance=1e-3, together=True,
                  quick=model == "mlp")
        x = batch_of(model, 32)[0]
        yield Row("sensitivity", f"{name}, 32 images x 49 copies", "sensitivity", [x, {**x, "name": "noise"}],
                  {**params, "patch": 4}, quick=model == "vit")


# The LSTM classifier on images of 128 rows.
LONG = [image("x", 64, 1, 128, 28), integers("labels", 10, 64)]


def curvature_models(count):
    """Name, inputs and short description of the models whose curvature is measured."""
    for model in ("mlp", "cnn", "vit"):
        yield model, batch_of(model, count), f"{TASKS[model][1].split(',')[0]}, batch {count}"
    yield "lstm", [{**spec, "shape": [count, *spec["shape"][1:]]} for spec in LONG], f"LSTM, T=128, batch {count}"


def itself_rows():
    def row(what, name, op, inputs, params, other, **more):
        return Row(ITSELF, f"{what}: {name}", op, inputs, params, peers=(ITSELF,), other=other, **more)

    for model, inputs, name in curvature_models(64):
        params = {"model": model}
        most = 6 if model == "lstm" else 4
        yield row("HVP in gradients", name, "hvp", inputs, params,
                  Other("gradient", {"unfused": False}, time=most, same=False))
        yield row("HVP in unfused gradients", name, "hvp", inputs, params,
                  Other("gradient", {"unfused": True}, memory=3, same=False))
    for count, most in ((64, 0.8), (4, 0.4)):
        for model, inputs, name in curvature_models(count):
            params = {"model": model, "vectors": 64, "retained": True, "batched": True}
            others = [(False, most)] if count == 64 and model != "mlp" else [(False, most), (True, None)]
            for retained, limit in others:
                other = Other("hessian_products", {"retained": retained, "batched": False}, time=limit)
                yield row(f"64 products at once in 64 single ones, {'retained' if retained else 'fresh'}", name,
                          "hessian_products", inputs, params, other, tolerance=1e-3, together=True)
    for model, inputs, name in list(curvature_models(64))[:2]:
        params = {"model": model, "count": 10, "tolerance": 1e-3, "confirm": True}
        yield row("10 eigenvalues, confirmed in unconfirmed", name, "eigenvalues", inputs, params,
                  Other("eigenvalues", {"confirm": False}), tolerance=1e-3)


def curvature_rows():
    for model, inputs, name in curvature_models(64):
        yield Row("jvp_of_grad", name, "hvp", inputs, {"model": model, "forward_over_reverse": True},
                  peers=("eager",), tolerance=1e-3, together=True, quick=model == "mlp")
    for model in ("mlp", "cnn", "vit"):
        name = TASKS[model][1].split(",")[0]
        for peer, first in (("contraction", 256), ("vector products", 2)):
            yield Row("ntk", f"{name}, {first} x 256 images, PyTorch by {peer}", "ntk", batch_of(model, 256)[:1],
                      {"model": model, "first": first, "peer": peer}, peers=("eager",), tolerance=1e-3, slow=True)
    matrices = [real("in_proj", 48, 16, dtype="f64", scale=0.5), real("out_proj", 16, 16, dtype="f64", scale=0.5)]
    for batch, tokens in ((4, 8), (16, 16)):
        yield Row("dense_hessian", f"attention, 1024 parameters, {batch} sequences of {tokens}", "attention_hessian",
                  [real("x", batch, tokens, 16, dtype="f64"), *matrices], {"heads": 2}, "f64", peers=("eager",),
                  quick=batch == 4)
    # curvlinops stops on residuals as Sonde does, PyHessian where an iteration changes a thousandth; it is then off by
    # up to half a hundredth, and Sonde's residual is held to a hundredth.
    for peer, count, residual, tolerance in (("curvlinops", 10, 1e-3, 1e-3), ("PyHessian", 1, 1e-2, 1e-2)):
        for model, inputs, name in list(curvature_models(64))[:3]:
            yield Row("eigenvalues", f"greatest {count}, {name}, {peer}", "eigenvalues", inputs,
                      {"model": model, "count": count, "tolerance": residual, "confirm": False, "peer": peer},
                      peers=("eager",), tolerance=tolerance, slow=True)


def all_rows():
    for rows in (overhead_rows, matmul_rows, linear_rows, elementwise_rows, reduction_rows, index_rows, norm_rows,
                 loss_rows, attention_rows, conv_rows, lstm_rows, optimiser_rows,
                 training_rows, bits_rows, derivative_rows, curvature_rows, itself_rows):
        yield from rows()
