"""PyTorch's side of each operation: OPS[name](params) is a function of the inputs."""
import torch
import torch.nn.functional as F


def conv_backward(dy, x, w, p, mask):
    """One gradient alone; of the operand it belongs to only the shape is read."""
    return torch.ops.aten.convolution_backward(dy, x, w, None, [p["stride"]] * 2, [p["padding"]] * 2, [1, 1], False,
                                               [0, 0], p["groups"], mask)


def strided_chain(x, y, z):
    return torch.relu(x.mT * y + z[:, ::2]) - y


def lstm(x, *weights):
    zeros = x.new_zeros(1, x.shape[1], weights[1].shape[1])
    y, h, c = torch._VF.lstm(x, (zeros, zeros), list(weights), True, 1, 0.0, False, False, False)
    return y, h[0], c[0]


def recorded(p):
    """A chain of additions, recorded and taken back."""
    def chain(x, y):
        with torch.enable_grad():
            x = x.detach().requires_grad_(True)
            z = x
            for _ in range(p["length"]):
                z = z + y
            return z.detach(), torch.autograd.grad(z, x, y)[0]
    return chain


OPS = {
    "eager": lambda p: {"neg": lambda x, y: torch.neg(x), "add": torch.add,
                        "sum": lambda x, y: torch.sum(x, 0)}[p["of"]],
    "recorded": recorded,
    "matmul": lambda p: lambda a, b: (a.mT if p.get("a_transposed") else a) @ (b.mT if p.get("b_transposed") else b),
    "linear_gelu": lambda p: lambda x, w, b: F.gelu(F.linear(x, w, b)),
    "gelu": lambda p: F.gelu,
    "tanh": lambda p: torch.tanh,
    "add": lambda p: torch.add,
    "broadcast_chain": lambda p: lambda x, row, column: torch.sigmoid(x * row + column) * x,
    "strided_chain": lambda p: strided_chain,
    "sum": lambda p: lambda x: torch.sum(x, p["axes"]),
    "var": lambda p: lambda x: torch.var(x, p["axes"]),
    "softmax": lambda p: lambda x: torch.softmax(x, p["dim"]),
    "cross_entropy": lambda p: F.cross_entropy,
    "layer_norm": lambda p: lambda x, w, b: F.layer_norm(x, w.shape, w, b),
    "batch_norm": lambda p: lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
    "embedding": lambda p: F.embedding,
    "index_add": lambda p: lambda x, index, src: torch.index_add(x, 0, index, src),
    "gather": lambda p: lambda x, index: torch.gather(x, p["axis"], index),
    "attention": lambda p: lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=p["causal"]),
    "conv2d": lambda p: lambda x, w: F.conv2d(x, w, None, p["stride"], p["padding"], 1, p["groups"]),
    "conv2d_input_grad": lambda p: lambda dy, w, x: conv_backward(dy, x, w, p, [True, False, False])[0],
    "conv2d_weight_grad": lambda p: lambda x, dy, w: conv_backward(dy, x, w, p, [False, True, False])[1],
    "lstm": lambda p: lstm,
}
