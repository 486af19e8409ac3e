"""From what a user writes in ``compile(metrics=[...])`` to the metric that is computed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from pellucid import losses
from pellucid._checks import Shape
from pellucid.errors import ArgumentError, MismatchError, ShapeError, UnknownNameError
from pellucid.metrics._accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
)
from pellucid.metrics._base import REGISTRY, MeanMetric, Metric
from pellucid.metrics._losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    LossMetric,
    SparseCategoricalCrossentropy,
)

Array = jax.Array

_WORDS: dict[str, dict[str, type[Metric]]] = {
    "accuracy": {
        "binary": BinaryAccuracy,
        "categorical": CategoricalAccuracy,
        "sparse": SparseCategoricalAccuracy,
    },
    "crossentropy": {
        "binary": BinaryCrossentropy,
        "categorical": CategoricalCrossentropy,
        "sparse": SparseCategoricalCrossentropy,
    },
}
_WORDS |= {"acc": _WORDS["accuracy"], "ce": _WORDS["crossentropy"]}


@dataclass(frozen=True, repr=False)
class FunctionMetric(MeanMetric):
    """The mean of a user's own function ``(y_true, y_pred) -> value per example``.

    The function is compiled into the training step: it is written with ``jax.numpy``. Its name is
    the name in logs. It cannot be saved with a model.

    Args:
        function: gives one value for each example (batch,) or position (batch, ...).
    """

    function: Callable[[Array, Array], Array]

    formula: ClassVar[str] = "mean of function(y_true, y_pred)"
    reference: ClassVar[str] = "the user's own"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return the function's values."""
        v = jnp.asarray(self.function(y_true, y_pred))
        if v.shape[:1] != y_pred.shape[:1]:
            raise ShapeError(
                f"The metric function {self.name!r} expected to return one value for each example, "
                f"shape ({y_pred.shape[0]},), got shape {v.shape}; leave out the mean over the "
                "batch."
            )
        return v

    def _default_name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def _check_shapes(self, true_shape: Shape, pred_shape: Shape) -> None:
        """Leave the shapes to the function."""


def get(identifier: Any) -> Metric:
    """Return the metric that ``identifier`` stands for, without knowing the model.

    Args:
        identifier: a metric, its Keras name or class, a configuration, the name of any loss or a
            loss (its mean is the metric), or a function ``(y_true, y_pred) -> value per example``.

    Raises:
        UnknownNameError: no metric and no loss has that name.

    >>> print(get("mse"), get("hinge"))
    MeanSquaredError() LossMetric(loss=Hinge())
    """
    if isinstance(identifier, str):
        try:
            return REGISTRY.get(identifier)
        except UnknownNameError:
            if not _is_loss(identifier):
                raise
            return LossMetric(losses.get(identifier))
    if isinstance(identifier, losses.Loss):
        return LossMetric(identifier)
    if callable(identifier) and not isinstance(identifier, (type, Metric)):
        return FunctionMetric(identifier)
    return REGISTRY.get(identifier)


def resolve(
    identifier: Any,
    loss: Any,
    output_shape: Sequence[int | None],
    target_shape: Sequence[int | None] | None = None,
) -> Metric:
    """Return the metric that ``identifier`` stands for beside this loss and this output.

    ``"accuracy"`` (``"acc"``) and ``"crossentropy"`` (``"ce"``) become their binary, categorical or
    sparse form: the one that the loss names; or else, as in Keras, the binary one for a last axis
    of size 1, the sparse one where targets lack the axis of the classes, and the categorical one
    where they have it. A metric given by name keeps that name in logs.

    If the loss reads logits, a metric given by name reads logits as well (binary decisions are
    made at 0 in place of 0.5). An object stays as it is; one that contradicts the loss is an error.

    Args:
        identifier: see ``get``.
        loss: the loss of the same output: an object (its ``from_logits`` is read), or None.
        output_shape: shape of the output, batch axis first.
        target_shape: shape of the targets, batch axis first, where it is known.

    Raises:
        UnknownNameError: no metric and no loss has that name.
        ArgumentError: ``"accuracy"`` could mean several things here.
        MismatchError: a metric object reads probabilities and the loss logits, or the reverse.
    """
    from_logits = getattr(loss, "from_logits", None)
    if isinstance(identifier, str):
        if identifier.lower() in _WORDS:
            form = _form(identifier, loss, tuple(output_shape), target_shape)
            metric = _WORDS[identifier.lower()][form]()
        else:
            metric = get(identifier)
        return replace(metric.on_logits() if from_logits else metric, name=identifier)
    metric = get(identifier)
    loss_name = type(loss).__name__
    if from_logits and metric != metric.on_logits():
        raise MismatchError(
            f"The metric {metric} reads probabilities, but the loss {loss_name} has "
            f"from_logits=True; write {metric.on_logits()}, or the metric's name as a string."
        )
    reads_logits = getattr(getattr(metric, "loss", metric), "from_logits", False)
    if from_logits is False and reads_logits:
        raise MismatchError(
            f"The metric {metric} reads logits, but the loss {loss_name} has from_logits=False; "
            "give both the same from_logits."
        )
    return metric


def _form(
    word: str,
    loss: Any,
    output_shape: tuple[int | None, ...],
    target_shape: Sequence[int | None] | None,
) -> str:
    """Return "binary", "categorical" or "sparse": how labels are written for this output."""
    loss_name = type(loss).__name__
    for form in ("binary", "categorical", "sparse"):
        if loss_name.lower().startswith(form):
            return form
    if output_shape[-1] == 1:
        return "binary"
    if target_shape is None and isinstance(loss, losses.Loss) and loss.op is not None:
        return "categorical"  # This loss compares arrays of one shape.
    if target_shape is None:
        raise ArgumentError(
            f"The metric {word!r} depends on how labels are written, which neither the loss "
            f"{loss_name} nor the output shape {output_shape} tells; name it in full, such as "
            f"'sparse_categorical_{word}' for integer labels."
        )
    fewer_axes = len(target_shape) < len(output_shape)
    return "sparse" if fewer_axes or target_shape[-1] == 1 else "categorical"


def _is_loss(name: str) -> bool:
    try:
        losses.get(name)
    except UnknownNameError:
        return False
    return True
