"""Losses between numbers: each is the operation of the same name with its checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from pellucid import ops
from pellucid._checks import check_range
from pellucid.losses._base import REGISTRY, Expects, Loss, as_pair
from pellucid.losses._targets import Size, as_numbers, check_like_output, check_not_negative

Array = jax.Array


@REGISTRY.register(aliases=("mse",))
@dataclass(frozen=True, repr=False)
class MeanSquaredError(Loss):
    """The mean of squared differences: large errors count most.

    ::

        y = (1/n) sum_i (p_i - t_i)^2        dy/dp_i = 2 (p_i - t_i) / n

    Args:
        reduction, name: see ``Loss``.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
    0.5
    """

    formula: ClassVar[str] = ops.mean_squared_error.formula
    reference: ClassVar[str] = ops.mean_squared_error.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        return ops.mean_squared_error(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are finite numbers in the shape of the output."""
        who = type(self).__name__
        check_like_output(who, as_numbers(who, y_true), output_shape)


@REGISTRY.register(aliases=("mae",))
@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(Loss):
    """The mean of absolute differences: all errors count by their size, outliers little.

    ::

        y = (1/n) sum_i |p_i - t_i|        dy/dp_i = sign(p_i - t_i) / n, 0 at p_i = t_i

    Args:
        reduction, name: see ``Loss``.

    >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[3.0, 1.0]]))
    1.5
    """

    formula: ClassVar[str] = ops.mean_absolute_error.formula
    reference: ClassVar[str] = ops.mean_absolute_error.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        return ops.mean_absolute_error(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are finite numbers in the shape of the output."""
        who = type(self).__name__
        check_like_output(who, as_numbers(who, y_true), output_shape)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """Squared for small differences, absolute for large ones.

    With r = p - t::

        y = (1/n) sum_i (r_i^2 / 2                      where |r_i| <= delta,
                         delta (|r_i| - delta/2)        beyond)

    Args:
        delta: where the straight line begins, more than 0.
        reduction, name: see ``Loss``.

    >>> float(Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5
    """

    delta: float = 1.0

    formula: ClassVar[str] = ops.huber.formula
    reference: ClassVar[str] = ops.huber.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Huber", "delta", self.delta, 0, open_low=True)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        return ops.huber(*as_pair(y_true, y_pred), delta=self.delta)

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are finite numbers in the shape of the output."""
        who = type(self).__name__
        check_like_output(who, as_numbers(who, y_true), output_shape)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class LogCosh(Loss):
    """The logarithm of the hyperbolic cosine of the difference: a Huber loss without a seam.

    ::

        y = (1/n) sum_i log cosh(p_i - t_i)        dy/dp_i = tanh(p_i - t_i) / n

    Args:
        reduction, name: see ``Loss``.

    >>> round(float(LogCosh()([[0.0]], [[1.0]])), 4)
    0.4338
    """

    formula: ClassVar[str] = ops.log_cosh.formula
    reference: ClassVar[str] = ops.log_cosh.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        return ops.log_cosh(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are finite numbers in the shape of the output."""
        who = type(self).__name__
        check_like_output(who, as_numbers(who, y_true), output_shape)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """The negative log-likelihood of counts t under predicted rates p, up to a constant.

    ::

        y = (1/n) sum_i (p_i - t_i log(p_i + 1e-7))

    Args:
        reduction, name: see ``Loss``.

    >>> round(float(Poisson()([[3.0]], [[1.0]])), 4)
    1.0
    """

    formula: ClassVar[str] = ops.poisson.formula
    reference: ClassVar[str] = ops.poisson.reference

    @property
    def expects(self) -> Expects:
        """Rates of 0 or more: the logarithm of a negative one does not exist."""
        return "rates"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the mean over the last axis, for targets of the shape of the predictions."""
        return ops.poisson(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are counts of 0 or more in the shape of the output."""
        who = type(self).__name__
        y = as_numbers(who, y_true)
        check_like_output(who, y, output_shape)
        check_not_negative(who, y, "use MeanSquaredError for numbers of either sign")


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class CosineSimilarity(Loss):
    """The negative cosine of the angle between two vectors: -1 if they point the same way.

    ::

        y = -sum_i p_i t_i / (|p| |t|)

    Lengths below 1e-7 count as 1e-7, so the value for a zero vector is 0.

    Args:
        reduction, name: see ``Loss``.

    >>> float(CosineSimilarity()([[0.0, 2.0]], [[0.0, 5.0]]))
    -1.0
    """

    formula: ClassVar[str] = ops.cosine_similarity.formula
    reference: ClassVar[str] = ops.cosine_similarity.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return minus the cosine over the last axis."""
        return ops.cosine_similarity(*as_pair(y_true, y_pred))

    def check(self, y_true: np.ndarray, output_shape: Sequence[Size]) -> None:
        """Raise unless the targets are finite numbers in the shape of the output."""
        who = type(self).__name__
        check_like_output(who, as_numbers(who, y_true), output_shape)
