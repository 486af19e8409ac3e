"""Activations that multiply the input by a gate of its own, y = x g(x): silu, gelu and mish.

The gate g runs smoothly from 0 to 1, so the three behave like relu far from 0, and by the product
rule f'(x) = g(x) + x g'(x), which is what each backward pass computes.
"""

from math import pi, sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid.ops._activations import SYMBOLS, InputSaved, save_input, sigmoid
from pellucid.ops._rectifiers import softplus
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

# The tanh approximation of the normal distribution: Phi(x) = (1 + tanh(C (x + K x^3))) / 2.
C = sqrt(2 / pi)
K = 0.044715


class SiluSaved(NamedTuple):
    """What the backward pass of ``silu`` reads: the gate and the output."""

    g: Array
    y: Array


def silu_forward(x: Array) -> tuple[Array, SiluSaved]:
    """Sigmoid linear unit (swish), y = x g with g = sigmoid(x).

    The gate has g' = g (1 - g)::

        f'(x) = g + x g (1 - g) = g + y (1 - g)
        dx    = dy (g + y (1 - g))

    Args:
        x: input, any shape.

    Returns:
        y > -0.2785 of the shape of x, and what the backward pass reads.

    References:
        Elfwing, Uchibe, Doya, arXiv:1702.03118 (2018); Ramachandran, Zoph, Le,
        arXiv:1710.05941 (2017).
    """
    g = sigmoid(x)
    y = x * g
    return y, SiluSaved(g, y)


def silu_backward(saved: SiluSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy (g + y (1 - g))."""
    g, y = saved
    return (dy * (g + y * (1 - g)),)


silu = register(
    "silu",
    silu_forward,
    silu_backward,
    formula="y = x g, g = 1 / (1 + e^-x)",
    gradient="dx = dy (g + y (1 - g))",
    symbols={**SYMBOLS, "g": "gate, sigmoid(x)"},
    reference="Elfwing, Uchibe, Doya, Sigmoid-weighted linear units for neural network function "
    "approximation in reinforcement learning, Neural Networks 107 (2018), arXiv:1702.03118",
    flops=elementwise_flops(5),
)


def gelu_forward(x: Array, *, approximate: bool = False) -> tuple[Array, InputSaved]:
    """Gaussian error linear unit, y = x Phi(x), Phi the standard normal distribution function.

    Phi' is the normal density phi(x) = e^(-x^2/2) / sqrt(2 pi)::

        f'(x) = Phi(x) + x phi(x)        dx = dy (Phi(x) + x phi(x))

    Exactly, Phi(x) = (1 + erf(x / sqrt 2)) / 2. The approximation Phi(x) = (1 + t) / 2 with
    t = tanh(u), u = C (x + K x^3), C = sqrt(2/pi), K = 0.044715, is differentiated as it stands::

        Phi'(x) = (1 - t^2) u'(x) / 2,    u'(x) = C (1 + 3 K x^2)

    Args:
        x: input, any shape.
        approximate: False for the error function, True for the approximation by tanh.

    Returns:
        y > -0.17 of the shape of x, and what the backward pass reads.

    References:
        Hendrycks, Gimpel, arXiv:1606.08415 (2016), section 2.
    """
    phi_sum = _normal_tanh(x)[0] if approximate else _normal(x)[0]
    return x * phi_sum, InputSaved(x)


def gelu_backward(saved: InputSaved, dy: Array, *, approximate: bool = False) -> tuple[Array]:
    """Return dx = dy (Phi(x) + x Phi'(x))."""
    (x,) = saved
    phi_sum, phi = _normal_tanh(x) if approximate else _normal(x)
    return (dy * (phi_sum + x * phi),)


def _normal(x: Array) -> tuple[Array, Array]:
    """Return Phi(x) = (1 + erf(x / sqrt 2)) / 2 and Phi'(x) = e^(-x^2/2) / sqrt(2 pi)."""
    phi_sum = (1 + jax.lax.erf(x / sqrt(2))) / 2
    phi = jnp.exp(-x * x / 2) / sqrt(2 * pi)
    return phi_sum, phi


def _normal_tanh(x: Array) -> tuple[Array, Array]:
    """Return Phi(x) = (1 + t) / 2 and Phi'(x) = (1 - t^2) C (1 + 3 K x^2) / 2."""
    t = jnp.tanh(C * (x + K * x * x * x))
    phi_sum = (1 + t) / 2
    phi = (1 - t * t) * (C * (1 + 3 * K * x * x)) / 2
    return phi_sum, phi


gelu = register(
    "gelu",
    gelu_forward,
    gelu_backward,
    formula="y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2",
    gradient="dx = dy (Phi(x) + x Phi'(x)), Phi'(x) = e^(-x^2/2) / sqrt(2 pi)",
    symbols={**SYMBOLS, "Phi": "standard normal distribution function, or its tanh approximation"},
    reference="Hendrycks, Gimpel, Gaussian error linear units, arXiv:1606.08415 (2016), section 2",
    flops=elementwise_flops(5),
    save=save_input,
)


class MishSaved(NamedTuple):
    """What the backward pass of ``mish`` reads: the input and the gate."""

    x: Array
    g: Array


def mish_forward(x: Array) -> tuple[Array, MishSaved]:
    """Mish, y = x g with the gate g = tanh(softplus(x)).

    By the chain rule, with tanh' = 1 - tanh^2 and softplus' = sigmoid::

        g'(x) = (1 - g^2) sigmoid(x)
        dx    = dy (g + x (1 - g^2) sigmoid(x))

    Args:
        x: input, any shape.

    Returns:
        y > -0.3089 of the shape of x, and what the backward pass reads.

    References:
        Misra, arXiv:1908.08681 (2019).
    """
    g = jnp.tanh(softplus(x))
    return x * g, MishSaved(x, g)


def mish_backward(saved: MishSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy (g + x (1 - g^2) sigmoid(x))."""
    x, g = saved
    return (dy * (g + x * (1 - g * g) * sigmoid(x)),)


mish = register(
    "mish",
    mish_forward,
    mish_backward,
    formula="y = x g, g = tanh(log(1 + e^x))",
    gradient="dx = dy (g + x (1 - g^2) sigmoid(x))",
    symbols={**SYMBOLS, "g": "gate, tanh(softplus(x))"},
    reference="Misra, Mish: a self regularized non-monotonic activation function, "
    "arXiv:1908.08681 (2019)",
    flops=elementwise_flops(12),
)
