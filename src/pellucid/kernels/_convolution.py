"""Convolutions computed by the compiled kernels; see ``native/`` for how.

The functions take what every body of the convolution takes (``pellucid.ops``): two float32 arrays
in (batch, spatial..., channels) order, the windows along each axis, and the number of groups.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pellucid.kernels._library import status


def takes(a: Array, b: Array, axes: int) -> bool:
    """Tell whether the kernels are there and take arrays of this type and rank."""
    known = a.dtype == b.dtype == jnp.float32 and axes in (1, 2)
    return known and status().ready


def forward(x: Array, w: Array, windows: Sequence[Any], groups: int) -> Array:
    """Return the convolution of x with w."""
    shape = (x.shape[0], *(window.output for window in windows), w.shape[-1])
    geometry = _geometry(x.shape[0], x.shape[-1], w.shape[-1], groups, windows)
    return _call("pellucid_conv_forward", x, w, shape, geometry)


def input_gradient(dy: Array, w: Array, windows: Sequence[Any], groups: int) -> Array:
    """Return the gradient with respect to the input of the convolution."""
    channels = w.shape[-2] * groups
    shape = (dy.shape[0], *(window.size for window in windows), channels)
    geometry = _geometry(dy.shape[0], channels, dy.shape[-1], groups, windows)
    return _call("pellucid_conv_input_gradient", dy, w, shape, geometry)


def weight_gradient(x: Array, dy: Array, windows: Sequence[Any], groups: int) -> Array:
    """Return the gradient with respect to the kernel of the convolution."""
    kernel = tuple(window.kernel for window in windows)
    shape = (*kernel, x.shape[-1] // groups, dy.shape[-1])
    geometry = _geometry(x.shape[0], x.shape[-1], dy.shape[-1], groups, windows)
    return _call("pellucid_conv_weight_gradient", x, dy, shape, geometry)


def _geometry(
    samples: int, channels: int, filters: int, groups: int, windows: Sequence[Any]
) -> np.ndarray:
    """Return the numbers that ``native/handlers.cc`` reads; a sequence is an image of one row."""
    axes = [(w.size, w.kernel, w.stride, w.dilation, w.low, w.output) for w in windows]
    if len(axes) == 1:
        axes.insert(0, (1, 1, 1, 1, 0, 1))
    return np.array([samples, channels, filters, groups, *axes[0], *axes[1]], np.int64)


def _call(target: str, a: Array, b: Array, shape: tuple[int, ...], geometry: np.ndarray) -> Array:
    result = jax.ShapeDtypeStruct(shape, jnp.float32)
    call = jax.ffi.ffi_call(target, result, vmap_method="sequential")
    return call(a, b, geometry=geometry)
