"""JAX's side of each operation: OPS[name](params) is a function of the inputs. Images are [N,H,W,C] and kernels
[H,W,I,O] here, the layout that XLA's CPU code computes in."""
import jax
import jax.numpy as jnp


def conv(p, x, w):
    return jax.lax.conv_general_dilated(x, w, [p["stride"]] * 2, [(p["padding"],) * 2] * 2,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=p["groups"])


def conv_input_grad(p):
    def gradient(dy, w, _):
        x = jax.ShapeDtypeStruct((dy.shape[0], *p["input"], w.shape[2] * p["groups"]), dy.dtype)
        return jax.linear_transpose(lambda x: conv(p, x, w), x)(dy)[0]
    return gradient


def conv_weight_grad(p):
    def gradient(x, dy, _):
        w = jax.ShapeDtypeStruct((*p["kernel"], x.shape[3] // p["groups"], dy.shape[3]), x.dtype)
        return jax.linear_transpose(lambda w: conv(p, x, w), w)(dy)[0]
    return gradient


def cross_entropy(logits, target):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1))


def layer_norm(x, w, b):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * w + b


def batch_norm(x, w, b):
    mean = x.mean((0, 1, 2), keepdims=True)
    return (x - mean) * jax.lax.rsqrt(x.var((0, 1, 2), keepdims=True) + 1e-5) * w + b


def attention(p):
    """The composite: jax.nn.dot_product_attention has no fused CPU kernel either."""
    def f(q, k, v):
        scores = jnp.einsum("bhtd,bhsd->bhts", q, k) * q.shape[-1] ** -0.5
        if p["causal"]:
            scores = jnp.where(jnp.tri(q.shape[2], k.shape[2], dtype=bool), scores, -jnp.inf)
        return jnp.einsum("bhts,bhsd->bhtd", jax.nn.softmax(scores), v)
    return f


def lstm(x, w_ih, w_hh, b_ih, b_hh):
    def step(state, a):
        h, c = state
        i, f, g, o = jnp.split(a + h @ w_hh.T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    zeros = jnp.zeros((x.shape[1], w_hh.shape[1]), x.dtype)
    (h, c), y = jax.lax.scan(step, (zeros, zeros), x @ w_ih.T + (b_ih + b_hh))
    return y, h, c


OPS = {
    "eager": lambda p: {"neg": lambda x, y: -x, "add": lambda x, y: x + y, "sum": lambda x, y: x.sum(0)}[p["of"]],
    "matmul": lambda p: lambda a, b: ((a.mT if p.get("a_transposed") else a)
                                      @ (b.mT if p.get("b_transposed") else b)),
    "linear_gelu": lambda p: lambda x, w, b: jax.nn.gelu(x @ w.T + b, approximate=False),
    "gelu": lambda p: lambda x: jax.nn.gelu(x, approximate=False),
    "tanh": lambda p: jnp.tanh,
    "add": lambda p: jnp.add,
    "broadcast_chain": lambda p: lambda x, row, column: jax.nn.sigmoid(x * row + column) * x,
    "strided_chain": lambda p: lambda x, y, z: jax.nn.relu(x.T * y + z[:, ::2]) - y,
    "sum": lambda p: lambda x: x.sum(tuple(p["axes"])),
    "var": lambda p: lambda x: x.var(tuple(p["axes"]), ddof=1),
    "softmax": lambda p: lambda x: jax.nn.softmax(x, p["dim"]),
    "cross_entropy": lambda p: cross_entropy,
    "layer_norm": lambda p: layer_norm,
    "batch_norm": lambda p: batch_norm,
    "embedding": lambda p: lambda index, weight: weight[index],
    "index_add": lambda p: lambda x, index, src: x.at[index].add(src),
    "gather": lambda p: lambda x, index: jnp.take_along_axis(x, index, p["axis"]),
    "attention": attention,
    "conv2d": lambda p: lambda x, w: conv(p, x, w),
    "conv2d_input_grad": conv_input_grad,
    "conv2d_weight_grad": conv_weight_grad,
    "lstm": lambda p: lstm,
}
