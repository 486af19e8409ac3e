"""Operations that make one array of two, entry by entry, beside the sum and the product."""

import jax.numpy as jnp
from jax import Array

from pellucid.ops._registry import elementwise_flops, register, unbroadcast
from pellucid.ops._structure import _check_stretch

Pair = tuple[Array, Array]

_SYMBOLS = {
    "a, b": "inputs",
    "y": "output",
    "dy": "gradient of the loss with respect to y",
}


def subtract_forward(a: Array, b: Array) -> tuple[Array, Pair]:
    """Difference of two arrays, y = a - b.

    What is taken away gets the gradient with the other sign; a stretched axis sums it up::

        da = dy        db = -dy

    Args:
        a: what is taken from.
        b: what is taken away, of the same shape; an axis of size 1 in either is stretched.

    Returns:
        y, and the two inputs.

    Raises:
        ShapeError: if the shapes do not fit.

    References:
        Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6.
    """
    _check_stretch("subtract", a.shape, b.shape)
    return a - b, (a, b)


def subtract_backward(saved: Pair, dy: Array) -> Pair:
    """Return da = dy and db = -dy, each in its own shape."""
    a, b = saved
    return unbroadcast(dy, a.shape), unbroadcast(-dy, b.shape)


subtract = register(
    "subtract",
    subtract_forward,
    subtract_backward,
    formula="y = a - b",
    gradient="da = dy; db = -dy",
    symbols=_SYMBOLS,
    reference="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.5.6",
    flops=elementwise_flops(1),
)


def maximum_forward(a: Array, b: Array) -> tuple[Array, Pair]:
    """The larger of two arrays entry by entry, y = max(a, b).

    y follows the larger one and does not feel the other; of equals a is followed::

        da = dy where a >= b, else 0        db = dy where a < b, else 0

    Args:
        a: first input.
        b: second input, of the same shape; an axis of size 1 in either is stretched.

    Returns:
        y, and the two inputs.

    Raises:
        ShapeError: if the shapes do not fit.

    References:
        Goodfellow, Warde-Farley, Mirza, Courville, Bengio, Maxout networks (2013), section 3.
    """
    _check_stretch("maximum", a.shape, b.shape)
    return jnp.maximum(a, b), (a, b)


def maximum_backward(saved: Pair, dy: Array) -> Pair:
    """Return dy for the one that was larger, 0 for the other, each in its own shape."""
    a, b = saved
    a_wins = a >= b
    da = jnp.where(a_wins, dy, 0)
    db = jnp.where(a_wins, 0, dy)
    return unbroadcast(da, a.shape), unbroadcast(db, b.shape)


maximum = register(
    "maximum",
    maximum_forward,
    maximum_backward,
    formula="y = max(a, b)",
    gradient="da = dy where a >= b, else 0; db = dy where a < b, else 0",
    symbols=_SYMBOLS,
    reference="Goodfellow, Warde-Farley, Mirza, Courville, Bengio, Maxout networks, ICML (2013), "
    "section 3",
    flops=elementwise_flops(1),
)


def minimum_forward(a: Array, b: Array) -> tuple[Array, Pair]:
    """The smaller of two arrays entry by entry, y = min(a, b).

    y follows the smaller one and does not feel the other; of equals a is followed::

        da = dy where a <= b, else 0        db = dy where a > b, else 0

    Args:
        a: first input.
        b: second input, of the same shape; an axis of size 1 in either is stretched.

    Returns:
        y, and the two inputs.

    Raises:
        ShapeError: if the shapes do not fit.

    References:
        Goodfellow, Warde-Farley, Mirza, Courville, Bengio, Maxout networks (2013), section 3.
    """
    _check_stretch("minimum", a.shape, b.shape)
    return jnp.minimum(a, b), (a, b)


def minimum_backward(saved: Pair, dy: Array) -> Pair:
    """Return dy for the one that was smaller, 0 for the other, each in its own shape."""
    a, b = saved
    a_wins = a <= b
    da = jnp.where(a_wins, dy, 0)
    db = jnp.where(a_wins, 0, dy)
    return unbroadcast(da, a.shape), unbroadcast(db, b.shape)


minimum = register(
    "minimum",
    minimum_forward,
    minimum_backward,
    formula="y = min(a, b)",
    gradient="da = dy where a <= b, else 0; db = dy where a > b, else 0",
    symbols=_SYMBOLS,
    reference="Goodfellow, Warde-Farley, Mirza, Courville, Bengio, Maxout networks, ICML (2013), "
    "section 3",
    flops=elementwise_flops(1),
)
