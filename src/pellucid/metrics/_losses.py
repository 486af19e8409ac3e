"""Losses as metrics: the plain mean over examples, without regularisation or class weights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import losses
from pellucid._checks import Shape, check_min_rank
from pellucid._named import snake_case
from pellucid.losses import Loss
from pellucid.metrics._accuracy import as_labels, check_one_hot_shapes, check_sparse_shapes
from pellucid.metrics._base import REGISTRY, MeanMetric, check_class_labels

Array = jax.Array


def check_output(who: str, pred_shape: Shape) -> None:
    """Raise ShapeError unless there is an axis of entries behind the batch."""
    check_min_rank(who, pred_shape, 2, "(batch, ..., entries)", "add it with y_pred[:, None]")


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class LossMetric(MeanMetric):
    """The mean of any loss over the examples.

    Args:
        loss: a loss, or its name.

    >>> LossMetric("mean_squared_error")([[0.0], [0.0]], [[1.0], [2.0]])
    2.5
    """

    loss: Loss

    formula: ClassVar[str] = "mean of loss(y_true, y_pred)"
    reference: ClassVar[str] = "Goodfellow, Bengio, Courville, Deep Learning (2016), section 5.1.2"

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", losses.get(self.loss))
        super().__post_init__()

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each example."""
        return self.loss.values(y_true, y_pred)

    def on_logits(self) -> Self:
        """Return the metric with the loss for logits, where the loss has that form."""
        if hasattr(self.loss, "from_logits"):
            setting: dict[str, Any] = {"from_logits": True}
            return replace(self, loss=replace(self.loss, **setting))
        return self

    def _default_name(self) -> str:
        return snake_case(type(self.loss).__name__)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        """Check the output alone; the loss checks that the targets fit it."""
        check_output(self._who(), pred_shape)


@REGISTRY.register(aliases=("bce",))
@dataclass(frozen=True, repr=False)
class BinaryCrossentropy(MeanMetric):
    """The mean cross-entropy of labels 0 and 1 and the probability of 1.

    Args:
        from_logits: outputs are logits instead of probabilities.
        label_smoothing: how far labels are drawn to 1/2, in [0, 1].

    >>> round(BinaryCrossentropy()([[1], [0]], [[0.5], [0.5]]), 4)
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    formula: ClassVar[str] = "mean of -(y log p + (1 - y) log(1 - p))"
    reference: ClassVar[str] = "Bishop (2006), equation 4.90"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each example."""
        return losses.BinaryCrossentropy(
            from_logits=self.from_logits, label_smoothing=self.label_smoothing
        ).values(y_true, y_pred)

    def on_logits(self) -> Self:
        """Return the metric with ``from_logits=True``."""
        return replace(self, from_logits=True)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        check_output(self._who(), pred_shape)
        super()._check_shapes(true_shape, pred_shape)


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class CategoricalCrossentropy(MeanMetric):
    """The mean cross-entropy of one-hot labels (or distributions) and class probabilities.

    Args:
        from_logits: outputs are logits instead of probabilities.
        label_smoothing: how far labels are drawn to equal shares, in [0, 1].

    >>> round(CategoricalCrossentropy()([[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]]), 4)
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    formula: ClassVar[str] = "mean of -sum_c y_c log p_c"
    reference: ClassVar[str] = "Bishop (2006), equation 4.108"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each example."""
        return losses.CategoricalCrossentropy(
            from_logits=self.from_logits, label_smoothing=self.label_smoothing
        ).values(y_true, y_pred)

    def on_logits(self) -> Self:
        """Return the metric with ``from_logits=True``."""
        return replace(self, from_logits=True)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        check_one_hot_shapes(self._who(), true_shape, pred_shape)


@dataclass(frozen=True, repr=False)
class _SparseMetric(MeanMetric):
    """What metrics of integer labels and class probabilities share."""

    from_logits: bool = False

    def on_logits(self) -> Self:
        """Return the metric with ``from_logits=True``."""
        return replace(self, from_logits=True)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        check_sparse_shapes(self._who(), true_shape, pred_shape)

    def _check_labels(self, y_true: np.ndarray, pred_shape: Shape) -> None:
        check_class_labels(self._who(), y_true, pred_shape[-1])


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class SparseCategoricalCrossentropy(_SparseMetric):
    """The mean cross-entropy of integer labels and class probabilities.

    Args:
        from_logits: outputs are logits instead of probabilities.

    >>> round(SparseCategoricalCrossentropy()([0, 1], [[0.5, 0.5], [0.5, 0.5]]), 4)
    0.6931
    """

    formula: ClassVar[str] = "mean of -log p_y"
    reference: ClassVar[str] = CategoricalCrossentropy.reference

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each example."""
        return losses.SparseCategoricalCrossentropy(from_logits=self.from_logits).values(
            y_true, y_pred
        )


@REGISTRY.register()
@dataclass(frozen=True, repr=False)
class Perplexity(_SparseMetric):
    """The exponential of the mean cross-entropy: between how many choices a model wavers.

    1 is certainty, the number of classes is guessing. Labels (batch, ...), outputs (batch, ...,
    classes); weights may be given for each position, and 0 leaves padding out. Without examples
    the value is 0.

    Args:
        from_logits: outputs are logits instead of probabilities.

    >>> round(Perplexity()([0, 1], [[0.25, 0.75], [0.75, 0.25]]), 4)
    4.0
    """

    formula: ClassVar[str] = "exp(mean of -log p_y)"
    reference: ClassVar[str] = (
        "Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks (1977)"
    )

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return -log p_y for each position."""
        y = as_labels(y_true, y_pred)[..., None]
        if self.from_logits:
            log_p = jax.nn.log_softmax(y_pred.astype(jnp.float32), axis=-1)
        else:
            log_p = jnp.log(jnp.maximum(y_pred.astype(jnp.float32), 1e-7))
        return -jnp.take_along_axis(log_p, y, axis=-1)[..., 0]

    def result(self, sums: Mapping[str, Array]) -> Array:
        """Return exp(total / count)."""
        return jnp.where(sums["count"] == 0, 0.0, jnp.exp(super().result(sums)))


@REGISTRY.register(aliases=("kld",))
@dataclass(frozen=True, repr=False)
class KLDivergence(MeanMetric):
    """The mean divergence of predicted distributions from the true ones, in nats.

    >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])
    0.0
    """

    formula: ClassVar[str] = "mean of sum_c y_c log(y_c / p_c)"
    reference: ClassVar[str] = "Kullback and Leibler, On Information and Sufficiency (1951)"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the divergence of each example."""
        return losses.KLDivergence().values(y_true, y_pred)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        check_output(self._who(), pred_shape)
        super()._check_shapes(true_shape, pred_shape)
