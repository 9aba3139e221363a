"""JAX (jit) as a peer of worker.py."""
import os
import sys

# XLA makes as many threads as the process may use CPUs, unless there shall be one.
if sys.argv[2] == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np

import jax_ops
import jax_steps
import values
from worker import make_input

jax.config.update("jax_enable_x64", True)


def first(y):
    return y[0] if isinstance(y, tuple) else y


class JaxPeer:
    def __init__(self, threads):
        self.threads = threads
        self.run = None
        self.images = self.kernel_result = False
        self.sample_axes = None  # of a whole model's results

    def versions(self):
        return {"JAX": jax.__version__, "jaxlib": jax.lib.__version__}

    def setup(self, op, params, specs):
        jax.clear_caches()
        arrays = [make_input(spec) for spec in specs]
        self.images = any(spec.get("image") for spec in specs)
        self.kernel_result = op == "conv2d_weight_grad"
        inputs = [jnp.asarray(self.to_own(x, spec)) for x, spec in zip(arrays, specs)]
        self.sample_axes = jax_steps.WHOLE_MODELS.get(op)
        if op in jax_steps.STEPS:
            self.run = jax_steps.STEPS[op](params, inputs)
            self.images = False
            return
        f = jax_ops.OPS[op](params)
        if "wrt" not in params:
            self.run = self.jitted(f, inputs)
            return
        wrt = params["wrt"]
        shape = jax.eval_shape(lambda *all_inputs: first(f(*all_inputs)), *inputs)
        logical = self.to_logical_shape(shape.shape)
        ct = values.uniform("cotangent", logical).astype(shape.dtype)
        ct = jnp.asarray(ct.transpose(0, 2, 3, 1) if len(logical) == 4 and self.images else ct)

        def both(ct, *all_inputs):
            def of_points(*points):
                replaced = list(all_inputs)
                for i, point in zip(wrt, points):
                    replaced[i] = point
                return first(f(*replaced))
            y, pullback = jax.vjp(of_points, *(all_inputs[i] for i in wrt))
            return (y, *pullback(ct))
        self.run = self.jitted(both, [ct, *inputs])

    @staticmethod
    def jitted(f, inputs):
        f = jax.jit(f)
        return lambda: jax.block_until_ready(f(*inputs))

    @staticmethod
    def to_own(x, spec):
        if spec.get("image"):
            return np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        if spec.get("kernel"):
            return np.ascontiguousarray(x.transpose(2, 3, 1, 0))
        return x

    def to_logical_shape(self, shape):
        return (shape[0], shape[3], shape[1], shape[2]) if self.images and len(shape) == 4 else shape

    def results(self):
        out = self.run()
        out = out if isinstance(out, (tuple, list)) else [out]
        return [self.to_logical(np.asarray(r)) for r in out]

    def to_logical(self, r):
        """Of images and kernels, back to [N,C,H,W] and [O,I,H,W]."""
        if self.sample_axes is not None:
            return jax_steps.kernels_back(r, self.sample_axes)
        if not self.images or r.ndim != 4:
            return r
        return np.asarray(r.transpose(3, 2, 0, 1) if self.kernel_result else r.transpose(0, 3, 1, 2), order="C")
