"""Group normalization: every sample by itself, its channels in groups.

The formulas are those at the top of ``_normalization.py``; the set of numbers that shares a mean
and a variance is one group of channels of one sample, over all positions. One group is layer
normalization over a whole sample, as many groups as channels is instance normalization.
"""

from math import prod
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_divisible, check_positive_int
from pellucid.ops._normalization import _SYMBOLS, _affine, _check_channels, _rows
from pellucid.ops._registry import elementwise_flops, register

Shape = tuple[int, ...]


class GroupNormSaved(NamedTuple):
    """What the backward pass of ``group_norm`` reads."""

    x: Array
    gamma: Array | None
    beta: Array | None


def group_norm_forward(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    groups: int,
    epsilon: float = 1e-3,
) -> tuple[Array, GroupNormSaved]:
    """Group normalization, y = gamma (x - m) / sqrt(v + eps) + beta, over groups of channels.

    Group g of a sample is a set of its own: m and v are taken over its positions and over the run g
    of channels / groups channels. With g = gamma dy and means over that set::

        dx     = (g - mean(g) - h mean(g h)) / sqrt(v + eps)
        dgamma = sum over samples and positions of dy h        dbeta = sum of dy, likewise

    Args:
        x: input, shape (batch, ..., channels).
        gamma: scale, shape (channels,), or None for 1.
        beta: offset, shape (channels,), or None for 0.
        groups: how many groups, a divisor of channels.
        epsilon: eps, above 0.

    Returns:
        y of the shape of x, and what the backward pass reads.

    Raises:
        ShapeError: if gamma or beta does not have one entry for each channel.
        ArgumentError: if groups does not divide the channels.

    References:
        Wu, He, Group normalization (2018), equations 1, 2 and 7; Ulyanov, Vedaldi, Lempitsky,
        Instance normalization (2016).
    """
    _check_channels("group_norm", x, gamma, beta)
    check_positive_int("group_norm", "groups", groups)
    check_divisible("group_norm", "the number of channels", x.shape[-1], "groups", groups)
    h, _ = _normalized(_in_groups(x, groups), epsilon)
    y = _affine(h.reshape(x.shape), gamma, beta).astype(x.dtype)
    return y, GroupNormSaved(x, gamma, beta)


def group_norm_backward(
    saved: GroupNormSaved, dy: Array, *, groups: int, epsilon: float = 1e-3
) -> tuple[Array, Array | None, Array | None]:
    """Return dx, dgamma and dbeta."""
    x, gamma, beta = saved
    h, root = _normalized(_in_groups(x, groups), epsilon)
    dy = dy.astype(h.dtype)
    g = _in_groups(dy if gamma is None else gamma * dy, groups)
    mean_g = jnp.mean(g, axis=(1, 3), keepdims=True)
    mean_gh = jnp.mean(g * h, axis=(1, 3), keepdims=True)
    dx = ((g - mean_g - h * mean_gh) / root).reshape(x.shape).astype(x.dtype)
    sum_dyh = jnp.sum(dy * h.reshape(x.shape), axis=_rows(x))
    dgamma = None if gamma is None else sum_dyh.astype(gamma.dtype)
    dbeta = None if beta is None else jnp.sum(dy, axis=_rows(x)).astype(beta.dtype)
    return dx, dgamma, dbeta


def _in_groups(x: Array, groups: int) -> Array:
    """Return x as (batch, positions, groups, channels / groups)."""
    return x.reshape(x.shape[0], prod(x.shape[1:-1]), groups, x.shape[-1] // groups)


def _normalized(x: Array, epsilon: float) -> tuple[Array, Array]:
    """Return h and sqrt(v + eps) over positions and the channels of a group, float32 at least."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    centered = wide - jnp.mean(wide, axis=(1, 3), keepdims=True)
    variance = jnp.mean(jnp.square(centered), axis=(1, 3), keepdims=True)
    root = jnp.sqrt(variance + epsilon)
    return centered / root, root


group_norm = register(
    "group_norm",
    group_norm_forward,
    group_norm_backward,
    formula="y = gamma (x - m) / sqrt(v + eps) + beta",
    gradient="dx = (g - mean(g) - h mean(g h)) / sqrt(v + eps) with g = gamma dy; "
    "dgamma = sum dy h; dbeta = sum dy",
    symbols={**_SYMBOLS, "y": "output, the shape of x"},
    reference="Wu, He, Group normalization, ECCV (2018), equations 1, 2 and 7",
    flops=elementwise_flops(8),
)
