"""Weights and inputs by a formula that tests/parity/values.hpp has too, as NumPy arrays."""
import numpy as np

MASK = (1 << 64) - 1


def hash_name(name):
    """FNV-1a, 64 bits."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def words(name, count):
    """The first `count` outputs of SplitMix64 from the state hash_name(name)."""
    with np.errstate(over="ignore"):
        z = np.uint64(hash_name(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(name, shape):
    """float64 in [-1, 1), a function of name and position."""
    count = int(np.prod(shape, dtype=np.int64))
    return ((words(name, count) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0).reshape(shape)


def integers(name, shape, bound):
    """int64 in [0, bound)."""
    count = int(np.prod(shape, dtype=np.int64))
    return (words(name, count) % np.uint64(bound)).astype(np.int64).reshape(shape)


def weight(name, shape):
    """A parameter or buffer by its name and shape: matrices of variance 1 / fan-in, gains and variances near 1,
    biases near 0."""
    u = uniform(name, shape)
    last = name.rsplit(".", 1)[-1]
    shift, scale = 0.0, 0.1
    if last == "running_var":
        shift, scale = 1.0, 0.3
    elif len(shape) >= 2:
        scale = np.sqrt(3.0 / (np.prod(shape, dtype=np.int64) / shape[0]))
    elif last == "weight":
        shift, scale = 1.0, 0.2
    return np.asarray(shift + scale * u)  # an array of rank 0 too
