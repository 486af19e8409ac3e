"""Margin losses, which are zero once the right side is ahead by 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import ops
from pellucid.losses._base import REGISTRY, Loss, as_pair
from pellucid.losses._targets import (
    Size,
    as_numbers,
    check_between,
    check_like_output,
    check_one_hot_shape,
    check_signs,
)

Array = jax.Array


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """The loss of the support-vector machine, for targets -1 and 1.

    ::

        y = (1/n) sum_i max(1 - t_i p_i, 0)        dy/dp_i = -t_i / n where t_i p_i < 1, else 0

    A target 0 is read as -1, so that labels 0 and 1 are taken as well. Predictions are raw scores.

    Args:
        reduction, name: see ``Loss``.

    >>> float(Hinge()([[1], [0]], [[0.5], [-2.0]]))
    0.25
    """

    formula: ClassVar[str] = ops.hinge.formula
    reference: ClassVar[str] = ops.hinge.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        p, t = as_pair(y_true, y_pred)
        return ops.hinge(p, as_signs(t))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are -1 and 1 (or 0 and 1) in the shape of the output."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_like_output(who, y, output_shape)
        check_signs(who, y)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class SquaredHinge(Loss):
    """The square of the hinge: smooth at the margin, harder on large errors.

    ::

        y = (1/n) sum_i m_i^2,  m_i = max(1 - t_i p_i, 0)        dy/dp_i = -2 m_i t_i / n

    A target 0 is read as -1, so that labels 0 and 1 are taken as well. Predictions are raw scores.

    Args:
        reduction, name: see ``Loss``.

    >>> float(SquaredHinge()([[1], [0]], [[0.5], [-2.0]]))
    0.125
    """

    formula: ClassVar[str] = ops.squared_hinge.formula
    reference: ClassVar[str] = ops.squared_hinge.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        p, t = as_pair(y_true, y_pred)
        return ops.squared_hinge(p, as_signs(t))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are -1 and 1 (or 0 and 1) in the shape of the output."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_like_output(who, y, output_shape)
        check_signs(who, y)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class CategoricalHinge(Loss):
    """The hinge for several classes, one-hot targets: the right score must lead by 1.

    ::

        y = max(1 + max_i (1 - t_i) p_i - sum_i t_i p_i, 0)

    Args:
        reduction, name: see ``Loss``.

    >>> float(CategoricalHinge()([[0, 1, 0]], [[0.5, 1.0, -1.0]]))
    0.5
    """

    formula: ClassVar[str] = ops.categorical_hinge.formula
    reference: ClassVar[str] = ops.categorical_hinge.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each row of scores, the last axis being the classes."""
        return ops.categorical_hinge(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are one number in [0, 1] for each class."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_one_hot_shape(who, y, output_shape)
        check_between(who, y, 0, 1, "make one-hot rows with to_categorical(labels)")


def as_signs(t: Array) -> Array:
    """Return targets with 0 written as -1: labels 0 and 1 become -1 and 1, -1 and 1 stay.

    Keras decides this for a whole batch at once; for targets of one kind the result is the same.
    """
    return jnp.where(t == 0, -1, t)
