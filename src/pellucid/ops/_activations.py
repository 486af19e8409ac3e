"""Activations that map each number on its own: linear, exponential and the S-shaped ones.

All are y = f(x), entry by entry, so the chain rule is one product: dx = dy f'(x). In the letters
of the textbooks x is z(l), y is a(l), and dx is the delta of the layer. Each backward pass reads
either the input or the output, whichever makes f' cheapest; the output is kept by the next
layer in any case.

The counts of FLOPs take every +, -, *, /, comparison and elementary function as one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

SYMBOLS = {
    "x": "input (pre-activation z), any shape",
    "y": "output (activation a), shape of x",
    "dy": "gradient of the loss with respect to y",
}


class InputSaved(NamedTuple):
    """What the backward pass reads where f' is computed from the input."""

    x: Array


class OutputSaved(NamedTuple):
    """What the backward pass reads where f' is computed from the output."""

    y: Array


def save_input(y: Array, x: Array, **settings: Any) -> InputSaved:
    """Return what the backward pass reads, from output and input."""
    return InputSaved(x)


def save_output(y: Array, x: Array, **settings: Any) -> OutputSaved:
    """Return what the backward pass reads, from output and input."""
    return OutputSaved(y)


def linear_forward(x: Array) -> tuple[Array, tuple[()]]:
    """Identity, y = x: the neuron passes its weighted sum on.

    The derivative is constant, so nothing is saved::

        f'(x) = 1        dx = dy

    Args:
        x: input, any shape.

    Returns:
        x itself, and nothing for the backward pass.

    References:
        Widrow, Hoff, Adaptive switching circuits (1960).
    """
    return x, ()


def linear_backward(saved: tuple[()], dy: Array) -> tuple[Array]:
    """Return dx = dy."""
    return (dy,)


linear = register(
    "linear",
    linear_forward,
    linear_backward,
    formula="y = x",
    gradient="dx = dy",
    symbols=SYMBOLS,
    reference="Widrow, Hoff, Adaptive switching circuits, IRE WESCON (1960)",
    flops=elementwise_flops(0),
)


def exponential_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Exponential, y = e^x, for outputs that are positive rates.

    It is its own derivative::

        f'(x) = e^x = y        dx = dy y

    e^x leaves the range of float32 above x = 88.7 and is inf there.

    Args:
        x: input, any shape.

    Returns:
        y > 0 of the shape of x, and what the backward pass reads.

    References:
        Nelder, Wedderburn, Generalized linear models (1972): the inverse of the log link.
    """
    y = jnp.exp(x)
    return y, OutputSaved(y)


def exponential_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy y."""
    (y,) = saved
    return (dy * y,)


exponential = register(
    "exponential",
    exponential_forward,
    exponential_backward,
    formula="y = e^x",
    gradient="dx = dy y",
    symbols=SYMBOLS,
    reference="Nelder, Wedderburn, Generalized linear models, J. R. Statist. Soc. A 135 (1972)",
    flops=elementwise_flops(1),
    save=save_output,
)


def sigmoid_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Logistic function, y = 1 / (1 + e^-x), from 0 to 1.

    With u = 1 + e^-x, y = 1/u and u' = -e^-x::

        f'(x) = e^-x / u^2 = (1/u) ((u - 1)/u) = y (1 - y)
        dx    = dy y (1 - y)

    The largest slope is 1/4, at x = 0; it is below 0.0001 beyond |x| = 9.3 (saturation).

    Args:
        x: input, any shape.

    Returns:
        y in [0, 1] of the shape of x, and what the backward pass reads.

    References:
        Rumelhart, Hinton, Williams (1986), equation 2.
    """
    y = jax.lax.logistic(x)  # 1 / (1 + e^-x), also where e^-x overflows
    return y, OutputSaved(y)


def sigmoid_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy y (1 - y)."""
    (y,) = saved
    return (dy * y * (1 - y),)


sigmoid = register(
    "sigmoid",
    sigmoid_forward,
    sigmoid_backward,
    formula="y = 1 / (1 + e^-x)",
    gradient="dx = dy y (1 - y)",
    symbols=SYMBOLS,
    reference="Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, "
    "Nature 323 (1986), equation 2",
    flops=elementwise_flops(4),
    save=save_output,
)


def hard_sigmoid_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Three straight pieces in place of the sigmoid, y = min(max(x/6 + 1/2, 0), 1).

    The slope of the middle piece is 1/6, those of the outer two are 0::

        f'(x) = 1/6 where 0 < y < 1, else 0        dx = dy/6 [0 < y < 1]

    At the two kinks, x = -3 and x = 3, the derivative is taken as 0.

    Args:
        x: input, any shape.

    Returns:
        y in [0, 1] of the shape of x, and what the backward pass reads.

    References:
        Howard et al., Searching for MobileNetV3 (2019), section 5.2.
    """
    y = jnp.clip(x / 6 + 0.5, 0, 1)
    return y, OutputSaved(y)


def hard_sigmoid_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy/6 where 0 < y < 1, else 0."""
    (y,) = saved
    return (jnp.where((y > 0) & (y < 1), dy / 6, 0),)


hard_sigmoid = register(
    "hard_sigmoid",
    hard_sigmoid_forward,
    hard_sigmoid_backward,
    formula="y = min(max(x/6 + 1/2, 0), 1)",
    gradient="dx = dy/6 where 0 < y < 1, else 0",
    symbols=SYMBOLS,
    reference="Howard et al., Searching for MobileNetV3, ICCV (2019), section 5.2",
    flops=elementwise_flops(4),
    save=save_output,
)


def tanh_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Hyperbolic tangent, y = (e^x - e^-x) / (e^x + e^-x), from -1 to 1.

    With s = e^x - e^-x and c = e^x + e^-x, y = s/c, s' = c and c' = s::

        f'(x) = (c c - s s) / c^2 = 1 - y^2
        dx    = dy (1 - y^2)

    Args:
        x: input, any shape.

    Returns:
        y in [-1, 1] of the shape of x, and what the backward pass reads.

    References:
        LeCun, Bottou, Orr, Mueller, Efficient BackProp (1998), section 4.4.
    """
    y = jnp.tanh(x)
    return y, OutputSaved(y)


def tanh_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy (1 - y^2)."""
    (y,) = saved
    return (dy * (1 - y * y),)


tanh = register(
    "tanh",
    tanh_forward,
    tanh_backward,
    formula="y = (e^x - e^-x) / (e^x + e^-x)",
    gradient="dx = dy (1 - y^2)",
    symbols=SYMBOLS,
    reference="LeCun, Bottou, Orr, Mueller, Efficient BackProp (1998), section 4.4",
    flops=elementwise_flops(5),
    save=save_output,
)


class SoftsignSaved(NamedTuple):
    """What the backward pass of ``softsign`` reads: r = 1 / (1 + |x|)."""

    r: Array


def softsign_forward(x: Array) -> tuple[Array, SoftsignSaved]:
    """Softsign, y = x / (1 + |x|): like tanh, with tails that saturate slowly.

    With r = 1 / (1 + |x|), y = x r and r' = -sign(x) r^2::

        f'(x) = r - |x| r^2 = r^2 (1 + |x| - |x|) = r^2
        dx    = dy r^2

    Args:
        x: input, any shape.

    Returns:
        y in (-1, 1) of the shape of x, and what the backward pass reads.

    References:
        Turian, Bergstra, Bengio, Quadratic features and deep architectures for chunking (2009).
    """
    r = 1 / (1 + jnp.abs(x))
    y = x * r
    return y, SoftsignSaved(r)


def softsign_backward(saved: SoftsignSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy r^2."""
    (r,) = saved
    return (dy * r * r,)


softsign = register(
    "softsign",
    softsign_forward,
    softsign_backward,
    formula="y = x r, r = 1 / (1 + |x|)",
    gradient="dx = dy r^2",
    symbols={**SYMBOLS, "r": "1 / (1 + |x|)"},
    reference="Turian, Bergstra, Bengio, Quadratic features and deep architectures for chunking, "
    "NAACL (2009)",
    flops=elementwise_flops(4),
)
