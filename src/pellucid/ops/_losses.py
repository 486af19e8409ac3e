"""What all loss operations have in common.

A loss is an operation on a prediction p and a target t. It sums or averages over the last axis, so
its value y has the shape of p without that axis: one number for each example. Nothing is
broadcast and nothing is rescaled. How the numbers of a batch become one number is decided
elsewhere; ``dy`` is the gradient of that one number with respect to y.

Targets that are floats get their true gradient too, so that a target may itself be the output of
a network (distillation, for instance); class labels are integers and have none.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pellucid._checks import check_min_rank, check_same_shape
from pellucid.errors import DTypeError, ShapeError

Array = jax.Array

EPSILON = 1e-7
"""The distance that a probability is kept from 0, and from 1 where log(1 - p) is taken."""

SYMBOLS = {
    "p": "prediction, (..., n)",
    "t": "target, (..., n)",
    "n": "size of the last axis",
    "y": "value of the loss for each example, (...)",
    "dy": "gradient of the whole loss with respect to y",
}
PROBABILITY_SYMBOLS = {
    **SYMBOLS,
    "p": "predicted probabilities, kept in [eps, 1 - eps], (..., n)",
    "t": "target probabilities, (..., n)",
    "eps": "1e-7",
}
LOGIT_SYMBOLS = {
    "z": "logits (raw scores), (..., n)",
    "t": "target probabilities, (..., n)",
    **{symbol: SYMBOLS[symbol] for symbol in ("n", "y", "dy")},
}


class PairSaved(NamedTuple):
    """What a backward pass reads: prediction and target."""

    p: Array
    t: Array


def save_pair(y: Array, p: Array, t: Array) -> PairSaved:
    """Return what the backward pass reads, from value, prediction and target."""
    return PairSaved(p, t)


def check_pair(who: str, p: Array, t: Array) -> None:
    """Raise unless prediction and target are float arrays of the same shape and type."""
    check_min_rank(who, p.shape, 1, "(..., n)")
    check_same_shape(who, "prediction", p.shape, "target", t.shape)
    _check_float(who, p)
    if t.dtype != p.dtype:
        raise DTypeError(
            f"{who} expected a target of the prediction's type {p.dtype}, got {t.dtype}; "
            "cast it with target.astype(prediction.dtype)."
        )


def check_labels(who: str, p: Array, k: Array) -> None:
    """Raise unless k holds one integer label for each row of the prediction."""
    check_min_rank(who, p.shape, 1, "(..., classes)")
    _check_float(who, p)
    if not jnp.issubdtype(k.dtype, jnp.integer):
        raise DTypeError(f"{who} expected integer class labels, got an array of {k.dtype}.")
    if k.shape != p.shape[:-1]:
        raise ShapeError(
            f"{who} expected one label for each row of predictions, shape {p.shape[:-1]}, "
            f"got shape {k.shape}."
        )


def _check_float(who: str, p: Array) -> None:
    if not jnp.issubdtype(p.dtype, jnp.floating):
        raise DTypeError(f"{who} expected predictions of a float type, got {p.dtype}.")


def clip_probability(p: Array, *, high: bool = True) -> Array:
    """Return p kept in [epsilon, 1 - epsilon], or in [epsilon, 1] without ``high``.

    A type too coarse to hold 1 - epsilon (float16, bfloat16) gets its own last step below 1.
    """
    epsilon = max(EPSILON, float(jnp.finfo(p.dtype).epsneg))
    return jnp.clip(p, epsilon, 1 - epsilon if high else 1)
