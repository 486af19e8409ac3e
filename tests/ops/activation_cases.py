"""Inputs for the activations."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm

from ops.cases import Case, make, normal


def away_from(*kinks):
    """Return a maker of normal numbers (scaled by 4) that keep a distance of 0.01 from kinks."""

    def draw(*shape):
        def maker(rng):
            x = 4 * rng.standard_normal(shape)
            for kink in kinks:
                near = np.abs(x - kink) < 0.01
                x = np.where(near, x + 0.05, x)
            return x

        return maker

    return draw


smooth = away_from()
no_zero = away_from(0.0)


def elementwise(draw, reference):
    """Return the cases that every activation of single numbers gets."""
    return [
        Case(make(draw(2, 3, 5)), reference=reference, label="rank 3"),
        Case(make(draw()), reference=reference, label="scalar"),
    ]


def piecewise_elu(x, alpha=1.0):
    return jnp.where(x > 0, x, alpha * (jnp.exp(jnp.where(x > 0, 0.0, x)) - 1))


CASES = {
    "linear": elementwise(smooth, lambda x: 1.0 * x),
    "exponential": elementwise(normal, lambda x: jnp.sinh(x) + jnp.cosh(x)),
    "sigmoid": elementwise(smooth, lambda x: (1 + jnp.tanh(x / 2)) / 2),
    "hard_sigmoid": elementwise(
        away_from(-3.0, 3.0),
        lambda x: jnp.where(x < -3, 0.0, jnp.where(x > 3, 1.0, (x + 3) / 6)),
    ),
    "tanh": elementwise(smooth, lambda x: 1 - 2 / (jnp.exp(2 * x) + 1)),
    "softsign": elementwise(no_zero, lambda x: jnp.where(x > 0, x / (1 + x), x / (1 - x))),
    "relu": elementwise(no_zero, lambda x: jnp.where(x > 0, x, 0.0)),
    "relu6": elementwise(
        away_from(0.0, 6.0), lambda x: jnp.where(x < 0, 0.0, jnp.where(x > 6, 6.0, x))
    ),
    "leaky_relu": [
        *elementwise(no_zero, lambda x: jnp.where(x > 0, x, x / 5)),
        Case(
            make(no_zero(4, 3)),
            {"negative_slope": 0.01},
            lambda x, negative_slope: jnp.where(x > 0, x, negative_slope * x),
            label="slope 0.01",
        ),
        Case(
            make(no_zero(4, 3)),
            {"negative_slope": 0.0},
            lambda x, negative_slope: jnp.where(x > 0, x, 0.0),
            label="slope 0",
        ),
    ],
    "elu": [
        *elementwise(no_zero, piecewise_elu),
        Case(make(no_zero(4, 3)), {"alpha": 0.3}, piecewise_elu, label="alpha 0.3"),
    ],
    "selu": elementwise(
        no_zero, lambda x: 1.0507009873554805 * piecewise_elu(x, alpha=1.6732632423543772)
    ),
    "softplus": elementwise(smooth, lambda x: jnp.log(1 + jnp.exp(x))),
    "silu": elementwise(smooth, lambda x: x / (1 + jnp.exp(-x))),
    "gelu": [
        *elementwise(smooth, lambda x: x * norm.cdf(x)),
        Case(
            make(smooth(5, 3)),
            {"approximate": True},
            lambda x, approximate: (
                0.5 * x * (1 + jnp.tanh(jnp.sqrt(2 / jnp.pi) * (x + 0.044715 * x**3)))
            ),
            label="tanh",
        ),
    ],
    "mish": elementwise(smooth, lambda x: x * (1 - 2 / ((1 + jnp.exp(x)) ** 2 + 1))),
    "softmax": [
        Case(make(normal(5, 3)), reference=lambda x: jax.nn.softmax(x), label="matrix"),
        Case(make(normal(4)), reference=lambda x: jnp.exp(x - logsumexp(x)), label="one row"),
        Case(make(normal(3, 1)), reference=lambda x: jnp.exp(x - x), label="one class"),
        Case(
            make(normal(2, 4, 3)),
            {"axis": 1},
            lambda x, axis: jnp.exp(x - logsumexp(x, axis=axis, keepdims=True)),
            label="axis 1",
        ),
    ],
    "log_softmax": [
        Case(make(normal(5, 3)), reference=lambda x: jax.nn.log_softmax(x), label="matrix"),
        Case(make(normal(4)), reference=lambda x: x - logsumexp(x), label="one row"),
        Case(make(normal(3, 1)), reference=lambda x: x - x, label="one class"),
        Case(
            make(normal(2, 4, 3)),
            {"axis": 0},
            lambda x, axis: x - logsumexp(x, axis=axis, keepdims=True),
            label="axis 0",
        ),
    ],
}
