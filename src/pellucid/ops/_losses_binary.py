"""The cross-entropy of yes-or-no targets, from probabilities and from logits.

The two forms are never mixed silently. Probabilities p are kept in [eps, 1 - eps] before the
logarithm, and the gradient is 0 where that changed them: a probability of exactly 0 or 1 cannot be
learned from. From logits z (raw scores), squashing and logarithm are one operation with the fused
gradient "probability minus target": no logarithm of a rounded probability, no division.
"""

import jax
import jax.numpy as jnp

from pellucid.ops._activations import sigmoid
from pellucid.ops._losses import (
    LOGIT_SYMBOLS,
    PROBABILITY_SYMBOLS,
    PairSaved,
    check_pair,
    clip_probability,
    save_pair,
)
from pellucid.ops._registry import elementwise_flops, register

Array = jax.Array

BISHOP = "Bishop, Pattern Recognition and Machine Learning (2006), "


def binary_crossentropy_forward(p: Array, t: Array) -> tuple[Array, PairSaved]:
    """Binary cross-entropy, y = -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i)).

    The negative log-likelihood of n independent yes-or-no targets::

        dp_i = -(1/n) (t_i / p_i - (1 - t_i) / (1 - p_i)) dy
             = (1/n) (p_i - t_i) / (p_i (1 - p_i)) dy
        dt_i = (1/n) (log(1 - p_i) - log p_i) dy

    p is first kept in [eps, 1 - eps]; dp is 0 where that changes it.

    Args:
        p: predicted probabilities, shape (..., n).
        t: target probabilities (mostly 0 or 1), shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equation 4.90.
    """
    check_pair("binary_crossentropy", p, t)
    c = clip_probability(p)
    y = -jnp.mean(t * jnp.log(c) + (1 - t) * jnp.log(1 - c), axis=-1)
    return y, PairSaved(p, t)


def binary_crossentropy_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dp = (p - t) / (p (1 - p)) dy / n and dt = (log(1 - p) - log p) dy / n."""
    p, t = saved
    c = clip_probability(p)
    dy_n = dy[..., None] / p.shape[-1]
    dp = jnp.where(c == p, (c - t) / (c * (1 - c)), 0) * dy_n
    dt = (jnp.log(1 - c) - jnp.log(c)) * dy_n
    return dp, dt


binary_crossentropy = register(
    "binary_crossentropy",
    binary_crossentropy_forward,
    binary_crossentropy_backward,
    formula="y = -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i))",
    gradient="dp = (p - t) / (p (1 - p)) dy / n, 0 where p was clipped; "
    "dt = (log(1 - p) - log p) dy / n",
    symbols=PROBABILITY_SYMBOLS,
    reference=BISHOP + "equation 4.90",
    flops=elementwise_flops(10),
    save=save_pair,
)


def binary_crossentropy_from_logits_forward(z: Array, t: Array) -> tuple[Array, PairSaved]:
    """Binary cross-entropy of p = sigmoid(z), computed from the logits z.

    log p = z - log(1 + e^z) and log(1 - p) = -log(1 + e^z), so that::

        y    = (1/n) sum_i (log(1 + e^(z_i)) - t_i z_i)
        dz_i = (1/n) (sigmoid(z_i) - t_i) dy        fused: probability minus target
        dt_i = -(1/n) z_i dy

    e^z would overflow; log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), and max(z, 0) - t z is taken
    first, so that a small loss keeps its digits.

    Args:
        z: logits, shape (..., n).
        t: target probabilities (mostly 0 or 1), shape (..., n).

    Returns:
        y of shape (...), and what the backward pass reads.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the two are not floats of one type.

    References:
        Bishop, Pattern Recognition and Machine Learning (2006), equations 4.90 and 4.91.
    """
    check_pair("binary_crossentropy_from_logits", z, t)
    y = jnp.mean((jnp.maximum(z, 0) - t * z) + jnp.log1p(jnp.exp(-jnp.abs(z))), axis=-1)
    return y, PairSaved(z, t)


def binary_crossentropy_from_logits_backward(saved: PairSaved, dy: Array) -> tuple[Array, Array]:
    """Return dz = (sigmoid(z) - t) dy / n and dt = -z dy / n."""
    z, t = saved
    dy_n = dy[..., None] / z.shape[-1]
    dz = (sigmoid(z) - t) * dy_n
    dt = -z * dy_n
    return dz, dt


binary_crossentropy_from_logits = register(
    "binary_crossentropy_from_logits",
    binary_crossentropy_from_logits_forward,
    binary_crossentropy_from_logits_backward,
    formula="y = (1/n) sum_i (log(1 + e^(z_i)) - t_i z_i)",
    gradient="dz = (sigmoid(z) - t) dy / n; dt = -z dy / n",
    symbols=LOGIT_SYMBOLS,
    reference=BISHOP + "equations 4.90 and 4.91",
    flops=elementwise_flops(9),
    save=save_pair,
)
