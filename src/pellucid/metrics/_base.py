"""What every metric is: sums over a batch, and a result of the sums.

A metric is a frozen description with pure functions, so that it runs inside the one compiled
program of a training run. A batch gives sums of fixed shape; the loop adds them over batches and
devices; the result is computed once, at the end::

    sums = sum over batches of metric.batch_sums(y_true, y_pred, weights)
    value = metric.result(sums)

So a value over an epoch is the value over all its examples, not a mean of values over batches.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import Shape, check_same_shape
from pellucid._named import Registry, Symbols, snake_case
from pellucid.errors import DataError, ShapeError

Array = jax.Array
Sums = dict[str, Array]


@dataclass(frozen=True, repr=False)
class Metric(ABC):
    """A measure of how well predictions fit targets, computed from sums.

    A metric of one's own is a frozen dataclass with ``batch_sums`` and ``result``; for a plain mean
    over examples derive from ``MeanMetric``, or give ``compile`` a function
    ``(y_true, y_pred) -> value per example``.

    Args:
        name: the name in logs; the class name in snake case unless given.
    """

    name: str = field(default="", kw_only=True)

    formula: ClassVar[str] = ""
    shapes: ClassVar[str] = "targets and predictions, batch first, to one number"
    """What goes in and what comes out, by shape."""
    symbols: ClassVar[Symbols] = {
        "y_true": "targets",
        "y_pred": "outputs of the model",
        "w": "sample weights, 1 unless given",
        "c": "class",
        "C": "matrix of counts",
        "y": "target of a class, or number of the true class",
        "p": "predicted probabilities",
        "v": "value of an example",
        "mean": "mean of the targets",
        "TP": "positive decisions that are right",
        "FP": "positive decisions that are wrong",
        "FN": "positive labels that were not found",
        "P": "positive labels",
        "N": "negative labels",
        "x": "horizontal axis of the curve: FP / N for ROC, recall for PR",
    }
    """The meaning of the symbols of the formulas; settings are explained with them."""
    reference: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self._default_name())

    @abstractmethod
    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return what this batch adds: float32 sums of fixed shape.

        Args:
            y_true: targets, the batch first.
            y_pred: outputs of the model, the batch first.
            weights: sample weights (batch,), or one for each position (batch, time, ...); None
                means 1. An example of weight 0 adds exactly nothing, whatever it holds.

        Raises:
            ShapeError: shapes do not fit; nothing is broadcast silently.
        """

    @abstractmethod
    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return the value that the sums over all batches give."""

    def check(self, y_true: np.ndarray, output_shape: Sequence[int | None]) -> None:
        """Raise unless these targets fit this metric; looks at shapes and at labels.

        Args:
            y_true: all targets, the batch first.
            output_shape: shape of the model's output; its first entry, the batch, is not read, and
                None stands for any size.

        Raises:
            ShapeError: the shape of the targets does not fit the output.
            DataError: the labels are not what the metric counts.
        """
        rows = y_true.shape
        pred_shape = (
            len(y_true),
            *(
                n if n is not None else rows[axis] if axis < len(rows) else 1
                for axis, n in enumerate(output_shape[1:], start=1)
            ),
        )
        self._check_shapes(y_true.shape, pred_shape)
        self._check_labels(y_true, pred_shape)

    def on_logits(self) -> Self:
        """Return this metric for outputs that are logits instead of probabilities."""
        return self

    def __repr__(self) -> str:
        """Return the constructor call, with the settings that are not defaults."""
        shown = [
            f"{entry.name}={getattr(self, entry.name)!r}"
            for entry in fields(self)
            if getattr(self, entry.name)
            != (self._default_name() if entry.name == "name" else entry.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float | np.ndarray:
        """Return the value on one set of targets and predictions.

        Args:
            y_true: targets, the batch first.
            y_pred: predictions, the batch first.
            sample_weight: one weight for each example, or None for 1.
        """
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if not y_true.ndim or not y_pred.ndim:
            raise ShapeError(
                f"{self._who()} expected y_true and y_pred with the batch as first axis, got "
                f"shapes {y_true.shape} and {y_pred.shape}; write [value] for a single example."
            )
        self.check(y_true, y_pred.shape)
        weights = None if sample_weight is None else jnp.asarray(sample_weight, jnp.float32)
        value = _value(self, jnp.asarray(y_true), jnp.asarray(y_pred), weights)
        return float(value) if value.ndim == 0 else np.asarray(value)

    def _default_name(self) -> str:
        return snake_case(type(self).__name__)

    def _who(self) -> str:
        return f"The metric {type(self).__name__}"

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        """Raise ShapeError unless targets of this shape go with outputs of that one."""
        check_same_shape(self._who(), "y_pred", pred_shape, "y_true", true_shape)

    def _check_labels(self, y_true: np.ndarray, pred_shape: Shape) -> None:  # noqa: B027
        """Raise DataError unless the values of the targets are what the metric counts."""


@partial(jax.jit, static_argnums=0)
def _value(metric: Metric, y_true: Array, y_pred: Array, weights: Array | None) -> Array:
    """Return the metric's value on one batch, compiled once for each metric and shape."""
    return metric.result(metric.batch_sums(y_true, y_pred, weights))


REGISTRY: Registry[Metric] = Registry("metric", accepts=lambda obj: isinstance(obj, Metric))
"""Every metric by its Keras name."""


@dataclass(frozen=True, repr=False)
class MeanMetric(Metric):
    """The weighted mean of one value per example or position: sum w v / sum w.

    Derive from it and write ``values(y_true, y_pred)``. Without examples the result is 0.
    """

    formula: ClassVar[str] = "sum_n w_n v_n / sum_n w_n"

    @abstractmethod
    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return one value per example (batch,) or position (batch, ...)."""

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return ``total`` = sum w v and ``count`` = sum w."""
        self._check_shapes(y_true.shape, y_pred.shape)
        v = self.values(y_true, y_pred).astype(jnp.float32)
        w = spread(self._who(), weights, v.shape)
        count = jnp.float32(v.size) if w is None else jnp.sum(w)
        return {"total": weighted_sum(v, w), "count": count}

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return total / count, 0 without examples."""
        return ratio(sums["total"], sums["count"])


def spread(who: str, weights: Array | None, shape: Shape) -> Array | None:
    """Repeat weights over the axes that they lack: (batch,) goes with values (batch, time).

    Raises:
        ShapeError: the axes that they have are not the first axes of ``shape``.
    """
    if weights is None:
        return None
    if weights.shape != shape[: weights.ndim]:
        raise ShapeError(
            f"{who} expected one weight for each example, shape {shape[:1]}, or for each value, "
            f"shape {shape}, got {weights.shape}; give sample_weight one entry per example."
        )
    w = weights.astype(jnp.float32).reshape(*weights.shape, *(1,) * (len(shape) - weights.ndim))
    return jnp.broadcast_to(w, shape)


def weighted_sum(values: Array, w: Array | None, axis: int | None = None) -> Array:
    """Return sum w v; a value of weight 0 is left out, so that it may even be infinite."""
    if w is None:
        return jnp.sum(values.astype(jnp.float32), axis)
    return jnp.sum(jnp.where(w == 0, 0.0, w * values), axis)


def ratio(a: Array, b: Array) -> Array:
    """Return a / b, and 0 where b is 0."""
    return jnp.where(b == 0, 0.0, a / jnp.where(b == 0, 1.0, b))


def check_binary_labels(who: str, y_true: np.ndarray) -> None:
    """Raise DataError unless every label is 0 or 1."""
    wrong = y_true[(y_true != 0) & (y_true != 1)]
    if wrong.size:
        raise DataError(
            f"{who} expected labels of 0 and 1, got {wrong.flat[0]}; map the labels to 0 and 1, "
            "or for regression use a metric such as 'mae'."
        )


def check_class_labels(who: str, y_true: np.ndarray, num_classes: int) -> None:
    """Raise DataError unless every label is an integer from 0 to num_classes - 1."""
    wrong = y_true[(y_true != np.floor(y_true)) | (y_true < 0) | (y_true >= num_classes)]
    if wrong.size:
        raise DataError(
            f"{who} expected integer labels from 0 to {num_classes - 1}, got {wrong.flat[0]}; "
            f"number the classes from 0, or give the output at least as many units as classes."
        )
