"""Losses between numbers: squared, absolute, Huber, log-cosh, Poisson, and the cosine of an angle.

The first four depend on the residual r = p - t alone, so dt = -dp. p, t and the gradients have
shape (..., n); y and dy have shape (...).
"""

from math import log
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_range
from pellucid.ops._losses import EPSILON, SYMBOLS, PairSaved, check_pair, save_pair
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

RESIDUAL_SYMBOLS = {**SYMBOLS, "r": "residual p - t"}


class ResidualSaved(NamedTuple):
    """What the backward pass reads where the loss depends on r = p - t alone."""

    r: Array


def mean_squared_error_forward(p: Array, t: Array) -> tuple[Array, ResidualSaved]:
    """Mean squared error, y = (1/n) sum_i r_i^2 with r = p - t.

    ::

        dp_i = dy dy/dp_i = (2/n) r_i dy        dt_i = -dp_i        (..., n)

    There is no factor 1/2 in front of the square, hence the 2 in the gradient.

    Args:
        p: prediction, shape (..., n).
        t: target, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), section 5.2.
    """
    check_pair("mean_squared_error", p, t)
    r = p - t
    y = jnp.mean(r * r, axis=-1)
    return y, ResidualSaved(r)


def mean_squared_error_backward(saved: ResidualSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = 2 r dy / n and dt = -dp."""
    (r,) = saved
    dp = 2 * r * (dy[..., None] / r.shape[-1])
    return dp, -dp


mean_squared_error = register(
    "mean_squared_error",
    mean_squared_error_forward,
    mean_squared_error_backward,
    formula="y = (1/n) sum_i (p_i - t_i)^2",
    gradient="dp = 2 (p - t) dy / n; dt = -dp",
    symbols=SYMBOLS,
    reference="Bishop, Pattern Recognition and Machine Learning (2006), section 5.2",
    flops=elementwise_flops(3),
)


def mean_absolute_error_forward(p: Array, t: Array) -> tuple[Array, ResidualSaved]:
    """Mean absolute error, y = (1/n) sum_i |r_i| with r = p - t.

    ::

        dp_i = (1/n) sign(r_i) dy        dt_i = -dp_i        (..., n)

    At the kink, r_i = 0, the derivative is taken as 0.

    Args:
        p: prediction, shape (..., n).
        t: target, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bloomfield, Steiger, Least Absolute Deviations (1983).
    """
    check_pair("mean_absolute_error", p, t)
    r = p - t
    y = jnp.mean(jnp.abs(r), axis=-1)
    return y, ResidualSaved(r)


def mean_absolute_error_backward(saved: ResidualSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = sign(r) dy / n and dt = -dp."""
    (r,) = saved
    dp = jnp.sign(r) * (dy[..., None] / r.shape[-1])
    return dp, -dp


mean_absolute_error = register(
    "mean_absolute_error",
    mean_absolute_error_forward,
    mean_absolute_error_backward,
    formula="y = (1/n) sum_i |p_i - t_i|",
    gradient="dp = sign(p - t) dy / n; dt = -dp",
    symbols=SYMBOLS,
    reference="Bloomfield, Steiger, Least Absolute Deviations (1983)",
    flops=elementwise_flops(3),
)


class HuberSaved(NamedTuple):
    """What the backward pass of ``huber`` reads: the residual cut off at delta."""

    c: Array


def huber_forward(p: Array, t: Array, *, delta: float = 1.0) -> tuple[Array, HuberSaved]:
    """Huber loss: a parabola near zero, straight lines beyond delta.

    With r = p - t and c = min(max(r, -delta), delta), both pieces are y = (1/n) sum_i c (r - c/2)::

        |r| <= delta:  c = r                 c (r - c/2) = r^2 / 2
        |r| >  delta:  c = sign(r) delta     c (r - c/2) = delta (|r| - delta/2)
        dp_i = (1/n) c_i dy                  dt_i = -dp_i

    since d(r^2/2)/dr = r and d(delta |r|)/dr = sign(r) delta: the slope is c in both, with no jump.

    Args:
        p: prediction, shape (..., n).
        t: target, shape (..., n).
        delta: where the straight lines begin, more than 0.

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.
        ArgumentError: if delta is not positive.

    References:
        Huber, Robust estimation of a location parameter (1964).
    """
    check_pair("huber", p, t)
    check_range("huber", "delta", delta, 0, open_low=True)
    r = p - t
    c = jnp.clip(r, -delta, delta)
    y = jnp.mean(c * (r - c / 2), axis=-1)
    return y, HuberSaved(c)


def huber_backward(saved: HuberSaved, dy: Array, *, delta: float = 1.0) -> tuple[Array, Array]:
    """Return dp = c dy / n and dt = -dp."""
    (c,) = saved
    dp = c * (dy[..., None] / c.shape[-1])
    return dp, -dp


huber = register(
    "huber",
    huber_forward,
    huber_backward,
    formula="y = (1/n) sum_i c_i (r_i - c_i / 2), c = min(max(r, -delta), delta), r = p - t",
    gradient="dp = c dy / n; dt = -dp",
    symbols={
        **RESIDUAL_SYMBOLS,
        "delta": "where the straight lines begin",
        "c": "r, cut to [-delta, delta]",
    },
    reference="Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964)",
    flops=elementwise_flops(7),
)


def log_cosh_forward(p: Array, t: Array) -> tuple[Array, ResidualSaved]:
    """Logarithm of the hyperbolic cosine, y = (1/n) sum_i log cosh(r_i) with r = p - t.

    About r^2/2 near zero and |r| - log 2 far out, and smooth everywhere::

        d log cosh(r) / dr = sinh(r) / cosh(r) = tanh(r)
        dp_i = (1/n) tanh(r_i) dy        dt_i = -dp_i

    cosh(r) = e^|r| (1 + e^(-2|r|)) / 2 would overflow, so its logarithm is taken term by term:
    log cosh(r) = |r| + log(1 + e^(-2|r|)) - log 2.

    Args:
        p: prediction, shape (..., n).
        t: target, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Green, Bayesian reconstructions from emission tomography data (1990).
    """
    check_pair("log_cosh", p, t)
    r = p - t
    a = jnp.abs(r)
    y = jnp.mean(a + jnp.log1p(jnp.exp(-2 * a)) - log(2), axis=-1)
    return y, ResidualSaved(r)


def log_cosh_backward(saved: ResidualSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = tanh(r) dy / n and dt = -dp."""
    (r,) = saved
    dp = jnp.tanh(r) * (dy[..., None] / r.shape[-1])
    return dp, -dp


log_cosh = register(
    "log_cosh",
    log_cosh_forward,
    log_cosh_backward,
    formula="y = (1/n) sum_i log cosh(p_i - t_i)",
    gradient="dp = tanh(p - t) dy / n; dt = -dp",
    symbols=SYMBOLS,
    reference="Green, Bayesian reconstructions from emission tomography data using a modified EM "
    "algorithm, IEEE Trans. Medical Imaging 9 (1990)",
    flops=elementwise_flops(8),
)


def poisson_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Poisson loss, y = (1/n) sum_i (p_i - t_i log(p_i + eps)), for counts t and rates p.

    The negative log-likelihood of t under the rate p, without the term log t! that p does not
    change; eps = 1e-7 keeps the logarithm finite at p = 0::

        dp_i = (1/n) (1 - t_i / (p_i + eps)) dy        dt_i = -(1/n) log(p_i + eps) dy

    Args:
        p: predicted rates, 0 or more, shape (..., n); a negative one gives NaN.
        t: target counts, shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Nelder, Wedderburn, Generalized linear models (1972).
    """
    check_pair("poisson", p, t)
    y = jnp.mean(p - t * jnp.log(p + EPSILON), axis=-1)
    return y, PairSaved(p, t)


def poisson_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = (1 - t / (p + eps)) dy / n and dt = -log(p + eps) dy / n."""
    p, t = saved
    dy_n = dy[..., None] / p.shape[-1]
    dp = (1 - t / (p + EPSILON)) * dy_n
    dt = -jnp.log(p + EPSILON) * dy_n
    return dp, dt


poisson = register(
    "poisson",
    poisson_forward,
    poisson_backward,
    formula="y = (1/n) sum_i (p_i - t_i log(p_i + eps))",
    gradient="dp = (1 - t / (p + eps)) dy / n; dt = -log(p + eps) dy / n",
    symbols={**SYMBOLS, "eps": "1e-7"},
    reference="Nelder, Wedderburn, Generalized linear models, J. R. Statist. Soc. A 135 (1972)",
    flops=elementwise_flops(5),
    save=save_pair,
)


class CosineSaved(NamedTuple):
    """What the backward pass of ``cosine_similarity`` reads: unit vectors and lengths."""

    p_hat: Array
    t_hat: Array
    p_length: Array
    t_length: Array


def cosine_similarity_forward(p: Array, t: Array) -> tuple[Array, CosineSaved]:
    """Negative cosine of the angle between two vectors, y = -sum_i p^_i t^_i, from -1 to 1.

    p^ = p/|p| and t^ = t/|t| have length 1. |p| grows by p^_j when p_j does, so::

        dp^_i/dp_j = ([i = j] - p^_i p^_j) / |p|
        dp_j = -dy sum_i t^_i ([i = j] - p^_i p^_j) / |p| = -dy (t^_j + y p^_j) / |p|

    and dt_j = -dy (p^_j + y t^_j) / |t| by symmetry: only the part across the vector counts. A
    length below eps = 1e-7 is replaced by eps, a constant, and the term with y falls away.

    Args:
        p: predicted vectors, shape (..., n).
        t: target vectors, shape (..., n).

    Returns:
        y of shape (...): -1 for the same direction, 1 for opposite ones; and what the backward
        pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Salton, Wong, Yang, A vector space model for automatic indexing (1975).
    """
    check_pair("cosine_similarity", p, t)
    p_length = _length(p)
    t_length = _length(t)
    p_hat = p / p_length
    t_hat = t / t_length
    y = -jnp.sum(p_hat * t_hat, axis=-1)
    return y, CosineSaved(p_hat, t_hat, p_length, t_length)


def cosine_similarity_backward(saved: CosineSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = -(t^ + y p^) dy / |p| and dt = -(p^ + y t^) dy / |t|."""
    p_hat, t_hat, p_length, t_length = saved
    dy = dy[..., None]
    y = -jnp.sum(p_hat * t_hat, axis=-1, keepdims=True)
    dp = -(t_hat + jnp.where(p_length > EPSILON, y, 0) * p_hat) * dy / p_length
    dt = -(p_hat + jnp.where(t_length > EPSILON, y, 0) * t_hat) * dy / t_length
    return dp, dt


def _length(v: Array) -> Array:
    """Return the length of each vector, at least 1e-7, with its axis kept."""
    return jnp.sqrt(jnp.maximum(jnp.sum(v * v, axis=-1, keepdims=True), EPSILON**2))


cosine_similarity = register(
    "cosine_similarity",
    cosine_similarity_forward,
    cosine_similarity_backward,
    formula="y = -sum_i p^_i t^_i, p^ = p / |p|, t^ = t / |t|",
    gradient="dp = -(t^ + y p^) dy / |p|; dt = -(p^ + y t^) dy / |t|",
    symbols={**SYMBOLS, "|p|": "length of p along the last axis, at least 1e-7"},
    reference="Salton, Wong, Yang, A vector space model for automatic indexing, CACM 18 (1975)",
    flops=elementwise_flops(8),
)
