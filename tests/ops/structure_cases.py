"""Inputs for pooling, normalization, embedding, dropout and the operations that move numbers."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ops.cases import Case, make, normal


def distinct(*shape):
    """Return a maker of numbers that are far from equal, so that maxima are never close."""

    def draw(rng):
        return rng.permutation(np.prod(shape)).reshape(shape) / 7.0

    return draw


def integers(high, *shape):
    return lambda rng: rng.integers(0, high, shape)


def coins(*shape):
    return lambda rng: rng.random(shape) < 0.6


def pooled(reducer, start):
    def reference(x, *, pool_size, strides=None, padding="valid"):
        rank = x.ndim - 2
        size = (pool_size,) * rank if isinstance(pool_size, int) else pool_size
        strides = size if strides is None else strides
        steps = (strides,) * rank if isinstance(strides, int) else strides
        pads = padding.upper() if isinstance(padding, str) else ((0, 0), *padding, (0, 0))
        window, step = (1, *size, 1), (1, *steps, 1)
        return lax.reduce_window(x, start, reducer, window, step, pads)

    return reference


max_reference = pooled(lax.max, -jnp.inf)
sum_reference = pooled(lax.add, 0.0)


def mean_reference(x, **settings):
    return sum_reference(x, **settings) / sum_reference(jnp.ones_like(x), **settings)


POOLS = [
    ("tiles", (2, 6, 4, 3), {"pool_size": (3, 2)}),
    ("overlap", (1, 7, 8, 2), {"pool_size": 3, "strides": 2}),
    ("same", (2, 5, 7, 1), {"pool_size": 3, "strides": 2, "padding": "same"}),
    ("gaps", (1, 8, 8, 2), {"pool_size": 2, "strides": 3}),
    ("explicit", (1, 4, 5, 2), {"pool_size": 2, "strides": 2, "padding": ((0, 1), (1, 0))}),
    ("sequence", (2, 9, 3), {"pool_size": 3, "strides": 1}),
    ("volume", (1, 3, 4, 5, 2), {"pool_size": (2, 3, 2), "strides": 2, "padding": "same"}),
    ("one", (1, 1, 1, 1), {"pool_size": 1}),
]


def batch_norm_reference(x, gamma, beta, row_weights, *, epsilon=1e-3):
    w = jnp.ones(len(x)) if row_weights is None else row_weights
    w = jnp.broadcast_to(w.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)
    axes = tuple(range(x.ndim - 1))
    mean = jnp.sum(w * x, axes) / jnp.sum(w, axes)
    variance = jnp.sum(w * (x - mean) ** 2, axes) / jnp.sum(w, axes)
    return given_reference(x, gamma, beta, mean, variance, epsilon=epsilon), mean, variance


def given_reference(x, gamma, beta, mean, variance, *, epsilon=1e-3):
    y = (x - mean) * lax.rsqrt(variance + epsilon)
    y = y if gamma is None else gamma * y
    return y if beta is None else y + beta


def layer_norm_reference(x, gamma, beta, *, epsilon=1e-3):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return given_reference(x, gamma, beta, mean, variance, epsilon=epsilon)


def positive(*shape):
    return lambda rng: rng.uniform(0.5, 2.0, shape)


def rows_of_padding(rng):
    return np.array([1.0, 0.0, 1.0, 1.0, 0.0]).astype(np.float32)


def masked_mean(x, mask):
    m = jnp.asarray(mask, x.dtype)[..., None]
    axes = tuple(range(1, x.ndim - 1))
    return jnp.sum(x * m, axes) / jnp.maximum(jnp.sum(m, axes), 1)


CASES = {
    "max_pool": [
        Case(make(distinct(*shape)), settings, max_reference, label)
        for label, shape, settings in POOLS
    ],
    "average_pool": [
        Case(make(normal(*shape)), settings, mean_reference, label)
        for label, shape, settings in POOLS
    ],
    "global_max_pool": [
        Case(make(distinct(2, 3, 4, 2)), reference=lambda x: x.max((1, 2))),
        Case(make(distinct(2, 5, 3)), reference=lambda x: x.max(1), label="sequence"),
    ],
    "global_average_pool": [
        Case(make(normal(2, 3, 4, 2), None), reference=lambda x, m: x.mean((1, 2))),
        Case(make(normal(3, 5, 2), coins(3, 5)), reference=masked_mean, label="mask"),
        Case(make(normal(1, 1, 1), None), reference=lambda x, m: x[:, 0], label="one"),
    ],
    "batch_norm": [
        Case(make(normal(5, 3), normal(3), normal(3), None), reference=batch_norm_reference),
        Case(
            make(normal(2, 3, 2, 4), None, normal(4), None),
            {"epsilon": 0.1},
            batch_norm_reference,
            "images, no gamma",
        ),
        Case(
            make(normal(5, 2, 3), normal(3), None, lambda rng: rows_of_padding(rng).astype(bool)),
            reference=lambda x, g, b, w, **s: batch_norm_reference(x, g, b, w.astype(x.dtype), **s),
            label="rows of padding, no beta",
        ),
    ],
    "batch_norm_inference": [
        Case(
            make(normal(4, 3), normal(3), normal(3), normal(3), positive(3)),
            reference=given_reference,
        ),
        Case(
            make(normal(2, 3, 2), None, None, normal(2), positive(2)),
            {"epsilon": 0.1},
            given_reference,
            "no gamma, no beta",
        ),
    ],
    "layer_norm": [
        Case(make(normal(4, 5), normal(5), normal(5)), reference=layer_norm_reference),
        Case(
            make(normal(2, 3, 4), None, normal(4)),
            {"epsilon": 0.1},
            layer_norm_reference,
            "rank 3, no gamma",
        ),
    ],
    "embedding": [
        Case(make(normal(6, 3), integers(6, 2, 5)), reference=lambda e, i: e[i]),
        Case(make(normal(4, 2), integers(4, 7)), reference=lambda e, i: e[i], label="rank 1"),
        Case(
            make(normal(3, 2), lambda rng: np.array([1, 1, 1])),
            reference=lambda e, i: jax.nn.one_hot(i, 3, dtype=e.dtype) @ e,
            label="one row three times",
        ),
    ],
    "dropout": [
        Case(
            make(normal(4, 5), coins(4, 5)),
            {"rate": 0.4},
            lambda x, m, *, rate: x * m.astype(x.dtype) / (1 - rate),
        ),
    ],
    "add": [
        Case(make(normal(3, 4), normal(3, 4)), reference=lambda a, b: a + b),
        Case(make(normal(3, 1, 2), normal(1, 4, 2)), reference=lambda a, b: a + b, label="stretch"),
    ],
    "multiply": [
        Case(make(normal(3, 4), normal(3, 4)), reference=lambda a, b: a * b),
        Case(make(normal(3, 1, 2), normal(1, 4, 2)), reference=lambda a, b: a * b, label="stretch"),
    ],
    "concatenate": [
        Case(
            make(normal(2, 3), normal(2, 1), normal(2, 4)),
            reference=lambda *a, axis=-1: jnp.concatenate(a, axis),
        ),
        Case(
            make(normal(2, 3, 2), normal(2, 5, 2)),
            {"axis": 1},
            lambda *a, axis: jnp.concatenate(a, axis),
            "axis 1",
        ),
    ],
    "zero_pad": [
        Case(
            make(normal(2, 3, 4, 2)),
            {"padding": ((1, 2), (0, 3))},
            lambda x, *, padding: jnp.pad(x, ((0, 0), *padding, (0, 0))),
        ),
    ],
    "upsample_nearest": [
        Case(
            make(normal(2, 3, 2, 2)),
            {"size": (2, 3)},
            lambda x, *, size: jnp.kron(x, jnp.ones((1, *size, 1))),
        ),
    ],
    "reshape": [
        Case(make(normal(2, 6)), {"shape": (3, 2, 2)}, lambda x, *, shape: jnp.reshape(x, shape)),
    ],
    "permute": [
        Case(
            make(normal(2, 3, 4)),
            {"axes": (0, 2, 1)},
            lambda x, *, axes: jnp.einsum("abc->acb", x),
        ),
        Case(
            make(normal(2, 3, 4)),
            {"axes": (2, 0, 1)},
            lambda x, *, axes: jnp.einsum("abc->cab", x),
            "cycle",
        ),
    ],
    "scale_shift": [
        Case(
            make(normal(3, 2)),
            {"scale": -2.5, "offset": 0.5},
            lambda x, *, scale, offset: scale * x + offset,
        ),
    ],
}
