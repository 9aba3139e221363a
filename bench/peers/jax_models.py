"""The models of the training rows as functions model(p, x) of parameters by PyTorch's names. Images are [N,H,W,C] and
kernels [H,W,I,O]."""
import functools

import jax
import jax.numpy as jnp


def linear(p, name, x):
    y = x @ p[name + ".weight"].T
    return y + p[name + ".bias"] if name + ".bias" in p else y


def conv(p, name, x, stride=1, padding=0, groups=1):
    y = jax.lax.conv_general_dilated(x, p[name + ".weight"], [stride] * 2, [(padding,) * 2] * 2,
                                     dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups)
    return y + p[name + ".bias"] if name + ".bias" in p else y


def batch_norm(p, name, x):
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) * (jax.lax.rsqrt(var + 1e-5) * p[name + ".weight"]) + p[name + ".bias"]


def layer_norm(p, name, x):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * p[name + ".weight"] + p[name + ".bias"]


gelu = functools.partial(jax.nn.gelu, approximate=False)
leaky_relu = functools.partial(jax.nn.leaky_relu, negative_slope=0.01)


def mlp(p, x):
    x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
    x = leaky_relu(linear(p, "layers.0", x))
    return linear(p, "layers.2", leaky_relu(linear(p, "layers.1", x)))


def cnn(p, x):
    x = conv(p, "conv_layer2", leaky_relu(conv(p, "conv_layer1", x)))
    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
    return linear(p, "fc2", leaky_relu(linear(p, "fc1", x)))


def resnet_block(p, name, x, stride):
    y = jax.nn.relu(batch_norm(p, name + "bn1", conv(p, name + "conv1", x, stride, 1)))
    y = batch_norm(p, name + "bn2", conv(p, name + "conv2", y, 1, 1))
    if name + "shortcut.0.weight" in p:
        x = batch_norm(p, name + "shortcut.1", conv(p, name + "shortcut.0", x, stride))
    return jax.nn.relu(x + y)


def resnet18(p, x):
    x = jax.nn.relu(batch_norm(p, "bn1", conv(p, "conv1", x, 1, 1)))
    for stage in range(4):
        for block in range(2):
            x = resnet_block(p, f"layer{stage + 1}.{block}.", x, 2 if stage > 0 and block == 0 else 1)
    return linear(p, "linear", x.mean((1, 2)))


def convmixer(p, x, depth=8, kernel=3, patch=4):
    x = batch_norm(p, "2", gelu(conv(p, "0", x, patch)))
    for i in range(3, 3 + depth):
        y = gelu(conv(p, f"{i}.0.fn.0", x, 1, kernel // 2, x.shape[-1]))
        x = x + batch_norm(p, f"{i}.0.fn.2", y)
        x = batch_norm(p, f"{i}.3", gelu(conv(p, f"{i}.1", x)))
    return linear(p, str(depth + 5), x.mean((1, 2)))


def attention(q, k, v, heads, causal=False):
    """q, k, v [B, T, heads * d]."""
    q, k, v = (x.reshape(*x.shape[:2], heads, -1) for x in (q, k, v))
    scores = jnp.einsum("bthd,bshd->bhts", q, k) * q.shape[-1] ** -0.5
    if causal:
        scores = jnp.where(jnp.tri(q.shape[1], dtype=bool), scores, -jnp.inf)
    y = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores), v)
    return y.reshape(*y.shape[:2], -1)


def self_attention(p, name, x, heads, causal=False):
    """By the names of PyTorch's MultiheadAttention."""
    qkv = x @ p[name + "in_proj_weight"].T
    qkv = qkv + p[name + "in_proj_bias"] if name + "in_proj_bias" in p else qkv
    return linear(p, name + "out_proj", attention(*jnp.split(qkv, 3, -1), heads, causal))


def encoder(p, x, depth, heads, causal=False):
    """Pre-norm blocks with GELU, by the names of PyTorch's TransformerEncoder."""
    for i in range(depth):
        name = f"encoder.layers.{i}."
        x = x + self_attention(p, name + "self_attn.", layer_norm(p, name + "norm1", x), heads, causal)
        x = x + linear(p, name + "linear2", gelu(linear(p, name + "linear1", layer_norm(p, name + "norm2", x))))
    return layer_norm(p, "encoder.norm", x)


def vit(p, x, depth=3, heads=4, patch=4):
    x = conv(p, "patch_embed.proj", x, patch)
    x = x.reshape(x.shape[0], -1, x.shape[-1]) + p["pos_embed"]
    return linear(p, "head", encoder(p, x, depth, heads).mean(1))


def lstm(p, x):
    """Rows of the image are the steps."""
    a = x[..., 0].transpose(1, 0, 2) @ p["lstm.weight_ih_l0"].T + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])

    def step(state, a):
        h, c = state
        i, f, g, o = jnp.split(a + h @ p["lstm.weight_hh_l0"].T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None
    zeros = jnp.zeros((x.shape[0], p["lstm.weight_hh_l0"].shape[1]), x.dtype)
    return linear(p, "fc", jax.lax.scan(step, (zeros, zeros), a)[0][0])


def gpt(p, ids, depth=4, heads=4):
    x = p["wte.weight"][ids] + p["wpe.weight"][:ids.shape[1]]
    return encoder(p, x, depth, heads, causal=True) @ p["wte.weight"].T


def addition(p, ids, heads=4):
    x = p["embedding.weight"][ids] + p["pos_embed"]
    x = self_attention(p, "attn.", x, heads)[:, -1]
    return linear(p, "head", linear(p, "fc2", jax.nn.relu(linear(p, "fc1", x))))


MODELS = {"mlp": mlp, "cnn": cnn, "resnet18": resnet18, "convmixer": convmixer, "vit": vit, "lstm": lstm, "gpt": gpt,
          "addition": addition}
