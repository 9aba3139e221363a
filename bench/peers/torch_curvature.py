"""PyTorch's side of second derivatives, tangent kernels and eigenvalues: as torch_steps.py."""
import numpy as np
import torch
from torch.func import functional_call, grad, hessian, jacrev, jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

import values
from torch_models import make_model
from torch_steps import by_name, fastest, functional


def unfused(run, lstm=False):
    """PyTorch's fused attention and oneDNN's LSTM have no second derivative, and none in forward mode."""
    def plain():
        with sdpa_kernel(SDPBackend.MATH):
            return run()

    def without_onednn():
        with torch.backends.mkldnn.flags(enabled=False):
            return plain()
    return without_onednn if lstm else plain


def hvp(params, inputs, wrap):
    """Forward over reverse, jvp(grad(f)); unless the row asks for that, reverse over reverse where it is faster."""
    parameters, loss = functional(params)
    direction = {name: torch.from_numpy(values.uniform("direction." + name, tuple(p.shape)).astype(np.float32))
                 for name, p in parameters.items()}
    gradient = grad(lambda p: loss(p, *inputs))
    products = [wrap(lambda p, v: jvp(gradient, (p,), (v,))[1])]
    if not params.get("forward_over_reverse"):
        products.append(wrap(lambda p, v: grad(lambda q: sum((g * v[name]).sum()
                                                             for name, g in gradient(q).items()))(p)))
    candidates = [unfused(lambda product=product: by_name(product(parameters, direction)), params["model"] == "lstm")
                  for product in products]
    return candidates[fastest(candidates)]


def attention_hessian(params, inputs, _):
    x, heads = inputs[0], params["heads"]

    def loss(in_proj, out_proj):
        batch, tokens, dim = x.shape
        q, k, v = (x @ in_proj.mT).reshape(batch, tokens, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return (mixed.transpose(1, 2).reshape(x.shape) @ out_proj.mT).square().mean()
    sizes = [w.numel() for w in inputs[1:]]

    def run():
        blocks = hessian(loss, argnums=(0, 1))(*inputs[1:])
        return torch.cat([torch.cat([b.reshape(rows, columns) for b, columns in zip(row, sizes)], 1)
                          for row, rows in zip(blocks, sizes)])
    return unfused(run)


def network_of_one(params):
    """The parameters, and the logits of one image as a function of them."""
    model = make_model(params["model"]).eval()
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    return parameters, lambda p, x: functional_call(model, p, (x[None],))[0]


def jacobian_contraction(f, parameters, x1, x2):
    """After pytorch.org's "Neural Tangent Kernels", whose Jacobian is computed once here if x1 is x2."""
    def jacobian(x):
        return [j.flatten(2) for j in vmap(jacrev(f), (None, 0))(parameters, x).values()]
    first = jacobian(x1)
    second = first if x2 is x1 else jacobian(x2)
    return sum(torch.einsum("Naf,Maf->NM", a, b) for a, b in zip(first, second))


def ntk_vector_products(f, parameters, x1, x2):
    """After the same page; one image of x1 at a time, as more do not fit into memory."""
    def kernel_of(x1, x2):
        y, pullback = vjp(lambda p: f(p, x1), parameters)

        def row(unit):
            return jvp(lambda p: f(p, x2), (parameters,), pullback(unit))[1]
        return vmap(row)(torch.eye(y.numel(), dtype=y.dtype))
    kernel = vmap(vmap(kernel_of, (None, 0)), (0, None), chunk_size=1)(x1, x2)
    return torch.einsum("NMaa->NM", kernel)


def ntk(params, inputs, _):
    """Traced over the outputs, between the first images and all."""
    parameters, f = network_of_one(params)
    x = inputs[0]
    first = x if params["first"] == len(x) else x[:params["first"]]
    way = {"contraction": jacobian_contraction, "vector products": ntk_vector_products}[params["peer"]]
    return unfused(lambda: way(f, parameters, first, x))


def eigenvalues(params, inputs, _):
    library = {"curvlinops": by_curvlinops, "PyHessian": by_pyhessian}[params["peer"]]
    return library(make_model(params["model"]).eval(), *inputs, params)


def by_curvlinops(model, x, labels, params):
    """As its page on eigenvalues: SciPy's Lanczos on the operator. The start vector is not drawn anew each time."""
    from curvlinops import HessianLinearOperator
    from scipy.sparse.linalg import eigsh
    parameters = [p for p in model.parameters() if p.requires_grad]
    start = values.uniform("start", (sum(p.numel() for p in parameters),)).astype(np.float32)

    def run():
        hessian = HessianLinearOperator(model, torch.nn.CrossEntropyLoss(), parameters, [(x, labels)],
                                        check_deterministic=False)
        found = eigsh(hessian.to_scipy(), k=params["count"], which="LA", tol=params["tolerance"], v0=start,
                      return_eigenvectors=False)
        return torch.from_numpy(np.sort(found)[::-1].astype(np.float64))
    return unfused(run)


def by_pyhessian(model, x, labels, params):
    """Power iteration, by its defaults: the eigenvalue of largest absolute value."""
    from pyhessian import hessian as pyhessian

    def run():
        torch.manual_seed(0)
        found, _ = pyhessian(model, torch.nn.CrossEntropyLoss(), data=(x, labels), cuda=False).eigenvalues(
            top_n=params["count"])
        return torch.tensor(found, dtype=torch.float64)
    return unfused(run)


STEPS = {"hvp": hvp, "attention_hessian": attention_hessian, "ntk": ntk, "eigenvalues": eigenvalues}
