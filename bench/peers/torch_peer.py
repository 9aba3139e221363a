"""PyTorch, eager or compiled, as a peer of worker.py."""
import os
import time
from importlib.metadata import version

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no pool of compilers that lives beside the timing

import numpy as np
import torch

import torch_bits
import torch_curvature
import torch_ops
import torch_steps
import values
from worker import make_input


STEPS = {**torch_steps.STEPS, **torch_curvature.STEPS, **torch_bits.STEPS}


def cotangent(y):
    """uniform("cotangent") in the dtype and memory order of y."""
    ct = torch.empty_like(y)
    return ct.copy_(torch.from_numpy(values.uniform("cotangent", tuple(y.shape))))


class TorchPeer:
    def __init__(self, threads, compiled):
        torch.set_num_threads(threads)
        self.compiled = compiled
        self.run = None

    def versions(self):
        blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
        return {"PyTorch": torch.__version__, "PyTorch's BLAS": blas,
                "PyTorch's SIMD": torch.backends.cpu.get_cpu_capability(),
                "curvlinops": version("curvlinops-for-pytorch"), "PyHessian": version("pyhessian"),
                "SciPy": version("scipy")}

    def setup(self, op, params, specs):
        torch.compiler.reset()
        inputs = [torch.from_numpy(make_input(spec)) for spec in specs]
        if op in STEPS:
            self.run = STEPS[op](params, inputs, self.wrap)
            return None
        images = any(spec.get("image") for spec in specs)
        if images and self.prefers_channels_last(op, params, inputs):
            inputs = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
        self.run = self.work(self.wrap(torch_ops.OPS[op](params)), params, inputs)
        return {"layout": "channels last" if inputs[0].dim() == 4 and not inputs[0].is_contiguous() else "row-major"}

    def wrap(self, f):
        return torch.compile(f) if self.compiled else f

    def work(self, f, params, inputs):
        """The thunk that is timed: f, or f and its gradients with respect to the inputs "wrt"."""
        if "wrt" not in params:
            def forward():
                with torch.no_grad():
                    return f(*inputs)
            return forward
        points = [inputs[i].requires_grad_(True) for i in params["wrt"]]

        def first(y):
            return y[0] if isinstance(y, tuple) else y
        ct = cotangent(first(f(*inputs)).detach())

        def both():
            y = first(f(*inputs))
            return (y.detach(), *torch.autograd.grad(y, points, ct))
        return both

    def prefers_channels_last(self, op, params, inputs):
        """The faster layout, by a trial in eager mode: PyTorch's users choose between the two."""
        seconds = []
        for layout in (torch.contiguous_format, torch.channels_last):
            own = [x.detach().clone(memory_format=layout) if x.dim() == 4 else x.detach() for x in inputs]
            run = self.work(torch_ops.OPS[op](params), params, own)
            run()
            trials = []
            for _ in range(5):
                start = time.perf_counter()
                run()
                trials.append(time.perf_counter() - start)
            seconds.append(min(trials))
        return seconds[1] < seconds[0]

    def results(self):
        out = self.run()
        out = out if isinstance(out, (tuple, list)) else [out]
        return [np.asarray(r.detach().numpy(), order="C") for r in out]
