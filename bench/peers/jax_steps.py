"""JAX's side of the rows that are more than a function: STEPS[name](params, inputs) is the thunk to time."""
import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, donate_argnums=0)
def adamw_update(state, grads, lr=1e-3, decay=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    step = state["step"] + 1
    m = [beta1 * m + (1 - beta1) * g for m, g in zip(state["m"], grads)]
    v = [beta2 * v + (1 - beta2) * g * g for v, g in zip(state["v"], grads)]
    p = [p * (1 - lr * decay) - lr * (m / (1 - beta1**step)) / (jnp.sqrt(v / (1 - beta2**step)) + eps)
         for p, m, v in zip(state["p"], m, v)]
    return {"step": step, "p": p, "m": m, "v": v}


def adamw_start(parameters):
    return {"step": jnp.zeros((), jnp.float32), "p": parameters, "m": [jnp.zeros_like(p) for p in parameters],
            "v": [jnp.zeros_like(p) for p in parameters]}


def adamw(_, inputs):
    count = len(inputs) // 2
    state, grads = adamw_start(inputs[:count]), inputs[count:]

    def run():
        nonlocal state
        state = jax.block_until_ready(adamw_update(state, grads))
        return state["p"]
    return run


STEPS = {"adamw": adamw}
