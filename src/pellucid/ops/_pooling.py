"""Pooling: the largest or the mean number of each window, channel by channel.

Input x (batch, spatial..., channels), any number of spatial axes. Windows may overlap, leave gaps
and reach into the padding, which is no number: it is never the largest and is not averaged over.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial, reduce
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid import kernels
from pellucid._checks import check_min_rank, check_same_shape
from pellucid.errors import ArgumentError
from pellucid.ops._registry import differentiated_as, elementwise_flops, register
from pellucid.ops._windows import (
    Window,
    lay_windows,
    pad_axis,
    pad_spatial,
    put_back,
    window_slices,
)

Shape = tuple[int, ...]

_SYMBOLS = {
    "x": "input, (batch, spatial..., channels)",
    "y": "output, (batch, windows..., channels)",
    "dy": "gradient of the loss with respect to y",
    "o, k": "window, element of a window",
    "i(o, k)": "position o s + k - lo, with stride s and low padding lo",
}


def _lay(who: str, shape: Shape, pool_size: Any, strides: Any, padding: Any) -> tuple[Window, ...]:
    """Check the input and lay the windows; strides default to the window's size."""
    check_min_rank(who, shape, 3, "(batch, spatial..., channels)", "add the missing axis")
    spatial = shape[1:-1]
    size = (pool_size,) * len(spatial) if hasattr(pool_size, "__index__") else pool_size
    strides = size if strides is None else strides
    windows = lay_windows(who, "window", spatial, size, strides, padding)
    if any(max(window.low, window.high) >= window.kernel for window in windows):
        raise ArgumentError(
            f"{who} expected padding smaller than the window {tuple(size)}, so that no window lies "
            f"in the padding alone, got {padding!r}."
        )
    return windows


Windows = tuple[Window, ...]


@cache
def _body(
    kernel: Callable[..., Array], plain: Callable[..., Array], windows: Windows, native: bool
) -> Callable[..., Array]:
    """Return the plain body, or the kernel, mapped and differentiated as the plain one."""
    slow, fast = partial(plain, windows=windows), partial(kernel, windows=windows)
    return differentiated_as(slow, kernels.with_plain(fast, slow)) if native else slow


class MaxPoolSaved(NamedTuple):
    """What the backward pass of ``max_pool`` reads."""

    x: Array


def max_pool_save(y: Array, x: Array, **_: Any) -> MaxPoolSaved:
    """Return what the backward pass of ``max_pool`` reads: its argument alone."""
    return MaxPoolSaved(x)


def max_pool_forward(
    x: Array, *, pool_size: Any, strides: Any = None, padding: Any = "valid"
) -> tuple[Array, MaxPoolSaved]:
    """Largest number of each window, y_o = max_k x_i(o,k).

    Where x changes a little, y_o follows the largest number of its window and no other::

        dy_o/dx_i = 1 if i is where window o has its maximum, else 0
        dx_i = sum over the windows o that have their maximum at i of dy_o

    Of equal maxima the first in row-major order gets the gradient. A NaN in a window is its
    maximum, so that it is not lost.

    Args:
        x: input, shape (batch, spatial..., channels).
        pool_size: size of the window, one integer or one for each spatial axis.
        strides: steps between windows, likewise; None for the size of the window.
        padding: "valid", "same" (ceil(size / stride) windows) or a pair (low, high) for each axis.

    Returns:
        y of shape (batch, windows..., channels), and what the backward pass reads.

    Raises:
        ShapeError: if a window is larger than the padded input.
        ArgumentError: if the padding is as large as a window.

    References:
        Ranzato, Huang, Boureau, LeCun, Unsupervised learning of invariant feature hierarchies
        (2007).
    """
    windows = _lay("max_pool", x.shape, pool_size, strides, padding)
    native = kernels.pooling.takes(x, len(windows))
    y = _body(kernels.pooling.max_pool, _largest, windows, native)(x)
    return y, MaxPoolSaved(x)


def max_pool_backward(
    saved: MaxPoolSaved, dy: Array, *, pool_size: Any, strides: Any = None, padding: Any = "valid"
) -> tuple[Array]:
    """Return dx: dy_o goes to the first place of window o that equals y_o."""
    (x,) = saved
    windows = _lay("max_pool", x.shape, pool_size, strides, padding)
    native = kernels.pooling.takes(x, len(windows)) and dy.dtype == x.dtype
    return (_body(kernels.pooling.max_pool_gradient, _to_largest, windows, native)(x, dy),)


def _largest(x: Array, windows: Windows) -> Array:
    return _stages(x, windows)[-1]


def _to_largest(x: Array, dy: Array, windows: Windows) -> Array:
    """Return dx: from stage to stage, dy_o goes to the first place that equals y_o."""
    stages = _stages(x, windows)
    for axis, window in enumerate(windows, 1):
        y, x = stages.pop(), stages[-1]
        dy = _to_first_maximum(x, y, dy, axis, window)
    return dy


def _stages(x: Array, windows: Sequence[Window]) -> list[Array]:
    """Return x, the maxima of x along its last spatial axis, of those along the one before, ..., y.

    So windows cost sum(pool_size) comparisons instead of prod. The last axis is the first, so that
    the first maximum of the first maxima is the first in row-major order.
    """
    stages = [x]
    for axis in range(len(windows), 0, -1):
        stages.append(reduce(jnp.maximum, _met(stages[-1], axis, windows[axis - 1])))
    return stages


def _met(x: Array, axis: int, window: Window) -> list[Array]:
    """Return what the windows along one axis meet at their first, second, ... element."""
    return window_slices(pad_axis(x, axis, window, -jnp.inf), axis, window)


def _to_first_maximum(x: Array, y: Array, dy: Array, axis: int, window: Window) -> Array:
    """Return dx of maxima along one axis: dy where x is the first to equal y, or to be NaN."""
    given = jnp.zeros(y.shape, bool)
    pieces = []
    for piece in _met(x, axis, window):
        is_first = ((piece == y) | jnp.isnan(piece)) & ~given
        given = given | is_first
        pieces.append(jnp.where(is_first, dy, 0))
    return put_back(pieces, axis, window)


def _pool_flops(x: Shape, *, pool_size: Any, strides: Any = None, padding: Any = "valid") -> int:
    """Return one operation for each element of each window."""
    windows = _lay("pool", x, pool_size, strides, padding)
    return x[0] * x[-1] * prod(w.output * w.kernel for w in windows)


max_pool = register(
    "max_pool",
    max_pool_forward,
    max_pool_backward,
    formula="y_o = max_k x_i(o,k)",
    gradient="dx_i = sum of dy_o over the windows o whose (first) maximum is at i",
    symbols=_SYMBOLS,
    reference="Ranzato, Huang, Boureau, LeCun, Unsupervised learning of invariant feature "
    "hierarchies with applications to object recognition, CVPR (2007)",
    flops=_pool_flops,
    save=max_pool_save,
)


def average_pool_forward(
    x: Array, *, pool_size: Any, strides: Any = None, padding: Any = "valid"
) -> tuple[Array, Array]:
    """Mean of each window, y_o = (1/n_o) sum_k x_i(o,k), over its n_o elements inside the input.

    Every element of a window has the same share in it::

        dx_i = sum over the windows o that contain i of dy_o / n_o

    Args:
        x: input, shape (batch, spatial..., channels).
        pool_size: size of the window, one integer or one for each spatial axis.
        strides: steps between windows, likewise; None for the size of the window.
        padding: "valid", "same" (ceil(size / stride) windows) or a pair (low, high) for each axis.
            Padding is not averaged over.

    Returns:
        y of shape (batch, windows..., channels), and x, of which the backward pass reads the shape.

    Raises:
        ShapeError: if a window is larger than the padded input.
        ArgumentError: if the padding is as large as a window.

    References:
        LeCun, Bottou, Bengio, Haffner, Gradient-based learning (1998), section II.B.
    """
    windows = _lay("average_pool", x.shape, pool_size, strides, padding)
    native = kernels.pooling.takes(x, len(windows))
    return _body(kernels.pooling.average_pool, _mean, windows, native)(x), x


def average_pool_backward(
    saved: Array, dy: Array, *, pool_size: Any, strides: Any = None, padding: Any = "valid"
) -> tuple[Array]:
    """Return dx: every element of window o gets dy_o / n_o."""
    windows = _lay("average_pool", saved.shape, pool_size, strides, padding)
    native = kernels.pooling.takes(saved, len(windows)) and dy.dtype == saved.dtype
    return (_body(kernels.pooling.average_pool_gradient, _to_all, windows, native)(dy),)


def _mean(x: Array, windows: Windows) -> Array:
    total = pad_spatial(x, windows)
    for axis, window in enumerate(windows, 1):
        total = reduce(jnp.add, window_slices(total, axis, window))
    return total * _shares(windows, x)


def _to_all(dy: Array, windows: Windows) -> Array:
    share = dy * _shares(windows, dy)
    for axis, window in enumerate(windows, 1):
        share = put_back([share] * window.kernel, axis, window)
    return share


def _shares(windows: Sequence[Window], like: Array) -> Array:
    """Return 1 / n_o for every window, shape (1, windows..., 1)."""
    counts = np.ones((1,) * (len(windows) + 2))
    for axis, w in enumerate(windows, 1):
        met = np.arange(w.output)[:, None] * w.stride + np.arange(w.kernel) - w.low
        inside = ((met >= 0) & (met < w.size)).sum(1)
        shape = [1] * counts.ndim
        shape[axis] = w.output
        counts = counts * inside.reshape(shape)
    return jnp.asarray(1 / np.maximum(counts, 1), like.dtype)


average_pool = register(
    "average_pool",
    average_pool_forward,
    average_pool_backward,
    formula="y_o = (1/n_o) sum_k x_i(o,k)",
    gradient="dx_i = sum over the windows o that contain i of dy_o / n_o",
    symbols={**_SYMBOLS, "n_o": "number of elements of window o that lie inside the input"},
    reference="LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86 (1998), section II.B",
    flops=_pool_flops,
)


# Over everything between the batch and the channels.


def _middle(x: Array | Shape) -> tuple[int, ...]:
    shape = x if isinstance(x, tuple) else x.shape
    return tuple(range(1, len(shape) - 1))


class GlobalMaxPoolSaved(NamedTuple):
    """What the backward pass of ``global_max_pool`` reads."""

    x: Array
    y: Array


def global_max_pool_forward(x: Array) -> tuple[Array, GlobalMaxPoolSaved]:
    """Largest number of each channel, y_c = max_i x_ic.

    As in ``max_pool``, the first maximum gets the whole gradient::

        dx_ic = dy_c if i is the first place with x_ic = y_c, else 0

    Args:
        x: input, shape (batch, spatial..., channels), with at least one position.

    Returns:
        y of shape (batch, channels), and what the backward pass reads.

    References:
        Oquab, Bottou, Laptev, Sivic, Is object localization for free? (2015), section 3.
    """
    check_min_rank("global_max_pool", x.shape, 3, "(batch, spatial..., channels)")
    y = jnp.max(x, axis=_middle(x))
    return y, GlobalMaxPoolSaved(x, y)


def global_max_pool_backward(saved: GlobalMaxPoolSaved, dy: Array) -> tuple[Array]:
    """Return dx: dy_c at the first maximum of channel c, 0 elsewhere."""
    x, _ = saved
    rows = x.reshape(x.shape[0], -1, x.shape[-1])
    first = jnp.argmax(rows, axis=1)
    here = jnp.arange(rows.shape[1])[None, :, None] == first[:, None, :]
    return (jnp.where(here, dy[:, None, :], 0).reshape(x.shape),)


global_max_pool = register(
    "global_max_pool",
    global_max_pool_forward,
    global_max_pool_backward,
    formula="y_c = max_i x_ic",
    gradient="dx_ic = dy_c at the first maximum i of channel c, else 0",
    symbols={**_SYMBOLS, "i, c": "position, channel"},
    reference="Oquab, Bottou, Laptev, Sivic, Is object localization for free?, CVPR (2015)",
    flops=elementwise_flops(1),
)


class GlobalAveragePoolSaved(NamedTuple):
    """What the backward pass of ``global_average_pool`` reads."""

    x: Array
    mask: Array | None


def global_average_pool_forward(
    x: Array, mask: Array | None = None
) -> tuple[Array, GlobalAveragePoolSaved]:
    """Mean of each channel, y_c = sum_i m_i x_ic / sum_i m_i, over the positions that count.

    y is linear in x::

        dx_ic = m_i dy_c / sum_i m_i

    A sample whose mask leaves nothing has y = 0. Without a mask m = 1.

    Args:
        x: input, shape (batch, spatial..., channels).
        mask: m, shape (batch, spatial...), True or 1 where a position counts; it is not
            differentiated.

    Returns:
        y of shape (batch, channels), and what the backward pass reads.

    Raises:
        ShapeError: if the mask does not have one entry for each position.

    References:
        Lin, Chen, Yan, Network in network (2014), section 3.2.
    """
    check_min_rank("global_average_pool", x.shape, 3, "(batch, spatial..., channels)")
    if mask is None:
        return jnp.mean(x, axis=_middle(x)), GlobalAveragePoolSaved(x, None)
    check_same_shape("global_average_pool", "x without channels", x.shape[:-1], "mask", mask.shape)
    shares = _mask_shares(mask, x)
    return jnp.sum(x * shares, axis=_middle(x)), GlobalAveragePoolSaved(x, mask)


def global_average_pool_backward(saved: GlobalAveragePoolSaved, dy: Array) -> tuple[Array, None]:
    """Return dx = m_i dy_c / sum_i m_i."""
    x, mask = saved
    spread = dy.reshape(dy.shape[0], *(1,) * (x.ndim - 2), dy.shape[-1])
    if mask is None:
        dx = jnp.broadcast_to(spread / prod(x.shape[1:-1]), x.shape)
    else:
        dx = spread * _mask_shares(mask, x)
    return dx, None


def _mask_shares(mask: Array, x: Array) -> Array:
    """Return m_i / sum_i m_i, shape (batch, spatial..., 1)."""
    m = jnp.asarray(mask).astype(x.dtype)[..., None]
    count = jnp.sum(m, axis=_middle(x), keepdims=True)
    return m / jnp.where(count == 0, 1, count)


def _global_average_flops(x: Shape, mask: Shape | None = None) -> int:
    """Return 1 for each entry, 2 with a mask."""
    return prod(x) * (1 if mask is None else 2)


global_average_pool = register(
    "global_average_pool",
    global_average_pool_forward,
    global_average_pool_backward,
    formula="y_c = sum_i m_i x_ic / sum_i m_i",
    gradient="dx_ic = m_i dy_c / sum_i m_i",
    symbols={**_SYMBOLS, "i, c": "position, channel", "m": "mask: 1 where a position counts"},
    reference="Lin, Chen, Yan, Network in network, ICLR (2014), section 3.2",
    flops=_global_average_flops,
)
