"""Counts of right and wrong decisions, and what is computed from them.

::

                     predicted 1         predicted 0
    label 1     true positive  (TP)  false negative (FN)
    label 0     false positive (FP)  true negative  (TN)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import (
    Shape,
    check_min_rank,
    check_one_of,
    check_positive_int,
    check_same_shape,
)
from pellucid.errors import ArgumentError, ShapeError
from pellucid.metrics._accuracy import as_labels
from pellucid.metrics._base import (
    REGISTRY,
    Metric,
    Sums,
    check_binary_labels,
    check_class_labels,
    ratio,
    spread,
    weighted_sum,
)

Array = jax.Array


@dataclass(frozen=True, repr=False)
class _Decisions(Metric):
    """What precision and recall share: decisions at thresholds, for all outputs or for one class.

    Each entry of the outputs is one yes-or-no decision; targets have the same shape.
    """

    thresholds: float | tuple[float, ...] | None = None
    class_id: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.thresholds, list):
            object.__setattr__(self, "thresholds", tuple(self.thresholds))

    def _decide(
        self, y_true: Array, y_pred: Array, weights: Array | None
    ) -> tuple[Array, Array, Array | None]:
        """Return labels (n,), decisions (thresholds, n) and weights (n,)."""
        self._check_shapes(y_true.shape, y_pred.shape)
        w = spread(self._who(), weights, y_pred.shape)
        if self.class_id is not None:
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
            w = None if w is None else w[..., self.class_id]
        t = jnp.asarray(self._thresholds(), jnp.float32)
        label = y_true.reshape(-1) != 0
        decision = y_pred.reshape(-1) > t[:, None]
        return label, decision, None if w is None else w.reshape(-1)

    def _thresholds(self) -> tuple[float, ...]:
        if self.thresholds is None:
            return (0.5,)
        return self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)

    def _shaped(self, values: Array) -> Array:
        return values if isinstance(self.thresholds, tuple) else values[0]

    def on_logits(self) -> Self:
        """Return the metric with threshold 0 in place of 0.5."""
        return replace(self, thresholds=0.0) if self.thresholds in (None, 0.5) else self

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        hint = ""
        if len(pred_shape) > 1 and pred_shape[-1] > 1 and true_shape == pred_shape[:-1]:
            hint = f"one-hot targets come from to_categorical(y_true, {pred_shape[-1]})"
        check_same_shape(self._who(), "y_pred", pred_shape, "y_true", true_shape, hint)
        if self.class_id is None:
            return
        check_min_rank(self._who(), pred_shape, 2, "(batch, ..., classes)", "drop class_id")
        if not 0 <= self.class_id < pred_shape[-1]:
            raise ArgumentError(
                f"{self._who()} expected class_id from 0 to {pred_shape[-1] - 1}, the classes of "
                f"the output, got {self.class_id}."
            )

    def _check_labels(self, y_true: np.ndarray, pred_shape: Shape) -> None:
        check_binary_labels(self._who(), y_true)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Precision(_Decisions):
    """How many of the positive decisions are right: TP / (TP + FP), and 0 without such decisions.

    Args:
        thresholds: outputs above it are positive decisions, 0.5 unless given (logits need 0);
            a tuple of thresholds gives one value for each.
        class_id: count only this entry of the last axis.

    >>> Precision()([0, 1, 1, 1], [0.9, 0.7, 0.8, 0.6])
    0.75
    """

    formula: ClassVar[str] = "TP / (TP + FP)"
    reference: ClassVar[str] = "van Rijsbergen, Information Retrieval (1979), chapter 7"

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return TP and FP, one entry for each threshold."""
        label, decision, w = self._decide(y_true, y_pred, weights)
        return {
            "true_positives": weighted_sum(decision & label, w, axis=-1),
            "false_positives": weighted_sum(decision & ~label, w, axis=-1),
        }

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return TP / (TP + FP)."""
        tp, fp = sums["true_positives"], sums["false_positives"]
        return self._shaped(ratio(tp, tp + fp))


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Recall(_Decisions):
    """How many of the positive labels are found: TP / (TP + FN), and 0 without such labels.

    Args:
        thresholds: outputs above it are positive decisions, 0.5 unless given (logits need 0);
            a tuple of thresholds gives one value for each.
        class_id: count only this entry of the last axis.

    >>> Recall()([0, 1, 1, 0], [0.9, 0.2, 0.8, 0.6])
    0.5
    """

    formula: ClassVar[str] = "TP / (TP + FN)"
    reference: ClassVar[str] = Precision.reference

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return TP and FN, one entry for each threshold."""
        label, decision, w = self._decide(y_true, y_pred, weights)
        return {
            "true_positives": weighted_sum(decision & label, w, axis=-1),
            "false_negatives": weighted_sum(~decision & label, w, axis=-1),
        }

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return TP / (TP + FN)."""
        tp, fn = sums["true_positives"], sums["false_negatives"]
        return self._shaped(ratio(tp, tp + fn))


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class F1Score(Metric):
    """The harmonic mean of precision and recall, for each class, and how to average over classes.

    F1 = 2 TP / (2 TP + FP + FN), and 0 where nothing was counted. Outputs (batch, classes);
    targets of the same shape, or integer labels (batch,) or (batch, 1).

    Args:
        average: None for one value per class; ``"micro"`` counts over all classes together;
            ``"macro"`` is the mean over classes; ``"weighted"`` the mean weighted by the number of
            labels of each class.
        threshold: outputs above it are positive decisions (several classes or none may be chosen);
            None decides for the class of the first largest output.

    >>> F1Score(average="micro")([0, 1, 1, 1], [[0.7, 0.3], [0.1, 0.9], [0.4, 0.6], [0.9, 0.1]])
    0.75
    """

    average: Literal["micro", "macro", "weighted"] | None = None
    threshold: float | None = None

    formula: ClassVar[str] = "2 TP / (2 TP + FP + FN)"
    reference: ClassVar[str] = Precision.reference

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of(self._who(), "average", self.average, (None, "micro", "macro", "weighted"))

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return TP, FP and FN, one entry for each class."""
        self._check_shapes(y_true.shape, y_pred.shape)
        classes = jnp.arange(y_pred.shape[-1])
        if y_true.shape != y_pred.shape:
            label = as_labels(y_true, y_pred)[:, None] == classes
        else:
            label = y_true != 0
        if self.threshold is None:
            decision = jnp.argmax(y_pred, axis=-1)[:, None] == classes
        else:
            decision = y_pred > self.threshold
        w = spread(self._who(), weights, y_pred.shape)
        return {
            "true_positives": weighted_sum(decision & label, w, axis=0),
            "false_positives": weighted_sum(decision & ~label, w, axis=0),
            "false_negatives": weighted_sum(~decision & label, w, axis=0),
        }

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return F1, a scalar with an average and (classes,) without."""
        tp, fp, fn = (
            sums["true_positives"],
            sums["false_positives"],
            sums["false_negatives"],
        )
        if self.average == "micro":
            tp, fp, fn = jnp.sum(tp), jnp.sum(fp), jnp.sum(fn)
        f1 = ratio(2 * tp, 2 * tp + fp + fn)
        if self.average == "macro":
            return jnp.mean(f1)
        if self.average == "weighted":
            support = tp + fn
            return ratio(jnp.sum(support * f1), jnp.sum(support))
        return f1

    def on_logits(self) -> Self:
        """Return the metric with threshold 0 in place of 0.5."""
        return replace(self, threshold=0.0) if self.threshold == 0.5 else self

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        if len(pred_shape) != 2:
            raise ShapeError(
                f"{self._who()} expected outputs of shape (batch, classes), got {pred_shape}; "
                "for a single output use y_pred[:, None] and y_true[:, None]."
            )
        if true_shape not in (pred_shape, pred_shape[:1], (*pred_shape[:1], 1)):
            raise ShapeError(
                f"{self._who()} expected targets of shape {pred_shape} or integer labels of shape "
                f"{pred_shape[:1]} for outputs of shape {pred_shape}, got {true_shape}; "
                "give one label for each example."
            )

    def _check_labels(self, y_true: np.ndarray, pred_shape: Shape) -> None:
        if y_true.shape == pred_shape:
            check_binary_labels(self._who(), y_true)
        else:
            check_class_labels(self._who(), y_true, pred_shape[-1])


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class ConfusionMatrix(Metric):
    """How often each class was taken for each: row is the label, column the prediction.

    Its value is a matrix (num_classes, num_classes) of summed weights. Labels are integers
    (batch, ...) or (batch, ..., 1); predictions are scores (batch, ..., num_classes), of which the
    first largest decides, or integer labels of the shape of the targets.

    Args:
        num_classes: the number of classes, numbered from 0.

    >>> ConfusionMatrix(2)([0, 1, 1], [0, 1, 0])
    array([[1., 0.],
           [1., 1.]], dtype=float32)
    """

    num_classes: int

    formula: ClassVar[str] = "C_ij = sum_n w_n [y_true_n = i] [predicted class_n = j]"
    shapes: ClassVar[str] = "labels and outputs, batch first, to a matrix (classes, classes)"
    reference: ClassVar[str] = "Kohavi and Provost, Glossary of Terms, Machine Learning 30 (1998)"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive_int(self._who(), "num_classes", self.num_classes)

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return the matrix of this batch."""
        self._check_shapes(y_true.shape, y_pred.shape)
        if self._are_labels(y_true.shape, y_pred.shape):
            j = y_pred
        else:
            j = jnp.argmax(y_pred, axis=-1)
        i = y_true.reshape(j.shape).astype(jnp.int32)
        j = j.astype(jnp.int32)
        k = self.num_classes
        known = (i >= 0) & (i < k) & (j >= 0) & (j < k)
        w = spread(self._who(), weights, j.shape)
        w = jnp.ones(j.shape, jnp.float32) if w is None else w
        cell = jnp.where(known, i * k + j, k * k)
        matrix = jnp.zeros(k * k, jnp.float32).at[cell].add(w, mode="drop")
        return {"matrix": matrix.reshape(k, k)}

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return the matrix."""
        return sums["matrix"]

    def _are_labels(self, true_shape: Shape, pred_shape: Shape) -> bool:
        return true_shape == pred_shape and (len(pred_shape) == 1 or pred_shape[-1] == 1)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        if self._are_labels(true_shape, pred_shape):
            return
        k = self.num_classes
        if len(pred_shape) < 2 or pred_shape[-1] != k:
            raise ShapeError(
                f"{self._who()} expected scores of shape (batch, {k}) or predicted labels of the "
                f"shape of y_true {true_shape}, got {pred_shape}; for one sigmoid output give "
                "(y_pred > 0.5) as labels."
            )
        if true_shape not in (pred_shape[:-1], (*pred_shape[:-1], 1)):
            raise ShapeError(
                f"{self._who()} expected integer labels of shape {pred_shape[:-1]} for scores of "
                f"shape {pred_shape}, got {true_shape}; one-hot targets become labels by "
                "y_true.argmax(-1)."
            )

    def _check_labels(self, y_true: np.ndarray, pred_shape: Shape) -> None:
        check_class_labels(self._who(), y_true, self.num_classes)
