"""Pooling computed by the compiled kernels; see ``native/pooling.cc`` for how.

The functions take float32 arrays in (batch, spatial..., channels) order and the windows along each
spatial axis, of which there are one or two.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._library import status

LEAST_SIZE = 1024
"""Fewer numbers XLA pools together with what comes before and after."""


def takes(x: Array, axes: int) -> bool:
    """Tell whether the kernels are there and take an array of this type, rank and size."""
    known = x.dtype == jnp.float32 and axes in (1, 2) and x.size >= LEAST_SIZE
    return known and jax.default_backend() == "cpu" and status().ready


def max_pool(x: Array, windows: Sequence[Any]) -> Array:
    """Return the largest number of each window."""
    return _call("max_pool", _outputs(x, windows), windows, x)


def max_pool_gradient(x: Array, dy: Array, windows: Sequence[Any]) -> Array:
    """Return dx: dy where x is the first of the largest numbers of a window, else 0."""
    return _call("max_pool_gradient", x.shape, windows, x, dy)


def average_pool(x: Array, windows: Sequence[Any]) -> Array:
    """Return the mean of the numbers of each window that lie inside the input."""
    return _call("average_pool", _outputs(x, windows), windows, x)


def average_pool_gradient(dy: Array, windows: Sequence[Any]) -> Array:
    """Return dx: to every number of a window its share of dy."""
    shape = (dy.shape[0], *(window.size for window in windows), dy.shape[-1])
    return _call("average_pool_gradient", shape, windows, dy)


def _outputs(x: Array, windows: Sequence[Any]) -> tuple[int, ...]:
    return (x.shape[0], *(window.output for window in windows), x.shape[-1])


def _call(name: str, shape: tuple[int, ...], windows: Sequence[Any], *arrays: Array) -> Array:
    """Call a kernel; a sequence is an image of one row."""
    axes = [(w.size, w.kernel, w.stride, w.low, w.output) for w in windows]
    if len(axes) == 1:
        axes.insert(0, (1, 1, 1, 0, 1))
    geometry = np.array([shape[0], shape[-1], *axes[0], *axes[1]], np.int64)
    call = jax.ffi.ffi_call(f"pellucid_{name}", jax.ShapeDtypeStruct(shape, jnp.float32))
    return call(*arrays, geometry=geometry)
