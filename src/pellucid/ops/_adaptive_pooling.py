"""Adaptive pooling: as many windows as are asked for, whatever the size of the input.

Along an axis of n positions that is brought to m, window o = 0 ... m - 1 holds the positions

    floor(o n / m) <= i < ceil((o + 1) n / m).

Where m divides n these are tiles of n / m positions; else some windows overlap by one position, and
where m is larger than n positions are repeated. No position is left out.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid._checks import as_tuple, check_min_rank
from pellucid.ops._registry import register

Shape = tuple[int, ...]

_SYMBOLS = {
    "x": "input, (batch, spatial..., channels)",
    "y": "output, (batch, windows..., channels)",
    "dy": "gradient of the loss with respect to y",
    "o": "window; it holds the positions floor(o n / m) to ceil((o + 1) n / m) - 1",
    "n, m": "positions and windows along an axis",
}


def _ends(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where each of m windows over n positions starts, and the position after its last."""
    o = np.arange(m)
    return o * n // m, -(-(o + 1) * n // m)


def _sizes(who: str, shape: Shape, output_size: Any) -> tuple[int, ...]:
    check_min_rank(who, shape, 3, "(batch, spatial..., channels)", "add the missing axis")
    return as_tuple(who, "output_size", output_size, len(shape) - 2)


def adaptive_average_pool_forward(x: Array, *, output_size: Any) -> tuple[Array, Array]:
    """Mean of each of a given number of windows, y_o = (1/n_o) sum over i in window o of x_i.

    Along one axis it is a matrix product, y = A x with A_oi = 1/n_o for i in window o, else 0; the
    axes follow each other. Hence::

        dx = A^T dy along each axis:  dx_i = sum over the windows o that hold i of dy_o / n_o

    Args:
        x: input, shape (batch, spatial..., channels).
        output_size: windows along each spatial axis; one integer for all.

    Returns:
        y of shape (batch, output_size..., channels), and x, of which the backward pass reads the
        shape.

    Raises:
        ShapeError: if x has no spatial axis.
        ArgumentError: if output_size is not one integer of 1 or more, or one for each axis.

    References:
        He, Zhang, Ren, Sun, Spatial pyramid pooling (2015), section 2.2.
    """
    y = x
    for axis, m in enumerate(_sizes("adaptive_average_pool", x.shape, output_size), 1):
        y = _along(_shares(x.shape[axis], m, x), y, axis)
    return y, x


def adaptive_average_pool_backward(x: Array, dy: Array, *, output_size: Any) -> tuple[Array]:
    """Return dx = A^T dy along each axis."""
    for axis, m in enumerate(_sizes("adaptive_average_pool", x.shape, output_size), 1):
        dy = _along(_shares(x.shape[axis], m, x).T, dy, axis)
    return (dy,)


def _shares(n: int, m: int, like: Array) -> Array:
    """Return the matrix A (m, n): A_oi = 1/n_o where window o holds i, else 0."""
    starts, stops = (end[:, None] for end in _ends(n, m))
    i = np.arange(n)
    inside = (starts <= i) & (i < stops)
    return jnp.asarray(inside / (stops - starts), like.dtype)


def _along(matrix: Array, x: Array, axis: int) -> Array:
    """Return the product of a matrix with x along one axis."""
    return jnp.moveaxis(jnp.tensordot(matrix, x, axes=(1, axis)), 0, axis)


def _flops(x: Shape, *, output_size: Any) -> int:
    """Return one operation for each element of each window."""
    elements = 1
    for n, m in zip(x[1:-1], _sizes("adaptive_pool", x, output_size), strict=True):
        starts, stops = _ends(n, m)
        elements *= int((stops - starts).sum())
    return x[0] * x[-1] * elements


adaptive_average_pool = register(
    "adaptive_average_pool",
    adaptive_average_pool_forward,
    adaptive_average_pool_backward,
    formula="y_o = (1/n_o) sum over i in window o of x_i",
    gradient="dx_i = sum over the windows o that hold i of dy_o / n_o",
    symbols={**_SYMBOLS, "n_o": "number of positions in window o"},
    reference="He, Zhang, Ren, Sun, Spatial pyramid pooling in deep convolutional networks, IEEE "
    "PAMI 37 (2015), section 2.2",
    flops=_flops,
)


class AdaptiveMaxPoolSaved(NamedTuple):
    """What the backward pass of ``adaptive_max_pool`` reads."""

    x: Array


def adaptive_max_pool_forward(x: Array, *, output_size: Any) -> tuple[Array, AdaptiveMaxPoolSaved]:
    """Largest number of each of a given number of windows, y_o = max over i in window o of x_i.

    As in ``max_pool``, y_o follows the first maximum of its window in row-major order::

        dx_i = sum over the windows o that have their maximum at i of dy_o

    Args:
        x: input, shape (batch, spatial..., channels).
        output_size: windows along each spatial axis; one integer for all.

    Returns:
        y of shape (batch, output_size..., channels), and what the backward pass reads.

    Raises:
        ShapeError: if x has no spatial axis.
        ArgumentError: if output_size is not one integer of 1 or more, or one for each axis.

    References:
        He, Zhang, Ren, Sun, Spatial pyramid pooling (2015), section 2.2.
    """
    return _stages(x, output_size)[-1], AdaptiveMaxPoolSaved(x)


def adaptive_max_pool_backward(
    saved: AdaptiveMaxPoolSaved, dy: Array, *, output_size: Any
) -> tuple[Array]:
    """Return dx: from stage to stage, dy_o goes to the first maximum of window o."""
    stages = _stages(saved.x, output_size)
    for axis in range(1, saved.x.ndim - 1):
        y, x = stages.pop(), stages[-1]
        met = _met(x, axis, y.shape[axis])
        first = jnp.argmax(met, axis=axis + 1, keepdims=True)
        k = jnp.arange(met.shape[axis + 1]).reshape(-1, *(1,) * (met.ndim - axis - 2))
        taken = jnp.where(k == first, jnp.expand_dims(dy, axis + 1), 0)
        dy = _put_back(taken, axis, x.shape[axis])
    return (dy,)


def _stages(x: Array, output_size: Any) -> list[Array]:
    """Return x, the maxima of x along its last spatial axis, of those along the one before, ..., y.

    The last axis is the first, so that the first maximum of the first maxima is the first in
    row-major order.
    """
    stages = [x]
    sizes = _sizes("adaptive_max_pool", x.shape, output_size)
    for axis in range(len(sizes), 0, -1):
        stages.append(jnp.max(_met(stages[-1], axis, sizes[axis - 1]), axis=axis + 1))
    return stages


def _places(n: int, m: int) -> np.ndarray:
    """Return the positions in each window, (m, longest); a shorter one's last is repeated."""
    starts, stops = (end[:, None] for end in _ends(n, m))
    return np.minimum(starts + np.arange((stops - starts).max()), stops - 1)


def _met(x: Array, axis: int, m: int) -> Array:
    """Return what each window meets: the axis becomes two, (m, longest)."""
    return jnp.take(x, _places(x.shape[axis], m), axis=axis)


def _put_back(taken: Array, axis: int, n: int) -> Array:
    """Add what lies at (m, longest) back to the n positions it comes from: ``_met`` transposed."""
    m, longest = taken.shape[axis : axis + 2]
    taken = taken.reshape(*taken.shape[:axis], m * longest, *taken.shape[axis + 2 :])
    taken = jnp.moveaxis(taken, axis, 0)
    total = jnp.zeros((n, *taken.shape[1:]), taken.dtype).at[_places(n, m).ravel()].add(taken)
    return jnp.moveaxis(total, 0, axis)


adaptive_max_pool = register(
    "adaptive_max_pool",
    adaptive_max_pool_forward,
    adaptive_max_pool_backward,
    formula="y_o = max over i in window o of x_i",
    gradient="dx_i = sum of dy_o over the windows o whose (first) maximum is at i",
    symbols=_SYMBOLS,
    reference="He, Zhang, Ren, Sun, Spatial pyramid pooling in deep convolutional networks, IEEE "
    "PAMI 37 (2015), section 2.2",
    flops=_flops,
)
