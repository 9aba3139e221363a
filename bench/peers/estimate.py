"""Medians, ratios and their intervals."""
import numpy as np


def best_ratio(samples, peers):
    """Best peer's median over Sonde's. samples: {name: seconds of each round, or rows of them}."""
    sonde = np.median(samples["sonde"], axis=-1)
    return np.min([np.median(samples[p], axis=-1) for p in peers], axis=0) / sonde


def ratio_interval(samples, peers, draws=2000, seed=0):
    """95 % bootstrap interval of best_ratio. Whole rounds are drawn: what disturbed the machine in a round disturbed
    all of its samples."""
    names = ["sonde", *peers]
    rounds = len(samples["sonde"])
    chosen = np.random.default_rng(seed).integers(rounds, size=(draws, rounds))
    drawn = {name: np.asarray(samples[name])[chosen] for name in names}
    return [float(q) for q in np.quantile(best_ratio(drawn, peers), [0.025, 0.975])]


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


def largest_difference(a, b):
    """Largest |a - b| relative to the largest |b|; infinite where shapes differ or a number is not one."""
    if a.shape != b.shape:
        return float("inf")
    a, b = a.astype(np.float64), b.astype(np.float64)
    if not a.size:
        return 0.0
    difference = np.max(np.abs(a - b))
    if not np.isfinite(difference):
        return float("inf")
    return float(difference / max(np.max(np.abs(b)), 1e-30))
