"""The area under a curve that a moving threshold draws."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np

from pellucid._checks import Shape, check_one_of
from pellucid._named import Symbols
from pellucid.errors import ArgumentError
from pellucid.metrics._base import REGISTRY, Metric, Sums, check_binary_labels, ratio, spread

Array = jax.Array


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class AUC(Metric):
    """The area under the ROC or the precision-recall curve, sampled at evenly spaced thresholds.

    Thresholds are t_i = i / (num_thresholds - 1); TP_i and FP_i are the weights of positive and
    negative examples with an output above t_i (t_0 lies just below 0, so that all are above it).
    For the ROC curve, x = FP / N and y = TP / P, and the area is that of the trapezoids,
    sum_i (x_i - x_i+1) (y_i + y_i+1) / 2.

    For the precision-recall curve, TP and FP run linearly between two thresholds, which makes
    precision a curve. With d = TP_i - TP_i+1, S = TP + FP, slope s = d / (S_i - S_i+1) and
    intercept c = TP_i+1 - s S_i+1, the area of one piece is s (d + c log(S_i / S_i+1)) / P.

    Each entry of the outputs is one decision; targets of 0 and 1 have the same shape. Without
    positive or without negative examples the value is 0.

    Args:
        num_thresholds: how finely the curve is sampled, 2 or more. The distance to the exact area
            is small where outputs spread over [0, 1], large where they crowd together.
        curve: ``"ROC"`` or ``"PR"``.
        from_logits: outputs are logits, and a sigmoid is applied first.

    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.75
    """

    num_thresholds: int = 200
    curve: Literal["ROC", "PR"] = "ROC"
    from_logits: bool = field(default=False, kw_only=True)

    formula: ClassVar[str] = "sum_i (x_i - x_i+1) (y_i + y_i+1) / 2, x = FP / N, y = TP / P"
    symbols: ClassVar[Symbols] = {
        "y": "vertical axis of the curve: TP / P for ROC, precision for PR"
    }
    reference: ClassVar[str] = (
        "Fawcett, An introduction to ROC analysis (2006); Davis and Goadrich, The relationship "
        "between precision-recall and ROC curves (2006), section 4"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of(self._who(), "curve", self.curve, ("ROC", "PR"))
        if self.num_thresholds < 2:
            raise ArgumentError(
                f"{self._who()} expected num_thresholds to be an integer of 2 or more, got "
                f"{self.num_thresholds!r}."
            )

    def batch_sums(self, y_true: Array, y_pred: Array, weights: Array | None = None) -> Sums:
        """Return the weights of positive and of negative examples between neighbouring thresholds.

        Entry i holds the outputs p with t_i < p <= t_i+1 (and p = 0 in entry 0).
        """
        self._check_shapes(y_true.shape, y_pred.shape)
        w = spread(self._who(), weights, y_pred.shape)
        w = jnp.ones(y_pred.shape, jnp.float32) if w is None else w
        p = y_pred.astype(jnp.float32)
        p = jax.nn.sigmoid(p) if self.from_logits else jnp.clip(p, 0.0, 1.0)
        i = jnp.maximum(jnp.ceil(p * (self.num_thresholds - 1)) - 1, 0).astype(jnp.int32)
        nothing = jnp.zeros(self.num_thresholds, jnp.float32)
        return {
            "positives": nothing.at[i].add(jnp.where(y_true != 0, w, 0.0)),
            "negatives": nothing.at[i].add(jnp.where(y_true != 0, 0.0, w)),
        }

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return the area."""
        tp = jnp.cumsum(sums["positives"][::-1])[::-1]
        fp = jnp.cumsum(sums["negatives"][::-1])[::-1]
        if self.curve == "ROC":
            x, y = ratio(fp, fp[0]), ratio(tp, tp[0])
            return jnp.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2)
        chosen = tp + fp
        d = tp[:-1] - tp[1:]
        slope = ratio(d, chosen[:-1] - chosen[1:])
        intercept = tp[1:] - slope * chosen[1:]
        growth = jnp.where(chosen[1:] > 0, ratio(chosen[:-1], chosen[1:]), 1.0)
        return jnp.sum(ratio(slope * (d + intercept * jnp.log(growth)), tp[0]))

    def on_logits(self) -> Self:
        """Return the metric with ``from_logits=True``."""
        return replace(self, from_logits=True)

    def _check_labels(self, y_true: np.ndarray, pred_shape: Shape) -> None:
        check_binary_labels(self._who(), y_true)
