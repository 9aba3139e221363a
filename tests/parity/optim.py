"""Trajectories of PyTorch's optimisers and schedules: python3 tests/parity/optim.py"""
import pathlib
import warnings

import torch
from formula import Results, uniform

STEPS, STORED = 50, (1, 10, 50)
SHAPES = {"w": (3, 5), "b": (7,)}
LATE = 5  # steps for which b has no gradient in the cases called "late"


def start():
    return {name: torch.nn.Parameter(uniform(name, shape)) for name, shape in SHAPES.items()}


def run(results, key, make, late=False, schedule=None):
    params = start()
    optimizer = make(params)
    scheduler = schedule(optimizer) if schedule else None
    for t in range(1, STEPS + 1):
        for name, p in params.items():
            p.grad = uniform(f"g.{name}.{t}", tuple(p.shape)) + 0.5 * p.detach()
        if late and t <= LATE:
            params["b"].grad = None
        optimizer.step()
        if scheduler:
            scheduler.step()
        if t in STORED:
            for name, p in params.items():
                results.add(f"{key}.{t}.{name}", p)


def optimizers(results):
    o = torch.optim
    plain = lambda kind, **options: lambda params: kind(params.values(), **options)
    split = lambda kind, other, **options: lambda params: kind(
        [{"params": [params["w"]]}, {"params": [params["b"]], **other}], **options)
    run(results, "sgd", plain(o.SGD))
    run(results, "sgd_decay", plain(o.SGD, lr=0.05, weight_decay=0.1, maximize=True))
    run(results, "sgd_momentum", plain(o.SGD, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1))
    run(results, "sgd_nesterov", plain(o.SGD, lr=0.05, momentum=0.8, nesterov=True))
    run(results, "sgd_late", plain(o.SGD, lr=0.05, momentum=0.9, dampening=0.3), late=True)
    run(results, "adam", plain(o.Adam))
    run(results, "adam_options", plain(o.Adam, lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1, maximize=True))
    run(results, "adam_amsgrad", plain(o.Adam, lr=0.02, betas=(0.5, 0.7), amsgrad=True))
    run(results, "adam_late", plain(o.Adam, lr=0.02), late=True)
    run(results, "adamw", plain(o.AdamW))
    run(results, "adamw_options", plain(o.AdamW, lr=0.02, betas=(0.8, 0.95), weight_decay=0.3, amsgrad=True))
    run(results, "adamw_groups", split(o.AdamW, {"lr": 0.05, "weight_decay": 0.0}, lr=0.02, weight_decay=0.3))
    run(results, "rmsprop", plain(o.RMSprop))
    run(results, "rmsprop_options", plain(o.RMSprop, lr=0.02, alpha=0.9, eps=1e-3, weight_decay=0.1, maximize=True))
    run(results, "rmsprop_momentum", plain(o.RMSprop, momentum=0.7))
    run(results, "rmsprop_centered", plain(o.RMSprop, centered=True))
    run(results, "rmsprop_all", plain(o.RMSprop, lr=5e-3, centered=True, momentum=0.5, weight_decay=0.1))
    s = o.lr_scheduler
    run(results, "sgd_cosine", plain(o.SGD, lr=0.1, momentum=0.9),
        schedule=lambda opt: s.CosineAnnealingLR(opt, 20))
    run(results, "adam_one_cycle", split(o.Adam, {}, lr=0.1),
        schedule=lambda opt: s.OneCycleLR(opt, [0.1, 0.02], total_steps=60))


def lbfgs(results):
    def rosenbrock(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def quartic(x):
        return (torch.arange(1, x.numel() + 1) * x**2 / 2 + x**4 / 4 + uniform("c", tuple(x.shape)) * x).sum()

    for key, f, options in [
        ("lbfgs", quartic, dict(lr=0.1, max_iter=2, max_eval=5)),
        ("lbfgs_short", quartic, dict(lr=0.3, max_iter=3, max_eval=3, history_size=2)),
        ("lbfgs_wolfe", rosenbrock, dict(max_iter=2, max_eval=25, line_search_fn="strong_wolfe")),
        ("lbfgs_whole", rosenbrock, dict(history_size=4, line_search_fn="strong_wolfe")),
        ("lbfgs_ascent", lambda x: -rosenbrock(x), dict(max_iter=4, line_search_fn="strong_wolfe", maximize=True)),
    ]:
        x = torch.nn.Parameter(uniform("x", (6,)))
        optimizer = torch.optim.LBFGS([x], **options)

        def closure():
            optimizer.zero_grad()
            loss = f(x)
            loss.backward()
            return loss

        losses = []
        for t in range(1, STEPS + 1):
            losses.append(optimizer.step(closure).item())
            if t in STORED:
                results.add(f"{key}.{t}.x", x)
        results.add(f"{key}.losses", torch.tensor(losses))


def schedules(results):
    s = torch.optim.lr_scheduler

    def warm(steps, start, then):
        return lambda opt: s.SequentialLR(opt, [s.LinearLR(opt, start, total_iters=steps), then(opt)], [steps])

    for key, make in {
        "constant": lambda opt: s.ConstantLR(opt),
        "constant_options": lambda opt: s.ConstantLR(opt, 0.5, 17),
        "step": lambda opt: s.StepLR(opt, 7),
        "step_options": lambda opt: s.StepLR(opt, 12, gamma=0.6),
        "multi_step": lambda opt: s.MultiStepLR(opt, [5, 20, 20, 33]),
        "exponential": lambda opt: s.ExponentialLR(opt, 0.93),
        "linear": lambda opt: s.LinearLR(opt),
        "linear_options": lambda opt: s.LinearLR(opt, 0.2, 0.7, 31),
        "cosine": lambda opt: s.CosineAnnealingLR(opt, 20),
        "cosine_options": lambda opt: s.CosineAnnealingLR(opt, 49, eta_min=0.013),
        "one_cycle": lambda opt: s.OneCycleLR(opt, 0.1, total_steps=50),
        "one_cycle_options": lambda opt: s.OneCycleLR(
            opt, 0.1, total_steps=55, pct_start=0.2, anneal_strategy="linear", base_momentum=0.5, max_momentum=0.9,
            div_factor=10, final_div_factor=100, three_phase=True),
        "warm_cosine": warm(10, 1 / 3, lambda opt: s.CosineAnnealingLR(opt, 40)),
        "warm_step": warm(4, 0.01, lambda opt: s.StepLR(opt, 9)),
    }.items():
        optimizer = torch.optim.SGD(start().values(), lr=0.1, momentum=0.9)
        scheduler = make(optimizer)
        rates, momenta = [], []
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(optimizer.param_groups[0]["momentum"])
            optimizer.step()
            scheduler.step()
        results.add(f"schedule.{key}", torch.tensor(rates, dtype=torch.float64))
        if "one_cycle" in key:
            results.add(f"momentum.{key}", torch.tensor(momenta, dtype=torch.float64))


def clipping(results):
    for key, clip in {
        "clip_norm": lambda p: torch.nn.utils.clip_grad_norm_(p, 0.75),
        "clip_loose": lambda p: torch.nn.utils.clip_grad_norm_(p, 100.0),
        "clip_value": lambda p: torch.nn.utils.clip_grad_value_(p, 0.3),
    }.items():
        params = start()
        for name, p in params.items():
            p.grad = uniform(f"g.{name}.1", tuple(p.shape))
        norm = clip(params.values())
        if norm is not None:
            results.add(f"{key}.norm", norm)
        for name, p in params.items():
            results.add(f"{key}.{name}", p.grad)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    warnings.simplefilter("ignore")  # SequentialLR itself uses what PyTorch warns of
    everything = Results()
    optimizers(everything)
    lbfgs(everything)
    schedules(everything)
    clipping(everything)
    everything.save(pathlib.Path(__file__).with_suffix(".npz"))
