"""What every loss is: one value for each example, one reduction, and checks before training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from pellucid import activations, ops
from pellucid._checks import check_one_of
from pellucid._named import Registry, snake_case
from pellucid.errors import DTypeError, MismatchError, ShapeError
from pellucid.ops import Op

Array = jax.Array
Reduction = Literal["sum_over_batch_size", "sum", "none"]
Expects = Literal["distribution", "probabilities", "logits", "rates", "any"]

_ACCEPTED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "distribution": (
        "probabilities that sum to 1",
        ("softmax",),
        "use activation='softmax'",
    ),
    "probabilities": (
        "probabilities",
        ("sigmoid", "softmax", "hard_sigmoid"),
        "use activation='sigmoid'",
    ),
    "rates": (
        "rates of 0 or more",
        ("exponential", "softplus", "relu", "relu6", "sigmoid", "hard_sigmoid", "softmax"),
        "use activation='exponential' or 'softplus'",
    ),
}
"""For each kind of prediction: its name, the activations that give it, and what to type."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Loss(ABC):
    """A measure of how far predictions are from targets: what training makes small.

    A loss of one's own is a frozen dataclass with ``values``, or any function
    ``(y_true, y_pred) -> value per example``.

    Args:
        reduction: how the values of a batch become one number: ``"sum_over_batch_size"`` divides
            their weighted sum by how many they are, ``"sum"`` does not divide, ``"none"`` leaves
            them as they are.
        name: the name in logs; None for the name of the class.
    """

    reduction: Reduction = "sum_over_batch_size"
    name: str | None = None

    formula: ClassVar[str] = ""
    shapes: ClassVar[str] = (
        "targets and predictions (batch, ..., n) to one value for each example, (batch, ...)"
    )
    """What goes in and what comes out, by shape."""
    reference: ClassVar[str] = ""

    def __post_init__(self) -> None:
        allowed = ("sum_over_batch_size", "sum", "none")
        check_one_of(type(self).__name__, "reduction", self.reduction, allowed)

    @abstractmethod
    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return one value for each example, or for each position of a sequence or image.

        Args:
            y_true: targets, the batch first.
            y_pred: predictions, shape (batch, ..., n).

        Returns:
            An array of shape y_pred.shape[:-1].

        Raises:
            ShapeError: if the shapes do not fit; nothing is broadcast.
        """

    def check(self, y_true: np.ndarray, output_shape: Sequence[int | None]) -> None:  # noqa: B027
        """Raise unless these targets can be learned with this loss; called before training.

        Args:
            y_true: all targets, concrete numbers, the batch first.
            output_shape: shape of the model's output; its first entry, the batch, is not read, and
                None stands for any size.

        Raises:
            ShapeError: the shape of the targets does not fit the output.
            DTypeError: the targets are of the wrong type.
            DataError: a target is outside its domain; the first one is named.
        """

    @property
    def op(self) -> Op | None:
        """The operation that computes the values: its formula and gradient.

        A loss of this room and its operation share their name. None for a loss of the user's own.
        """
        if type(self) not in REGISTRY.entries.values():
            return None
        form = "_from_logits" if getattr(self, "from_logits", False) else ""
        return ops.REGISTRY[snake_case(type(self).__name__) + form]

    @property
    def expects(self) -> Expects:
        """What predictions have to be.

        ``"distribution"`` (each row sums to 1), ``"probabilities"``, ``"logits"``, ``"rates"``
        (0 or more) or ``"any"``.
        """
        return "any"

    def check_activation(
        self, activation: str | None, output_shape: Sequence[int | None] | None = None
    ) -> None:
        """Raise MismatchError if the activation of the output layer contradicts this loss.

        Args:
            activation: its name; None, or one that is not in ``pellucid.activations``, is unknown
                and nothing is said.
            output_shape: shape of the model's output, where it is known.
        """
        if activation == "softmax" and output_shape and output_shape[-1] == 1:
            raise MismatchError(
                "The output layer applies softmax to a single unit, which always gives 1; use "
                "activation='sigmoid' for two classes, or one unit for each class."
            )
        if self.expects == "logits" and activation in ("softmax", "sigmoid", "hard_sigmoid"):
            raise MismatchError(
                f"The output layer already applies {activation}, but {self!r} expects raw scores; "
                f"drop the {activation} or use from_logits=False."
            )
        if self.expects not in _ACCEPTED or activation not in activations.REGISTRY.entries:
            return
        wanted, accepted, advice = _ACCEPTED[self.expects]
        if activation not in accepted:
            applies = "no activation" if activation == "linear" else activation
            if hasattr(self, "from_logits") and activation == "linear":
                advice = f"use from_logits=True, or {advice.removeprefix('use ')}"
            elif self.expects == "distribution" and activation == "sigmoid":
                advice += ", or BinaryCrossentropy for labels that are independent"
            raise MismatchError(
                f"The output layer applies {applies}, but {self!r} expects {wanted}; {advice}."
            )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Array:
        """Return the loss of a batch.

        ::

            sum_over_batch_size:  sum_i w_i l_i / number of values
            sum:                  sum_i w_i l_i
            none:                 w_i l_i

        Args:
            y_true: targets, the batch first.
            y_pred: predictions, shape (batch, ..., n).
            sample_weight: w, one for each example, shape (batch,), or one for each value; None
                for 1.

        Raises:
            ShapeError: if shapes do not fit.
        """
        values = self.values(jnp.asarray(y_true), jnp.asarray(y_pred))
        weights = None if sample_weight is None else jnp.asarray(sample_weight, values.dtype)
        return self.reduce(values, weights)

    def reduce(
        self, values: Array, sample_weight: Array | None = None, real: Array | None = None
    ) -> Array:
        """Return the values of a batch as ``reduction`` says, leaving padding out.

        ::

            sum_over_batch_size:  sum_i r_i w_i l_i / sum_i r_i
            sum:                  sum_i r_i w_i l_i
            none:                 r_i w_i l_i

        Args:
            values: l, what ``values`` returned.
            sample_weight: w, one for each example or one for each value; None for 1.
            real: r, 1 for what counts and 0 for padding, likewise; None for 1. What is padding
                adds exactly nothing.

        Raises:
            ShapeError: if shapes do not fit, or the values are a single number for the batch.
        """
        if sample_weight is not None:
            values = values * self._spread("sample_weight", sample_weight, values)
        if real is None:
            count: Any = values.size
        else:
            real = self._spread("the padding of a short last batch", real, values)
            values = jnp.where(real == 0, 0, real * values)
            count = jnp.maximum(jnp.sum(real), 1)
        if self.reduction == "none":
            return values
        total = jnp.sum(_apart(values))
        return total if self.reduction == "sum" else total / count

    def _spread(self, what: str, w: Array, values: Array) -> Array:
        """Return a weight for every value, from one for each example."""
        if w.ndim > values.ndim or w.shape != values.shape[: w.ndim]:
            shapes = " or ".join(str(values.shape[:n]) for n in range(1, values.ndim + 1))
            raise ShapeError(
                f"{type(self).__name__} expected {what} of shape {shapes or '()'}, got {w.shape}; "
                + (
                    "give one weight for each example."
                    if values.ndim
                    else "let the loss function return one value for each example."
                )
            )
        missing = (1,) * (values.ndim - w.ndim)
        return jnp.broadcast_to(w.reshape(*w.shape, *missing), values.shape).astype(values.dtype)

    def __repr__(self) -> str:
        """Return the constructor call, with the settings that are not the defaults."""
        settings = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in sorted(fields(self), key=lambda field: field.kw_only is True)
            if getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(settings)})"


REGISTRY: Registry[Loss] = Registry("loss", accepts=lambda obj: isinstance(obj, Loss))
"""Every loss by its Keras name; the tests walk this table."""


@dataclass(frozen=True, repr=False)
class FunctionLoss(Loss):
    """A user's own function as a loss. It cannot be saved with a model.

    The function is compiled into the training step: it is written with ``jax.numpy``, and JAX
    differentiates it.

    Args:
        function: ``(y_true, y_pred) -> values``: one for each example (or more, one for each
            position or entry), or a single number for the batch, which then takes no weights.

    >>> import jax.numpy as jnp
    >>> from pellucid import losses
    >>> cubic = losses.get(lambda y_true, y_pred: jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1))
    >>> float(cubic([[0.0], [0.0]], [[1.0], [2.0]]))
    4.5
    """

    function: Callable[[Array, Array], Array]

    formula: ClassVar[str] = "function(y_true, y_pred)"
    reference: ClassVar[str] = "the user's own"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """Return what the function returns."""
        values = jnp.asarray(self.function(y_true, y_pred))
        if values.ndim and values.shape[:1] != y_pred.shape[:1]:
            name = getattr(self.function, "__name__", "function")
            raise ShapeError(
                f"The loss function {name!r} expected to return one value for each example, shape "
                f"{y_pred.shape[:1]}, got shape {values.shape}; take the mean over the last axis, "
                "axis=-1."
            )
        return values


def as_pair(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Return (prediction, target) as floats of one type, so that targets may be whole numbers."""
    p = as_predictions(y_pred)
    t = jnp.asarray(y_true)
    if not (jnp.issubdtype(t.dtype, jnp.number) or t.dtype == bool):
        raise DTypeError(f"A loss expected targets that are numbers, got {t.dtype}.")
    return p, t.astype(p.dtype)


def as_predictions(y_pred: Array) -> Array:
    """Return predictions as floats (lists of whole numbers arrive as integers)."""
    p = jnp.asarray(y_pred)
    return p if jnp.issubdtype(p.dtype, jnp.floating) else p.astype(jnp.float32)


def _apart(values: Array) -> Array:
    """Return the same numbers, which XLA then computes before they are summed, not in one go.

    On CPUs it would leave a sum of all values, together with the functions in front of it, to a
    library that takes ten times as long for them. A rounding to the precision that they have
    changes nothing, and lies between.
    """
    if not jnp.issubdtype(values.dtype, jnp.floating):
        return values
    precision = jnp.finfo(values.dtype)
    return jax.lax.reduce_precision(values, precision.nexp, precision.nmant)
