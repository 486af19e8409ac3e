"""How far numbers are from numbers. Targets and predictions have equal shapes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from pellucid._checks import check_one_of
from pellucid.metrics._base import REGISTRY, MeanMetric, Metric, Sums, ratio, spread, weighted_sum

Array = jax.Array


def difference(y_true: Array, y_pred: Array) -> Array:
    """Return y_true - y_pred in float32, whatever the types of the two."""
    return y_true.astype(jnp.float32) - y_pred.astype(jnp.float32)


@REGISTRY.register(aliases=("mae",))
@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(MeanMetric):
    """The mean of |y_true - y_pred| over examples and their entries.

    >>> MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25
    """

    formula: ClassVar[str] = "mean of |y_true - y_pred|"
    reference: ClassVar[str] = "Hastie, Tibshirani, Friedman (2009), section 10.6"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return |y_true - y_pred|."""
        return jnp.abs(difference(y_true, y_pred))


@REGISTRY.register(aliases=("mse",))
@dataclass(frozen=True, repr=False)
class MeanSquaredError(MeanMetric):
    """The mean of (y_true - y_pred)^2 over examples and their entries.

    >>> MeanSquaredError()([[0, 1], [0, 0]], [[3, 1], [0, 0]])
    2.25
    """

    formula: ClassVar[str] = "mean of (y_true - y_pred)^2"
    reference: ClassVar[str] = "Bishop (2006), equation 1.90"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return (y_true - y_pred)^2."""
        return jnp.square(difference(y_true, y_pred))


@REGISTRY.register(aliases=("rmse",))
@dataclass(frozen=True, repr=False)
class RootMeanSquaredError(MeanSquaredError):
    """The square root of the mean squared error, in the unit of the targets.

    >>> RootMeanSquaredError()([[0, 1], [0, 0]], [[3, 1], [0, 0]])
    1.5
    """

    formula: ClassVar[str] = "sqrt(mean of (y_true - y_pred)^2)"
    reference: ClassVar[str] = "Bishop (2006), equation 1.3"

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return sqrt(total / count), 0 without examples."""
        return jnp.sqrt(super().result(sums))


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class R2Score(Metric):
    """The share of the targets' variance that the predictions explain: 1 - SS_res / SS_tot.

    SS_res = sum w (y_true - y_pred)^2 and SS_tot = sum w (y_true - mean)^2, for each entry of the
    last axis on its own. 1 is perfect, 0 is as good as always saying the mean, less is worse.
    Where the targets are all equal, it is 1 for perfect predictions and 0 else; without examples
    it is not a number.

    SS_tot is computed from the sums of y and y^2 in float32, which is exact to a few digits while
    the mean is at most about 300 standard deviations from 0: standardise targets such as years.

    Args:
        class_aggregation: ``"uniform_average"`` is the mean over entries;
            ``"variance_weighted_average"`` weights each entry by its SS_tot; None gives one value
            for each entry.

    >>> R2Score()([[0.0], [2.0]], [[0.5], [1.5]])
    0.75
    """

    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = (
        "uniform_average"
    )

    formula: ClassVar[str] = "1 - sum w (y_true - y_pred)^2 / sum w (y_true - mean)^2"
    reference: ClassVar[str] = "Draper and Smith, Applied Regression Analysis (1998), section 1.3"

    def __post_init__(self) -> None:
        super().__post_init__()
        options = (None, "uniform_average", "variance_weighted_average")
        check_one_of(self._who(), "class_aggregation", self.class_aggregation, options)

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return sum w, sum w y, sum w y^2 and sum w (y - y_pred)^2 for each entry."""
        self._check_shapes(y_true.shape, y_pred.shape)
        w = spread(self._who(), weights, y_true.shape)
        entries = y_true.shape[-1] if y_true.ndim > 1 else 1
        w = None if w is None else w.reshape(-1, entries)
        y = y_true.reshape(-1, entries).astype(jnp.float32)
        p = y_pred.reshape(-1, entries).astype(jnp.float32)
        return {
            "count": weighted_sum(jnp.ones_like(y), w, axis=0),
            "sum": weighted_sum(y, w, axis=0),
            "squared_sum": weighted_sum(y * y, w, axis=0),
            "residual": weighted_sum(jnp.square(y - p), w, axis=0),
        }

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return 1 - SS_res / SS_tot, averaged as asked for."""
        residual = sums["residual"]
        mean = ratio(sums["sum"], sums["count"])
        total = sums["squared_sum"] - sums["sum"] * mean
        constant = total <= 0
        r2 = jnp.where(constant, residual == 0, 1 - residual / jnp.where(constant, 1.0, total))
        r2 = jnp.where(sums["count"] == 0, jnp.nan, r2)
        if self.class_aggregation == "uniform_average":
            return jnp.mean(r2)
        if self.class_aggregation == "variance_weighted_average":
            return jnp.sum(ratio(total, jnp.sum(total)) * r2)
        return r2


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class CosineSimilarity(MeanMetric):
    """The mean cosine of the angle between target and prediction: 1 same, 0 right, -1 opposite.

    A vector of zeros has similarity 0 with all others.

    Args:
        axis: the axis along which a vector lies.

    >>> CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[0.0, 4.0], [0.0, 2.0]])
    0.5
    """

    axis: int = -1

    formula: ClassVar[str] = "mean of (y_true . y_pred) / (|y_true| |y_pred|)"
    reference: ClassVar[str] = "Salton and McGill, Modern Information Retrieval (1983)"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the cosine for each vector."""

        def direction(v: Array) -> Array:
            squared_length = jnp.sum(jnp.square(v), self.axis, keepdims=True)
            return v * jax.lax.rsqrt(jnp.maximum(squared_length, 1e-12))

        y_true, y_pred = y_true.astype(jnp.float32), y_pred.astype(jnp.float32)
        return jnp.sum(direction(y_true) * direction(y_pred), self.axis)
