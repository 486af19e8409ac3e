"""Convolution as patches times a matrix: the body for CPUs, where XLA's own convolution is slow.

The patch of window o is the row of all input elements that it meets, so with the patches P as a
matrix (batch * windows, kernel * in_channels) and the kernel W as a matrix (kernel * in_channels,
filters) the three convolutions are three matrix products::

    y = P W        dP = dy W^T, each entry added back to its place in x        dW = P^T dy

``unfold`` makes P and ``fold`` adds dP back, one spatial axis after the other: sum(kernel) slices
instead of prod(kernel). A kernel of one element needs neither, its patches are x itself.
"""

from collections.abc import Callable
from math import prod

import jax
import jax.numpy as jnp
from jax import Array

from pellucid.ops._windows import Window, pad_spatial, put_back, window_slices

Windows = tuple[Window, ...]


def unfold(x: Array, windows: Windows) -> Array:
    """Return the patches, (batch, windows..., kernel * channels), of x, (batch, ..., channels)."""
    patches = pad_spatial(x, windows)
    for axis in range(len(windows), 0, -1):
        patches = jnp.concatenate(window_slices(patches, axis, windows[axis - 1]), axis=-1)
    return patches


def fold(patches: Array, windows: Windows) -> Array:
    """Add patches back to (batch, ..., channels): the transpose of ``unfold``."""
    for axis, window in enumerate(windows, 1):
        patches = put_back(jnp.split(patches, window.kernel, axis=-1), axis, window)
    return patches


def rows(x: Array) -> Array:
    """Return x as a matrix, all axes but the last as rows."""
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])


def plain_forward(x: Array, w: Array, windows: Windows) -> Array:
    """Return y = P W."""
    patches = unfold(x, windows)
    return (rows(patches) @ rows(w)).reshape(*patches.shape[:-1], w.shape[-1])


def plain_input_gradient(dy: Array, w: Array, windows: Windows) -> Array:
    """Return dx: dP = dy W^T, added back to its places."""
    patches = rows(dy) @ rows(w).T
    return fold(patches.reshape(*dy.shape[:-1], patches.shape[-1]), windows)


def plain_weight_gradient(x: Array, dy: Array, windows: Windows) -> Array:
    """Return dW = P^T dy."""
    dw = rows(unfold(x, windows)).T @ rows(dy)
    return dw.reshape(*(window.kernel for window in windows), x.shape[-1], dy.shape[-1])


# Groups: the same for each group. In x, w and dy alike the groups lie along the last axis.


def split_groups(a: Array, groups: int) -> Array:
    """Return (..., groups * n) as (groups, ..., n)."""
    return jnp.moveaxis(a.reshape(*a.shape[:-1], groups, a.shape[-1] // groups), -2, 0)


def join_groups(a: Array) -> Array:
    """Return (groups, ..., n) as (..., groups * n)."""
    a = jnp.moveaxis(a, 0, -2)
    return a.reshape(*a.shape[:-2], a.shape[-2] * a.shape[-1])


def by_group(body: Callable[..., Array], a: Array, b: Array, windows: Windows, n: int) -> Array:
    """Return the body's result for each of n groups, side by side on the last axis."""
    results = jax.vmap(lambda a, b: body(a, b, windows))(split_groups(a, n), split_groups(b, n))
    return join_groups(results)


# Depthwise: one input channel c in each group, m filters on each. A product of matrices would be
# all overhead here; the sum over the kernel's elements k is written out instead.


def elements(x: Array, windows: Windows) -> list[Array]:
    """Return, for every element k of the kernel in row-major order, what the windows meet there."""
    pieces = [pad_spatial(x, windows)]
    for axis, window in enumerate(windows, 1):
        pieces = [part for piece in pieces for part in window_slices(piece, axis, window)]
    return pieces


def depthwise_forward(x: Array, w: Array, windows: Windows) -> Array:
    """Return y_oc,m = sum_k x_k,oc W_k,c,m."""
    kernel = w.reshape(-1, x.shape[-1], w.shape[-1] // x.shape[-1])
    pieces = elements(x, windows)
    y = sum(piece[..., None] * w_k for piece, w_k in zip(pieces, kernel, strict=True))
    return y.reshape(*pieces[0].shape[:-1], w.shape[-1])


def depthwise_input_gradient(dy: Array, w: Array, windows: Windows, channels: int) -> Array:
    """Return dx: for every k, sum_m dy_oc,m W_k,c,m, added back to its place."""
    kernel = w.reshape(-1, channels, w.shape[-1] // channels)
    dy = dy.reshape(*dy.shape[:-1], *kernel.shape[1:])
    pieces = [jnp.sum(dy * w_k, axis=-1) for w_k in kernel]
    for axis in range(len(windows), 0, -1):
        window = windows[axis - 1]
        starts = range(0, len(pieces), window.kernel)
        pieces = [put_back(pieces[i : i + window.kernel], axis, window) for i in starts]
    return pieces[0]


def depthwise_weight_gradient(x: Array, dy: Array, windows: Windows) -> Array:
    """Return dW_k,c,m = sum_n,o x_k,oc dy_oc,m."""
    grouped = dy.reshape(*dy.shape[:-1], x.shape[-1], dy.shape[-1] // x.shape[-1])
    places = tuple(range(dy.ndim - 1))
    dw = [jnp.sum(piece[..., None] * grouped, axis=places) for piece in elements(x, windows)]
    kernel = tuple(window.kernel for window in windows)
    return jnp.stack(dw).reshape(*kernel, 1, dy.shape[-1])


# The three bodies.


def forward(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    """Return the convolution of x with w."""
    if groups == 1:
        return plain_forward(x, w, windows)
    if groups == x.shape[-1]:
        return depthwise_forward(x, w, windows)
    return by_group(plain_forward, x, w, windows, groups)


def input_gradient(dy: Array, w: Array, windows: Windows, groups: int) -> Array:
    """Return the gradient with respect to the input of the convolution."""
    if groups == 1:
        return plain_input_gradient(dy, w, windows)
    if w.shape[-2] == 1:
        return depthwise_input_gradient(dy, w, windows, channels=groups)
    return by_group(plain_input_gradient, dy, w, windows, groups)


def weight_gradient(x: Array, dy: Array, windows: Windows, groups: int) -> Array:
    """Return the gradient with respect to the kernel of the convolution."""
    if groups == 1:
        return plain_weight_gradient(x, dy, windows)
    if groups == x.shape[-1]:
        return depthwise_weight_gradient(x, dy, windows)
    return by_group(plain_weight_gradient, x, dy, windows, groups)
