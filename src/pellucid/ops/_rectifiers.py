"""Activations that pass the positive part on: relu and its relatives, and softplus.

All are y = f(x), entry by entry, with dx = dy f'(x). f has a kink at 0 (softplus and, with
alpha = 1, elu have none); there every one of them takes the derivative from the left, so
relu'(0) = 0. The backward passes tell the two sides apart by y > 0, which is the same as x > 0,
so that the input need not be kept.
"""

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid.ops._activations import (
    SYMBOLS,
    InputSaved,
    OutputSaved,
    save_input,
    save_output,
    sigmoid,
)
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def relu_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Rectified linear unit, y = max(x, 0).

    One slope on each side of the kink::

        f'(x) = 1 where x > 0, else 0        dx = dy [y > 0]

    At x = 0 the derivative is taken as 0. A unit whose x is negative for all samples gets no
    gradient at all (a dead unit).

    Args:
        x: input, any shape.

    Returns:
        y >= 0 of the shape of x, and what the backward pass reads.

    References:
        Nair, Hinton, Rectified linear units improve restricted Boltzmann machines (2010).
    """
    y = jnp.maximum(x, 0)
    return y, OutputSaved(y)


def relu_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy where y > 0, else 0."""
    (y,) = saved
    return (jnp.where(y > 0, dy, 0),)


relu = register(
    "relu",
    relu_forward,
    relu_backward,
    formula="y = max(x, 0)",
    gradient="dx = dy where y > 0, else 0",
    symbols=SYMBOLS,
    reference="Nair, Hinton, Rectified linear units improve restricted Boltzmann machines, "
    "ICML (2010)",
    flops=elementwise_flops(1),
    save=save_output,
)


def relu6_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Rectified linear unit with a ceiling, y = min(max(x, 0), 6).

    ::

        f'(x) = 1 where 0 < x < 6, else 0        dx = dy [0 < y < 6]

    At x = 0 and at x = 6 the derivative is taken as 0.

    Args:
        x: input, any shape.

    Returns:
        y in [0, 6] of the shape of x, and what the backward pass reads.

    References:
        Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010).
    """
    y = jnp.clip(x, 0, 6)
    return y, OutputSaved(y)


def relu6_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy where 0 < y < 6, else 0."""
    (y,) = saved
    return (jnp.where((y > 0) & (y < 6), dy, 0),)


relu6 = register(
    "relu6",
    relu6_forward,
    relu6_backward,
    formula="y = min(max(x, 0), 6)",
    gradient="dx = dy where 0 < y < 6, else 0",
    symbols=SYMBOLS,
    reference="Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010)",
    flops=elementwise_flops(2),
    save=save_output,
)


def leaky_relu_forward(x: Array, *, negative_slope: float = 0.2) -> tuple[Array, OutputSaved]:
    """Rectified linear unit that leaks, y = x for x > 0, else s x.

    The slope s of the negative side keeps a gradient alive there::

        f'(x) = 1 where x > 0, else s        dx = dy (1 where y > 0, else s)

    At x = 0 the derivative is taken as s.

    Args:
        x: input, any shape.
        negative_slope: s, 0 or more (0 is relu).

    Returns:
        y of the shape of x, and what the backward pass reads.

    Raises:
        ArgumentError: if the slope is negative.

    References:
        Maas, Hannun, Ng, Rectifier nonlinearities improve neural network acoustic models (2013).
    """
    check_range("leaky_relu", "negative_slope", negative_slope, 0)
    y = jnp.where(x > 0, x, negative_slope * x)
    return y, OutputSaved(y)


def leaky_relu_backward(
    saved: OutputSaved, dy: Array, *, negative_slope: float = 0.2
) -> tuple[Array]:
    """Return dx = dy where y > 0, else s dy."""
    (y,) = saved
    return (jnp.where(y > 0, dy, negative_slope * dy),)


leaky_relu = register(
    "leaky_relu",
    leaky_relu_forward,
    leaky_relu_backward,
    formula="y = x where x > 0, else s x",
    gradient="dx = dy where y > 0, else s dy",
    symbols={**SYMBOLS, "s": "negative_slope, 0 or more"},
    reference="Maas, Hannun, Ng, Rectifier nonlinearities improve neural network acoustic models, "
    "ICML (2013)",
    flops=elementwise_flops(2),
    save=save_output,
)


def elu_forward(x: Array, *, alpha: float = 1.0) -> tuple[Array, OutputSaved]:
    """Exponential linear unit, y = x for x > 0, else alpha (e^x - 1).

    On the negative side the derivative follows from the output::

        f'(x) = alpha e^x = y + alpha where x <= 0, else 1
        dx    = dy (1 where y > 0, else y + alpha)

    At x = 0 this is alpha, the derivative from the left; with alpha = 1 there is no kink.

    Args:
        x: input, any shape.
        alpha: the output tends to -alpha for large negative x; 0 or more.

    Returns:
        y > -alpha of the shape of x, and what the backward pass reads.

    Raises:
        ArgumentError: if alpha is negative.

    References:
        Clevert, Unterthiner, Hochreiter, arXiv:1511.07289 (2016).
    """
    check_range("elu", "alpha", alpha, 0)
    y = jnp.where(x > 0, x, alpha * jnp.expm1(jnp.minimum(x, 0)))
    return y, OutputSaved(y)


def elu_backward(saved: OutputSaved, dy: Array, *, alpha: float = 1.0) -> tuple[Array]:
    """Return dx = dy where y > 0, else dy (y + alpha)."""
    (y,) = saved
    return (dy * jnp.where(y > 0, 1, y + alpha),)


elu = register(
    "elu",
    elu_forward,
    elu_backward,
    formula="y = x where x > 0, else alpha (e^x - 1)",
    gradient="dx = dy where y > 0, else dy (y + alpha)",
    symbols={**SYMBOLS, "alpha": "minus the limit of y on the negative side"},
    reference="Clevert, Unterthiner, Hochreiter, Fast and accurate deep network learning by "
    "exponential linear units, ICLR (2016), arXiv:1511.07289",
    flops=elementwise_flops(4),
    save=save_output,
)


def selu_forward(x: Array) -> tuple[Array, OutputSaved]:
    """Scaled exponential linear unit, y = s x for x > 0, else s alpha (e^x - 1).

    The constants s = 1.0507 and alpha = 1.6733 are those for which outputs of mean 0 and
    variance 1 keep them from layer to layer::

        f'(x) = s alpha e^x = y + s alpha where x <= 0, else s
        dx    = dy (s where y > 0, else y + s alpha)

    At x = 0 the derivative is taken from the left, s alpha.

    Args:
        x: input, any shape.

    Returns:
        y > -s alpha of the shape of x, and what the backward pass reads.

    References:
        Klambauer, Unterthiner, Mayr, Hochreiter, arXiv:1706.02515 (2017), equation 2.
    """
    y = SELU_SCALE * jnp.where(x > 0, x, SELU_ALPHA * jnp.expm1(jnp.minimum(x, 0)))
    return y, OutputSaved(y)


def selu_backward(saved: OutputSaved, dy: Array) -> tuple[Array]:
    """Return dx = s dy where y > 0, else dy (y + s alpha)."""
    (y,) = saved
    return (dy * jnp.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA),)


selu = register(
    "selu",
    selu_forward,
    selu_backward,
    formula="y = s x where x > 0, else s alpha (e^x - 1)",
    gradient="dx = s dy where y > 0, else dy (y + s alpha)",
    symbols={**SYMBOLS, "s": "1.0507009873554805", "alpha": "1.6732632423543772"},
    reference="Klambauer, Unterthiner, Mayr, Hochreiter, Self-normalizing neural networks, "
    "NeurIPS (2017), arXiv:1706.02515, equation 2",
    flops=elementwise_flops(5),
    save=save_output,
)


def softplus_forward(x: Array) -> tuple[Array, InputSaved]:
    """Softplus, y = log(1 + e^x): relu with the kink smoothed out.

    ::

        f'(x) = e^x / (1 + e^x) = 1 / (1 + e^-x) = sigmoid(x)
        dx    = dy sigmoid(x)

    e^x would overflow, so for x > 0 the factor e^x is taken out of the logarithm:
    log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) holds on both sides.

    Args:
        x: input, any shape.

    Returns:
        y >= 0 of the shape of x, and what the backward pass reads.

    References:
        Dugas, Bengio, Belisle, Nadeau, Garcia (2000).
    """
    y = jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))
    return y, InputSaved(x)


def softplus_backward(saved: InputSaved, dy: Array) -> tuple[Array]:
    """Return dx = dy sigmoid(x)."""
    (x,) = saved
    return (dy * sigmoid(x),)


softplus = register(
    "softplus",
    softplus_forward,
    softplus_backward,
    formula="y = log(1 + e^x)",
    gradient="dx = dy sigmoid(x)",
    symbols=SYMBOLS,
    reference="Dugas, Bengio, Belisle, Nadeau, Garcia, Incorporating second-order functional "
    "knowledge for better option pricing, NIPS (2000)",
    flops=elementwise_flops(6),
    save=save_input,
)
