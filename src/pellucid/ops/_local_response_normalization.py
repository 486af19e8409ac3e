"""Local response normalization: channels damp each other where their neighbors are large.

The competition between channels that the network of 2012 used; batch normalization took its place.
"""

from collections.abc import Callable
from functools import cache, partial
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import Array

from pellucid import kernels
from pellucid._checks import check_min_rank, check_positive_int, check_range
from pellucid.errors import ArgumentError
from pellucid.ops._registry import differentiated_as, register

Shape = tuple[int, ...]


def local_response_norm_forward(
    x: Array, *, size: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> tuple[Array, Array]:
    """Local response normalization, y_i = x_i s_i^(-beta), s_i = k + alpha sum_j x_j^2.

    The sum runs over the ``size`` channels j nearest to i (r = (size - 1) / 2 on each side; those
    beyond the first and the last channel do not count). x_i acts on y_i directly, and on every
    y_j with |i - j| <= r through s_j::

        ds_j = -beta dy_j x_j s_j^(-beta - 1)
        dx_i = dy_i s_i^(-beta) + 2 alpha x_i sum_j ds_j

    where j runs over the same neighbors, because "being a neighbor" goes both ways.

    Args:
        x: input, shape (batch, ..., channels).
        size: n in the paper: channels that compete, an odd number.
        k: k, above 0, keeps s away from 0.
        alpha: alpha, the weight of the sum, which is not divided by ``size``.
        beta: beta, the exponent.

    Returns:
        y of the shape of x, and x.

    Raises:
        ShapeError: if x has no channel axis.
        ArgumentError: if size is even, or k is not above 0.

    References:
        Krizhevsky, Sutskever, Hinton, ImageNet classification (2012), section 3.3.
    """
    check_min_rank("local_response_norm", x.shape, 2, "(batch, ..., channels)")
    check_positive_int("local_response_norm", "size", size)
    if size % 2 == 0:
        raise ArgumentError(
            f"local_response_norm expected size to be an odd number, so that both sides count "
            f"alike, got {size}; type size={size + 1}."
        )
    check_range("local_response_norm", "k", k, 0, open_low=True)
    native = kernels.local_response.takes(x)
    body = _body(kernels.local_response.local_response_norm, _y, native, size, k, alpha, beta)
    return body(x), x


def local_response_norm_backward(
    x: Array,
    dy: Array,
    *,
    size: int = 5,
    k: float = 2.0,
    alpha: float = 1e-4,
    beta: float = 0.75,
) -> tuple[Array]:
    """Return dx_i = dy_i s_i^(-beta) + 2 alpha x_i sum_j ds_j."""
    native = kernels.local_response.takes(x) and dy.dtype == x.dtype
    body = _body(kernels.local_response.local_response_gradient, _dx, native, size, k, alpha, beta)
    return (body(x, dy),)


@cache
def _body(
    kernel: Callable[..., Array],
    plain: Callable[..., Array],
    native: bool,
    size: int,
    k: float,
    alpha: float,
    beta: float,
) -> Callable[..., Array]:
    """Return the plain body, or the kernel, mapped and differentiated as the plain one."""
    settings = {"size": size, "k": k, "alpha": alpha, "beta": beta}
    slow, fast = partial(plain, **settings), partial(kernel, **settings)
    return differentiated_as(slow, kernels.with_plain(fast, slow)) if native else slow


def _y(x: Array, *, size: int, k: float, alpha: float, beta: float) -> Array:
    return x * _s(x, size, k, alpha) ** -beta


def _dx(x: Array, dy: Array, *, size: int, k: float, alpha: float, beta: float) -> Array:
    s = _s(x, size, k, alpha)
    ds = -beta * dy * x * s ** (-beta - 1)
    return dy * s**-beta + 2 * alpha * x * _over_neighbors(ds, size)


def _s(x: Array, size: int, k: float, alpha: float) -> Array:
    """Return s_i = k + alpha sum_j x_j^2."""
    return k + alpha * _over_neighbors(x * x, size)


def _over_neighbors(a: Array, size: int) -> Array:
    """Return the sum of a over the ``size`` channels around each channel."""
    r, channels = size // 2, a.shape[-1]
    wide = jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(r, r)])
    total = jnp.zeros_like(a)
    for j in range(size):
        total = total + wide[..., j : j + channels]
    return total


def _flops(x: Shape, *, size: int = 5, **_: Any) -> int:
    """Return size + 5 for each entry."""
    return (size + 5) * prod(x)


local_response_norm = register(
    "local_response_norm",
    local_response_norm_forward,
    local_response_norm_backward,
    formula="y_i = x_i s_i^(-beta), s_i = k + alpha sum_j x_j^2",
    gradient="dx_i = dy_i s_i^(-beta) + 2 alpha x_i sum_j ds_j with "
    "ds_j = -beta dy_j x_j s_j^(-beta - 1)",
    symbols={
        "x": "input, (batch, ..., channels)",
        "i, j": "channels; j runs over the size channels around i",
        "k, alpha, beta": "settings",
        "dy": "gradient of the loss with respect to y",
        "y": "output, the shape of x",
        "s": "k + alpha times the sum of squares over the neighbors",
    },
    reference="Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional "
    "neural networks, NIPS (2012), section 3.3",
    flops=_flops,
)
