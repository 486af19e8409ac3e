"""Margin losses: zero once the right side is ahead by 1, a straight line (or a square) before.

p and the gradients have shape (..., n); y and dy have shape (...). At the kink, where the margin is
met exactly, the derivative is taken as 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid.ops._losses import SYMBOLS, PairSaved, check_pair, save_pair
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

SIGN_SYMBOLS = {**SYMBOLS, "t": "target, -1 or 1, (..., n)"}


def hinge_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Hinge loss, y = (1/n) sum_i max(1 - t_i p_i, 0), for targets -1 and 1.

    ::

        dp_i = -(1/n) t_i dy where t_i p_i < 1, else 0
        dt_i = -(1/n) p_i dy where t_i p_i < 1, else 0

    Args:
        p: raw scores, shape (..., n).
        t: targets, -1 or 1, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Cortes, Vapnik, Support-vector networks (1995).
    """
    check_pair("hinge", p, t)
    y = jnp.mean(jnp.maximum(1 - t * p, 0), axis=-1)
    return y, PairSaved(p, t)


def hinge_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = -t dy / n and dt = -p dy / n where t p < 1, else 0."""
    p, t = saved
    dy_n = jnp.where(t * p < 1, dy[..., None] / p.shape[-1], 0)
    return -t * dy_n, -p * dy_n


hinge = register(
    "hinge",
    hinge_forward,
    hinge_backward,
    formula="y = (1/n) sum_i max(1 - t_i p_i, 0)",
    gradient="dp = -t dy / n where t p < 1, else 0; dt = -p dy / n where t p < 1, else 0",
    symbols=SIGN_SYMBOLS,
    reference="Cortes, Vapnik, Support-vector networks, Machine Learning 20 (1995)",
    flops=elementwise_flops(4),
    save=save_pair,
)


def squared_hinge_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Squared hinge loss, y = (1/n) sum_i m_i^2 with m_i = max(1 - t_i p_i, 0).

    ::

        dp_i = (1/n) 2 m_i dm_i/dp_i dy = -(2/n) m_i t_i dy
        dt_i = -(2/n) m_i p_i dy

    m_i = 0 beyond the margin, so no case is needed and the slope has no jump.

    Args:
        p: raw scores, shape (..., n).
        t: targets, -1 or 1, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Tang, Deep learning using linear support vector machines, arXiv:1306.0239 (2013).
    """
    check_pair("squared_hinge", p, t)
    m = jnp.maximum(1 - t * p, 0)
    y = jnp.mean(m * m, axis=-1)
    return y, PairSaved(p, t)


def squared_hinge_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = -2 m t dy / n and dt = -2 m p dy / n."""
    p, t = saved
    m = jnp.maximum(1 - t * p, 0)
    dy_n = dy[..., None] / p.shape[-1]
    return -2 * m * t * dy_n, -2 * m * p * dy_n


squared_hinge = register(
    "squared_hinge",
    squared_hinge_forward,
    squared_hinge_backward,
    formula="y = (1/n) sum_i m_i^2, m = max(1 - t p, 0)",
    gradient="dp = -2 m t dy / n; dt = -2 m p dy / n",
    symbols={**SIGN_SYMBOLS, "m": "what is missing to the margin"},
    reference="Tang, Deep learning using linear support vector machines, arXiv:1306.0239 (2013)",
    flops=elementwise_flops(5),
    save=save_pair,
)


class CategoricalHingeSaved(NamedTuple):
    """What the backward pass of ``categorical_hinge`` reads.

    ``best`` marks the wrong class with the highest score (shared equally between ties) and
    ``active`` the rows whose margin is not met.
    """

    p: Array
    t: Array
    best: Array
    active: Array


def categorical_hinge_forward(p: Array, t: Array) -> tuple[Array, CategoricalHingeSaved]:
    """Hinge loss for several classes, y = max(1 + max_i (1 - t_i) p_i - sum_i t_i p_i, 0).

    The score of the right class (t one-hot) has to beat the best wrong score by 1. Let b be 1 at
    the i where (1 - t_i) p_i is largest and 0 elsewhere; where y > 0::

        dp_i = (b_i (1 - t_i) - t_i) dy        dt_i = -(b_i p_i + p_i) dy

    and 0 where y = 0. Equal maxima share b equally, and the entry of the right class, which is 0,
    takes part: no wrong class counts as best while all of them are negative.

    Args:
        p: scores, shape (..., classes).
        t: one-hot targets, shape (..., classes).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Crammer, Singer, On the algorithmic implementation of multiclass kernel-based vector
        machines (2001).
    """
    check_pair("categorical_hinge", p, t)
    wrong = (1 - t) * p
    largest = jnp.max(wrong, axis=-1, keepdims=True)
    margin = 1 + largest[..., 0] - jnp.sum(t * p, axis=-1)
    y = jnp.maximum(margin, 0)
    best = (wrong == largest).astype(p.dtype)
    best = best / jnp.sum(best, axis=-1, keepdims=True)
    return y, CategoricalHingeSaved(p, t, best, margin > 0)


def categorical_hinge_backward(saved: CategoricalHingeSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = (b (1 - t) - t) dy and dt = -(b p + p) dy where y > 0, else 0."""
    p, t, b, active = saved
    dy = jnp.where(active, dy, 0)[..., None]
    return (b * (1 - t) - t) * dy, -(b * p + p) * dy


categorical_hinge = register(
    "categorical_hinge",
    categorical_hinge_forward,
    categorical_hinge_backward,
    formula="y = max(1 + max_i (1 - t_i) p_i - sum_i t_i p_i, 0)",
    gradient="dp = (b (1 - t) - t) dy where y > 0, else 0; dt = -(b p + p) dy where y > 0, else 0",
    symbols={**SYMBOLS, "b": "1 at the largest (1 - t_i) p_i, else 0"},
    reference="Crammer, Singer, On the algorithmic implementation of multiclass kernel-based "
    "vector machines, JMLR 2 (2001)",
    flops=elementwise_flops(6),
)
