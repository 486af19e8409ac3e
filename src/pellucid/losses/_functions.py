"""The losses as functions, in Keras's order of arguments: one value for each example."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pellucid.losses._base import Loss
from pellucid.losses._crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from pellucid.losses._margin import CategoricalHinge, Hinge, SquaredHinge
from pellucid.losses._regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
)

Array = jax.Array


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (1/n) sum_i (p_i - t_i)^2 over the last axis.

    >>> mean_squared_error([[0.0, 1.0], [2.0, 2.0]], [[1.0, 1.0], [2.0, 2.0]]).tolist()
    [0.5, 0.0]
    """
    return _values(MeanSquaredError(), y_true, y_pred)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (1/n) sum_i |p_i - t_i| over the last axis."""
    return _values(MeanAbsoluteError(), y_true, y_pred)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Array:
    """Return the mean over the last axis of r^2/2 up to |r| = delta, a straight line beyond."""
    return _values(Huber(delta), y_true, y_pred)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (1/n) sum_i log cosh(p_i - t_i) over the last axis."""
    return _values(LogCosh(), y_true, y_pred)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (1/n) sum_i (p_i - t_i log(p_i + 1e-7)) over the last axis."""
    return _values(Poisson(), y_true, y_pred)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return minus the cosine of the angle between the vectors on the last axis."""
    return _values(CosineSimilarity(), y_true, y_pred)


def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Array:
    """Return -(1/n) sum_i (t_i log p_i + (1 - t_i) log(1 - p_i)) over the last axis."""
    return _values(BinaryCrossentropy(from_logits, label_smoothing), y_true, y_pred)


def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Array:
    """Return -sum_i t_i log p_i over the last axis, for one-hot targets."""
    return _values(CategoricalCrossentropy(from_logits, label_smoothing), y_true, y_pred)


def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False
) -> Array:
    """Return -log p_k over the last axis, for integer labels k.

    >>> sparse_categorical_crossentropy([0], [[1.0, 0.0]]).round(3).tolist()
    [0.0]
    """
    return _values(SparseCategoricalCrossentropy(from_logits), y_true, y_pred)


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return sum_i t_i log(t_i / p_i) over the last axis."""
    return _values(KLDivergence(), y_true, y_pred)


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (1/n) sum_i max(1 - t_i p_i, 0) over the last axis, for targets -1 and 1 (or 0, 1)."""
    return _values(Hinge(), y_true, y_pred)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return (1/n) sum_i max(1 - t_i p_i, 0)^2 over the last axis, for targets as in ``hinge``."""
    return _values(SquaredHinge(), y_true, y_pred)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return max(1 + max_i (1 - t_i) p_i - sum_i t_i p_i, 0), for one-hot targets."""
    return _values(CategoricalHinge(), y_true, y_pred)


def _values(loss: Loss, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    return loss.values(jnp.asarray(y_true), jnp.asarray(y_pred))


CLASSES: dict[object, type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    huber: Huber,
    log_cosh: LogCosh,
    poisson: Poisson,
    cosine_similarity: CosineSimilarity,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    kl_divergence: KLDivergence,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
}
"""The class of each function, which ``get`` takes in its place: it can be checked and saved."""
