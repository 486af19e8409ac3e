"""Radial basis functions: how far an input lies from a center, and a bell over that distance."""

from math import prod
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from pellucid._checks import check_last_axis, check_min_rank, check_rank, check_same_shape
from pellucid.ops._registry import elementwise_flops, register

Shape = tuple[int, ...]


class SquaredDistanceSaved(NamedTuple):
    """What the backward pass of ``squared_distance`` reads."""

    x: Array
    c: Array


def squared_distance_forward(x: Array, c: Array) -> tuple[Array, SquaredDistanceSaved]:
    """Squared Euclidean distance of an input from each center, d_j = sum_i (x_i - c_ji)^2.

    ::

        dx_i  = 2 sum_j dd_j (x_i - c_ji)               dx = 2 (x sum_j dd_j - dd C)
        dc_ji = 2 sum_n dd_nj (c_ji - x_ni)             dC = 2 (C sum_n dd_n - dd^T x)

    Args:
        x: input, shape (..., features); all axes but the last are rows n.
        c: centers C, shape (units, features).

    Returns:
        d of shape (..., units), and what the backward pass reads.

    Raises:
        ShapeError: if the centers are not points of the input's space.

    References:
        LeCun, Bottou, Bengio, Haffner (1998), equation 7.
    """
    check_min_rank("squared_distance", x.shape, 1, "(..., features)")
    check_rank("squared_distance", c.shape, 2, "(units, features) of centers")
    check_last_axis("squared_distance", x.shape, c.shape[1], "each center has so many entries")
    return jnp.sum(jnp.square(x[..., None, :] - c), axis=-1), SquaredDistanceSaved(x, c)


def squared_distance_backward(saved: SquaredDistanceSaved, dd: Array) -> tuple[Array, Array]:
    """Return dx = 2 (x sum_j dd_j - dd C) and dC = 2 (C sum_n dd_n - dd^T x)."""
    x, c = saved
    rows_x = x.reshape(-1, x.shape[-1])
    rows_dd = dd.reshape(-1, dd.shape[-1])
    dx = 2 * (x * jnp.sum(dd, axis=-1, keepdims=True) - dd @ c)
    dc = 2 * (c * jnp.sum(rows_dd, axis=0)[:, None] - rows_dd.T @ rows_x)
    return dx, dc


def _squared_distance_flops(x: Shape, c: Shape) -> int:
    """Return 3 * rows * (entries of c)."""
    return 3 * prod(x[:-1]) * prod(c)


squared_distance = register(
    "squared_distance",
    squared_distance_forward,
    squared_distance_backward,
    formula="d_j = sum_i (x_i - c_ji)^2",
    gradient="dx_i = 2 sum_j dd_j (x_i - c_ji); dc_ji = 2 sum_n dd_nj (c_ji - x_ni)",
    symbols={
        "x": "input, (..., features)",
        "c": "centers, (units, features)",
        "dd": "gradient of the loss with respect to d",
        "d": "squared distances, (..., units)",
    },
    reference="LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86 (1998), equation 7",
    flops=_squared_distance_flops,
)


class GaussianSaved(NamedTuple):
    """What the backward pass of ``gaussian`` reads."""

    d: Array
    w: Array


def gaussian_forward(d: Array, w: Array) -> tuple[Array, GaussianSaved]:
    """A bell over a squared distance, y_j = exp(-d_j / (2 w_j^2)).

    The exponential is its own derivative::

        dd_j = -y_j dy_j / (2 w_j^2)
        dw_j = sum_n y_nj dy_nj d_nj / w_j^3

    Args:
        d: squared distances, shape (..., units); all axes but the last are rows n.
        w: widths (standard deviations), shape (units,), not 0.

    Returns:
        y of the shape of d, between 0 and 1, and what the backward pass reads.

    Raises:
        ShapeError: if there is not one width for each unit.

    References:
        Broomhead, Lowe, Multivariable functional interpolation (1988); Moody, Darken (1989),
        equation 2.
    """
    check_min_rank("gaussian", d.shape, 1, "(..., units)")
    check_same_shape("gaussian", "the widths", w.shape, "(units,)", d.shape[-1:])
    return jnp.exp(-d / (2 * w**2)), GaussianSaved(d, w)


def gaussian_backward(saved: GaussianSaved, dy: Array) -> tuple[Array, Array]:
    """Return dd = -y dy / (2 w^2) and dw = sum_n y dy d / w^3."""
    d, w = saved
    slope = jnp.exp(-d / (2 * w**2)) * dy
    dd = -slope / (2 * w**2)
    dw = jnp.sum(slope * d, axis=tuple(range(d.ndim - 1))) / w**3
    return dd, dw


gaussian = register(
    "gaussian",
    gaussian_forward,
    gaussian_backward,
    formula="y_j = exp(-d_j / (2 w_j^2))",
    gradient="dd_j = -y_j dy_j / (2 w_j^2); dw_j = sum_n y_nj dy_nj d_nj / w_j^3",
    symbols={
        "d": "squared distances, (..., units)",
        "w": "widths, (units,)",
        "n, j": "row, unit",
        "dy": "gradient of the loss with respect to y",
        "y": "output, the shape of d",
    },
    reference="Moody, Darken, Fast learning in networks of locally-tuned processing units, Neural "
    "Computation 1 (1989), equation 2",
    flops=elementwise_flops(3),
)
