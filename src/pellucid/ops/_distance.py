"""The distance of two points, row by row."""

from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank, check_same_shape
from pellucid.ops._registry import register

Array = jax.Array

LEAST = 1e-12
"""Added to the squared distance, so that equal points have a slope: 0."""


class DistanceSaved(NamedTuple):
    """What the backward pass of ``distance`` reads."""

    d: Array
    a: Array
    b: Array


def distance_forward(a: Array, b: Array) -> tuple[Array, DistanceSaved]:
    """Euclidean distance of two points, d = sqrt(sum_i (a_i - b_i)^2 + eps).

    With d^2 = sum_i (a_i - b_i)^2 + eps, 2 d dd/da_i = 2 (a_i - b_i)::

        da_i = (a_i - b_i) / d dd        db_i = -da_i

    Args:
        a: points, shape (..., features).
        b: points, likewise.

    Returns:
        d of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.

    References:
        Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping (2006),
        equation 1.
    """
    check_min_rank("distance", a.shape, 1, "(..., features)")
    check_same_shape("distance", "points a", a.shape, "points b", b.shape)
    d = jnp.sqrt(jnp.sum(jnp.square(a - b), axis=-1) + LEAST)
    return d, DistanceSaved(d, a, b)


def distance_backward(saved: DistanceSaved, dd: Array) -> tuple[Array, Array]:
    """Return da = (a - b) / d dd and db = -da."""
    d, a, b = saved
    da = (a - b) * (dd / d)[..., None]
    return da, -da


def distance_flops(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Return 3 for each entry."""
    return 3 * prod(a)


distance = register(
    "distance",
    distance_forward,
    distance_backward,
    formula="d = sqrt(sum_i (a_i - b_i)^2 + eps)",
    gradient="da = (a - b) / d dd; db = -da",
    symbols={
        "a": "points, (..., features)",
        "b": "points, (..., features)",
        "eps": "1e-12",
        "dd": "gradient of the loss with respect to d",
        "d": "distances, (...)",
    },
    reference="Hadsell, Chopra, LeCun, Dimensionality reduction by learning an invariant mapping "
    "(2006), equation 1",
    flops=distance_flops,
    save=DistanceSaved,
)
