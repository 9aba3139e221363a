"""PyTorch's side of the rows that are more than a function: STEPS[name](params, inputs, wrap) is the thunk to time,
where wrap compiles a function if the peer is to."""
import time

import torch
from torch.func import functional_call, grad, vmap

from torch_models import loss_of, make_model


def adamw(_, inputs, wrap):
    count = len(inputs) // 2
    parameters = [p.requires_grad_(True) for p in inputs[:count]]
    for p, g in zip(parameters, inputs[count:]):
        p.grad = g
    step = wrap(torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True).step)

    def run():
        step()
        return parameters
    return run


def by_name(entries):
    return [entries[name] for name in sorted(entries)]


def training_step(params, inputs, wrap):
    """In the faster layout of images, by a trial in eager mode."""
    x, labels = inputs

    def build(layout, wrap):
        model = make_model(params["model"]).to(memory_format=layout).train()
        images = x.to(memory_format=layout) if x.dim() == 4 else x
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
        loss_function = wrap(lambda x, labels: loss_of(model(x), labels))

        def run():
            optimizer.zero_grad()
            loss = loss_function(images, labels)
            loss.backward()
            optimizer.step()
            return [loss, *by_name({name: p.grad for name, p in model.named_parameters()})]
        return run
    layouts = [torch.contiguous_format]
    if params["model"] in ("cnn", "resnet18", "convmixer"):
        layouts.append(torch.channels_last)
    best = fastest([build(layout, lambda f: f) for layout in layouts])
    return build(layouts[best], wrap)  # anew: the trial has trained it


def fastest(candidates):
    """Position of the thunk that takes least time, by a trial."""
    if len(candidates) == 1:
        return 0
    seconds = []
    for run in candidates:
        run()
        trials = []
        for _ in range(3):
            start = time.perf_counter()
            run()
            trials.append(time.perf_counter() - start)
        seconds.append(min(trials))
    return seconds.index(min(seconds))


def functional(params):
    """The model's parameters, and the loss as a function of them, in eval mode."""
    model = make_model(params["model"]).eval()
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())
    return parameters, lambda p, x, labels: loss_of(functional_call(model, {**p, **buffers}, (x,)), labels)


def per_sample(params, inputs, wrap):
    parameters, loss = functional(params)

    def of_sample(p, x, label):
        return loss(p, x[None], label[None])
    gradients = wrap(vmap(grad(of_sample), in_dims=(None, 0, 0)))

    def run():
        return by_name(gradients(parameters, *inputs))
    return run


def sensitivity(params, inputs, wrap):
    model = wrap(make_model(params["model"]).eval())
    x, noise = inputs
    patch, (height, width) = params["patch"], x.shape[2:]
    rows, columns = torch.arange(height) // patch, torch.arange(width) // patch
    place = rows[:, None] * (width // patch) + columns
    mask = (place == torch.arange(int(place.max()) + 1)[:, None, None]).float()[:, None]

    def run():
        with torch.no_grad():
            return model((x[:, None] + noise[:, None] * mask).flatten(0, 1))
    return run


STEPS = {"adamw": adamw, "training_step": training_step, "per_sample": per_sample, "sensitivity": sensitivity}
