"""JAX's side of the rows that are more than a function: STEPS[name](params, inputs) is the thunk to time. Results of
whole models are turned to PyTorch's layout of kernels by `results`, outside of the timing."""
import functools

import jax
import jax.numpy as jnp
import numpy as np

import values
from jax_models import MODELS


@functools.partial(jax.jit, donate_argnums=0)
def adamw_update(state, grads, lr=1e-3, decay=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    tree = jax.tree_util.tree_map
    step = state["step"] + 1
    m = tree(lambda m, g: beta1 * m + (1 - beta1) * g, state["m"], grads)
    v = tree(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["v"], grads)
    m_scale, v_scale = 1 / (1 - beta1**step), 1 / (1 - beta2**step)
    p = tree(lambda p, m, v: p * (1 - lr * decay) - lr * m * m_scale / (jnp.sqrt(v * v_scale) + eps), state["p"], m, v)
    return {"step": step, "p": p, "m": m, "v": v}


def adamw_start(parameters):
    def zeros():
        return jax.tree_util.tree_map(jnp.zeros_like, parameters)
    return {"step": jnp.zeros((), jnp.float32), "p": parameters, "m": zeros(), "v": zeros()}


def adamw(_, inputs):
    count = len(inputs) // 2
    state, grads = adamw_start(inputs[:count]), inputs[count:]

    def run():
        nonlocal state
        state = jax.block_until_ready(adamw_update(state, grads))
        return state["p"]
    return run


def parameters_of(params):
    """By the formula; the names and shapes are PyTorch's, kernels become [H,W,I,O]."""
    return {name: jnp.asarray(own_layout(values.weight(name, shape).astype(np.float32)))
            for name, shape in params["parameters"]}


def own_layout(w):
    return w.transpose(2, 3, 1, 0) if w.ndim == 4 else w


def kernels_back(r, sample_axes=0):
    """[..., H, W, I, O] to [..., O, I, H, W]."""
    if r.ndim - sample_axes != 4:
        return r
    axes = [*range(sample_axes), *(sample_axes + i for i in (3, 2, 0, 1))]
    return np.asarray(r.transpose(axes), order="C")


def loss_function(params):
    model = MODELS[params["model"]]

    def loss(p, x, labels):
        logits = model(p, x)
        logits = logits.reshape(-1, logits.shape[-1])
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels.reshape(-1, 1), 1)
        return -picked.mean()
    return loss


def training_step(params, inputs):
    loss = loss_function(params)
    state = adamw_start(parameters_of(params))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, x, labels):
        value, grads = jax.value_and_grad(loss)(state["p"], x, labels)
        return adamw_update(state, grads), value, grads

    def run():
        nonlocal state
        state, value, grads = jax.block_until_ready(step(state, *inputs))
        return [value, *by_name(grads)]
    return run


def by_name(entries):
    return [entries[name] for name in sorted(entries)]


def per_sample(params, inputs):
    loss, parameters = loss_function(params), parameters_of(params)

    def of_sample(p, x, label):
        return loss(p, x[None], label[None])
    gradients = jax.jit(jax.vmap(jax.grad(of_sample), in_axes=(None, 0, 0)))
    return lambda: by_name(jax.block_until_ready(gradients(parameters, *inputs)))


def hvp(params, inputs):
    loss, parameters = loss_function(params), parameters_of(params)
    direction = {name: jnp.asarray(own_layout(values.uniform("direction." + name, shape).astype(np.float32)))
                 for name, shape in params["parameters"]}
    gradient = jax.grad(loss)
    product = jax.jit(lambda p, v, x, y: jax.jvp(lambda p: gradient(p, x, y), (p,), (v,))[1])
    return lambda: by_name(jax.block_until_ready(product(parameters, direction, *inputs)))


def sensitivity(params, inputs):
    model, parameters = MODELS[params["model"]], parameters_of(params)
    patch = params["patch"]

    @jax.jit
    def sweep(parameters, x, noise):
        height, width = x.shape[1:3]
        place = (jnp.arange(height) // patch)[:, None] * (width // patch) + jnp.arange(width) // patch
        count = (height // patch) * (width // patch)
        mask = (place == jnp.arange(count)[:, None, None]).astype(x.dtype)[..., None]
        copies = x[:, None] + noise[:, None] * mask
        return model(parameters, copies.reshape(-1, *x.shape[1:]))
    return lambda: jax.block_until_ready(sweep(parameters, *inputs))


STEPS = {"adamw": adamw, "training_step": training_step, "per_sample": per_sample, "hvp": hvp,
         "sensitivity": sensitivity}
WHOLE_MODELS = {"training_step": 0, "per_sample": 1, "hvp": 0}  # axes of samples before a parameter's own
