"""The operation of networks that value actions: from a state's worth and advantages to Q."""

from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_last_axis, check_same_shape
from pellucid.ops._registry import register

Array = jax.Array


class DuelingSaved(NamedTuple):
    """What the backward pass of ``dueling`` reads: nothing but shapes, so an empty tuple."""


def dueling_forward(v: Array, a: Array) -> tuple[Array, DuelingSaved]:
    """Value of each action from the state's own value and the actions' advantages.

    ::

        q_i = v + a_i - (1/n) sum_j a_j

    Without the mean, v could grow by any c while all a_i shrink by it; with it the advantages that
    count have mean 0, and v is the mean of q. Every q_i has v in it once, and a_i in it with the
    weight [i = j] - 1/n, so that ::

        dv   = sum_i dq_i                       (..., 1)
        da_i = dq_i - (1/n) sum_j dq_j          (..., n)

    Args:
        v: value of the state, shape (..., 1).
        a: advantage of each action, shape (..., n).

    Returns:
        q of shape (..., n), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes are not these.

    References:
        Wang and others, Dueling network architectures for deep reinforcement learning (2016),
        equation 9.
    """
    check_last_axis("dueling", v.shape, 1, "give the value one unit, Dense(1)")
    check_same_shape("dueling", "rows of v", v.shape[:-1], "rows of a", a.shape[:-1])
    q = v + a - jnp.mean(a, axis=-1, keepdims=True)
    return q, DuelingSaved()


def dueling_backward(saved: DuelingSaved, dq: Array) -> tuple[Array, Array]:
    """Return dv = sum_i dq_i and da = dq - mean dq."""
    dv = jnp.sum(dq, axis=-1, keepdims=True)
    da = dq - jnp.mean(dq, axis=-1, keepdims=True)
    return dv, da


def dueling_flops(v: tuple[int, ...], a: tuple[int, ...]) -> int:
    """Return n additions for the mean and 2 n more for each row."""
    rows, n = prod(a[:-1]), a[-1]
    return 3 * rows * n


def save_nothing(y: Array, *arrays: Any) -> DuelingSaved:
    """Return what the backward pass reads."""
    return DuelingSaved()


dueling = register(
    "dueling",
    dueling_forward,
    dueling_backward,
    formula="q_i = v + a_i - (1/n) sum_j a_j",
    gradient="dv = sum_i dq_i; da_i = dq_i - (1/n) sum_j dq_j",
    symbols={
        "v": "value of the state, (..., 1)",
        "a": "advantage of each action, (..., n)",
        "q": "value of each action, (..., n)",
        "dq": "gradient of the loss with respect to q",
        "n": "number of actions",
    },
    reference="Wang and others, Dueling network architectures for deep reinforcement learning "
    "(2016), equation 9",
    flops=dueling_flops,
    save=save_nothing,
)
